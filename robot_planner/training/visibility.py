# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the camera saw, learned from when the colour detector found each object."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from robot_planner.world import WorldNetworks


def visibility_loss(
    networks: WorldNetworks, latents: Tensor, known: Tensor, batch: int
) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step on cached latents (E, T+1, D) and whether each object was detected (E, T+1, objects)."""
    rows, labels = latents.flatten(0, 1), known.flatten(0, 1).float()

    def loss(step: int) -> dict[str, Tensor]:
        picks = torch.randint(len(rows), (batch,), generator=torch.Generator().manual_seed(step))
        logits = networks.visibility(rows[picks])
        wrong = ((logits > 0) != (labels[picks] > 0.5)).float().mean()
        return {"loss": F.binary_cross_entropy_with_logits(logits, labels[picks]), "wrong": wrong}

    return loss
