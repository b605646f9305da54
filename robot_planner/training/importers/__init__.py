# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Converters of other formats to demonstrations; one file a format."""
