# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The parameters of the policy node: every figure that decides how the arm moves and when it stops."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.parameters import parameter
from robot_planner.policy.chunk_following import ChunkLimits
from robot_planner.policy.limits import MotionLimits
from robot_planner.policy.schedule import ScheduleConfig
from robot_planner.policy.types import ControllerConfig

COMMAND_TOPICS = {
    "joint_trajectory": "joint_trajectory",
    "joint_positions": "joint_commands",
    "twist": "twist_commands",
}


@dataclass(frozen=True)
class PolicyParameters:
    """Parameters of the policy node."""

    command_type: str = parameter("joint_trajectory", "What the arm is commanded by.", choices=tuple(COMMAND_TOPICS))
    base_frame: str = parameter("base_link", "Frame of the plans' actions and of the twist.")
    joint_prefix: str = parameter("", "What stands before the joint names of the arm's description.")
    subgoal_model: str = parameter(
        "", "Model of kind lbp whose policy follows subgoals, by name or folder; empty: plans of actions are followed."
    )
    encoder: str = parameter("", "SHA-256 of the encoder whose plans are followed; empty: of the latents that arrive.")
    rate: float = parameter(50.0, "Commands per second.", unit="1/s", minimum=5.0, maximum=500.0)
    lead_time: float = parameter(
        0.02, "time_from_start of the trajectory's point.", unit="s", minimum=0.001, maximum=1.0
    )
    max_velocity: tuple[float, ...] = parameter(
        (2.0,) * 6, "Joint velocity limits.", unit="rad/s", minimum=0.01, maximum=20.0
    )
    max_acceleration: tuple[float, ...] = parameter(
        (30.0,) * 6, "Joint acceleration limits.", unit="rad/s²", minimum=0.1, maximum=500.0
    )
    workspace_lower: tuple[float, ...] = parameter(
        (0.25, -0.22, 0.03), "Lower corner of the box for the tool point.", unit="m", minimum=-10.0, maximum=10.0
    )
    workspace_upper: tuple[float, ...] = parameter(
        (0.55, 0.22, 0.03), "Upper corner of the box for the tool point.", unit="m", minimum=-10.0, maximum=10.0
    )
    tool_velocity: float = parameter(
        0.3, "Largest speed of the tool point along each axis.", unit="m/s", minimum=0.001, maximum=10.0
    )
    tool_acceleration: float = parameter(
        6.0, "Largest acceleration of the tool point along each axis.", unit="m/s²", minimum=0.01, maximum=100.0
    )
    max_turn: float = parameter(
        2.2, "Largest yaw of the tool to either side, with a subgoal_model.", unit="rad", minimum=0.1, maximum=6.3
    )
    turn_velocity: float = parameter(
        2.0, "Largest turning speed of the tool, with a subgoal_model.", unit="rad/s", minimum=0.01, maximum=20.0
    )
    turn_acceleration: float = parameter(
        20.0, "Largest turning acceleration, with a subgoal_model.", unit="rad/s²", minimum=0.1, maximum=500.0
    )
    max_opening: float = parameter(
        0.08, "The gripper is told to open no further, with a subgoal_model.", unit="m", minimum=0.001, maximum=1.0
    )
    tool_height: float = parameter(
        0.03, "Height at which plans in the plane are followed.", unit="m", minimum=-10.0, maximum=10.0
    )
    action_low: tuple[float, ...] = parameter(
        (-0.04, -0.04),
        "Smallest action; plans beyond are refused. With a subgoal_model five numbers: dx, dy, dz, dyaw [rad] from "
        "the measured tool, opening of the gripper.",
        unit="m",
        minimum=-10.0,
        maximum=10.0,
    )
    action_high: tuple[float, ...] = parameter(
        (0.04, 0.04), "Largest action; plans beyond are refused.", unit="m", minimum=-10.0, maximum=10.0
    )
    max_plan_age: float = parameter(0.5, "Plans from older images are refused.", unit="s", minimum=0.01, maximum=60.0)
    max_future: float = parameter(
        0.02, "How far a stamp may lie ahead of the clock.", unit="s", minimum=0.0, maximum=1.0
    )
    blend_seconds: float = parameter(
        0.1, "Time in which one plan turns into the next.", unit="s", minimum=0.001, maximum=5.0
    )
    blend_speed: float = parameter(
        0.2, "Speed at which a gap between them is closed at most.", unit="m/s", minimum=0.001, maximum=5.0
    )
    latent_period: float = parameter(
        0.5, "The arm stands still this long after the last fresh latent.", unit="s", minimum=0.05, maximum=60.0
    )
    plan_period: float = parameter(
        0.5, "The arm stands still this long after the last plan.", unit="s", minimum=0.05, maximum=60.0
    )
    joint_states_period: float = parameter(
        0.5, "The arm stands still this long after the last joint states.", unit="s", minimum=0.05, maximum=60.0
    )
    control_period: float = parameter(
        0.5, "A control loop that was silent this long stops the arm.", unit="s", minimum=0.05, maximum=60.0
    )
    max_tracking_error: float = parameter(
        0.3, "Distance of a measured joint from its command that stops the arm.", unit="rad", minimum=0.001, maximum=6.3
    )
    emergency_stop_lease: float = parameter(
        0.0,
        "Above 0: a publisher of emergency_stop must be alive, with a liveliness lease no longer than this; "
        "0: none is needed.",
        unit="s",
        minimum=0.0,
        maximum=60.0,
    )

    def __post_init__(self) -> None:
        for name in ("max_velocity", "max_acceleration"):
            if len(getattr(self, name)) != 6:
                raise InvalidInputError(f"parameter '{name}' has {len(getattr(self, name))} numbers; allowed: 6")

    def config(self, kinematics: Any) -> ControllerConfig:
        """The controller's configuration; raises InvalidInputError for what can't be together."""
        limits = MotionLimits(
            kinematics.lower, kinematics.upper, np.array(self.max_velocity), np.array(self.max_acceleration)
        )
        schedule = self._chunk_limits() if self.subgoal_model else self._schedule()
        return ControllerConfig(
            limits=limits,
            workspace_lower=self.workspace_lower,
            workspace_upper=self.workspace_upper,
            tool_velocity=self.tool_velocity,
            tool_acceleration=self.tool_acceleration,
            max_turn=self.max_turn,
            turn_velocity=self.turn_velocity,
            turn_acceleration=self.turn_acceleration,
            schedule=schedule,
            period=1.0 / self.rate,
            latent_period=self.latent_period,
            plan_period=self.plan_period,
            joint_states_period=self.joint_states_period,
            control_period=self.control_period,
            max_tracking_error=self.max_tracking_error,
        )

    def _chunk_limits(self) -> ChunkLimits:
        return ChunkLimits(
            action_low=self.action_low,
            action_high=self.action_high,
            max_age=self.max_plan_age,
            max_future=self.max_future,
            blend_seconds=self.blend_seconds,
            opening_high=self.max_opening,
        )

    def _schedule(self) -> ScheduleConfig:
        return ScheduleConfig(
            action_low=self.action_low,
            action_high=self.action_high,
            max_plan_age=self.max_plan_age,
            max_future=self.max_future,
            blend_seconds=self.blend_seconds,
            blend_speed=self.blend_speed,
            height=self.tool_height if len(self.action_low) == 2 else None,
            history_seconds=max(2.0, self.max_plan_age),
        )
