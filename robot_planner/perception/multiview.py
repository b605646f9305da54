# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Two cameras to one latent whose first numbers are places: what LBP plans in and its policy sees.

Each view has a network of its own, and its own part of the latent: first the anchored numbers, which training ties to
positions, then free ones. The front view's part is what planning uses:

- hand: x, y, z, sine and cosine of its yaw, opening of the fingers; red, green, blue block: x, y, z; drawer: opening
- free numbers, from which a decoder draws the picture

The wrist view's part: the blocks' places relative to the tool, in the tool's frame, then free numbers that help a
policy to foresee the expert's actions.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from robot_planner.errors import InvalidInputError
from robot_planner.networks import network_digest
from robot_planner.perception.convolutional import ConvolutionalConfig, ConvolutionalNetwork, images_to_tensor
from robot_planner.perception.encoder import ENCODERS
from robot_planner.perception.images import to_square
from robot_planner.types import FloatArray

BLOCKS = 3
ANCHOR_MIDDLE = (0.40, 0.0, 0.07, 0.0, 0.5, 0.04) + (0.40, 0.0, 0.05) * BLOCKS + (0.055,)
ANCHOR_SCALE = (0.10, 0.15, 0.05, 0.5, 0.5, 0.03) + (0.10, 0.15, 0.05) * BLOCKS + (0.055,)
"""Anchored numbers of the front part are (value - middle) / scale; metres, but for sine and cosine."""
ANCHORS = len(ANCHOR_MIDDLE)
RELATIVE_SCALE = 0.05
"""Metres to one unit of the wrist part's anchored numbers."""


@dataclass(frozen=True)
class MultiViewConfig:
    """Sizes of the networks."""

    front_size: int = 128
    wrist_size: int = 64
    front_free: int = 16
    wrist_free: int = 23
    channels: int = 48
    keypoints: int = 32

    @property
    def plan_dim(self) -> int:
        """Numbers of the front part."""
        return ANCHORS + self.front_free

    @property
    def latent_dim(self) -> int:
        """Numbers of the whole latent."""
        return self.plan_dim + 3 * BLOCKS + self.wrist_free


class MultiViewNetwork(nn.Module):
    """Front images (B, 3, S, S) and wrist images (B, 3, W, W) in [-0.5, 0.5] -> latents (B, D)."""

    def __init__(self, config: MultiViewConfig) -> None:
        super().__init__()
        self.config = config
        shared: dict[str, Any] = {"channels": config.channels, "keypoints": config.keypoints}
        front = ConvolutionalConfig(("front",), config.front_size, latent_dim=config.plan_dim, **shared)
        wrist = ConvolutionalConfig(
            ("wrist",), config.wrist_size, latent_dim=config.latent_dim - config.plan_dim, **shared
        )
        self.front, self.wrist = ConvolutionalNetwork(front), ConvolutionalNetwork(wrist)

    def forward(self, front: Tensor, wrist: Tensor) -> Tensor:
        """See the class."""
        return torch.cat([self.front(front), self.wrist(wrist)], dim=-1)


class PictureDecoder(nn.Module):
    """Front parts (B, D_plan) -> pictures (B, 3, 32, 32) in [-0.5, 0.5], for people to look at."""

    def __init__(self, plan_dim: int, width: int = 32) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.Linear(plan_dim, 256), nn.GELU(), nn.Linear(256, width * 64), nn.GELU())
        self.grow = nn.Sequential(
            nn.Unflatten(1, (width, 8, 8)),
            nn.ConvTranspose2d(width, width // 2, 4, 2, 1),
            nn.GELU(),
            nn.ConvTranspose2d(width // 2, 3, 4, 2, 1),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """See the class."""
        return self.grow(self.start(latents))


class AnchorReadout:
    """Where things are, from the front part of latents (..., D) in metres."""

    def __call__(self, latents: Tensor) -> dict[str, Tensor]:
        """-> hand (..., 3), blocks (..., 3, 3), drawer (...,), gripper (...,) in metres, yaw (...,) [rad]."""
        values = latents[..., :ANCHORS] * latents.new_tensor(ANCHOR_SCALE) + latents.new_tensor(ANCHOR_MIDDLE)
        return {
            "hand": values[..., :3],
            "yaw": torch.atan2(values[..., 3], values[..., 4]),
            "gripper": values[..., 5],
            "blocks": values[..., 6:15].unflatten(-1, (BLOCKS, 3)),
            "drawer": values[..., 15],
        }


def anchors(proprioception: FloatArray, objects: FloatArray, drawer: FloatArray) -> FloatArray:
    """Labels of the front part: (N, 6), (N, 3, 3), (N,) of a demonstration -> (N, ANCHORS)."""
    values = np.concatenate([proprioception, objects.reshape(len(objects), -1), drawer[:, None]], axis=1)
    return ((values - ANCHOR_MIDDLE) / ANCHOR_SCALE).astype(np.float32)


def relative_places(proprioception: FloatArray, objects: FloatArray, reach: float = 0.10) -> FloatArray:
    """Labels of the wrist part: places in the tool's frame (N, 9) / RELATIVE_SCALE; NaN beyond ``reach`` [m]."""
    offset = objects - proprioception[:, None, :3]
    sine, cosine = proprioception[:, 3, None], proprioception[:, 4, None]
    x = cosine * offset[..., 0] + sine * offset[..., 1]
    y = cosine * offset[..., 1] - sine * offset[..., 0]
    places = np.stack([x, y, offset[..., 2]], axis=-1) / RELATIVE_SCALE
    places[np.hypot(x, y) > reach] = np.nan
    return places.reshape(len(places), -1).astype(np.float32)


@ENCODERS.register("multiview")
class MultiViewEncoder:
    """The Encoder protocol over a trained MultiViewNetwork."""

    name = "multiview"
    views: tuple[str, ...] = ("front", "wrist")

    def __init__(self, network: MultiViewNetwork, device: torch.device | str = "cpu") -> None:
        self.network = network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
        self.device, self.config = device, network.config
        self.latent_dim, self.plan_dim = network.config.latent_dim, network.config.plan_dim
        self.digest = network_digest(network, network.config)

    def encode(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Images uint8 RGB (B, 2, H, W, 3), front and wrist, square and large enough -> latents float32 (B, D).

        Raises InvalidInputError for another number of views, type or shape.
        """
        if images.ndim != 5 or images.shape[1] != len(self.views):
            raise InvalidInputError(
                f"images have shape {images.shape}; allowed: (B, 2, H, W, 3) for views {self.views}"
            )
        front = np.stack([to_square(image, self.config.front_size) for image in images[:, 0]])
        wrist = np.stack([to_square(image, self.config.wrist_size) for image in images[:, 1]])
        return self.encode_views(front, wrist)

    def encode_views(self, front: npt.NDArray[np.uint8], wrist: npt.NDArray[np.uint8]) -> FloatArray:
        """Images of the networks' own sizes, (B, S, S, 3) and (B, W, W, 3) -> latents float32 (B, D)."""
        with torch.inference_mode():
            views = [images_to_tensor(view[:, None], self.device) for view in (front, wrist)]
            latents: FloatArray = self.network(*views).cpu().numpy()
        return latents
