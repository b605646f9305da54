# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import os

import pytest

pytest.importorskip("rclpy", reason="the nodes need ROS 2")
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

import graph as graph_support  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def domain():
    """A ROS domain that no other test process on this machine uses."""
    with graph_support.own_domain() as number:
        yield number


@pytest.fixture
def graph(domain):
    """A ROS graph in this process: nodes under test on one executor, a probe on another."""
    with graph_support.TestGraph() as made:
        yield made
