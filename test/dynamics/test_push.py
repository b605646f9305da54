# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The pushing ensemble: turned with what it sees, of unit angles, finite wherever lifted states may be."""

import numpy as np
import pytest
import torch

from robot_planner.dynamics.push import turned
from robot_planner.push_t_world import build_dynamics


@pytest.fixture(scope="module")
def model():
    dynamics = build_dynamics(16, 2, 1).double()
    with torch.no_grad():
        for parameter in dynamics.push.parameters():
            parameter.mul_(3.0)  # pushes that can be seen
    return dynamics


def drawn(rows=32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    latents = (torch.rand(rows, 8, generator=generator) - 0.5).double()
    latents[:, 6:] /= latents[:, 6:].norm(dim=-1, keepdim=True)
    return latents, (2.0 * torch.rand(rows, 10, generator=generator) - 1.0).double()


def test_a_vector_is_turned_as_its_angle_says():
    facing = torch.tensor([np.cos(0.3), np.sin(0.3)])
    np.testing.assert_allclose(turned(facing, facing), [np.cos(0.6), np.sin(0.6)])
    np.testing.assert_allclose(turned(facing, torch.tensor([1.0, 0.0])), facing)


def test_the_angle_stays_one_and_members_differ(model):
    latents, actions = drawn()
    change = model.changes(latents, actions)
    assert change.shape == (2, 32, 8)
    torch.testing.assert_close((latents + change)[..., 6:].norm(dim=-1), torch.ones(2, 32).double())
    after, uncertainty = model.step_with_uncertainty(latents, actions)
    torch.testing.assert_close(after, model.step(latents, actions))
    assert (uncertainty > 0.0).all()


def test_gradients_are_those_of_finite_differences(model):
    latents, actions = drawn(3)
    assert torch.autograd.gradcheck(model.changes, (latents.requires_grad_(), actions.requires_grad_()))


def test_an_angle_of_no_length_is_finite(model):
    latents, actions = drawn(4)
    latents[:, 6:] = 0.0
    latents.requires_grad_()
    after = model.step(latents, actions)
    (gradient,) = torch.autograd.grad(after.sum(), latents)
    assert torch.isfinite(after).all() and torch.isfinite(gradient).all()


def test_the_hand_feels_no_contact_and_stays_in_the_arena(model):
    latents, actions = drawn()
    elsewhere = latents.clone()
    elsewhere[:, 4:6] += 0.2
    torch.testing.assert_close(model.changes(latents, actions)[..., :4], model.changes(elsewhere, actions)[..., :4])
    outside = latents.clone()
    outside[:, :2] = 5.0
    assert (model.step(outside, actions)[:, :2] <= 1.0).all()
