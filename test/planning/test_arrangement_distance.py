# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The distance from an arrangement, read from latents, agrees with the environment's judgement of the same scene."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.arrangement import Arrangement
from robot_planner.perception.multiview import ANCHORS, AnchorReadout, anchors, relative_places
from robot_planner.planning.arrangement_distance import ArrangementDistance
from robot_planner.simulation.tasks.base import SceneState
from robot_planner.simulation.tasks.manipulation import BINS, DRAWER_TRAVEL, drop_point
from robot_planner.simulation.tasks.tidy import Tidy, fulfilled

FREE = 5
METRIC = ArrangementDistance(AnchorReadout(), ANCHORS + FREE)


def latent(state):
    """(1, D) a latent whose read-out shows this scene, with free numbers behind."""
    body = np.array([[*state.tool, np.sin(state.tool_yaw), np.cos(state.tool_yaw), state.gripper]])
    values = anchors(body, state.blocks[None, :, :3], np.array([state.drawer]))
    wrist = np.nan_to_num(relative_places(body, state.blocks[None, :, :3]), nan=3.0)
    return np.concatenate([values, np.ones((1, FREE), np.float32), wrist, np.ones((1, FREE), np.float32)], axis=1)


def distance(state, text):
    return float(METRIC.distance(latent(state), Arrangement.parse(text))[0])


SCENE = SceneState(
    np.array([0.4, 0.0, 0.15]),
    np.array([[0.35, 0.1, 0.02, 0], [0.4, -0.1, 0.02, 0], [0.5, 0.05, 0.02, 0]]),
    gripper=0.06,
)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_what_an_episode_asks_for_is_far_at_its_start_and_reached_in_its_goal(seed):
    episode = Tidy().sample(np.random.default_rng(seed), seed)
    wanted = episode.target["arrangement"]
    assert distance(episode.start, wanted) > 0.005
    assert distance(episode.goal, wanted) <= 1e-6
    assert all(fulfilled(Arrangement.parse(wanted), episode.goal).values())


def test_a_block_counts_by_how_far_it_is_outside_its_place():
    blocks = SCENE.blocks.copy()
    blocks[0, :2] = BINS["a"] + [0.054 + 0.03, 0.0]
    assert distance(replace(SCENE, blocks=blocks), "red=bin_a") == pytest.approx(0.03, abs=1e-6)
    assert distance(replace(SCENE, blocks=blocks), "red=bin_a,blue=bin_b") > 0.2
    blocks[0] = [*BINS["a"], 0.1, 0.0]  # above it
    assert distance(replace(SCENE, blocks=blocks), "red=bin_a") == pytest.approx(0.055, abs=1e-6)


def test_a_block_in_its_bin_that_is_still_gripped_is_not_there_yet():
    blocks = SCENE.blocks.copy()
    blocks[0] = [*BINS["a"], 0.024, 0.0]
    at_block = replace(SCENE, blocks=blocks, tool=blocks[0, :3])
    assert distance(replace(at_block, gripper=0.04), "red=bin_a") == pytest.approx(0.01)
    assert distance(replace(at_block, gripper=0.065), "red=bin_a") == 0.0
    assert distance(replace(at_block, gripper=0.04, tool=blocks[0, :3] + [0, 0, 0.1]), "red=bin_a") == 0.0


def test_a_lifted_block_has_to_be_high_and_at_the_hand():
    blocks = SCENE.blocks.copy()
    blocks[2, :3] = [0.4, 0.0, 0.15]
    held = replace(SCENE, blocks=blocks, gripper=0.04)
    assert distance(held, "blue=hand") == 0.0
    assert distance(replace(held, tool=np.array([0.4, 0.09, 0.15])), "blue=hand") == pytest.approx(0.065, abs=1e-4)
    assert distance(replace(held, gripper=0.0), "blue=hand") == pytest.approx(0.01)
    low = replace(held, tool=np.array([0.4, 0.0, 0.04]), blocks=np.where(blocks == 0.15, 0.04, blocks))
    assert distance(low, "blue=hand") == pytest.approx(0.03, abs=1e-4)
    assert distance(SCENE, "blue=hand") >= 0.05


def test_a_block_that_the_fingers_hide_from_the_front_view_is_found_by_the_wrists():
    blocks = SCENE.blocks.copy()
    blocks[2, :3] = [0.4, 0.0, 0.15]
    seen = latent(replace(SCENE, blocks=blocks, gripper=0.04))
    seen[0, 12:15] += 2.0  # the front view takes the blue block for lying elsewhere
    assert METRIC.distance(seen, Arrangement.parse("blue=hand"))[0] == 0.0


def test_the_drawer_counts_by_its_opening_and_moves_what_is_in_it():
    assert distance(SCENE, "drawer=open") == pytest.approx(0.09)
    assert distance(replace(SCENE, drawer=0.095), "drawer=open") == 0.0
    assert distance(replace(SCENE, drawer=0.05), "drawer=shut") == pytest.approx(0.04)
    blocks = SCENE.blocks.copy()
    blocks[1] = [*drop_point(DRAWER_TRAVEL), 0.028, 0.0]
    assert distance(replace(SCENE, blocks=blocks, drawer=DRAWER_TRAVEL), "green=drawer") == 0.0
    assert distance(replace(SCENE, blocks=blocks, drawer=0.0), "green=drawer") > 0.03


def test_several_latents_at_once():
    pair = np.concatenate([latent(SCENE), latent(replace(SCENE, drawer=0.1))])
    np.testing.assert_allclose(METRIC.distance(pair, Arrangement.parse("drawer=open")), [0.09, 0.0], atol=1e-6)
    assert torch.is_grad_enabled()
