# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Products in bfloat16 change a step by little, latents by nothing, and plans are as good."""

import copy

import numpy as np
import pytest
import torch

from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.dynamics.precision import Bfloat16Model
from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.planning import Grasp, GraspConfig, LatentDistance
from robot_planner.planning.action_vjp import action_vjp
from robot_planner.planning.members import MembersApart
from robot_planner.types import Problem

STEP_ERROR = 2.0**-7
"""Relative: bfloat16 has eight bits."""


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = EnsembleConfig(slots=2, slot_dim=4, hidden=32, members=3)
    return EnsembleDynamics(config).eval().requires_grad_(False)


def given(model, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    latents = torch.randn(16, model.latent_dim, generator=generator).to(dtype)
    return latents, 0.05 * torch.randn(16, model.action_dim, generator=generator).to(dtype)


def test_steps_are_nearly_the_models_and_latents_keep_their_digits(model):
    half = Bfloat16Model(model)
    assert half.latent_dim == model.latent_dim and half.members == 3
    latents, actions = given(model)
    whole, near = model.step(latents, actions), half.step(latents, actions)
    assert near.dtype == torch.float32 and not torch.equal(near, whole)
    change = (whole - latents).abs().max()
    assert (near - whole).abs().max() < 4 * STEP_ERROR * change
    cautious = half.step_with_uncertainty(latents, actions)
    torch.testing.assert_close(cautious[0], near)
    torch.testing.assert_close(cautious[1], model.step_with_uncertainty(latents, actions)[1], rtol=0.05, atol=0.0)


def test_where_nothing_changes_latents_stay_what_they_are(model):
    latents, actions = given(model)
    for network in (model.hand, model.object):
        network[-1].weight.zero_()
    assert torch.equal(Bfloat16Model(model).step(latents, actions), latents)


def test_double_precision_stays_what_it_is(model):
    latents, actions = given(model.double(), torch.float64)
    assert torch.equal(Bfloat16Model(model).step(latents, actions), model.step(latents, actions))


@pytest.mark.parametrize("apart", [False, True])
def test_plans_are_as_good(model, apart):
    metric = LatentDistance()

    def planner(bfloat16):
        config = GraspConfig(horizon=4, iterations=20, restarts=2, candidates=8, bfloat16=bfloat16)
        return MembersApart(model, metric, lambda m, g: Grasp(m, g, config)) if apart else Grasp(model, metric, config)

    latents, _ = given(model)
    problem = Problem(*(latents[:2].numpy() * np.float32(0.3)))
    whole, half = (planner(bfloat16).plan(problem) for bfloat16 in (False, True))
    assert half.cost != whole.cost and half.cost == pytest.approx(whole.cost, rel=0.02)
    assert half.actions.dtype == half.states.dtype == np.float32


def test_a_product_of_the_models_own_is_not_used_as_it_would_be_exact(model):
    class WithProduct(FunctionModel):
        def step_vjp(self, latents, actions, cotangent):
            raise AssertionError("in single precision")

    box = torch.ones(model.action_dim)
    half = Bfloat16Model(WithProduct(model.step, model.latent_dim, -box, box))
    latents, actions = given(model)
    product = action_vjp(half)(latents, actions.requires_grad_(True), lambda following: following)
    following = half.step(latents, actions)
    (expected,) = torch.autograd.grad(following, actions, following.detach())
    torch.testing.assert_close(product, expected)


def test_it_can_be_copied(model):
    latents, actions = given(model)
    twin = copy.copy(Bfloat16Model(model))
    torch.testing.assert_close(twin.step(latents, actions), Bfloat16Model(model).step(latents, actions))
