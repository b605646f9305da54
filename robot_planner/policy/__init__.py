# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Plans to arm commands: timing, kinematics and the last line of safety."""
