# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The bench of VirtualHome's programs, where the package is installed; how steps are counted, everywhere."""

import argparse
import importlib.util

import pytest
import torch

from robot_planner.errors import InvalidInputError, ModelError, UnknownNameError
from robot_planner.evaluation import task_planner_virtualhome
from robot_planner.evaluation.task_planner_outcomes import Settings
from robot_planner.evaluation.task_planner_virtualhome import agreement, gold, ladder
from robot_planner.evaluation.virtualhome_published import Comparison, PublishedWorld, compare
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.households import HELD_OUT, split_of
from robot_planner.task_planning.local_model import LocalModel
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan
from robot_planner.task_planning.virtualhome import PACKAGE, program_names, read_program
from robot_planner.training.plan_lessons import word_list

needs_data = pytest.mark.skipif(importlib.util.find_spec("virtualhome_eval") is None, reason=f"{PACKAGE} is missing")
BOX, SHELF = ObjectRef("box", 1), ObjectRef("shelf", 2)
GRAB = Step("GRAB", (BOX,))


def arguments(**changes):
    parser = argparse.ArgumentParser()
    task_planner_virtualhome.add_arguments(parser)
    args = parser.parse_args([])
    vars(args).update(changes)
    return args


@pytest.mark.parametrize(
    ("entry", "kinds"),
    [
        (Comparison(GRAB, True, True, frozenset(), ""), {"steps", "same_answer", "same_state"}),
        (Comparison(GRAB, False, False, frozenset(), "no"), {"steps", "refused", "same_answer", "same_state"}),
        (Comparison(GRAB, True, False, frozenset([Fact("held_right", (BOX,))]), ""), {"steps", "refused"}),
        (
            Comparison(GRAB, True, True, frozenset([Fact("near", (SHELF,))]), ""),
            {"steps", "same_answer", "differs_in_nearness_alone"},
        ),
        (
            Comparison(GRAB, True, True, frozenset([Fact("near", (SHELF,)), Fact("on", (BOX, SHELF))]), ""),
            {"steps", "same_answer"},
        ),
    ],
)
def test_steps_are_counted_by_what_agrees(entry, kinds):
    assert set(task_planner_virtualhome._kinds(entry)) == kinds


def test_wrong_options_are_refused():
    for changes in ({"every": 0}, {"spoilt": -1}, {"corrections": -1}):
        with pytest.raises(InvalidInputError, match="--every is positive"):
            task_planner_virtualhome.run(arguments(**changes))
    with pytest.raises(UnknownNameError, match="gold"):
        task_planner_virtualhome.run(arguments(parts=["silver"]))
    with pytest.raises(ModelError, match=r"unknown model 'x'.*train task-planner-virtualhome --start"):
        task_planner_virtualhome.run(arguments(models=["x"]))


@needs_data
def test_the_published_executor_does_and_refuses_what_ours_does():
    program = read_program("152_2")
    world = PublishedWorld("152_2")
    assert world.facts() == {fact for fact in program.world().initial if fact.relation != "found"}
    assert [world.execute(step) for step in program.plan.steps] == [True] * len(program.plan.steps)
    assert not world.execute(Step("GRAB", (ObjectRef("freezer", 289),)))
    fresh = read_program("1003_2")
    entries = list(compare(fresh, TaskPlan((*fresh.plan.steps, *fresh.plan.steps[:1]))))
    assert len(entries) == len(fresh.plan.steps) + 1 and not any(entry.differs for entry in entries)


@needs_data
def test_a_wrong_executor_is_found_out():
    program = read_program("1003_2")
    domain = program.world().domain
    walk = domain.actions["WALK"]
    effects = walk.effects
    object.__setattr__(walk, "effects", effects[:1])  # leaves the room, and arrives in none
    try:
        entries = list(compare(program, program.plan))
    finally:
        object.__setattr__(walk, "effects", effects)
    assert entries[-1].differs and not any(entry.differs for entry in entries[:-1])
    assert entries[-1].step.action in ("WALK", "FIND", "RUN")


@needs_data
def test_the_two_programs_that_fail_fail_in_the_published_executor_too():
    record = gold([read_program(name) for name in ("624_1", "688_1", "1003_2")])
    assert (record["programs"], record["done_and_met"]) == (3, 1)
    assert record["failing"] == "624_1 688_1" and record["failing_alike_in_the_published_executor"] == 2


@needs_data
def test_actions_have_a_record_each():
    records = {r["action"]: r for r in agreement([read_program("1003_2")], spoilt=1, seed=0)}
    assert records["all"]["steps"] == sum(r["steps"] for name, r in records.items() if name != "all")
    assert records["WALK"]["same_answer"] == records["WALK"]["steps"] > 0


@needs_data
def test_the_ladder_asks_for_held_out_titles_alone():
    words = word_list()
    torch.manual_seed(0)
    network = StepNetwork(StepNetworkConfig(words=len(words), width=32, layers=1, heads=1))
    known = [read_program(name) for name in program_names()[:8]]
    held = [program for program in known if split_of(program.title) == HELD_OUT and program.goals]
    records = list(ladder("tiny", LocalModel(network, words), known, 1, Settings(corrections=1, iterations=2, steps=5)))
    assert [record["arm"] for record in records][0] == "single pass" and len(records) == 4
    assert {record["programs"] for record in records} == {len(held)}
