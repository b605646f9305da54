# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The scripted expert of the manipulation tasks: from the simulator's truth to what the tool is to do next.

It sees what no policy may see, and serves to make demonstrations and to show that every task can be done. It reacts to
the present state instead of playing a script, so that it recovers from whatever has gone wrong: a block dropped or
pushed away, a missed grasp, a hand that somebody else has moved.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robot_planner.arrangement import BIN_A, BIN_B, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.errors import UnknownNameError
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks.base import SceneState
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
    in_bin,
    in_drawer,
)
from robot_planner.simulation.tasks.tidy import BIN_NAMES, arrangement_of
from robot_planner.simulation.workspace import CONTROL_SECONDS

FloatVector = npt.NDArray[np.float64]
STAGES = ("pick", "place", "open", "stow", "close")
"""Tasks of one stage that the expert knows, in the order of a whole "sort and stow"; it knows "tidy" as well."""
SPEED, SLOW_SPEED = 0.25, 0.08
"""Of the tool point on the way, and near things [m/s]."""
TURN_SPEED = 1.5
"""Of the tool about the vertical [rad/s]."""
GRIP_PERIODS = 12
"""Control periods that the fingers press before they lift, or open before the tool leaves."""
HANDLE_OPENING, HANDLE_HEIGHT = 0.05, 0.05
LOW = 0.12
"""Below this height the tool does not move sideways for more than a correction [m]."""
_ALIGNED, _RELEASE_ALIGNED, _NEAR = 0.008, 0.015, 0.03
"""Errors in the plane within which the tool descends to grasp, to release, and corrects itself above a thing [m]."""
_TURNED, _FAR_TURNED = 0.2, 0.5
"""Errors of its yaw within which the tool descends, and beyond which it rises to turn [rad]."""
_FINGER_CLEARANCE = 0.045
"""Of the middle of an open finger from the middle of a block beside the one to be grasped [m]."""
_RELEASE_GAP = 0.008
"""Between block and floor when the fingers open [m]."""
_TOUCH = 0.020
"""Of the tool point in front of the handle that it pushes [m]."""
_SHUT = 0.003
"""The expert pushes until the drawer is open no further than this [m]."""


@dataclass(frozen=True)
class ToolCommand:
    """What the tool is to do: where to be, how it is turned, how far the fingers are open."""

    position: FloatVector
    """(3,) tool point [m]."""
    yaw: float
    """[rad]."""
    gripper: float
    """Opening of the fingers [m]."""
    speed: float = SPEED
    """On the way there [m/s]."""


def _over(place: npt.ArrayLike, height: float) -> FloatVector:
    return np.append(np.asarray(place, dtype=np.float64)[:2], height)


def _distance(tool: FloatVector, place: FloatVector) -> float:
    return float(np.linalg.norm(tool[:2] - place[:2]))


def grasp_yaw(block: FloatVector, tool_yaw: float, others: FloatVector) -> float:
    """A turn that lays the fingers on faces of the cube, clear of its neighbours; small, and near the present one."""
    small = (block[3] + np.pi / 4) % (np.pi / 2) - np.pi / 4
    options = sorted(
        (small, small - np.sign(small or 1.0) * np.pi / 2), key=lambda yaw: abs(yaw - tool_yaw) + 0.5 * abs(yaw)
    )
    for option in options:
        along = np.array([-np.sin(option), np.cos(option)]) * (GRIP_OPENING / 2 + 0.006)
        fingers = np.stack([block[:2] + along, block[:2] - along])
        if np.linalg.norm(fingers[:, None] - others[None, :, :2], axis=-1).min() > _FINGER_CLEARANCE:
            return float(option)
    return float(options[0])


class ReactiveRules:
    """State and arrangement to the next target of the tool; remembers only for how long the fingers have pressed."""

    def __init__(self, arrangement: Arrangement) -> None:
        self.arrangement = arrangement
        self._pressed = self._released = 0

    def forget(self) -> None:
        """Forgets for how long the fingers have pressed: somebody else has moved them."""
        self._pressed = self._released = GRIP_PERIODS + 1

    def act(self, state: SceneState) -> ToolCommand:
        """The next target, to be asked for once a control period."""
        held = next((index for index, flag in enumerate(state.held) if flag), None)
        self._pressed = self._pressed + 1 if held is not None else 0
        self._released = 0 if held is not None else self._released + 1
        if held is not None:
            place = self.arrangement.blocks[held]
            if self._pressed <= GRIP_PERIODS and state.tool[2] < LOW / 2:
                return ToolCommand(state.blocks[held, :3] * [1, 1, 0] + [0, 0, state.tool[2]], state.tool_yaw, 0.0)
            return self._carry(state, held, place)
        if self._leaving(state):
            return ToolCommand(state.tool, state.tool_yaw, GRIP_OPENING)
        return self._next_stage(state)

    def _leaving(self, state: SceneState) -> bool:
        """Whether the fingers have just let go of a block low down, and are still opening."""
        return self._released <= GRIP_PERIODS and state.tool[2] < LOW and state.gripper > 0.03

    def _next_stage(self, state: SceneState) -> ToolCommand:
        wanted = self.arrangement
        for index, place in enumerate(wanted.blocks):
            if place == HAND or (place in (BIN_A, BIN_B) and in_bin(state.blocks[:, :3], BIN_NAMES[place])[index] > 0):
                return self._pick(state, index)
        stowed = wanted.blocks.index(DRAWER) if DRAWER in wanted.blocks else None
        if stowed is not None and in_drawer(state.blocks[:, :3], state.drawer)[stowed] > 0:
            if state.drawer < DRAWER_TRAVEL - 0.02 or self._holds_handle(state):
                return self._open(state)
            return self._pick(state, stowed)
        if wanted.drawer == OPEN and (state.drawer < DRAWER_TRAVEL - 0.015 or self._holds_handle(state)):
            return self._open(state)
        if wanted.drawer == SHUT and state.drawer > _SHUT:
            return self._close(state)
        return ToolCommand(_over(state.tool, TRAVEL_HEIGHT), state.tool_yaw, self._as_it_is(state))

    def _travel(
        self, state: SceneState, place: FloatVector, yaw: float, gripper: float, aligned: float = _ALIGNED
    ) -> ToolCommand | None:
        """The way to above a place: up, over, and small corrections; None once the tool is above it.

        On the way down twice the error is borne: who descends a little off goes on, and is corrected on the way.
        """
        error, turn = _distance(state.tool, place), abs(yaw - state.tool_yaw)
        descending = state.tool[2] < LOW
        if error <= aligned * (2.0 if descending else 1.0) and turn <= (_FAR_TURNED if descending else _TURNED):
            return None
        if error > _NEAR or turn > _FAR_TURNED:
            if descending and error > aligned:
                # Fingers that close on the way up would take along what they have just let go of.
                opening = max(gripper, self._as_it_is(state))
                return ToolCommand(_over(state.tool, TRAVEL_HEIGHT), state.tool_yaw, opening)
            return ToolCommand(_over(place, TRAVEL_HEIGHT), yaw, gripper)
        if state.tool[2] < 0.065:  # among the things: sideways would push them
            return ToolCommand(_over(state.tool, 0.08), state.tool_yaw, gripper)
        return ToolCommand(_over(place, state.tool[2]), yaw, gripper)

    @staticmethod
    def _as_it_is(state: SceneState) -> float:
        """The opening that changes nothing: fingers that hold nothing stay open, others shut [m]."""
        return GRIP_OPENING if state.gripper > GRIP_OPENING / 2 and not any(state.held) else 0.0

    def _pick(self, state: SceneState, index: int) -> ToolCommand:
        block = state.blocks[index]
        height = max(float(block[2]), GRASP_HEIGHT)
        yaw = grasp_yaw(block, state.tool_yaw, np.delete(state.blocks, index, axis=0))
        around = _distance(state.tool, block) < 0.018 and abs(state.tool[2] - height) < 0.008
        if around:
            return ToolCommand(_over(block, height), state.tool_yaw, 0.0)
        if (way := self._travel(state, block, yaw, GRIP_OPENING)) is not None:
            return way
        if state.gripper < GRIP_OPENING - 0.01 and state.tool[2] < height + 0.05:
            return ToolCommand(_over(block, 0.08), yaw, GRIP_OPENING)  # fingers first, or they land on the block
        speed = SLOW_SPEED if state.tool[2] < 0.065 else SPEED
        return ToolCommand(_over(block, height if state.tool[2] < 0.085 else 0.06), yaw, GRIP_OPENING, speed)

    def _carry(self, state: SceneState, index: int, place: str | None) -> ToolCommand:
        """Moves a held block to where it is to be; one that nobody asked for is laid down where it is."""
        if place == HAND:
            return ToolCommand(_over(state.tool, TRAVEL_HEIGHT), state.tool_yaw, 0.0)
        if place is None:
            where, floor = _over(state.tool, 0.0), 0.0
        elif place == DRAWER:
            if state.drawer < DRAWER_TRAVEL - 0.03:
                where, floor = np.array([0.38, 0.0, 0.0]), 0.0  # the drawer comes first
            else:
                where, floor = _over(drop_point(state.drawer), 0.0), DRAWER_FLOOR
        else:
            where, floor = _over(BINS[BIN_NAMES[place]], 0.0), BIN_FLOOR
        yaw = state.tool_yaw if place is None else 0.0
        if (way := self._travel(state, where, yaw, 0.0, _RELEASE_ALIGNED)) is not None:
            return way
        low = floor + GRASP_HEIGHT + _RELEASE_GAP
        if state.tool[2] < low + 0.004:
            return ToolCommand(_over(where, low), yaw, GRIP_OPENING)
        if state.tool[2] > low + 0.05:
            return ToolCommand(_over(where, low + 0.03), yaw, 0.0)
        return ToolCommand(_over(where, low), yaw, 0.0, SLOW_SPEED)

    def _handle(self, state: SceneState) -> FloatVector:
        return np.append(HANDLE - np.array([0.0, state.drawer]), HANDLE_HEIGHT)

    def _holds_handle(self, state: SceneState) -> bool:
        handle = self._handle(state)
        low = abs(state.tool[2] - HANDLE_HEIGHT) < 0.02
        return low and _distance(state.tool, handle) < 0.02 and state.gripper < HANDLE_OPENING - 0.015

    def _open(self, state: SceneState) -> ToolCommand:
        handle = self._handle(state)
        if self._holds_handle(state):
            if state.drawer >= DRAWER_TRAVEL - 0.008:
                return ToolCommand(state.tool, 0.0, HANDLE_OPENING)
            if state.gripper < 0.025:
                end = np.append(HANDLE - np.array([0.0, DRAWER_TRAVEL]), HANDLE_HEIGHT)
                return ToolCommand(end, 0.0, 0.0, SLOW_SPEED)
            return ToolCommand(handle, 0.0, 0.0)
        if (way := self._travel(state, handle, 0.0, HANDLE_OPENING)) is not None:
            return way
        if abs(state.tool[2] - HANDLE_HEIGHT) < 0.006:
            return ToolCommand(handle, 0.0, 0.0)
        return ToolCommand(handle, 0.0, HANDLE_OPENING, SLOW_SPEED * 2)

    def _close(self, state: SceneState) -> ToolCommand:
        handle = self._handle(state)
        end = np.append(HANDLE - np.array([0.0, _TOUCH - 0.002]), HANDLE_HEIGHT)
        behind = handle - np.array([0.0, _TOUCH + 0.02, 0.0])
        beside = abs(state.tool[0] - handle[0]) < 0.02 and handle[1] - 0.05 < state.tool[1] < handle[1] - 0.012
        if beside and abs(state.tool[2] - HANDLE_HEIGHT) < 0.012 and state.gripper < 0.02:
            return ToolCommand(end, 0.0, 0.0, SLOW_SPEED)
        if (way := self._travel(state, behind, 0.0, 0.0)) is not None:
            return way
        if state.gripper > 0.02 and state.tool[2] < LOW:
            return ToolCommand(_over(state.tool, TRAVEL_HEIGHT), 0.0, self._as_it_is(state))
        return ToolCommand(_over(behind, HANDLE_HEIGHT), 0.0, 0.0, SLOW_SPEED * 2)


class ScriptedExpert:
    """Drives the present episode of a tabletop, one control period a call."""

    def __init__(self, tabletop: Tabletop) -> None:
        task = tabletop.episode.task
        if task not in (*STAGES, "tidy"):
            raise UnknownNameError("task of the scripted expert", task, (*STAGES, "tidy"))
        self.tabletop = tabletop
        self.rules = ReactiveRules(arrangement_of(tabletop.episode))
        self.resume()

    def resume(self) -> None:
        """Takes over from whoever has commanded the arm."""
        self._joints = self.tabletop.commanded_joints
        self.position = self.tabletop.kinematics.forward(self._joints)
        self.yaw, self.gripper = self.tabletop.state.tool_yaw, self.tabletop.commanded_gripper

    def step(self) -> ToolCommand:
        """Commands and lets pass one control period; returns what it commanded."""
        return self.drive(self.rules.act(self.tabletop.state))

    def drive(self, target: ToolCommand) -> ToolCommand:
        """Moves the command by one control period towards a target, in a straight line, the yaw in step with it."""
        way, turn = target.position - self.position, target.yaw - self.yaw
        seconds = max(float(np.linalg.norm(way)) / target.speed, abs(turn) / TURN_SPEED, CONTROL_SECONDS)
        fraction = CONTROL_SECONDS / seconds
        self.position, self.yaw = self.position + fraction * way, self.yaw + fraction * turn
        # The fingers' servo is told at once where to go: it has a speed of its own.
        self.gripper = target.gripper
        self._joints = self.tabletop.kinematics.inverse(self.position, self._joints, self.yaw)
        self.tabletop.command(self._joints, self.gripper)
        self.tabletop.advance(CONTROL_SECONDS)
        return ToolCommand(self.position, self.yaw, self.gripper)

    def run(self, seconds: float = 60.0, after: float = 0.5) -> int:
        """Drives until the episode has counted as done for ``after`` seconds, or time is up; returns the periods."""
        return sum(1 for _ in self.commands(seconds, after))

    def commands(self, seconds: float = 60.0, after: float = 0.5) -> Iterator[ToolCommand]:
        """As ``run``, period by period."""
        done = 0
        for _ in range(round(seconds / CONTROL_SECONDS)):
            yield self.step()
            done = done + 1 if self.tabletop.evaluate().success else 0
            if done * CONTROL_SECONDS >= after:
                return
