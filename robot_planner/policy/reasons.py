# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Why a plan was refused and why the arm stopped: one closed list, the same in code, status topic and tests."""

from enum import Enum

from robot_planner.errors import InvalidInputError


class Reason(str, Enum):
    """One word for each way to be refused or stopped."""

    NONE = ""

    # A plan that is refused; all but the out-of-order one also stop the arm.
    STALE = "stale_plan"
    """Its image is older than max_plan_age."""
    FUTURE = "plan_from_the_future"
    NOT_FINITE = "plan_not_finite"
    WRONG_SHAPE = "wrong_plan_shape"
    WRONG_ENCODER = "wrong_encoder"
    """Planned in another encoder's latents than those that arrive."""
    WRONG_FRAME = "wrong_frame"
    OUT_OF_BOUNDS = "action_out_of_bounds"
    BAD_STEP = "bad_step_duration"
    UNANCHORED = "plan_before_known_motion"
    """Its image is older than what is known of the arm's motion, so the plan has no place to start from."""
    OUT_OF_ORDER = "plan_out_of_order"
    """Older than the plan being followed, which goes on."""

    # What the policy lacks or has lost.
    LATENT_LOST = "latent_lost"
    """No fresh latent: camera or perception is gone."""
    PLAN_LOST = "plan_lost"
    """No new plan: the planner is gone."""
    JOINT_STATES_LOST = "joint_states_lost"
    OVERRUN = "control_overrun"
    """The control loop itself came too late."""

    # What was seen or asked for.
    EMERGENCY_STOP = "emergency_stop"
    TRACKING_ERROR = "tracking_error"
    """The arm is not where it was commanded to be."""
    JOINT_LIMITS = "joint_limits"
    """The measured arm lies outside its position limits."""
    CLOCK_JUMP = "clock_jump"
    DEACTIVATED = "deactivated"
    INTERNAL_ERROR = "internal_error"

    # Holding, without a fault.
    EMPTY_PLAN = "empty_plan"
    PLAN_FINISHED = "plan_finished"
    UNREACHABLE = "unreachable"
    """Inverse kinematics found no way to the target; the plan goes on as soon as it does."""


class PlanRefusedError(InvalidInputError):
    """A plan that must not move the arm."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(message)
