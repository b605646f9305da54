# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The fuzz itself: inputs are the same each time, of all kinds, and what goes wrong is counted and shown."""

from argparse import Namespace

import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation import plan_fuzz
from robot_planner.task_planning.plan import PlanSyntaxError


def records(inputs=400, seed=3):
    return plan_fuzz.run(Namespace(inputs=inputs, quick=False, seed=seed))


def test_every_input_is_read_or_refused_with_its_place():
    found = records(1200)
    assert [record["kind"] for record in found] == ["plan", "condition", "domain"]
    assert all(record["passed"] and record["first_failure"] is None for record in found), found
    assert all(record["read"] > 0 < record["refused"] for record in found)
    assert [record["inputs"] for record in found] == [720, 420, 60]
    with pytest.raises(InvalidInputError, match="--inputs is 0"):
        records(0)


def test_inputs_are_reproducible_and_of_many_kinds():
    good = plan_fuzz.corpus()
    for kind in plan_fuzz.SHARES:
        inputs = [plan_fuzz.make_input(kind, number, 0, good) for number in range(60)]
        assert inputs == [plan_fuzz.make_input(kind, number, 0, good) for number in range(60)]
        assert len(set(inputs)) > 40


def lost(text):
    raise PlanSyntaxError(10_000, 1, "somewhere")


def crashing(text):
    raise ValueError("oh")


@pytest.mark.parametrize(
    ("parse", "words"),
    [(crashing, "ValueError: oh"), (lost, "AssertionError: no such place")],
)
def test_failures_are_counted_and_the_first_is_shown(monkeypatch, parse, words):
    monkeypatch.setattr(plan_fuzz, "parse_plan", parse)
    plan = records()[0]
    assert plan["failed"] == plan["inputs"] and not plan["passed"]
    assert plan["first_failure"] == f"input 0, {words}"


def test_a_plan_that_is_read_back_as_another_is_a_failure(monkeypatch):
    texts = iter(range(10**6))
    monkeypatch.setattr(plan_fuzz, "parse_plan", lambda text: next(texts))
    assert records()[0]["first_failure"] == "input 0, AssertionError: read back as another plan"
