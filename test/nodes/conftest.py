# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import pytest
from graph import TestGraph, fresh_domain


@pytest.fixture(autouse=True)
def domain(monkeypatch):
    """A ROS domain for each test and the processes that it starts."""
    with fresh_domain() as number:
        monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
        yield number


@pytest.fixture
def graph(domain):
    """A ROS graph in this process: nodes under test on one executor, a probe on another."""
    with TestGraph() as made:
        yield made
