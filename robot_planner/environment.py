# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Environment variables that ROS and MuJoCo read when they start; what the user has set is never touched."""

import os
import socket
import sys
from pathlib import Path

from robot_planner.errors import EnvironmentSetupError
from robot_planner.resources import resource

DOMAINS = range(50, 102)
"""ROS domains that ``own_domain`` draws from; Linux has ports for domains up to 101."""

_claims: dict[int, socket.socket] = {}


def prepare_environment() -> None:
    """Sets defaults for this process and its children; call it before rclpy or mujoco is imported.

    Fast DDS gets a shared-memory segment that images fit into (with the default one they are lost), discovery stays
    on this machine, MuJoCo renders off screen by EGL, and the packaged ROS finds its resources in this venv.
    """
    defaults = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "MUJOCO_GL": "egl"}
    if "FASTRTPS_DEFAULT_PROFILES_FILE" not in os.environ:  # the older name of the same variable
        defaults["FASTDDS_DEFAULT_PROFILES_FILE"] = str(resource("config", "fastdds.xml"))
    if (Path(sys.prefix) / "share" / "ament_index").is_dir():
        defaults["AMENT_PREFIX_PATH"] = sys.prefix
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def own_domain() -> int:
    """Gives this process and its children a ROS domain of their own, unless ROS_DOMAIN_ID is set; returns it.

    So two demos on one machine, of one user or of two, don't drive each other's arm. The claim is an abstract
    socket: it ends with the process, however that ends, and leaves no file. Raises EnvironmentSetupError.
    """
    given = os.environ.get("ROS_DOMAIN_ID", "")
    if given:
        if not given.isdecimal():
            raise EnvironmentSetupError(f"ROS_DOMAIN_ID is '{given}'; it must be a number from 0 to 101")
        return int(given)
    for domain in DOMAINS:
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0robot_planner-domain-{domain}")
        except OSError:
            claim.close()
            continue
        _claims[domain] = claim
        os.environ["ROS_DOMAIN_ID"] = str(domain)
        return domain
    taken = f"{DOMAINS[0]} to {DOMAINS[-1]}"
    raise EnvironmentSetupError(f"all ROS domains from {taken} are in use; choose one by ROS_DOMAIN_ID")
