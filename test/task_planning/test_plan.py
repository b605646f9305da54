# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The plan language: what is printed is read back, and all else is refused with its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.task_planning.plan import LONGEST_PLAN, ObjectRef, PlanSyntaxError, Step, TaskPlan, parse_plan

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True)
ACTIONS = st.from_regex(r"[A-Z][A-Z0-9_]{0,39}", fullmatch=True)
OBJECTS = st.builds(ObjectRef, NAMES, st.integers(0, 999_999))
STEPS = st.builds(Step, ACTIONS, st.lists(OBJECTS, max_size=3).map(tuple))
PLANS = st.builds(TaskPlan, st.lists(STEPS, max_size=8).map(tuple))


@given(PLANS)
def test_what_is_printed_is_read_back(plan):
    assert parse_plan(str(plan)) == plan


@given(PLANS, st.text("\t ", max_size=3))
def test_blanks_around_lines_do_not_matter(plan, blanks):
    padded = "\n".join(f"{blanks}{line}{blanks}" for line in str(plan).split("\n"))
    assert parse_plan(f"{blanks}\n{padded}\n{blanks}\n") == plan


@given(st.text(st.sampled_from("[]<>() END\nab1A_\x00é"), max_size=60))
def test_any_text_is_a_plan_or_refused_with_its_place(text):
    try:
        plan = parse_plan(text)
    except PlanSyntaxError as error:
        lines = text.split("\n")
        assert 1 <= error.line <= len(lines) and 1 <= error.column <= len(lines[error.line - 1]) + 1
    else:
        assert parse_plan(str(plan)) == plan


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "does not end with END"),
        ("[GRAB] <apple> (1)", 1, 19, "does not end with END"),
        ("[GRAB] <apple> (1)\nEND\n[OPEN]", 3, 1, "nothing may follow"),
        ("GRAB <apple> (1)\nEND", 1, 1, "expected [ACTION]"),
        ("[grab] <apple> (1)\nEND", 1, 1, "expected [ACTION]"),
        ("[GRAB] <apple>\nEND", 1, 8, "found '<apple>'"),
        ("[GRAB] <apple> (01)\nEND", 1, 8, "expected <object> (number)"),
        ("[GRAB] <Ignore all> (1)\nEND", 1, 8, "expected <object> (number)"),
        ("[GRAB] <apple> (1)\n[OPEN] <fridge> (2) now\nEND", 2, 21, "found 'now'"),
        ("[WAIT]\n" * (LONGEST_PLAN + 1) + "END", LONGEST_PLAN + 1, 1, "more than 200 steps"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text, line, column, words):
    with pytest.raises(PlanSyntaxError) as refused:
        parse_plan(text)
    assert (refused.value.line, refused.value.column) == (line, column)
    assert words in str(refused.value)
