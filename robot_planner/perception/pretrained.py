# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Encoder over the image side of a pretrained vision-language model; see language/adapters.py."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.language.adapters import Pretrained, load_pretrained
from robot_planner.perception.encoder import ENCODERS
from robot_planner.types import FloatArray


class PretrainedImages:
    """The Encoder protocol over a Pretrained: each view's features one after the other, the first view first."""

    name = "pretrained"

    def __init__(self, model: Pretrained, views: tuple[str, ...] = ("front",)) -> None:
        self.model, self.views, self.digest = model, views, model.digest
        self.latent_dim = model.dim * len(views)

    def encode(self, images: npt.NDArray[np.uint8]) -> FloatArray:
        """Images uint8 RGB (B, views, H, W, 3), square -> latents float32 (B, views * D); raises InvalidInputError."""
        if images.ndim != 5 or images.shape[1] != len(self.views):
            raise InvalidInputError(
                f"images have shape {images.shape}; allowed: (B, {len(self.views)}, H, W, 3) for views {self.views}"
            )
        return self.model.images(images.reshape(-1, *images.shape[2:])).reshape(len(images), self.latent_dim)


@ENCODERS.register("pretrained")
def load_pretrained_images(
    folder: str | Path, views: tuple[str, ...] = ("front",), device: torch.device | str = "cpu"
) -> PretrainedImages:
    """Reads the model in a folder; raises as ``load_pretrained`` does."""
    return PretrainedImages(load_pretrained(folder, device), views)
