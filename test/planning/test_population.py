# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The population sync: mutants of many sizes and paces, the best go on, and secant steps that reach what is linear."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import CurvedMetric, RandomModel, point_mass, random_problem

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.planning import Cem, CemConfig, Grasp, GraspConfig, LatentDistance
from robot_planner.planning.first_actions import smooth_noise
from robot_planner.planning.goal_metric import DifferentiableMetric, PartDistance, gradient_of
from robot_planner.planning.noise import split
from robot_planner.planning.objective import Evaluation
from robot_planner.planning.population import FINEST, PopulationConfig, PopulationSync, curvature, paces
from robot_planner.planning.run import Run
from robot_planner.types import Problem, StopReason

HORIZON, RESTARTS = 8, 3


def several(parts):
    """A point whose action is several pushes, one after the other."""
    bounds = torch.ones(2 * parts, dtype=torch.float64)
    model = FunctionModel(lambda z, a: z + 0.1 * a.unflatten(-1, (parts, 2)).sum(-2), 2, -bounds, bounds)
    model.action_parts = parts
    return model


def started(model, metric, problems, samples=16, spread=1.0, secants=4, arrival=None):
    run = Grasp(model, metric, GraspConfig(horizon=HORIZON))._begin(problems, None, arrival)
    shape = (HORIZON, len(problems), RESTARTS, model.action_dim)
    actions = 0.3 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    actions = actions.clamp(run.objective.low, run.objective.high)
    evaluation = run.objective.evaluate(run.task, actions)
    run.record(evaluation, actions)
    order = evaluation.cost.argsort(1)
    problem = torch.arange(len(order)).unsqueeze(1)
    actions = actions[:, problem, order]
    evaluation = Evaluation(evaluation.cost[problem, order], evaluation.states[:, problem, order])
    return run, PopulationSync(run, PopulationConfig(samples, spread, secants), actions, evaluation), actions


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), spread=st.sampled_from([0.05, 0.3, 1.0]))
def test_the_best_go_on_and_their_costs_are_those_of_their_rollouts(seed, spread):
    problems = [random_problem(seed + i, 4) for i in range(2)]
    run, sync, actions = started(RandomModel(4, 2, seed), CurvedMetric(), problems, spread=spread)
    before = sync._kept.cost
    found, after = sync.improve(run, actions, 3)
    assert (after.cost <= before).all() and (after.cost < before).any()
    assert (after.cost.diff(dim=1) >= 0.0).all()
    again = run.objective.evaluate(run.task, found)
    torch.testing.assert_close(again.cost, after.cost)
    torch.testing.assert_close(again.states, after.states)


def test_what_lifted_iterations_found_joins_the_population():
    problem = Problem(np.zeros(2, np.float32), np.array([0.8, -0.8], np.float32))
    run, sync, actions = started(point_mass(), LatentDistance(), [problem], spread=1e-6, secants=0)
    better = actions.clone()
    better[:, 0, 1] = torch.tensor([0.1, -0.1])  # straight there, as fast as it can
    found, _ = sync.improve(run, better, 1)
    torch.testing.assert_close(found[:, 0, 0], better[:, 0, 1], atol=1e-4, rtol=0.0)


@pytest.mark.parametrize("parts", [1, 4])
def test_mutations_have_all_sizes_and_change_all_of_a_plan_or_a_stretch(parts):
    run, sync, actions = started(several(parts), LatentDistance(), [random_problem(2, 2)], samples=400, spread=0.5)
    sync._actions = torch.zeros_like(actions)  # far from the bounds
    moves = split(sync._mutants(run), parts).unflatten(2, (RESTARTS, -1))[:, 0]
    changed = (moves != 0.0).any(-1).flatten(1)  # (N, mutants)
    share = changed.double().mean(0)
    assert 0.4 < float((share == 1.0).double().mean()) < 0.65
    assert float(share.min()) >= 1.0 / HORIZON and float(share.quantile(0.1)) < 0.5
    for column in changed.T:  # one stretch each
        assert int(column.int().diff().abs().sum()) <= 2
    size = (moves.flatten(1, 2).square().sum((0, 2)) / (2 * changed.sum(0))).sqrt()
    assert float(size.quantile(0.05)) < 3 * FINEST * 0.5 and float(size.quantile(0.95)) > 0.3


def test_mutations_are_drawn_anew_and_belong_to_their_problem():
    problems = [random_problem(3, 2), random_problem(4, 2)]
    run, sync, _ = started(point_mass(), LatentDistance(), problems)
    sync._actions = torch.zeros_like(sync._actions)
    first, second = sync._mutants(run), sync._mutants(run)
    assert not torch.equal(first, second) and not torch.equal(first[:, 0], first[:, 1])
    alone, other, _ = started(point_mass(), LatentDistance(), problems[1:])
    other._actions = torch.zeros_like(other._actions)
    torch.testing.assert_close(other._mutants(alone)[:, 0], first[:, 1])


@pytest.mark.parametrize("length", [1, 2, 3, 12, 80])
def test_paces_have_unit_variance_and_get_slower(length):
    bases = paces(length)
    assert len(bases) == (1 if length < 4 else 3 if length < 16 else 4)
    for basis in bases:
        torch.testing.assert_close(basis.square().sum(1), torch.ones(length))
        assert basis.shape[0] == length >= basis.shape[1]
    if length == 80:
        neighbours = [float((basis @ basis.mT).diagonal(1).mean()) for basis in bases]
        assert neighbours == sorted(neighbours) and neighbours[0] == 0.0 and neighbours[-1] > 0.9


@pytest.mark.parametrize(("arrival", "steps", "limit"), [(HORIZON, 2, 0.01), (HORIZON - 3, 4, 0.05)])
def test_a_secant_step_reaches_at_once_what_is_linear(arrival, steps, limit):
    goal = np.array([0.4, -0.3], np.float32)
    problem = Problem(np.zeros(2, np.float32), goal)
    for secants, near in ((4, True), (0, False)):
        settings = {"samples": 6, "spread": 0.05, "secants": secants, "arrival": arrival}
        run, sync, actions = started(several(1), LatentDistance(), [problem], **settings)
        run.task.weights.zero_()[:, arrival - 1] = 1.0  # where the plan arrives is all that counts
        sync._kept = run.objective.evaluate(run.task, actions)
        _, after = sync.improve(run, actions, steps)
        assert (float((after.states[arrival, 0, 0] - torch.from_numpy(goal)).abs().max()) < limit) == near


def test_secants_leave_aside_mutants_that_are_not_finite():
    run, sync, actions = started(point_mass(), LatentDistance(), [random_problem(6, 2)])
    mutants = sync._mutants(run)
    outcome = run.objective.evaluate(run.task, mutants)
    outcome.states[-1, 0, ::3] = torch.nan
    steps = sync._secant_steps(run, mutants, outcome)
    assert steps.shape == (HORIZON, 1, 4 * RESTARTS, 2) and torch.isfinite(steps).all()
    assert not torch.equal(steps[:, :, ::4], sync._actions)


@pytest.mark.parametrize(("gain", "lost"), [(0.0, False), (1e-30, False), (1.0, True)])
def test_where_nothing_is_seen_of_what_actions_do_secant_steps_are_finite(gain, lost):
    bounds = torch.ones(2)
    model = FunctionModel(lambda z, a: z + gain * a, 2, -bounds, bounds)
    problem = Problem(np.zeros(2, np.float32), np.ones(2, np.float32))
    run = Grasp(model, LatentDistance(), GraspConfig(horizon=HORIZON))._begin([problem], None)
    actions = torch.zeros(HORIZON, 1, RESTARTS, 2)
    evaluation = run.objective.evaluate(run.task, actions)
    run.record(evaluation, actions)
    sync = PopulationSync(run, PopulationConfig(6, 1.0, 4), actions, evaluation)
    mutants = sync._mutants(run)
    outcome = run.objective.evaluate(run.task, mutants)
    if lost:
        outcome.states[-1] = torch.nan
    assert torch.isfinite(sync._secant_steps(run, mutants, outcome)).all()


class Weighted(DifferentiableMetric):
    name, unit = "weighted", ""
    weight = torch.tensor([2.0, 0.0, 0.5], dtype=torch.float64)

    def cost(self, latents, goals):
        return (self.weight * (latents - goals).square()).sum(-1)


def test_the_curvature_of_a_weighted_square_is_its_weights():
    ends, goals = torch.randn(2, 3, 5, 3, dtype=torch.float64), torch.randn(2, 1, 1, 3, dtype=torch.float64)
    expected = (2.0 * Weighted.weight).expand(2, 1, 1, 3)
    torch.testing.assert_close(curvature(gradient_of(Weighted()), ends, goals), expected)
    part = curvature(gradient_of(PartDistance(slice(1, 2))), ends, goals)
    assert (part[..., [0, 2]] == 0.0).all() and (part[..., 1] > 0.0).all()


def test_problems_that_are_done_leave_the_population():
    problems = [random_problem(i, 2) for i in range(3)]
    run, sync, actions = started(point_mass(), LatentDistance(), problems)
    sync.improve(run, actions, 1)
    run.task = type(run.task)(*(part[[0, 2]] for part in run.task))
    proposed = sync._proposed.clone()
    sync.keep([0, 2])
    assert torch.equal(sync._proposed, proposed[:, [0, 2]])
    run.best_cost, run.best_actions = run.best_cost[[0, 2]], run.best_actions[:, [0, 2]]
    run.best_states, run._reference = run.best_states[:, [0, 2]], run._reference[[0, 2]]
    found, after = sync.improve(run, actions[:, [0, 2]], 1)
    assert found.shape == (HORIZON, 2, RESTARTS, 2) and after.cost.shape == (2, RESTARTS)


def neighbours(noise):
    """Correlation of neighbouring steps, (N, ...) of unit variance."""
    return float((noise[1:] * noise[:-1]).mean() / noise.square().mean())


def test_random_actions_are_smooth_within_an_action_that_holds_several():
    model, problem = several(5), random_problem(7, 2)
    run: Run = Grasp(model, LatentDistance(), GraspConfig(horizon=HORIZON))._begin([problem], None)
    assert neighbours(split(smooth_noise(run, 500), 5)) > 0.95
    config = CemConfig(horizon=HORIZON, samples=500, elites=5, initial_spread=0.2, correlation=0.9)
    planner = Cem(model, LatentDistance(), config)
    run = planner._begin([problem], None)
    drawn = planner._gaussians(run, *planner._first(run)).sample()
    assert neighbours(split(drawn[:, :, 1:], 5)) == pytest.approx(0.9, abs=0.03)


def test_generations_follow_one_another_and_problems_that_are_solved_leave_between_them():
    config = GraspConfig(
        horizon=HORIZON, iterations=3, restarts=3, candidates=3, sync="population", sync_samples=8, sync_every=1,
        sync_steps=5, sync_rate=1.0, tolerance=0.05, noise=0.0,
    )  # fmt: skip
    far, near = (Problem(np.zeros(2, np.float32), np.array([x, -x], np.float32)) for x in (9.0, 0.1))
    planner = Grasp(several(1), LatentDistance(), config)
    plans = planner.plan_batch([far, near])
    # first candidates; then by phases the first generation and the four that go on
    assert len(plans[0].cost_history) == 1 + 3 * 5 and plans[0].iterations == 3
    assert len(plans[1].cost_history) < 1 + 5 and plans[1].stop_reason is StopReason.CONVERGED
    for problem, plan in zip((far, near), plans, strict=True):
        planner.reset()
        alone = planner.plan(problem)
        np.testing.assert_allclose(plan.actions, alone.actions, atol=1e-6)
        assert len(alone.cost_history) == len(plan.cost_history)
