# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The protocol of encoders: camera images to latents."""

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from robot_planner.registry import Registry
from robot_planner.types import FloatArray


@runtime_checkable
class Encoder(Protocol):
    """Images of one instant to one latent."""

    name: str
    digest: str
    """SHA-256 of the weights: says which encoder made a latent."""
    latent_dim: int
    views: tuple[str, ...]
    """Names of the cameras, in the order of the ``views`` axis."""

    def encode(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Images uint8 RGB (B, views, H, W, 3) of any size to latents float32 (B, D)."""
        ...


ENCODERS: Registry[Encoder] = Registry("encoder")
