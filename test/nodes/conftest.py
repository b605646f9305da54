# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import pytest
from graph import TestGraph


@pytest.fixture
def graph():
    """A ROS graph in this process: nodes under test on one executor, a probe on another."""
    with TestGraph() as made:
        yield made
