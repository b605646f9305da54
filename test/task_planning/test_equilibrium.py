# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The inner loop: fixed points, cycles, budgets, texts that are no plans."""

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.equilibrium import Reason, distance, solve_discrete
from robot_planner.task_planning.language_model import (
    DeadlineError,
    Generation,
    GenerationCancelledError,
    LanguageModelError,
)
from robot_planner.task_planning.plan import Step, TaskPlan

LETTERS = "ABCDEFGH"


def plan(letters):
    return TaskPlan(tuple(Step(letter) for letter in letters))


PLANS = st.text(LETTERS, max_size=8).map(plan)


class Table:
    """f as a table from the letters of a draft ("-" for none) to those of the next, or to a text that is no plan."""

    def __init__(self, moves, scores=None, tokens=10):
        self.moves, self.scores, self.tokens, self.asked = moves, scores or {}, tokens, []

    def __call__(self, draft, max_tokens):
        key = "-" if draft is None else "".join(step.action for step in draft.steps)
        self.asked.append((key, max_tokens))
        value = self.moves[key]
        if isinstance(value, Exception):
            raise value
        text = str(plan(value)) if value.isalpha() else value
        score = self.scores.get(value, math.nan)
        return Generation(text, 5, 3, min(self.tokens, max_tokens), 4, 2, log_probability=score)


def test_a_plan_that_stands_still_is_a_fixed_point():
    found = solve_discrete(Table({"-": "AB", "AB": "AC", "AC": "AC"}))
    assert (found.plan, found.reason, found.converged) == (plan("AC"), Reason.FIXED_POINT, True)
    assert found.residuals == (1.0, 0.5, 0.0) and found.iterations == 3 and found.cycle_length == 1
    assert (found.tokens, found.forwards, found.draft_tokens) == (30, 12, 6)
    assert (found.prompt_tokens, found.reused_tokens) == (15, 9)


def test_a_warm_start_that_stands_still_costs_one_refinement():
    found = solve_discrete(Table({"AC": "AC"}), plan("AC"))
    assert (found.plan, found.reason, found.iterations) == (plan("AC"), Reason.FIXED_POINT, 1)


@pytest.mark.parametrize(("length", "moves"), [(2, "AB"), (3, "ABC"), (5, "ABCDE")])
def test_a_cycle_is_found_at_its_first_return_and_its_length_is_told(length, moves):
    ring = {a: b for a, b in zip(moves, moves[1:] + moves[0], strict=True)}
    found = solve_discrete(Table({"-": "H", "H": "A"} | ring))
    assert found.reason is Reason.CYCLE and found.cycle_length == length
    assert found.iterations == 2 + length


def test_the_best_of_a_cycle_is_taken_by_faults_then_score_then_first_met():
    moves = {"-": "H", "H": "A", "A": "B", "B": "C", "C": "A"}
    broken = {"H": 0, "A": 1, "B": 0, "C": 0}

    def faults(tried):
        return broken[tried.steps[0].action]

    scores = {"A": 0.0, "B": -5.0, "C": -4.0, "H": 0.0}
    assert solve_discrete(Table(moves, scores), faults=faults).plan == plan("C")
    scores["C"] = -6.0
    assert solve_discrete(Table(moves, scores), faults=faults).plan == plan("B")
    assert solve_discrete(Table(moves), faults=faults).plan == plan("B")  # the model gives no scores
    broken["B"] = broken["C"] = 2
    found = solve_discrete(Table(moves, scores), faults=faults)
    assert (found.plan, found.faults) == (plan("A"), 1)  # H is better, and no member of the cycle


def test_the_score_of_a_warm_start_counts_once_the_model_has_written_it():
    moves, start = {"A": "B", "B": "A"}, plan("A")
    assert solve_discrete(Table(moves, {"A": -1.0, "B": -2.0}), start).plan == plan("A")
    assert solve_discrete(Table(moves, {"A": -3.0, "B": -2.0}), start).plan == plan("B")


def test_the_best_is_returned_at_the_cap_not_the_newest():
    moves = {"-": "A", "A": "B", "B": "C", "C": "D"}
    broken = {"A": 1, "B": 0, "C": 1, "D": 2}
    found = solve_discrete(Table(moves), cap=4, faults=lambda tried: broken[tried.steps[0].action])
    assert (found.plan, found.reason, found.faults) == (plan("B"), Reason.CAP, 0)
    assert found.drafts[-1].plan == plan("D") and found.cycle_length == 0


def test_refinements_that_leave_the_faults_end_where_patience_does():
    moves = {"-": "A", "A": "B", "B": "C", "C": "D", "D": "E", "E": "F", "F": "F"}
    broken = {"A": 3, "B": 2, "C": 2, "D": 1, "E": 1, "F": 1}

    def solve(**options):
        return solve_discrete(Table(moves), faults=lambda tried: broken[tried.steps[0].action], **options)

    found = solve(patience=2)
    assert (found.plan, found.reason, found.iterations) == (plan("D"), Reason.STALLED, 6) and not found.converged
    assert solve(patience=1).plan == plan("B") and solve().reason is Reason.FIXED_POINT
    broken |= dict.fromkeys("ABCDEF", 0)
    assert solve(patience=1).reason is Reason.FIXED_POINT  # without faults it goes on until it stands still


def test_tokens_bound_the_whole_and_each_text():
    table = Table({"-": "A", "A": "B", "B": "C", "C": "D"})
    found = solve_discrete(table, tokens=25, tokens_per_plan=12)
    assert found.reason is Reason.BUDGET and found.plan == plan("A") and found.tokens == 25
    assert [limit for _, limit in table.asked] == [12, 12, 5]


def test_a_text_that_is_no_plan_is_an_iterate_and_the_last_good_draft_is_tried_again():
    replies = iter(["A", "?", "\n?", "B", "B"])
    drafts = []

    def refine(draft, max_tokens):
        drafts.append(draft)
        return Table({"-": next(replies)})(None, max_tokens)

    found = solve_discrete(refine)
    assert drafts == [None, plan("A"), plan("A"), plan("A"), plan("B")]
    assert found.residuals == (1.0, 1.0, 1.0, 1.0, 0.0) and found.plan == plan("B")
    assert [bool(draft.error) for draft in found.drafts] == [False, True, True, False, False]
    assert "line 2, column 1" in found.drafts[2].error


@pytest.mark.parametrize(("start", "best"), [(None, None), (plan("A"), plan("A"))])
@pytest.mark.parametrize("text", ["", "what?"])
def test_the_same_failure_twice_ends_the_solve(start, best, text):
    found = solve_discrete(Table({"-": text, "A": text}), start)
    assert (found.reason, found.plan, found.iterations) == (Reason.UNPARSABLE, best, 2)


def test_an_end_by_the_model_keeps_the_best_so_far():
    late = solve_discrete(Table({"-": "A", "A": DeadlineError("late")}))
    assert (late.reason, late.plan) == (Reason.BUDGET, plan("A"))
    stopped = solve_discrete(Table({"-": "A", "A": GenerationCancelledError("stop")}))
    assert (stopped.reason, stopped.plan) == (Reason.CANCELLED, plan("A"))
    with pytest.raises(LanguageModelError, match="gone"):
        solve_discrete(Table({"-": "A", "A": LanguageModelError("gone")}))


def test_deadline_and_cancel_come_before_the_first_refinement():
    table = Table({})
    assert solve_discrete(table, deadline=time.monotonic() - 1).reason is Reason.BUDGET
    assert solve_discrete(table, plan("A"), cancelled=lambda: True).plan == plan("A")
    assert not table.asked


def test_each_draft_is_told_as_it_comes():
    told = []
    found = solve_discrete(Table({"-": "A", "A": "A"}), on_draft=told.append)
    assert tuple(told) == found.drafts


@pytest.mark.parametrize("option", ["cap", "tokens", "tokens_per_plan"])
def test_a_budget_of_nothing_is_refused(option):
    with pytest.raises(InvalidInputError, match="1 and more"):
        solve_discrete(Table({}), **{option: 0})


@given(st.dictionaries(st.sampled_from(LETTERS), st.sampled_from(LETTERS + "?"), min_size=8), st.integers(1, 12))
def test_any_table_ends_with_a_best_plan_and_a_reason_that_is_true(moves, cap):
    moves = {letter: moves.get(letter, letter) for letter in LETTERS}
    broken = {letter: index % 3 for index, letter in enumerate(LETTERS)}
    found = solve_discrete(Table(moves), plan("A"), cap=cap, faults=lambda x: broken[x.steps[0].action])
    (letter,) = (step.action for step in found.plan.steps)
    assert found.faults == broken[letter] and found.iterations <= cap
    ring, here = [letter], moves[letter]
    while here != letter and here != "?" and len(ring) < 9:
        ring.append(here)
        here = moves[here]
    if found.reason is Reason.FIXED_POINT:
        assert moves[letter] == letter and found.residuals[-1] == 0.0
    elif found.reason is Reason.CYCLE:
        assert here == letter and len(ring) == found.cycle_length > 1
        assert found.faults == min(broken[member] for member in ring)
    else:
        assert found.reason in (Reason.CAP, Reason.UNPARSABLE)
    json.dumps(found.record(), allow_nan=False)


@given(PLANS, PLANS, PLANS)
def test_the_residual_is_a_distance(one, other, third):
    assert distance(one, other) == distance(other, one)
    assert 0.0 <= distance(one, other) <= 1.0
    assert (distance(one, other) == 0.0) == (one == other)
    longest = max(len(x.steps) for x in (one, other, third)) or 1
    assert distance(one, other) <= (distance(one, third) + distance(third, other)) * longest


def test_the_residual_counts_steps():
    assert distance(plan("ABCD"), plan("ABXD")) == 0.25
    assert distance(plan("ABCD"), plan("BCD")) == 0.25
    assert distance(plan("AB"), plan("")) == 1.0 == distance(None, None)
