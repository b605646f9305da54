# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import pytest

from robot_planner.nodes import docs
from robot_planner.nodes.table import NODES
from robot_planner.resources import checkout


def test_the_page_on_nodes_says_what_the_code_says():
    root = checkout()
    if root is None:
        pytest.skip("not a checkout")
    written = (root / "docs" / "nodes.md").read_text(encoding="utf-8")
    # in a process of its own: other tests register planners of theirs
    code = "from robot_planner.nodes.docs import document; print(document(), end='')"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert written == done.stdout, "run: python -m robot_planner.nodes.docs"


def test_prose_is_wrapped():
    assert [line for line in docs.document().splitlines() if len(line) > 120 and not line.startswith("|")] == []


def test_everything_has_a_description():
    for entry in NODES:
        kind = docs.node_class(entry)
        assert kind.__doc__
        assert all(face.about.endswith((".", ")")) for face in kind.interfaces)
        groups = [("", kind.parameters_class), *kind.parameter_groups().items()]
        specs = [spec for prefix, group in groups for spec in docs.specify(group, prefix)]
        assert [spec.name for spec in specs if not spec.description] == []
