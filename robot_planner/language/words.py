# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The words of instructions: for each slot those that training uses and those held out from it.

Words are held out only where context or form tells what they mean (a verb of placing, a noun for a block); what
carries meaning alone (colours, letters of bins, open and shut) is in training.
"""

import zlib
from collections.abc import Iterable, Mapping
from typing import Literal

Split = Literal["training", "development", "held-out"]
TRAINING: Split = "training"
DEVELOPMENT: Split = "development"
"""Kept from training to choose by: what is added, settings, thresholds."""
HELD_OUT: Split = "held-out"
"""Looked at when all is chosen."""


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
    "put": {
        TRAINING: (
            *("put", "place", "drop", "lay", "move", "set", "bring", "deliver", "deposit", "get", "transfer", "stow"),
            *(
                "insert",
                "carry",
                "shift",
                "stick",
                "store",
                "put",
                "place",
                "put",
                "slip",
                "guide",
                "convey",
                "ship",
                "take",
            ),
        ),
        HELD_OUT: ("relocate", "park", "transport", "position", "haul", "tuck", "load", "slot", "send", "pop"),
    },
    "putting": {
        TRAINING: ("putting", "placing", "dropping", "moving", "setting", "laying", "storing"),
        HELD_OUT: ("relocating", "positioning", "depositing", "transporting"),
    },
    "placed": {
        TRAINING: ("put", "placed", "dropped", "moved", "set", "stored", "brought"),
        HELD_OUT: ("relocated", "positioned", "deposited", "delivered", "transported"),
    },
    "noun": {
        TRAINING: (
            "block",
            "block",
            "block",
            "cube",
            "cube",
            "brick",
            "box",
            "piece",
            "object",
            "one",
            "toy block",
            "thing",
            "toy",
            "wooden block",
            "element",
            "part",
            "token",
        ),
        HELD_OUT: ("cuboid", "item", "chunk", "building block"),
    },
    "block": {
        TRAINING: (
            *("the {c} {noun}", "the {c} {noun}", "the {c} {noun}", "{c} {noun}", "the {c} one", "{c}"),
            *("the {noun} that is {c}", "the {c} colored {noun}", "that {c} {noun}", "the {noun} in {c}"),
        ),
        HELD_OUT: ("the {noun} which is {c}", "the {noun} of {c} color", "this {c} {noun}", "the {c} coloured {noun}"),
    },
    "can": {
        TRAINING: ("bin", "bin", "bin", "container", "tray", "bucket", "basket", "crate", "case", "holder", "carton"),
        HELD_OUT: ("tub", "pail", "receptacle"),
    },
    "bin": {
        TRAINING: (
            *("bin {l}", "bin {l}", "bin {l}", "bin {l}", "{can} {l}", "the {l} {can}", "the {can} labelled {l}"),
            *("the {can} marked {l}", "the {tone} {can}", "the {tone} {can}", "the {tone} colored {can}", "bin-{l}"),
            *("bin{l}", "the {can} that is {tone}", "the {can} {l}", "bin_{l}"),
        ),
        HELD_OUT: (
            "the {can} called {l}",
            "the {can} with the letter {l}",
            "the {can} which is {tone}",
            "that {can} {l}",
        ),
    },
    "drawer": {
        TRAINING: (
            "the drawer",
            "the drawer",
            "the drawer",
            "drawer",
            "the cabinet drawer",
            "the drawer in the cabinet",
        ),
        HELD_OUT: ("that drawer", "the cabinet's drawer", "the drawer of the cabinet", "this drawer"),
    },
    "into": {
        TRAINING: ("in", "in", "into", "into", "inside", "to", "inside of"),
        HELD_OUT: ("within", "down into", "to the inside of", "straight into"),
    },
    "adverb": {
        TRAINING: (
            "directly",
            "right",
            "safely",
            "nicely",
            "over",
            "deep",
            "carefully",
            "all the way",
            "back",
            "again",
        ),
        HELD_OUT: ("gently", "firmly", "quietly"),
    },
    # of templates for training only
    "frame": {
        TRAINING: (
            *("make sure", "make sure that", "ensure that", "check that", "take care that", "it is important that"),
            *(
                "arrange that",
                "i wish that",
                "act so that",
                "my wish is that",
                "what matters is that",
                "be certain that",
            ),
            *("i require that", "bring about that", "do all you can so that", "it must be that"),
        ),
    },
    "becomes": {
        TRAINING: (
            *("is", "is put", "gets", "gets moved", "ends up", "goes", "comes", "will be", "has been placed", "lies"),
            *("sits", "rests", "finds its way", "is brought", "moves", "stays", "can be found"),
        ),
    },
    "has": {
        TRAINING: (
            "takes",
            "holds",
            "must hold",
            "has",
            "will have",
            "accepts",
            "houses",
            "needs",
            "is to have",
            "wants",
        ),
    },
    "open": {TRAINING: ("open",), HELD_OUT: ("open", "opened")},
    "shut": {TRAINING: ("closed", "shut"), HELD_OUT: ("closed", "shut")},
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
