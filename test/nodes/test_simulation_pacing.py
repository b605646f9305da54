# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Simulated time follows the wall clock within bounds, rates keep their grid, trajectories mean what ROS means."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.arm_commands import Trajectory, read_points
from robot_planner.nodes.pacing import Due, Pacer

STEP = 0.002


@given(waits=st.lists(st.floats(0.0, 0.09), max_size=60), factor=st.sampled_from([0.5, 1.0, 3.0]))
def test_simulated_time_keeps_up_without_loss(waits, factor):
    pacer = Pacer(STEP, factor, max_lag=0.3)
    wall, taken = 50.0, 0
    pacer.start(wall)
    for wait in waits:
        wall += wait
        taken += pacer.due(wall)
        assert 0.0 <= (wall - 50.0) * factor - taken * STEP + 1e-6 <= STEP + 2e-6
        assert pacer.wall() <= wall + 1e-6 and pacer.wall(3) == pytest.approx(pacer.wall() - 3 * STEP / factor)
    assert pacer.lost == 0.0


def test_a_hold_up_is_caught_up_in_part_and_the_rest_is_left_out():
    pacer = Pacer(STEP, 1.0, max_lag=0.1)
    pacer.start(0.0)
    assert pacer.due(5.0) == 50
    assert pacer.lost == pytest.approx(4.9)
    assert pacer.due(5.0) == 0
    assert pacer.due(5.02) == 10
    assert pacer.wall() == pytest.approx(5.02)


def test_time_does_not_pass_in_a_pause():
    pacer = Pacer(STEP, 1.0)
    pacer.start(0.0)
    pacer.due(0.05)
    pacer.start(100.0)
    assert pacer.due(100.01) == 5 and pacer.lost == 0.0


@pytest.mark.parametrize("rate", [1.0, 20.0, 30.0, 100.0, 250.0])
def test_a_rate_is_kept_on_average(rate):
    due = Due(rate)
    assert sum(due.now(k * 0.004) for k in range(2500)) == pytest.approx(10 * rate, abs=1)


def test_a_rate_of_zero_is_never_due_and_a_missed_one_is_due_once():
    assert not any(Due(0.0).now(t) for t in range(10))
    due = Due(10.0)
    assert due.now(0.0) and not due.now(0.05) and due.now(3.0) and not due.now(3.05) and due.now(3.1)
    due.reset()
    assert due.now(3.11)


MS = 1_000_000


def test_a_trajectory_runs_from_what_is_held_through_its_points_and_ends_on_the_last():
    trajectory = Trajectory(1000 * MS, np.zeros(2), [1100 * MS, 1200 * MS], np.array([[1.0, 2.0], [1.0, 4.0]]))
    expected_at = {1000: [0, 0], 1050: [0.5, 1], 1100: [1, 2], 1150: [1, 3], 1200: [1, 4], 9000: [1, 4]}
    for time, expected in expected_at.items():
        np.testing.assert_allclose(trajectory.at(time * MS), expected)


def test_points_of_the_past_are_passed_over():
    trajectory = Trajectory(1000 * MS, np.zeros(1), [900 * MS, 1100 * MS], np.array([[5.0], [1.0]]))
    np.testing.assert_allclose(trajectory.at(1050 * MS), [0.5])
    late = Trajectory(1000 * MS, np.zeros(1), [800 * MS, 900 * MS], np.array([[5.0], [1.0]]))
    np.testing.assert_allclose(late.at(1000 * MS), [1.0])


JOINTS, FINGERS = ("a", "b"), ("f",)


def message(names, *points):
    made = [
        SimpleNamespace(positions=list(p), time_from_start=SimpleNamespace(sec=int(t), nanosec=round(t % 1 * 1e9)))
        for t, p in points
    ]
    return SimpleNamespace(joint_names=list(names), points=made)


def test_joints_come_in_any_order_and_the_fingers_if_wanted():
    times, points, opening = read_points(message("bfa", (1.5, [2.0, 0.01, 1.0])), JOINTS, FINGERS)
    assert times == [1_500_000_000] and opening == pytest.approx(0.02)
    np.testing.assert_array_equal(points, [[1.0, 2.0]])
    assert read_points(message("ab"), JOINTS, FINGERS)[0] == []
    assert read_points(message("ab", (1, [1, 2])), JOINTS, FINGERS)[2] is None


BAD = {
    "lacks a joint": message("a", (1, [1])),
    "unknown joint": message("abz", (1, [1, 2, 3])),
    "joint twice": message("aba", (1, [1, 2, 1])),
    "too few positions": message("ab", (1, [1])),
    "NaN": message("ab", (1, [1, float("nan")])),
    "times fall": message("ab", (2, [1, 1]), (1, [1, 1])),
    "times stand": message("ab", (1, [1, 1]), (1, [2, 2])),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_trajectory_is_refused(name):
    with pytest.raises(InvalidInputError):
        read_points(BAD[name], JOINTS, FINGERS)
