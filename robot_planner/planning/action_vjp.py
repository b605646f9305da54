# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One forward pass of a world model and one vector-Jacobian product with respect to its actions."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel

Cotangent = Callable[[Tensor], Tensor]
"""Next latents (N, D), detached -> cotangent (N, D)."""


class ActionVjp(Protocol):
    """What a world model may offer besides ``step``: its own product, where that is faster than autograd's."""

    def step_vjp(self, latents: Tensor, actions: Tensor, cotangent: Cotangent) -> tuple[Tensor, Tensor]:
        """Latents (N, D), actions (N, A) -> next latents (N, D), and cotangent(next) . d next / d actions (N, A)."""
        ...


def action_vjp(model: WorldModel) -> Callable[[Tensor, Tensor, Cotangent], Tensor]:
    """A function (latents, actions that require grad, cotangent) -> action gradient (N, A)."""
    own = getattr(model, "step_vjp", None)
    if own is not None:
        return lambda latents, actions, cotangent: own(latents, actions.detach(), cotangent)[1]
    step = model.step

    def product(latents: Tensor, actions: Tensor, cotangent: Cotangent) -> Tensor:
        with torch.enable_grad():
            following = step(latents, actions)
        return torch.autograd.grad(following, actions, cotangent(following.detach()))[0]

    return product


def cautious_action_vjp(
    model: WorldModel, threshold: float, price: Tensor
) -> Callable[[Tensor, Tensor, Cotangent], Tensor]:
    """As ``action_vjp``, plus the gradient of ``price`` (N,) x relu(uncertainty - threshold), in the same product."""
    step = model.step_with_uncertainty

    def product(latents: Tensor, actions: Tensor, cotangent: Cotangent) -> Tensor:
        with torch.enable_grad():
            following, uncertainty = step(latents, actions)
        outputs, cotangents = [following], [cotangent(following.detach())]
        if uncertainty.requires_grad:
            outputs.append(uncertainty)
            cotangents.append(torch.where(uncertainty.detach() > threshold, price, 0.0))
        return torch.autograd.grad(outputs, actions, cotangents)[0]

    return product
