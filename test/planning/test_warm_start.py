# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What is kept from plan to plan: the path, moved on; when it arrives; and the plans beside it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toys import CurvedMetric, RandomModel, point_mass, random_problem

from robot_planner.planning import (
    Cem,
    CemConfig,
    Gradient,
    GradientConfig,
    Grasp,
    GraspConfig,
    Latco,
    LatcoConfig,
    LatentDistance,
    latco,
)
from robot_planner.planning.collocation import Collocation
from robot_planner.planning.first_actions import first_actions
from robot_planner.planning.goal_metric import PositionDistance
from robot_planner.planning.grasp import GraspSearch
from robot_planner.planning.lifted import Lifted
from robot_planner.planning.warm_start import shift_actions, shift_states, steps_since
from robot_planner.types import Plan, Problem, StopReason

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


def test_plans_beside_one_another_are_shifted_as_each_of_them():
    many = np.stack([ACTIONS, 2.0 * ACTIONS, -ACTIONS], axis=1)
    shifted = shift_actions(many, 1.25, REST)
    assert shifted.shape == many.shape
    for place in range(3):
        np.testing.assert_array_equal(shifted[:, place], shift_actions(many[:, place], 1.25, REST))


def test_states_are_interpolated_and_the_last_is_held():
    states = np.array([[0.0], [1.0], [4.0]], np.float32)
    np.testing.assert_allclose(shift_states(states, 0.5), [[0.5], [2.5], [4.0]])
    np.testing.assert_allclose(shift_states(states, 7.0), [[4.0], [4.0], [4.0]])


def test_steps_since_counts_in_the_plans_steps():
    plan = Plan(ACTIONS, ACTIONS, 0.0, 1, 0.0, StopReason.ITERATIONS, stamp=10**9, step_seconds=0.2)
    assert steps_since(plan, 13 * 10**8) == pytest.approx(1.5)
    assert steps_since(plan, 8 * 10**8) == pytest.approx(-1.0)


START, GOAL = np.zeros(2, np.float32), np.array([0.3, 0.0], np.float32)


def test_a_lead_that_is_less_by_part_of_a_step_leaves_the_plan_where_it_was():
    planner = Cem(point_mass(), LatentDistance(), CemConfig(3, samples=8, elites=2, iterations=1))
    problem = Problem(START, GOAL, stamp=10**9, lead=0.5)
    last = planner.plan(problem)
    actions, states = planner._shifted(replace(problem, lead=0.25))
    np.testing.assert_array_equal(actions, last.actions)
    np.testing.assert_array_equal(states, last.states)
    step = round(planner.objective.model.step_seconds * 1e9)
    assert planner._shifted(replace(problem, stamp=problem.stamp - step)) is None


def replanned(keep_arrival, moved, goal=GOAL):
    """The plan after one that goes to GOAL and comes within the tolerance, and the step of that; a step later."""
    config = CemConfig(8, terminal_weight=100.0, tolerance=0.02, keep_arrival=keep_arrival, iterations=60)
    planner = Cem(point_mass(), LatentDistance(), config)
    first = planner.plan(Problem(START, GOAL))
    arrival = next(step for step, state in enumerate(first.states) if step and away(state, GOAL) <= 0.02)
    # where it is not as the model said, so that the warm start alone is not good enough
    start = (first.states[1] + [0.0, moved]).astype(np.float32)
    return planner.plan(Problem(start, goal, stamp=round(planner.objective.model.step_seconds * 1e9))), arrival


def away(state, goal):
    """As LatentDistance has it."""
    return float(LatentDistance().distance(torch.from_numpy(state), torch.from_numpy(goal)))


def test_a_plan_arrives_when_the_last_one_promised_to():
    kept, arrival = replanned(True, 0.1)
    assert kept.stop_reason is StopReason.CONVERGED and away(kept.states[arrival - 1], GOAL) <= 0.02
    late, arrival = replanned(False, 0.1)
    assert late.stop_reason is StopReason.CONVERGED and away(late.states[-1], GOAL) <= 0.02
    assert away(late.states[arrival - 1], GOAL) > 0.02 or arrival == 8


def test_a_plan_that_comes_by_the_goal_in_time_is_good_at_once():
    for keep_arrival in (True, False):
        config = GraspConfig(8, tolerance=0.02, terminal_weight=100.0, keep_arrival=keep_arrival)
        planner = Grasp(point_mass(), LatentDistance(), config)
        past = np.full((8, 2), [0.1, 0.0], np.float32)  # at the goal after three steps, and on
        states = np.concatenate([START[None], np.cumsum(past, axis=0)])
        planner._last = Plan(past, states, 1.0, 1, 0.0, StopReason.DEADLINE, step_seconds=1.0)
        plan = planner.plan(Problem(START, GOAL))
        assert (plan.iterations == 0) == keep_arrival
        if keep_arrival:
            np.testing.assert_allclose(plan.states[3], GOAL, atol=1e-6)


@pytest.mark.parametrize(
    ("left", "steps", "arrival"), [(8, 0.0, 8), (3, 0.0, 6), (3, 1.0, 4), (3, 2.9, 1), (1, 1.0, 1)]
)
def test_a_plan_that_missed_its_arrival_leaves_twice_the_time_that_was_left(left, steps, arrival, monkeypatch):
    config = CemConfig(8, tolerance=0.01, iterations=1, samples=8, elites=2)
    planner, arrivals = Cem(point_mass(), LatentDistance(), config), []
    search = planner._search
    monkeypatch.setattr(planner, "_search", lambda run: arrivals.append(run.arrival) or search(run))
    away = np.array([0.0, 5.0], np.float32)  # it is never reached
    rest = np.zeros((8, 2), np.float32)
    planner._last = Plan(rest, np.zeros((9, 2), np.float32), 1.0, 1, 0.0, StopReason.DEADLINE, step_seconds=1.0)
    planner._arrival = left
    planner.plan(Problem(START, away, stamp=round(steps * 1e9)))
    assert arrivals == [arrival] and planner._arrival == arrival
    planner.reset()
    planner.plan(Problem(START, away))
    assert arrivals[1] == 8


@pytest.mark.parametrize(
    ("missing", "arrival"),
    [({3: 0.009}, 3), ({3: 0.019}, 3), ({3: 0.021}, 8), ({3: 0.019, 5: 0.0}, 5), ({3: 0.009, 5: 0.0}, 3)],
)
def test_nearly_there_is_a_promise(missing, arrival, monkeypatch):
    config = CemConfig(8, tolerance=0.01, iterations=1, samples=8, elites=2)
    planner, arrivals = Cem(point_mass(), PositionDistance(), config), []
    search = planner._search
    monkeypatch.setattr(planner, "_search", lambda run: arrivals.append(run.arrival) or search(run))
    states = np.zeros((9, 2), np.float32)
    for step, away in missing.items():
        states[step] = GOAL + [0.0, away]
    planner._last = Plan(np.zeros((8, 2), np.float32), states, 1.0, 1, 0.0, StopReason.DEADLINE, step_seconds=1.0)
    planner._arrival = 8
    planner.plan(Problem(START, GOAL))
    assert arrivals == [arrival]


def test_a_promise_of_another_goal_is_none():
    goal = np.array([0.0, -0.3], np.float32)
    plan, _ = replanned(True, 0.0, goal)
    assert plan.stop_reason is StopReason.CONVERGED and away(plan.states[-1], goal) <= 0.02


KEEP = {"keep_restarts": True}
REFINING = {
    "gradient": (Gradient, GradientConfig),
    "latco": (Latco, LatcoConfig),
    "grasp": (Grasp, GraspConfig),
    "smoothed": (Grasp, lambda **options: GraspConfig(sync="smoothed", **options)),
    "population": (Grasp, lambda **options: GraspConfig(sync="population", sync_samples=3, **options)),
}


@pytest.mark.parametrize("name", REFINING)
def test_the_plans_beside_the_last_one_are_among_the_next_candidates(name, monkeypatch):
    planner_type, config = REFINING[name]
    model = point_mass(low=(-2.0, -2.0), high=(2.0, 2.0))
    planner = planner_type(model, LatentDistance(), config(horizon=6, restarts=3, candidates=12, iterations=2, **KEEP))
    seen = []

    def spied(run, *rest):
        seen.append((run, first_actions(run, *rest)))
        return seen[-1][1].clone()

    monkeypatch.setattr("robot_planner.planning.refining.first_actions", spied)
    problem = random_problem(4, 2)
    planner.plan(problem)
    left, first = planner._others.clone(), seen[0][1]
    assert not any(torch.equal(left[:, 0], plan) for plan in first[:, 0].unbind(1))  # they were refined
    assert left.shape == (6, 3, 2) and len({tuple(plan.flatten().tolist()) for plan in left.unbind(1)}) == 3
    later = Problem(problem.start, problem.goal, stamp=round(2e9 * planner.objective.model.step_seconds))
    planner.plan(later)
    candidates = seen[1][1]
    torch.testing.assert_close(candidates[:4, 0, -3:], left[2:])
    assert not candidates[4:, 0, -3:].any() and candidates.shape == (6, 1, 12, 2)
    planner.reset()
    planner.plan(later)
    assert seen[2][0].others is not None and seen[2][0].warm is None
    assert not torch.equal(seen[2][1][:4, 0, -3:], left[2:])


@pytest.mark.parametrize(("count", "room"), [(12, 4), (5, 2), (3, 0), (1, 0)])
def test_the_warm_start_rest_and_the_greedy_way_are_never_crowded_out(count, room):
    planner = Grasp(point_mass(), LatentDistance(), GraspConfig(horizon=6))
    run = planner._begin([random_problem(4, 2)], None)
    run.warm = torch.full((6, 2), 0.05, dtype=torch.float64), torch.zeros(7, 2, dtype=torch.float64)
    run.others = torch.full((6, 4, 2), -0.07, dtype=torch.float64)
    candidates = first_actions(run, count, 0.5, 0.2)[:, 0]
    assert candidates.shape == (6, count, 2) and (candidates[:, 0] == 0.05).all()
    assert count < 3 or not candidates[:, 1].any()
    assert (candidates == -0.07).all(-1).all(0).sum() == room


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_neighbours_of_the_warm_start_are_as_far_as_asked_for_whatever_the_spread_of_others(spread):
    planner = Grasp(point_mass(), LatentDistance(), GraspConfig(horizon=6))
    run = planner._begin([random_problem(4, 2)], None)
    run.warm = torch.zeros(6, 2, dtype=torch.float64), torch.zeros(7, 2, dtype=torch.float64)
    candidates = first_actions(run, 4003, spread, 0.2)[:, 0, 3:] / planner.objective.half_range
    for rows, expected in ((candidates[:, ::2], 0.2), (candidates[:, 1::2], spread)):
        assert float(rows.square().mean().sqrt()) == pytest.approx(expected, rel=0.2)


def test_candidates_are_as_many_as_asked_for_whatever_was_left():
    planner = Grasp(
        point_mass(), LatentDistance(), GraspConfig(horizon=6, restarts=4, candidates=4, iterations=10, **KEEP)
    )
    problem = random_problem(4, 2)
    costs = [planner.plan(problem).cost_history for _ in range(3)]
    assert planner._others.shape == (6, 4, 2)
    for before, after in itertools.pairwise(costs):
        assert after[0] <= before[-1]  # the best plan is never crowded out


def test_nothing_is_kept_beside_a_plan_unless_it_is_asked_for():
    planner = Grasp(point_mass(), LatentDistance(), GraspConfig(horizon=6, iterations=5))
    planner.plan(random_problem(4, 2))
    assert planner._others is None


def test_plans_that_are_good_at_once_leave_the_others_to_those_after_them():
    config = GraspConfig(horizon=6, restarts=3, candidates=12, tolerance=0.01, iterations=200, **KEEP)
    planner = Grasp(point_mass(), LatentDistance(), config)
    begin = planner.plan(Problem(START, GOAL))
    left = planner._others
    again = planner.plan(Problem(START, GOAL))
    assert begin.iterations > 0 == again.iterations
    torch.testing.assert_close(planner._others, left)


@pytest.mark.parametrize("place", [0, 1, 2, None])
@pytest.mark.parametrize("kind", [Grasp, Latco])
def test_a_warm_start_keeps_its_states_wherever_its_cost_puts_it(kind, place, monkeypatch):
    """Among the restarts, or in none of them where there are enough better candidates; the others are on the line."""
    model = RandomModel(4, 2, 0)
    sizes = {"horizon": 8, "iterations": 15, "restarts": 3, "candidates": 6, "initial_states": "line"}
    planner = kind(model, CurvedMetric(), (GraspConfig if kind is Grasp else LatcoConfig)(**sizes))
    seen, problem, begins = [], random_problem(1, 4), Lifted if kind is Grasp else Collocation

    class Seen(begins):
        def __init__(self, objective, task, states, actions, *rest):
            seen.append((states.clone(), actions.clone()))
            super().__init__(objective, task, states, actions, *rest)

    monkeypatch.setattr(*((GraspSearch, "lifted_type") if kind is Grasp else (latco, "Collocation")), Seen)
    first = planner.plan(problem)
    for seed in range(100):  # another start and goal: the old plan may be good or bad
        planner._last, later = first, random_problem(seed, 4, stamp=10**9)
        actions, states = planner._shifted(later)
        seen.clear()
        planner.plan(later)
        begun, taken = seen[0]
        same = [restart for restart in range(3) if torch.equal(taken[:, 0, restart], actions)]
        if same == [place] * (place is not None):
            break
    else:
        pytest.fail("no problem puts the warm start there")
    start, goal = (torch.from_numpy(x).double() for x in (later.start, later.goal))
    line = torch.lerp(start, goal, torch.linspace(0, 1, 9, dtype=torch.float64).view(-1, 1))
    for restart in range(3):
        torch.testing.assert_close(begun[1:, 0, restart], states[1:] if restart == place else line[1:])
