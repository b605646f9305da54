# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The command ``robot-planner``: one verb a module, found by its file, imported when it is asked for.

A verb's module has ``add_arguments(parser)`` and ``run(args)``. Those of ``bench``, ``train`` and ``import`` are all
such files of ``evaluation``, ``training`` and ``training/importers``; their ``run`` returns flat records, which are
shown, by the module's own ``show(records)`` if it has one, and, with ``--json``, written. Others return the exit
status. Exit statuses: 0 success, 1 failure, 2 a mistake of the user, 130 Ctrl-C.
"""

import argparse
import ast
import contextlib
import errno
import functools
import importlib
import os
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from robot_planner import __version__
from robot_planner.environment import own_domain, prepare_environment
from robot_planner.errors import RobotPlannerError, UnknownNameError

PACKAGE = Path(__file__).parent
VERBS = {"demo": "robot_planner.nodes.demo", "up": "robot_planner.nodes.up"}
"""Verbs that are one module."""
GROUPS = {"bench": "evaluation", "import": "training/importers", "train": "training"}
"""Verbs with a name after them, and the folder that holds a module for each name."""
SUMMARIES = {
    "demo": "look, plan and move the arm in the embedded simulation, live; writes a video and a report",
    "up": "start the nodes and keep them until Ctrl-C",
    "bench": "measure: bench NAME; without a name: the list",
    "import": "make demonstrations of data in another format: import FORMAT; without one: the list",
    "train": "fit a shipped model again: train NAME; without a name: the list",
}
_RUN = ", or use ./run, which sets all up"
HINTS = {
    "lerobot": ({"pyarrow"}, "pip install 'robot_planner[lerobot]'"),
    "simulation": (
        {"mujoco", "xacro", "imageio_ffmpeg", "matplotlib"},
        f"pip install 'robot_planner[simulation]'{_RUN}",
    ),
    "ros": (
        {"rclpy", "robot_planner_interfaces"},
        f"source a ROS 2 workspace with robot_planner in it, or pip install ./robot_planner_interfaces '.[ros]'{_RUN}",
    ),
}
USER_ERROR, INTERRUPTED = 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line; the exit status. What the user did wrong is one line, never a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return dispatch(words)
    except RobotPlannerError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has gone
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        hint = _hint((error.name or "").partition(".")[0])
        if hint is None:
            raise
        return _fail(f"this needs the package '{error.name}': {hint}")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return _fail(f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))


def dispatch(words: list[str]) -> int:
    """Finds the verb's module, parses its arguments and runs it."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if words[0] == "--version":
        print(f"robot-planner {__version__}")
        return 0
    verb, rest = words[0], words[1:]
    if verb in VERBS:
        return _run(VERBS[verb], verb, rest)
    if verb not in GROUPS:
        raise UnknownNameError("verb", verb, SUMMARIES)
    names = members(verb)
    if not rest or rest[0] in ("-h", "--help"):
        print(group_overview(verb))
        return 0 if rest else USER_ERROR
    if rest[0] not in names:
        raise UnknownNameError({"bench": "bench", "import": "format", "train": "model to train"}[verb], rest[0], names)
    module = f"robot_planner.{GROUPS[verb].replace('/', '.')}.{rest[0].replace('-', '_')}"
    return _run(module, f"{verb} {rest[0]}", rest[1:], records=True)


def members(verb: str) -> dict[str, str]:
    """Name -> summary of the modules behind a verb, by reading their source: importing them would take seconds."""
    found = {}
    for path in sorted((PACKAGE / GROUPS[verb]).glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        if {"add_arguments", "run"} <= functions:
            found[path.stem.replace("_", "-")] = _first_line(ast.get_docstring(tree))
    return found


def overview() -> str:
    """What ``--help`` prints."""
    verbs = "\n".join(f"  {verb:8} {summary}" for verb, summary in sorted(SUMMARIES.items()))
    return f"usage: robot-planner VERB [OPTION]...\n\n{verbs}\n\nrobot-planner VERB --help explains one; --version"


def group_overview(verb: str) -> str:
    """What a verb without its name prints: the names there are."""
    names = members(verb)
    width = max(map(len, names), default=0)
    lines = "\n".join(f"  {name:{width}}  {summary}" for name, summary in names.items()) or "  (none)"
    return f"usage: robot-planner {verb} NAME [OPTION]...\n\n{lines}\n\nrobot-planner {verb} NAME --help explains one"


def _run(module_name: str, words: str, rest: list[str], records: bool = False) -> int:
    prepare_environment()
    module = importlib.import_module(module_name)
    parser = argparse.ArgumentParser(
        prog=f"robot-planner {words}",
        description=_first_line(module.__doc__),
        conflict_handler="resolve",  # a module may declare --json itself
        formatter_class=functools.partial(argparse.HelpFormatter, max_help_position=32),
    )
    module.add_arguments(parser)
    if records:
        parser.add_argument("--json", metavar="FILE", type=Path, help="write the records with their origin to FILE")
    args = parser.parse_args(rest)
    # up is for the user's own clients: they find it in the domain that ROS would give it
    if words != "up":
        own_domain()
    if not records:
        return int(module.run(args))
    from robot_planner.evaluation.records import open_results, table, write_results

    if args.json:
        open_results(args.json)
    results: list[dict[str, Any]] = module.run(args)
    print(getattr(module, "show", table)(results))
    if args.json:
        write_results(args.json, shlex.join(["robot-planner", *words.split(), *rest]), results, _seeds(results, args))
        print(f"wrote {args.json}")
    return 0


def _seeds(records: Iterable[dict[str, Any]], args: argparse.Namespace) -> list[int]:
    """Seeds that the records name; else what the options say."""
    found = {int(record["seed"]) for record in records if isinstance(record.get("seed"), int)}
    if not found:
        option = getattr(args, "seeds", getattr(args, "seed", None))
        if isinstance(option, int) and isinstance(getattr(args, "episodes", None), int):
            option = range(option, option + args.episodes)  # --seed is the first of them
        found = set(option if isinstance(option, (list, tuple, range)) else [option]) - {None}
    return sorted(found)


def _first_line(docstring: str | None) -> str:
    """The summary of a docstring, without its mark-up and a name of the command before a colon."""
    line = (docstring or "").strip().partition("\n")[0]
    return re.sub(r"^``.+?``: *(.)", lambda match: match[1].upper(), line).replace("``", "")


def _hint(module: str) -> str | None:
    messages = module.endswith("_msgs") or module in ("std_srvs", "builtin_interfaces")
    return next(
        (hint for extra, (names, hint) in HINTS.items() if module in names or (messages and extra == "ros")), None
    )


def _fail(message: str) -> int:
    print(f"robot-planner: {' '.join(message.split())}", file=sys.stderr)
    return USER_ERROR


if __name__ == "__main__":
    sys.exit(main())
