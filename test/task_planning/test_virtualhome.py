# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""VirtualHome's programs: read as scenes, run by our executor. Files made here stand in where the package is not."""

import importlib.util
import json

import pytest

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.task_planning import virtualhome
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.prompt import write_prompt
from robot_planner.task_planning.virtualhome import PACKAGE, program_names, read_program

needs_data = pytest.mark.skipif(importlib.util.find_spec("virtualhome_eval") is None, reason=f"{PACKAGE} is missing")
NODES = [
    (1, "kitchen", "Rooms", [], []),
    (2, "bedroom", "Rooms", [], []),
    (65, "character", "Characters", [], []),
    (10, "fridge", "Appliances", ["CAN_OPEN", "CONTAINERS"], ["CLOSED"]),
    (11, "shoe-box", "Props", ["GRABBABLE"], ["CLEAN"]),
    (12, "bed", "Furniture", ["SITTABLE", "LIEABLE"], ["CLEAN"]),
]
EDGES = [
    *((65, "INSIDE", 2), (10, "INSIDE", 1), (12, "INSIDE", 2), (11, "INSIDE", 2), (11, "ON", 12)),
    *((65, "CLOSE", 12), (12, "CLOSE", 65), (11, "CLOSE", 12), (12, "CLOSE", 11), (65, "BETWEEN", 12)),
]
PROGRAM = """Tidy up
Put the box away.


[FIND] <shoe-box> (1.11)
[GRAB] <shoe-box> (1.11)
[WALK] <fridge> (1.10)
[OPEN] <fridge> (1.10)
[PUTIN] <shoe-box> (1.11) <fridge> (1.10)
"""


def graph(nodes, edges):
    keys = ("id", "class_name", "category", "properties", "states")
    return {
        "nodes": [dict(zip(keys, node, strict=True)) for node in nodes],
        "edges": [{"from_id": a, "relation_type": kind, "to_id": b} for a, kind, b in edges],
    }


@pytest.fixture
def folder(tmp_path):
    graphs, texts = (
        tmp_path.joinpath(part, *virtualhome._SCENE) for part in ("init_and_final_graphs", "executable_programs")
    )
    final_nodes = [node if node[0] != 10 else (*node[:4], ["OPEN"]) for node in NODES]
    final_edges = [*EDGES[:3], (65, "INSIDE", 1), (11, "INSIDE", 1), (11, "INSIDE", 10), (11, "CLOSE", 10)]
    for at in (graphs, texts):
        at.mkdir(parents=True)
    graphs.joinpath("file7_1.json").write_text(
        json.dumps({"init_graph": graph(NODES, EDGES), "final_graph": graph(final_nodes, final_edges)})
    )
    texts.joinpath("file7_1.txt").write_text(PROGRAM)
    return tmp_path


def test_a_program_is_read_with_its_goals(folder):
    assert program_names(folder) == ["7_1"]
    program = read_program("7_1", folder)
    assert (program.title, program.description) == ("Tidy up", "Put the box away.")
    assert str(program.plan).split("\n")[0] == "[FIND] <shoe_box> (11)"
    assert {str(goal) for goal in program.goals} == {
        *("at(<kitchen> (1))", "in_room(<shoe_box> (11), <kitchen> (1))", "inside(<shoe_box> (11), <fridge> (10))"),
        "open(<fridge> (10))",
    }


def test_the_program_meets_what_it_is_for_in_our_world(folder):
    program = read_program("7_1", folder)
    told = program.world().run(program.plan, program.goals)
    assert told.failed_step is None
    # a thing that is carried is counted to the room that it was carried from, as the published executor has it
    assert told.unmet == ("in_room(<shoe_box> (11), <kitchen> (1))",)
    assert write_prompt(program.task()).startswith("Task: Tidy up: Put the box away.\n")


@pytest.mark.parametrize("name", ["8_1", "../7_1"])
def test_programs_that_are_not_there_are_refused(folder, name):
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_program(name, folder)


def test_a_damaged_program_is_refused(folder):
    path = folder.joinpath("executable_programs", *virtualhome._SCENE, "file7_1.txt")
    for text in ("", "Title\nText\n[GRAB] <shoe-box> (1.99)", "Title\nText\n[GR AB] <shoe-box> (1.11)"):
        path.write_text(text)
        with pytest.raises(InvalidInputError, match="program '7_1' cannot be read"):
            read_program("7_1", folder)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentSetupError, match="pip install --no-deps eai-eval==1.0.5"):
        program_names()


@needs_data
def test_gold_programs_of_the_package_meet_their_goals():
    names = program_names()
    assert len(names) == 518
    for name in names[::40]:
        program = read_program(name)
        told = program.world().run(program.plan, program.goals)
        assert told.success and told.failed_step is None, name


def test_what_changes_in_a_household_is_in_the_published_graph_or_known_to_be_ours_alone():
    changing = {name for name, relation in load_domain("household").relations.items() if not relation.fixed}
    graph = {"at", "in_room", "worn"}  # of a robot or a thing in a room, and what it wears
    for names in (virtualhome._STATES, virtualhome._OF_ROBOT, virtualhome._FROM_ROBOT, virtualhome._BETWEEN):
        graph |= set(names.values())
    assert changing - graph == virtualhome.OURS_ALONE
