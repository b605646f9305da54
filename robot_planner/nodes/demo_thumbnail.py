# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A camera image in a terminal: two pixels a character, the upper half block over its background."""

import functools
import itertools
from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt
from rich.color import Color
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style

SIDE = 28
"""Width in characters, and height in half characters."""
REGION = (slice(0.04, 0.78), slice(0.13, 0.87))
"""Rows and columns that are shown, as fractions: where things happen."""
LEVELS = 16
"""Brightness steps of a colour; few, so that neighbours are alike and styles are found in the cache."""


class Thumbnail:
    """Renders the newest image; keeps the picture as long as the image is the same."""

    def __init__(self, side: int = SIDE) -> None:
        self._side = side
        self._image: object = None
        self._segments: list[Segment] = []

    def of(self, image: npt.NDArray[np.uint8] | None) -> "Thumbnail":
        """Takes an RGB image (H, W, 3); None for an empty picture."""
        if image is not self._image or not self._segments:
            self._image = image
            self._segments = list(self._draw(image)) if image is not None else [Segment(" " * self._side)]
        return self

    def _draw(self, image: npt.NDArray[np.uint8]) -> Iterable[Segment]:
        rows, columns = (
            slice(int(part.start * size), int(part.stop * size))
            for part, size in zip(REGION, image.shape[:2], strict=True)
        )
        small = cv2.resize(
            np.ascontiguousarray(image[rows, columns]), (self._side, self._side), interpolation=cv2.INTER_AREA
        )
        steps = np.round(small / 255.0 * (LEVELS - 1)).astype(int)
        for upper, lower in zip(steps[0::2].tolist(), steps[1::2].tolist(), strict=True):
            cells = zip(map(tuple, upper), map(tuple, lower), strict=True)
            for (top, bottom), alike in itertools.groupby(cells):  # one escape sequence for neighbours that are alike
                yield Segment("▀" * len(list(alike)), _style(top, bottom))
            yield Segment.line()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        yield from self._segments

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self._side, self._side)


@functools.lru_cache(maxsize=4096)
def _style(top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Style:
    scale = 255 / (LEVELS - 1)
    return Style(
        color=Color.from_rgb(*(value * scale for value in top)),
        bgcolor=Color.from_rgb(*(value * scale for value in bottom)),
    )
