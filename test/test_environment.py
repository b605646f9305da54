# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Defaults for ROS and MuJoCo, and a ROS domain that no other run on this machine has."""

import os
import subprocess
import sys

import pytest

from robot_planner import environment
from robot_planner.environment import own_domain, prepare_environment
from robot_planner.errors import EnvironmentSetupError


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """Undoes what is set here when the test ends."""
    monkeypatch.setattr(environment, "_claims", {})
    monkeypatch.setattr(environment.os, "environ", dict(os.environ))
    for name in ("ROS_DOMAIN_ID", "MUJOCO_GL", "ROS_AUTOMATIC_DISCOVERY_RANGE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        environment.os.environ.pop(name, None)


def test_defaults_are_set_where_nothing_is_set():
    environment.os.environ["MUJOCO_GL"] = "osmesa"
    prepare_environment()
    assert environment.os.environ["MUJOCO_GL"] == "osmesa"
    assert environment.os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert os.path.isfile(environment.os.environ["FASTDDS_DEFAULT_PROFILES_FILE"])


def test_an_older_profile_variable_is_respected():
    environment.os.environ["FASTRTPS_DEFAULT_PROFILES_FILE"] = "mine.xml"
    prepare_environment()
    assert "FASTDDS_DEFAULT_PROFILES_FILE" not in environment.os.environ


def test_a_given_domain_is_kept_and_a_wrong_one_refused():
    environment.os.environ["ROS_DOMAIN_ID"] = "7"
    assert own_domain() == 7
    environment.os.environ["ROS_DOMAIN_ID"] = "seven"
    with pytest.raises(EnvironmentSetupError, match="'seven'.*0 to 101"):
        own_domain()


def test_two_processes_get_different_domains_and_give_them_back():
    code = "from robot_planner.environment import own_domain; print(own_domain(), flush=True); input()"
    call = [sys.executable, "-c", code]
    variables = {key: value for key, value in os.environ.items() if key != "ROS_DOMAIN_ID"}
    processes = [
        subprocess.Popen(call, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    first, second = (int(process.stdout.readline()) for process in processes)
    assert first != second
    for process in processes:
        process.communicate("\n")
    assert own_domain() <= min(first, second)  # the lowest that is free: both are again


def test_no_free_domain_is_said(monkeypatch):
    monkeypatch.setattr(environment, "DOMAINS", range(1, 2))
    own_domain()
    environment.os.environ.pop("ROS_DOMAIN_ID")
    with pytest.raises(EnvironmentSetupError, match="in use; choose one by ROS_DOMAIN_ID"):
        own_domain()
