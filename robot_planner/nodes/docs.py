# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/nodes.md from the code: ``python -m robot_planner.nodes.docs``; a test compares the two."""

import importlib
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from robot_planner.nodes.base import CommonParameters, ManagedNode
from robot_planner.nodes.interfaces import Acts, Asks, Calls, Gives, Interface, Quality, Serves, Takes
from robot_planner.nodes.parameters import ParameterSpec, specify
from robot_planner.nodes.table import ARGUMENTS, NODES, NodeEntry
from robot_planner.resources import checkout
from robot_planner_interfaces.action import ExecuteTask, ReachGoal

HEADER = """# Nodes

Written by `python -m robot_planner.nodes.docs` from the code; don't edit. Names are relative and can be remapped, `~/`
stands for the node's own name. Every node is a lifecycle node in a process of its own, and publishes
`/diagnostics` once a second: state, rates, ages, drops, overruns, memory, processor time, digest of the model.
"""
KINDS = {Takes: "takes", Gives: "gives", Serves: "serves", Calls: "calls", Acts: "action", Asks: "asks"}
VIEWS = ("front", "wrist")
"""What stands for the fields in the names of topics."""
WIDTH = 120
"""Longest line of prose; a row of a table is one line, however long."""


def node_class(entry: NodeEntry) -> type[ManagedNode]:
    """The class behind an entry of the table."""
    module = importlib.import_module(entry.module)
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, ManagedNode) and value.__module__ == entry.module
    )


def topics_of(kind: type[ManagedNode]) -> set[str]:
    """Names of what a node takes and gives, for both cameras."""
    topics = [face.name for face in kind.interfaces if isinstance(face, (Takes, Gives))]
    return {name.format(view=view, camera=view) for name in topics for view in VIEWS}


def document() -> str:
    """The whole page."""
    parts = [HEADER, _overview(), _arguments(), _qualities(), *(_node(entry) for entry in NODES)]
    common = table(
        ["parameter", "type", "default", "allowed", "changes", "meaning"], map(_row, specify(CommonParameters))
    )
    parts += [f"## Parameters of every node\n\n{common}", _error_codes(ReachGoal), _error_codes(ExecuteTask)]
    return "\n".join(parts)


def table(head: list[str], rows: Any) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def prose(*paragraphs: str) -> str:
    """Paragraphs in lines up to WIDTH, each with an empty line after it."""
    lines = (textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False) for text in paragraphs)
    return "".join(f"{text}\n\n" for text in lines)


def _overview() -> str:
    rows = [[f"[{entry.name}](#{entry.name})", entry.about, entry.role] for entry in NODES]
    return "## The graph\n\n" + table(["node", "does", "role"], rows)


def _arguments() -> str:
    rows = []
    for argument in ARGUMENTS:
        option = f"`{argument.name}:=`, `--{argument.name.replace('_', '-')}`"
        default = f"`{argument.default}`" if argument.default else ""
        rows.append([option, default, f"{argument.about} {_choices(argument.choices)}".strip()])
    text = "## Starting them\n\n" + prose(
        "`ros2 launch robot_planner robot_planner.launch.py NAME:=VALUE ...` where ROS 2 is installed; "
        "`robot-planner up --NAME VALUE ...` anywhere. Without a value the parameters file decides "
        "(`config/robot_planner.yaml`, and `config/lbp.yaml` with a model of kind lbp); switches are `--NAME` and "
        "`--no-NAME` for `up`.",
        "With `role` the nodes can be spread over machines. `robot-planner up` keeps all traffic on its own machine "
        "unless the environment says otherwise: on several machines, set `ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET` and "
        "`FASTDDS_DEFAULT_PROFILES_FILE` to nothing or to a profile of your own.",
    )
    return text + table(["argument, option", "default", "meaning"], rows)


def _choices(choices: tuple[str, ...]) -> str:
    return f"({', '.join(choices)})" if choices else ""


def _qualities() -> str:
    rows = []
    for quality in Quality:
        reliable, latched, depth = quality.value
        words = ["reliable" if reliable else "best effort", "transient local" if latched else "volatile"]
        rows.append([quality.name.lower(), f"{', '.join(words)}, depth {depth}"])
    return "## Qualities of service\n\n" + table(["name", "means"], rows)


def _node(entry: NodeEntry) -> str:
    kind = node_class(entry)
    about = (kind.__doc__ or "").strip().replace("``", "`")
    faces = table(["", "name", "type", "quality", "meaning"], map(_face, kind.interfaces))
    head = ["parameter", "type", "default", "allowed", "changes", "meaning"]
    text = f"## {entry.name}\n\n{about}\n\n{faces}"
    own = specify(kind.parameters_class)
    if own:
        text += f"\n{table(head, map(_row, own))}"
    for prefix, group in sorted(kind.parameter_groups().items()):
        text += f"\nParameters of `{prefix}`:\n\n{table(head, map(_row, specify(group, prefix)))}"
    return text


def _face(face: Interface) -> list[str]:
    topic = isinstance(face, (Takes, Gives))
    about = f"{face.about} Only if {face.when}." if face.when else face.about
    quality = face.quality.name.lower() if topic else ""
    return [KINDS[type(face)], f"`{face.name}`", f"`{face.ros_type}`", quality, about]


def _row(spec: ParameterSpec) -> list[str]:
    meaning = spec.description[:1].upper() + spec.description[1:]
    default = json.dumps(spec.default)  # as YAML has it too
    words = spec.ros_type.name.lower().replace("_", " ")
    return [f"`{spec.name}`", words, f"`{default}`", _allowed(spec), spec.changes, meaning.rstrip(".") + "."]


def _allowed(spec: ParameterSpec) -> str:
    if spec.choices:
        return ", ".join(spec.choices)
    if spec.minimum is None and spec.maximum is None:
        return spec.unit
    low, high = ("" if end is None else f"{end:g}" for end in (spec.minimum, spec.maximum))
    return f"{low}..{high} {spec.unit}".strip()


def _error_codes(action: Any) -> str:
    constants = {name: getattr(action.Result, name) for name in dir(action.Result) if name.isupper()}
    codes = {name: value for name, value in constants.items() if isinstance(value, int)}
    meanings = _comments(action.__name__)
    rows = [[str(codes[name]), f"`{name}`", meanings.get(name, "")] for name in sorted(codes, key=codes.__getitem__)]
    title = re.sub(r"(?<!^)([A-Z])", r"_\1", action.__name__).lower()
    return f"## Error codes of {title}\n\n" + table(["code", "name", "when"], rows)


def _comments(name: str) -> dict[str, str]:
    """What the sources of an action say after each constant; generated code holds no comments."""
    root = checkout()
    if root is None:
        return {}
    lines = (root / "robot_planner_interfaces" / "action" / f"{name}.action").read_text(encoding="utf-8").splitlines()
    matches = [re.match(r"uint16 (\w+)=\d+\s*(?:#\s*(.*))?$", line) for line in lines]
    return {match[1]: match[2] or "" for match in matches if match}


def main() -> int:
    """Writes the page into the checkout."""
    root = checkout() or Path.cwd()
    path = root / "docs" / "nodes.md"
    path.write_text(document(), encoding="utf-8")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
