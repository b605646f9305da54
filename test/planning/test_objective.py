# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The objective is what its docstring says, and its gradient is that of finite differences."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import CurvedMetric, RandomModel

from robot_planner.planning.objective import Objective, ObjectiveConfig


def objective(seed, horizon, arrival=None, **changes):
    values = {"discount": 0.9, "terminal_weight": 0.7, "uncertainty_weight": 0.3, "uncertainty_threshold": 0.6}
    config = ObjectiveConfig(horizon=horizon, smoothness_weight=0.2, **(values | changes))
    made = Objective(RandomModel(3, 2, seed), CurvedMetric(), config)
    generator = torch.Generator().manual_seed(seed)
    starts, goals = torch.randn(2, 2, 3, generator=generator, dtype=torch.float64)
    actions = 0.3 * torch.randn(horizon, 2, 4, 2, generator=generator, dtype=torch.float64)
    return made, made.task(starts, goals, arrival), actions


def written_out(made, task, actions, problem, candidate, arrival=None):
    """The formula of the module, a term at a time."""
    config, model, metric = made.config, made.model, made.metric
    state, goal = task.starts[problem : problem + 1], task.goals[problem]
    reference = metric.cost(state, goal).abs()
    costs, excesses = [], []
    for action in actions[:, problem, candidate]:
        state, uncertainty = model.step_with_uncertainty(state, action[None])
        costs.append(metric.cost(state, goal))
        excesses.append(torch.relu(uncertainty - config.uncertainty_threshold))
    weights = [config.discount**t for t in range(len(costs))]
    total = sum(w * c for w, c in zip(weights, costs, strict=True)) / sum(weights)
    total = total + config.terminal_weight * costs[(arrival or len(costs)) - 1]
    total = total + reference * config.uncertainty_weight * sum(excesses) / len(excesses)
    if len(actions) > 1:
        change = actions[1:, problem, candidate] - actions[:-1, problem, candidate]
        half = (model.action_high - model.action_low) / 2
        total = total + reference * config.smoothness_weight * (change / half).square().mean()
    return total.squeeze()


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.integers(1, 6), st.one_of(st.none(), st.integers(1, 6)))
def test_cost_is_the_written_out_formula_and_the_gradient_is_its_autograd(seed, horizon, arrival):
    arrival = None if arrival is None else min(arrival, horizon)
    made, task, actions = objective(seed, horizon, arrival)
    evaluation, gradient = made.evaluate_with_gradient(task, actions)
    leaf = actions.clone().requires_grad_(True)
    expected = torch.stack(
        [torch.stack([written_out(made, task, leaf, p, r, arrival) for r in range(4)]) for p in range(2)]
    )
    torch.testing.assert_close(evaluation.cost, expected.detach())
    torch.testing.assert_close(made.evaluate(task, actions).cost, expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.sum(), leaf)[0])


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_gradient_agrees_with_finite_differences(seed, horizon):
    # the hinge of the uncertainty has no derivative at its corner: leave it to the test above
    made, task, actions = objective(seed, horizon, uncertainty_weight=0.0)
    _, gradient = made.evaluate_with_gradient(task, actions)
    step = 1e-6
    for t in range(horizon):
        for a in range(2):
            moved = torch.zeros_like(actions)
            moved[t, :, :, a] = step
            slope = (made.evaluate(task, actions + moved).cost - made.evaluate(task, actions - moved).cost) / (2 * step)
            torch.testing.assert_close(gradient[t, :, :, a], slope, atol=1e-6, rtol=1e-5)


def test_a_cost_that_is_not_finite_is_infinite():
    made, task, actions = objective(0, 3)
    actions[1, 0, 2] = float("nan")
    cost = made.evaluate(task, actions).cost
    assert torch.isinf(cost[0, 2]) and torch.isfinite(cost).sum() == cost.numel() - 1


def test_uncertainty_is_the_largest_along_the_rollout():
    made, task, actions = objective(1, 4)
    states = made.evaluate(task, actions).states
    expected = torch.stack(
        [made.model.step_with_uncertainty(states[t, 0], actions[t, 0])[1] for t in range(len(actions))]
    ).amax(0)
    torch.testing.assert_close(made.uncertainty(states[:, 0], actions[:, 0]), expected)
