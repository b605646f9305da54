# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The shipped world model's contract and its structure, with random weights."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.dynamics.world_model import FunctionModel


def model(seed: int = 0, **changes: int) -> EnsembleDynamics:
    torch.manual_seed(seed)
    return EnsembleDynamics(EnsembleConfig(**changes)).double().requires_grad_(False)


def rows(count: int, dim: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count)
    latents = torch.randn(count, dim, generator=generator, dtype=torch.float64)
    return latents, 0.04 * (2 * torch.rand(count, 2, generator=generator, dtype=torch.float64) - 1)


def test_it_is_a_world_model() -> None:
    function = FunctionModel(lambda z, a: z, 3, torch.zeros(1), torch.ones(1))
    for made in (model(), function):
        assert made.action_low.shape == made.action_high.shape == (made.action_dim,) and made.step_seconds > 0.0
        latents = torch.zeros(5, made.latent_dim, dtype=made.action_low.dtype)
        after, uncertainty = made.step_with_uncertainty(latents, made.action_low.expand(5, -1))
        assert after.shape == latents.shape and uncertainty.shape == (5,)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 7), st.integers(0, 5))
def test_a_batch_is_its_rows_one_by_one(count: int, seed: int) -> None:
    dynamics, (latents, actions) = model(seed), rows(count)
    together = dynamics.step(latents, actions)
    alone = torch.cat([dynamics.step(latents[i : i + 1], actions[i : i + 1]) for i in range(count)])
    torch.testing.assert_close(together, alone)


def test_both_steps_agree_and_disagreement_has_the_stated_unit() -> None:
    dynamics, (latents, actions) = model(), rows(5)
    after, uncertainty = dynamics.step_with_uncertainty(latents, actions)
    torch.testing.assert_close(after, dynamics.step(latents, actions))
    expected = (latents + dynamics.changes(latents, actions)).var(0).mean(-1).sqrt()
    torch.testing.assert_close(uncertainty, expected)
    dynamics.disagreement_scale.fill_(2.0)
    torch.testing.assert_close(dynamics.step_with_uncertainty(latents, actions)[1], expected / 2)


def test_members_that_agree_are_certain() -> None:
    dynamics, (latents, actions) = model(), rows(4)
    for parameter in dynamics.parameters():
        parameter.copy_(parameter[:1].expand_as(parameter))
    assert dynamics.step_with_uncertainty(latents, actions)[1].max() < 1e-5


def test_objects_share_one_network() -> None:
    """Swapping two objects before the step is swapping them after it; the hand does not notice."""
    dynamics, (latents, actions) = model(), rows(6)
    order = [0, 2, 1, 3]
    swapped = latents.view(6, 4, 8)[:, order].flatten(1)
    torch.testing.assert_close(
        dynamics.step(swapped, actions), dynamics.step(latents, actions).view(6, 4, 8)[:, order].flatten(1)
    )


def test_gradients_agree_with_finite_differences() -> None:
    dynamics, (latents, actions) = model(), rows(2)
    inputs = (latents.requires_grad_(True), actions.requires_grad_(True))
    assert torch.autograd.gradcheck(dynamics.step, inputs)
    assert torch.autograd.gradcheck(dynamics.step_with_uncertainty, inputs)


def test_a_hand_alone_needs_no_object_network_and_waves_let_it_be_sharp() -> None:
    alone = model(slots=1, slot_dim=2, waves=3)
    assert not hasattr(alone, "object") and alone.latent_dim == 2
    latents, actions = rows(5, 2)
    after, uncertainty = alone.step_with_uncertainty(latents, actions)
    assert after.shape == (5, 2) and (uncertainty > 0).all()
    torch.testing.assert_close(after, alone.step(latents, actions))
    inputs = alone.hand[0].weight.shape[1]
    assert inputs == 2 + 2 + 4 * 3
    assert torch.autograd.gradcheck(alone.step, (latents.requires_grad_(True), actions.requires_grad_(True)))
