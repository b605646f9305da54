# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Look, plan and move the arm in the embedded simulation, live; the environment judges, a film and a report remain.

Exit status: 0 if every episode succeeded by the environment's own test, 1 if not or if a node was lost, 130 after
Ctrl-C. The verdict is asked for when the action has ended; planner and policy never hear it.
"""

import argparse
import contextlib
import math
import os
import statistics
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation.records import write_results
from robot_planner.nodes import demo_options
from robot_planner.nodes.demo_interrupts import InterruptedByUser, Interrupts
from robot_planner.nodes.demo_options import Options, read_options
from robot_planner.nodes.demo_view import Snapshot, View, make_view
from robot_planner.nodes.graph import Graph, GraphError

if TYPE_CHECKING:
    from robot_planner.evaluation.recording import Recording
    from robot_planner.evaluation.subgoal_film import SubgoalPictures
    from robot_planner.nodes.demo_session import Session

STARTUP = 300.0
"""In which the nodes must become active [s]."""
LOG = "nodes.log"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``demo``."""
    demo_options.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """The exit status; raises RobotPlannerError for what is wrong with the options."""
    options = read_options(args)
    recordings: list[Recording] = []
    residuals: list[tuple[int, float]] = []
    status = 0
    with Interrupts() as interrupts, make_view(options.headless) as view:
        try:
            Demo(options, view, interrupts, recordings, residuals).run()
        except InterruptedByUser:
            view.say("interrupted: the arm stands still, all nodes have ended", "yellow")
        except (GraphError, EnvironmentSetupError) as error:
            view.say(" ".join(str(error).split()), "bold red")
            status = 1
        if not _report(options, view, interrupts, recordings, residuals):
            status = 1
        complete = len(recordings) == len(options.seeds)
        if not (complete and all(recording.success for recording in recordings)):
            status = 1
    return interrupts.status or status


class Demo:
    """The graph, the episodes, and what is shown of them."""

    def __init__(
        self,
        options: Options,
        view: View,
        interrupts: Interrupts,
        recordings: "list[Recording]",
        residuals: list[tuple[int, float]],
    ) -> None:
        """``recordings`` gets every episode that came to its end, ``residuals`` round and residual of refinements."""
        self._residuals = residuals
        self._options, self._view, self._interrupts, self._recordings = options, view, interrupts, recordings
        self._session: Session | None = None
        self._current: Recording | None = None
        self._pictures = load_pictures(options) if options.goal else None
        self._pictured: tuple[object, Any] = (None, None)
        self._graph: Graph

    def run(self) -> None:
        """Runs all episodes; raises InterruptedByUser, GraphError. No node is left when it returns."""
        options = self._options
        values = {"model": options.model, "algorithm": options.planner, "simulation": "true", "use_sim_time": "false"}
        overrides = {
            "simulation.task": options.task,
            "simulation.seed": options.seeds[0],
            "simulation.viewer": options.viewer,
            "planner.feedback_rate": 10.0,
            **options.overrides,
        }
        values["tasks"] = str(options.by_steps).lower()
        path = options.folder / LOG
        with NodeLog(path) as log, log.errors(), Graph(values, overrides, on_line=log.line) as graph:
            self._graph = graph
            self._pulse()
            # ROS is imported, and looks for the nodes, while they start
            from robot_planner.evaluation.recording import Recording

            with self._open(graph) as session:
                session.wait_active(STARTUP)
                self._session = session
                for seed in options.seeds:
                    self._current = Recording(
                        options.task, seed, options.planner, options.model, words=options.goal,
                        time_limit=options.time_limit,
                    )  # fmt: skip
                    session.episode(self._current)
                    self._recordings.append(self._current)
                    self._announce(self._current)

    def _open(self, graph: Graph) -> "Session":
        from robot_planner.nodes.demo_session import Session

        frames = self._options.video or not self._options.headless
        if not self._options.by_steps:
            return Session(graph, self._pulse, frames)
        from robot_planner.nodes.demo_tasks import Course, TaskSession

        course = Course(self._view.say, self._residuals)
        return TaskSession(graph, self._pulse, course, frames)

    def _announce(self, recording: "Recording") -> None:
        verdict, outcome = recording.verdict, recording.outcome
        word, style = ("success", "green") if recording.success else ("no success", "red")
        words = [
            f"{word}: {100 * verdict['distance']:.1f} cm off",
            f"{outcome['duration']:.1f} s",
            f"{outcome['plans']} plans",
        ]
        if outcome["error_code"]:
            words.append(f"{outcome['error']}: {outcome['message']}")
        number, total = len(self._recordings), len(self._options.seeds)
        self._view.say(f"{recording.task} {number}/{total}, seed {recording.seed}: {', '.join(words)}", style)

    def _pulse(self) -> None:
        self._interrupts.check()
        self._view.show(self._snapshot())

    def _snapshot(self) -> Snapshot:
        options, session, recording = self._options, self._session, self._current
        shown = Snapshot(options.task, planner=options.planner, episodes=len(options.seeds))
        shown.successes = sum(done.success for done in self._recordings)
        shown.nodes = {name: child.status for name, child in self._graph.children.items()}
        if session is None or recording is None:
            shown.stage = "starting the nodes, each in a process of its own"
            return shown
        recorder = session.recorder
        shown.episode, shown.seed, shown.stage = len(self._recordings) + 1, recording.seed, session.stage
        shown.time_limit = recording.time_limit
        if recording.began:
            shown.elapsed = recording.elapsed(recording.ended or recorder.now())
        shown.distances = [distance for _, distance in recording.distances]
        shown.costs = [plan.cost for plan in recording.plans]
        shown.rates = {name: rate.value for name, rate in recorder.rates.items()}
        shown.image_age = statistics.median(recorder.image_ages) if recorder.image_ages else math.nan
        shown.planning_seconds, shown.iterations = recorder.planning_seconds, recorder.iterations
        shown.camera, shown.goal = recorder.image, recording.goal
        if self._pictures is not None and recorder.subgoals is not self._pictured[0] and recorder.subgoals is not None:
            self._pictured = recorder.subgoals, self._pictures(recorder.subgoals.latents)[0][-1]
        if recording.words:
            shown.goal = self._pictured[1]
        return shown


class NodeLog:
    """What the nodes print, in a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")  # two write to it, neither over the other
        self._file.truncate(0)
        self._lock = threading.Lock()

    def __enter__(self) -> "NodeLog":
        return self

    def __exit__(self, *exception: object) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._file.close()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """What the middleware in our own process says to standard error, which would tear the live view apart."""
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(self._file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)

    def line(self, name: str, text: str) -> None:
        """Takes a node's line; a full disk must not end the demo."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._file.write(f"{name}: {text}\n")
            self._file.flush()


def load_pictures(options: Options) -> "SubgoalPictures":
    """What draws the subgoals of the model."""
    import torch

    from robot_planner.evaluation.subgoal_film import SubgoalPictures
    from robot_planner.lbp import load_lbp

    torch.set_num_threads(1)
    return SubgoalPictures(load_lbp(options.model))


def _report(
    options: Options,
    view: View,
    interrupts: Interrupts,
    recordings: "list[Recording]",
    residuals: list[tuple[int, float]],
) -> bool:
    """Writes what the episodes leave, the report first, and sums up; False if something could not be written."""
    from robot_planner.evaluation.report import summary, write_figures

    complete = True
    try:
        if recordings:
            records = [recording.record() for recording in recordings]
            seeds = [recording.seed for recording in recordings]
            for path in filter(None, (options.folder / "report.json", options.json)):
                write_results(path, options.command, records, seeds)
            interrupts.check()
            view.work("drawing the figures", 0, 1)
            write_figures(options.folder, recordings)
            if residuals:
                from robot_planner.nodes.demo_tasks import write_residuals

                write_residuals(options.folder, residuals)
            if options.video:
                _write_video(options, view, interrupts, recordings)
    except EnvironmentSetupError as error:
        view.say(str(error), "bold red")
        complete = False
    except InterruptedByUser:
        pass
    if recordings:
        view.say(summary(recordings), "bold")
    names = sorted(path.name for path in options.folder.iterdir())
    view.say(f"{options.folder}: {', '.join(names)}")
    return complete


def _write_video(options: Options, view: View, interrupts: Interrupts, recordings: "list[Recording]") -> None:
    from robot_planner.evaluation.video import EpisodeFilm, write_film
    from robot_planner.simulation.tabletop import Tabletop

    with Tabletop() as tabletop:
        pose = tabletop.camera_pose("front")
    films = [EpisodeFilm(recording, pose) for recording in recordings if recording.frames and not recording.words]
    if options.goal:
        from robot_planner.evaluation.subgoal_film import SubgoalFilm

        pictures = load_pictures(options)
        films += [SubgoalFilm(recording, pose, pictures) for recording in recordings if recording.frames]
    total = sum(map(len, films))
    for count in write_film(options.folder / "demo.mp4", films):
        interrupts.check()
        view.work("writing the video", count, total)
