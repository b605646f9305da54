# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The plane in which the tool is planned, and how fast it goes there; metres in the arm's base frame, seconds."""

import numpy as np

TOOL_LOW = np.array([0.25, -0.22])
TOOL_HIGH = np.array([0.55, 0.22])
"""The box (x, y) in which the commanded tool point stays."""
TOOL_HEIGHT = 0.03
"""Of the tool point above the table while it moves in the plane."""
MAX_ACTION = 0.04
"""Largest displacement of one action, in x and in y."""
STEP_SECONDS = 0.2
"""Duration of one action."""
CONTROL_SECONDS = 0.02
"""Period of the joint commands."""
BLOCK_SIZE = 0.04
"""Edge of a block."""
BLOCK_LOW = TOOL_LOW + 0.04
BLOCK_HIGH = TOOL_HIGH - 0.04
"""The box (x, y) in which the blocks of the planar tasks lie: the tool can get behind them."""
