# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The shipped world model: an ensemble over object slots whose disagreement says where it does not know.

A latent is a row of slots, the hand's first, then one an object; each begins with the position that the read-out gives
(`robot_planner.perception.slots`). One network moves the hand, another moves every object by what the hand does beside
it: sharing it among the objects is what makes contact learnable from hours of data (an unstructured network of the
same size predicted moved objects hardly better than copying). One batched product runs all members; the prediction is
their mean. Disagreement as a measure of ignorance: Lakshminarayanan et al., "Simple and Scalable Predictive
Uncertainty Estimation using Deep Ensembles", 2017.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.dynamics.world_model import WORLD_MODELS


@dataclass(frozen=True)
class EnsembleConfig:
    """Sizes of the ensemble and its action box."""

    slots: int = 4
    slot_dim: int = 8
    action_low: tuple[float, ...] = (-0.04, -0.04)
    action_high: tuple[float, ...] = (0.04, 0.04)
    step_seconds: float = 0.2
    hand_low: tuple[float, ...] = (-float("inf"), -float("inf"))
    """Smallest position of the hand's slot, in the latent's units: the policy never commands beyond its box."""
    hand_high: tuple[float, ...] = (float("inf"), float("inf"))
    hidden: int = 128
    members: int = 3
    waves: int = 0
    """Octaves of sines and cosines of the hand's position that the hand's network sees, the slowest of period 4; they
    let it be sharp, as at a wall."""


class EnsembleLinear(nn.Module):
    """K independent linear layers as one batched product: (K, N, in) -> (K, N, out)."""

    def __init__(self, members: int, inputs: int, outputs: int, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))
        for member in self.weight:
            nn.init.trunc_normal_(member, std=gain * inputs**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(K, N, in) -> (K, N, out)."""
        return torch.baddbmm(self.bias, x, self.weight)


@WORLD_MODELS.register("ensemble")
class EnsembleDynamics(nn.Module):
    """The WorldModel protocol: z' = z + mean_k f_k(z, a)."""

    action_low: Tensor
    action_high: Tensor
    hand_low: Tensor
    hand_high: Tensor
    disagreement_scale: Tensor

    def __init__(self, config: EnsembleConfig) -> None:
        super().__init__()
        self.config = config
        self.latent_dim, self.action_dim = config.slots * config.slot_dim, len(config.action_low)
        self.step_seconds, self.members = config.step_seconds, config.members
        self.encoder = ""
        """Digest of the encoder whose latents these are; empty: unknown."""
        self.register_buffer("action_low", torch.tensor(config.action_low))
        self.register_buffer("action_high", torch.tensor(config.action_high))
        self.register_buffer("hand_low", torch.tensor(config.hand_low), persistent=False)
        self.register_buffer("hand_high", torch.tensor(config.hand_high), persistent=False)
        self.register_buffer("disagreement_scale", torch.ones(()))
        self._octaves = [0.5 * torch.pi * 2.0**octave for octave in range(config.waves)]
        self.hand = self._network(config.slot_dim + self.action_dim + 4 * config.waves)
        if config.slots > 1:
            self.object = self._network(2 + 2 * config.slot_dim + self.action_dim)

    def _network(self, inputs: int, outputs: int | None = None) -> nn.ModuleList:
        k, h = self.config.members, self.config.hidden
        # a small last layer: at first the model says that nothing changes, and long rollouts stay finite
        outer = EnsembleLinear(k, h, outputs or self.config.slot_dim, gain=0.1)
        return nn.ModuleList([EnsembleLinear(k, inputs, h), EnsembleLinear(k, h, h), outer])

    def _run(self, network: nn.ModuleList, rows: Tensor) -> Tensor:
        inner, middle, outer = network
        hidden = F.silu(inner(rows.expand(self.config.members, -1, -1)))
        return outer(hidden + F.silu(middle(hidden)))

    def changes(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Every member's change of the latents (K, N, D) under actions (N, A).

        Latents are (N, D), or (K, N, D): each member's own.
        """
        config, rows, objects = self.config, latents.shape[-2], self.config.slots - 1
        unit = self._unit(latents, actions)
        slots = latents.unflatten(-1, (config.slots, config.slot_dim))
        hand, others = slots[..., 0, :], slots[..., 1:, :]
        angles = [octave * hand[..., :2] for octave in self._octaves]
        seen = [hand, unit, *(wave(angle) for angle in angles for wave in (torch.sin, torch.cos))]
        hand_change = self._run(self.hand, torch.cat(seen, -1))
        if not objects:
            return hand_change
        # contact happens within a few centimetres: show the network relative positions at that scale
        relative = (others[..., :2] - hand[..., None, :2]) * 3.0
        beside = torch.cat([hand, unit], -1).unsqueeze(-2).expand(*others.shape[:-1], -1)
        object_change = self._run(self.object, torch.cat([relative, others, beside], -1).flatten(-3, -2))
        object_change = object_change.unflatten(1, (rows, objects)).flatten(2)
        return torch.cat([hand_change, object_change], -1)

    def _unit(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Actions (N, A) in [-1, 1], for each of the latents' rows (..., N)."""
        unit = (actions - self.action_low) / (self.action_high - self.action_low) * 2.0 - 1.0
        return unit.expand(*latents.shape[:-1], -1)

    def step(self, latents: Tensor, actions: Tensor) -> Tensor:
        """See WorldModel."""
        return self._confine(latents + self.changes(latents, actions).mean(0))

    def step_with_uncertainty(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See WorldModel; the uncertainty is the members' standard deviation over its median on held-out data."""
        changes = self.changes(latents, actions)
        mean = changes.mean(0)
        # by hand: torch.var over a leading axis of three costs more than the three products
        spread = (
            ((changes - mean).square().sum((0, 2)) / ((len(changes) - 1) * self.latent_dim)).clamp_min(1e-12).sqrt()
        )
        return self._confine(latents + mean), spread / self.disagreement_scale

    def step_members(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Each member's own latents (K, N, D) under actions (N, A) -> its next ones (K, N, D)."""
        return self._confine(latents + self.changes(latents, actions))

    def _confine(self, latents: Tensor) -> Tensor:
        """Keeps the hand in the box that the policy keeps it in: no data say what would happen outside."""
        hand = latents[..., :2].clamp(self.hand_low, self.hand_high)
        return torch.cat([hand, latents[..., 2:]], -1)
