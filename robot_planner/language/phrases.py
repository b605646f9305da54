# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Instructions for an arrangement, as people would phrase them."""

import re
from random import Random

import numpy as np

from robot_planner.arrangement import BIN_A, BIN_B, COLORS, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.language import frames as f
from robot_planner.language import templates as t
from robot_planner.language.family import FAMILY
from robot_planner.language.patterns import Templates
from robot_planner.language.typos import add_typos
from robot_planner.language.words import SLOTS, TONES, TRAINING, Split

LETTERS = {BIN_A: "a", BIN_B: "b"}
_SLOT = re.compile(r"\{(\w+)\}")


def sample_arrangement(rng: np.random.Generator) -> Arrangement:
    """One of FAMILY, each as likely as the others."""
    return FAMILY[int(rng.integers(len(FAMILY)))]


def phrase(arrangement: Arrangement, rng: np.random.Generator, split: Split = TRAINING, typos: int = 0) -> str:
    """An instruction for ``arrangement``, with ``typos`` slips of the fingers at most.

    Templates of the two splits are disjoint; a held-out phrase mixes held-out words with those of training.
    """
    random = Random(int(rng.integers(2**62)))
    text = Speaker(random, split).say(arrangement)
    return add_typos(text, random, typos) if typos else text


class Speaker:
    """Says one instruction; every choice is drawn from ``random``."""

    def __init__(self, random: Random, split: Split) -> None:
        self.random, self.split = random, split
        self.nouns = self.word("noun"), self.word("can")

    def word(self, slot: str) -> str:
        """What fills a slot: one time in two what training has, whatever the split."""
        own = self.split != TRAINING and self.random.random() < 0.5
        return self.random.choice((SLOTS[slot][self.split] if own else ()) or SLOTS[slot][TRAINING])

    def fill(self, template: str, **given: str) -> str:
        """The template with its slots filled, those ``given`` first."""
        return _SLOT.sub(lambda match: given[match[1]] if match[1] in given else self.word(match[1]), template)

    def pick(self, kinds: Templates) -> str:
        """A template of the speaker's split; of training's where the split has none."""
        return self.random.choice(self.random.choice(kinds[self.split] or kinds[TRAINING]))

    def block(self, color: str) -> str:
        """A way to name a block; most people keep to one noun."""
        noun = self.nouns[0] if self.random.random() < 0.8 else self.word("noun")
        return self.fill(self.word("block"), c=color, noun=noun)

    def place(self, place: str) -> str:
        """A way to name a bin or the drawer."""
        if place == DRAWER:
            return self.word("drawer")
        letter = LETTERS[place]
        shown = letter.upper() if self.random.random() < 0.5 else letter
        can = self.nouns[1] if self.random.random() < 0.8 else self.word("can")
        return self.fill(self.word("bin"), l=shown, tone=self.random.choice(TONES[letter]), can=can)

    def clause(self, imperative: Templates, statement: Templates, politely: bool, **given: str) -> str:
        """A command, or a statement of what is wanted."""
        if politely or self.random.random() < 0.65:
            return self.fill(self.pick(imperative), D=self.word("drawer"), **given)
        return self.fill(self.pick(statement), D=self.word("drawer"), **given)

    def of_block(self, color: str, place: str, politely: bool) -> str:
        """A clause about one block."""
        if place == HAND:
            return self.clause(t.HOLD_IMPERATIVE, t.HOLD_STATEMENT, politely, B=self.block(color), c=color)
        given = {"B": self.block(color), "c": color, "P": self.place(place)}
        return self.clause(t.PLACE_IMPERATIVE, t.PLACE_STATEMENT, politely, **given)

    def of_drawer(self, state: str, politely: bool) -> str:
        """A clause about the drawer."""
        if state == OPEN:
            return self.clause(t.OPEN_IMPERATIVE, t.OPEN_STATEMENT, politely)
        return self.clause(t.SHUT_IMPERATIVE, t.SHUT_STATEMENT, politely)

    def stow(self, color: str, state: str | None, politely: bool) -> str:
        """Clauses about the block that ends in the drawer, and the drawer."""
        random, drawer = self.random, self.word("drawer")
        stow = self.of_block(color, DRAWER, politely)
        if state is None:
            return stow
        way = random.random()
        if way < 0.35 or (state == OPEN and way < 0.5):  # open it, put the block in
            if random.random() < 0.4:
                said = self.fill(self.pick(f.AFTER_OPENING), **{"1": stow}, D=drawer)
            else:
                inside = self.fill(self.pick(f.IN_OPENED), B=self.block(color)) if random.random() < 0.6 else stow
                said = self.of_drawer(OPEN, politely) + self.pick(f.JOINTS) + inside
            if state == OPEN:
                return said
            return said + self.pick(f.JOINTS) + self._afterwards(SHUT)
        if state == SHUT and way < 0.5:
            ing = self.fill("{putting} {B} {into} it", B=self.block(color))
            return self.fill(self.pick(f.BEFORE_SHUTTING), **{"1": stow, "ing": ing}, D=drawer)
        return stow + self.pick(f.JOINTS) + self._afterwards(state)

    def _afterwards(self, state: str) -> str:
        if self.random.random() < 0.3:
            return self.of_drawer(state, False)
        return self.fill(self.pick({OPEN: f.OPEN_AFTER, SHUT: f.SHUT_AFTER}[state]), D=self.word("drawer"))

    def two_bins(self, colors: list[str], places: list[str], politely: bool) -> list[str]:
        """Clauses about two blocks in the bins: each its own, the second one shortened, or both in one."""
        random = self.random
        way = random.random()
        if way < 0.15:
            given = {"B": self.block(colors[0]), "C": self.block(colors[1])}
            given |= {"P": self.place(places[0]), "Q": self.place(places[1])}
            return [self.fill(self.pick(f.RESPECTIVELY), **given)]
        first = self.of_block(colors[0], places[0], politely)
        if way < 0.5:
            return [first, f"{self.block(colors[1])} {self.word('into')} {self.place(places[1])}"]
        return [first, self.of_block(colors[1], places[1], politely)]

    def say(self, arrangement: Arrangement) -> str:
        """The whole instruction."""
        random = self.random
        politely = random.random() < 0.3
        wanted = [(color, place) for color, place in zip(COLORS, arrangement.blocks, strict=True) if place]
        random.shuffle(wanted)
        binned = [(color, place) for color, place in wanted if place in LETTERS]
        groups: list[list[str]] = []
        if len(binned) == 2:
            groups.append(self.two_bins([c for c, _ in binned], [p for _, p in binned], politely))
        else:
            groups.extend([self.of_block(color, place, politely)] for color, place in binned)
        groups.extend([self.of_block(color, place, politely)] for color, place in wanted if place == HAND)
        stowed = [color for color, place in wanted if place == DRAWER]
        if stowed:
            groups.append([self.stow(stowed[0], arrangement.drawer, politely)])
        elif arrangement.drawer is not None:
            groups.append([self.of_drawer(arrangement.drawer, politely)])
        random.shuffle(groups)
        return self._finish(self.join([clause for group in groups for clause in group]), politely)

    def join(self, clauses: list[str]) -> str:
        """Clauses as one text."""
        if len(clauses) == 2 and self.random.random() < 0.2:
            return self.fill(self.pick(f.FIRST), **{"1": clauses[0], "2": clauses[1]})
        text = clauses[0]
        for clause in clauses[1:]:
            text += self.pick(f.JOINTS) + clause
        return text

    def _finish(self, text: str, politely: bool) -> str:
        """Politeness, case and the full stop."""
        random = self.random
        if politely:
            text = self.pick(f.POLITE) + text
        elif random.random() < 0.1:
            text = self.pick(f.ADDRESS) + text
        if random.random() < 0.15:
            text += self.pick(f.THANKS)
        text += random.choices(("", ".", "!", "?" if politely else ""), (0.6, 0.3, 0.05, 0.05))[0]
        case = random.random()
        if case < 0.4:
            return text[0].upper() + text[1:]
        return text.upper() if case > 0.97 else text
