# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What goes into the policy's controller and what comes out of it."""

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from robot_planner.policy.limits import MotionLimits, Vector
from robot_planner.policy.schedule import ScheduleConfig

if TYPE_CHECKING:
    from robot_planner.policy.chunk_following import ChunkLimits


class Kinematics(Protocol):
    """What the controller asks of the arm's kinematics."""

    def forward(self, joints: Vector) -> Vector:
        """Joint positions (n,) [rad] to the tool point (3,) [m] in the base frame."""
        ...

    def pose(self, joints: Vector) -> Vector:
        """Joint positions (n,) [rad] to x, y, z [m] and yaw [rad] of the tool, (4,); asked only for chunks."""
        ...

    def inverse(self, position: Vector, seed: Vector, yaw: float = 0.0) -> Vector:
        """Tool point (3,) [m] to joint positions (n,) near ``seed``; raises InvalidInputError out of reach."""
        ...


class State(str, Enum):
    """What the policy is doing."""

    IDLE = "idle"
    FOLLOWING = "following"
    HOLDING = "holding"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ControllerConfig:
    """Every figure that decides how the arm moves and when it stops."""

    limits: MotionLimits
    """Of the joints."""
    workspace_lower: tuple[float, ...] = (0.25, -0.22, 0.03)
    workspace_upper: tuple[float, ...] = (0.55, 0.22, 0.03)
    tool_velocity: float = 0.3
    """Largest speed of the tool point along each axis [m/s]."""
    tool_acceleration: float = 6.0
    """Largest acceleration of the tool point along each axis [m/s²]: well below what the joints can do, so that they
    keep the tool on its line."""
    max_turn: float = 2.2
    """Largest yaw of the tool to either side [rad]; with the two that follow, for chunks alone."""
    turn_velocity: float = 2.0
    """Largest turning speed of the tool [rad/s]."""
    turn_acceleration: float = 20.0
    """[rad/s²]."""
    schedule: "ScheduleConfig | ChunkLimits" = field(default_factory=ScheduleConfig)
    """What is followed: plans of displacements in the plane, or chunks of tool poses and gripper openings."""
    period: float = 0.02
    """Control period [s]."""
    latent_period: float = 0.5
    """The arm stands still this long after the last fresh latent [s]; so with the three that follow."""
    plan_period: float = 0.5
    joint_states_period: float = 0.5
    control_period: float = 0.5
    """Longest silence of the control loop itself [s]."""
    max_tracking_error: float = 0.3
    """Largest distance of a measured joint from its command [rad]."""
    resume_tolerance: float = 0.03
    """A standing arm this near its last command [rad] goes on from the command, else from where it is measured."""
    max_joint_step: float = 0.5
    """Inverse kinematics that leaps further than this from one target to the next [rad] is not followed."""
    repeats: int = 5
    """How often the command of a standing arm is repeated before silence."""


@dataclass(frozen=True)
class Command:
    """What to tell the arm now."""

    positions: Vector
    """(n,) [rad]."""
    velocities: Vector
    """(n,) [rad/s]."""
    tool: Vector
    """(3,) commanded tool point [m]."""
    tool_velocity: Vector
    """(3,) [m/s]."""
    image_stamp: int | None
    """Acquisition time of the image behind the plan being followed [ns]; None while braking or standing."""
    turn: float = 0.0
    """Yaw velocity of the tool [rad/s]."""
    gripper: float | None = None
    """Opening of the gripper [m]; None: leave it as it is."""


@dataclass(frozen=True)
class PlanInput:
    """A plan as it arrived; nothing in it has been checked."""

    actions: npt.NDArray[np.float64]
    """(T, A), or empty to hold."""
    stamp: int
    step_seconds: float
    encoder: str
    frame: str = ""
    finite: bool = True
    """Whether what else the message carries (states, cost) is finite."""
    pose: Vector | None = None
    """Measured tool x, y, z [m], yaw [rad] (4,) at ``stamp``: what a chunk's rows are relative to."""
    lead: float = 0.0
    """Time after ``stamp`` at which the first action begins [s]."""
