# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The picture of the nested loops: what is new, what goes, what came back."""

from robot_planner.evaluation.plan_picture import GONE, KEPT, NEW, columns, compared, draw, said
from robot_planner.task_planning.equilibrium import Draft, Equilibrium, Reason
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.nested import Result, Round, Stop
from robot_planner.task_planning.plan import parse_plan

FIRST = parse_plan("[WALK] <sideboard> (3)\n[GRAB] <knife> (15)\nEND")
SECOND = parse_plan("[WALK] <chair> (6)\n[GRAB] <knife> (15)\nEND")
REFUSED = Feedback(
    False,
    1,
    "<knife> (15) is not close",
    unmet=("held(<knife> (15))",),
    seen=("on(<knife> (15), <chair> (6))", "on(<cup> (2), <chair> (6))"),
)


def result():
    rounds = (
        Round(Equilibrium(FIRST, Reason.FIXED_POINT, (Draft(FIRST, 1.0), Draft(FIRST, 0.0))), (REFUSED,)),
        Round(Equilibrium(SECOND, Reason.FIXED_POINT, (Draft(SECOND, 0.5), Draft(None, 1.0))), (Feedback(True),)),
    )
    return Result(SECOND, Stop.SUCCESS, rounds)


def test_what_is_new_and_what_goes():
    assert list(compared(FIRST, SECOND)) == [
        ("[WALK] <sideboard> (3)", GONE),
        ("[WALK] <chair> (6)", NEW),
        ("[GRAB] <knife> (15)", KEPT),
    ]


def test_a_column_a_draft_and_the_answer_under_a_rounds_last():
    found = list(columns(result()))
    assert [column.title.splitlines()[0] for column in found] == [
        "round 1, refinement 1",
        "round 1, refinement 2",
        "round 2, refinement 1",
        "round 2, refinement 2",
    ]
    assert {color for _, color in found[0].lines} == {NEW} and {color for _, color in found[1].lines} == {KEPT}
    assert [bool(column.answer) for column in found] == [False, True, False, True]
    assert {color for _, color in found[3].lines} == {KEPT}  # a text that is no plan leaves the last one


def test_what_came_back_tells_of_what_is_wanted():
    text = said(REFUSED)
    assert "step 2: <knife> (15) is not close" in text and "unmet: held(<knife> (15))" in text
    assert "on(<knife> (15), <chair> (6))" in text and "cup" not in text
    assert said(Feedback(True)) == "the world: done, all goals are met"


def test_the_picture_is_written(tmp_path):
    draw("bring the knife", result(), tmp_path / "plan.png")
    assert (tmp_path / "plan.png").read_bytes().startswith(b"\x89PNG")
