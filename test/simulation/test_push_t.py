# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Push-T: states are put back as they were, both success tests are the literature's, problems can be solved."""

import importlib.util

import numpy as np
import pytest

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.simulation import push_t
from robot_planner.simulation.push_t import ANGLE, BLOCK, REACH, SUCCESS_TESTS, PushT, distances, is_near, judged
from robot_planner.simulation.push_t_problems import INSIDE, MOVED, Pusher, centres, random_state, sample_problem

needs_push_t = pytest.mark.skipif(
    importlib.util.find_spec("gym_pusht") is None, reason="the extra 'pusht' is not installed"
)
FAR = np.array([60.0, 60.0, 0.0, 0.0, 300.0, 260.0, 0.7])


@pytest.fixture(scope="module")
def environment():
    return PushT()


def test_without_the_packages_the_error_names_the_extra(monkeypatch):
    monkeypatch.setattr(push_t.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentSetupError, match=r"robot_planner\[pusht\].*gym-pusht==0.1.8"):
        PushT()


def test_the_tests_limits_are_dino_wms():
    goal = np.zeros(7)
    states = np.zeros((6, 7))
    states[0, :2], states[1, :2] = (19.9, 0.0), (20.1, 0.0)
    states[2, [0, 4]], states[3, 6], states[4, 6] = 15.0, np.pi / 9 - 0.01, np.pi / 9 + 0.01
    states[5, 6] = 2.0 * np.pi - 0.1  # angles are of a circle
    assert list(is_near(states, goal)) == [True, False, False, True, False, True]
    assert distances(states[2], goal)[0] == pytest.approx(15.0 * np.sqrt(2.0))


@needs_push_t
@pytest.mark.parametrize("seed", range(3))
def test_a_reset_puts_all_where_the_state_says(environment, seed):
    state = random_state(np.random.default_rng(seed))
    state[2:4] = 30.0, -20.0
    environment.reset(state)
    np.testing.assert_allclose(environment.state, state, atol=1e-9)
    assert environment.coverage(state) == pytest.approx(1.0, abs=1e-6)
    assert judged(environment, state) == dict.fromkeys(SUCCESS_TESTS, True)


@needs_push_t
def test_a_way_goes_on_from_a_saved_state_as_it_did(environment):
    rng, off = np.random.default_rng(0), []
    for _ in range(6):
        pusher, states, actions = Pusher(rng), [random_state(rng)], []
        environment.reset(states[0])
        for _ in range(80):
            actions.append(pusher.action(states[-1]))
            states.append(environment.step(actions[-1]))
        replayed = environment.rollout(states[40], np.stack(actions[40:60]))
        np.testing.assert_allclose(replayed[:, :4], np.stack(states[40:61])[:, :4], atol=1e-9)  # the agent: exactly
        off.append(np.linalg.norm(replayed[-1, BLOCK] - states[60][BLOCK]))
        np.testing.assert_array_equal(replayed, environment.rollout(states[40], np.stack(actions[40:60])))
    assert np.median(off) < 0.5


@needs_push_t
def test_actions_are_displacements_of_a_target_and_bounded(environment):
    still = environment.rollout(FAR, np.zeros((5, 2)))
    np.testing.assert_allclose(still[-1], FAR, atol=1e-9)
    one, much = (environment.rollout(FAR, np.full((1, 2), size))[-1] for size in (1.0, 50.0))
    np.testing.assert_array_equal(one, much)
    assert 0.2 * REACH < one[0] - FAR[0] < REACH
    np.testing.assert_allclose(environment.rollout(FAR, np.full((1, 2), np.nan))[-1], FAR, atol=1e-9)
    outwards = environment.rollout(FAR, np.full((60, 2), -1.0))[-1]
    assert (outwards[:2] >= push_t.LOW - 1.0).all()


@needs_push_t
def test_a_push_moves_the_block_and_coverage_falls_with_it(environment):
    assert np.linalg.norm(environment.rollout(FAR, np.tile([0.0, 0.3], (3, 1)))[-1, BLOCK] - FAR[BLOCK]) == 0.0
    begin = FAR.copy()
    begin[:2] = centres(FAR) - [100.0, 0.0]
    end = environment.rollout(begin, np.tile([1.0, 0.0], (8, 1)))[-1]
    assert end[4] > FAR[4] + 15.0
    assert environment.coverage(FAR) < 0.9 and not judged(environment, FAR)["coverage > 0.95"]


@needs_push_t
def test_a_picture_shows_agent_and_block_where_the_state_has_them_and_no_goal(environment):
    pictures = environment.pictures(np.stack([FAR, FAR]), 512)
    assert pictures.shape == (2, 512, 512, 3) and pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures[0], pictures[1])
    red, green, blue = np.moveaxis(pictures[0].astype(int), -1, 0)
    for seen, place in (((blue > red + 80), FAR[:2]), (abs(blue - red - 32) < 3, None)):
        y, x = np.nonzero(seen)
        assert len(x) > 500
        if place is not None:
            np.testing.assert_allclose([x.mean(), y.mean()], place, atol=1.0)
    assert not ((green > red + 30) & (green > blue + 30)).any()  # the goal would be light green


@needs_push_t
def test_a_picture_is_the_environments_own_less_the_goal(environment):
    import pygame

    environment.reset(FAR)
    environment._inner.goal_pose = np.array([-900.0, -900.0, 0.0])
    drawn = np.array(pygame.surfarray.pixels3d(environment._inner._draw())).transpose(1, 0, 2)
    np.testing.assert_array_equal(environment.pictures(FAR, 512), drawn)


@needs_push_t
@pytest.mark.parametrize("part", range(7))
def test_small_pictures_show_moves_of_less_than_a_pixel_of_theirs(environment, part):
    moved = FAR.copy()
    moved[part] += 0.05 if part == ANGLE else 2.0
    before, after = environment.pictures(np.stack([FAR, moved]), 64).astype(int)
    assert (abs(after - before).max() > 5) == (part not in (2, 3))  # no picture shows a velocity


@needs_push_t
@pytest.mark.parametrize("bad", [np.zeros(5), np.full(7, np.nan), np.zeros((2, 7))])
def test_what_is_no_state_is_refused(environment, bad):
    with pytest.raises(InvalidInputError, match="seven finite numbers"):
        environment.reset(bad)


@needs_push_t
@pytest.mark.parametrize(("seed", "horizon"), [(0, 40), (1, 80), (2, 5), (2_000_003, 60)])
def test_problems_move_the_block_and_their_own_actions_solve_them(environment, seed, horizon):
    problem, again = sample_problem(seed, horizon), sample_problem(seed, horizon)
    np.testing.assert_array_equal(problem.start, again.start)
    np.testing.assert_array_equal(problem.goal, again.goal)
    assert problem.actions.shape == (horizon, 2) and np.abs(problem.actions).max() <= 1.0
    end = environment.rollout(problem.start, problem.actions)[-1]
    np.testing.assert_array_equal(end, problem.goal)
    # the agent was driven from where it was before, without a jump, and the block was pushed, or not
    assert 0.0 < np.linalg.norm(problem.start[:2] - problem.before[:2]) < 0.6 * REACH
    assert judged(environment, problem.goal) == dict.fromkeys(SUCCESS_TESTS, True)
    moved = np.linalg.norm(problem.goal[BLOCK] - problem.start[BLOCK])
    assert moved >= MOVED[0] or distances(problem.goal, problem.start)[1] >= MOVED[1]
    ends = centres(np.stack([problem.start, problem.goal]))
    assert ((ends > INSIDE[0]) & (ends < INSIDE[1])).all() and np.isfinite(problem.goal[ANGLE])


@needs_push_t
@pytest.mark.parametrize(
    ("seed", "start", "goal"),
    [
        (
            0,
            [231.9, 109.52, -59.12, -17.4, 160.64, 133.0, -0.38],
            [181.32, 212.18, 35.99, 50.03, 182.43, 228.52, -0.48],
        ),
        (
            1_000_000,
            [189.11, 230.8, 52.06, -53.52, 183.17, 340.69, -2.47],
            [203.41, 352.52, -37.02, 55.99, 75.12, 396.1, -1.98],
        ),
    ],
)
def test_the_problems_of_published_tables_stay_what_they_are(seed, start, goal):
    problem = sample_problem(seed, 40)
    np.testing.assert_allclose(problem.start, start, atol=0.02)
    np.testing.assert_allclose(problem.goal, goal, atol=0.02)


@needs_push_t
@pytest.mark.parametrize("horizon", [0, 42, 205])
def test_horizons_that_no_problem_suits_are_refused(horizon):
    with pytest.raises(InvalidInputError, match="multiples of 5 from 5 to 200"):
        sample_problem(0, horizon)
