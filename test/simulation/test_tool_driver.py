# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What moves the tool offline keeps to what the policy node keeps to."""

import numpy as np
import yaml

from robot_planner.resources import resource
from robot_planner.simulation.tool_driver import HIGH, LOW


def test_the_box_of_the_tool_is_the_policy_nodes_workspace():
    policy = yaml.safe_load(resource("config", "lbp.yaml").read_text())["/**/policy"]["ros__parameters"]
    assert np.array_equal(LOW, policy["workspace_lower"])
    assert np.array_equal(HIGH, policy["workspace_upper"])
