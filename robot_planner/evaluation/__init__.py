# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What measures: tables, figures, baselines; one file a question."""
