# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The tabletop domain and what the arm is asked for."""

import pytest

from robot_planner.arrangement import Arrangement
from robot_planner.errors import InvalidInputError
from robot_planner.language.family import FAMILY
from robot_planner.task_planning.plan import parse_plan, parse_step
from robot_planner.task_planning.scene import parse_goals
from robot_planner.task_planning.skills import SKILLS, goals_of, tabletop_scene, text_goal
from robot_planner.task_planning.world import SymbolicWorld


def world(blocks=None, drawer_open=False):
    scene = tabletop_scene(blocks or {}, drawer_open)
    return SymbolicWorld(scene.domain, scene.objects, scene.visible)


def test_every_step_that_fits_the_table_has_a_skill_and_no_other():
    scene = tabletop_scene({}, False)
    steps = {
        parse_step(f"[{name}] {' '.join(map(str, things))}")
        for name in scene.domain.actions
        for things in _products(scene.candidates(name))
    }
    assert steps == set(SKILLS)
    with pytest.raises(InvalidInputError, match="no skill for '.WALK. <kitchen> .1.'; allowed: .OPEN. <drawer>"):
        text_goal(parse_step("[WALK] <kitchen> (1)"))


def _products(lists):
    if not lists:
        return [()]
    return [(first, *rest) for first in lists[0] for rest in _products(lists[1:])]


def test_every_skill_asks_for_an_arrangement_of_the_family_that_the_words_know():
    assert {arrangement for _, arrangement in SKILLS.values()} <= set(FAMILY)


def test_the_shipped_words_understand_every_text_goal():
    from robot_planner.lbp import load_lbp

    language = load_lbp("tidy").language
    for text, arrangement in SKILLS.values():
        assert language.understand(text).arrangement == arrangement


def test_what_a_skill_does_is_what_its_arrangement_says():
    for step, (_, arrangement) in SKILLS.items():
        drawer_open = step.action in ("STOW", "CLOSE")
        table = world(drawer_open=drawer_open)
        assert table.execute(step).done
        goals = parse_goals(goals_of(arrangement), table.scene())
        assert all(table.holds(goal) for goal in goals)


def test_a_table_is_tidied():
    table = world()
    goals = parse_goals(goals_of(Arrangement.parse("red=bin_a,blue=drawer,drawer=shut")), table.scene())
    plan = parse_plan(
        "[PLACE] <red_block> (1) <bin_a> (4)\n[OPEN] <drawer> (6)\n[PICK] <blue_block> (3)\n"
        "[STOW] <blue_block> (3) <drawer> (6)\n[CLOSE] <drawer> (6)\nEND"
    )
    assert table.run(plan, goals).success


@pytest.mark.parametrize(
    ("blocks", "drawer_open", "line", "reason"),
    [
        ({}, False, "[STOW] <red_block> (1) <drawer> (6)", "<drawer> (6) is shut"),
        ({"green": "hand"}, True, "[CLOSE] <drawer> (6)", "the gripper holds <green_block> (2)"),
        ({"green": "hand"}, True, "[PICK] <red_block> (1)", "the gripper holds <green_block> (2)"),
        ({"green": "hand"}, True, "[PLACE] <red_block> (1) <bin_a> (4)", "the gripper holds another block"),
        ({"green": "bin_a"}, True, "[PLACE] <red_block> (1) <bin_a> (4)", "full: <green_block> (2) is in it"),
        ({"red": "drawer"}, False, "[PICK] <red_block> (1)", "<red_block> (1) is in <drawer> (6), out of reach"),
        ({}, True, "[OPEN] <drawer> (6)", "<drawer> (6) is open already"),
    ],
)
def test_what_the_arm_cannot_do_is_refused_with_its_reason(blocks, drawer_open, line, reason):
    outcome = world(blocks, drawer_open).execute(parse_step(line))
    assert not outcome.done
    assert reason in outcome.reason


def test_tables_that_cannot_be_are_refused():
    for blocks in ({"pink": None}, {"red": "pocket"}):
        with pytest.raises(InvalidInputError, match="allowed"):
            tabletop_scene(blocks, False)
