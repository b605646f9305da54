# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A sync makes no restart worse, a restart that fails goes on from the best plan, and budgets know their time."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import Clock, CurvedMetric, RandomModel, point_mass, random_problem

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.planning import Grasp, GraspConfig, LatentDistance
from robot_planner.planning.budget import Budget
from robot_planner.planning.cem import CemConfig
from robot_planner.planning.goal_metric import PartDistance
from robot_planner.planning.grasp import GraspSearch
from robot_planner.planning.objective import Evaluation
from robot_planner.planning.sync import CemSync, GradientSync
from robot_planner.types import Problem

CONFIG = GraspConfig(horizon=4, sync_samples=8, sync_elites=2)


def started(seed, problems=2, restarts=3):
    """A run of which first candidates are recorded."""
    run = Grasp(RandomModel(4, 2, seed), CurvedMetric(), CONFIG)._begin(
        [random_problem(seed + i, 4) for i in range(problems)], None
    )
    generator = torch.Generator().manual_seed(seed)
    actions = 0.6 * torch.randn(4, problems, restarts, 2, generator=generator, dtype=torch.float64)
    actions = actions.clamp(run.objective.low, run.objective.high)
    evaluation = run.objective.evaluate(run.task, actions)
    run.record(evaluation, actions)
    return run, actions, evaluation


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), by_gradient=st.booleans(), reach=st.sampled_from([1e-3, 0.1, 1.0]))
def test_no_restart_becomes_worse_and_some_become_better(seed, by_gradient, reach):
    run, actions, before = started(seed)
    if by_gradient:
        sync = GradientSync(torch.full((2, 3), reach, dtype=torch.float64))
    else:
        sync = CemSync(run, 3, CemConfig(horizon=4, samples=16, elites=3, initial_spread=reach))
    improved, after = sync.improve(run, actions, 3)
    assert (after.cost <= before.cost).all() and (after.cost < before.cost).any()
    again = run.objective.evaluate(run.task, improved)
    torch.testing.assert_close(again.cost, after.cost)
    torch.testing.assert_close(again.states, after.states)


def pushed(hand_and_block, action):
    """A hand that pushes a block to the right where it reaches it."""
    hand = hand_and_block[:, :1] + action
    return torch.cat([hand, torch.maximum(hand_and_block[:, 1:], hand)], dim=1)


@pytest.mark.parametrize(("sync", "touches"), [("gradient", False), ("smoothed", True), ("population", True)])
def test_smoothing_finds_a_contact_that_no_gradient_sees(sync, touches):
    model = FunctionModel(pushed, 2, -0.2 * torch.ones(1), 0.2 * torch.ones(1))
    metric = PartDistance(slice(1, 2))
    config = GraspConfig(
        horizon=8, restarts=1, candidates=1, iterations=30, sync=sync, sync_every=1, sync_rate=0.5, sync_samples=32
    )
    problem = Problem(np.array([0.0, 0.3], np.float32), np.array([0.0, 0.6], np.float32))
    plan = Grasp(model, metric, config).plan(problem)
    assert (plan.states[-1, 1] > 0.55) == touches
    assert plan.states[-1, 1] == pytest.approx(0.6 if touches else 0.3, abs=0.05)
    assert (np.diff(plan.cost_history) <= 0.0).all()


def test_a_restart_that_fails_goes_on_from_the_best_plan():
    run, actions, evaluation = started(1)
    cost, states = evaluation.cost.clone(), evaluation.states.clone()
    cost[0, 1], states[2:, 0, 1] = torch.inf, torch.nan
    search = GraspSearch(run, CONFIG, actions, Evaluation(cost, states))
    torch.testing.assert_close(search.lifted.actions[:, 0, 1], run.best_actions[:, 0])
    torch.testing.assert_close(search.lifted.states[:, 0, 1], run.best_states[:, 0])
    torch.testing.assert_close(search.lifted.actions[:, 1], actions[:, 1])


def test_budget_believes_what_it_measured_and_gets_over_an_interruption():
    clock, known = Clock(), {}

    def work(seconds):
        budget = Budget(clock.now + 10.0, clock, known)
        fits = budget.fits("work")
        if fits:
            clock.now += seconds
            budget.took("work")
        return fits

    assert work(2.0) and known["work"] == 2.0
    assert work(50.0) and known["work"] <= 4.0  # an interruption counts twice the usual at most
    known["work"] = 30.0
    fitted = [work(2.0) for _ in range(10)]
    assert not fitted[0] and all(fitted[5:])
    assert known["work"] == pytest.approx(2.0)


def test_budget_counts_all_kinds_and_guesses_what_was_never_timed():
    clock = Clock()
    budget = Budget(clock.now + 10.0, clock, {})
    budget.fits("first")
    clock.now += 2.0
    budget.took("first")
    budget.assume("sync", "first", 3.0)
    assert budget.fits("sync") and not budget.fits("sync", "first") and budget.seconds == 2.0
    assert Budget(None, clock, {"work": 1e9}).fits("work")


def test_a_guess_follows_what_it_is_made_from():
    clock, known = Clock(), {}
    fitted = []
    for seconds in (60.0, 1.0, 1.0, 1.0, 1.0, 1.0):  # the first call is cold
        budget = Budget(clock.now + 10.0 + seconds, clock, known)
        budget.begin()
        clock.now += seconds
        budget.took("first")
        budget.assume("sync", "first", 3.0)
        fitted.append(budget.fits("sync"))
        assert "sync" not in known
    assert not fitted[0] and all(fitted[-2:])


def test_a_guess_that_is_too_high_does_not_keep_work_from_being_done_for_good():
    clock, known = Clock(), {}

    def call():
        budget = Budget(clock.now + 5.0, clock, known)
        budget.begin()
        clock.now += 2.0
        budget.took("first")
        budget.assume("sync", "first", 3.0)  # it takes less than what is left, by far, but who knows
        fits = budget.fits("sync")
        if fits:
            clock.now += 1.0
            budget.took("sync")
        return fits

    fitted = [call() for _ in range(8)]
    assert not fitted[0] and all(fitted[4:]) and known["sync"] <= 1.0


def test_steps_that_are_all_too_long_are_not_taken():
    box = {"low": (-1.0, -1.0), "high": (1.0, 1.0)}
    planner = Grasp(point_mass(**box), LatentDistance(), GraspConfig(horizon=4))
    run = planner._begin([Problem(np.zeros(2, np.float32), np.array([0.2, -0.1], np.float32))], None)
    begin = torch.zeros(4, 1, 2, 2, dtype=torch.float64)
    run.record(run.objective.evaluate(run.task, begin), begin)
    settled, best = GradientSync(torch.full((1, 2), 0.1, dtype=torch.float64)).improve(run, begin, 60)
    longest = GradientSync(torch.full((1, 2), 1.0, dtype=torch.float64))
    kept, after = longest.improve(run, settled, 1)
    assert torch.equal(kept, settled) and torch.equal(after.cost, best.cost)
    _, better = longest.improve(run, begin, 60)  # the search goes on with shorter ones
    torch.testing.assert_close(better.cost, best.cost, rtol=0.05, atol=1e-4)
