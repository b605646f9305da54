# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The scripted expert does every stage; who does nothing does none."""

import numpy as np
import pytest

from robot_planner.errors import UnknownNameError
from robot_planner.evaluation.expert import measure
from robot_planner.simulation.expert import STAGES, ScriptedExpert
from robot_planner.simulation.tasks import TUNING_SEEDS


@pytest.mark.parametrize("stage", STAGES)
def test_the_expert_does_every_stage(tabletop, stage):
    record = measure(tabletop, stage, TUNING_SEEDS[:10])
    assert record["success_count"] >= 9, record
    assert record["episodes"] == 10 and 1.0 < record["simulated_seconds_per_episode"] < 20.0


@pytest.mark.parametrize("stage", STAGES)
def test_standing_still_does_no_stage(tabletop, stage):
    for seed in TUNING_SEEDS[:5]:
        tabletop.reset(stage, seed)
        tabletop.advance(3.0)
        assert not tabletop.evaluate().success


@pytest.mark.parametrize("stage", ["place", "stow"])
def test_a_block_given_into_the_gripper_stays_there(tabletop, stage):
    for seed in TUNING_SEEDS[:5]:
        tabletop.reset(stage, seed)
        tabletop.advance(2.0)
        held = dict(zip(("red", "green", "blue"), tabletop.state.held, strict=True))
        assert [color for color, flag in held.items() if flag] == [tabletop.episode.target["block"]]


def test_the_fingers_are_laid_on_faces(tabletop):
    """A grasp across the corners would turn the block."""
    for seed in TUNING_SEEDS[:10]:
        tabletop.reset("pick", seed)
        block = ("red", "green", "blue").index(tabletop.episode.target["block"])
        before = tabletop.state.blocks[block, 3]
        ScriptedExpert(tabletop).run()
        state = tabletop.state
        turned = abs(np.angle(np.exp(1j * (state.blocks[block, 3] - before))))
        assert turned < 0.1
        assert np.cos(4 * (state.tool_yaw - state.blocks[block, 3])) > 0.9


def test_a_weak_grip_fails(tabletop):
    """The verdict notices a block that was let go on the way."""
    tabletop.reset("pick", TUNING_SEEDS[0])
    for _ in ScriptedExpert(tabletop).commands(10.0):
        if any(tabletop.state.held) and tabletop.tool_position[2] > 0.08:
            break
    assert tabletop.evaluate().success
    tabletop.command(tabletop.commanded_joints, gripper=0.08)
    tabletop.advance(0.3)
    assert not tabletop.evaluate().success


def test_the_commands_are_those_of_one_control_period(tabletop):
    tabletop.reset("pick", TUNING_SEEDS[1])
    expert, last = ScriptedExpert(tabletop), tabletop.tool_position
    for command in expert.commands(5.0):
        assert abs(command.position - last).max() <= 0.25 * 0.02 * 1.6, "no jumps"
        last = command.position


def test_a_planar_task_is_not_for_the_expert(tabletop):
    tabletop.reset("push", 0)
    with pytest.raises(UnknownNameError, match="valid: close, open, pick, place, stow, tidy"):
        ScriptedExpert(tabletop)
