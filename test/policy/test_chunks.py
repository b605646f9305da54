# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Chunks are followed by their age, averaged and joined as configured, and refused for the right reason."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.policy.chunks import ChunkConfig, ChunkSchedule, absolute_targets, wrapped
from robot_planner.policy.reasons import PlanRefusedError, Reason

S, MS = 1_000_000_000, 1_000_000
POSE = np.array([0.4, 0.1, 0.2, 0.5])


def moving(speed=0.1, opening=0.08, rows=8):
    """A chunk that moves along x at ``speed`` [m/s] and turns at 1 rad/s."""
    times = 0.1 * np.arange(1, rows + 1)
    chunk = np.zeros((rows, 5))
    chunk[:, 0], chunk[:, 3], chunk[:, 4] = speed * times, times, opening
    return chunk


def standing(offset, opening=0.08):
    chunk = np.zeros((8, 5))
    chunk[:, 0], chunk[:, 4] = offset, opening
    return chunk


def test_rows_are_relative_to_the_pose_and_openings_are_not():
    targets = absolute_targets([[0.01, 0.02, -0.03, 0.1, 0.04]], POSE)
    np.testing.assert_allclose(targets, [[0.41, 0.12, 0.17, 0.6, 0.04]])


@given(age=st.integers(0, 499), later=st.integers(0, 300))
def test_a_chunk_is_joined_at_its_measured_age(age, later):
    schedule = ChunkSchedule()
    stamp = 10 * S
    now = stamp + age * MS
    assert schedule.accept(moving(), POSE, stamp, now) == age // 100
    seconds = (age + later) / 1000
    target = schedule.target(now + later * MS)
    np.testing.assert_allclose(target, [0.4 + 0.1 * seconds, 0.1, 0.2, 0.5 + seconds, 0.08], atol=1e-9)


def test_each_row_is_reached_at_its_time_and_its_opening_holds_till_then():
    chunk = moving()
    chunk[:, 4] = np.arange(8) / 100
    schedule = ChunkSchedule()
    schedule.accept(chunk, POSE, S, S)
    for k in range(8):
        for before in (0, 1, 50, 99):
            target = schedule.target(S + (100 * (k + 1) - before) * MS)
            assert target[4] == pytest.approx(k / 100)
        np.testing.assert_allclose(schedule.target(S + 100 * (k + 1) * MS)[:4], POSE + chunk[k, :4], atol=1e-9)


def test_the_end_is_held():
    schedule = ChunkSchedule()
    assert schedule.target(S) is None and schedule.finished(S) and not schedule.active and schedule.stamp is None
    schedule.accept(moving(), POSE, S, S)
    assert schedule.active and schedule.stamp == S
    end = S + 800 * MS
    assert not schedule.finished(end - MS) and schedule.finished(end)
    np.testing.assert_allclose(schedule.target(end + 5 * S), [0.48, 0.1, 0.2, 1.3, 0.08], atol=1e-9)
    schedule.clear()
    assert schedule.target(end) is None


def test_without_ensembling_the_newest_chunk_counts_alone():
    schedule = ChunkSchedule()
    for k, offset in enumerate((0.0, 0.1, 0.2)):
        schedule.accept(standing(offset), POSE, S + k * 100 * MS, S + k * 100 * MS)
    assert schedule.target(S + 300 * MS)[0] == pytest.approx(0.6)


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.25, 2.0])
def test_ensembling_weighs_exponentially(newest_first, decay):
    schedule = ChunkSchedule(ChunkConfig(ensemble=True, decay=decay, newest_first=newest_first))
    offsets = np.array([0.0, 0.1, 0.3])
    for k, offset in enumerate(offsets):
        schedule.accept(standing(offset), POSE, S + k * 100 * MS, S + k * 100 * MS)
    weights = np.exp(-decay * np.arange(3))
    wanted = weights @ (offsets[::-1] if newest_first else offsets) / weights.sum()
    assert schedule.target(S + 300 * MS)[0] == pytest.approx(0.4 + wanted)


def test_ensembling_drops_chunks_that_are_over_and_more_than_are_wanted():
    schedule = ChunkSchedule(ChunkConfig(ensemble=True, decay=0.0, ensemble_chunks=2))
    for k, offset in enumerate((1.0, 0.0, 0.1)):
        schedule.accept(standing(offset), POSE, S + k * 100 * MS, S + k * 100 * MS)
    assert schedule.target(S + 300 * MS)[0] == pytest.approx(0.45)
    assert schedule.target(S + 950 * MS)[0] == pytest.approx(0.5), "the second chunk ended at 0.9 s"
    assert schedule.target(S + 5 * S)[0] == pytest.approx(0.5)


def test_ensembled_yaws_take_the_short_way_and_openings_vote():
    schedule = ChunkSchedule(ChunkConfig(ensemble=True, decay=0.0))
    for k, (yaw, opening) in enumerate(((3.1, 0.08), (-3.1, 0.0), (3.12, 0.08))):
        pose = [0.4, 0.1, 0.2, yaw]
        schedule.accept(standing(0.0, opening), pose, S + k * 100 * MS, S + k * 100 * MS)
    target = schedule.target(S + 300 * MS)
    assert abs(wrapped(target[3] - np.pi)) < 0.05
    assert target[4] == 0.08


@given(age=st.integers(0, 300), join=st.integers(50, 700), yaw=st.floats(-np.pi, np.pi))
def test_a_blended_seam_begins_where_the_old_target_was_and_ends_on_the_new_chunk(age, join, yaw):
    schedule = ChunkSchedule(ChunkConfig(blend_seconds=0.2))
    schedule.accept(moving(), POSE, S, S)
    now = S + join * MS
    stamp = max(now - age * MS, S)
    before = schedule.target(now)
    pose = np.array([0.5, 0.0, 0.3, yaw])
    schedule.accept(moving(-0.2), pose, stamp, now)
    after = schedule.target(now)
    np.testing.assert_allclose(after[:3], before[:3], atol=1e-9)
    assert abs(wrapped(after[3] - before[3])) < 1e-9
    plain = ChunkSchedule()
    plain.accept(moving(-0.2), pose, stamp, now)
    for later in (200, 350):
        np.testing.assert_allclose(schedule.target(now + later * MS), plain.target(now + later * MS), atol=1e-9)
    middle = schedule.target(now + 100 * MS)[0]
    x = sorted([plain.target(now + 100 * MS)[0], plain.target(now + 100 * MS)[0] + before[0] - plain.target(now)[0]])
    assert x[0] - 1e-9 <= middle <= x[1] + 1e-9


def test_without_blending_the_new_chunk_holds_at_once():
    schedule = ChunkSchedule()
    schedule.accept(standing(0.0), POSE, S, S)
    schedule.accept(standing(0.1), POSE, S, S + 100 * MS)
    assert schedule.target(S + 100 * MS)[0] == pytest.approx(0.5)


NOW = 10 * S
REFUSED = {
    "old": (Reason.STALE, moving(), POSE, NOW - 501 * MS),
    "over": (Reason.STALE, moving(rows=1), POSE, NOW - 100 * MS),
    "future": (Reason.FUTURE, moving(), POSE, NOW + 21 * MS),
    "order": (Reason.OUT_OF_ORDER, moving(), POSE, NOW - 101 * MS),
    "nan": (Reason.NOT_FINITE, moving() * np.nan, POSE, NOW),
    "infinite pose": (Reason.NOT_FINITE, moving(), POSE * np.inf, NOW),
    "four numbers": (Reason.WRONG_SHAPE, np.zeros((8, 4)), POSE, NOW),
    "empty": (Reason.WRONG_SHAPE, np.zeros((0, 5)), POSE, NOW),
    "short pose": (Reason.WRONG_SHAPE, moving(), POSE[:3], NOW),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_chunks_are_refused_and_change_nothing(name):
    reason, chunk, pose, stamp = REFUSED[name]
    schedule = ChunkSchedule(ChunkConfig(blend_seconds=0.1, ensemble=True))
    schedule.accept(moving(), POSE, NOW - 100 * MS, NOW - 50 * MS)
    before = schedule.target(NOW)
    with pytest.raises(PlanRefusedError) as info:
        schedule.accept(chunk, pose, stamp, NOW)
    assert info.value.reason is reason
    np.testing.assert_array_equal(schedule.target(NOW), before)
    assert schedule.stamp == NOW - 100 * MS


def test_what_is_just_allowed_is_accepted():
    for stamp in (NOW - 500 * MS, NOW + 20 * MS):
        schedule = ChunkSchedule()
        schedule.accept(moving(), POSE, stamp, NOW)
        assert schedule.active
    schedule.accept(moving(), POSE, NOW + 20 * MS, NOW)  # the same image may be acted upon twice


@pytest.mark.parametrize(
    "change", [{"step_seconds": 0.0}, {"max_age": -1.0}, {"decay": float("nan")}, {"ensemble_chunks": 0}]
)
def test_a_configuration_that_makes_no_sense_is_refused(change):
    with pytest.raises(InvalidInputError):
        ChunkConfig(**change)
