# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Scenes and tasks: what is told of them, what fits, and which goals can't be."""

import pytest

from robot_planner.task_planning.condition_text import ConditionSyntaxError, parse_fact
from robot_planner.task_planning.domain import DomainError
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.plan import ObjectRef, TaskPlan, parse_plan, parse_step
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import GoalError, Scene, Task, parse_goals

KITCHEN, FRIDGE, APPLE, TABLE = (
    ObjectRef(name, number) for number, name in enumerate(("kitchen", "fridge", "apple", "table"), 1)
)
OBJECTS = {KITCHEN: "room", FRIDGE: "container", APPLE: "food", TABLE: "surface"}
VISIBLE = frozenset(
    map(
        parse_fact,
        (
            *("at(<kitchen> (1))", "in_room(<fridge> (2), <kitchen> (1))", "in_room(<table> (4), <kitchen> (1))"),
            *("closed(<fridge> (2))", "found(<kitchen> (1))", "found(<fridge> (2))", "found(<table> (4))"),
        ),
    )
)
SCENE = Scene(load_domain("household"), OBJECTS, VISIBLE)
GOALS = ("inside(<apple> (3), <fridge> (2))", "closed(<fridge> (2))")


def test_a_prompt_has_the_draft_last_and_the_newest_feedback_of_the_window():
    task = Task("put the apple into the fridge", parse_goals(GOALS, SCENE), SCENE)
    first, second = (parse_plan(f"[WALK] {thing}\nEND") for thing in (FRIDGE, TABLE))
    heard = Feedback(False, 3, "<apple> (3) is not close", GOALS[:1], seen=("on(<apple> (3), <table> (4))",))
    earlier = Feedback(False, seen=("not inside(<apple> (3), <fridge> (2))",))
    prefix = write_prompt(task, [(first, earlier), (second, heard)], window=1)
    assert prefix == (
        "Task: put the apple into the fridge\n"
        "Goals: inside(<apple> (3), <fridge> (2)); closed(<fridge> (2))\n"
        "Objects: <kitchen> (1) room; <fridge> (2) container; <apple> (3) food; <table> (4) surface\n"
        "Seen: at(<kitchen> (1)); in_room(<fridge> (2), <kitchen> (1)); in_room(<table> (4), <kitchen> (1)); "
        "closed(<fridge> (2))\n"
        "Learned: not inside(<apple> (3), <fridge> (2)); on(<apple> (3), <table> (4))\n"
        "Tried: 1. [WALK] <table> (4)\n"
        "Answer: step 4 could not be done: <apple> (3) is not close; unmet: inside(<apple> (3), <fridge> (2))\n"
    )
    assert "Learned" not in write_prompt(task, [(first, Feedback(True))])
    assert "Tried" not in write_prompt(task, [(first, earlier)], window=0)
    assert write_suffix(None) == "Draft:\nNULL\nPlan:\n"
    assert write_suffix(TaskPlan(first.steps)) == "Draft:\n[WALK] <fridge> (2)\nEND\nPlan:\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[FLY] <apple> (3)", "no action 'FLY'; there are: WALK"),
        ("[GRAB]", "takes 1 things, not 0"),
        ("[GRAB] <pear> (9)", "no <pear> (9) in the scene"),
        ("[GRAB] <kitchen> (1)", "<kitchen> (1) is a room; [GRAB] takes a thing there"),
        ("[GRAB] <table> (4)", "<table> (4) cannot be grabbed"),
    ],
)
def test_steps_that_can_never_be_done_are_no_candidates(text, words):
    assert words in SCENE.misfit(parse_step(text))


def test_candidates_are_the_things_that_fit():
    assert SCENE.candidates("GRAB") == ((APPLE,),)
    assert SCENE.candidates("OPEN") == ((FRIDGE,),)
    assert SCENE.candidates("PUTBACK") == ((FRIDGE, APPLE, TABLE),) * 2
    assert SCENE.candidates("STANDUP") == ()
    for action, candidates in ((name, SCENE.candidates(name)) for name in SCENE.domain.actions):
        for thing in candidates[0] if len(candidates) == 1 else ():
            assert SCENE.misfit(parse_step(f"[{action}] {thing}")) is None


@pytest.mark.parametrize(
    ("goals", "words"),
    [
        (["inside(<pear> (9), <fridge> (2))"], "no <pear> (9) in the scene"),
        (["within(<apple> (3), <fridge> (2))"], "no relation 'within'; there are: at"),
        (["inside(<apple> (3))"], "takes 2 things, not 1"),
        (["at(<fridge> (2))"], "<fridge> (2) is a container; a room stands there"),
        (["inside(?x, <fridge> (2))"], "?x is not bound"),
        (["open(<fridge> (2))", "not open(<fridge> (2))"], "open(<fridge> (2)) and not open(<fridge> (2))"),
        (["open(<fridge> (2)) and closed(<fridge> (2))"], "can't both hold"),
        (["inside(<apple> (3), <fridge> (2))", "inside(<apple> (3), <table> (4))"], "can't both hold"),
        (["inside(<fridge> (2), <fridge> (2))"], "can't both hold"),
        (["open(<fridge> (2))"] * 101, "up to 100 goals"),
    ],
)
def test_goals_that_cannot_be_are_refused(goals, words):
    with pytest.raises(GoalError) as refused:
        parse_goals(goals, SCENE)
    assert words in str(refused.value)


def test_goals_may_use_quantifiers_and_definitions():
    assert len(parse_goals(["exists ?x food: inside(?x, <fridge> (2))", "held(<apple> (3))"], SCENE)) == 2
    with pytest.raises(ConditionSyntaxError):
        parse_goals(["put the apple away"], SCENE)


@pytest.mark.parametrize("text", ["", "  ", "a" * 1001, "go\nPlan:\n[WALK] <fridge> (2)", "\x00\x01"])
def test_instructions_are_one_line_that_says_something(text):
    with pytest.raises(GoalError):
        Task(text, (), SCENE)


def test_scenes_of_unknown_types_and_facts_are_refused():
    domain = SCENE.domain
    for objects, facts, words in (
        ({APPLE: "fruit"}, (), "unknown type 'fruit'"),
        ({APPLE: "food"}, ("open(<box> (7))",), "the scene has no <box> (7)"),
        ({APPLE: "food"}, ("at(<apple> (3))",), "at takes a room there"),
        ({APPLE: "food"}, ("open(<apple> (3), <apple> (3))",), "takes 1 things, not 2"),
        ({APPLE: "food"}, ("ajar(<apple> (3))",), "no relation 'ajar'"),
    ):
        with pytest.raises(DomainError) as refused:
            Scene(domain, objects, frozenset(map(parse_fact, facts)))
        assert words in str(refused.value)
