# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Shifting a plan keeps the path that it describes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.planning.warm_start import shift_actions, shift_states, steps_since
from robot_planner.types import Plan, StopReason

ACTIONS = np.arange(1.0, 7.0, dtype=np.float32).reshape(3, 2)
REST = np.zeros(2, np.float32)


def path(actions, at):
    """Integral of the actions, linear within a step and held after the end."""
    ends = np.concatenate([np.zeros((1, 2)), np.cumsum(actions, axis=0)])
    return np.stack([np.interp(at, np.arange(len(ends)), ends[:, axis]) for axis in range(2)], -1)


@given(st.floats(0.0, 5.0))
def test_shifted_actions_follow_the_same_path_at_each_new_step(steps):
    shifted = shift_actions(ACTIONS, steps, REST)
    at = np.arange(4.0)
    expected = path(ACTIONS, at + steps) - path(ACTIONS, np.array([steps]))
    assert shifted.shape == ACTIONS.shape
    np.testing.assert_allclose(path(shifted, at), expected, atol=1e-5)


def test_whole_shifts_drop_the_past_and_fill_the_end():
    np.testing.assert_array_equal(shift_actions(ACTIONS, 1.0, REST), [[3, 4], [5, 6], [0, 0]])
    np.testing.assert_array_equal(shift_actions(ACTIONS, 0.0, REST), ACTIONS)
    np.testing.assert_array_equal(shift_actions(ACTIONS, 9.0, REST), np.zeros((3, 2)))


def test_states_are_interpolated_and_the_last_is_held():
    states = np.array([[0.0], [1.0], [4.0]], np.float32)
    np.testing.assert_allclose(shift_states(states, 0.5), [[0.5], [2.5], [4.0]])
    np.testing.assert_allclose(shift_states(states, 7.0), [[4.0], [4.0], [4.0]])


def test_steps_since_counts_in_the_plans_steps():
    plan = Plan(ACTIONS, ACTIONS, 0.0, 1, 0.0, StopReason.ITERATIONS, stamp=10**9, step_seconds=0.2)
    assert steps_since(plan, 13 * 10**8) == pytest.approx(1.5)
    assert steps_since(plan, 8 * 10**8) == pytest.approx(-1.0)
