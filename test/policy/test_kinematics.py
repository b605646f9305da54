# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Forward and inverse kinematics undo each other wherever the tool has to go, and say so where it can't."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.policy.kinematics import ArmKinematics, UnreachableError

ARM = ArmKinematics()
reachable = st.tuples(st.floats(0.22, 0.62), st.floats(-0.45, 0.45), st.floats(0.02, 0.30))


def within_limits(joints: np.ndarray) -> bool:
    return bool((joints >= ARM.lower - 1e-9).all() and (joints <= ARM.upper + 1e-9).all())


@settings(max_examples=300)
@given(position=reachable, yaw=st.floats(-np.pi / 2, np.pi / 2))
def test_inverse_then_forward_is_where_it_was_from_any_start(position, yaw):
    joints = ARM.inverse(position, np.zeros(6), yaw)
    assert within_limits(joints)
    np.testing.assert_allclose(ARM.forward(joints), position, atol=3e-4)
    # Straight down: the angles of the plane cancel, and what is left is the yaw.
    assert joints[1] + joints[2] + joints[3] == pytest.approx(0.0, abs=5e-3)
    assert joints[4] == pytest.approx(0.0, abs=5e-3)
    assert np.cos(joints[0] + joints[5] - yaw) == pytest.approx(1.0, abs=1e-4)


@settings(max_examples=100)
@given(position=reachable, seed=st.tuples(*[st.floats(-3, 3)] * 6))
def test_any_seed_leads_to_the_same_posture(position, seed):
    """One elbow posture only: a stray seed can't make the arm swing over."""
    expected = ARM.inverse(position, np.zeros(6))
    joints = ARM.inverse(position, seed)
    np.testing.assert_allclose(joints[:5], expected[:5], atol=1e-2)


@settings(max_examples=100)
@given(position=reachable, move=st.tuples(*[st.floats(-0.004, 0.004)] * 2))
def test_a_small_move_of_the_tool_is_a_small_move_of_the_joints(position, move):
    """Warm starts follow a path without jumps; 4 mm is one control period at full speed."""
    before = ARM.inverse(position, np.zeros(6))
    after = ARM.inverse(np.array(position) + [*move, 0.0], before)
    assert np.abs(after - before).max() < 0.08
    np.testing.assert_allclose(ARM.forward(after), np.array(position) + [*move, 0.0], atol=3e-4)


@settings(max_examples=30)
@given(position=st.tuples(st.floats(-5, 5), st.floats(-5, 5), st.floats(-5, 5)))
def test_whatever_it_answers_is_true(position):
    try:
        joints = ARM.inverse(position, np.zeros(6))
    except UnreachableError as error:
        assert "reach" in str(error) and "\n" not in str(error)
        return
    assert within_limits(joints)
    np.testing.assert_allclose(ARM.forward(joints), position, atol=3e-4)


@pytest.mark.parametrize("position", [(1.5, 0.0, 0.1), (0.0, 0.0, 0.05), (0.4, 0.0, 2.0), (0.4, 0.0, -3.0)])
def test_out_of_reach_is_refused(position):
    with pytest.raises(UnreachableError):
        ARM.inverse(position, np.zeros(6))


@pytest.mark.parametrize("position", [(np.nan, 0.0, 0.1), (0.4, 0.0), (0.4, np.inf, 0.1)])
def test_senseless_positions_are_refused(position):
    with pytest.raises(UnreachableError, match="three finite numbers"):
        ARM.inverse(position, np.zeros(6))
    with pytest.raises(UnreachableError):
        ARM.inverse((0.4, 0.0, 0.1), np.zeros(6), yaw=float("nan"))


@pytest.mark.parametrize("seed", [np.zeros(5), np.full(6, np.nan)])
def test_a_senseless_seed_is_refused(seed):
    with pytest.raises(InvalidInputError, match="six finite joint angles"):
        ARM.inverse((0.4, 0.0, 0.1), seed)


def test_kinematics_are_those_of_the_simulated_arm():
    from robot_planner.simulation.model import build_model

    model = build_model()
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    for _ in range(20):
        joints = rng.uniform(ARM.lower, ARM.upper)
        for name, angle in zip(ARM.joint_names, joints, strict=True):
            data.joint(name).qpos[0] = angle
        mujoco.mj_kinematics(model, data)
        np.testing.assert_allclose(ARM.forward(joints), data.body("tool").xpos, atol=1e-9)
    limits = np.array([model.joint(name).range for name in ARM.joint_names])
    np.testing.assert_array_equal(limits, np.column_stack([ARM.lower, ARM.upper]))


def test_answers_do_not_alias_each_other():
    first = ARM.inverse((0.4, 0.0, 0.1), np.zeros(6))
    kept = first.copy()
    ARM.inverse((0.5, 0.1, 0.1), first)
    place = ARM.forward(first)
    before = place.copy()
    ARM.forward(np.zeros(6))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(place, before)
