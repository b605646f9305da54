# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks of the tabletop domain, drawn by chance, and an expert that plans them by searching the table's states."""

import functools
from collections.abc import Iterable
from random import Random

from robot_planner.arrangement import BIN_A, BIN_B, COLORS, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.task_planning.conditions import Condition, Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.scene import Scene, Task, parse_goals
from robot_planner.task_planning.skills import OBJECTS, SKILLS, goals_of, tabletop_scene
from robot_planner.task_planning.world import SymbolicWorld

PUT_SAYINGS = ("put the {x} block in {y}", "{x} in {y}", "the {x} block goes into {y}", "{x} belongs in {y}")
HOLD_SAYINGS = ("pick up the {x} block", "lift the {x} block", "hold {x}")
DRAWER_SAYINGS = {OPEN: ("open the drawer", "leave the drawer open"), SHUT: ("close the drawer", "shut the drawer")}
HEADINGS = ("", "", "please ", "tidy up: ")
JOINTS = (", ", " and ", ", then ")
_CALLED = {BIN_A: "bin A", BIN_B: "bin B", DRAWER: "the drawer"}

Facts = frozenset[Fact]


def table_world(facts: Iterable[Fact]) -> SymbolicWorld:
    """The table in a state."""
    return SymbolicWorld(load_domain("tabletop"), OBJECTS, facts)


@functools.cache
def _successors(facts: Facts) -> tuple[tuple[Step, Facts], ...]:
    """What each step that can be done makes of a state."""
    found = []
    for step in SKILLS:
        world = table_world(facts)
        if world.execute(step).done:
            found.append((step, world.visible()))
    return tuple(found)


def table_plan(scene: Scene, goals: Iterable[Condition]) -> TaskPlan | None:
    """A shortest plan, by breadth-first search; None if there is none. All is visible on the table."""
    wanted = tuple(goals)
    start = scene.visible
    reached: dict[Facts, tuple[Step, ...]] = {start: ()}
    queue = [start]
    for facts in queue:
        world = table_world(facts)
        if all(world.holds(goal) for goal in wanted):
            return TaskPlan(reached[facts])
        for step, after in _successors(facts):
            if after not in reached:
                reached[after] = (*reached[facts], step)
                queue.append(after)
    return None


def sample_table_task(seed: int) -> Task:
    """A task that can be done, with at least one step to do; the same for the same seed."""
    random = Random(f"table {seed}")
    while True:
        scene = tabletop_scene(_places(random, (0.65, 0.8)), random.random() < 0.5)
        state = random.choice((None, None, OPEN, SHUT))
        wanted = {color: place for color, place in _places(random, (0.4, 0.9)).items() if place}
        if not wanted and state is None:
            continue
        red, green, blue = (wanted.get(color) for color in COLORS)
        goals = parse_goals(list(goals_of(Arrangement((red, green, blue), state))), scene)
        plan = table_plan(scene, goals)
        if plan is not None and plan.steps:
            return Task(_instruction(wanted, state, random), goals, scene, f"table {seed}")


def _places(random: Random, chances: tuple[float, float]) -> dict[str, str | None]:
    """Where blocks are: below the first chance on the table, below the second in a place, else in the hand."""
    free = [BIN_A, BIN_B, DRAWER]
    random.shuffle(free)
    places: dict[str, str | None] = {}
    for color in random.sample(COLORS, len(COLORS)):
        draw = random.random()
        taken = HAND in places.values()
        places[color] = None if draw < chances[0] or (draw >= chances[1] and taken) else HAND
        if chances[0] <= draw < chances[1]:
            places[color] = free.pop()
    return places


def _instruction(wanted: dict[str, str], state: str | None, random: Random) -> str:
    parts = [
        random.choice(HOLD_SAYINGS if place == HAND else PUT_SAYINGS).format(x=color, y=_CALLED.get(place))
        for color, place in wanted.items()
    ]
    if state is not None:
        parts.insert(random.randint(0, len(parts)), random.choice(DRAWER_SAYINGS[state]))
    text = random.choice(HEADINGS) + parts[0]
    return text + "".join(random.choice(JOINTS) + part for part in parts[1:])
