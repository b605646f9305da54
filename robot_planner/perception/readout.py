# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A read-out of where things are from a latent: the hand and the tracked objects, in metres on the table.

Its labels are what a robot can gather by itself: the hand from its own forward kinematics, the objects from a
colour detector on the calibrated camera.
"""

import torch
from torch import Tensor, nn


class ObjectReadout(nn.Module):
    """Latents (..., D) -> positions (..., E, 2) [m] of E entities, the hand first."""

    def __init__(self, latent_dim: int, entities: tuple[str, ...], hidden: int = 128) -> None:
        super().__init__()
        self.entities = entities
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, 2 * len(entities)),
        )
        self.register_buffer("centre", torch.zeros(2))
        self.register_buffer("scale", torch.ones(2))

    def set_range(self, low: Tensor, high: Tensor) -> None:
        """Standardises the outputs to a box (2,), (2,) [m]."""
        self.centre.copy_((low + high) / 2)
        self.scale.copy_((high - low) / 2)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (..., D) -> positions (..., E, 2) [m]."""
        raw = self.layers(latents).unflatten(-1, (len(self.entities), 2))
        return raw * self.scale + self.centre
