# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Moves the tool of a tabletop towards targets, one control period at a time, without ROS: as the policy node does."""

import numpy as np

from robot_planner.errors import InvalidInputError
from robot_planner.policy.chunks import GRIPPER, NANOSECONDS, YAW, ChunkConfig, ChunkSchedule, wrapped
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.workspace import CONTROL_SECONDS
from robot_planner.types import FloatArray

LOW, HIGH = np.array([0.20, -0.38, 0.012]), np.array([0.60, 0.32, 0.22])
"""The box of the commanded tool point [m]."""
SPEED = 0.3
"""Largest speed of the commanded tool point [m/s]."""


class ChunkFollower:
    """Follows rows of chunks; make a new one after Tabletop.reset."""

    def __init__(self, tabletop: Tabletop, config: ChunkConfig | None = None) -> None:
        """``config`` says whether the last chunks are averaged; without it the newest alone is followed."""
        self.tabletop = tabletop
        self._joints, self._schedule = tabletop.commanded_joints, ChunkSchedule(config)
        self.position, self.yaw = tabletop.kinematics.forward(self._joints), tabletop.state.tool_yaw

    def follow(self, chunk: FloatArray, body: FloatArray, rows: int) -> None:
        """Executes the first ``rows`` of a chunk (K, 5) made from proprioception ``body`` (6,)."""
        now, step = round(self.tabletop.time * NANOSECONDS), self._schedule.config.step_seconds
        pose = np.append(body[:3], np.arctan2(body[3], body[4])).astype(np.float64)
        self._schedule.accept(chunk, pose, now, now)
        periods = round(step / CONTROL_SECONDS)
        for row in range(1, min(rows, len(chunk)) + 1):
            wanted = self._schedule.target(now + round(row * step * NANOSECONDS))
            assert wanted is not None  # a chunk has just been accepted
            target = np.clip(wanted[:3], LOW, HIGH)
            for left in range(periods, 0, -1):
                way = (target - self.position) / left
                way *= min(1.0, SPEED * CONTROL_SECONDS / max(float(np.linalg.norm(way)), 1e-9))
                self.position, self.yaw = self.position + way, self.yaw + wrapped(wanted[YAW] - self.yaw) / left
                self.command(float(wanted[GRIPPER]))

    def command(self, gripper: float) -> None:
        """Commands the present target and lets a control period pass; out of reach, the joints stay."""
        try:
            self._joints = self.tabletop.kinematics.inverse(self.position, self._joints, self.yaw)
        except InvalidInputError:
            self.position = self.tabletop.kinematics.forward(self._joints)
        self.tabletop.command(self._joints, gripper)
        self.tabletop.advance(CONTROL_SECONDS)
