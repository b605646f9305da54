# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The two rooms: walls hold, the door is open, ways are as long as a search over a grid says, problems are fair."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.simulation.two_room import (
    DOOR,
    HIGH,
    HORIZONS,
    LOW,
    SIDE,
    SPEED,
    SUCCESS,
    WALL,
    WAY,
    is_free,
    pictures,
    rollout,
    sample_problem,
    step,
    success,
    way_length,
)

MIDDLE = sum(DOOR) / 2


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), size=st.floats(0.1, 5.0))
def test_agents_stay_in_free_space_and_batches_are_their_agents(seed, size):
    rng = np.random.default_rng(seed)
    start = rng.uniform(LOW, HIGH, (50, 2))
    start = start[is_free(start)]
    actions = size * rng.standard_normal((40, 1, 2)) + rng.standard_normal((40, len(start), 2))
    path = rollout(start, actions)
    assert is_free(path).all()
    assert (np.abs(np.diff(path, axis=0)) <= SPEED + 1e-9).all()
    alone = rollout(start[3:4], actions[:, 3:4])
    np.testing.assert_array_equal(path[:, 3:4], alone)


def test_the_wall_stops_and_lets_slide_and_the_door_lets_through():
    east, north_east = np.tile([1.0, 0.0], (30, 1, 1)), np.tile([1.0, 1.0], (10, 1, 1))
    np.testing.assert_allclose(rollout(np.array([[60.0, 150.0]]), east)[-1, 0], [WALL[0], 150.0])
    np.testing.assert_allclose(rollout(np.array([[90.0, 100.0]]), north_east)[-1, 0], [WALL[0], 150.0])
    np.testing.assert_allclose(rollout(np.array([[180.0, 150.0]]), -east)[-1, 0], [WALL[1], 150.0])
    assert rollout(np.array([[60.0, MIDDLE]]), east)[-1, 0, 0] == 210.0
    inside = rollout(np.array([[112.0, MIDDLE]]), np.tile([0.0, 1.0], (10, 1, 1)))[-1, 0]
    np.testing.assert_allclose(inside, [112.0, DOOR[1]])  # the door's sides hold as well


def test_actions_are_clipped_and_what_is_no_number_is_rest():
    at = np.array([[50.0, 50.0]])
    np.testing.assert_allclose(step(at, np.array([[9.0, -9.0]])), [[50.0 + SPEED, 50.0 - SPEED]])
    np.testing.assert_allclose(step(at, np.array([[np.nan, 0.0]])), at)


def test_success_is_nearer_than_sixteen_pixels():
    goal = np.array([50.0, 50.0])
    assert list(success(goal + np.array([[15.9, 0.0], [16.1, 0.0], [12.0, 12.0]]), goal)) == [True, False, False]
    assert SUCCESS == 16.0


def searched_length(start, goal, grid=4.0):
    """Shortest way by Dijkstra on a grid with 16 neighbours: a little too long."""
    moves = [(x, y) for x in range(-2, 3) for y in range(-2, 3) if np.gcd(x, y) == 1]
    begin, end = (tuple(np.round(p / grid).astype(int)) for p in (start, goal))
    done, queue = set(), [(0.0, begin)]
    while queue:
        length, at = heapq.heappop(queue)
        if at == end:
            return grid * length
        if at in done:
            continue
        done.add(at)
        for move in moves:
            new = (at[0] + move[0], at[1] + move[1])
            if new not in done and is_free(np.linspace(at, new, 5) * grid).all():
                heapq.heappush(queue, (length + np.hypot(*move), new))
    return np.inf


@pytest.mark.parametrize(
    ("start", "goal"),
    [
        ((60, 180), (172, 180)),
        ((92, 80), (148, 20)),
        ((40, 44), (180, 48)),
        ((20, 200), (200, 40)),
        ((80, 20), (200, 100)),
    ],
)
def test_the_way_is_as_long_as_a_search_says(start, goal):
    start, goal = np.array(start, float), np.array(goal, float)
    length = float(way_length(start, goal))
    assert length - 1e-9 <= searched_length(start, goal) <= 1.06 * length + 4.0
    assert length == pytest.approx(float(way_length(goal, start)))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 3_000_000), horizon=st.sampled_from([10, 20, 50, 80]))
def test_problems_lead_to_the_other_room_and_suit_the_horizon(seed, horizon):
    problem, again = sample_problem(seed, horizon), sample_problem(seed, horizon)
    np.testing.assert_array_equal(problem.start, again.start)
    ends = np.stack([problem.start, problem.goal])
    assert is_free(ends).all() and (ends[:, 0] < WALL[0]).sum() == (ends[:, 0] > WALL[1]).sum() == 1
    length = way_length(problem.start, problem.goal)
    assert WAY[0] * horizon * SPEED <= length <= WAY[1] * horizon * SPEED
    assert length >= np.linalg.norm(problem.goal - problem.start) - 1e-9


@pytest.mark.parametrize("horizon", [0, 7, 101])
def test_horizons_that_no_problem_suits_are_refused(horizon):
    with pytest.raises(InvalidInputError, match="from 8 to 100"):
        sample_problem(0, horizon)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_shortest_and_the_longest_horizon_have_problems(horizon):
    assert sample_problem(0, horizon).seed == 0


def test_going_straight_fails_where_the_way_is_long():
    problems = [sample_problem(seed, 60) for seed in range(40)]
    start, goal = (np.stack([getattr(problem, name) for problem in problems]) for name in ("start", "goal"))
    position = start
    for _ in range(60):
        position = step(position, (goal - position) / SPEED)
    assert success(position, goal).mean() < 0.4


@pytest.mark.parametrize("size", [224, 64])
def test_pictures_show_the_agent_where_it_is(size):
    places = np.array([[30.3, 40.0], [112.0, 44.0], [190.0, 151.7], [100.0, 120.0]])
    drawn = pictures(np.stack([places, places]), size)
    assert drawn.shape == (2, 4, size, size, 3) and drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[0], drawn[1])
    red = np.clip(drawn[0, ..., 0].astype(float) - drawn[0, ..., 2] - 20.0, 0.0, None)
    middles = (np.arange(size) + 0.5) * SIDE / size
    weight = red.sum((1, 2))
    centroid = np.stack([red.sum(1) @ middles / weight, red.sum(2) @ middles / weight], -1)
    np.testing.assert_allclose(centroid, places, atol=1.0 if size == 224 else 2.5)


def test_small_pictures_show_moves_of_less_than_a_pixel_of_theirs():
    before, after, same = pictures(np.array([[60.0, 150.0], [60.5, 150.0], [60.0, 150.0]]), 64).astype(int)
    assert abs(after - before).max() > 5
    np.testing.assert_array_equal(before, same)


def test_pictures_show_walls_so_far_back_as_the_agent_is_wide():
    (drawn,) = pictures(np.array([[30.0, 30.0]]), SIDE)
    dark = drawn[..., 0] < 120
    row, line = dark[150], dark[:, 112]
    assert np.flatnonzero(np.diff(row)).tolist() == [6, 106, 116, 216]  # the point may go from 14 to 100, 124 to 210
    assert np.flatnonzero(np.diff(line)).tolist() == [24, 62]  # the door: the point may go from 32 to 56
