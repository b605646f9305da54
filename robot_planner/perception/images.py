# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The one rule for camera images: square RGB of any size from the encoder's own upwards, area-averaged down to it."""

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

ASPECT_TOLERANCE = 0.02
"""Largest relative difference of width and height that is still taken for square."""


def to_square(image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """An RGB image (H, W, 3) uint8 to (size, size, 3) by area averaging.

    Images that aren't square, or are smaller than ``size``, are refused: stretching them would move what the
    encoder was trained to locate. Raises InvalidInputError.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InvalidInputError(f"image is {image.dtype} of shape {image.shape}; allowed: uint8 RGB (H, W, 3)")
    height, width = image.shape[:2]
    if min(height, width) < size or abs(height - width) > ASPECT_TOLERANCE * max(height, width):
        raise InvalidInputError(f"image is {width}x{height}; allowed: square, {size}x{size} or larger")
    if height == size and width == size:
        return image
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def to_square_batch(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Images (..., H, W, 3) to (..., size, size, 3), each as ``to_square``."""
    if images.ndim >= 3 and images.shape[-3:-1] == (size, size) and images.dtype == np.uint8:
        return images
    flat = images.reshape(-1, *images.shape[-3:])
    return np.stack([to_square(image, size) for image in flat]).reshape(*images.shape[:-3], size, size, 3)
