# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The shipped encoder: a small convolutional network with spatial-softmax keypoints, trained from scratch.

Keypoints (Levine et al., "End-to-End Training of Deep Visuomotor Policies", 2016) carry positions at sub-pixel
precision, which a 64-pixel view of a table needs; the flattened branch carries the rest of the scene.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robot_planner.errors import InvalidInputError
from robot_planner.perception.encoder import ENCODERS
from robot_planner.perception.images import WHOLE, Crop, to_square_batch
from robot_planner.types import FloatArray


@dataclass(frozen=True)
class ConvolutionalConfig:
    """Sizes of the network."""

    views: tuple[str, ...] = ("front",)
    image_size: int = 64
    """Side of the square input [px]."""
    crop: Crop = WHOLE
    """Region of the camera image that is looked at."""
    latent_dim: int = 64
    channels: int = 64
    keypoints: int = 32


class ConvolutionalNetwork(nn.Module):
    """Images (B, 3 views, S, S) scaled to [-0.5, 0.5] -> latents (B, D)."""

    grid_x: Tensor
    grid_y: Tensor

    def __init__(self, config: ConvolutionalConfig) -> None:
        super().__init__()
        self.config = config
        c = config.channels
        # One stride-4 convolution first: most of a usual stack's time goes into its full-resolution layers.
        self.stem = nn.Sequential(
            nn.Conv2d(3 * len(config.views), c, 8, stride=4, padding=2),
            nn.GELU(),
            nn.Conv2d(c, c, 3, padding=1),
            nn.GELU(),
        )
        self.keypoints = nn.Conv2d(c, config.keypoints, 1)
        self.temperature = nn.Parameter(torch.ones(config.keypoints, 1))
        self.context = nn.Sequential(nn.Conv2d(c, c, 4, stride=4), nn.GELU(), nn.Flatten(1))
        side = config.image_size // 4
        context_dim = c * (side // 4) ** 2
        self.head = nn.Sequential(
            nn.Linear(context_dim + 3 * config.keypoints, 256),
            nn.LayerNorm(256),
            nn.GELU(),
            nn.Linear(256, config.latent_dim),
        )
        grid = torch.linspace(-1.0, 1.0, side)
        self.register_buffer("grid_x", grid.repeat(side), persistent=False)
        self.register_buffer("grid_y", grid.repeat_interleave(side), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3 views, S, S) -> latents (B, D)."""
        features = self.stem(images)
        scores = self.keypoints(features).flatten(2)
        weights = torch.softmax(scores * self.temperature, dim=-1)
        x = (weights * self.grid_x).sum(-1)
        y = (weights * self.grid_y).sum(-1)
        strength = (weights * scores).sum(-1)
        return self.head(torch.cat([x, y, 0.1 * strength, self.context(features)], dim=-1))


def images_to_tensor(images: npt.NDArray[np.uint8], device: torch.device | str = "cpu") -> Tensor:
    """Images uint8 (B, views, S, S, 3) -> float32 (B, 3 views, S, S) in [-0.5, 0.5], channels last in memory."""
    batch, views, height, width, _ = images.shape
    raw = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    planes = raw.permute(0, 1, 4, 2, 3).reshape(batch, 3 * views, height, width)
    return planes.to(torch.float32, memory_format=torch.channels_last).div_(255.0).sub_(0.5)


@ENCODERS.register("convolutional")
class ConvolutionalEncoder:
    """The Encoder protocol over a trained ConvolutionalNetwork."""

    name = "convolutional"

    def __init__(self, network: ConvolutionalNetwork, digest: str, device: torch.device | str = "cpu") -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
        self.digest, self.device = digest, device
        self.latent_dim = network.config.latent_dim
        self.views = network.config.views
        self.image_size = network.config.image_size
        self.crop = network.config.crop

    def encode(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Images uint8 RGB (B, views, H, W, 3), square and large enough -> latents float32 (B, D).

        Raises InvalidInputError for another number of views, type or shape.
        """
        if images.ndim != 5 or images.shape[1] != len(self.views):
            raise InvalidInputError(
                f"images have shape {images.shape}; allowed: (B, {len(self.views)}, H, W, 3) for views {self.views}"
            )
        return self.encode_regions(to_square_batch(images, self.image_size, self.crop))

    def encode_regions(self, regions: npt.NDArray[np.uint8]) -> FloatArray:
        """Regions of interest (B, views, S, S, 3), already cut out by ``to_square`` -> latents float32 (B, D)."""
        with torch.inference_mode():
            return self.network(images_to_tensor(regions, self.device)).cpu().numpy()
