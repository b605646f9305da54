# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the arm is told at each control period: plans in, safe joint commands out, no ROS inside.

States: ``idle`` (no plan since activation: nothing is sent), ``following``, ``holding`` (standing still without a
fault), ``stopped`` (a fault is latched). A stop brakes every joint at its acceleration limit; once the arm has stood
still for a few commands nothing more is sent. The next plan that is accepted starts it again, and a plan is accepted
only while everything that is needed is alive and nobody presses the emergency stop.
"""

import math
from collections import Counter

import numpy as np

from robot_planner.errors import InvalidInputError, RobotPlannerError
from robot_planner.policy.chunk_following import ChunkFollowing, ChunkLimits
from robot_planner.policy.limits import JointLimiter, MotionLimiter, MotionLimits, Vector
from robot_planner.policy.reasons import PlanRefusedError, Reason
from robot_planner.policy.schedule import PlanSchedule
from robot_planner.policy.types import Command, ControllerConfig, Kinematics, PlanInput, State
from robot_planner.policy.watchdog import Watchdogs

INPUTS = (Reason.LATENT_LOST, Reason.JOINT_STATES_LOST)
"""What must be alive before a plan may start the arm."""
JUMP = 0.02
"""A tool point that moves this far [m] in a period without a command was moved by something else."""


class PolicyController:
    """Follows plans within limits and stops on any fault. ``now`` is ROS time [ns], ``steady`` steady time [s]."""

    def __init__(self, config: ControllerConfig, kinematics: Kinematics, frame: str = "", encoder: str = "") -> None:
        self.config, self.kinematics = config, kinematics
        self.frame, self.required_encoder = frame, encoder
        self.limiter = JointLimiter(config.limits)
        chunks = isinstance(config.schedule, ChunkLimits)
        self.schedule: PlanSchedule | ChunkFollowing = (
            ChunkFollowing(config.schedule)
            if isinstance(config.schedule, ChunkLimits)
            else PlanSchedule(config.schedule)
        )
        lower, upper = np.array(config.workspace_lower), np.array(config.workspace_upper)
        if lower.shape != (3,) or upper.shape != (3,):
            raise InvalidInputError("the corners of the workspace must be three numbers each")
        speed, change = np.full(3, config.tool_velocity), np.full(3, config.tool_acceleration)
        if chunks:
            lower, upper = np.append(lower, -config.max_turn), np.append(upper, config.max_turn)
            speed, change = np.append(speed, config.turn_velocity), np.append(change, config.turn_acceleration)
        self.tool_limiter = MotionLimiter(MotionLimits(lower, upper, speed, change))
        self.projections = 0
        """How many targets lay outside the workspace and were taken to its nearest point."""
        self.reaction = config.limits.stopping_time + 2.0 * config.period
        """Time from the decision to stop to standing still, the wait for the next tick included [s]."""
        self.watchdogs = Watchdogs(
            {
                Reason.JOINT_STATES_LOST: config.joint_states_period,
                Reason.LATENT_LOST: config.latent_period,
                Reason.PLAN_LOST: config.plan_period,
                Reason.OVERRUN: config.control_period,
            },
            self.reaction,
        )
        self.refusals: Counter[Reason] = Counter()
        self.refusal = ""
        """What was wrong with the last plan that was refused."""
        self.emergency: str = ""
        """Why the emergency stop is on; empty when it is off."""
        self.measured: Vector | None = None
        """(n,) measured joint positions [rad]."""
        self.latent_encoder = ""
        self._latent_stamp: int | None = None
        self._last_now: int | None = None
        self.restart()

    def restart(self) -> None:
        """Forgets every plan, fault and command, as on activation; the inputs must speak anew."""
        self.state, self.reason, self.detail = State.IDLE, Reason.NONE, ""
        self.schedule.clear()
        self.schedule.forget()
        self.watchdogs.fault = None
        self.watchdogs.forget(*INPUTS, Reason.PLAN_LOST, Reason.OVERRUN)
        self._latent_stamp = None
        self.limiter.halt()
        self._placed = False
        """Whether the limiter stands where the arm does."""
        self._misplaced = ""
        """What is wrong with where the arm is."""
        self._owned = False
        """Whether the limiter's position is the last command, rather than a measured one."""
        self._repeats = 0
        self._last_tick: float | None = None
        self._seed: Vector | None = None
        self._tool_velocity: Vector = np.zeros(self.schedule.axes)
        self._tool: Vector | None = None

    @property
    def engaged(self) -> bool:
        """Whether commands are being sent."""
        return self.schedule.active or self._repeats > 0 or not self.limiter.at_rest

    # ---- inputs

    def latent(self, stamp: int, encoder: str, now: int, steady: float) -> None:
        """A finite latent of the image of ``stamp`` has arrived; an old or repeated image is no sign of life."""
        if self.required_encoder and encoder != self.required_encoder:
            return
        self.latent_encoder = encoder
        age = (now - stamp) * 1e-9
        is_new = self._latent_stamp is None or stamp > self._latent_stamp
        if is_new and -self.config.schedule.max_future <= age <= self.config.latent_period:
            self._latent_stamp = stamp
            self.watchdogs.feed(Reason.LATENT_LOST, steady)

    def joint_states(self, positions: Vector, steady: float) -> None:
        """Measured joint positions (n,) [rad] have arrived; those that are not finite are no sign of life."""
        if np.all(np.isfinite(positions)):
            self.measured = np.array(positions, dtype=np.float64)
            self.watchdogs.feed(Reason.JOINT_STATES_LOST, steady)

    def emergency_stop(self, why: str, steady: float) -> None:
        """Stops at once and stays so until this is called with an empty ``why``; then the next plan starts anew."""
        self.emergency = why
        if why:
            self.stop(Reason.EMERGENCY_STOP, why, steady)
        elif self.state is State.IDLE and self.reason is Reason.EMERGENCY_STOP:
            self._set(State.IDLE)

    def plan(self, plan: PlanInput, now: int, steady: float) -> Reason:
        """Follows a plan, holds on an empty one; returns why it was refused. A refusal stops the arm."""
        if plan.actions.size == 0:
            self._hold(Reason.EMPTY_PLAN)
            return Reason.NONE
        try:
            self._admit(plan, steady)
            self.schedule.follow(plan, now)
        except PlanRefusedError as error:
            return self.refuse(error, steady)
        self.watchdogs.reset(steady, *INPUTS)
        self.watchdogs.feed(Reason.PLAN_LOST, steady)
        self._owned = True
        self._repeats = self.config.repeats
        if self.reason is not Reason.UNREACHABLE:  # else the next tick finds out whether the new plan can be reached
            self._set(State.FOLLOWING)
        return Reason.NONE

    def refuse(self, error: PlanRefusedError, steady: float) -> Reason:
        """Counts a plan that was refused, here or before it came here; all but a late one stop the arm."""
        self.refusals[error.reason] += 1
        self.refusal = str(error)
        if error.reason is not Reason.OUT_OF_ORDER:
            self.stop(error.reason, str(error), steady)
        return error.reason

    def stop(self, reason: Reason, detail: str, steady: float) -> None:
        """Drops the plan, brakes from the next tick on, and latches the fault; an idle policy stays idle."""
        self._drop()
        if self.state is State.IDLE:
            self.reason, self.detail = reason, detail
            return
        fault = self.watchdogs.trip(reason, detail, steady)
        self._set(State.STOPPED, fault.reason, fault.detail)

    def _hold(self, reason: Reason) -> None:
        self._drop()
        if self.state is State.FOLLOWING or self.state is State.HOLDING:
            self._set(State.HOLDING, reason)

    def _drop(self) -> None:
        """Leaves the plan: what comes next begins where the arm is."""
        self.schedule.clear()
        self._seed = None

    def _set(self, state: State, reason: Reason = Reason.NONE, detail: str = "") -> None:
        self.state, self.reason, self.detail = state, reason, detail

    def _admit(self, plan: PlanInput, steady: float) -> None:
        """Everything about a plan that the schedule can't know."""
        if self.emergency:
            raise PlanRefusedError(Reason.EMERGENCY_STOP, self.emergency)
        silent = self.watchdogs.silent(steady, *INPUTS)
        if silent:
            raise PlanRefusedError(silent[0], f"no plan is followed without it: {silent[0].value}")
        if not self._placed:
            reason = Reason.JOINT_LIMITS if self._misplaced else Reason.JOINT_STATES_LOST
            raise PlanRefusedError(reason, self._misplaced or "the arm's position is not known yet")
        if not plan.finite:
            raise PlanRefusedError(Reason.NOT_FINITE, "plan has predicted states or a cost that are NaN or infinite")
        expected = self.required_encoder or self.latent_encoder
        if plan.encoder != expected:
            raise PlanRefusedError(
                Reason.WRONG_ENCODER, f"plan is for encoder '{plan.encoder:.12}'; latents are of '{expected:.12}'"
            )
        if plan.frame and self.frame and plan.frame != self.frame:
            raise PlanRefusedError(Reason.WRONG_FRAME, f"plan is in frame '{plan.frame}'; allowed: '{self.frame}'")

    # ---- the control loop

    def tick(self, now: int, steady: float) -> Command | None:
        """One control period: the command to send, or None for silence."""
        elapsed = self._elapsed(now, steady)
        dt = min(elapsed, 2.0 * self.config.period)  # a late tick must not become a leap
        self._watch(now, steady)
        if not self.engaged:
            self._stand(now)
            return None
        image_stamp = self.schedule.stamp
        before = self.limiter.position
        if self.schedule.active:
            if elapsed > dt:
                self.limiter.wait(elapsed - dt)
                self.tool_limiter.wait(elapsed - dt)
            self._follow(now, dt)
        else:
            dt = elapsed
            self.limiter.stop(dt)
        if not self.schedule.active and self.limiter.at_rest:
            self._repeats -= 1
        start = self._tool if self._tool is not None else self._forward(before)
        self._tool = self._forward(self.limiter.position)
        self.schedule.record(now, self._tool)
        moves = dt > 0 and not self.limiter.at_rest
        self._tool_velocity = (self._tool - start) / dt if moves else np.zeros(self.schedule.axes)
        moving_on = self.schedule.active and self.state is State.FOLLOWING
        return Command(
            self.limiter.position, self.limiter.velocity, self._tool[:3], self._tool_velocity[:3],
            image_stamp if moving_on else None, float(self._tool_velocity[3:].sum()),
            self.schedule.opening(now) if moving_on else None,
        )  # fmt: skip

    def _place(self, joints: Vector) -> Vector:
        """Where the tool is: x, y, z and, for chunks, yaw."""
        return self.kinematics.pose(joints) if self.schedule.axes > 3 else self.kinematics.forward(joints)

    def _forward(self, joints: Vector) -> Vector:
        """Where the tool is for ``joints``; while braking the last known one will do, for a stop must never fail."""
        try:
            return self._place(joints)
        except Exception:
            if self.schedule.active or self._tool is None:
                raise
            return self._tool

    def _elapsed(self, now: int, steady: float) -> float:
        """Time since the last tick [s]; notices a loop that was silent and a clock that went back."""
        elapsed = self.config.period if self._last_tick is None else max(steady - self._last_tick, 0.0)
        late = self._last_tick is not None and self.watchdogs.silent(steady, Reason.OVERRUN)
        self._last_tick = steady
        self.watchdogs.feed(Reason.OVERRUN, steady)
        if late and self.engaged:
            self.stop(Reason.OVERRUN, f"the control loop was silent for {elapsed:.3f} s", steady)
        if self._last_now is not None and now < self._last_now:
            self.schedule.forget()
            self._latent_stamp = None
            if self.engaged:
                self.stop(Reason.CLOCK_JUMP, "ROS time went back", steady)
        self._last_now = now
        return elapsed

    def _watch(self, now: int, steady: float) -> None:
        if not self.engaged or self.state not in (State.FOLLOWING, State.HOLDING):
            return
        needed = (*INPUTS, Reason.PLAN_LOST) if self.schedule.active else INPUTS
        fault = self.watchdogs.check(steady, *needed)
        if fault is not None:
            self.stop(fault.reason, fault.detail, steady)
            return
        stamp, oldest = self.schedule.stamp, self.config.schedule.max_plan_age + self.config.plan_period
        if stamp is not None and (now - stamp) * 1e-9 > oldest:  # ROS time leapt ahead of steady time
            self.stop(Reason.STALE, f"the plan being followed is more than {oldest:.3f} s old", steady)
        if self.measured is not None:
            error = float(np.max(np.abs(self.measured - self.limiter.position)))
            if error > self.config.max_tracking_error:
                detail = f"a joint is {error:.3f} rad from its command; allowed: {self.config.max_tracking_error} rad"
                self.stop(Reason.TRACKING_ERROR, detail, steady)
                # What blocks or moves the arm is not fought: it is told to stay where it is.
                self._begin_from(self.measured)

    def _follow(self, now: int, dt: float) -> None:
        goal = self.schedule.target(now)
        if goal is None:
            return
        if self._seed is None:
            self.tool_limiter.reset(self._place(self.limiter.position), self._tool_velocity)
        seed = self.limiter.position if self._seed is None else self._seed
        target = np.clip(goal[0], self.tool_limiter.limits.lower, self.tool_limiter.limits.upper)
        self.projections += int(np.max(np.abs(target - goal[0])) > 1e-6)
        point = self.tool_limiter.step(target, dt)
        try:
            joints = self.kinematics.inverse(point[:3], seed, *point[3:])
            leap = float(np.max(np.abs(joints - seed)))
            if not leap <= self.config.max_joint_step:  # also catches NaN
                raise InvalidInputError(f"inverse kinematics leaps by {leap:.3f} rad")
        except RobotPlannerError as error:
            self._seed = None
            self.limiter.stop(dt)
            self._set(State.HOLDING, Reason.UNREACHABLE, str(error))
            return
        self._seed = joints
        self.limiter.step(joints, dt)
        if self.state is State.HOLDING:
            self._set(State.FOLLOWING)
        at_goal = np.max(np.abs(self.limiter.position - joints)) < 1e-4 and np.allclose(point, target, atol=1e-4)
        if self.schedule.finished(now) and at_goal and np.max(np.abs(self.limiter.velocity)) < 1e-2:
            self._hold(Reason.PLAN_FINISHED)

    def _stand(self, now: int) -> None:
        """Nothing is sent: keep track of where the arm is, so that the next plan has a place to begin."""
        if self.measured is None:
            return
        off = math.inf
        if self._owned:
            off = float(np.max(np.abs(self.measured - self.limiter.position)))
        if off > self.config.resume_tolerance:
            self._begin_from(self.measured)
        if self._placed and self._tool is not None:
            self.schedule.record(now, self._tool)

    def _begin_from(self, joints: Vector) -> None:
        """Takes the measured joints for the command; a leap of the tool makes what was known of its past useless."""
        self._owned = False
        try:
            self.limiter.reset(joints)
        except InvalidInputError as error:
            self._placed = False
            self._misplaced = str(error)
            self.schedule.forget()
            return
        self._placed, self._misplaced = True, ""
        self._tool = self._place(self.limiter.position)
        last = self.schedule.last
        if last is not None and float(np.linalg.norm(self._tool - last)) > JUMP:
            self.schedule.forget()
