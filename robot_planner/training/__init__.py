# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What fits each shipped model, from data it makes itself."""
