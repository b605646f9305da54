# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""docs/grasp.md says what the code does: its example runs, and its table holds every parameter as it is."""

import re
from dataclasses import fields
from pathlib import Path

from robot_planner.planning import GraspConfig

TEXT = (Path(__file__).parents[2] / "docs" / "grasp.md").read_text(encoding="utf-8")


def parameter_table():
    lines = ["| parameter | default | range | what it is |", "|---|---|---|---|"]
    for entry in fields(GraspConfig):
        data = entry.metadata
        if "choices" in data or isinstance(entry.default, bool):
            allowed = ", ".join(data.get("choices", ("True", "False")))
        else:
            allowed = f"{data['minimum']:g} .. {data['maximum']:g}"
        lines.append(f"| `{entry.name}` | {entry.default} | {allowed} | {data['description']} |")
    return "\n".join(lines)


def test_the_table_is_that_of_the_code():
    table = TEXT.partition("<!-- parameters: begin")[2].partition("-->\n")[2].partition("\n<!-- parameters: end")[0]
    assert table == parameter_table(), f"put this table there:\n{parameter_table()}"


def test_the_ten_lines_reach_the_goal():
    code = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1]
    assert len(code.strip().splitlines()) <= 11
    scope = {}
    exec(code.replace("+ 0.03", "+ 30.0"), scope)
    assert abs(scope["plan"].states[-1] - scope["problem"].goal).max() < 0.02
