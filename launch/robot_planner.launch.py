# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Starts the nodes of robot_planner.nodes.table: ``ros2 launch robot_planner robot_planner.launch.py --show-args``."""

import os
import sys

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from launch import LaunchContext, LaunchDescription
from robot_planner.nodes.table import ARGUMENTS, NodeStart, resolve


def generate_launch_description() -> LaunchDescription:
    """Declares the table's arguments; the nodes follow when their values are known."""
    declared = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.about,
            choices=list(argument.choices) or None,
        )
        for argument in ARGUMENTS
    ]
    render = [SetEnvironmentVariable("MUJOCO_GL", "egl")] if "MUJOCO_GL" not in os.environ else []
    return LaunchDescription([*declared, *render, OpaqueFunction(function=start_nodes)])


def start_nodes(context: LaunchContext) -> list[LifecycleNode]:
    """The nodes for the arguments given."""
    values = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    return [make_node(start) for start in resolve(values)]


def make_node(start: NodeStart) -> LifecycleNode:
    """One node; it brings itself to active unless ``autostart`` is false, and its death ends the others."""
    return LifecycleNode(
        name=start.node.name,
        namespace=start.namespace,
        # python -m: the same line as ``robot-planner up`` runs, wherever the installer has put the scripts
        executable=sys.executable,
        arguments=["-m", start.node.module],
        parameters=[*start.parameter_files, dict(start.parameters)],
        remappings=list(start.remappings),
        ros_arguments=["--log-level", start.log_level],
        output="screen",
        emulate_tty=True,
        on_exit=Shutdown(reason=f"node '{start.node.name}' has ended"),
    )
