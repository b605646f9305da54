# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Where one thing on the planar table is to be: the meaning of "push the red block to the left".

Places are parts of the table as the arm sees it: left is +y, far is +x of its base frame. Written as text a placement
is ``red=left`` or ``tool=middle``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from robot_planner.arrangement import COLORS
from robot_planner.errors import InvalidInputError
from robot_planner.types import FloatArray

TOOL = "tool"
ENTITIES = (TOOL, *COLORS)
PLACES = ("left", "right", "near", "far", "middle")
CENTRE = 0.40
"""Of the work area, x [m]; its y is 0."""
SIDE, DEPTH, RADIUS = 0.08, 0.05, 0.06
"""How far from the centre left and right begin, near and far begin, and the middle ends [m]."""
INNER = 0.03
"""How far inside of its place a thing is to be brought [m]: a tolerance and errors of the read-out fit in between."""


@dataclass(frozen=True)
class Placement:
    """One of ENTITIES in one of PLACES; raises InvalidInputError for others."""

    entity: str
    place: str

    def __post_init__(self) -> None:
        if self.entity not in ENTITIES or self.place not in PLACES:
            raise InvalidInputError(
                f"'{self}' is no placement; allowed: {', '.join(ENTITIES)} = {', '.join(PLACES)}, such as red=left"
            )

    def __str__(self) -> str:
        return f"{self.entity}={self.place}"

    @classmethod
    def parse(cls, text: str) -> "Placement":
        """Inverse of ``str``; raises InvalidInputError."""
        entity, _, place = text.partition("=")
        return cls(entity, place)

    @property
    def index(self) -> int:
        """Of the entity in ENTITIES."""
        return ENTITIES.index(self.entity)

    @property
    def embedding(self) -> FloatArray:
        """(9,) what planners are conditioned on: one number for each entity, then one for each place."""
        return np.array(
            [self.entity == name for name in ENTITIES] + [self.place == name for name in PLACES], np.float32
        )


EMBEDDING_DIM = len(ENTITIES) + len(PLACES)
PLACEMENTS = tuple(Placement(entity, place) for entity in ENTITIES for place in PLACES)


def outside(points: Any, place: str, inner: float = 0.0) -> Any:
    """How far points (..., 2) [m], an array or a tensor, are from being ``inner`` [m] inside of a place -> (...)."""
    x, y = points[..., 0] - CENTRE, points[..., 1]
    missing = {
        "left": SIDE + inner - y,
        "right": SIDE + inner + y,
        "near": DEPTH + inner + x,
        "far": DEPTH + inner - x,
        "middle": (x * x + y * y) ** 0.5 - (RADIUS - inner),
    }[place]
    return missing * (missing > 0.0)


def nearest_inside(point: npt.NDArray[np.floating], place: str) -> npt.NDArray[np.float64]:
    """The nearest point to (2,) that is INNER [m] inside of a place."""
    point = np.asarray(point, np.float64)
    if place == "middle":
        away = point - [CENTRE, 0.0]
        return np.asarray(point - away * outside(point, place, INNER) / max(float(np.linalg.norm(away)), 1e-9))
    directions = {"left": (0.0, 1.0), "right": (0.0, -1.0), "near": (-1.0, 0.0), "far": (1.0, 0.0)}
    return np.asarray(point + outside(point, place, INNER) * np.array(directions[place]))
