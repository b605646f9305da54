# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What moves the tool offline keeps to what the policy node keeps to."""

import numpy as np
import pytest
import yaml

from robot_planner.policy.chunks import ChunkConfig
from robot_planner.resources import resource
from robot_planner.simulation.observation import proprioception
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tool_driver import HIGH, LOW, ChunkFollower


def test_the_box_of_the_tool_is_the_policy_nodes_workspace():
    policy = yaml.safe_load(resource("config", "lbp.yaml").read_text())["/**/policy"]["ros__parameters"]
    assert np.array_equal(LOW, policy["workspace_lower"])
    assert np.array_equal(HIGH, policy["workspace_upper"])


@pytest.fixture
def tabletop():
    with Tabletop() as made:
        made.reset("tidy", 1)
        yield made


def chunk_of(way, opening=0.05):
    """Eight rows, each 1 cm further along ``way``."""
    rows = np.zeros((8, 5), np.float32)
    rows[:, :3] = 0.01 * np.arange(1, 9)[:, None] * np.asarray(way)
    rows[:, 4] = opening
    return rows


def test_after_its_rows_the_tool_is_commanded_where_the_last_of_them_points(tabletop):
    follower, body, begun = ChunkFollower(tabletop), proprioception(tabletop), tabletop.time
    follower.follow(chunk_of([1.0, 0.5, 0.0]), body, 3)
    np.testing.assert_allclose(follower.position, body[:3] + [0.03, 0.015, 0.0], atol=1e-6)
    assert tabletop.time == pytest.approx(begun + 0.3)


def test_the_command_stays_in_its_box(tabletop):
    follower = ChunkFollower(tabletop)
    for _ in range(4):
        follower.follow(chunk_of([0.0, 0.0, -2.0]), proprioception(tabletop), 8)
    assert follower.position[2] == pytest.approx(LOW[2])


def test_chunks_that_disagree_are_averaged_on_demand(tabletop):
    body = proprioception(tabletop)
    newest, mean = ChunkFollower(tabletop), ChunkFollower(tabletop, ChunkConfig(ensemble=True, decay=0.0))
    for follower in (newest, mean):
        tabletop.reset("tidy", 1)
        follower.follow(chunk_of([1.0, 0.0, 0.0]), body, 1)
        follower.follow(chunk_of([0.0, 1.0, 0.0]), body, 1)
    np.testing.assert_allclose(newest.position, body[:3] + [0.0, 0.01, 0.0], atol=1e-6)
    np.testing.assert_allclose(mean.position, body[:3] + [0.01, 0.005, 0.0], atol=1e-6)
