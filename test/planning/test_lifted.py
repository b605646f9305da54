# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The fused gradients of the lifted problem are those of its written-out loss."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import CurvedMetric, RandomModel

from robot_planner.planning.goal_metric import LatentDistance, PartDistance, PositionDistance, gradient_of, uphill
from robot_planner.planning.lifted import Lifted, goal_gain, latent_scale, straight_line
from robot_planner.planning.objective import Objective, ObjectiveConfig


def lifted(seed, horizon=4, metric=None, uncertainty_weight=0.3, model=None, ends_at_goal=False):
    config = ObjectiveConfig(
        horizon=horizon,
        discount=0.9,
        uncertainty_weight=uncertainty_weight,
        uncertainty_threshold=0.6,
        smoothness_weight=0.2,
    )
    objective = Objective(model or RandomModel(3, 2, seed), metric or CurvedMetric(), config)
    generator = torch.Generator().manual_seed(seed)
    starts, goals = torch.randn(2, 2, 3, generator=generator, dtype=torch.float64)
    task = objective.task(starts, goals)
    actions = 0.3 * torch.randn(horizon, 2, 3, 2, generator=generator, dtype=torch.float64)
    states = straight_line(task, horizon).expand(-1, -1, 3, -1).clone()
    states[1:-1] += 0.1 * torch.randn(states[1:-1].shape, generator=generator, dtype=torch.float64)
    return Lifted(objective, task, states, actions, 1.7, ends_at_goal), objective, task


def written_out(problem, objective, task, states, actions):
    """The loss of the module's docstring, as a loop; states as given enter the model without a gradient."""
    config, horizon = objective.config, len(actions)
    gain = goal_gain(objective, task)[..., 0]
    half = (objective.high - objective.low) / 2
    weights = torch.tensor([config.discount**t for t in range(horizon)], dtype=torch.float64)
    weights = weights / weights.sum()
    total = torch.zeros(actions.shape[1:3], dtype=torch.float64)
    for t in range(horizon):
        for p in range(actions.shape[1]):
            predicted, uncertainty = objective.model.step_with_uncertainty(states[t, p].detach(), actions[t, p])
            total[p] = total[p] + 0.5 * (predicted - states[t + 1, p]).square().sum(-1)
            excess = torch.relu(uncertainty - config.uncertainty_threshold)
            goal = objective.metric.cost(predicted, task.goals[p])
            cautious = task.reference[p] * config.uncertainty_weight * excess
            total[p] = total[p] + 1.7 * gain[p] * horizon * weights[t] * (goal + cautious)
    if horizon > 1:
        change = ((actions[1:] - actions[:-1]) / half).square().mean((0, 3))
        total = total + 1.7 * gain * task.reference * horizon * config.smoothness_weight * change
    return total.sum()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 6), st.booleans(), st.sampled_from([0.0, 0.3]))
def test_fused_gradients_are_those_of_autograd_on_the_written_out_loss(seed, horizon, curved, uncertainty_weight):
    problem, objective, task = lifted(seed, horizon, CurvedMetric() if curved else LatentDistance(), uncertainty_weight)
    states = problem.states.clone().requires_grad_(True)
    actions = problem.actions.clone().requires_grad_(True)
    loss = written_out(problem, objective, task, states, actions)
    by_states, by_actions = torch.autograd.grad(loss, (states, actions))
    torch.testing.assert_close(problem.gradient(), by_actions)
    before = problem.states.clone()
    problem.iterate(torch.zeros(2, 3, 2, dtype=torch.float64), 1.0, 0.25)
    moved = (problem.states - before)[1:-1]
    torch.testing.assert_close(moved, -0.25 * by_states[1:-1])


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_fused_gradient_agrees_with_finite_differences(seed, horizon):
    problem, objective, task = lifted(seed, horizon, uncertainty_weight=0.0)
    gradient, step = problem.gradient().clone(), 1e-6
    for index in torch.cartesian_prod(*(torch.arange(size) for size in gradient.shape)).tolist()[::3]:
        moved = torch.zeros_like(gradient)
        moved[tuple(index)] = step
        ahead = written_out(problem, objective, task, problem.states, problem.actions + moved)
        behind = written_out(problem, objective, task, problem.states, problem.actions - moved)
        torch.testing.assert_close(gradient[tuple(index)], (ahead - behind) / (2 * step), atol=1e-6, rtol=1e-5)


def test_latent_distance_makes_the_papers_goal_term():
    _, objective, task = lifted(0, metric=LatentDistance())
    # k c(p) = 1/2 |p - g|^2 with c the mean over D of the squared difference
    torch.testing.assert_close(goal_gain(objective, task), torch.full((2, 1, 1), 1.5, dtype=torch.float64))


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([LatentDistance(), PositionDistance(), PartDistance(slice(1, 2)), PartDistance(slice(None))]),
    st.floats(-3.0, 3.0),
    st.integers(0, 10**6),
)
def test_a_way_uphill_is_the_weighted_gradient_and_its_result_a_tensor_of_its_own(metric, weight, seed):
    generator = torch.Generator().manual_seed(seed)
    latents, goals = torch.randn(4, 2, 3, 3, generator=generator), torch.randn(2, 1, 3, generator=generator)
    weights = weight * torch.rand(4, 1, 1, 1, generator=generator)
    before = latents.clone()
    moved = uphill(metric, goals, weights)(latents)
    torch.testing.assert_close(moved, latents + weights * gradient_of(metric)(latents, goals), rtol=1e-4, atol=1e-5)
    moved.zero_()
    assert torch.equal(latents, before)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_metrics_unit_does_not_matter(factor):
    class Scaled(CurvedMetric):
        def cost(self, latents, goals):
            return factor * super().cost(latents, goals)

    one, other = lifted(3)[0], lifted(3, metric=Scaled())[0]
    torch.testing.assert_close(one.gradient(), other.gradient())


def test_start_and_goal_stay_and_actions_stay_admissible():
    problem, objective, task = lifted(5)
    first, last = problem.states[0].clone(), problem.states[-1].clone()
    rate = torch.full((2, 3, 2), 10.0, dtype=torch.float64)
    for _ in range(5):
        problem.iterate(rate, 1.0, 0.5, torch.randn(3, 2, 3, 3, dtype=torch.float64), 0.1)
        assert (problem.actions >= objective.low).all() and (problem.actions <= objective.high).all()
    torch.testing.assert_close(problem.states[0], first, atol=0, rtol=0)
    torch.testing.assert_close(problem.states[-1], last, atol=0, rtol=0)


def test_noise_is_in_units_of_the_way_to_the_goal():
    problem, _, task = lifted(6)
    before, noise = problem.states.clone(), torch.ones(3, 2, 3, 3, dtype=torch.float64)
    problem.iterate(torch.zeros(2, 3, 2, dtype=torch.float64), 1.0, 0.0, noise, 0.2)
    expected = (0.2 * latent_scale(task)).expand(2, 3, 3).expand(3, -1, -1, -1)
    torch.testing.assert_close((problem.states - before)[1:-1], expected)


def test_a_models_own_product_is_used():
    class Own(RandomModel):
        used = 0

        def step_vjp(self, latents, actions, cotangent):
            self.used += 1
            leaf = actions.clone().requires_grad_(True)
            with torch.enable_grad():
                following = self.step(latents, leaf)
            return following.detach(), torch.autograd.grad(following, leaf, cotangent(following.detach()))[0]

    model = Own(3, 2, 7)
    own, plain = lifted(7, uncertainty_weight=0.0, model=model)[0], lifted(7, uncertainty_weight=0.0)[0]
    torch.testing.assert_close(own.gradient(), plain.gradient())
    assert model.used == 1


def test_a_model_may_return_what_lies_in_memory_in_another_order():
    class Across(RandomModel):
        def step(self, latents, actions):
            return super().step(latents, actions).mT.contiguous().mT

    found, plain = lifted(7, uncertainty_weight=0.0, model=Across(3, 2, 7)), lifted(7, uncertainty_weight=0.0)
    torch.testing.assert_close(found[0].gradient(), plain[0].gradient())


def test_replaced_rows_start_afresh_and_the_others_go_on():
    one, objective, _ = lifted(8)
    other, rate = lifted(8)[0], objective.half_range.expand(2, 3, -1)
    one.states[2, 0, 0] = float("nan")
    for problem in (one, other):
        problem.iterate(rate, 0.1, 0.5)
    assert torch.isnan(one.actions[:, 0, 0]).any()
    mask = torch.zeros(2, 3, dtype=torch.bool)
    mask[0, 0] = True
    one.replace(other.states[:, :, 1:2], other.actions[:, :, 1:2], mask)
    for problem in (one, other):
        problem.iterate(rate, 0.1, 0.5)
    assert torch.isfinite(one.actions).all() and torch.isfinite(one.states).all()
    torch.testing.assert_close(one.actions[:, ~mask], other.actions[:, ~mask])


@pytest.mark.parametrize("ends_at_goal", [True, False])
def test_the_last_state_is_the_goal_whatever_is_put_in_or_stays_as_it_was_put_in(ends_at_goal):
    problem, _, task = lifted(3, ends_at_goal=ends_at_goal)
    other = torch.randn_like(problem.states)
    goals = task.goals.expand_as(other[-1])
    for put in (
        lambda: problem.restart(other, problem.actions),
        lambda: problem.replace(other, problem.actions, torch.ones(other.shape[1:3], dtype=torch.bool)),
    ):
        put()
        assert torch.equal(problem.states[-1], goals if ends_at_goal else other[-1])
        assert torch.equal(problem.states[:-1], other[:-1])
    kept = problem.keep([1], type(task)(*(part[[1]] for part in task)))
    kept.restart(other[:, [1]], kept.actions)
    assert torch.equal(kept.states[-1], (goals if ends_at_goal else other[-1])[[1]])
