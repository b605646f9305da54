# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planar actions on the tabletop without ROS: exactly what the policy node does, for data and offline benches."""

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.workspace import (
    CONTROL_SECONDS,
    MAX_ACTION,
    STEP_SECONDS,
    TOOL_HEIGHT,
    TOOL_HIGH,
    TOOL_LOW,
)

FloatVector = npt.NDArray[np.float64]


class PlanarStepper:
    """Moves the commanded tool point in the plane; make a new one, or call ``reset``, after Tabletop.reset."""

    def __init__(self, tabletop: Tabletop) -> None:
        self.tabletop = tabletop
        self._periods = round(STEP_SECONDS / CONTROL_SECONDS)
        self.reset()

    def reset(self) -> None:
        """Anchors at the tool point that the last joint command means."""
        self._joints = self.tabletop.commanded_joints
        self.commanded: FloatVector = self.tabletop.kinematics.forward(self._joints)[:2]

    def step(self, action: npt.ArrayLike) -> None:
        """Displaces the commanded tool point by ``action`` (2,) [m] over one step; clipped to bounds and box.

        Raises InvalidInputError if the action isn't two finite numbers; nothing moves then.
        """
        wish = np.asarray(action, dtype=np.float64)
        if wish.shape != (2,) or not np.isfinite(wish).all():
            raise InvalidInputError(f"an action is two finite displacements [m], not {action!r}")
        begin = self.commanded
        end = np.clip(begin + np.clip(wish, -MAX_ACTION, MAX_ACTION), TOOL_LOW, TOOL_HIGH)
        for fraction in np.linspace(0.0, 1.0, self._periods + 1)[1:]:
            point = begin + fraction * (end - begin)
            self._joints = self.tabletop.kinematics.inverse([*point, TOOL_HEIGHT], self._joints)
            self.tabletop.command(self._joints, gripper=0.0)
            self.tabletop.advance(CONTROL_SECONDS)
        self.commanded = end
