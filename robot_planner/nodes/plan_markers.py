# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The plan's tool path as RViz markers; needs the arm's kinematics, so it is loaded only where it is asked for."""

from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import Point
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from robot_planner.errors import InvalidInputError
from robot_planner.policy.kinematics import ArmKinematics
from robot_planner.types import Plan

if TYPE_CHECKING:
    from robot_planner.nodes.base import ManagedNode, Output

WIDTH = 0.004
"""Of the line [m]."""


class PlanMarkers:
    """Draws plans as a line from where the tool is."""

    def __init__(self, node: "ManagedNode", output: "Output") -> None:
        self._output = output
        self._kinematics = ArmKinematics()
        self._tool: np.ndarray | None = None
        node.subscribe("joint_states", self._on_joint_states)

    def _on_joint_states(self, message: JointState) -> None:
        positions = dict(zip(message.name, message.position, strict=False))
        missing = [name for name in self._kinematics.joint_names if name not in positions]
        if missing:
            raise InvalidInputError(f"joint_states lack {', '.join(missing)}")
        self._tool = self._kinematics.forward([positions[name] for name in self._kinematics.joint_names])

    def publish(self, plan: Plan, header: Header) -> None:
        """Publishes the path of a plan of planar displacements; nothing before the first joint states."""
        if self._tool is None:
            return
        path = np.tile(self._tool, (len(plan.actions) + 1, 1))
        path[1:, : plan.actions.shape[1]] += np.cumsum(plan.actions, axis=0)[:, :3]
        marker = Marker(header=header, ns="plan", id=0, type=Marker.LINE_STRIP, action=Marker.ADD)
        marker.pose.orientation.w = 1.0
        marker.scale.x = WIDTH
        marker.color.g = marker.color.a = 1.0
        marker.points = [Point(x=float(x), y=float(y), z=float(z)) for x, y, z in path]
        self._output.publish(MarkerArray(markers=[marker]))
