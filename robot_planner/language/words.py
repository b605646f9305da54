# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The words of instructions: for each slot those that training uses and those held out from it.

Words are held out only where context or form tells what they mean (a verb of placing, a noun for a block); what
carries meaning alone (colours, letters of bins, open and shut) is in training.
"""

import zlib
from collections.abc import Iterable
from typing import Literal

Split = Literal["training", "development", "held-out"]
TRAINING: Split = "training"
DEVELOPMENT: Split = "development"
"""Kept from training to choose by: what is added, settings, thresholds."""
HELD_OUT: Split = "held-out"
"""Looked at when all is chosen."""
SPLITS = (TRAINING, DEVELOPMENT, HELD_OUT)


def in_splits(training: Iterable[str], held_out: Iterable[str] = ()) -> dict[Split, tuple[str, ...]]:
    """Entries for training and held-out ones as a table of all splits.

    Development takes one in five of training's, by a hash; those said twice are indispensable and stay.
    """
    entries = tuple(training)
    kept = {entry for entry in entries if entries.count(entry) == 1 and zlib.crc32(entry.encode()) % 5 == 0}
    return {
        TRAINING: tuple(entry for entry in entries if entry not in kept),
        DEVELOPMENT: tuple(sorted(kept)),
        HELD_OUT: tuple(held_out),
    }


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


SLOTS: dict[str, dict[Split, tuple[str, ...]]] = {
    "put": in_splits(
        (
            *(("put", "place", "put", "move") * 2),
            *("place", "drop", "lay", "move", "set", *("bring", "get") * 2, "deliver", "deposit", "transfer", "stow"),
            *("insert", "carry", "shift", "stick", "store", "slip", "guide", "convey", "ship", "take", "pack", "stash"),
            *("leave", "shove", "nudge", "dump", "plop", "rest", "steer", "swing", "lead", "return", "keep", "file"),
            *("bring over", "move over", "hand over", "arrange", "bed", "ferry", "lodge", "direct", "install", "plant"),
        ),
        ("relocate", "park", "transport", "position", "haul", "tuck", "load", "slot", "send", "pop"),
    ),
    "putting": in_splits(
        (
            *(("putting", "placing") * 2),
            *("dropping", "moving", "setting", "laying", "storing", "bringing", "leaving", "stowing", "getting"),
        ),
        ("relocating", "positioning", "depositing", "transporting"),
    ),
    "placed": in_splits(
        ("put", "placed", "dropped", "moved", "set", "stored", "brought", "laid", "packed", "stowed", "put", "placed"),
        ("relocated", "positioned", "deposited", "delivered", "transported"),
    ),
    "noun": in_splits(
        (
            *(("block", "cube") * 4),
            *("block", "brick", "box", "piece", "object", "one", "one", "toy block", "thing", "toy", "wooden block"),
            *("element", "part", "token", "small block", "little cube", "wood block", "wooden cube", "square", "shape"),
            *("toy brick", "unit", "small cube", "lego brick", "body", "solid", "little brick", "small object"),
        ),
        ("cuboid", "item", "chunk", "building block"),
    ),
    "block": in_splits(
        (
            *("the {c} {noun}",) * 4,
            *(("{c} {noun}", "the {c} one", "{c}", "a {c} {noun}") * 2),
            *("the {noun} that is {c}", "the {c} colored {noun}", "that {c} {noun}", "the {noun} in {c}"),
            *("my {c} {noun}", "your {c} {noun}", "our {c} {noun}", "the {noun} that's {c}", "the one that is {c}"),
            *("the {c}-colored {noun}", "the {noun} with the color {c}", "the {noun} colored {c}", "the {c}"),
            *("the {noun} painted {c}", "the one in {c}"),
        ),
        ("the {noun} which is {c}", "the {noun} of {c} color", "this {c} {noun}", "the {c} coloured {noun}"),
    ),
    "can": in_splits(
        (
            *(("bin", "container") * 4),
            *("tray", "bucket", "basket", "crate", "case", "holder", "carton", "vessel", "trough", "hamper"),
            "storage bin",
        ),
        ("tub", "pail", "receptacle"),
    ),
    "bin": in_splits(
        (
            *("bin {l}",) * 6,
            *(("{can} {l}", "the {l} {can}", "the {tone} {can}") * 3),
            *("the {can} labelled {l}", "the {can} marked {l}", "the {tone} colored {can}", "bin-{l}", "bin{l}"),
            *("the {can} that is {tone}", "the {can} {l}", "bin_{l}", "the {can} named {l}", "{tone} {can}"),
            *("the {can} with {l} on it", "{can} '{l}'", "{can} letter {l}", "our {can} {l}", "the {tone} one"),
            *("the {can} in {tone}", "{can} ({l})"),
        ),
        (
            *("the {can} called {l}", "the {can} with the letter {l}", "the {can} which is {tone}"),
            "that {can} {l}",
        ),
    ),
    "drawer": in_splits(
        (
            *("the drawer",) * 6,
            *(("drawer", "the cabinet drawer", "the drawer in the cabinet") * 2),
            *("my drawer", "your drawer", "our drawer", "the desk drawer", "the small drawer", "the only drawer"),
        ),
        ("that drawer", "the cabinet's drawer", "the drawer of the cabinet", "this drawer"),
    ),
    "into": in_splits(
        (
            *(("in", "into") * 4),
            *(("inside", "to") * 2),
            *("inside of", "over to", "over into", "right in", "right into", "back into", "all the way into"),
        ),
        ("within", "down into", "to the inside of", "straight into"),
    ),
    "adverb": in_splits(
        (
            *("directly", "right", "safely", "nicely", "over", "deep", "carefully", "all the way", "back", "again"),
            *("neatly", "slowly", "quickly", "softly", "away", "properly", "now"),
        ),
        ("gently", "firmly", "quietly"),
    ),
    # of templates for training only
    "frame": in_splits(
        (
            *("make sure", "make sure that", "ensure that", "check that", "take care that", "it is important that"),
            *("arrange that", "i wish that", "act so that", "my wish is that", "what matters is that"),
            *("be certain that", "i require that", "bring about that", "do all you can so that", "it must be that"),
            *("i want that", "work so that", "ensure", "i ask that", "the goal is that", "be sure that"),
            *("do what it takes so that", "i expect that", "we want that", "guarantee that"),
        ),
    ),
    "becomes": in_splits(
        (
            *("is", "is put", "gets", "gets moved", "ends up", "goes", "comes", "will be", "has been placed", "lies"),
            *("sits", "rests", "finds its way", "is brought", "moves", "stays", "can be found", "is placed", "arrives"),
            *("lands", "is moved", "is kept", "is stored"),
        ),
    ),
    "has": in_splits(
        (
            *("takes", "holds", "must hold", "has", "will have", "accepts", "houses", "needs", "is to have", "wants"),
            *("keeps", "stores", "receives", "is for", "carries"),
        ),
    ),
    "shut": in_splits(("closed", "closed", "shut", "shut"), ("closed", "shut")),
}
"""Slot -> split -> what may fill it; {c} is a colour, {l} a bin's letter, {tone} its brightness."""

TONES = {"a": ("light", "white", "bright", "pale", "lighter"), "b": ("dark", "black", "darker")}
"""Bin A is light and bin B dark in every scene, however its looks vary; nothing else about them holds always."""

COLOR_WORDS = word_set(
    """
    yellow orange purple pink brown violet cyan magenta turquoise golden gold silver beige maroon teal crimson
    scarlet indigo lime navy olive grey gray lilac tan ivory amber transparent colorless rainbow multicolored
    """
)
"""Colours that no block has."""
