# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Plans are followed by their age, joined smoothly, ended by holding, and refused for the right reason."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_planner.errors import InvalidInputError
from robot_planner.policy.reasons import PlanRefusedError, Reason
from robot_planner.policy.schedule import CommandHistory, PlanSchedule, ScheduleConfig

S = 1_000_000_000
MS = 1_000_000
CONFIG = ScheduleConfig(blend_seconds=0.1, blend_speed=10.0)
HOME = np.array([0.4, 0.0, 0.03])


def standing(now: int = 10 * S, config: ScheduleConfig = CONFIG) -> PlanSchedule:
    """A schedule whose arm has stood at HOME for the last second."""
    schedule = PlanSchedule(config)
    for k in range(51):
        schedule.history.record(now - (50 - k) * 20 * MS, HOME)
    return schedule


def line(dx: float, steps: int = 10) -> np.ndarray:
    return np.tile([dx, 0.0], (steps, 1))


def test_a_plan_is_joined_at_its_age_and_followed_to_its_end():
    now = 10 * S
    schedule = standing(now)
    assert schedule.accept(line(0.02, 5), now - 300 * MS, 0.2, now)
    later = now + 100 * MS  # the seam is over
    point, velocity = schedule.target(later)
    np.testing.assert_allclose(point, HOME + [0.04, 0, 0], atol=1e-12)  # 0.4 s at 0.1 m/s
    np.testing.assert_allclose(velocity, [0.1, 0, 0], atol=1e-12)
    end = now + 700 * MS
    assert not schedule.finished(end - MS) and schedule.finished(end)
    point, velocity = schedule.target(end + 10 * S)
    np.testing.assert_allclose(point, HOME + [0.1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(velocity, 0.0)


def test_a_plan_begins_where_the_arm_was_when_its_image_was_taken():
    schedule = PlanSchedule(CONFIG)
    for k in range(51):
        schedule.history.record(k * 20 * MS, HOME + [0.001 * k, 0, 0])
    schedule.accept(line(0.02), 810 * MS, 0.2, S)  # taken between the entries 40 and 41
    point, _ = schedule.target(S + 200 * MS)
    np.testing.assert_allclose(point, HOME + [0.0405 + 0.039, 0, 0], atol=1e-9)


def test_there_is_no_target_without_a_plan_and_none_after_an_empty_one():
    now = 10 * S
    schedule = standing(now)
    assert schedule.target(now) is None and not schedule.active
    schedule.accept(line(0.02), now, 0.2, now)
    assert schedule.active and schedule.stamp == now
    assert not schedule.accept(np.zeros((0, 2)), now, 0.0, now)
    assert schedule.target(now) is None and not schedule.active and schedule.stamp is None


@given(
    first=arrays(np.float64, (6, 2), elements=st.floats(-0.04, 0.04)),
    second=arrays(np.float64, (6, 2), elements=st.floats(-0.04, 0.04)),
    join=st.integers(0, 900),
    age=st.integers(0, 400),
    blend=st.floats(0.02, 0.4),
)
def test_the_seam_has_neither_a_jump_nor_a_kink(first, second, join, age, blend):
    start = 10 * S
    schedule = standing(start, replace(CONFIG, blend_seconds=blend))
    schedule.accept(first, start, 0.2, start)
    for k in range(join // 20 + 1):
        schedule.history.record(start + k * 20 * MS, schedule.target(start + k * 20 * MS)[0])
    now = start + join * MS
    stamp = max(now - age * MS, start)
    assume(join % 200 and (now - stamp) % (200 * MS))  # corners of the paths themselves may have a kink
    before = schedule.target(now)
    schedule.accept(second, stamp, 0.2, now)
    after = schedule.target(now)
    np.testing.assert_allclose(after[0], before[0], atol=1e-9)
    np.testing.assert_allclose(after[1], before[1], atol=1e-9)
    tiny = 1000
    np.testing.assert_allclose(schedule.target(now + tiny)[0], before[0] + before[1] * tiny / S, atol=1e-9)
    seam_end = now + int(blend * S)
    x0, v0 = schedule.target(seam_end - 10)
    x1, _ = schedule.target(seam_end + 10)
    np.testing.assert_allclose(x1, x0, atol=1e-7)


def test_replanning_the_same_motion_leaves_no_seam():
    start = 10 * S
    schedule = standing(start)
    schedule.accept(line(0.02, 20), start, 0.2, start)
    for k in range(60):
        now = start + k * 20 * MS
        if k > 10:
            schedule.accept(line(0.02, 20), now - 60 * MS, 0.2, now)
        point, velocity = schedule.target(now)
        schedule.history.record(now, point)
        if k > 10:
            np.testing.assert_allclose(point, HOME + [0.1 * k * 0.02, 0, 0], atol=2e-4)
            np.testing.assert_allclose(velocity, [0.1, 0, 0], atol=2e-3)


def test_a_wide_gap_is_closed_no_faster_than_allowed():
    now = 10 * S
    schedule = standing(now, ScheduleConfig(height=0.23, blend_speed=0.2))
    schedule.accept(line(0.0), now, 0.2, now)
    heights = [schedule.target(now + k * 10 * MS)[0][2] for k in range(200)]
    assert np.max(np.abs(np.diff(heights))) <= 0.2 * 0.01 + 1e-9
    assert heights[0] == pytest.approx(0.03) and heights[-1] == pytest.approx(0.23)


def refused(schedule: PlanSchedule, *plan) -> Reason:
    before = schedule.target(plan[-1])
    with pytest.raises(PlanRefusedError) as info:
        schedule.accept(*plan)
    after = schedule.target(plan[-1])
    assert (before is None) == (after is None)
    if before is not None:
        np.testing.assert_array_equal(before[0], after[0])
    return info.value.reason


NOW = 10 * S
REFUSED = {
    "old": (Reason.STALE, line(0.01), NOW - 501 * MS, 0.2),
    "future": (Reason.FUTURE, line(0.01), NOW + 21 * MS, 0.2),
    "nan": (Reason.NOT_FINITE, np.array([[0.01, np.nan]]), NOW, 0.2),
    "infinite": (Reason.NOT_FINITE, np.array([[0.01, 0.0], [np.inf, 0.0]]), NOW, 0.2),
    "three numbers": (Reason.WRONG_SHAPE, np.zeros((4, 3)), NOW, 0.2),
    "flat": (Reason.WRONG_SHAPE, np.zeros(4), NOW, 0.2),
    "endless": (Reason.WRONG_SHAPE, np.zeros((10_001, 2)), NOW, 0.2),
    "too long a step": (Reason.OUT_OF_BOUNDS, line(0.0401), NOW, 0.2),
    "too long backwards": (Reason.OUT_OF_BOUNDS, line(-0.0401), NOW, 0.2),
    "no duration": (Reason.BAD_STEP, line(0.01), NOW, 0.0),
    "negative duration": (Reason.BAD_STEP, line(0.01), NOW, -0.2),
    "nan duration": (Reason.BAD_STEP, line(0.01), NOW, float("nan")),
    "hour-long steps": (Reason.BAD_STEP, line(0.01), NOW, 3600.0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_plans_are_refused_and_change_nothing(name):
    reason, actions, stamp, step = REFUSED[name]
    assert refused(standing(NOW), actions, stamp, step, NOW) is reason
    moving = standing(NOW)
    moving.accept(line(0.02), NOW - 100 * MS, 0.2, NOW - 50 * MS)
    assert refused(moving, actions, stamp, step, NOW) is reason


def test_what_is_just_allowed_is_accepted():
    for stamp in (NOW - 500 * MS, NOW + 20 * MS):
        assert standing(NOW).accept(line(0.04), stamp, 0.2, NOW)
    assert standing(NOW).accept(np.float32(line(-0.04)), NOW, 10.0, NOW)


def test_an_older_plan_never_replaces_a_newer_one():
    schedule = standing(NOW)
    schedule.accept(line(0.01), NOW - 100 * MS, 0.2, NOW)
    assert refused(schedule, line(0.02), NOW - 101 * MS, 0.2, NOW) is Reason.OUT_OF_ORDER
    assert schedule.accept(line(0.02), NOW - 100 * MS, 0.2, NOW), "the same image may be planned from twice"


def test_a_plan_from_before_the_known_motion_is_refused():
    schedule = PlanSchedule(CONFIG)
    assert refused(schedule, line(0.01), NOW, 0.2, NOW) is Reason.UNANCHORED
    schedule.history.record(NOW - 50 * MS, HOME)
    assert refused(schedule, line(0.01), NOW - 60 * MS, 0.2, NOW) is Reason.UNANCHORED
    assert schedule.accept(line(0.01), NOW - 50 * MS, 0.2, NOW)


def test_history_interpolates_forgets_what_is_old_and_restarts_when_the_clock_goes_back():
    history = CommandHistory(1.0)
    for k in range(200):
        history.record(k * 20 * MS, np.full(3, float(k)))
    assert history.at(150 * 20 * MS + 5 * MS)[0] == pytest.approx(150.25)
    assert history.at(10 * S)[0] == 199.0
    assert history.at(149 * 20 * MS) is not None and history.at(100 * 20 * MS) is None
    history.record(5, np.zeros(3))
    assert history.at(4) is None and history.at(10 * S)[0] == 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"action_low": (0.1, 0.1)},
        {"action_low": (-1.0,), "action_high": (1.0,)},
        {"action_low": (float("nan"), -1.0)},
        {"max_plan_age": 0.0},
        {"blend_seconds": -1.0},
        {"max_plan_age": 3.0},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(change):
    with pytest.raises(InvalidInputError):
        replace(CONFIG, **change)


@given(
    first=arrays(np.float64, (6, 2), elements=st.floats(-0.04, 0.04)),
    second=arrays(np.float64, (6, 2), elements=st.floats(-0.04, 0.04)),
    age=st.integers(0, 300),
    lead=st.integers(0, 350),
)
def test_a_plan_made_for_its_landing_leaves_no_gap(first, second, age, lead):
    """It begins where the arm is told to be at its first action, and joins without a gap if it lands just then."""
    start = 10 * S
    schedule = standing(start)
    schedule.accept(first, start, 0.2, start)
    now = start + 700 * MS
    for k in range(36):
        schedule.record(start + k * 20 * MS, schedule.target(start + k * 20 * MS)[0])
    before = schedule.target(now)[0]
    schedule.accept(second, now - age * MS, 0.2, now, lead / 1000)
    late = max(age - lead, 0) / 1000  # one that is early begins at once
    assert schedule.jump <= late * 0.4 * np.sqrt(2) + 1e-3 * (lead < age)  # both paths' speeds; points are 20 ms apart
    np.testing.assert_allclose(schedule.target(now)[0], before, atol=1e-9)
    if lead >= age:
        assert schedule.jump < 1e-9


def test_paths_do_not_run_away_from_an_arm_that_is_held_back():
    """Plans that come early and press on towards what the arm may not reach begin where it was told to be."""
    now = 10 * S
    schedule = standing(now, ScheduleConfig())
    for _ in range(200):
        schedule.accept(line(0.04), now, 0.2, now, lead=0.3)
        for _ in range(2):
            now += 20 * MS
            schedule.record(now, np.minimum(schedule.target(now)[0], HOME + 0.05))
    assert schedule.jump < 0.1  # in 8 s the paths would have gone 1.6 m
    assert np.linalg.norm(schedule.target(now)[0] - schedule.last) < 0.1


def test_a_plan_without_lead_jumps_by_what_was_done_since_its_image():
    start = 10 * S
    schedule = standing(start)
    schedule.accept(line(0.04), start, 0.2, start)
    for k in range(51):
        schedule.record(start + k * 20 * MS, schedule.target(start + k * 20 * MS)[0])
    now = start + S
    schedule.accept(line(-0.04), now - 100 * MS, 0.2, now)
    assert schedule.jump == pytest.approx(0.04)  # 0.1 s one way, and as long the other way
    schedule.accept(line(0.04), now - 100 * MS, 0.2, now, lead=0.1)
    assert schedule.jump < 1e-9


@pytest.mark.parametrize("lead", [-0.01, 0.51, np.nan, np.inf])
def test_a_lead_out_of_bounds_is_refused(lead):
    now = 10 * S
    schedule = standing(now)
    with pytest.raises(PlanRefusedError, match="after its image; allowed: 0 to 0.5"):
        schedule.accept(line(0.02), now, 0.2, now, lead)
    assert not schedule.active
