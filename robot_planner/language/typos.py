# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Slips of the fingers: neighbouring keys, swapped, dropped and doubled letters."""

import re
from random import Random

from robot_planner.language.vocabulary import FOREIGN, KNOWN

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, str]:
    at = {key: (x + 0.4 * y, y) for y, row in enumerate(_ROWS) for x, key in enumerate(row)}
    return {
        key: "".join(k for k, (u, v) in at.items() if k != key and abs(u - x) <= 1.0 and abs(v - y) <= 1)
        for key, (x, y) in at.items()
    }


NEIGHBOURS = _neighbours()


def slips(word: str) -> list[str]:
    """Every way in which one slip changes a word of three letters or more; only longer ones lose a letter."""
    found = []
    for at, letter in enumerate(word):
        head, tail = word[:at], word[at + 1 :]
        found += [head + key + tail for key in NEIGHBOURS.get(letter.lower(), "")]
        found.append(head + letter + letter + tail)
        if tail and tail[0] != letter:
            found.append(head + tail[0] + letter + tail[1:])
        if len(word) > 3:
            found.append(head + tail)
    return found


def misspell(word: str, random: Random) -> str:
    """A word with one slip that makes no other common word of it; the word itself if that can't be."""
    possible = [slip for slip in slips(word) if slip.lower() not in KNOWN and slip.lower() not in FOREIGN]
    return random.choice(possible) if possible else word


def add_typos(text: str, random: Random, count: int) -> str:
    """The text with one slip in each of up to ``count`` different words of three letters or more."""
    words = list(re.finditer(r"[A-Za-z]{3,}", text))
    for match in sorted(random.sample(words, min(count, len(words))), key=lambda m: -m.start()):
        text = text[: match.start()] + misspell(match[0], random) + text[match.end() :]
    return text
