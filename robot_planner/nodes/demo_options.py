# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the demo was asked for, checked before anything starts; imports no ROS, and torch only to understand a goal."""

import argparse
import ast
import functools
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, ModelError, UnknownNameError
from robot_planner.evaluation.records import open_results
from robot_planner.nodes.overrides import add_overrides, read_overrides
from robot_planner.resources import MANIFEST, PACKAGE, model_folder
from robot_planner.simulation.tasks.base import HELD_OUT_SEEDS
from robot_planner.task_planning.skills import without_heading

TIME_LIMITS = {"reach": 15.0, "around": 20.0, "push": 30.0}
"""Tasks of the demo, and how long an episode may take [s]."""
GOAL_TIME_LIMIT = 60.0
"""Of an episode with a goal in words [s]."""
DEFAULTS = {"task": "reach", "planner": "grasp", "model": "tabletop"}
GOAL_DEFAULTS = {"planner": "lbp", "model": "tidy"}
"""With a goal in words."""
TASK_TIME_LIMIT = 600.0
"""Of an episode with a task for the task planner [s]."""
EPISODES = 3
"""If nothing else is asked for; of tasks for the task planner one."""


@dataclass(frozen=True)
class Options:
    """A checked command line."""

    task: str
    seeds: tuple[int, ...]
    planner: str
    model: str
    headless: bool = False
    viewer: bool = False
    video: bool = True
    json: Path | None = None
    folder: Path = Path()
    """Where everything goes; it is there and can be written to."""
    command: str = "robot-planner demo"
    goal: str = ""
    """In words; empty: the goal is an image of the task done."""
    by_steps: bool = False
    """The words are for the task planner."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """Parameters of nodes, by ``node.parameter``."""

    @property
    def time_limit(self) -> float:
        """Of an episode [s]."""
        if self.by_steps:
            return TASK_TIME_LIMIT
        return GOAL_TIME_LIMIT if self.goal else TIME_LIMITS[self.task]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``demo``."""
    parser.add_argument(
        "--task", metavar="TASK",
        help=f"{_either(TIME_LIMITS)} (default: {DEFAULTS['task']}); or several words, for the task planner to do step "
        'by step, such as "tidy up: red in bin A, blue in the drawer"',
    )  # fmt: skip
    parser.add_argument(
        "--goal", metavar="WORDS", help='what to do, in words, such as "put the red block in bin A"; in place of --task'
    )
    parser.add_argument("--seed", type=_whole("--seed", 0), metavar="S", help="one episode: that of seed S")
    parser.add_argument(
        "--seeds", type=_whole("--seeds", 1, len(HELD_OUT_SEEDS)), metavar="N",
        help=f"N episodes, seeds from {HELD_OUT_SEEDS[0]} on, which no training has seen (default: {EPISODES})",
    )  # fmt: skip
    parser.add_argument(
        "--planner", metavar="NAME",
        help=f"{_either(planner_names())} (default: {DEFAULTS['planner']}); with --goal {GOAL_DEFAULTS['planner']}",
    )  # fmt: skip
    parser.add_argument(
        "--model", metavar="NAME",
        help=f"shipped model, or path of a model folder ({DEFAULTS['model']}; with --goal {GOAL_DEFAULTS['model']})",
    )  # fmt: skip
    parser.add_argument("--headless", action="store_true", help="plain lines, no live view")
    parser.add_argument("--viewer", action="store_true", help="open MuJoCo's viewer; needs a display")
    parser.add_argument("--no-video", dest="video", action="store_false", help="write no video")
    add_overrides(parser, "task_planner.backend:=openai-server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report to FILE, too")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for report, figures and video (default: runs/demo/TIME)"
    )


def read_options(args: argparse.Namespace) -> Options:
    """Checks everything and makes the folder; raises RobotPlannerError, in one line, before anything has started."""
    if args.goal is not None and args.task is not None:
        raise InvalidInputError("--goal says in words what --task names; give one of the two")
    overrides = read_overrides(args.parameter)
    by_steps = args.task is not None and len(args.task.split()) > 1  # no task's name has a blank
    if by_steps:
        args.goal, args.task = without_heading(args.task), None
    for name, value in (DEFAULTS if args.goal is None else GOAL_DEFAULTS).items():
        setattr(args, name, getattr(args, name) if getattr(args, name) is not None else value)
    names = planner_names() if args.goal is None else (GOAL_DEFAULTS["planner"],)
    if args.goal is None and args.task not in TIME_LIMITS:
        raise UnknownNameError("task", args.task, TIME_LIMITS)
    if args.planner not in names:
        raise UnknownNameError("planner", args.planner, names)
    if args.seed is not None and args.seeds is not None:
        raise InvalidInputError("--seed S is one episode, --seeds N are N of them; give one of the two")
    if args.headless and args.viewer:
        raise InvalidInputError("--headless and --viewer exclude each other; give one of the two")
    if args.viewer and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise EnvironmentSetupError("--viewer needs a display (DISPLAY or WAYLAND_DISPLAY); without one leave it out")
    first = HELD_OUT_SEEDS[0]
    seeds = (
        (args.seed,)
        if args.seed is not None
        else tuple(range(first, first + (args.seeds or (1 if by_steps else EPISODES))))
    )
    model = check_model(args.model)
    task = args.task if args.goal is None else understood(args.goal, model)
    if args.json:
        open_results(args.json)
    return Options(
        task, seeds, args.planner, model, args.headless, args.viewer, args.video, args.json, _folder(args.out),
        _command(args, by_steps), args.goal or "", by_steps, overrides,
    )  # fmt: skip


def _either(names: Iterable[str]) -> str:
    """Names as a choice in words."""
    *others, last = names
    return f"{', '.join(others)} or {last}"


def understood(goal: str, model: str) -> str:
    """The task that a goal in words asks for, such as tidy/red=bin_a; raises NotUnderstoodError, ModelError."""
    from robot_planner.lbp import load_lbp

    return f"tidy/{load_lbp(model).language.understand(goal).arrangement}"


@functools.cache
def planner_names() -> tuple[str, ...]:
    """Names of the registered planners, by reading their source: importing them would take seconds."""
    found = []
    texts = [path.read_text(encoding="utf-8") for path in (PACKAGE / "planning").glob("*.py")]
    for text in texts:
        for call in ast.walk(ast.parse(text)) if "PLANNERS.register" in text else ():
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "PLANNERS.register":
                found += [word.value for word in call.args if isinstance(word, ast.Constant)]
    return tuple(sorted(map(str, found)))


def check_model(name: str) -> str:
    """The model as its nodes take it: a name, or an absolute path; raises ModelError. The nodes check what is in it."""
    path = Path(name)
    is_name = path.name == name
    if is_name and not path.is_dir():
        model_folder(name)
        return name
    if not path.is_dir():
        raise ModelError(f"there is no model folder {name}")
    if not (path / MANIFEST).is_file():
        raise ModelError(f"{name} is no model folder: it has no {MANIFEST}")
    return name if is_name else str(path.absolute())


def _folder(wanted: Path | None) -> Path:
    """Makes the folder; raises EnvironmentSetupError if it can't be written to."""
    folder = wanted
    if folder is None:
        begin = Path("runs", "demo", datetime.now().strftime("%Y-%m-%d_%H-%M-%S"))
        folder, count = begin, 1
        while folder.exists():
            count += 1
            folder = begin.with_name(f"{begin.name}_{count}")
    if folder.exists() and not folder.is_dir():
        raise EnvironmentSetupError(f"--out {folder} is a file; name a folder")
    open_results(folder / "report.json")
    return folder


def _command(args: argparse.Namespace, by_steps: bool) -> str:
    """The command line again."""
    what = ["--task", args.task] if args.goal is None else ["--task" if by_steps else "--goal", args.goal]
    words = ["robot-planner", "demo", *what]
    words += [word for text in args.parameter for word in ("-p", text)]
    words += ["--planner", args.planner, "--model", args.model]
    for name in ("seed", "seeds", "json", "out"):
        if getattr(args, name) is not None:
            words += [f"--{name}", str(getattr(args, name))]
    words += [f"--{name}" for name in ("headless", "viewer") if getattr(args, name)]
    return shlex.join(words + ["--no-video"] * (not args.video))


def _whole(option: str, least: int, most: int = 2**31 - 1) -> Callable[[str], int]:
    """Reads a whole number; raises InvalidInputError, which argparse lets pass: one line, no usage."""

    def read(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise InvalidInputError(f"{option} is '{text}'; allowed: a whole number from {least} to {most}")
        return int(text)

    return read
