# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the coloured blocks lie: segmentation by hue and a ray to the plane; a detector that a real robot can run.

A cube is symmetric about its centre, so the middle of its outline in the image is, but for a little perspective, the
image of its centre; the ray through it meets the plane of the centres at the block.
"""

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

BLOCK_SIZE = 0.04
HUES = ((-9, 9), (52, 76), (104, 122))
"""Of the red, green and blue block, in OpenCV's half degrees."""
MIN_SATURATION, MIN_VALUE = 130, 35
"""Below these (of 255) a pixel has no colour to speak of."""
MIN_VISIBLE = 0.72
"""Share of the pixels that a whole block would show below which its middle is not to be trusted."""


def detect_blocks(
    image: npt.NDArray[np.uint8],
    camera_matrix: npt.NDArray[np.float64],
    camera_pose: npt.NDArray[np.float64],
    height: float = BLOCK_SIZE / 2,
) -> npt.NDArray[np.float64]:
    """Image (H, W, 3) RGB uint8 -> (3, 2) x, y [m] of the red, green and blue block; NaN where largely hidden.

    ``camera_matrix`` (3, 3) in pixels; ``camera_pose`` (4, 4): the optical frame (x right, y down, z ahead) in the
    frame of the answer; ``height`` of the blocks' centres [m]. Raises InvalidInputError.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InvalidInputError(f"an image is uint8 (H, W, 3), not {image.dtype} {image.shape}")
    hsv = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), dtype=np.uint8)
    positions = np.full((len(HUES), 2), np.nan)
    for index, (low, high) in enumerate(HUES):
        inside = _between(hsv, max(low, 0), high)
        if low < 0:  # red lies on both sides of zero
            inside |= _between(hsv, low % 180, 179)
        blob = _largest_blob(inside)
        if blob is None:
            continue
        pixel, area = blob
        place, expected = _on_plane(pixel, camera_matrix, camera_pose, height)
        if area >= MIN_VISIBLE * expected:
            positions[index] = place
    return positions


def _between(hsv: npt.NDArray[np.uint8], low: int, high: int) -> npt.NDArray[np.uint8]:
    """Mask of the vivid pixels of these hues, both ends included."""
    inside = cv2.inRange(hsv, np.array([low, MIN_SATURATION, MIN_VALUE]), np.array([high, 255, 255]))
    return np.asarray(inside, dtype=np.uint8)


def _largest_blob(mask: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float64], float] | None:
    """Middle (u, v) and size [pixels] of the largest connected piece; None where there is none."""
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return None
    crop = mask[top : top + height, left : left + width]
    _, _, pieces, middles = cv2.connectedComponentsWithStats(crop, connectivity=8)
    largest = 1 + int(pieces[1:, cv2.CC_STAT_AREA].argmax())
    return middles[largest] + np.array([left, top]), float(pieces[largest, cv2.CC_STAT_AREA])


def _on_plane(
    pixel: npt.NDArray[np.float64],
    camera_matrix: npt.NDArray[np.float64],
    camera_pose: npt.NDArray[np.float64],
    height: float,
) -> tuple[npt.NDArray[np.float64], float]:
    """Where the pixel's ray meets the plane (x, y), and how many pixels a whole block would show there."""
    focal = camera_matrix[0, 0]
    ray = np.array([*(pixel - camera_matrix[:2, 2]) / camera_matrix.diagonal()[:2], 1.0])
    direction = camera_pose[:3, :3] @ ray
    if direction[2] >= 0.0:
        return np.full(2, np.nan), np.inf
    depth = (height - camera_pose[2, 3]) / direction[2]
    place = camera_pose[:3, 3] + depth * direction
    # Outline of a cube seen from an elevation: its top, and its sides averaged over the yaw (4 / pi of a side).
    sine = -direction[2] / np.linalg.norm(direction)
    area = BLOCK_SIZE**2 * (sine + 4 / np.pi * np.sqrt(1 - sine**2))
    return place[:2], float(area * focal * camera_matrix[1, 1] / depth**2)
