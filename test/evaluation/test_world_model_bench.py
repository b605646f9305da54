# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench world-model``: what it was asked for, of the seeds it was asked for."""

import argparse

import pytest

from robot_planner.errors import UnknownNameError
from robot_planner.evaluation import world_model


def arguments(*words):
    parser = argparse.ArgumentParser()
    world_model.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_plans_are_made_for_the_tasks_and_seeds_asked_for():
    shared = ("--episodes", 1, "--steps", 1)
    records = world_model.run(arguments(*shared, "--plans", 1, "--tasks", "reach", "--seed", 2_000_007))
    (honesty,) = (record for record in records if record["kind"] == "honesty")
    assert (honesty["task"], honesty["plans"], honesty["seeds_from"]) == ("reach", 1, 2_000_007)
    assert {record["steps"] for record in records if record["kind"] == "prediction"} == {0, 1}
    others = world_model.run(arguments(*shared, "--plans", 0, "--seed", 2_000_008))
    assert [r["copy_median_cm"] for r in others] != [r["copy_median_cm"] for r in records if r["kind"] == "prediction"]


def test_an_unknown_task_is_refused_before_anything_is_loaded():
    with pytest.raises(UnknownNameError, match="reach, around, push|around, push, reach"):
        world_model.run(arguments("--model", "no such model", "--tasks", "lift"))
