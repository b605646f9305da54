# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Numbers of a LeRobot dataset as those of demonstrations: which elements of which feature, in which units."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

Vector = npt.NDArray[np.float64]

_FIELD = re.compile(r"([^\[\]]+)(?:\[(\d+(?:,\d+)*|\d+:\d+)\])?")
SIZES = {"position": (3,), "yaw": (1, 3, 4), "width": (1,), "objects": (9,), "drawer": (1,)}
"""How many numbers there may be of each."""
MAY_BE_UNKNOWN = ("objects", "drawer")
LARGEST = {"position": 5.0, "width": 0.5}
"""What is beyond is no metres."""


class Field:
    """Elements of a feature, written as ``action``, ``action[6]``, ``action[0,1,2]`` or ``action[0:3]``."""

    def __init__(self, text: str) -> None:
        """Raises InvalidInputError."""
        match = _FIELD.fullmatch(text.strip())
        if match is None:
            raise InvalidInputError(f"'{text}' is no field; allowed: such as action, action[6] or action[0:3]")
        self.text, self.feature = text, match[1]
        self.index: list[int] | None = None
        if match[2]:
            begin, colon, end = match[2].partition(":")
            self.index = list(range(int(begin), int(end))) if colon else [int(one) for one in match[2].split(",")]

    def of(self, columns: Mapping[str, Any], what: str) -> Vector:
        """Numbers (N, K) of what SIZES calls so; raises InvalidInputError."""
        column = columns[self.feature]
        if not isinstance(column, np.ndarray) or column.dtype.kind not in "fiub":
            raise InvalidInputError(f"{self.feature} holds no numbers, or rows of different lengths")
        values = column.reshape(len(column), -1).astype(np.float64)
        if self.index is not None:
            if max(self.index, default=0) >= values.shape[1]:
                raise InvalidInputError(f"{self.text} is beyond its {values.shape[1]} numbers")
            values = values[:, self.index]
        if values.shape[1] not in SIZES[what]:
            allowed = " or ".join(map(str, SIZES[what]))
            raise InvalidInputError(f"{self.text} has {values.shape[1]} numbers; allowed for {what}: {allowed}")
        if what not in MAY_BE_UNKNOWN and not np.isfinite(values).all():
            raise InvalidInputError(f"{self.text} holds NaN or infinity")
        return values


def turn(values: Vector, degrees: bool = False) -> Vector:
    """Yaw (N, 1) [rad] of angles (N, 1), rotation vectors (N, 3) or quaternions x, y, z, w (N, 4).

    Of the latter two it is where the tool's own x axis points, seen from above: the tool may look up or down.
    """
    if values.shape[1] == 1:
        return np.radians(values) if degrees else values
    if values.shape[1] == 3:
        vectors = np.radians(values) if degrees else values
        angle = np.linalg.norm(vectors, axis=1, keepdims=True)
        axis = vectors / np.maximum(angle, 1e-12)
        values = np.concatenate([axis * np.sin(angle / 2), np.cos(angle / 2)], axis=1)
    x, y, z, w = (values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)).T
    return np.arctan2(2 * (x * y + z * w), 1 - 2 * (y * y + z * z))[:, None]


def opening(values: Vector, limits: Sequence[float] | None) -> Vector:
    """Widths [m] of what is ``limits[0]`` for shut and ``limits[1]`` for open fingers, ``limits[2]`` [m] apart then."""
    if limits is None:
        return values
    shut, opened, metres = limits
    return (values - shut) / (opened - shut) * metres


def metres(values: Vector, what: str, text: str) -> Vector:
    """The values, if they can be metres; raises InvalidInputError."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest > LARGEST[what]:
        raise InvalidInputError(f"{text} reaches {largest:g}; allowed: up to {LARGEST[what]:g} m")
    return values
