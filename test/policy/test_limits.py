# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The limiter keeps every limit for every sequence of targets, follows well, and stops in time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_planner.errors import InvalidInputError
from robot_planner.policy.limits import JointLimiter, MotionLimiter, MotionLimits

LIMITS = MotionLimits(
    lower=np.array([-1.0, -2.0, -0.1]),
    upper=np.array([1.0, 0.5, 0.1]),
    velocity=np.array([1.0, 2.0, 3.0]),
    acceleration=np.array([4.0, 10.0, 5.0]),
)
EPS = 1e-9


def run(limiter: JointLimiter, command, dt: float) -> None:
    """One step, with every limit checked on what came out."""
    limits = limiter.limits
    q, v = limiter.position.copy(), limiter.velocity.copy()
    command(dt)
    assert np.all(limiter.position >= limits.lower) and np.all(limiter.position <= limits.upper)
    moved = limiter.position - q
    assert np.all(np.abs(moved) <= limits.velocity * dt + EPS)
    assert np.all(np.abs(limiter.velocity) <= limits.velocity + EPS)
    assert np.all(np.abs(limiter.velocity - v) <= limits.acceleration * dt + EPS)
    np.testing.assert_allclose(moved, limiter.velocity * dt, atol=1e-12)


targets = arrays(np.float64, 3, elements=st.floats(-1e6, 1e6) | st.floats(-2.5, 2.5))
periods = st.floats(1e-4, 0.1)


@settings(max_examples=300, deadline=None)
@given(
    start=arrays(np.float64, 3, elements=st.floats(0, 1)),
    moves=st.lists(st.tuples(targets | st.none(), periods, st.integers(1, 12)), min_size=1, max_size=25),
)
def test_no_sequence_of_targets_breaks_a_limit(start, moves):
    limiter = JointLimiter(LIMITS)
    limiter.reset(LIMITS.lower + start * (LIMITS.upper - LIMITS.lower))
    for target, dt, times in moves:
        for _ in range(times):
            run(limiter, limiter.stop if target is None else lambda dt, t=target: limiter.step(t, dt), dt)
    while not limiter.at_rest:  # and it can always still stop
        run(limiter, limiter.stop, 0.02)


@given(dt=st.floats(0.001, 0.05), speed=st.floats(-1, 1))
def test_stop_brakes_at_the_limit_and_no_slower(dt, speed):
    limiter = JointLimiter(LIMITS)
    limiter.reset(np.array([0.0, -0.75, 0.0]))
    limiter.velocity = speed * np.array([1.0, 1.0, 0.5])
    needed = np.max(np.abs(limiter.velocity) / LIMITS.acceleration)
    steps = 0
    while not limiter.at_rest:
        limiter.stop(dt)
        steps += 1
    assert steps * dt <= needed + dt + EPS
    assert needed <= LIMITS.stopping_time


def test_a_still_target_is_reached_without_overshoot():
    limiter = JointLimiter(LIMITS)
    limiter.reset(np.array([-0.9, 0.0, 0.0]))
    goal = np.array([0.9, -1.5, 0.05])
    path = np.array([limiter.step(goal, 0.02) for _ in range(200)])
    np.testing.assert_allclose(path[-1], goal, atol=1e-6)
    assert np.max(path[:, 0]) <= goal[0] + EPS and np.min(path[:, 1]) >= goal[1] - EPS
    # Time-optimal: 1.8 rad at 1 rad/s and 4 rad/s² take 2.05 s.
    assert np.argmax(np.abs(path[:, 0] - goal[0]) < 1e-3) * 0.02 == pytest.approx(2.05, abs=0.1)


def test_a_slow_target_is_followed_without_lag():
    limiter = JointLimiter(LIMITS)
    limiter.reset(np.zeros(3))
    wave = np.array([0.3 * np.sin(0.02 * k) * np.array([1, 1, 0.1]) for k in range(300)])
    followed = np.array([limiter.step(target, 0.02).copy() for target in wave])
    np.testing.assert_allclose(followed[20:], wave[20:], atol=1e-9)


def test_reset_takes_a_start_on_the_edge_and_refuses_one_outside():
    limiter = JointLimiter(LIMITS, tolerance=0.02)
    limiter.reset(np.array([1.01, 0.0, 0.0]))
    assert limiter.position[0] == 1.0
    with pytest.raises(InvalidInputError, match="joint 1 is at 0.600 rad, outside its limits -2.000 to 0.500"):
        limiter.reset(np.array([0.0, 0.6, 0.0]))


@pytest.mark.parametrize("bad", [np.array([np.nan, 0, 0]), np.array([np.inf, 0, 0]), np.zeros(2), np.zeros((3, 1))])
def test_a_target_that_is_no_target_moves_nothing(bad):
    limiter = JointLimiter(LIMITS)
    limiter.reset(np.zeros(3))
    limiter.step(np.array([0.5, 0, 0]), 0.02)
    position, velocity = limiter.position.copy(), limiter.velocity.copy()
    with pytest.raises(InvalidInputError):
        limiter.step(bad, 0.02)
    np.testing.assert_array_equal(limiter.position, position)
    np.testing.assert_array_equal(limiter.velocity, velocity)


@pytest.mark.parametrize(
    "change",
    [
        {"lower": [1.1, -2.0, -0.1]},
        {"velocity": [0.0, 1.0, 1.0]},
        {"acceleration": [1.0, -1.0, 1.0]},
        {"upper": [np.nan, 1.0, 1.0]},
        {"velocity": [1.0, 1.0]},
    ],
)
def test_limits_that_make_no_sense_are_refused(change):
    fields = {name: getattr(LIMITS, name) for name in ("lower", "upper", "velocity", "acceleration")}
    with pytest.raises(InvalidInputError):
        MotionLimits(**{**fields, **{name: np.array(value) for name, value in change.items()}})


def test_axes_brake_together_on_the_line_they_were_on():
    limiter = JointLimiter(LIMITS)
    limiter.reset(np.zeros(3), velocity=np.array([0.8, -0.4, 0.1]))
    path = [limiter.position]
    while not limiter.at_rest:
        path.append(limiter.stop(0.01).copy())
    way = np.diff(path, axis=0)
    np.testing.assert_allclose(way[:15, 1] / way[:15, 0], -0.5, atol=1e-6)
    assert len(way) == pytest.approx(0.2 / 0.01, abs=1)


def test_waiting_makes_no_way_and_brakes():
    limiter = JointLimiter(LIMITS)
    limiter.reset(np.zeros(3), velocity=np.array([0.8, -0.4, 0.1]))
    limiter.wait(0.1)
    np.testing.assert_allclose(limiter.velocity, [0.4, 0.0, 0.0])
    np.testing.assert_array_equal(limiter.position, 0.0)


@given(start=arrays(np.float64, 3, elements=st.floats(-1, 1)), target=targets)
def test_a_tool_outside_its_box_is_led_in_without_a_leap(start, target):
    box = MotionLimits(np.array([0.2, -0.2, 0.03]), np.array([0.5, 0.2, 0.03]), np.full(3, 0.3), np.full(3, 4.0))
    limiter = MotionLimiter(box)
    limiter.reset(start)
    outside = np.maximum(np.maximum(box.lower - start, start - box.upper), 0)
    for _ in range(400):
        before = limiter.position.copy()
        limiter.step(target, 0.02)
        assert np.all(np.abs(limiter.position - before) <= 0.3 * 0.02 + EPS)
        now = np.maximum(np.maximum(box.lower - limiter.position, limiter.position - box.upper), 0)
        assert np.all(now <= outside + EPS)
        outside = now
    np.testing.assert_allclose(limiter.position, np.clip(target, box.lower, box.upper), atol=1e-4)


@pytest.mark.parametrize("position", [np.zeros(2), np.full(3, np.nan)])
def test_a_place_that_is_none_is_refused(position):
    with pytest.raises(InvalidInputError):
        MotionLimiter(LIMITS).reset(position)
