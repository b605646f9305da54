# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the words of an instruction name, whatever its wording: a check on how the network has read it."""

import functools

from robot_planner.arrangement import BIN_A, BIN_B, COLORS, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.language.typos import slips
from robot_planner.language.vocabulary import KNOWN
from robot_planner.language.words import COLOR_WORDS, SLOTS, SPLITS, TONES, word_set


def _words(slot: str) -> frozenset[str]:
    return frozenset(" ".join(one for split in SPLITS for one in SLOTS[slot][split]).split())


_BINS = {
    BIN_A: frozenset({"bina", *TONES["a"]}),
    BIN_B: frozenset({"b", "binb", *TONES["b"]}),
}
"""Words that name one for certain; "a" is an article as well."""
_CANS = _words("can") - {"storage", "case"}
_NOUNS = _words("noun") | {*COLORS}
_DRAWER = word_set("drawer drawers")
_OPEN, _SHUT = word_set("open opened opening opens"), word_set("close closed closing closes shut shutting")
_OPENING, _SHUTTING = _OPEN | word_set("pull pulled pulling out"), _SHUT | word_set("push pushed pushing")
_TOLD = frozenset().union(COLORS, *_BINS.values(), _DRAWER, _OPENING, _SHUTTING)
_BEHIND = _words("can") | word_set("marked labelled labeled named called letter ' ( -")
_PLACES = (
    _words("can")
    | _words("into")
    | frozenset().union(*_BINS.values())
    | _DRAWER
    | word_set("the my your our a it that")
)
_HANDS = word_set("hand hands gripper arm")
_SAID = {BIN_A: "bin A", BIN_B: "bin B"}


@functools.cache
def _slipped() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for word in _TOLD:
        for slip in slips(word) if len(word) >= 3 else ():
            if slip not in KNOWN and slip not in COLOR_WORDS:
                found.setdefault(slip, set()).add(word)
    return found


def mismatch(arrangement: Arrangement, words: list[str]) -> str | None:
    """Where an arrangement names what the words do not, or they what it does not; None: nowhere.

    It holds for blocks, bins, the drawer and how that is to be. A misspelt word may name whatever it is a slip of.
    """
    words = [word.partition("'")[0] or word for word in words]
    said = set(words)
    may = said.union(*(_slipped().get(word, ()) for word in said))
    for color, place in zip(COLORS, arrangement.blocks, strict=True):
        if color not in may if place else color in said:
            return f"it is not clear what it asks for the {color} block"
    certain, possible = _letter_a(words)
    for place, names in _BINS.items():
        named = said & names or (place == BIN_A and certain)
        if not (may & names or (place == BIN_A and possible)) if place in arrangement.blocks else named:
            return f"it is not clear what it asks for {_SAID[place]}"
    binned = sum(place in _BINS for place in arrangement.blocks)
    if said & _CANS and not binned:
        return "it is not clear which bin it is about"
    if any(words.count(color) > 1 for color in COLORS) and _bins_named(words) > max(1, binned):
        return "it asks for two places for one block, or for two blocks in one place"
    if said & {"into", "inside"} and not said & _HANDS and set(arrangement.blocks) == {HAND, None}:
        return "it is not clear where to"
    stowed, state = DRAWER in arrangement.blocks, arrangement.drawer
    if not may & _DRAWER if stowed or state else said & _DRAWER:
        return "it is not clear what it asks for the drawer"
    opens, shuts = bool(said & _OPEN), bool(said & _SHUT)
    unsaid = {OPEN: not may & _OPENING, SHUT: not may & _SHUTTING and not _goes_in(words), None: opens}[state]
    if "out" in said and not _goes_out(words):
        return "it is not clear what is to go out"
    if unsaid or (shuts and state != SHUT) or (opens and shuts and not stowed):
        return "it is not clear whether the drawer is to be open or closed"
    return None


def _letter_a(words: list[str]) -> tuple[bool, bool]:
    """Whether some "a" is a bin's letter for certain, and whether one may be: no article, that is.

    For certain it stands behind a bin and before no noun; not at all before a noun or a colour, but behind a bin.
    """
    ends = (*",.;:!?&)'", "and", "then", "")
    found = [(b, a) for b, word, a in zip(["", *words], words, [*words[1:], ""], strict=False) if word == "a"]
    certain = any(before in _CANS and after in ends for before, after in found)
    return certain, any(before in _BEHIND or before not in KNOWN or after not in _NOUNS for before, after in found)


def _goes_in(words: list[str]) -> bool:
    """Whether something, the drawer perhaps, goes "in" or "back" without another place behind that."""
    pairs = zip(words, [*words[1:], ""], strict=False)
    return "slide" in words or any(word in ("in", "back") and after not in _PLACES for word, after in pairs)


def _goes_out(words: list[str]) -> bool:
    """Whether the drawer is what goes "out": no block is named between the two."""
    text = "".join(
        "o" if word == "out" else "d" if word in _DRAWER else "c" if word in COLORS else "" for word in words
    )
    return all(
        "d" in (text[:at].split("c")[-1] + text[at:].split("c")[0]) for at, sign in enumerate(text) if sign == "o"
    )


def _bins_named(words: list[str]) -> int:
    """How often bins are named, each time that one is."""
    letters = sum(word == "a" and before in _BEHIND for before, word in zip(words, words[1:], strict=False))
    return letters + sum(word in names for word in words for names in _BINS.values())
