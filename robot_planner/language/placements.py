# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Instructions for the planar table, such as "push the red block to the left": understood by their words alone.

Every word is known or the instruction is refused; it names one thing and one place. The order of the words, and all
those that are neither, change nothing.
"""

from robot_planner.arrangement import COLORS
from robot_planner.errors import InvalidInputError
from robot_planner.language.tokens import check_text, split_words
from robot_planner.language.vocabulary import NEGATIONS
from robot_planner.language.words import word_set
from robot_planner.placement import TOOL, Placement

ENTITY_WORDS = {
    **{color: color for color in COLORS},
    **dict.fromkeys(("tool", "hand", "gripper", "arm", "fingers", "fingertip", "fingertips", "yourself"), TOOL),
}
PLACE_WORDS = {
    **dict.fromkeys(("near", "nearer", "close", "closer"), "near"),
    **dict.fromkeys(("far", "farther", "further", "away"), "far"),
    **dict.fromkeys(("middle", "centre", "center"), "middle"),
    **{side: side for side in ("left", "right")},
}
_OTHERS = word_set(
    """
    a an the it its is be to of on in into at over so that until all way up toward towards side part half end area
    table block cube brick box piece one please now robot could would can you i want like should must ends go goes
    push move bring shove slide nudge take put get drag shift place set send lies thanks make sure
    """
)
_SIGNS = frozenset(",.!?;:")
ALLOWED = (
    "the red, green or blue block or the hand, to the left, right, near or far side or the middle of the table, such "
    "as 'push the red block to the left'"
)


def understand_placement(text: str) -> Placement:
    """What an instruction asks for; raises InvalidInputError, which says what was not understood and what would be."""
    words = [word for word in split_words(check_text(text)) if word not in _SIGNS]

    def refuse(reason: str) -> InvalidInputError:
        return InvalidInputError(f"instruction not understood: {reason}; allowed: {ALLOWED}")

    for word in words:
        if word in NEGATIONS:
            raise refuse(f"'{word}' says what not to do; say what to do")
        if word not in ENTITY_WORDS and word not in PLACE_WORDS and word not in _OTHERS:
            raise refuse(f"the word '{word[:40]}' is unknown")
    entities = {ENTITY_WORDS[word] for word in words if word in ENTITY_WORDS}
    places = {PLACE_WORDS[word] for word in words if word in PLACE_WORDS}
    for found, what in ((entities, "thing"), (places, "place")):
        if len(found) != 1:
            raise refuse(f"it names {'no ' + what if not found else f'{len(found)} {what}s'}")
    return Placement(entities.pop(), places.pop())


def say(placement: Placement) -> str:
    """The placement as a plain instruction."""
    thing = "move the hand" if placement.entity == TOOL else f"push the {placement.entity} block"
    if placement.place == "middle":
        return f"{thing} to the middle"
    return f"{thing} to the {placement.place} side"
