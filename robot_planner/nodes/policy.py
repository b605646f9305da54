# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The policy node: plans or subgoals to arm commands, within limits, and the first to stop."""

import json
import math
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from geometry_msgs.msg import PointStamped, TwistStamped
from rclpy.duration import Duration
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, MultiArrayDimension, String
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_planner.errors import InvalidInputError, ModelError, RobotPlannerError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.interfaces import Gives, Quality, Takes
from robot_planner.nodes.messages import latent_from_message, plan_input_from_message, to_nanoseconds, to_stamp
from robot_planner.nodes.policy_parameters import COMMAND_TOPICS, PolicyParameters
from robot_planner.nodes.runner import run
from robot_planner.nodes.subgoal_following import Answer, SubgoalFollower
from robot_planner.policy.controller import PolicyController
from robot_planner.policy.reasons import PlanRefusedError, Reason
from robot_planner.policy.types import Command, Kinematics, PlanInput
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.msg import Plan as PlanMessage
from robot_planner_interfaces.msg import Subgoals as SubgoalsMessage

TIMING = ("image_time", "command_time", "image_age", "period", "computing", "jump")
"""What each message on ``~/timing`` holds, in seconds: stamp of the image behind the plan, time of the command, their
difference, time since the command before, and time that making the command took. The last is a distance [m], once a
plan: with the first command that follows it, how far its path was from the one before it where they were joined; NaN
with all other commands, and of chunks."""
JITTER_WINDOW = 3000
"""Control periods over which the jitter in the diagnostics is taken."""


class PolicyNode(ManagedNode):
    """Follows plans, or subgoals, with the arm, within limits, and stops it when anything it needs is lost.

    With a ``subgoal_model`` it makes chunks of the tool's next poses and the gripper's openings from each message of
    subgoals, the newest latent and the measured joints, and follows those in place of plans.
    """

    node_name = "policy"
    parameters_class = PolicyParameters
    interfaces = (
        Takes("plan", PlanMessage, "What to do from the instant of its image on; without actions: hold.",
              when="subgoal_model is empty"),
        Takes("subgoals", SubgoalsMessage, "Latents to go towards; without latents: hold.",
              when="subgoal_model is given"),
        Takes("latent", LatentMessage, "What perception saw; its silence, or a repeated image, stops the arm."),
        Takes("joint_states", JointState, "Where the arm is; with a subgoal_model the fingers too.", Quality.SENSOR),
        Takes("emergency_stop", Bool, "True: stop, and stay so until false and a new plan. Heard in every state; "
              "any reliability and durability of the publisher will do.", Quality.LATCHED),
        Gives("joint_trajectory", JointTrajectory, "Arm command: one point in the near future.",
              when="command_type is joint_trajectory"),
        Gives("joint_commands", Float64MultiArray, "Arm command: joint positions [rad].",
              when="command_type is joint_positions"),
        Gives("twist_commands", TwistStamped, "Arm command: velocity of the tool point [m/s].",
              when="command_type is twist"),
        Gives("gripper_commands", Float64MultiArray, "Opening of the gripper [m], while subgoals are followed; a stop "
              "leaves the gripper as it is.", when="subgoal_model is given"),
        Gives("tool_point", PointStamped, "Commanded tool point [m]."),
        Gives("~/state", String, "JSON on each change: state (idle, following, holding, stopped), reason, detail.",
              Quality.LATCHED),
        Gives("~/timing", Float64MultiArray, "With each command that follows a plan [s, the jump in m]: "
              f"{', '.join(TIMING)}. The jump, from the path of one plan to that of the next, is told with the first "
              "command that follows the latter, and else NaN.", Quality.QUEUED),
    )  # fmt: skip

    def set_up(self) -> None:
        """Makes the controller, and listens."""
        self.kinematics = self.load_kinematics()
        p, prefix = self.parameters, self.parameters.joint_prefix
        config = p.config(self.kinematics)
        self._encoder = p.encoder
        self.follower = self._make_follower() if p.subgoal_model else None
        self.controller = PolicyController(config, self.kinematics, p.base_frame, self._encoder)
        self._joint_names = [f"{prefix}{name}" for name in self.kinematics.joint_names]
        self._finger_names = [f"{prefix}{name}" for name in self.fingers()] if self.follower is not None else []
        self._joint_index: tuple[list[str], list[int]] = ([], [])
        self._said: tuple[str, str] | None = None
        self._last_command: float | None = None
        self._periods: deque[float] = deque(maxlen=JITTER_WINDOW)
        self._jump = math.nan
        self._command = self.advertise(COMMAND_TOPICS[self.parameters.command_type])
        self._tool_point = self.advertise("tool_point")
        self._state = self.advertise("~/state")
        self._timing = self.advertise("~/timing")
        self._listen_for_emergency_stop()
        self.subscribe("joint_states", self._on_joint_states)
        self.subscribe("latent", self._on_latent)
        if self.follower is None:
            self.subscribe("plan", self._on_plan)
        else:
            self.subscribe("subgoals", self._on_subgoals)
            self._gripper = self.advertise("gripper_commands")
        self.every(1.0 / self.parameters.rate, self._control, "control")

    def load_kinematics(self) -> Any:
        """The arm's kinematics: a Kinematics with joint_names, lower and upper."""
        from robot_planner.policy.kinematics import ArmKinematics  # late, so that a wrong parameter is refused at once

        kinematics: Kinematics = ArmKinematics()
        return kinematics

    def load_policy(self) -> Any:
        """The Lbp that ``subgoal_model`` names; raises ModelError."""
        from robot_planner.lbp import KIND, Lbp
        from robot_planner.nodes.worlds import load_model

        loaded = load_model(self.parameters.subgoal_model, "cpu", 1)
        if not isinstance(loaded, Lbp):
            raise ModelError(f"model '{self.parameters.subgoal_model}' has no policy; allowed: a model of kind {KIND}")
        return loaded

    @staticmethod
    def fingers() -> tuple[str, ...]:
        """Joints of the gripper, whose positions add up to its width [m]."""
        from robot_planner.description import FINGER_JOINTS

        return FINGER_JOINTS

    def _make_follower(self) -> SubgoalFollower:
        lbp, p = self.load_policy(), self.parameters
        self.model_digest = lbp.encoder.digest
        if p.encoder not in ("", self.model_digest):
            raise InvalidInputError(f"parameter 'encoder' is not the digest of model '{p.subgoal_model}'")
        self._encoder = self.model_digest

        def deliver(answer: Answer) -> None:  # on the thread of the chunks
            self.call_soon(lambda: self._on_chunk(answer), "chunk")

        return SubgoalFollower(lbp, self.kinematics, deliver, p.max_plan_age, p.max_future)

    def start(self) -> None:
        """Begins idle: nothing is sent before a plan is accepted."""
        self.controller.restart()
        if self.follower is not None:
            self.follower.restart()
        self.controller.emergency_stop(self._emergency(), time.monotonic())
        self._last_command, self._jump = None, math.nan
        self._periods.clear()
        self._say_state()

    def stop(self, reason: str) -> None:
        """Brakes to a standstill before it returns."""
        if self.follower is not None:
            self.follower.forget()
        self.controller.stop(Reason.DEACTIVATED, reason, time.monotonic())
        period = 1.0 / self.parameters.rate
        while self.controller.engaged:
            now = self.now()
            command = self.controller.tick(now, time.monotonic())
            if command is not None:
                self._publish(command, now)
            time.sleep(period)
        self._say_state()

    def tear_down(self) -> None:
        """Ends the thread of the chunks."""
        follower = getattr(self, "follower", None)
        if follower is not None and not follower.close():
            self.get_logger().error("the policy did not come back; its thread is left behind")
        self.follower = None

    def diagnose(self) -> Mapping[str, str]:
        """State, refusals, projections, and the jitter of the control period."""
        if not self._is_set_up:
            return {}
        controller = self.controller
        values = {
            "policy state": controller.state.value,
            "reason": f"{controller.reason.value} {controller.detail}".strip(),
            "emergency stop": controller.emergency or "off",
            "points projected into the workspace": str(controller.projections),
        }
        values |= {f"refused: {reason.value}": str(count) for reason, count in controller.refusals.items()}
        if self._periods:
            low, high = np.percentile(self._periods, [1, 99])
            values["control period [s]"] = (
                f"median {np.median(self._periods):.4f}, p1 {low:.4f}, p99 {high:.4f}, max {max(self._periods):.4f}"
            )
        return values

    # --- inputs

    def _on_plan(self, message: PlanMessage) -> None:
        controller, plan = self.controller, plan_input_from_message(message)
        reason = controller.plan(plan, self.now(), time.monotonic())
        if plan.actions.size and reason is Reason.NONE:
            self._jump = controller.schedule.jump
        self._say_state()
        if reason is not Reason.NONE:
            raise InvalidInputError(f"plan refused ({reason.value}): {controller.refusal}")

    def _on_subgoals(self, message: SubgoalsMessage) -> None:
        follower: Any = self.follower
        steady = time.monotonic()
        if not len(message.latents):
            follower.forget()
            self.controller.plan(PlanInput(np.zeros((0, 5)), 0, 0.0, ""), self.now(), steady)
            self._say_state()
            return
        try:
            follower.follow(message, self.now())
        except PlanRefusedError as error:
            follower.forget()
            self.controller.refuse(error, steady)
            self._say_state()
            raise InvalidInputError(f"subgoals refused ({error.reason.value}): {error}") from None

    def _on_chunk(self, answer: Answer) -> None:
        request, follower = answer.request, self.follower
        if follower is None or request.number != follower.number or not self.active:
            return
        if answer.failure:
            raise RuntimeError(f"the policy failed: {answer.failure}")
        plan = PlanInput(
            np.asarray(answer.chunk, np.float64), request.latent.stamp, 0.0, request.latent.encoder, request.frame,
            pose=request.pose,
        )  # fmt: skip
        reason = self.controller.plan(plan, self.now(), time.monotonic())
        self._say_state()
        if reason is not Reason.NONE:
            raise InvalidInputError(f"chunk refused ({reason.value}): {self.controller.refusal}")

    def _on_latent(self, message: LatentMessage) -> None:
        dimension = 0 if self.follower is None else self.follower.lbp.encoder.latent_dim
        latent = latent_from_message(message, dimension, self._encoder)
        if self.follower is not None:
            self.follower.latent(latent)
        self.controller.latent(latent.stamp, latent.encoder, self.now(), time.monotonic())

    def _on_joint_states(self, message: JointState) -> None:
        names = list(message.name)
        if names != self._joint_index[0]:
            present = [name for name in self._joint_names if name in names]
            if not present:
                return  # another device's
            wanted = [*self._joint_names, *self._finger_names]
            missing = [name for name in wanted if name not in names]
            if missing:
                raise InvalidInputError(f"joint states lack {', '.join(missing)}")
            self._joint_index = (names, [names.index(name) for name in wanted])
        if len(message.position) != len(names):
            raise InvalidInputError(f"joint states have {len(message.position)} positions for {len(names)} names")
        positions = np.array(message.position)[self._joint_index[1]]
        if not np.all(np.isfinite(positions)):
            raise InvalidInputError("joint states hold NaN or infinity")
        arm, fingers = np.split(positions, [len(self._joint_names)])
        self.controller.joint_states(arm, time.monotonic())
        if self.follower is not None:
            self.follower.joint_states(to_nanoseconds(message.header.stamp) or self.now(), arm, float(fingers.sum()))

    # --- emergency stop

    def _listen_for_emergency_stop(self) -> None:
        """Two subscriptions: one takes what was said before, the other hears publishers of any quality.

        A stop button must not go unheard because its publisher isn't latched or not reliable. Both work in every
        state of the node, since a latched message comes only once.
        """
        lease = self.parameters.emergency_stop_lease
        self._pressed = False
        self._button_alive = lease == 0.0
        latched = Quality.LATCHED.profile()
        events = SubscriptionEventCallbacks(incompatible_qos=lambda info: None)
        if lease > 0.0:
            latched.liveliness_lease_duration = Duration(seconds=lease)
            events.liveliness = self._on_button_liveliness
        anyone = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE)
        quiet = SubscriptionEventCallbacks(incompatible_qos=lambda info: None)
        for profile, callbacks in ((latched, events), (anyone, quiet)):
            subscription = self.create_subscription(
                Bool, "emergency_stop", self._on_emergency_stop, profile, event_callbacks=callbacks
            )
            self._owned.append((self.destroy_subscription, subscription))
        self._apply_emergency_stop()

    def _on_emergency_stop(self, message: Bool) -> None:
        self._pressed = bool(message.data)
        self._apply_emergency_stop()

    def _on_button_liveliness(self, info: Any) -> None:
        self._button_alive = info.alive_count > 0
        self._apply_emergency_stop()

    def _emergency(self) -> str:
        if self._pressed:
            return "emergency_stop is true"
        return "" if self._button_alive else "no publisher of emergency_stop is alive"

    def _apply_emergency_stop(self) -> None:
        why = self._emergency()
        if why != self.controller.emergency:
            self.get_logger().warning(f"emergency stop {'on: ' + why if why else 'off'}")
        self.controller.emergency_stop(why, time.monotonic())
        if self.active:
            self._say_state()

    # --- commands

    def _control(self) -> None:
        try:
            self._tick()
        except RobotPlannerError as error:
            # The base class drops what a message did wrong and goes on; a control loop that fails must stop.
            raise RuntimeError(f"control failed: {error}") from error

    def _tick(self) -> None:
        steady, now = time.monotonic(), self.now()
        command = self.controller.tick(now, steady)
        if command is None:
            self._last_command = None
        else:
            self._publish(command, now)
            self._measure(command, now, steady)
        self._say_state()

    def _publish(self, command: Command, now: int) -> None:
        stamp = to_stamp(now)
        kind = self.parameters.command_type
        if kind == "joint_trajectory":
            point = JointTrajectoryPoint(positions=command.positions.tolist(), velocities=command.velocities.tolist())
            point.time_from_start = Duration(seconds=self.parameters.lead_time).to_msg()
            message = JointTrajectory(joint_names=self._joint_names, points=[point])
            message.header.stamp, message.header.frame_id = stamp, self.parameters.base_frame
        elif kind == "joint_positions":
            message = Float64MultiArray(data=command.positions.tolist())
        else:
            message = TwistStamped()
            message.header.stamp, message.header.frame_id = stamp, self.parameters.base_frame
            linear = message.twist.linear
            linear.x, linear.y, linear.z = command.tool_velocity.tolist()
            message.twist.angular.z = command.turn
        self._command.publish(message)
        if command.gripper is not None:
            self._gripper.publish(Float64MultiArray(data=[command.gripper]))
        tool = PointStamped()
        tool.header.stamp, tool.header.frame_id = stamp, self.parameters.base_frame
        tool.point.x, tool.point.y, tool.point.z = command.tool.tolist()
        self._tool_point.publish(tool)

    def _measure(self, command: Command, now: int, steady: float) -> None:
        period = float("nan") if self._last_command is None else steady - self._last_command
        self._last_command = steady
        if period == period:
            self._periods.append(period)
        if command.image_stamp is None:
            return
        image, at = command.image_stamp * 1e-9, now * 1e-9
        age = (now - command.image_stamp) * 1e-9
        jump, self._jump = self._jump, math.nan
        message = Float64MultiArray(data=[image, at, age, period, time.monotonic() - steady, jump])
        message.layout.dim = [MultiArrayDimension(label=",".join(TIMING), size=len(TIMING), stride=len(TIMING))]
        self._timing.publish(message)

    def _say_state(self) -> None:
        controller = self.controller
        said = controller.state.value, controller.reason.value
        if said == self._said:
            return
        self._said = said
        state = {"state": said[0], "reason": said[1], "detail": controller.detail, "stamp": self.now()}
        self._state.publish(String(data=json.dumps(state)))
        stopped = said[0] == "stopped"
        self.warning = f"stopped: {said[1]} {controller.detail}".strip() if stopped else ""
        line = ": ".join(part for part in (*said, controller.detail) if part)
        if stopped:
            self.get_logger().warning(line)
        else:
            self.get_logger().info(line)


def main(args: Sequence[str] | None = None) -> int:
    """Runs the node."""
    return run(PolicyNode, args)


if __name__ == "__main__":
    sys.exit(main())
