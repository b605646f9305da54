# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Which arrangements an instruction may ask for, and how each is put in plain words."""

from itertools import permutations, product

from robot_planner.arrangement import BIN_A, BIN_B, COLORS, DRAWER, HAND, OPEN, SHUT, Arrangement

BINS = (BIN_A, BIN_B)
_NAMES = {BIN_A: "bin A", BIN_B: "bin B", DRAWER: "the drawer"}


def _arrangement(places: dict[int, str], drawer: str | None) -> Arrangement:
    red, green, blue = (places.get(index) for index in range(len(COLORS)))
    return Arrangement((red, green, blue), drawer)


def _family() -> tuple[Arrangement, ...]:
    blocks, states = range(len(COLORS)), (OPEN, SHUT)
    found = [_arrangement({}, state) for state in states]
    for one in blocks:
        found.append(_arrangement({one: HAND}, None))
        for state in (None, *states):
            found.append(_arrangement({one: DRAWER}, state))
            found.extend(_arrangement({one: place}, state) for place in BINS)
    for one, two in permutations(blocks, 2):
        for state in (None, *states):
            found.append(_arrangement({one: BIN_A, two: BIN_B}, state))
            found.extend(_arrangement({one: place, two: DRAWER}, state) for place in BINS)
    return tuple(found)


def _beyond() -> tuple[Arrangement, ...]:
    states = (None, OPEN, SHUT)
    found: list[Arrangement] = []
    for one, two, three in permutations(range(len(COLORS))):
        found.extend(_arrangement({one: BIN_A, two: BIN_B, three: DRAWER}, state) for state in states)
    for one, state in product(range(len(COLORS)), (OPEN, SHUT)):
        found.append(_arrangement({one: HAND}, state))
    for (one, two), place in product(permutations(range(len(COLORS)), 2), (*BINS, DRAWER)):
        found.append(_arrangement({one: HAND, two: place}, None))
    return tuple(found)


FAMILY = _family()
"""What the robot is asked to do: a block lifted, at most two blocks in bins or the drawer, the drawer open or shut."""
BEYOND = _beyond()
"""What can be said and understood, but is no task of the robot: three blocks, or one lifted and more besides."""
ALLOWED = (
    "a red, green or blue block lifted, put into bin A (light), bin B (dark) or the drawer, "
    "the drawer opened or closed; at most two blocks, each in a place of its own"
)
"""FAMILY in one line."""


def describe(arrangement: Arrangement) -> str:
    """The arrangement as a plain instruction, such as "put the red block in bin A and close the drawer"."""
    parts = []
    for color, place in zip(COLORS, arrangement.blocks, strict=True):
        if place == HAND:
            parts.append(f"lift the {color} block")
        elif place is not None:
            parts.append(f"put the {color} block in {_NAMES[place]}")
    if arrangement.drawer is not None:
        verb = {OPEN: "open", SHUT: "close"}[arrangement.drawer]
        leave = {OPEN: "leave it open", SHUT: "close it"}[arrangement.drawer]
        parts.append(leave if parts and parts[-1].endswith(_NAMES[DRAWER]) else f"{verb} the drawer")
    return " and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])} and {parts[-1]}"
