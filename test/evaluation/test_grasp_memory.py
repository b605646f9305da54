# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The memory bench counts replans, and sees a planner that keeps what it has made."""

import argparse

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation import grasp_memory
from robot_planner.planning.cem import CemConfig
from robot_planner.planning.planner import PLANNERS


def run(*words):
    parser = argparse.ArgumentParser()
    grasp_memory.add_arguments(parser)
    return grasp_memory.run(parser.parse_args(list(words)))


def test_a_record_a_planner():
    records = run("--replans", "20", "--planners", "grasp", "cem")
    assert [(r["planner"], r["replans"]) for r in records] == [("grasp", 20), ("cem", 20)]
    for record in records:
        assert record["growth_megabytes"] == record["megabytes_at_the_end"] - record["megabytes_after_a_tenth"]
        assert record["ms_per_replan"] > 0


def test_a_planner_that_keeps_everything_is_not_flat(monkeypatch):
    kept = []

    class Hoarder:
        def __init__(self, model, metric, config: CemConfig) -> None:
            pass

        def plan(self, problem, deadline=None):
            kept.append(np.ones(500_000))

    monkeypatch.setitem(PLANNERS._factories, "hoarder", Hoarder)
    (record,) = run("--replans", "20", "--planners", "hoarder")
    assert not record["flat"] and record["growth_megabytes"] > 20


def test_bad_options_are_refused():
    with pytest.raises(InvalidInputError, match="allowed: 10 to"):
        run("--replans", "3")
    with pytest.raises(UnknownNameError, match="grasp"):
        run("--planners", "nobody")
