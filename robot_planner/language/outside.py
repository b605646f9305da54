# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Texts that are no instruction for an arrangement, of many kinds: what has to be refused.

Templates and words of the two splits are disjoint. Slots as in templates; besides them {thing}, {deed}, {tint} are
things, deeds and colours that the robot does not know, {letter} a bin that is not
there, {again} and {S} the block {B} and the bin {P} by another name.
"""

import re
import string
from random import Random

import numpy as np

from robot_planner.arrangement import BIN_A, BIN_B, COLORS, DRAWER, HAND, OPEN, SHUT
from robot_planner.language import frames as f
from robot_planner.language.family import BEYOND
from robot_planner.language.phrases import Speaker, phrase
from robot_planner.language.strange import CHAT, DEEDS, LETTERS, THINGS, TINTS, TONGUES
from robot_planner.language.strange_sentences import SENTENCES
from robot_planner.language.typos import add_typos
from robot_planner.language.vocabulary import FILLERS
from robot_planner.language.words import TRAINING, Split

BEYOND_FAMILY = "beyond"
KINDS = (*SENTENCES, "clash", "mixed", "chat", "tongue", "gibberish", "fillers", "cut", BEYOND_FAMILY)
_BESIDE = ("removal", "relation", "number", "negation", "crowded", "deed")
"""What spoils an instruction that it stands beside."""
_BARE = ("question", "tongue", "gibberish")
"""What politeness might make an instruction of, or is not said politely."""


def outside(
    rng: np.random.Generator, split: Split = TRAINING, kind: str | None = None, typos: int = 0
) -> tuple[str, str]:
    """A kind of KINDS (drawn unless given) and a text of that kind."""
    random = Random(int(rng.integers(2**62)))
    kind = kind or random.choice(KINDS)
    if kind == BEYOND_FAMILY:
        return kind, phrase(BEYOND[random.randrange(len(BEYOND))], rng, split, typos)
    if kind == "chat":
        text = random.choice(CHAT[split])
    elif kind == "tongue":
        text = random.choice(TONGUES[split])
    elif kind == "gibberish":
        text = " ".join(_letters(random) for _ in range(random.randint(1, 8)))
    elif kind == "fillers":
        text = " ".join(random.choices(sorted(FILLERS), k=random.randint(1, 10)))
    elif kind == "clash":
        text = _clash(random, split)
    elif kind == "mixed":
        clauses = [_order(random, split), _sentence(random, split, random.choice(_BESIDE))]
        random.shuffle(clauses)
        text = Speaker(random, split).join(clauses)
    elif kind == "cut":
        text = _cut(random, split)
    else:
        text = _sentence(random, split, kind)
    if random.random() < 0.35 and kind not in _BARE:
        speaker = Speaker(random, split)
        before, behind = random.choice(((f.POLITE, None), (f.ADDRESS, None), (None, f.THANKS), (f.POLITE, f.THANKS)))
        text = (speaker.pick(before) if before else "") + text + (speaker.pick(behind) if behind else "")
    text += random.choice(("", "", ".", "!", "?"))
    if random.random() < 0.4:
        text = text[0].upper() + text[1:]
    return kind, add_typos(text, random, typos) if typos else text


def _letters(random: Random) -> str:
    return "".join(random.choices(string.ascii_lowercase, k=random.randint(2, 10)))


def _sentence(random: Random, split: Split, kind: str) -> str:
    speaker = Speaker(random, split)
    template = speaker.pick(SENTENCES[kind])
    one, two, three = random.sample(COLORS, 3)
    bins = random.sample((BIN_A, BIN_B), 2)
    given = {
        "B": speaker.block(one),
        "C": speaker.block(two),
        "E": speaker.block(three),
        "c": one,
        "P": speaker.place(bins[0]),
        "S": speaker.place(bins[0]),
        "Q": speaker.place(bins[1]),
        "D": speaker.word("drawer"),
        "thing": random.choice(THINGS[split]),
        "deed": random.choice(DEEDS[split]),
        "tint": random.choice(TINTS[split]),
        "letter": random.choice(LETTERS[split]),
    }
    if "{again}" in template:
        given["again"] = speaker.block(one)
    return speaker.fill(template, **given)


def _clash(random: Random, split: Split) -> str:
    """Two clauses that can't both be, each as it would be said in an instruction, and sometimes a third that can."""
    speaker = Speaker(random, split)
    one, two, three = random.sample(COLORS, 3)
    here = random.choice((BIN_A, BIN_B, DRAWER, HAND))
    ways: tuple[list[str], ...] = (
        [speaker.of_drawer(OPEN, False), speaker.of_drawer(SHUT, False)],
        [speaker.of_block(one, place, False) for place in random.sample((BIN_A, BIN_B, DRAWER), 2)],
        [speaker.of_block(one, here, False), speaker.of_block(two, here, False)],
    )
    clauses = list(random.choice(ways))
    random.shuffle(clauses)
    if random.random() < 0.3:
        clauses.insert(random.choice((0, 2)), speaker.of_block(three, random.choice((BIN_A, BIN_B)), False))
    return speaker.join(clauses)


def _order(random: Random, split: Split) -> str:
    """A clause that could be an instruction on its own."""
    speaker = Speaker(random, split)
    if random.random() < 0.4:
        return speaker.of_drawer(random.choice((OPEN, SHUT)), False)
    return speaker.of_block(random.choice(COLORS), random.choice((BIN_A, BIN_B, DRAWER, HAND)), False)


def _cut(random: Random, split: Split) -> str:
    """A command that stops before its place."""
    speaker = Speaker(random, split)
    text = speaker.fill("{put} {B} {into}", B=speaker.block(random.choice(COLORS)))
    ends = (" the", "", " " + speaker.word("can"), " the " + speaker.word("can"))
    return re.sub(r"\s+", " ", text + random.choice(ends))
