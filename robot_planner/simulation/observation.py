# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What a robot on the tabletop observes of itself and of the table: nothing of the simulator's truth."""

import numpy as np
import numpy.typing as npt

from robot_planner.perception.images import to_square
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.types import FloatArray

IMAGE_SIZES = {"front": 128, "wrist": 64}
"""Side of each view's image as encoders and demonstrations take it [px]."""


def proprioception(tabletop: Tabletop) -> FloatArray:
    """(6,) tool x, y, z [m], sine and cosine of its yaw, width of the gripper [m], as measured."""
    yaw = tabletop.tool_yaw
    return np.array([*tabletop.tool_position, np.sin(yaw), np.cos(yaw), tabletop.gripper_width], np.float32)


def look(tabletop: Tabletop) -> dict[str, npt.NDArray[np.uint8]]:
    """View -> (S, S, 3) RGB."""
    return {view: to_square(tabletop.render(view), size) for view, size in IMAGE_SIZES.items()}
