# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Members of an ensemble go their own ways: one with others' eyes is no better than what it says alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import point_mass

from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.dynamics.push import PushDynamics
from robot_planner.errors import InvalidInputError
from robot_planner.planning import Cem, CemConfig, Grasp, GraspConfig, LatentDistance
from robot_planner.planning.goal_metric import PositionDistance
from robot_planner.planning.members import MembersApart, MembersMetric, MembersModel
from robot_planner.push_t_world import build_dynamics
from robot_planner.types import Problem, StopReason


def slots(seed):
    torch.manual_seed(seed)
    return EnsembleDynamics(EnsembleConfig(slots=3, slot_dim=4, hidden=8, waves=1)).requires_grad_(False)


class Split:
    """A point, and two members: the second one thinks that it can't cross zero."""

    latent_dim, action_dim, members, step_seconds = 1, 1, 2, 0.1
    action_low, action_high = -0.1 * torch.ones(1), 0.1 * torch.ones(1)

    def step_members(self, latents, actions):
        free, held = latents + actions
        return torch.stack([free, torch.where(latents[1] <= 0.0, held.clamp_max(0.0), held)])

    def step(self, latents, actions):
        return self.step_members(latents.expand(2, *latents.shape), actions).mean(0)

    def step_with_uncertainty(self, latents, actions):
        return self.step(latents, actions), torch.zeros(len(latents))


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), push=st.booleans())
def test_each_member_goes_on_from_its_own_state(seed, push):
    model = build_dynamics(8, 3, 2, seed).requires_grad_(False) if push else slots(seed)
    assert isinstance(model, PushDynamics if push else EnsembleDynamics)
    generator = torch.Generator().manual_seed(seed)
    latents = 0.2 * torch.randn(5, model.latent_dim, generator=generator)
    low, high = model.action_low, model.action_high
    actions = low + (high - low) * torch.rand(2, 5, model.action_dim, generator=generator)
    apart = MembersModel(model)
    once = apart.step(latents.repeat(1, 3), actions[0])
    own = once.unflatten(-1, (3, -1))
    torch.testing.assert_close(own.mean(1), model.step(latents, actions[0]), atol=1e-5, rtol=1e-4)
    twice = apart.step(once, actions[1]).unflatten(-1, (3, -1))
    for member in range(3):  # as if all members were where this one is, and it alone were asked
        begin = own[:, member]
        change = model.changes(begin, actions[1])[member]
        expected = model._confine(begin + change)
        torch.testing.assert_close(twice[:, member], expected, atol=1e-5, rtol=1e-4)


def test_costs_are_the_members_mean_and_distances_the_largest():
    metric = MembersMetric(PositionDistance(100.0, "cm"), 2)
    latents, goals = torch.tensor([[0.0, 0.0, 0.3, 0.4]]), torch.zeros(1, 4)
    assert metric.unit == "cm"
    assert float(metric.distance(latents, goals)) == pytest.approx(50.0)
    assert float(metric.cost(latents, goals)) == pytest.approx(0.5 * 0.25 / 2)
    cost, gradient = metric.cost_and_gradient(latents, goals)
    assert float(cost) == pytest.approx(0.0625)
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0.0, 0.15, 0.2]]))


@pytest.mark.parametrize("kind", [Grasp, Cem])
def test_a_plan_is_not_believed_before_all_members_do(kind):
    problem = Problem(np.array([-0.2], np.float32), np.array([0.2], np.float32))
    shared = {"horizon": 6, "tolerance": 0.11, "smoothness_weight": 0.0}
    config = GraspConfig(iterations=30, **shared) if kind is Grasp else CemConfig(iterations=30, **shared)

    def make(model, metric):
        return kind(model, metric, config)

    model = Split()
    mean = make(model, PositionDistance()).plan(problem)
    planner = MembersApart(model, PositionDistance(), make)
    apart = planner.plan(problem)
    assert mean.stop_reason is StopReason.CONVERGED  # half of the way across counts as across
    assert apart.stop_reason is StopReason.ITERATIONS
    assert apart.states.shape == mean.states.shape == (7, 1) and planner.name == kind.name
    np.testing.assert_array_equal(apart.states[0], problem.start)
    np.testing.assert_allclose(planner.plan_batch([problem])[0].actions.shape, apart.actions.shape)
    planner.reset()
    np.testing.assert_array_equal(planner.plan(problem).actions, apart.actions)


def test_a_model_without_members_is_refused():
    with pytest.raises(InvalidInputError, match="ensemble"):
        MembersApart(point_mass(), LatentDistance(), Grasp)
