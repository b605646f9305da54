# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The programs of VirtualHome as they lie in the package eai-eval (Li et al., Embodied Agent Interface, NeurIPS 2024).

The data are read where the package has them; its code is not imported here. Puig et al., VirtualHome, CVPR 2018.
"""

import functools
import importlib.util
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.task_planning.conditions import Atom, Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.plan import ObjectRef, TaskPlan, parse_step
from robot_planner.task_planning.scene import LONGEST_INSTRUCTION, Scene, Task
from robot_planner.task_planning.world import SymbolicWorld

PACKAGE = "eai-eval==1.0.5"
"""No extra of ours: what it depends on is not needed for reading its data, and would move pins that others rest on."""
_DATA = ("dataset", "programs_processed_precond_nograb_morepreconds")
_SCENE = ("TrimmedTestScene1_graph", "results_intentions_march-13-18")
_STATES = {
    **{"ON": "switched_on", "OFF": "switched_off", "OPEN": "open", "CLOSED": "closed", "CLEAN": "clean"},
    **{"DIRTY": "dirty", "PLUGGED_IN": "plugged_in", "PLUGGED_OUT": "plugged_out"},
}
_OF_ROBOT = {"SITTING": "sitting", "LYING": "lying"}
_FROM_ROBOT = {"CLOSE": "near", "FACING": "facing", "HOLDS_RH": "held_right", "HOLDS_LH": "held_left", "ON": "upon"}
_BETWEEN = {"CLOSE": "close", "FACING": "faces", "ON": "on", "INSIDE": "inside"}
NEARNESS = ("near", "close")
"""Relations that follow from where the robot went, and are nobody's goal."""
OURS_ALONE = frozenset({"found", "searched", "from_on", "from_inside", "from_close", "from_robot"})
"""Relations that the published graph does not have: what was seen, and what its executor keeps beside the graph."""
# What the published executor decides by a thing's class.
_BY_CLASS: dict[str, tuple[str, ...]] = {
    "grabbable": ("water", "child"),
    "runs_out": ("water",),
    "opens": ("desk", "window"),
    "movable": ("button", "chair", "curtain"),
    "poured_into": ("hands_both", "sponge", "face"),
    "typed_on": ("keyboard",),
    "computer": ("computer",),
    "seats_two": ("loveseat", "pianobench", "bench"),
    "seats_four": ("couch", "bed", "sofa"),
    "lies_two": ("couch", "bathtub", "loveseat", "sofa"),
    "lies_three": ("bed",),
    "squeezable": (
        *("cleaning_solution", "tooth_paste", "shampoo", "food_peanut_butter", "dish_soap", "soap", "towel", "rag"),
        *("paper", "sponge", "food_lemon", "check"),
    ),
}


@dataclass(frozen=True)
class Program:
    """A task of VirtualHome with its gold program."""

    name: str
    """Such as "27_2"."""
    title: str
    """Such as "Wash clothes"; tables split by it."""
    description: str
    objects: Mapping[ObjectRef, str]
    initial: frozenset[Fact]
    final: frozenset[Fact]
    plan: TaskPlan

    @property
    def goals(self) -> tuple[Atom, ...]:
        """What the gold program adds to the initial graph, but nearness; nothing in some programs."""
        return tuple(Atom(*fact) for fact in sorted(self.final - self.initial) if fact.relation not in NEARNESS)

    def world(self) -> SymbolicWorld:
        """The flat of the task, all of it seen."""
        found = {Fact("found", (thing,)) for thing in self.objects}
        return SymbolicWorld(load_domain("household"), self.objects, self.initial | found)

    def task(self, names: Collection[str] | None = None) -> Task:
        """What a planner is told.

        Args:
            names: tell only of rooms, of things with these names, of what goals and words name, and of what those lie
                in; None: of all, which are about 290 things.
        """
        words = " ".join(f"{self.title}: {self.description}".split())
        text = "".join(letter for letter in words if letter.isprintable())[:LONGEST_INSTRUCTION]
        scene = self.world().scene()
        if names is not None:
            scene = _narrowed(scene, {*names, *_named(text, self.objects)}, self.goals)
        return Task(text, self.goals, scene, self.name)


def _named(text: str, objects: Iterable[ObjectRef]) -> set[str]:
    said = f" {' '.join(re.findall(r'[a-z0-9]+', text.lower()))} "
    return {thing.name for thing in objects if f" {thing.name.replace('_', ' ')} " in said}


def _narrowed(scene: Scene, names: set[str], goals: Iterable[Atom]) -> Scene:
    wanted = {term for goal in goals for term in goal.args}
    kept = {thing for thing, kind in scene.objects.items() if kind == "room" or thing.name in names or thing in wanted}
    within = [fact.args for fact in scene.visible if fact.relation in ("inside", "on")]
    while more := {place for thing, place in within if thing in kept} - kept:
        kept |= more
    objects = {thing: kind for thing, kind in scene.objects.items() if thing in kept}
    return Scene(scene.domain, objects, frozenset(fact for fact in scene.visible if kept.issuperset(fact.args)))


def data_folder() -> Path:
    """Where eai-eval has its programs; raises EnvironmentSetupError if it is not installed."""
    found = importlib.util.find_spec("virtualhome_eval")
    for root in (found.submodule_search_locations or ()) if found else ():
        if (folder := Path(root).joinpath(*_DATA)).is_dir():
            return folder
    raise EnvironmentSetupError(f"VirtualHome's programs are not installed: pip install --no-deps {PACKAGE}")


def program_names(folder: Path | None = None) -> list[str]:
    """Names of all programs, sorted."""
    graphs = (folder or data_folder()).joinpath("init_and_final_graphs", *_SCENE)
    return sorted(path.stem.removeprefix("file") for path in graphs.glob("file*.json"))


def programs(folder: Path | None = None) -> Iterator[Program]:
    """All programs, one at a time."""
    for name in program_names(folder):
        yield read_program(name, folder)


def read_program(name: str, folder: Path | None = None) -> Program:
    """One program; raises InvalidInputError if its files are not as expected."""
    folder = folder or data_folder()
    try:
        graphs = read_graphs(name, folder)
        text = folder.joinpath("executable_programs", *_SCENE, f"file{name}.txt").read_text(encoding="utf-8")
        things = _things(graphs["init_graph"]["nodes"])
        initial, final = (graph_facts(graphs[key]) for key in ("init_graph", "final_graph"))
        title, description, *lines = text.split("\n")
        plan = TaskPlan(tuple(parse_step(_line(line, things)) for line in lines if line.startswith("[")))
    except (OSError, ValueError, KeyError, IndexError, TypeError, InvalidInputError) as error:
        raise InvalidInputError(f"program '{name}' cannot be read: {type(error).__name__}: {error}") from None
    objects = {thing: "room" if room else "thing" for thing, room in things.values() if thing is not None}
    return Program(name, title.strip(), description.strip(), objects, initial, final, plan)


def read_graphs(name: str, folder: Path | None = None) -> dict[str, Any]:
    """The graphs of a program as the package has them; raises OSError, ValueError."""
    path = (folder or data_folder()).joinpath("init_and_final_graphs", *_SCENE, f"file{name}.json")
    graphs: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return graphs


@functools.cache
def _reference(class_name: str, number: int) -> ObjectRef:
    return ObjectRef(re.sub(r"[^a-z0-9_]", "_", class_name.lower()), number)


def _things(nodes: list[dict[str, Any]]) -> dict[int, tuple[ObjectRef | None, bool]]:
    """Number -> thing (None: the robot itself), and whether it is a room."""
    found: dict[int, tuple[ObjectRef | None, bool]] = {}
    for node in nodes:
        robot = node["class_name"] == "character"
        found[node["id"]] = (
            None if robot else _reference(node["class_name"], node["id"]),
            node["category"] == "Rooms",
        )
    return found


def graph_facts(graph: dict[str, Any]) -> frozenset[Fact]:
    """What a graph of the package says, in the household's relations."""
    things, facts = _things(graph["nodes"]), set()
    for node in graph["nodes"]:
        thing = things[node["id"]][0]
        if thing is None:
            facts |= {Fact(_OF_ROBOT[state]) for state in node["states"] if state in _OF_ROBOT}
            continue
        names = {name.lower() for name in node["properties"]}
        names |= {name for name, classes in _BY_CLASS.items() if node["class_name"] in classes}
        names |= {"knife"} if "knife" in node["class_name"] else set()
        names |= {_STATES[state] for state in node["states"] if state in _STATES}
        facts |= {Fact(name, (thing,)) for name in names}
    for edge in graph["edges"]:
        fact = _relation(edge["relation_type"], things[edge["from_id"]], things[edge["to_id"]])
        facts |= {fact} if fact is not None else set()
    return frozenset(facts)


def _relation(kind: str, left: tuple[ObjectRef | None, bool], right: tuple[ObjectRef | None, bool]) -> Fact | None:
    """An edge as a fact; None for those that no action looks at."""
    (one, _), (other, room) = left, right
    if one is None:
        if other is None:
            return None
        if kind == "INSIDE":
            return Fact("at", (other,)) if room else None
        return Fact(_FROM_ROBOT[kind], (other,)) if kind in _FROM_ROBOT else None
    if other is None:
        return Fact("worn", (one,)) if kind == "ON" else None
    if kind == "INSIDE" and room:
        return Fact("in_room", (one, other))
    return Fact(_BETWEEN[kind], (one, other)) if kind in _BETWEEN else None


def _line(line: str, things: Mapping[int, tuple[ObjectRef | None, bool]]) -> str:
    """``[GRAB] <apple> (1.1000)`` -> ``[GRAB] <apple> (1000)``, with the name that the scene has for the thing."""
    action = line[: line.index("]") + 1].upper()
    numbers = [int(text.split(".")[-1]) for text in re.findall(r"\(([\d.]+)\)", line)]
    return " ".join([action, *(str(things[number][0]) for number in numbers)])
