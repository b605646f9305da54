# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The bench of goals in words: flat records whose success is the environment's; mistakes are named first."""

import argparse

import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation import text_goals


def options(*words):
    parser = argparse.ArgumentParser()
    text_goals.add_arguments(parser)
    return parser.parse_args(words)


def row(thing="block", success=True, believed=True, before=0.1, after=0.0, steps=5):
    parts = {"thing": thing, "success": success, "believed": believed, "steps": steps}
    return {**parts, "distance_before": before, "distance": after}


def test_an_environment_that_disagrees_counts_and_only_real_ways_are_towards():
    fields = text_goals.fields([row(), row(success=False, after=0.095), row(success=False, believed=False, after=0.2)])
    assert fields["environment_success_count"] == 1 and fields["believed_count"] == 2
    assert fields["moved_towards"] == 1 and fields["distance_cm_median"] == pytest.approx(9.5)
    assert fields["environment_success_low"] < 1 / 3 < fields["environment_success_high"]


def test_a_hand_is_moved_as_a_sentence_says():
    words = ("--planners", "grasp", "--episodes", "1", "--seed", "2000003", "--iterations", "3", "--max-steps", "12")
    (record,) = text_goals.run(options(*words))
    assert record["thing"] == "hand" and record["moved_towards"] == 1
    assert all(isinstance(value, (str, bool, int, float)) for value in record.values())


def test_mistakes_are_named_before_anything_runs():
    with pytest.raises(InvalidInputError, match="positive numbers"):
        text_goals.run(options("--episodes", "0"))
