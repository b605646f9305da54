# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The protocol of world models: latent and action to the next latent."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from robot_planner.registry import Registry


class WorldModel(Protocol):
    """Differentiable latent dynamics, batched over N; its parameters are frozen while planning.

    A model whose action holds several of the environment's, one after the other (a frame skip), may say how many in
    ``action_parts``: planners that draw actions then draw such that vary smoothly through these.
    """

    latent_dim: int
    action_dim: int
    action_low: Tensor
    """(A,) smallest admissible action."""
    action_high: Tensor
    """(A,) largest admissible action."""
    step_seconds: float
    """Duration of one action [s]."""

    def step(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Latents (N, D), actions (N, A) -> next latents (N, D)."""
        ...

    def step_with_uncertainty(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """As ``step``, and the model's own uncertainty (N,) >= 0, about 1 where it was fitted."""
        ...


def neutral_action(model: WorldModel) -> Tensor:
    """The action (A,) by which nothing is done, or the admissible one that is nearest."""
    low, high = model.action_low.detach(), model.action_high.detach()
    return torch.zeros_like(low).clamp(low, high)


class FunctionModel:
    """Any differentiable ``step(latents, actions)`` as a world model; its uncertainty is zero."""

    def __init__(
        self,
        step: Callable[[Tensor, Tensor], Tensor],
        latent_dim: int,
        action_low: Tensor,
        action_high: Tensor,
        step_seconds: float = 1.0,
    ) -> None:
        self._step = step
        self.latent_dim, self.action_dim = latent_dim, int(action_low.numel())
        self.action_low, self.action_high = action_low, action_high
        self.step_seconds = step_seconds

    def step(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Latents (N, D), actions (N, A) -> next latents (N, D)."""
        return self._step(latents, actions)

    def step_with_uncertainty(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """As ``step``, with zeros (N,) for an uncertainty that nobody measured."""
        return self._step(latents, actions), torch.zeros(len(latents), dtype=latents.dtype, device=latents.device)


WORLD_MODELS: Registry[WorldModel] = Registry("world model")
