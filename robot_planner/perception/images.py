# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The one rule for camera images: square RGB of any size, from which a fixed region is area-averaged down."""

import math

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

Crop = tuple[float, float, float]
"""Left, top and side of a square region, as fractions of the image's side."""

WHOLE: Crop = (0.0, 0.0, 1.0)
ASPECT_TOLERANCE = 0.02
"""Largest relative difference of width and height that is still taken for square."""


def to_square(image: npt.NDArray[np.uint8], size: int, crop: Crop = WHOLE) -> npt.NDArray[np.uint8]:
    """The region ``crop`` of an RGB image (H, W, 3) uint8 as (size, size, 3), by area averaging.

    Images that aren't square, or whose region is smaller than ``size``, are refused: stretching them would move what
    the encoder was trained to locate. Raises InvalidInputError.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InvalidInputError(f"image is {image.dtype} of shape {image.shape}; allowed: uint8 RGB (H, W, 3)")
    height, width = image.shape[:2]
    smallest = math.ceil(size / crop[2])
    if min(height, width) < smallest or abs(height - width) > ASPECT_TOLERANCE * max(height, width):
        raise InvalidInputError(f"image is {width}x{height}; allowed: square, {smallest}x{smallest} or larger")
    left, top = round(crop[0] * width), round(crop[1] * height)
    region = image[top : top + round(crop[2] * height), left : left + round(crop[2] * width)]
    if region.shape[:2] == (size, size):
        return np.ascontiguousarray(region)
    return cv2.resize(region, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def to_square_batch(images: npt.NDArray[np.uint8], size: int, crop: Crop = WHOLE) -> npt.NDArray[np.uint8]:
    """Images (..., H, W, 3) to (..., size, size, 3), each as ``to_square``."""
    flat = images.reshape(-1, *images.shape[-3:])
    return np.stack([to_square(image, size, crop) for image in flat]).reshape(*images.shape[:-3], size, size, 3)
