# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The embedded MuJoCo tabletop: scene, tasks, scripted expert, success tests."""
