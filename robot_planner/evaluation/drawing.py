# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the film is drawn with: smooth text and lines on RGB arrays, and points of the base frame on the picture."""

import functools
from collections.abc import Sequence
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]
Color = tuple[int, int, int]

_SUBPIXEL = 4
"""Bits of a pixel's fraction that OpenCV takes."""


def hex_color(text: str) -> Color:
    """``#rrggbb`` as (r, g, b)."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def enlarged(image: Image, side: int) -> Image:
    """A square picture, smoothly brought to (side, side, 3)."""
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)


def project(points: npt.ArrayLike, camera_matrix: Vector, camera_pose: Vector) -> Vector:
    """Points (N, 3) [m] of the base frame to pixels (N, 2); NaN behind the camera.

    ``camera_matrix`` (3, 3) of the picture, ``camera_pose`` (4, 4) of the optical frame in the base frame.
    """
    world = np.asarray(points, np.float64).reshape(-1, 3)
    seen = (world - camera_pose[:3, 3]) @ camera_pose[:3, :3]
    pixels = seen @ camera_matrix.T
    depth = np.where(pixels[:, 2:] > 1e-6, pixels[:, 2:], np.nan)
    projected: Vector = pixels[:, :2] / depth
    return projected


def polyline(image: Image, points: Vector, color: Color, width: int) -> None:
    """Draws a line through pixels (N, 2) into the image; what isn't finite is left out."""
    finite = points[np.isfinite(points).all(axis=1)]
    if len(finite) > 1:
        fixed = np.round(np.clip(finite, -1e4, 1e4) * 2**_SUBPIXEL).astype(np.int32)
        cv2.polylines(image, [fixed], False, color, width, cv2.LINE_AA, _SUBPIXEL)


def disc(image: Image, center: Sequence[float], radius: float, color: Color) -> None:
    """Draws a filled circle into the image."""
    if np.isfinite(center).all():
        x, y = (int(round(float(value) * 2**_SUBPIXEL)) for value in center)
        cv2.circle(image, (x, y), int(round(radius * 2**_SUBPIXEL)), color, cv2.FILLED, cv2.LINE_AA, _SUBPIXEL)


def text(
    image: Image, at: tuple[int, int], words: str, size: int, color: Color, anchor: str = "ls", bold: bool = False
) -> None:
    """Writes a line into the image; ``anchor`` as Pillow has it: l, m, r by its side, s, m, t by its height."""
    if not words:
        return
    font = _font(size, bold)
    left, top, right, bottom = font.getbbox(words, anchor=anchor)
    mask = _mask(words, size, bold)
    x0, y0 = at[0] + int(left), at[1] + int(top)
    height, width = mask.shape
    row, column = max(-y0, 0), max(-x0, 0)
    area = image[max(y0, 0) : max(y0 + height, 0), max(x0, 0) : max(x0 + width, 0)]
    alpha = mask[row : row + area.shape[0], column : column + area.shape[1], None]
    area[:] = area + alpha * (np.array(color, np.float32) - area)


def text_width(words: str, size: int, bold: bool = False) -> int:
    """Width of a line [pixel]."""
    return int(_font(size, bold).getlength(words))


@functools.lru_cache(maxsize=64)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), size)


@functools.lru_cache(maxsize=512)
def _mask(words: str, size: int, bold: bool) -> npt.NDArray[np.float32]:
    """Coverage (height, width), 0 to 1, of a line's bounding box."""
    font = _font(size, bold)
    left, top, right, bottom = font.getbbox(words, anchor="ls")
    sheet = PillowImage.new("L", (int(right - left) + 1, int(bottom - top) + 1))
    ImageDraw.Draw(sheet).text((-left, -top), words, fill=255, font=font, anchor="ls")
    return np.asarray(sheet, np.float32) / 255.0
