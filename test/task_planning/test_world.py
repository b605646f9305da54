# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The symbolic world: what steps do, what they show, and what is said of those that fail."""

import pytest

from robot_planner.task_planning.condition_text import parse_condition, parse_fact
from robot_planner.task_planning.domain import DomainError
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.plan import ObjectRef, parse_plan, parse_step
from robot_planner.task_planning.world import SymbolicWorld

OBJECTS = {
    ObjectRef(name, number): kind
    for number, (name, kind) in enumerate(
        {
            **{"kitchen": "room", "bedroom": "room", "fridge": "container", "table": "surface", "bed": "seat"},
            **{"apple": "food", "book": "book", "cup": "dish", "oven": "device"},
        }.items(),
        1,
    )
}
FACTS = [
    *("at(<bedroom> (2))", "in_room(<fridge> (3), <kitchen> (1))", "in_room(<table> (4), <kitchen> (1))"),
    *("in_room(<bed> (5), <bedroom> (2))", "in_room(<oven> (9), <kitchen> (1))", "closed(<fridge> (3))"),
    *("inside(<apple> (6), <fridge> (3))", "in_room(<apple> (6), <kitchen> (1))", "on(<book> (7), <bed> (5))"),
    *("in_room(<book> (7), <bedroom> (2))", "on(<cup> (8), <table> (4))", "in_room(<cup> (8), <kitchen> (1))"),
    *("closed(<oven> (9))", "switched_off(<oven> (9))", "plugged_out(<oven> (9))", "dirty(<cup> (8))"),
    *(f"found({thing})" for thing, kind in OBJECTS.items() if kind not in ("food", "dish")),
]


@pytest.fixture
def world():
    return SymbolicWorld(load_domain("household"), OBJECTS, map(parse_fact, FACTS))


def run(world, *lines, goals=()):
    return world.run(parse_plan("\n".join([*lines, "END"])), [parse_condition(goal) for goal in goals])


def test_a_plan_that_does_what_is_needed_meets_its_goals(world):
    steps = (
        *("[WALK] <fridge> (3)", "[OPEN] <fridge> (3)", "[GRAB] <apple> (6)", "[CLOSE] <fridge> (3)"),
        *("[WALK] <oven> (9)", "[PLUGIN] <oven> (9)", "[OPEN] <oven> (9)", "[PUTIN] <apple> (6) <oven> (9)"),
        *("[CLOSE] <oven> (9)", "[SWITCHON] <oven> (9)"),
    )
    goals = ("inside(<apple> (6), <oven> (9))", "switched_on(<oven> (9))", "closed(<fridge> (3))")
    told = run(world, *steps, goals=goals)
    assert (told.success, told.failed_step, told.unmet) == (True, None, ())
    assert not run(world, *steps[:-1], goals=goals).success, "each run begins with the initial state"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["[WALK] <apple> (6)"], "nobody has seen where <apple> (6) is"),
        (["[WALK] <fridge> (3)", "[GRAB] <apple> (6)"], "nobody has seen where <apple> (6) is"),
        (["[OPEN] <fridge> (3)"], "<fridge> (3) is not close"),
        (["[WALK] <oven> (9)", "[SWITCHON] <oven> (9)"], "<oven> (9) is unplugged"),
        (["[WALK] <bed> (5)", "[SIT] <bed> (5)", "[WALK] <fridge> (3)"], "too many things are on <bed> (5)"),
        (["[WALK] <book> (7)", "[GRAB] <book> (7)", "[SIT] <bed> (5)", "[WALK] <fridge> (3)"], "the robot sits"),
        (["[PUTBACK] <book> (7) <bed> (5)"], "the robot does not hold <book> (7)"),
        (["[GRAB] <table> (4)"], "<table> (4) cannot be grabbed"),
        (["[EAT] <unicorn> (70)"], "there is no <unicorn> (70) in the scene"),
        (["[WALK] <kitchen> (1)", "[GRAB] <cup> (8)"], "<cup> (8) is not close"),
        (
            [
                *("[WALK] <fridge> (3)", "[OPEN] <fridge> (3)", "[WALK] <fridge> (3)", "[CLOSE] <fridge> (3)"),
                "[GRAB] <apple> (6)",
            ],
            "<apple> (6) is inside the closed <fridge> (3)",
        ),
        (
            [
                *("[WALK] <book> (7)", "[GRAB] <book> (7)", "[WALK] <cup> (8)", "[FIND] <cup> (8)"),
                *("[GRAB] <cup> (8)", "[OPEN] <fridge> (3)"),
            ],
            "nobody has seen where <cup> (8) is",
        ),
    ],
)
def test_a_step_that_cannot_be_done_is_named_with_its_reason(world, lines, reason):
    told = run(world, *lines, goals=["switched_on(<oven> (9))"])
    assert not told.success
    assert told.reason == reason
    assert lines[told.failed_step] in (lines[-1], "[SIT] <bed> (5)", "[WALK] <cup> (8)")


def test_hands_are_two(world):
    lines = ["[WALK] <book> (7)", "[GRAB] <book> (7)", "[WALK] <table> (4)", "[GRAB] <cup> (8)"]
    assert run(world, *lines, "[WALK] <fridge> (3)").failed_step is None
    assert run(world, *lines, "[WALK] <fridge> (3)", "[OPEN] <fridge> (3)").reason == "no hand is free"


def test_opening_and_entering_show_what_was_hidden_and_nothing_else(world):
    assert not [fact for fact in world.visible() if fact.args[:1] in ((ObjectRef("apple", 6),), (ObjectRef("cup", 8),))
                and fact.relation in ("inside", "on", "in_room")]  # fmt: skip
    assert run(world, "[WALK] <kitchen> (1)").seen == ("on(<cup> (8), <table> (4))",)
    told = run(world, "[WALK] <fridge> (3)", "[OPEN] <fridge> (3)")
    assert told.seen == ("on(<cup> (8), <table> (4))", "inside(<apple> (6), <fridge> (3))")
    moved = run(
        world, "[WALK] <table> (4)", "[GRAB] <cup> (8)", "[WALK] <fridge> (3)", "[OPEN] <fridge> (3)",
        "[PUTIN] <cup> (8) <fridge> (3)",
    )  # fmt: skip
    assert moved.seen == told.seen, "what the robot did itself is no news"


def test_a_failed_step_changes_nothing(world):
    world.reset()
    before = set(world.state.facts())
    assert not world.execute(parse_step("[OPEN] <fridge> (3)")).done
    assert set(world.state.facts()) == before


def test_its_tester_answers_as_run_does(world):
    plan, goal = parse_plan("[WALK] <fridge> (3)\n[OPEN] <fridge> (3)\nEND"), parse_condition("open(<fridge> (3))")
    assert world.tester([goal]).test(plan) == world.run(plan, [goal])
    assert world.tester([goal]).test(plan).success


def test_facts_of_other_things_are_refused():
    with pytest.raises(DomainError):
        SymbolicWorld(load_domain("household"), OBJECTS, [parse_fact("open(<unicorn> (70))")])
