# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""An encoder of two pictures a moment apart: what moves is found in both by the same weights, its velocity between."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from robot_planner.perception.convolutional import ConvolutionalConfig, ConvolutionalNetwork

VIEWS = ("now", "before")


class MotionNetwork(ConvolutionalNetwork):
    """Images (B, 6, S, S), now and before -> latents (B, D): a place x, y, its velocity, then the rest as it is now.

    A network that saw both pictures at once would have to learn to subtract; a move of less than a pixel of its input
    was never found that way.
    """

    def __init__(self, config: ConvolutionalConfig) -> None:
        """``config`` is of both views and of all of the latent."""
        super().__init__(replace(config, views=VIEWS[:1], latent_dim=config.latent_dim - 2))
        self.config = replace(config, views=VIEWS)
        self.speed = nn.Parameter(torch.ones(()))
        """Velocity of a move of one between both pictures, in the latent's units."""

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        # channels last in memory, as each view would be alone
        views = torch.cat(images.chunk(2, 1)).contiguous(memory_format=torch.channels_last)
        now, before = super().forward(views).chunk(2)
        return torch.cat([now[:, :2], self.speed * (now[:, :2] - before[:, :2]), now[:, 2:]], -1)
