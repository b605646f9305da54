# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Lessons from VirtualHome: the gold program is always the answer; a model of households goes on from them."""

import argparse
from dataclasses import replace

import pytest
import torch

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.task_planning import virtualhome
from robot_planner.task_planning.condition_text import parse_fact
from robot_planner.task_planning.local_model import load_local_model, save_local_model
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import ObjectRef, parse_plan
from robot_planner.task_planning.virtualhome import Program
from robot_planner.training import task_planner_virtualhome
from robot_planner.training.plan_lessons import word_list
from robot_planner.training.virtualhome_lessons import lessons_of_program, names_of, of_training, words_of

KITCHEN, BEDROOM, FRIDGE, SHELF, BOX, LAMP = (
    ObjectRef(name, number)
    for name, number in (("kitchen", 1), ("bedroom", 2), ("fridge", 10), ("shelf", 12), ("box", 11), ("lamp", 13))
)
INITIAL = [
    *("at(<bedroom> (2))", "in_room(<fridge> (10), <kitchen> (1))", "in_room(<shelf> (12), <bedroom> (2))"),
    *("in_room(<box> (11), <bedroom> (2))", "on(<box> (11), <shelf> (12))", "in_room(<lamp> (13), <bedroom> (2))"),
    *("can_open(<fridge> (10))", "containers(<fridge> (10))", "grabbable(<box> (11))", "closed(<fridge> (10))"),
]
PLAN = parse_plan("""[WALK] <box> (11)
[GRAB] <box> (11)
[WALK] <fridge> (10)
[OPEN] <fridge> (10)
[PUTIN] <box> (11) <fridge> (10)
END""")
ADDED = ["inside(<box> (11), <fridge> (10))", "open(<fridge> (10))"]


def program(title="Cool the box", plan=PLAN):
    objects = {KITCHEN: "room", BEDROOM: "room", FRIDGE: "thing", SHELF: "thing", BOX: "thing", LAMP: "thing"}
    initial = frozenset(map(parse_fact, INITIAL))
    return Program("1_1", title, "Into the fridge.", objects, initial, initial | set(map(parse_fact, ADDED)), plan)


def test_a_planner_is_told_of_what_names_goals_words_and_places_call_for():
    assert set(program().task().scene.objects) == {KITCHEN, BEDROOM, FRIDGE, SHELF, BOX, LAMP}
    told = program().task(frozenset())
    assert set(told.scene.objects) == {KITCHEN, BEDROOM, FRIDGE, BOX, SHELF}  # the shelf: the box lies on it
    assert LAMP in program().task({"lamp"}).scene.objects
    assert LAMP in program(title="Light the lamp").task(frozenset()).scene.objects
    assert all(set(fact.args) <= set(told.scene.objects) for fact in told.scene.visible)
    assert told.goals == program().goals


def test_a_program_whose_goals_are_against_each_other_has_no_lessons():
    both = {parse_fact("held_right(<box> (11))"), parse_fact("held_left(<box> (11))")}
    odd = replace(program(), final=program().initial | both)
    assert list(lessons_of_program(odd, names_of([odd]))) == []


def test_every_lesson_is_answered_by_what_meets_its_goals():
    lessons = list(lessons_of_program(program(), names_of([program()])))
    whole = [lesson for lesson in lessons if lesson.plan == PLAN]
    assert {"Draft:\nNULL\nPlan:\n", f"Draft:\n{PLAN}\nPlan:\n"} <= {lesson.suffix for lesson in whole}
    assert any("Tried:" in lesson.prefix for lesson in whole)
    cut = [lesson for lesson in lessons if lesson.plan != PLAN]
    assert cut and all(lesson.prefix.startswith("Task: none\n") for lesson in cut)
    for lesson in lessons:
        assert lesson.plan.steps == PLAN.steps[: len(lesson.plan.steps)]
        goals = lesson.prefix.split("\n")[1].removeprefix("Goals: ").split("; ")
        world = program().world()
        world.run(lesson.plan)
        facts = set(map(str, world.state.facts()))
        assert goals != [""] and set(goals) <= facts
    assert lessons == list(lessons_of_program(program(), names_of([program()])))


def test_titles_are_split_by_themselves_and_words_are_added():
    titles = [f"Title {number}" for number in range(60)]
    kept = {p.title for p in of_training(map(program, titles))}
    assert 30 < len(kept) < 60 and kept == {p.title for p in of_training(map(program, reversed(titles)))}
    words = words_of([program(title="Zymurgy")])
    assert words["zymurgy"] and set(word_list().words) < set(words.words)


def test_a_model_of_households_keeps_what_it_knows_of_words(tmp_path):
    torch.manual_seed(0)
    old_words, words = word_list(), words_of([program(title="Aardvark Zymurgy")])
    old = StepNetwork(StepNetworkConfig(words=len(old_words), width=32, layers=1, heads=1))
    save_local_model(old, old_words, tmp_path / "base", "A test.\n")
    network = task_planner_virtualhome.begin(tmp_path / "base", words, 192, 6)
    assert network.config.width == 32 and network.config.words == len(words)
    assert words["put"] != old_words["put"]
    for word in ("WALK", "inside", "put"):
        for table in ("words.weight", "actions.weight", "actions.bias"):
            new_row, old_row = network.state_dict()[table][words[word]], old.state_dict()[table][old_words[word]]
            assert torch.allclose(new_row, old_row, atol=1e-3)
    assert torch.allclose(network.blocks[0].out.weight, old.blocks[0].out.weight, atol=1e-3)


def test_a_training_ends_with_a_model(tmp_path, monkeypatch):
    made = [program(title=f"Title {number}") for number in range(20)]
    monkeypatch.setattr(task_planner_virtualhome, "programs", lambda: iter(made))
    parser = argparse.ArgumentParser()
    task_planner_virtualhome.add_arguments(parser)
    args = parser.parse_args(["--steps", "2", "--scenes", "2", "--width", "32", "--layers", "1", "--threads", "1"])
    args.work, args.out = tmp_path / "work", tmp_path / "model"
    (record,) = task_planner_virtualhome.run(args)
    assert record["lessons"] > 20 and load_local_model(tmp_path / "model").words["cool"] == 0
    args.width = 40
    with pytest.raises(InvalidInputError, match="multiple of 32"):
        task_planner_virtualhome.run(args)


def test_without_the_package_it_is_said_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(virtualhome.importlib.util, "find_spec", lambda name: None)
    parser = argparse.ArgumentParser()
    task_planner_virtualhome.add_arguments(parser)
    with pytest.raises(EnvironmentSetupError, match="pip install --no-deps eai-eval"):
        task_planner_virtualhome.run(parser.parse_args(["--work", str(tmp_path)]))
