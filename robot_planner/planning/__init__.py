# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planners through world models, and the goal metrics they minimise."""
