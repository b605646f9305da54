# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""World models: latent and action to the next latent."""
