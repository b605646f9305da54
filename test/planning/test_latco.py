# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""LatCo: its loss and gradient, multipliers that grow on violated dynamics, Gauss-Newton against a dense solve."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import CurvedMetric, RandomModel, point_mass, random_problem

from robot_planner.planning import Latco, LatcoConfig, LatentDistance
from robot_planner.planning.block_tridiagonal import solve_block_tridiagonal
from robot_planner.planning.collocation import Collocation

CONFIG = LatcoConfig(horizon=4, smoothness_weight=0.05)
T, P, R, D, A = 4, 2, 3, 3, 2


def problem_of(seed, model=None, metric=None, **changes):
    """A Collocation with random variables within the bounds."""
    planner = Latco(
        model or RandomModel(D, A, seed), metric or CurvedMetric(), LatcoConfig(**{**vars(CONFIG), **changes})
    )
    run = planner._begin([random_problem(seed + i, D) for i in range(P)], None)
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(T + 1, P, R, D, generator=generator, dtype=torch.float64)
    states[0] = run.task.starts.unsqueeze(1)
    actions = 0.2 * torch.randn(T, P, R, A, generator=generator, dtype=torch.float64)
    problem = Collocation(planner.objective, run.task, states, actions.clamp(-0.4, 0.4), 0.7)
    problem.multipliers = 0.1 + torch.rand(T, P, R, generator=generator, dtype=torch.float64)
    return problem, planner.objective, run.task


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), cautious=st.booleans())
def test_the_gradient_is_that_of_finite_differences(seed, cautious):
    problem, objective, _ = problem_of(seed, uncertainty_weight=0.5 * cautious, uncertainty_threshold=0.6)
    _, _, of_states, of_actions = problem.loss_and_gradient(problem.states, problem.actions)
    small = 1e-6
    for part, gradient, unit in (
        ("states", of_states, problem.scale.expand(P, R, D)),
        ("actions", of_actions, objective.half_range.expand(P, R, A)),
    ):
        offset = 1 if part == "states" else 0
        for t, number in ((0, 1), (T - 1, 0)):
            moved = {"states": problem.states.clone(), "actions": problem.actions.clone()}
            moved[part][t + offset, ..., number] += small * unit[..., number]
            upper = problem.loss_and_gradient(**moved)[0]
            moved[part][t + offset, ..., number] -= 2 * small * unit[..., number]
            lower = problem.loss_and_gradient(**moved)[0]
            torch.testing.assert_close((upper - lower) / (2 * small), gradient[t, ..., number], rtol=1e-4, atol=1e-6)


def test_on_the_rollout_nothing_is_violated_and_the_loss_is_the_objective():
    problem, objective, task = problem_of(1)
    evaluation = objective.evaluate(task, problem.actions)
    loss, violation, *_ = problem.loss_and_gradient(evaluation.states, problem.actions)
    assert float(violation.max()) < 1e-20
    staying = task.reference * objective.total_weight
    torch.testing.assert_close(loss, evaluation.cost / staying)


def test_multipliers_grow_where_the_dynamics_are_violated_and_shrink_elsewhere():
    problem, _, _ = problem_of(2)
    before = problem.multipliers.clone()
    violation = torch.full_like(before, 1e-6)
    violation[1] = 0.5
    violation[2] = torch.nan
    problem.ascend(violation, 1e-3, 0.1)
    assert (problem.multipliers[1] > before[1]).all() and (problem.multipliers[0] < before[0]).all()
    assert torch.equal(problem.multipliers[2], before[2])
    for _ in range(1000):
        problem.ascend(torch.full_like(before, 1e9), 1e-3, 0.2)
    assert torch.isfinite(problem.multipliers).all()


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), blocks=st.integers(1, 6), size=st.integers(1, 4))
def test_block_tridiagonal_systems_are_solved_as_densely(seed, blocks, size):
    torch.manual_seed(seed)
    factor = torch.zeros(2, blocks * size, blocks * size, dtype=torch.float64)
    for t in range(blocks):
        rows = slice(t * size, (t + 1) * size)
        factor[:, rows, max(t - 1, 0) * size : (t + 1) * size] = torch.randn(2, size, min(t + 1, 2) * size).double()
    dense = factor.mT @ factor + 0.5 * torch.eye(blocks * size)
    grid = dense.unflatten(1, (blocks, size)).unflatten(3, (blocks, size))
    diagonal = torch.stack([grid[:, t, :, t] for t in range(blocks)])
    lower = torch.stack([grid[:, t + 1, :, t] for t in range(blocks - 1)]) if blocks > 1 else diagonal[:0]
    right = torch.randn(blocks, 2, size, dtype=torch.float64)
    found = solve_block_tridiagonal(diagonal, lower, right)
    expected = torch.linalg.solve(dense, right.transpose(0, 1).reshape(2, -1, 1)).view(2, blocks, size)
    torch.testing.assert_close(found, expected.transpose(0, 1), rtol=1e-6, atol=1e-8)


def test_a_matrix_that_is_not_positive_definite_is_said_to_be():
    assert torch.isnan(
        solve_block_tridiagonal(-torch.eye(2).expand(3, 2, 2), torch.zeros(2, 2, 2), torch.ones(3, 2))
    ).all()


def residuals(problem, objective, task, at):
    """The loss's residuals, half of whose squares it sums, as a function of one restart's blocks (T, A + D)."""
    actions = at[:, :A] * objective.half_range
    states = torch.cat([task.starts[:1], at[:, A:] * problem.scale[0]])
    predicted = objective.model.step(states[:-1], actions)
    dynamics = (2 * problem.multipliers[:, 0, :1] / D).sqrt() * (states[1:] - predicted) / problem.scale[0]
    staying = task.reference[0] * objective.total_weight
    cost = objective.metric.cost(states[1:], task.goals[0]) * task.weights[0] / staying
    change = actions.diff(dim=0) / objective.half_range
    weight = 2 * objective.config.smoothness_weight * task.reference[0] / staying / change.numel()
    return torch.cat([dynamics.flatten(), (2 * cost).sqrt(), (weight.sqrt() * change).flatten()])


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6))
def test_a_gauss_newton_step_is_that_of_a_dense_solve(seed):
    problem, objective, task = problem_of(seed)
    _, _, of_states, of_actions = problem.loss_and_gradient(problem.states, problem.actions)
    damping = torch.full((P, R), 0.03, dtype=torch.float64)
    by_states, by_actions = problem.newton_step(of_states, of_actions, damping)
    at = torch.cat(
        [problem.actions[:, 0, 0] / objective.half_range, problem.states[1:, 0, 0] / problem.scale[0]], dim=1
    )
    # a residual for each number: all of this is done again by autograd, without blocks
    jacobian = torch.autograd.functional.jacobian(lambda x: residuals(problem, objective, task, x), at).flatten(1)
    right = jacobian.mT @ residuals(problem, objective, task, at)
    dense = torch.linalg.solve(jacobian.mT @ jacobian + 0.03 * torch.eye(len(right)), -right).view(T, A + D)
    torch.testing.assert_close(by_actions[:, 0, 0], dense[:, :A], rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(by_states[:, 0, 0], dense[:, A:], rtol=1e-5, atol=1e-8)


def test_an_action_at_its_bound_is_not_moved_out():
    problem, objective, _ = problem_of(3)
    problem.actions[:] = objective.high
    _, _, of_states, of_actions = problem.loss_and_gradient(problem.states, problem.actions)
    _, by_actions = problem.newton_step(of_states, of_actions, torch.full((P, R), 0.01, dtype=torch.float64))
    assert (by_actions[of_actions < 0].abs() < 1e-3).all() and (by_actions[of_actions > 0].abs() > 1e-6).any()


@pytest.mark.parametrize("optimiser", ["adam", "gauss-newton"])
def test_states_and_rollout_agree_in_the_end(optimiser):
    settings = LatcoConfig(
        horizon=6, iterations=200, optimiser=optimiser, multiplier_rate=0.1, initial_states="line", allowed=1e-5
    )
    planner = Latco(point_mass(low=(-1.0, -1.0), high=(1.0, 1.0)), LatentDistance(), settings)
    searches = []
    begin = planner._begin_search
    planner._begin_search = lambda *rest: searches.append(begin(*rest)) or searches[-1]
    plan = planner.plan(random_problem(4, 2))
    problem = searches[0].problem
    rolled = planner.objective.evaluate(searches[0].run.task, problem.actions).states
    assert float((problem.states - rolled).abs().max()) < 0.1
    assert plan.cost < 0.5 * plan.cost_history[0]
