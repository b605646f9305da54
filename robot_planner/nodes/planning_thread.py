# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The one thread in which the planner node measures and plans; asynchronous to the node, no ROS inside.

Everything that touches the model runs here: compiled models keep state per thread, and the node's executor must stay
free to answer a cancel at once.
"""

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from robot_planner.errors import EnvironmentSetupError, RobotPlannerError
from robot_planner.nodes.worker_thread import WorkerThread
from robot_planner.types import FloatArray, Latent, Problem

LATENTS_KEPT = 64
"""Latents that wait to be measured; older ones are dropped."""
LONGEST_LEAD = 0.4
"""Plans are made for an instant at most this long after their image [s]."""
SMOOTHING = 0.1
"""Weight of the newest plan in what a plan is expected to take."""


@dataclass(frozen=True)
class Task:
    """What to plan for."""

    number: int
    """Tells the reports of one task from those of another."""
    algorithm: str
    goal: Any
    """As distances and planner take it, such as a latent (D,)."""


@dataclass(frozen=True)
class Report:
    """What came out: distances of latents from the goal, or a plan, or a failure."""

    number: int
    distances: tuple[float, ...] = ()
    """Oldest first."""
    plan: Any = None
    """A Plan, or what else the planner makes."""
    failure: str = ""
    details: str = ""
    """Traceback, where the failure is a bug."""


class PlanningThread(WorkerThread):
    """Plans from the newest latent ``rate`` times a second at most, as long as there is a task.

    Between two latents it plans on from the older one: the planner, warm-started, makes that plan better.
    """

    def __init__(
        self,
        make_planner: Callable[[str], Any],
        see: Callable[[FloatArray, Any], tuple[FloatArray, float]],
        deliver: Callable[[Report], None],
        rate: float,
        deadline: float,
        warm_up: tuple[Task, Latent] | None = None,
        replans: bool = True,
        now: Callable[[], int] | None = None,
        rests: Callable[[Any], bool] | None = None,
        rest_deadline: float = 0.0,
    ) -> None:
        """``make_planner`` gives what has ``plan(problem, deadline)``, ``reset()`` and ``prepare(problem)``: a Planner.

        ``see`` takes each latent (D,) with the goal, and returns what to plan from and its distance from the goal;
        ``deliver`` is called from the thread. Without ``replans`` there is one plan a latent at most. With ``now``, the
        clock of the latents' stamps [ns], plans are made for the instant at which they are expected to come out.

        After a plan that ``rests``, that is, by which the robot stands still, the next one may take ``rest_deadline``:
        a robot that stands short of its goal loses nothing by longer thought, and quick plans have found no way on.

        ``rate`` [1/s] and the deadlines [s], the time that one plan may take, may be set anew at any time. For
        ``warm_up`` the planner is prepared at once, and one plan made and thrown away: a library's first calls take
        many times its later ones.
        """
        super().__init__("planning")
        self.rate, self.deadline, self.rest_deadline = rate, deadline, rest_deadline
        self._make_planner, self._see, self._deliver = make_planner, see, deliver
        self._planners: dict[str, Any] = {}
        self._replans, self._now, self._rests = replans, now, rests
        self._took = self._late = 0.0
        self._resting = False
        self._task: Task | None = None
        self._latents: deque[Latent] = deque(maxlen=LATENTS_KEPT)
        self._warm_up, self._warm = warm_up, threading.Event()
        self._missing: EnvironmentSetupError | None = None
        self._begin()

    def wait_warm(self) -> None:
        """Until the planner is prepared; raises EnvironmentSetupError for what it needs and this machine lacks."""
        self._warm.wait()
        if self._missing is not None:
            raise self._missing

    def pursue(self, task: Task | None) -> None:
        """Plans for this task from now on, from the latents still to come; None: for none."""
        with self._changed:
            self._task = task
            self._latents.clear()
            self._changed.notify()

    def observe(self, latent: Latent) -> None:
        """Takes the newest latent; ignored without a task."""
        with self._changed:
            if self._task is not None:
                self._latents.append(latent)
                self._changed.notify()

    def landed(self, late: float) -> None:
        """Is told how long after its first action was to begin a plan was really out [s]; the next ones count it in."""
        self._late = min(max(self._late + SMOOTHING * late, 0.0), LONGEST_LEAD)

    def _run(self) -> None:
        if self._warm_up is not None:
            try:
                self._prepare(*self._warm_up)
            except EnvironmentSetupError as error:
                self._missing = error
            except Exception:  # what fails here fails again for a real goal, and is told there
                pass
        self._warm.set()
        task: Task | None = None
        newest: Latent | None = None
        due = 0.0
        while True:
            with self._changed:
                if self._task is not task:
                    task, newest = self._task, None
                    started = False
                while not (self._closing or self._latents or self._task is not task):
                    wait = due - time.monotonic() if newest is not None else None
                    if wait is not None and wait <= 0.0:
                        break
                    self._changed.wait(wait)
                if self._closing:
                    return
                if self._task is not task or task is None:
                    continue
                latents = list(self._latents)
                self._latents.clear()
            try:
                if latents:
                    newest, distances = self._look(task, latents)
                    self._deliver(Report(task.number, distances=distances))
                if newest is not None and (now := time.monotonic()) >= due:
                    period = 1.0 / self.rate
                    due = (due if now - due < period else now) + period  # who wakes up late is not slower for it
                    plan = self._plan(task, newest, not started)
                    started = True
                    newest = newest if self._replans else None
                    self._deliver(Report(task.number, plan=plan))
            except RobotPlannerError as error:
                newest = None
                self._deliver(Report(task.number, failure=str(error)))
            except Exception as error:
                newest = None
                what = f"{type(error).__name__}: {error}"
                self._deliver(Report(task.number, failure=what, details=traceback.format_exc()))

    def _prepare(self, task: Task, latent: Latent) -> None:
        self._look(task, [latent])
        self._planner_of(task.algorithm).prepare(Problem(start=latent.data, goal=task.goal, stamp=latent.stamp))
        self._plan(task, latent, True)

    def _look(self, task: Task, latents: Sequence[Latent]) -> tuple[Latent, tuple[float, ...]]:
        """The newest of the latents, as it is to be planned from, and the distances of all."""
        seen = [self._see(latent.data, task.goal) for latent in latents]
        return replace(latents[-1], data=seen[-1][0]), tuple(distance for _, distance in seen)

    def _planner_of(self, algorithm: str) -> Any:
        planner = self._planners.get(algorithm)
        if planner is None:
            planner = self._planners[algorithm] = self._make_planner(algorithm)
        return planner

    def _plan(self, task: Task, latent: Latent, reset: bool) -> Any:
        planner = self._planner_of(task.algorithm)
        if reset:
            planner.reset()
            self._resting = False
        resting, deadline = self._resting, self.deadline
        if resting:
            deadline = max(deadline, self.rest_deadline)
        problem = Problem(start=latent.data, goal=task.goal, stamp=latent.stamp)
        if self._now is not None:
            begun = self._now()
            takes = deadline if resting else self._took
            lead = min(max((begun - latent.stamp) * 1e-9 + takes + self._late, 0.0), LONGEST_LEAD)
            problem = replace(problem, lead=lead)
        plan = planner.plan(problem, time.monotonic() + deadline)
        if self._now is not None and not resting:
            took = (self._now() - begun) * 1e-9
            self._took = min(max(took, 0.0), 2.0 * deadline) if reset else self._took + SMOOTHING * (took - self._took)
        self._resting = self._rests is not None and self._rests(plan)
        return plan
