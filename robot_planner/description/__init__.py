# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The robot and its table: one xacro, the URDF made from it, and the names in it."""

from functools import cache
from pathlib import Path

import xacro

ARM_JOINTS = (
    "shoulder_pan_joint",
    "shoulder_lift_joint",
    "elbow_joint",
    "wrist_1_joint",
    "wrist_2_joint",
    "wrist_3_joint",
)
FINGER_JOINTS = ("left_finger_joint", "right_finger_joint")
TOOL_FRAME = "tool"
BLOCKS = ("red", "green", "blue")
CAMERAS = ("front", "wrist")
XACRO_FILE = Path(__file__).parent / "tabletop.urdf.xacro"


@cache
def urdf(scene: bool = True) -> str:
    """The URDF of the arm, with (``scene``) or without what stands on its table."""
    document = xacro.process_file(str(XACRO_FILE), mappings={"scene": str(scene).lower()})
    return str(document.toxml())
