# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Instructions: what people say, and what it means."""
