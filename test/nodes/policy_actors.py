# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What surrounds the policy in its tests: a perfect arm, a camera with perception, a planner; each can fall silent.

Run as a script (``planner`` or ``button``) it is one of these alone, in a process that can be killed.
"""

import array
import json
import sys
from dataclasses import dataclass

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from robot_planner.nodes.interfaces import Quality
from robot_planner.policy.kinematics import ArmKinematics
from robot_planner_interfaces.msg import Latent, Plan

ENCODER = "net"
VELOCITY, ACCELERATION = 2.0, 30.0
"""The policy's default limits [rad/s, rad/s²]."""
MS = 1_000_000


def stamp(nanoseconds: int) -> Time:
    return Time(sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9)


def nanoseconds(time: Time) -> int:
    return time.sec * 10**9 + time.nanosec


def make_plan(actions: np.ndarray, taken: int, **changes) -> Plan:
    """A well-formed plan from an image taken at ``taken`` [ns], then changed."""
    actions = np.asarray(actions, np.float32)
    message = Plan(encoder=ENCODER, algorithm="test", step_duration=0.2, action_dim=2, latent_dim=3)
    message.header.stamp, message.header.frame_id = stamp(taken), "base_link"
    message.actions = array.array("f", actions.reshape(-1).tobytes())
    message.states = array.array("f", [0.0] * (3 * (len(actions) + 1) if len(actions) else 0))
    message.stop_reason = "converged"
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@dataclass
class Sent:
    """One arm command."""

    stamp: int
    positions: np.ndarray
    velocities: np.ndarray


class Surroundings:
    """Lives on a test's node; everything runs while the test waits."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.kinematics = ArmKinematics()
        self.home = self.kinematics.inverse(np.array([0.4, 0.0, 0.03]), np.zeros(6))
        self.camera = self.arm = True
        self.planner = False
        self.seen = 0
        """When the camera's last image was taken."""
        self.lives = {"camera": 0, "arm": 0, "planner": 0}
        """When each last gave a sign of life [ns]."""
        self.commands: list[Sent] = []
        self.states: list[dict] = []
        self.timing: list[np.ndarray] = []
        self._periods = 0
        self.diagnosed = 0
        """Stamp of the policy's last diagnostics [ns]: its control loop ran up to then."""
        self.reset()
        qos = Quality.NEWEST.profile()
        self.joint_states = node.create_publisher(JointState, "joint_states", Quality.SENSOR.profile())
        self.latents = node.create_publisher(Latent, "latent", qos)
        self.plans = node.create_publisher(Plan, "plan", qos)
        node.create_subscription(JointTrajectory, "joint_trajectory", self._on_command, Quality.QUEUED.profile())
        node.create_subscription(String, "policy/state", self._on_state, Quality.LATCHED.profile())
        node.create_subscription(Float64MultiArray, "policy/timing", self._on_timing, Quality.QUEUED.profile())
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        node.create_timer(0.01, self._move)
        node.create_timer(0.05, self._see)

    def reset(self) -> None:
        """The arm at home, everything alive but the planner."""
        self.joints = self.home.copy()
        self.camera = self.arm = True
        self.planner = False
        self.delay = 0
        """Of the planner: how much older than the newest image its plans are [ns]."""
        self.direction = 1.0
        self.commands.clear()
        self.states.clear()
        self.timing.clear()

    @property
    def now(self) -> int:
        return self.node.get_clock().now().nanoseconds

    @property
    def state(self) -> str:
        return self.states[-1]["state"] if self.states else ""

    @property
    def reason(self) -> str:
        return self.states[-1]["reason"] if self.states else ""

    def plan(self, actions: np.ndarray | None = None, age: int = 0, **changes) -> None:
        """Publishes a plan: by default to and fro along y at 0.15 m/s."""
        if actions is None:
            y = self.kinematics.forward(self.joints)[1]
            if abs(y) > 0.1:
                self.direction = -float(np.sign(y))
            actions = np.tile([0.0, 0.03 * self.direction], (10, 1))
        self.plans.publish(make_plan(actions, (self.seen or self.now) - self.delay - age, **changes))

    def _move(self) -> None:
        if self.arm:
            message = JointState(name=list(self.kinematics.joint_names), position=self.joints.tolist())
            message.header.stamp = stamp(self.now)
            self.joint_states.publish(message)
            self.lives["arm"] = self.now

    def _see(self) -> None:
        if self.camera:
            self.seen = self.now - 10 * MS
            message = Latent(encoder=ENCODER, data=array.array("f", [0.0, 1.0, 2.0]))
            message.header.stamp = stamp(self.seen)
            self.latents.publish(message)
            self.lives["camera"] = self.now
        if self.planner:
            self.plan()
            self.lives["planner"] = self.now

    def _on_command(self, message: JointTrajectory) -> None:
        point = message.points[0]
        self.joints = np.array(point.positions)
        self.commands.append(Sent(nanoseconds(message.header.stamp), self.joints, np.array(point.velocities)))

    def _on_state(self, message: String) -> None:
        self.states.append(json.loads(message.data))

    def _on_timing(self, message: Float64MultiArray) -> None:
        self.timing.append(np.array(message.data))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            periods = [int(pair.value) for pair in status.values if pair.key == "control count"]
            if status.name == f"{self.node.get_namespace().rstrip('/')}/policy" and periods:
                if periods[0] > self._periods:
                    self.diagnosed = nanoseconds(message.header.stamp)
                self._periods = periods[0]


def check_limits(commands: list[Sent]) -> None:
    """Positions, velocities and accelerations of all commands, by their own stamps."""
    positions = np.array([c.positions for c in commands])
    velocities = np.array([c.velocities for c in commands])
    elapsed = np.diff([c.stamp for c in commands])[:, None] * 1e-9
    assert np.all(elapsed > 0)
    jitter = 2e-3  # stamps are taken a moment from the controller's own clock
    assert np.max(np.abs(velocities)) <= VELOCITY + 1e-9
    assert np.all(np.abs(np.diff(positions, axis=0)) <= VELOCITY * (elapsed + jitter))
    assert np.all(np.abs(np.diff(velocities, axis=0)) <= ACCELERATION * (elapsed + jitter))
    way = np.abs(np.diff(positions, axis=0))
    fastest = np.max(np.maximum(np.abs(velocities[1:]), np.abs(velocities[:-1])), axis=1, keepdims=True)
    assert np.all(way <= fastest * (elapsed + jitter) + 1e-9), "a leap"


def planner_process() -> None:
    """Plans along y, to and fro, without looking."""
    rclpy.init()
    node = Node("fake_planner")
    publisher = node.create_publisher(Plan, "plan", Quality.NEWEST.profile())
    count = 0

    def publish() -> None:
        nonlocal count
        count += 1
        actions = np.tile([0.0, 0.03 if (count // 20) % 2 else -0.03], (10, 1))
        publisher.publish(make_plan(actions, node.get_clock().now().nanoseconds - 60 * MS))

    node.create_timer(0.05, publish)
    rclpy.spin(node)


def button_process() -> None:
    """An emergency stop that nobody presses, alive as long as its process."""
    rclpy.init()
    node = Node("fake_button")
    qos = Quality.LATCHED.profile()
    qos.liveliness_lease_duration = Duration(seconds=0.3)
    publisher = node.create_publisher(Bool, "emergency_stop", qos)
    publisher.publish(Bool(data=False))
    rclpy.spin(node)


if __name__ == "__main__":
    {"planner": planner_process, "button": button_process}[sys.argv[1]]()
