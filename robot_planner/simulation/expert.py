# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The scripted expert of the manipulation stages: way points from the simulator's truth, driven as a policy drives.

It sees what no policy may see, and serves to make demonstrations and to show that every stage can be done.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robot_planner.description import BLOCKS
from robot_planner.errors import UnknownNameError
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks.manipulation import (
    BIN_FLOOR,
    BINS,
    DRAWER_FLOOR,
    DRAWER_TRAVEL,
    GRASP_HEIGHT,
    GRIP_OPENING,
    HANDLE,
    TRAVEL_HEIGHT,
    drop_point,
)
from robot_planner.simulation.workspace import CONTROL_SECONDS

FloatVector = npt.NDArray[np.float64]

SPEED, SLOW_SPEED = 0.25, 0.08
"""Of the tool point on the way, and near things [m/s]."""
TURN_SPEED = 1.5
"""Of the tool about the vertical [rad/s]."""
_GRIP_SECONDS = 0.4
_HANDLE_OPENING, _HANDLE_HEIGHT = 0.05, 0.05
_FINGER_CLEARANCE = 0.045
"""Of the middle of an open finger from the middle of a block beside the one to be grasped [m]."""
_RELEASE_GAP = 0.008
"""Between block and floor when the fingers open [m]."""


@dataclass(frozen=True)
class ToolCommand:
    """What the tool is to do within one control period."""

    position: FloatVector
    """(3,) tool point [m]."""
    yaw: float
    """[rad]."""
    gripper: float
    """Opening of the fingers [m]."""


@dataclass(frozen=True)
class WayPoint:
    """Where to go, how fast, and how long to stay (for the fingers to move)."""

    position: FloatVector
    yaw: float
    gripper: float
    speed: float = SPEED
    stay: float = 0.0


def _over(place: npt.ArrayLike, height: float) -> FloatVector:
    return np.append(np.asarray(place, dtype=np.float64)[:2], height)


def _grasp_yaw(grasp: FloatVector, yaw: float, others: FloatVector) -> float:
    """The smaller of the two turns that lay the fingers on faces of the cube, unless a neighbour is in their way."""
    small = (yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4
    options = (small, small - np.sign(small or 1.0) * np.pi / 2)
    for option in options:
        along = np.array([-np.sin(option), np.cos(option)]) * (GRIP_OPENING / 2 + 0.006)
        fingers = np.stack([grasp[:2] + along, grasp[:2] - along])
        if np.linalg.norm(fingers[:, None] - others[None, :, :2], axis=-1).min() > _FINGER_CLEARANCE:
            return float(option)
    return float(options[0])


def _pick(tabletop: Tabletop) -> list[WayPoint]:
    x, y, z, yaw = tabletop.state.blocks[BLOCKS.index(tabletop.episode.target["block"])]
    grasp = np.array([x, y, max(z, GRASP_HEIGHT)])
    others = np.delete(tabletop.block_positions, BLOCKS.index(tabletop.episode.target["block"]), axis=0)
    yaw = _grasp_yaw(grasp, yaw, others)
    return [
        WayPoint(_over(grasp, TRAVEL_HEIGHT), yaw, GRIP_OPENING),
        WayPoint(_over(grasp, 0.06), yaw, GRIP_OPENING),
        WayPoint(grasp, yaw, GRIP_OPENING, SLOW_SPEED),
        WayPoint(grasp, yaw, 0.0, stay=_GRIP_SECONDS),
        WayPoint(_over(grasp, TRAVEL_HEIGHT), yaw, 0.0, SPEED),
    ]


def _release(place: FloatVector, floor: float) -> list[WayPoint]:
    low = _over(place, floor + GRASP_HEIGHT + _RELEASE_GAP)
    return [
        WayPoint(_over(place, TRAVEL_HEIGHT), 0.0, 0.0),
        WayPoint(_over(place, low[2] + 0.03), 0.0, 0.0),
        WayPoint(low, 0.0, 0.0, SLOW_SPEED),
        WayPoint(low, 0.0, GRIP_OPENING, stay=_GRIP_SECONDS),
        WayPoint(_over(place, TRAVEL_HEIGHT), 0.0, GRIP_OPENING),
    ]


def _place(tabletop: Tabletop) -> list[WayPoint]:
    return _release(BINS[tabletop.episode.target["bin"]], BIN_FLOOR)


def _stow(tabletop: Tabletop) -> list[WayPoint]:
    return _release(drop_point(tabletop.drawer_opening), DRAWER_FLOOR)


def _handle(tabletop: Tabletop) -> FloatVector:
    return HANDLE - np.array([0.0, tabletop.drawer_opening])


def _open(tabletop: Tabletop) -> list[WayPoint]:
    begin, end = _handle(tabletop), HANDLE - np.array([0.0, DRAWER_TRAVEL])
    grasp, pulled = _over(begin, _HANDLE_HEIGHT), _over(end, _HANDLE_HEIGHT)
    return [
        WayPoint(_over(begin, TRAVEL_HEIGHT), 0.0, _HANDLE_OPENING),
        WayPoint(grasp, 0.0, _HANDLE_OPENING, SLOW_SPEED * 2),
        WayPoint(grasp, 0.0, 0.0, stay=_GRIP_SECONDS),
        WayPoint(pulled, 0.0, 0.0, SLOW_SPEED),
        WayPoint(pulled, 0.0, _HANDLE_OPENING, stay=_GRIP_SECONDS),
        WayPoint(_over(end, TRAVEL_HEIGHT), 0.0, _HANDLE_OPENING),
    ]


def _close(tabletop: Tabletop) -> list[WayPoint]:
    touch = np.array([0.0, 0.008 + 0.012])
    begin, end = _handle(tabletop) - touch - [0.0, 0.02], HANDLE - touch + [0.0, 0.002]
    return [
        WayPoint(_over(begin, TRAVEL_HEIGHT), 0.0, 0.0),
        WayPoint(_over(begin, _HANDLE_HEIGHT), 0.0, 0.0, SLOW_SPEED * 2),
        WayPoint(_over(end, _HANDLE_HEIGHT), 0.0, 0.0, SLOW_SPEED),
        WayPoint(_over(end, TRAVEL_HEIGHT), 0.0, 0.0),
    ]


_SCRIPTS = {"pick": _pick, "place": _place, "open": _open, "stow": _stow, "close": _close}
STAGES = tuple(_SCRIPTS)
"""Tasks that the expert knows, in the order of a whole "sort and stow"."""


class ScriptedExpert:
    """Drives the present episode of a tabletop, one control period a call."""

    def __init__(self, tabletop: Tabletop) -> None:
        task = tabletop.episode.task
        if task not in _SCRIPTS:
            raise UnknownNameError("stage of the scripted expert", task, _SCRIPTS)
        self.tabletop = tabletop
        self._joints = tabletop.commanded_joints
        self._commands = self._interpolate(_SCRIPTS[task](tabletop))

    def step(self) -> ToolCommand | None:
        """Commands and lets pass one control period; returns what it commanded, None when the script is over."""
        command = next(self._commands, None)
        if command is not None:
            self._joints = self.tabletop.kinematics.inverse(command.position, self._joints, command.yaw)
            self.tabletop.command(self._joints, command.gripper)
            self.tabletop.advance(CONTROL_SECONDS)
        return command

    def run(self) -> int:
        """Drives to the end of the script; returns the number of control periods."""
        periods = 0
        while self.step() is not None:
            periods += 1
        return periods

    def _interpolate(self, points: list[WayPoint]) -> Iterator[ToolCommand]:
        """Straight lines at constant speed between the way points, the yaw in step with them."""
        position, yaw = self.tabletop.kinematics.forward(self._joints), self.tabletop.state.tool_yaw
        for point in points:
            seconds = max(
                float(np.linalg.norm(point.position - position)) / point.speed,
                abs(point.yaw - yaw) / TURN_SPEED,
                point.stay,
            )
            periods = max(round(seconds / CONTROL_SECONDS), 1)
            for fraction in np.linspace(0.0, 1.0, periods + 1)[1:]:
                # The fingers' servo is told at once where to go: it has a speed of its own.
                yield ToolCommand(
                    position + fraction * (point.position - position), yaw + fraction * (point.yaw - yaw), point.gripper
                )
            position, yaw = point.position, point.yaw
