# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What all tests share: a ROS domain of their own, checked message fields, and reproducible examples."""

import importlib.util
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two cores are shared with the nodes that tests start
os.environ.setdefault("ROS_PYTHON_CHECK_FIELDS", "1")

from hypothesis import HealthCheck, settings  # noqa: E402

from robot_planner.environment import own_domain, prepare_environment  # noqa: E402

prepare_environment()
own_domain()

# Examples must not depend on how busy the machine is, nor on earlier runs.
settings.register_profile(
    "robot_planner", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("robot_planner")

SPECS = [importlib.util.find_spec(name) for name in ("rclpy", "robot_planner_interfaces")]
# without an origin it's a mere folder: the sources of the interfaces, seen from the root of the checkout
HAS_ROS = all(spec and spec.origin for spec in SPECS)
collect_ignore_glob = [] if HAS_ROS else ["nodes/*"]


def pytest_report_header() -> str:
    """Says at the top which ROS domain is used, and whether the graph's tests are left out."""
    return f"ROS_DOMAIN_ID {os.environ['ROS_DOMAIN_ID']}" if HAS_ROS else "no rclpy: test/nodes is left out"
