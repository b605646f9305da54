# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Where things are, read from a latent of slots: the hand and the tracked objects, in metres on the table.

The first two numbers of every slot are its thing's position in units of ``SCALE`` about ``CENTRE``; training ties
them to what a robot can gather by itself: the hand to its own forward kinematics, the objects to a colour detector on
the calibrated camera. The other numbers are free for whatever helps prediction, such as how a block is turned.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CENTRE = (0.40, 0.0)
"""Of the work area [m]."""
SCALE = 0.15
"""Metres to one unit of a latent's position."""


class SlotReadout:
    """Latents (..., D) -> positions (..., E, 2) [m] of E entities, the hand first."""

    def __init__(
        self, entities: Sequence[str], slot_dim: int, centre: Sequence[float] = CENTRE, scale: float = SCALE
    ) -> None:
        self.entities, self.slot_dim, self.scale = tuple(entities), slot_dim, scale
        self.centre = torch.tensor(tuple(centre))
        self._centres: dict[tuple[torch.device, torch.dtype], Tensor] = {}

    def __call__(self, latents: Tensor) -> Tensor:
        """Latents (..., D) -> positions (..., E, 2) [m]."""
        slots = latents.unflatten(-1, (len(self.entities), self.slot_dim))
        return slots[..., :2] * self.scale + self._centre_like(latents)

    def _centre_like(self, latents: Tensor) -> Tensor:
        """The centre where the latents are; copied there once, since a copy can't be recorded on a GPU."""
        place = latents.device, latents.dtype
        if place not in self._centres:
            with torch.inference_mode(False):
                self._centres[place] = self.centre.to(latents)
        return self._centres[place]

    def marked(self, goals: Tensor, counting: Tensor) -> Tensor:
        """Goals (..., D) that say themselves which places count, (..., E) bool; that of the hand always does.

        The last number of a slot becomes zero where its place counts, as no encoder has it; by the hand's, which is
        zero, `marks` knows such goals from an encoder's latents. Slots need a number besides their position.
        """
        slots = goals.unflatten(-1, (len(self.entities), self.slot_dim)).clone()
        counting = torch.cat([torch.ones_like(counting[..., :1]), counting[..., 1:]], -1)
        slots[..., -1] = torch.where(counting, 0.0, torch.where(slots[..., -1] == 0.0, 1.0, slots[..., -1]))
        return slots.flatten(-2)

    def marks(self, goals: Tensor) -> tuple[Tensor, Tensor]:
        """Whether goals (..., D) say themselves which places count, (..., 1), and which, (..., E); see `marked`."""
        zero = goals.unflatten(-1, (len(self.entities), self.slot_dim))[..., -1] == 0.0
        return zero[..., :1], zero

    def features(self, latents: Tensor) -> Tensor:
        """Latents (..., D) -> what the slots hold besides positions, (..., E (slot_dim - 2))."""
        return latents.unflatten(-1, (len(self.entities), self.slot_dim))[..., 2:].flatten(-2)


class Visibility(nn.Module):
    """Whether the camera saw each object, from a latent: (..., D) -> logits (..., E - 1).

    Its labels are whether the colour detector found the object. A goal image in which the arm hides an object says
    nothing about where that object is to be.
    """

    def __init__(self, latent_dim: int, objects: int, hidden: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent_dim, hidden), nn.SiLU(), nn.Linear(hidden, objects))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (..., D) -> logits (..., E - 1)."""
        return self.layers(latents)
