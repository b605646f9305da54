# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The tabletop tells the truth, repeats itself exactly, and refuses what makes no sense."""

import sys

import mujoco
import numpy as np
import pytest

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, UnknownNameError
from robot_planner.simulation.model import build_model
from robot_planner.simulation.rendering import Renderer
from robot_planner.simulation.tabletop import Tabletop


def snapshot(tabletop) -> np.ndarray:
    kind = mujoco.mjtState.mjSTATE_INTEGRATION
    state = np.empty(mujoco.mj_stateSize(tabletop.model, kind))
    mujoco.mj_getState(tabletop.model, tabletop.data, state, kind)
    return state


def wiggle(tabletop, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(10):
        tabletop.command(tabletop.commanded_joints + rng.uniform(-0.02, 0.02, 6), gripper=rng.uniform(0, 0.08))
        tabletop.advance(0.05)


@pytest.mark.parametrize("task", ["reach", "push", "pick", "place", "open", "stow", "close"])
def test_an_episode_repeats_itself_exactly(tabletop, task):
    def play() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        tabletop.reset(task, 5)
        wiggle(tabletop, 1)
        return snapshot(tabletop), tabletop.render("front"), tabletop.goal_image()

    first = play()
    tabletop.reset("push", 77)
    wiggle(tabletop, 2)
    for before, after in zip(first, play(), strict=True):
        np.testing.assert_array_equal(before, after)


def test_two_tabletops_agree(tabletop):
    with Tabletop(image_size=128) as other:
        for each in (tabletop, other):
            each.reset("push", 9)
            wiggle(each, 3)
        np.testing.assert_array_equal(snapshot(tabletop), snapshot(other))
        np.testing.assert_array_equal(tabletop.render("front"), other.render("front"))


def test_seeds_change_layout_and_looks(tabletop):
    seen = []
    for seed in range(5):
        tabletop.reset("push", seed)
        seen.append((tabletop.block_positions, tabletop.render("front")[-20:, :10]))
    for index in range(4):
        assert np.abs(seen[index][0] - seen[index + 1][0]).max() > 0.005
        assert np.abs(seen[index][1].astype(int) - seen[index + 1][1]).max() > 1


def test_looking_changes_nothing(tabletop):
    tabletop.reset("push", 3)
    wiggle(tabletop, 4)
    before = snapshot(tabletop)
    image = tabletop.render("front")
    for _ in range(2):
        tabletop.goal_image()
        tabletop.goal_image("wrist")
        tabletop.render("wrist", 64)
        tabletop.evaluate()
        tabletop.camera_pose("front")
    np.testing.assert_array_equal(snapshot(tabletop), before)
    np.testing.assert_array_equal(tabletop.render("front"), image)


@pytest.mark.parametrize("task", ["reach", "push"])
def test_the_goal_image_is_what_the_goal_looks_like(tabletop, task):
    """Bring the simulator itself to the goal and look."""
    tabletop.reset(task, 12)
    goal = tabletop.goal_image()
    assert np.abs(goal.astype(int) - tabletop.render("front")).max() > 50
    tabletop._place(tabletop.data, tabletop.episode.goal)
    assert tabletop.evaluate().success
    np.testing.assert_array_equal(goal, tabletop.render("front"))


def test_images_have_the_size_asked_for(tabletop):
    tabletop.reset("reach", 0)
    assert tabletop.render("front").shape == (128, 128, 3)
    assert tabletop.render("wrist", 64).shape == (64, 64, 3)


def test_measurements_are_consistent(tabletop):
    tabletop.reset("push", 4)
    wiggle(tabletop, 5)
    position = tabletop.kinematics.forward(tabletop.joint_positions)
    np.testing.assert_allclose(tabletop.tool_position, position, atol=1e-6)
    state = tabletop.state
    np.testing.assert_array_equal(state.blocks[:, :3], tabletop.block_positions)
    assert state.drawer == tabletop.drawer_opening and state.gripper == tabletop.gripper_width


def test_time_is_that_of_whole_physics_steps(tabletop):
    tabletop.reset("reach", 1)
    assert tabletop.time == 0.0
    tabletop.advance(0.5)
    assert tabletop.time == pytest.approx(0.5)
    tabletop.advance(-1.0)
    assert tabletop.time == pytest.approx(0.5)


def test_the_arm_follows_its_command_closely_and_without_overshoot(tabletop):
    """A servo that trails by 40 ms or more, or swings, would not do for planning."""
    tabletop.reset("reach", 2)
    kinematics = tabletop.kinematics
    joints = kinematics.inverse([0.4, -0.15, 0.2], tabletop.commanded_joints)
    tabletop.command(joints)
    tabletop.advance(2.0)
    speed, lags = 0.2, []
    for step in range(1, 76):
        y = -0.15 + min(speed * 0.02 * step, 0.3)
        joints = kinematics.inverse([0.4, y, 0.2], joints)
        tabletop.command(joints)
        tabletop.advance(0.02)
        lags.append((y - tabletop.tool_position[1]) / speed)
    assert 0.0 < max(lags[20:]) < 0.04
    positions = []
    for _ in range(25):
        tabletop.advance(0.02)
        positions.append(tabletop.tool_position)
    assert max(position[1] for position in positions) < 0.15 + 5e-4
    np.testing.assert_allclose(positions[-1], [0.4, 0.15, 0.2], atol=5e-4)


def test_commands_are_clipped_to_the_limits(tabletop):
    tabletop.reset("reach", 2)
    tabletop.command(np.full(6, 100.0), gripper=1.0)
    np.testing.assert_allclose(tabletop.commanded_joints, tabletop.kinematics.upper)
    tabletop.reset("reach", 2)
    tabletop.command(tabletop.commanded_joints, gripper=1.0)
    tabletop.advance(1.0)
    assert tabletop.gripper_width == pytest.approx(0.08, abs=0.002)
    tabletop.command(tabletop.commanded_joints)
    tabletop.advance(0.2)
    assert tabletop.gripper_width == pytest.approx(0.08, abs=0.002), "no gripper in the command: it stays"
    for width in (0.05, 0.02):
        tabletop.command(tabletop.commanded_joints, gripper=width)
        tabletop.advance(1.0)
        assert tabletop.gripper_width == pytest.approx(width, abs=0.002)


def test_a_block_beside_one_finger_is_touched_but_not_held(tabletop):
    """Pushed along y: the left finger touches the block, the right one can't."""
    tabletop.reset("reach", 2)
    tabletop.data.qpos[tabletop._blocks[0] : tabletop._blocks[0] + 7] = [0.4, 0.05, 0.02, 1, 0, 0, 0]
    tabletop.data.qpos[tabletop._blocks[1]] = tabletop.data.qpos[tabletop._blocks[2]] = 0.7
    joints = tabletop.kinematics.inverse([0.4, 0.0, 0.03], tabletop.commanded_joints)
    tabletop.data.qpos[tabletop._arm] = joints
    tabletop.command(joints, gripper=0.0)
    tabletop.advance(0.1)
    for y in np.linspace(0.0, 0.04, 40):
        joints = tabletop.kinematics.inverse([0.4, y, 0.03], joints)
        tabletop.command(joints, gripper=0.0)
        tabletop.advance(0.02)
        assert tabletop.state.held == (False, False, False)
    assert tabletop.block_positions[0, 1] > 0.06, "the push did reach the block"


@pytest.mark.parametrize("joints", [np.zeros(5), np.full(6, np.nan), [0, 0, 0, 0, 0, np.inf], np.zeros((6, 1))])
def test_a_senseless_command_is_refused_and_the_last_one_kept(tabletop, joints):
    tabletop.reset("reach", 2)
    before = tabletop.commanded_joints
    with pytest.raises(InvalidInputError, match="6 finite angles"):
        tabletop.command(joints)
    with pytest.raises(InvalidInputError, match="gripper"):
        tabletop.command(before + 0.1, gripper=float("nan"))
    np.testing.assert_array_equal(tabletop.commanded_joints, before)


def test_unknown_names_are_answered_with_the_valid_ones(tabletop):
    tabletop.reset("reach", 2)
    with pytest.raises(
        UnknownNameError, match="unknown task 'juggle'; valid: around, bring, close, open, pick, place, push"
    ):
        tabletop.reset("juggle", 0)
    with pytest.raises(UnknownNameError, match="unknown camera 'back'; valid: front, wrist"):
        tabletop.render("back")
    assert tabletop.episode.task == "reach"


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True])
def test_a_senseless_seed_is_refused(tabletop, seed):
    with pytest.raises(InvalidInputError, match="seed is an integer of 0 or more"):
        tabletop.reset("reach", seed)


def test_a_machine_without_egl_is_told_what_to_install(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "egl")
    monkeypatch.setitem(sys.modules, "mujoco.egl", None)
    with pytest.raises(EnvironmentSetupError, match=r"apt-get install -y libegl1 libegl-mesa0 libgl1-mesa-dri"):
        Renderer(build_model(), 64, 64)


def test_closing_twice_is_harmless_and_rendering_starts_anew():
    tabletop = Tabletop(64)
    tabletop.render("front")
    tabletop.close()
    tabletop.close()
    assert tabletop.render("front").std() > 10
    tabletop.close()


def test_calibration_projects_the_blocks_to_where_they_are_seen(tabletop):
    """The block's colour lies at the pixel that camera_matrix and camera_pose say, in both cameras."""
    tabletop.reset("push", 20)
    tabletop.command(tabletop.kinematics.inverse([0.33, -0.15, 0.25], tabletop.commanded_joints))
    tabletop.advance(2.0)
    for camera in ("front", "wrist"):
        matrix, pose = tabletop.camera_matrix(camera, 256), tabletop.camera_pose(camera)
        image = tabletop.render(camera, 256).astype(int)
        seen = 0
        for channel, place in enumerate(tabletop.block_positions):
            u, v, depth = matrix @ (pose[:3, :3].T @ (place - pose[:3, 3]))
            column, row = round(u / depth), round(v / depth)
            if depth <= 0 or not (0 <= row < 256 and 0 <= column < 256):
                continue
            pixel = image[row, column]
            seen += pixel[channel] > 1.5 * np.delete(pixel, channel).max()
        assert seen >= (3 if camera == "front" else 1), camera
