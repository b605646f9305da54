# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 lifecycle nodes, thin over the libraries; the only folder that imports rclpy."""
