# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planar steps go where they are told, stay in the box, and leave a physical world behind."""

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.simulation.stepping import PlanarStepper
from robot_planner.simulation.workspace import MAX_ACTION, STEP_SECONDS, TOOL_HEIGHT, TOOL_HIGH, TOOL_LOW


def test_a_step_displaces_the_tool_by_the_action(tabletop):
    tabletop.reset("reach", 3)
    stepper = PlanarStepper(tabletop)
    middle = (TOOL_LOW + TOOL_HIGH) / 2
    action = np.sign(middle - stepper.commanded) * [0.03, 0.02]
    before, time = tabletop.tool_position, tabletop.time
    np.testing.assert_allclose(stepper.commanded, before[:2], atol=1e-3)
    stepper.step(action)
    assert tabletop.time - time == pytest.approx(STEP_SECONDS)
    np.testing.assert_allclose(stepper.commanded, before[:2] + action, atol=1e-3)
    tabletop.advance(0.5)
    np.testing.assert_allclose(tabletop.tool_position, [*(before[:2] + action), TOOL_HEIGHT], atol=2e-3)


def test_actions_are_clipped_to_their_bounds_and_to_the_box(tabletop):
    tabletop.reset("reach", 3)
    stepper = PlanarStepper(tabletop)
    begin = stepper.commanded
    towards = np.sign((TOOL_LOW + TOOL_HIGH) / 2 - begin)
    stepper.step(towards)
    np.testing.assert_allclose(stepper.commanded - begin, towards * MAX_ACTION)
    for corner, target in ((-1, TOOL_LOW), (1, TOOL_HIGH)):
        for _ in range(20):
            stepper.step([corner, corner])
        np.testing.assert_allclose(stepper.commanded, target)


@pytest.mark.parametrize("action", [[np.nan, 0.0], [0.01], [0.0, np.inf], np.zeros((1, 2))])
def test_a_senseless_action_moves_nothing(tabletop, action):
    tabletop.reset("reach", 3)
    stepper = PlanarStepper(tabletop)
    commanded, time = stepper.commanded.copy(), tabletop.time
    with pytest.raises(InvalidInputError, match="two finite displacements"):
        stepper.step(action)
    np.testing.assert_array_equal(stepper.commanded, commanded)
    assert tabletop.time == time


def test_the_same_actions_give_the_same_world(tabletop):
    actions = np.random.default_rng(0).uniform(-0.04, 0.04, (20, 2))

    def play() -> np.ndarray:
        tabletop.reset("push", 8)
        stepper = PlanarStepper(tabletop)
        for action in actions:
            stepper.step(action)
        return np.concatenate([tabletop.data.qpos, tabletop.data.qvel])

    np.testing.assert_array_equal(play(), play())


def test_reset_anchors_at_the_present_command(tabletop):
    tabletop.reset("reach", 3)
    stepper = PlanarStepper(tabletop)
    tabletop.reset("reach", 4)
    stepper.reset()
    np.testing.assert_allclose(stepper.commanded, tabletop.episode.start.tool[:2], atol=1e-3)


def test_blocks_survive_being_chased_and_slide_no_further_than_pushed(tabletop):
    """Contacts stay finite, blocks stay on the table, and stop when the pusher stops."""
    moved = 0
    for seed in range(12):
        tabletop.reset("push", seed)
        stepper = PlanarStepper(tabletop)
        rng = np.random.default_rng(seed)
        begin = tabletop.block_positions
        for _ in range(30):
            way = tabletop.block_positions[rng.integers(3), :2] + rng.normal(0, 0.02, 2) - stepper.commanded
            stepper.step(way / np.abs(way).max() * MAX_ACTION)
        pushed = tabletop.block_positions
        tabletop.advance(0.5)
        rest = tabletop.block_positions
        moved += (np.linalg.norm(pushed - begin, axis=1) > 0.02).sum()
        assert np.linalg.norm(rest - pushed, axis=1).max() < 0.01, "no coasting"
        assert np.abs(rest[:, 2] - 0.02).max() < 0.002 or np.abs(rest[:, :2]).max() > 0.25
        assert np.abs(rest).max() < 1.0 and np.isfinite(tabletop.data.qvel).all()
    assert moved > 12, "the chase did reach the blocks"


def test_a_straight_push_brings_the_block_along(tabletop):
    """The push of the goal image, done by hand with no look at the block on the way."""
    done = 0
    for seed in range(20):
        tabletop.reset("push", seed)
        episode, kinematics = tabletop.episode, tabletop.kinematics
        index = ("red", "green", "blue").index(episode.target["block"])
        way = episode.goal.blocks[index, :2] - episode.start.blocks[index, :2]
        behind = episode.start.blocks[index, :2] - 0.06 * way / np.linalg.norm(way)
        joints = tabletop.commanded_joints
        for point in ([*tabletop.tool_position[:2], 0.12], [*behind, 0.12], [*behind, TOOL_HEIGHT]):
            start = kinematics.forward(joints)
            for fraction in np.linspace(0, 1, 40)[1:]:
                joints = kinematics.inverse(start + fraction * (np.array(point) - start), joints)
                tabletop.command(joints, gripper=0.0)
                tabletop.advance(0.02)
        stepper = PlanarStepper(tabletop)
        while np.abs(left := episode.goal.tool[:2] - stepper.commanded).max() > 1e-6:
            stepper.step(left * min(1.0, MAX_ACTION / np.linalg.norm(left)))
        tabletop.advance(0.2)
        done += tabletop.evaluate().success
    assert done >= 14
