# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Listens to the graph from outside: fills the recording of the episode, and knows how things stand right now."""

import json
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PointStamped
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from sensor_msgs.msg import Image as ImageMessage
from std_msgs.msg import Float64MultiArray, String

from robot_planner.evaluation.recording import Frame, Image, PlanEntry, Recording, SubgoalsEntry
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.messages import image_from_message, plan_from_message, subgoals_from_message, to_nanoseconds
from robot_planner_interfaces.msg import Latent, Plan, Subgoals

CAMERA = "front"


class Rate:
    """Events per second over the last second."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=1000)

    def count(self) -> None:
        """Counts one."""
        self._times.append(time.monotonic())

    @property
    def value(self) -> float:
        """[1/s]."""
        start = time.monotonic() - 1.0
        while self._times and self._times[0] < start:
            self._times.popleft()
        return float(len(self._times))


class Recorder:
    """Subscribes to everything that the film, the report and the view show; none of it goes back into the graph."""

    def __init__(self, node: Node, frames: bool) -> None:
        """Without ``frames`` the camera's images are not even received."""
        self._node = node
        self.recording: Recording | None = None
        """Where everything goes; None: nowhere."""
        self.image: Image | None = None
        """The newest camera image."""
        self.camera_matrix: Any = None
        self.latent_stamp = 0
        """Of the newest latent."""
        self.policy_state = ""
        self.subgoals: SubgoalsEntry | None = None
        """The newest."""
        self.cost, self.planning_seconds, self.iterations = math.nan, math.nan, 0
        self.image_ages: deque[float] = deque(maxlen=50)
        self.rates = {name: Rate() for name in ("image", "latent", "plan", "command")}
        self._listen(Latent, "latent", self._on_latent)
        self._listen(Plan, "plan", self._on_plan)
        self._listen(Subgoals, "subgoals", self._on_subgoals)
        self._listen(Float64MultiArray, "policy/timing", self._on_timing)
        self._listen(String, "policy/state", self._on_state, Quality.LATCHED)
        if frames:
            self._listen(ImageMessage, f"{CAMERA}/image_raw", self._on_image, Quality.SENSOR)
            self._listen(PointStamped, "tool_point", self._on_tool_point)
            self._info = self._listen(CameraInfo, f"{CAMERA}/camera_info", self._on_camera_info, Quality.SENSOR)

    def begin(self, recording: Recording | None) -> None:
        """Records into this from now on."""
        self.recording = recording
        self.subgoals = None
        self.cost, self.planning_seconds, self.iterations = math.nan, math.nan, 0
        if recording is not None:
            recording.camera_matrix = self.camera_matrix

    def now(self) -> int:
        """ROS time [ns]."""
        return int(self._node.get_clock().now().nanoseconds)

    def on_feedback(self, feedback: Any) -> None:
        """Takes the action's feedback."""
        if self.recording is not None:
            self.recording.distances.append((self.now(), float(feedback.distance)))

    def _listen(self, kind: Any, topic: str, callback: Callable[[Any], None], quality: Quality = Quality.QUEUED) -> Any:
        return self._node.create_subscription(kind, topic, callback, quality.profile())

    def _on_image(self, message: ImageMessage) -> None:
        self.rates["image"].count()
        self.image = image_from_message(message)
        if self.recording is not None:
            self.recording.frames.append(Frame.of(self.image, to_nanoseconds(message.header.stamp)))

    def _on_camera_info(self, message: CameraInfo) -> None:
        if self.camera_matrix is None:  # it stays as it is: once is enough
            self.camera_matrix = np.array(message.k, np.float64).reshape(3, 3)
            self._node.destroy_subscription(self._info)

    def _on_latent(self, message: Latent) -> None:
        self.rates["latent"].count()
        self.latent_stamp = to_nanoseconds(message.header.stamp)
        if self.recording is not None and self.recording.began:
            self.recording.latent_ages.append((self.now() - self.latent_stamp) * 1e-9)

    def _on_plan(self, message: Plan) -> None:
        if not len(message.actions):
            return
        self.rates["plan"].count()
        plan = plan_from_message(message)
        self.cost, self.planning_seconds, self.iterations = plan.cost, plan.seconds, plan.iterations
        if self.recording is not None and self.recording.began:
            self.recording.plans.append(
                PlanEntry(
                    plan.stamp,
                    self.now(),
                    plan.actions,
                    plan.step_seconds,
                    plan.cost,
                    plan.iterations,
                    plan.seconds,
                    plan.begins,
                )
            )

    def _on_subgoals(self, message: Subgoals) -> None:
        if not len(message.latents):
            return
        self.rates["plan"].count()
        subgoals, _ = subgoals_from_message(message)
        self.subgoals = SubgoalsEntry(subgoals.stamp, self.now(), subgoals.latents, subgoals.progress)
        if self.recording is not None and self.recording.began:
            self.recording.subgoals.append(self.subgoals)

    def _on_timing(self, message: Float64MultiArray) -> None:
        self.rates["command"].count()
        _, _, age, period, _, jump = message.data
        self.image_ages.append(age)
        if self.recording is not None and self.recording.began:
            self.recording.image_ages.append(age)
            if math.isfinite(jump):
                self.recording.jumps.append(jump)
            if math.isfinite(period):
                self.recording.periods.append(period)

    def _on_tool_point(self, message: PointStamped) -> None:
        if self.recording is not None:
            point = np.array([message.point.x, message.point.y, message.point.z])
            self.recording.tool_points.append((to_nanoseconds(message.header.stamp), point))

    def _on_state(self, message: String) -> None:
        self.policy_state = str(json.loads(message.data).get("state", ""))
