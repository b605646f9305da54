# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What every planner promises: same seed, same plan; a batch is its problems; deadlines, bounds, warm starts kept."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import (
    Clock,
    CurvedMetric,
    RandomModel,
    SlowModel,
    point_mass,
    random_problem,
    random_subgoals,
    walled_plane,
)

from robot_planner.errors import InvalidInputError, ModelError, UnknownNameError
from robot_planner.planning import (
    PLANNERS,
    Cem,
    CemConfig,
    Gradient,
    GradientConfig,
    Grasp,
    GraspConfig,
    Icem,
    IcemConfig,
    Latco,
    LatcoConfig,
    LatentDistance,
    Mppi,
    MppiConfig,
    Planner,
)
from robot_planner.planning.grasp_lbp import GraspLbp, GraspLbpConfig
from robot_planner.types import Problem, StopReason

GRASP = GraspConfig(horizon=5, iterations=15, restarts=3, candidates=6)
LATCO = LatcoConfig(horizon=5, iterations=15, restarts=3, candidates=6)
LBP = GraspLbpConfig(horizon=5, iterations=15, restarts=3, candidates=6)
VARIANTS = {
    "grasp": (Grasp, GRASP),
    "grasp-smoothed": (Grasp, dataclasses.replace(GRASP, sync="smoothed", sync_samples=8, sync_steps=2)),
    "grasp-cem": (Grasp, dataclasses.replace(GRASP, sync="cem", sync_samples=8, sync_elites=2, sync_steps=2)),
    "grasp-population": (Grasp, dataclasses.replace(GRASP, sync="population", sync_samples=8, sync_steps=2)),
    "grasp-paths": (Grasp, dataclasses.replace(GRASP, paths=12, path_generations=3)),
    "grasp-bare": (Grasp, dataclasses.replace(GRASP, sync="none", initial_states="line", evaluate_every=2)),
    "grasp+lbp": (lambda model, *rest, **clock: GraspLbp(model, *rest, **clock, subgoals=random_subgoals(model)), LBP),
    "cem": (Cem, CemConfig(horizon=5, iterations=6, samples=24, elites=4)),
    "icem": (Icem, IcemConfig(horizon=5, iterations=6, samples=24, elites=4)),
    "mppi": (Mppi, MppiConfig(horizon=5, iterations=6, samples=24)),
    "gradient": (Gradient, GradientConfig(horizon=5, iterations=15, restarts=3, candidates=6)),
    "latco": (Latco, LATCO),
    "latco-newton": (Latco, dataclasses.replace(LATCO, optimiser="gauss-newton", initial_states="line")),
}
BY_ROLLOUTS = {"cem", "icem", "mppi", "gradient"}
"""Variants whose iteration is a rollout."""
every_planner = pytest.mark.parametrize("variant", VARIANTS)


def made(variant, model=None, metric=None, clock=None, **changes):
    kind, config = VARIANTS[variant]
    arguments = {} if clock is None else {"clock": clock}
    return kind(
        model or RandomModel(4, 2, 0), metric or CurvedMetric(), dataclasses.replace(config, **changes), **arguments
    )


def true_cost(planner, problem, actions):
    objective = planner.objective
    latents = (torch.as_tensor(x, dtype=objective.dtype)[None] for x in (problem.start, problem.goal))
    task = objective.task(*latents)
    return float(objective.evaluate(task, torch.as_tensor(actions, dtype=objective.dtype)[:, None, None]).cost)


def same(one, other, tolerance=0.0):
    np.testing.assert_allclose(one.actions, other.actions, atol=tolerance, rtol=0)
    np.testing.assert_allclose(one.cost_history, other.cost_history, rtol=max(tolerance, 1e-15))
    assert (one.iterations, one.stop_reason) == (other.iterations, other.stop_reason)


@every_planner
def test_plan_is_the_rollout_of_its_actions_and_its_cost_the_best_seen(variant):
    planner, problem = made(variant), random_problem(1, 4, stamp=77)
    plan = planner.plan(problem)
    assert isinstance(planner, Planner) and plan.stamp == 77 and plan.step_seconds == 0.5
    assert plan.actions.shape == (5, 2) and plan.states.shape == (6, 4)
    assert plan.actions.dtype == plan.states.dtype == np.float32
    np.testing.assert_allclose(plan.states[0], problem.start)
    assert plan.cost == pytest.approx(true_cost(planner, problem, plan.actions), rel=1e-5)
    assert plan.cost == plan.cost_history[-1] == min(plan.cost_history)
    assert all(a >= b for a, b in zip(plan.cost_history, plan.cost_history[1:], strict=False))
    assert plan.cost < plan.cost_history[0]
    assert plan.uncertainty > 0


@every_planner
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 4))
def test_a_batch_is_its_problems_one_by_one(variant, seed, count):
    problems = [random_problem(seed + i, 4) for i in range(count)]
    # patience closes some problems earlier than others: the rest must not notice
    planner = made(variant, RandomModel(4, 2, seed), patience=2, improvement=0.05)
    for problem, plan in zip(problems, planner.plan_batch(problems), strict=True):
        planner.reset()
        same(plan, planner.plan(problem), 1e-6)


@every_planner
@pytest.mark.parametrize("deadline", [None, 1e6])
def test_problems_that_are_solved_leave_the_others_as_they_are(variant, deadline):
    here = np.zeros(2, np.float32)
    problems = [Problem(here, np.array([along, 0.2], np.float32)) for along in (0.3, 0.0, 0.2, 9.0)]
    planner = made(variant, point_mass(), LatentDistance(), tolerance=0.05, iterations=30)
    plans = planner.plan_batch(problems, deadline)
    assert plans[3].stop_reason is StopReason.ITERATIONS  # so far no plan leads
    assert StopReason.CONVERGED in {plan.stop_reason for plan in plans}
    for problem, plan in zip(problems, plans, strict=True):
        planner.reset()
        same(plan, planner.plan(problem), 1e-6)


@every_planner
def test_same_seed_same_plan_and_another_seed_another(variant):
    problem = random_problem(2, 4)
    first, again, other = made(variant).plan(problem), made(variant).plan(problem), made(variant, seed=1).plan(problem)
    same(first, again)
    assert not np.array_equal(first.actions, other.actions)


@every_planner
def test_reset_forgets(variant):
    planner, problem = made(variant), random_problem(3, 4)
    first = planner.plan(problem)
    planner.reset()
    same(first, planner.plan(problem))


@every_planner
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_bounds_are_always_respected(variant, seed):
    low, high = (-0.03, 0.02), (0.05, 0.02)  # without zero inside, and one action that can't move at all
    plan = made(variant, point_mass(low=low, high=high), LatentDistance()).plan(random_problem(seed, 2))
    assert (plan.actions >= np.float32(low)).all() and (plan.actions <= np.float32(high)).all()


@every_planner
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), steps=st.floats(0.0, 4.0), late=st.booleans())
def test_never_worse_than_the_warm_start(variant, seed, steps, late):
    clock = Clock()
    planner = made(variant, RandomModel(4, 2, seed), clock=clock)
    planner.plan(random_problem(seed, 4))
    problem = random_problem(seed + 1, 4, stamp=int(steps * 0.5e9))
    warm = planner._shifted(problem)[0].numpy()
    deadline = clock.now - 1.0 if late else None
    assert planner.plan(problem, deadline).cost <= true_cost(planner, problem, warm) * (1 + 1e-9)


@every_planner
def test_warm_start_is_used_until_its_plan_has_ended_or_time_ran_backwards(variant):
    planner = made(variant)
    planner.plan(random_problem(4, 4, stamp=10**9))
    assert planner._shifted(random_problem(4, 4, stamp=2 * 10**9)) is not None
    assert planner._shifted(random_problem(4, 4, stamp=10**9 + int(2.5e9))) is None
    assert planner._shifted(random_problem(4, 4, stamp=0)) is None


@every_planner
@pytest.mark.parametrize("allowance", [0.0, 0.5, 6.0, 17.0, 40.0, 100.0])
def test_deadline_is_kept_within_one_iteration(variant, allowance):
    clock = Clock()
    slow = SlowModel(RandomModel(4, 2, 0), clock, seconds=1.0)
    planner = made(variant, slow, clock=clock, iterations=10_000)
    for _ in range(3):  # with and without known durations
        planner.reset()
        begun = clock.now
        plan = planner.plan(random_problem(5, 4), deadline=begun + allowance)
        rollout = 5.0
        first = rollout + 1.0  # the first rollout is always made; the greedy way takes a call
        assert clock.now - begun <= max(allowance, first) + (rollout if variant in BY_ROLLOUTS else 1.0)
        assert plan.stop_reason == StopReason.DEADLINE
        assert plan.seconds == pytest.approx(clock.now - begun, abs=1e-9)
        if allowance >= 40.0:
            assert plan.iterations > 2


@every_planner
def test_a_longer_deadline_makes_use_of_its_time(variant):
    costs = []
    for allowance in (6.0, 60.0, 600.0):
        clock = Clock()
        slow = SlowModel(point_mass(), clock, seconds=1.0)
        planner = made(variant, slow, LatentDistance(), clock, horizon=5, iterations=10_000)
        goal = np.array([0.3, -0.4], np.float32)
        costs.append(planner.plan(Problem(np.zeros(2, np.float32), goal), clock.now + allowance).cost)
    assert costs[0] > costs[1] > costs[2]


@every_planner
def test_an_interruption_does_not_stop_later_plans(variant):
    clock = Clock()
    slow = SlowModel(RandomModel(4, 2, 0), clock, seconds=1.0)
    planner = made(variant, slow, clock=clock, iterations=10_000)
    planner.plan(random_problem(5, 4), clock.now + 100.0)
    slow._seconds = 1000.0
    planner.plan(random_problem(5, 4), clock.now + 100.0)
    slow._seconds = 1.0
    plans = [planner.plan(random_problem(5, 4), clock.now + 100.0) for _ in range(4)]
    assert plans[-1].iterations > 2


@every_planner
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_that_fails_midway_leaves_the_last_finite_plan(variant, dtype):
    whole = made(variant, RandomModel(4, 2, 0, dtype)).plan(random_problem(6, 4))
    broken = SlowModel(RandomModel(4, 2, 0, dtype), fails_at=14)
    plan = made(variant, broken).plan(random_problem(6, 4))
    assert plan.stop_reason == StopReason.NOT_FINITE
    finite = len(set(plan.cost_history))  # what was found before the model failed, and nothing else
    assert list(dict.fromkeys(plan.cost_history)) == list(dict.fromkeys(whole.cost_history))[:finite]
    assert np.isfinite(plan.actions).all() and np.isfinite(plan.states).all() and np.isfinite(plan.cost)


@every_planner
def test_a_model_that_fails_at_once_is_an_error(variant):
    with pytest.raises(ModelError, match="NaN or infinity.*candidate$"):
        made(variant, SlowModel(RandomModel(4, 2, 0), fails_at=1)).plan(random_problem(7, 4))


@every_planner
def test_of_a_batch_the_problem_is_named_at_which_a_model_fails(variant):
    model = point_mass()
    model._step = lambda latents, actions: torch.where(latents[:, :1] > 5.0, torch.nan, latents + actions)
    here = np.zeros(2, np.float32)
    problems = [Problem(here, here + 0.3), Problem(here + 9.0, here)]
    with pytest.raises(ModelError, match="of problem 1$"):
        made(variant, model, LatentDistance()).plan_batch(problems)


@every_planner
def test_problems_that_make_no_sense_are_refused_by_name(variant):
    planner, good = made(variant), random_problem(8, 4)
    with pytest.raises(InvalidInputError, match=r"problem 1: goal has shape \(3,\).*\(4,\)"):
        planner.plan_batch([good, Problem(good.start, good.goal[:3])])
    with pytest.raises(InvalidInputError, match="problem 0: start holds NaN"):
        planner.plan(Problem(good.start * np.nan, good.goal))
    assert planner.plan_batch([]) == []


@every_planner
def test_more_than_the_memory_allowed_is_refused_before_it_is_taken(variant):
    planner = made(variant, horizon=1000, max_memory=1)
    with pytest.raises(InvalidInputError, match="MiB; allowed: 1"):
        planner.plan_batch([random_problem(9, 4)] * 100)


def test_bounds_that_hold_no_action_are_refused():
    with pytest.raises(InvalidInputError, match="low <= high"):
        Grasp(point_mass(low=(0.1, 0.1), high=(0.0, 0.2)), LatentDistance())


@every_planner
def test_tolerance_stops_as_soon_as_the_goal_is_near_enough(variant):
    planner = made(variant, point_mass(), LatentDistance(), tolerance=0.01, iterations=10_000)
    here, there = np.zeros(2, np.float32), np.array([0.3, -0.2], np.float32)
    near = planner.plan(Problem(here, here))
    assert (near.stop_reason, near.iterations <= 1) == (StopReason.CONVERGED, True)
    plan = planner.plan(Problem(here, there))
    assert plan.stop_reason == StopReason.CONVERGED
    assert np.sqrt(np.mean((plan.states[-1] - there) ** 2)) <= 0.01


@pytest.mark.parametrize("variant", sorted(BY_ROLLOUTS))
def test_the_first_iteration_is_what_the_next_ones_are_compared_with(variant):
    plan = made(variant, point_mass(), LatentDistance(), patience=1).plan(random_problem(10, 2))
    assert plan.iterations >= 2 and plan.cost < plan.cost_history[0]


@every_planner
def test_a_cost_that_no_longer_falls_stops(variant):
    planner = made(variant, point_mass(), LatentDistance(), patience=3, iterations=10_000)
    plan = planner.plan(random_problem(10, 2))
    assert plan.stop_reason == StopReason.CONVERGED and plan.iterations < 500


@every_planner
def test_linear_point_mass_is_solved(variant):
    """Full speed towards the goal in each axis until it is there, is the best there is: known in closed form."""
    planner = made(variant, point_mass(), LatentDistance(), horizon=6, iterations=300, smoothness_weight=0.0)
    goal = np.array([0.35, -0.2], np.float32)
    plan = planner.plan(Problem(np.zeros(2, np.float32), goal))
    best = np.stack([np.minimum(0.1 * np.arange(1, 7), 0.35), np.maximum(-0.1 * np.arange(1, 7), -0.2)], 1)
    costs = np.square(best - goal).mean(1)
    exact = costs.mean() + costs[-1]
    loose = {
        "grasp-cem": 1.1,
        "grasp-smoothed": 1.01,
        "grasp-population": 1.01,
        "grasp-bare": 1.5,
        "cem": 1.05,
        "icem": 1.1,
        "mppi": 1.1,
        "latco": 1.03,
    }
    close = loose.get(variant.removesuffix("-newton"), 1.001)
    assert exact - 1e-7 <= plan.cost <= close * exact


@pytest.mark.parametrize("sync", ["gradient", "cem"])
def test_grasp_finds_the_gap_in_the_wall(sync):
    start, goal = np.array([-0.6, 0.0], np.float32), np.array([0.6, 0.0], np.float32)
    problem = Problem(start, goal)
    model, metric = walled_plane(), LatentDistance()
    shared = {"horizon": 20, "terminal_weight": 10.0, "tolerance": 0.1, "iterations": 600}
    straight = Grasp(model, metric, GraspConfig(restarts=1, candidates=1, noise=0.0, sync="none", **shared)).plan(
        problem
    )
    assert straight.states[-1, 0] < 0  # the plain way ends at the wall
    plan = Grasp(model, metric, GraspConfig(sync=sync, **shared)).plan(problem)
    assert plan.stop_reason == StopReason.CONVERGED
    searched = Grasp(model, metric, GraspConfig(candidates=2, paths=64, **shared)).plan(problem)
    assert searched.stop_reason == StopReason.CONVERGED and searched.iterations == 0  # its first rollouts were enough


def test_planners_are_registered_and_listed():
    assert {"grasp", "grasp+lbp", "cem", "icem", "mppi", "gradient", "latco"} <= set(PLANNERS)
    with pytest.raises(UnknownNameError, match="valid: .*cem.*grasp"):
        PLANNERS.factory("grsp")
    assert isinstance(PLANNERS.make("grasp", point_mass(), LatentDistance()), Grasp)
