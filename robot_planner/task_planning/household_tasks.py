# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks in the flats of ``households``: goals and instructions.

A kind of goal, such as "food inside the microwave", is of the training split or held out, by a hash of its name; a task
is held out if one of its goals is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from robot_planner.task_planning.conditions import Atom, Condition, Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.households import (
    CARRIES,
    HELD_OUT,
    HOLDS,
    ITEMS,
    TRAINING,
    Flat,
    furnish,
    sample_layout,
    split_of,
)
from robot_planner.task_planning.plan import ObjectRef
from robot_planner.task_planning.scene import Task

SAYINGS: dict[str, tuple[str, ...]] = {
    "inside": (
        *("put {x} into {y}", "{x} belongs in {y}", "place {x} inside {y}", "store {x} in {y}", "{y} should hold {x}"),
        "make sure that {x} ends up in {y}",
    ),
    "shut in": ("put {x} into {y} and close it", "store {x} in {y}, then shut it", "{x} goes into the closed {y0}"),
    "run": ("put {x} into {y} and switch it on", "run {y} with {x} in it", "use {y} on {x}"),
    "on": ("put {x} on {y}", "{x} belongs on {y}", "place {x} onto {y}", "lay {x} on {y}", "set {x} down on {y}"),
    "switched_on": ("switch on {x}", "turn on {x}", "{x} should be on", "start {x}"),
    "switched_off": ("switch off {x}", "turn off {x}", "{x} should be off"),
    "open": ("open {x}", "leave {x} open", "{x} should be open"),
    "closed": ("close {x}", "shut {x}", "{x} should be closed"),
    "clean": ("wash {x}", "clean {x}", "{x} should be clean", "see that {x} is clean"),
    "held": ("take {x}", "fetch {x}", "hold {x}", "pick up {x}"),
}
JOINTS = (", then ", " and ", "; also ", ", and ", ". After that ")
MOST_GOALS = 8


@dataclass(frozen=True)
class Errand:
    """One thing to do: a few goals that belong together."""

    kind: str
    """Key of SAYINGS."""
    things: tuple[ObjectRef, ...]
    goals: tuple[Fact, ...]
    label: str
    """What splits go by, such as "inside food microwave"."""

    @property
    def split(self) -> str:
        """TRAINING or HELD_OUT."""
        return split_of(self.label)


@dataclass(frozen=True)
class Problem:
    """A task and the truth behind it."""

    task: Task
    flat: Flat
    errands: tuple[Errand, ...]


def sample_problem(
    seed: int, scene_split: str = TRAINING, task_split: str = TRAINING, errands: tuple[int, int] = (1, 3)
) -> Problem:
    """A problem of the splits; the same for the same arguments.

    Args:
        seed: of all that is drawn.
        scene_split: of the layout.
        task_split: of the errands; a held-out task has at least one held-out errand.
        errands: fewest and most of them.
    """
    random = Random(f"household {seed} {scene_split} {task_split} {errands}")
    while True:
        flat = furnish(sample_layout(random, scene_split), random)
        chosen = _choose(flat, random, task_split, random.randint(*errands))
        if chosen:
            goals: tuple[Condition, ...] = tuple(Atom(*goal) for errand in chosen for goal in errand.goals)
            task = Task(instruction(chosen, flat, random), goals, flat.world().scene(), f"household {seed}")
            return Problem(task, flat, chosen)


def _choose(flat: Flat, random: Random, split: str, number: int) -> tuple[Errand, ...]:
    """Errands that don't get in each other's way; none if the flat has not enough of the split."""
    by_kind: dict[str, list[Errand]] = {}
    for errand in all_errands(flat):
        by_kind.setdefault(errand.kind, []).append(errand)
    chosen: list[Errand] = []
    wants_held_out = split == HELD_OUT
    for _ in range(30):
        weights = [0.4 if kind in ("open", "closed", "held") else 1.0 for kind in sorted(by_kind)]
        errand = random.choice(by_kind[random.choices(sorted(by_kind), weights)[0]])
        if errand.split == HELD_OUT and not wants_held_out:
            continue
        if wants_held_out and not chosen and errand.split == TRAINING:
            continue
        if _fits(errand, chosen, flat):
            chosen.append(errand)
        if len(chosen) == number:
            return tuple(random.sample(chosen, len(chosen)))
    return ()


def _fits(errand: Errand, chosen: list[Errand], flat: Flat) -> bool:
    goals = [goal for other in chosen for goal in other.goals]
    if sum(len(other.goals) for other in (*chosen, errand)) > MOST_GOALS or any(g in goals for g in errand.goals):
        return False
    if errand.kind in ("open", "closed") and any(set(errand.things) & set(other.things) for other in chosen):
        return False
    if load_domain("household").contradiction([*goals, *errand.goals]) is not None:
        return False
    items = {other.things[0] for other in chosen if flat.objects[other.things[0]] in ITEMS}
    held = [other for other in (*chosen, errand) if other.kind == "held"]
    return len(held) < 2 and errand.things[0] not in items


def all_errands(flat: Flat) -> Iterator[Errand]:
    """Every errand that there is to do in a flat."""
    of: Callable[..., list[ObjectRef]] = lambda *kinds: [x for x, kind in flat.objects.items() if kind in kinds]  # noqa: E731
    for x in of(*ITEMS):
        kind = flat.objects[x]
        for y in of(*HOLDS):
            inside, closed, on = Fact("inside", (x, y)), Fact("closed", (y,)), Fact("switched_on", (y,))
            if inside in flat.facts:
                continue
            yield Errand("inside", (x, y), (inside,), f"inside {kind} {y.name}")
            yield Errand("shut in", (x, y), (inside, closed), f"shut in {kind} {y.name}")
            if flat.objects[y] == "device":
                yield Errand("run", (x, y), (inside, closed, on), f"run {kind} {y.name}")
        for y in of(*CARRIES):
            if Fact("on", (x, y)) not in flat.facts:
                yield Errand("on", (x, y), (Fact("on", (x, y)),), f"on {kind} {y.name}")
        if Fact("dirty", (x,)) in flat.facts:
            yield Errand("clean", (x,), (Fact("clean", (x,)),), f"clean {x.name}")
        yield Errand("held", (x,), (Fact("held", (x,)),), f"held {x.name}")
    for x in of("appliance", "device"):
        other = {"switched_on": "switched_off", "switched_off": "switched_on"}
        for name, now in other.items():
            if Fact(now, (x,)) in flat.facts:
                yield Errand(name, (x,), (Fact(name, (x,)),), f"{name} {x.name}")
    for x in of("container"):
        now, then = ("open", "closed") if Fact("open", (x,)) in flat.facts else ("closed", "open")
        yield Errand(then, (x,), (Fact(then, (x,)),), f"{then} {x.name}")


def instruction(errands: tuple[Errand, ...], flat: Flat, random: Random) -> str:
    """The errands in words; the number of a thing is said where the flat has several of its name."""
    names = [thing.name for thing in flat.objects]

    def call(thing: ObjectRef, article: str = "the ") -> str:
        number = f" {thing.number}" if names.count(thing.name) > 1 else ""
        return article + thing.name.replace("_", " ") + number

    parts = []
    for errand in errands:
        x, y = errand.things[0], errand.things[-1]
        parts.append(random.choice(SAYINGS[errand.kind]).format(x=call(x), y=call(y), y0=call(y, "")))
    text = parts[0]
    for part in parts[1:]:
        joint = random.choice(JOINTS)
        text += joint + part
    return random.choice(("", "", "", "please ")) + text
