# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Chunks as the controller follows them: checked against bounds, tool pose and gripper apart."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.policy.chunks import GRIPPER, POSE, ChunkConfig, ChunkSchedule
from robot_planner.policy.reasons import PlanRefusedError, Reason
from robot_planner.policy.types import PlanInput

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ChunkLimits(ChunkConfig):
    """How chunks are joined, and what a row of them may be."""

    blend_seconds: float = 0.08
    action_low: tuple[float, ...] = (-0.3, -0.3, -0.2, -2.0, -0.02)
    """Smallest row: dx, dy, dz [m] and dyaw [rad] from the measured tool, opening of the gripper [m]."""
    action_high: tuple[float, ...] = (0.3, 0.3, 0.2, 2.0, 0.1)
    opening_low: float = 0.0
    """The gripper is told no less [m]."""
    opening_high: float = 0.08

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = np.asarray(self.action_low), np.asarray(self.action_high)
        if low.shape != (5,) or high.shape != (5,) or not np.all(low < high):
            raise InvalidInputError("action bounds of chunks must be five numbers each, the low below the high")
        if not self.opening_low < self.opening_high:
            raise InvalidInputError("opening_low must be below opening_high")

    @property
    def max_plan_age(self) -> float:
        """Oldest image that a chunk may come from [s]."""
        return self.max_age


class ChunkFollowing:
    """A ChunkSchedule with the face that the controller knows of PlanSchedule."""

    axes = 4
    """x, y, z [m] and yaw [rad]."""

    def __init__(self, config: ChunkLimits) -> None:
        self.config = config
        self._schedule = ChunkSchedule(config)

    @property
    def active(self) -> bool:
        """Whether there is a chunk to follow."""
        return self._schedule.active

    @property
    def stamp(self) -> int | None:
        """Acquisition time of the image behind the chunk being followed [ns]."""
        return self._schedule.stamp

    @property
    def jump(self) -> float:
        """NaN: of chunks it is not measured."""
        return math.nan

    def clear(self) -> None:
        """Drops the chunk: there is nothing to follow."""
        self._schedule.clear()

    def follow(self, plan: PlanInput, now: int) -> None:
        """Follows a chunk from ``now`` on; raises PlanRefusedError, with the chunk before it untouched."""
        if plan.pose is None or plan.actions.ndim != 2 or plan.actions.shape[1] != len(self.config.action_low):
            raise PlanRefusedError(
                Reason.WRONG_SHAPE, f"plan has actions of shape {plan.actions.shape}; allowed: chunks (K, 5) and a pose"
            )
        outside = (plan.actions < self.config.action_low) | (plan.actions > self.config.action_high)
        if np.any(outside):  # what is not finite is refused by the schedule, which says so
            row, number = (int(index) for index in np.argwhere(outside)[0])
            low, high = self.config.action_low[number], self.config.action_high[number]
            raise PlanRefusedError(
                Reason.OUT_OF_BOUNDS,
                f"number {number} of row {row} is {plan.actions[row, number]:.4g}; allowed: {low} to {high}",
            )
        self._schedule.accept(plan.actions, plan.pose, plan.stamp, now)

    def target(self, now: int) -> tuple[Vector, Vector] | None:
        """Tool pose (4,) to be at, and zeros for its velocity, which chunks don't tell; None without a chunk."""
        target = self._schedule.target(now)
        return None if target is None else (target[POSE], np.zeros(4))

    def opening(self, now: int) -> float | None:
        """Opening of the gripper to command [m]; None without a chunk."""
        target = self._schedule.target(now)
        if target is None:
            return None
        return float(np.clip(target[GRIPPER], self.config.opening_low, self.config.opening_high))

    def finished(self, now: int) -> bool:
        """Whether the chunk is used up."""
        return self._schedule.finished(now)

    def record(self, now: int, pose: Vector) -> None:
        """Nothing: chunks are relative to the measured pose, not to commands of the past."""

    def forget(self) -> None:
        """Nothing is remembered."""

    last: Vector | None = None
