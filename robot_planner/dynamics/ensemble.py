# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The shipped world model: an ensemble of residual MLPs whose disagreement says where it does not know.

One batched product runs all members; the prediction is their mean. Disagreement as a measure of ignorance:
Lakshminarayanan et al., "Simple and Scalable Predictive Uncertainty Estimation using Deep Ensembles", 2017.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.dynamics.world_model import WORLD_MODELS


@dataclass(frozen=True)
class EnsembleConfig:
    """Sizes of the ensemble and its action box."""

    latent_dim: int = 64
    action_low: tuple[float, ...] = (-0.04, -0.04)
    action_high: tuple[float, ...] = (0.04, 0.04)
    step_seconds: float = 0.2
    hidden: int = 256
    members: int = 3


class EnsembleLinear(nn.Module):
    """K independent linear layers as one batched product: (K, N, in) -> (K, N, out)."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))
        for member in self.weight:
            nn.init.trunc_normal_(member, std=inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(K, N, in) -> (K, N, out)."""
        return torch.baddbmm(self.bias, x, self.weight)


@WORLD_MODELS.register("ensemble")
class EnsembleDynamics(nn.Module):
    """The WorldModel protocol: z' = z + mean_k f_k(z, a)."""

    action_low: Tensor
    action_high: Tensor
    disagreement_scale: Tensor

    def __init__(self, config: EnsembleConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim, self.action_dim = config.latent_dim, len(config.action_low)
        self.step_seconds = config.step_seconds
        self.register_buffer("action_low", torch.tensor(config.action_low))
        self.register_buffer("action_high", torch.tensor(config.action_high))
        self.register_buffer("disagreement_scale", torch.ones(()))
        k, h = config.members, config.hidden
        self.inner = EnsembleLinear(k, self.latent_dim + self.action_dim, h)
        self.middle = EnsembleLinear(k, h, h)
        self.outer = EnsembleLinear(k, h, self.latent_dim)

    def changes(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Latents (N, D), actions (N, A) -> every member's change of the latents (K, N, D)."""
        unit = (actions - self.action_low) / (self.action_high - self.action_low) * 2.0 - 1.0
        x = torch.cat([latents, unit], dim=-1).expand(self.config.members, -1, -1)
        hidden = F.silu(self.inner(x))
        hidden = hidden + F.silu(self.middle(hidden))
        return self.outer(hidden)

    def step(self, latents: Tensor, actions: Tensor) -> Tensor:
        """See WorldModel."""
        return latents + self.changes(latents, actions).mean(0)

    def step_with_uncertainty(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See WorldModel; the uncertainty is the members' standard deviation over its median on held-out data."""
        changes = self.changes(latents, actions)
        mean = changes.mean(0)
        # by hand: torch.var over a leading axis of three costs more than the three products
        spread = ((changes - mean).square().sum((0, 2)) / ((len(changes) - 1) * self.latent_dim)).clamp_min(1e-12).sqrt()
        return latents + mean, spread / self.disagreement_scale
