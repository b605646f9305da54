# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Closed-loop task planning by equilibrium sequence modelling: plans are refined until they stand still."""
