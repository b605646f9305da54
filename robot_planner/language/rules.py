# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Rules that refuse an instruction for its words alone: unknown words, negations, more than one block, and the like."""

import functools
import re

from robot_planner.arrangement import COLORS
from robot_planner.language.typos import slips
from robot_planner.language.vocabulary import FOREIGN, KNOWN, NEGATIONS
from robot_planner.language.words import COLOR_WORDS, SLOTS, TONES, TRAINING, word_set

LONG, MOST_EDITS = 6, 2
"""Words of so many letters may be so many edits away from a known one."""
SIGNS = frozenset(",.;:!?&=-><()/+\"'")
_AUXILIARIES = word_set("do does should must is are will would can could may might shall ought")
_NOT = frozenset(slips("not"))
_MANY = word_set("blocks cubes bins everything three")
_NUMBERS = word_set("1 2 two both all")
_NOUNS = frozenset(" ".join(SLOTS["noun"][TRAINING]).split()) - {"thing"}
_CONDITIONS = word_set("the my your our that this it drawer bin") | {*COLORS}
_PAST = r"(?!need |red |bed )\w+ed"
_TELLING = re.compile(
    rf" (?:i|we|they) (?:just |have |had )*(?:{_PAST}|put|set|laid|brought|shut) "
    rf"|(?<! when)(?<! once)(?<! after)(?<! before) you (?:just |have |had )*{_PAST} "
    rf"| (?:i|we|you|they) (?:have |had |have just |just )(?:put|set|laid|brought|shut) "
)
"""Somebody did something: "i have put ...", but "when you have opened ..." orders what comes first."""
_UNFINISHED = word_set("to into the of and or with")
_ASIDE = frozenset(word for tones in TONES.values() for word in tones)


def distance(one: str, two: str) -> int:
    """Edits between two words: insertions, deletions, substitutions and swaps of neighbours (optimal alignment)."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        before, last, row = row, before, [i]
        for j, b in enumerate(two, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == two[j - 2] and one[i - 2] == b:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
    return row[-1]


@functools.lru_cache(maxsize=65536)
def nearest(word: str) -> tuple[str, int]:
    """The known word that a word is most like, and how many edits lie between."""
    near = (known for known in KNOWN if abs(len(known) - len(word)) <= 3)
    return min(
        ((known, distance(word, known)) for known in near), key=lambda pair: (pair[1], pair[0]), default=("", 99)
    )


@functools.cache
def _slipped() -> frozenset[str]:
    return frozenset(slip for known in KNOWN if len(known) >= 3 for slip in slips(known))


def is_known(word: str) -> bool:
    """Whether a word is known, or a known one misspelt: one slip in short words, up to two edits in longer ones."""
    word, _, ending = word.partition("'")
    if ending not in ("", "s", "d", "ll", "re", "ve", "m"):
        return False
    if word in KNOWN:
        return True
    if word in FOREIGN or word in COLOR_WORDS:
        return False
    if word in _slipped():
        return True
    close, edits = nearest(word)
    return len(word) >= LONG and word[0] == close[0] and edits <= MOST_EDITS


def _negates(before: str, word: str) -> bool:
    """Whether a word says what not to do; "nto" does so as well where "not" is to be expected."""
    return word in NEGATIONS or (before in _AUXILIARIES and word not in KNOWN and word in _NOT)


def _is_many(before: str, word: str, after: str) -> bool:
    return word in _MANY or (word in _NUMBERS and (before == "by" or after in COLORS or after in _NOUNS))


def objection(words: list[str]) -> str | None:
    """Why an instruction of these words is refused; None if the words are all right."""
    pairs = list(zip(["", *words], words, [*words[1:], ""], strict=False))
    negation = next((word for before, word, _ in pairs if _negates(before, word)), None)
    if negation is not None:
        return f"'{negation}' says what not to do; say what to do"
    for word in words:
        if word in COLOR_WORDS and word not in _ASIDE:
            return f"no block is {word}; blocks are red, green and blue"
    many = next(((word, after) for before, word, after in pairs if _is_many(before, word, after)), None)
    if many is not None:
        named = many[0] if many[0] in _MANY else " ".join(many)
        return f"'{named}' is more than one; there is one block of each color, and room for one in each place"
    if any(word == "if" and after in _CONDITIONS for _, word, after in pairs):
        return "'if' makes it depend on something; say what to do"
    if _TELLING.search(f" {' '.join(words)} "):
        return "it tells what has been done; say what to do"
    last = next((word for word in reversed(words) if word not in SIGNS), "")
    if last in _UNFINISHED:
        return f"it breaks off after '{last}'"
    unknown = [word for word in words if word not in SIGNS and not is_known(word)]
    if not unknown:
        return None
    named = ", ".join(f"'{word[:40]}'" for word in dict.fromkeys(unknown[:4])) + (", ..." if len(unknown) > 4 else "")
    close, edits = nearest(unknown[0])
    hint = f" (nearest known word: '{close}')" if edits <= max(2, len(unknown[0]) // 2) and len(unknown[0]) > 2 else ""
    return f"{'words' if len(unknown) > 1 else 'the word'} {named} {'are' if len(unknown) > 1 else 'is'} unknown{hint}"
