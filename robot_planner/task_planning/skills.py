# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the arm does for a step of the tabletop domain: one text goal of ``reach_goal`` each, from a closed list."""

import re
from collections.abc import Iterable, Mapping

from robot_planner.arrangement import BIN_A, BIN_B, COLORS, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.plan import ObjectRef, Step
from robot_planner.task_planning.scene import Scene

_HEADING = re.compile(r"^\s*(please\s+)?tidy\s+up\s*:\s*", re.IGNORECASE)
BLOCKS = {color: ObjectRef(f"{color}_block", number) for number, color in enumerate(COLORS, 1)}
BINS = {BIN_A: ObjectRef("bin_a", 4), BIN_B: ObjectRef("bin_b", 5)}
THE_DRAWER = ObjectRef("drawer", 6)
OBJECTS: Mapping[ObjectRef, str] = {
    **dict.fromkeys(BLOCKS.values(), "block"), **dict.fromkeys(BINS.values(), "bin"), THE_DRAWER: "drawer"
}  # fmt: skip


def _skills() -> dict[Step, tuple[str, Arrangement]]:
    found = {
        Step("OPEN", (THE_DRAWER,)): ("open the drawer", Arrangement(drawer=OPEN)),
        Step("CLOSE", (THE_DRAWER,)): ("close the drawer", Arrangement(drawer=SHUT)),
    }
    for index, (color, block) in enumerate(BLOCKS.items()):

        def ends(place: str, at: int = index) -> Arrangement:
            places: list[str | None] = [None, None, None]
            places[at] = place
            return Arrangement((places[0], places[1], places[2]))

        found[Step("PICK", (block,))] = (f"pick up the {color} block", ends(HAND))
        found[Step("STOW", (block, THE_DRAWER))] = (f"put the {color} block in the drawer", ends(DRAWER))
        for name, thing in BINS.items():
            text = f"put the {color} block in bin {name[-1].upper()}"
            found[Step("PLACE", (block, thing))] = (text, ends(name))
    return found


SKILLS: Mapping[Step, tuple[str, Arrangement]] = _skills()
"""Step -> text goal, and the arrangement that it names; nothing else is ever asked of the arm."""


def text_goal(step: Step) -> str:
    """The text goal that does a step; raises InvalidInputError for what is not on the list."""
    if step not in SKILLS:
        allowed = ", ".join(map(str, SKILLS))
        raise InvalidInputError(f"the arm has no skill for '{step}'; allowed: {allowed}")
    return SKILLS[step][0]


def without_heading(instruction: str) -> str:
    """An instruction such as "tidy up: red in bin A" without what only says that there is something to do."""
    return _HEADING.sub("", instruction)


def tabletop_scene(blocks: Mapping[str, str | None], drawer_open: bool) -> Scene:
    """The scene of the table.

    Args:
        blocks: colour -> where the block is, of ``arrangement.PLACES``; None, or not named: on the table.
        drawer_open: how the drawer stands.

    Raises:
        InvalidInputError: there is no such block or place.
    """
    facts = {Fact("open", (THE_DRAWER,))} if drawer_open else set()
    places = {**BINS, DRAWER: THE_DRAWER}
    for color in blocks:
        if color not in BLOCKS or blocks[color] not in (None, HAND, *places):
            raise InvalidInputError(
                f"no block is {color} at '{blocks[color]}'; allowed: {', '.join(COLORS)} at {HAND}, {', '.join(places)}"
            )
    for color, block in BLOCKS.items():
        place = blocks.get(color)
        if place is None or place == HAND:
            facts.add(Fact("held" if place else "on_table", (block,)))
        else:
            facts.add(Fact("inside", (block, places[place])))
    return Scene(load_domain("tabletop"), OBJECTS, frozenset(facts))


def goals_of(arrangement: Arrangement) -> Iterable[str]:
    """The goals that an arrangement means, as texts."""
    places = {**BINS, DRAWER: THE_DRAWER}
    for color, place in zip(COLORS, arrangement.blocks, strict=True):
        if place == HAND:
            yield f"held({BLOCKS[color]})"
        elif place is not None:
            yield f"inside({BLOCKS[color]}, {places[place]})"
    if arrangement.drawer is not None:
        yield f"{'' if arrangement.drawer == OPEN else 'not '}open({THE_DRAWER})"
