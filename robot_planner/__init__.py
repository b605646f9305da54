# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""See, plan and act: planning in learned latent worlds for ROS 2 robots."""

__version__ = "0.1.0"
