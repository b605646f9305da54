# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Prompts as tokens of the plan-writing network: one for each thing, property, fact, goal, answer and step.

The network reads the same prompt as any language model does (``prompt.py``); here its lines become rows of six integers
(``network.py``). Words that are in no list are the unknown word; things are known by their number in the scene's list.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.condition_text import parse_condition
from robot_planner.task_planning.conditions import And, AtLeast, Atom, Condition, ForAll, Not, Or
from robot_planner.task_planning.plan import NAME, NO_PLAN, NUMBER, ObjectRef, Step, parse_plan, parse_step
from robot_planner.task_planning.prompt import DONE, NOTHING

Token = tuple[int, int, int, int, int, int]
"""Kind, word, first thing, second thing, place, how many answers ago."""
_THING = re.compile(rf"<({NAME})> \(({NUMBER})\)")
_COULD_NOT = re.compile(r"step (\d+) could not be done: (.*)", re.DOTALL)
UNKNOWN, BEGIN, END_WORD = "?", "BEGIN", "END"


class Kind(IntEnum):
    """What a token tells."""

    BEGIN = 0
    INSTRUCTION = 1
    GOAL = 2
    NOT_GOAL = 3
    OBJECT = 4
    PROPERTY = 5
    SEEN = 6
    TRIED = 7
    FAILED = 8
    UNMET = 9
    NOT_UNMET = 10
    LEARNED = 11
    NOT_LEARNED = 12
    DRAFT = 13
    STEP = 14
    COUNT = 15
    NOT_SEEN = 16


class WordList:
    """Words and their numbers; made from the domains that a model is trained on, and kept in its configuration."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._number = {word: at for at, word in enumerate(self.words)}
        if self.words[:3] != (UNKNOWN, BEGIN, END_WORD) or len(self._number) != len(self.words):
            raise InvalidInputError(f"a word list begins with {UNKNOWN}, {BEGIN}, {END_WORD} and has no word twice")

    @classmethod
    def of(cls, words: Sequence[str]) -> "WordList":
        """A list of these words, each once."""
        return cls([UNKNOWN, BEGIN, END_WORD, *sorted(set(words) - {UNKNOWN, BEGIN, END_WORD})])

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, word: str) -> int:
        """The word's number; 0 for an unknown one."""
        return self._number.get(word, 0)


def reason_word(reason: str) -> str:
    """The word for an executor's reason: its text without the things in it."""
    return " ".join(_THING.sub("_", reason).split())


@dataclass(frozen=True)
class SceneTokens:
    """The block of the scene, and its things."""

    tokens: tuple[Token, ...]
    """The things stand first after the beginning, in their order."""
    things: tuple[ObjectRef, ...]

    @property
    def number(self) -> Mapping[ObjectRef, int]:
        """Thing -> its number, from 1."""
        return {thing: at for at, thing in enumerate(self.things, 1)}


class PromptReader:
    """Reads what ``write_prompt`` and ``write_suffix`` write; raises InvalidInputError for anything else."""

    def __init__(self, words: WordList) -> None:
        self.words = words

    def split(self, prefix: str) -> tuple[str, str]:
        """The part of the prefix that tells the scene, and the part that tells the answers."""
        lines = prefix.split("\n")
        if len(lines) < 4 or not all(
            line.startswith(f"{name}: ")
            for line, name in zip(lines, ("Task", "Goals", "Objects", "Seen"), strict=False)
        ):
            raise InvalidInputError("a prompt begins with the lines Task, Goals, Objects and Seen")
        return "\n".join(lines[:4]), "\n".join(lines[4:]).strip("\n")

    def scene(self, text: str) -> SceneTokens:
        """The first part of ``split``."""
        task, goals, objects, seen = (line.partition(": ")[2] for line in text.split("\n"))
        entries = [] if objects == NOTHING else [_THING.match(entry) for entry in objects.split("; ")]
        if not all(entries):
            raise InvalidInputError(f"the line Objects has an entry that is no thing: {objects[:80]}")
        found = [match for match in entries if match]
        things = tuple(ObjectRef(match[1], int(match[2])) for match in found)
        number = {thing: at for at, thing in enumerate(things, 1)}
        tokens: list[Token] = [(Kind.BEGIN, self.words[BEGIN], 0, 0, 0, 0)]
        properties: list[Token] = []
        for thing, match in zip(things, found, strict=True):
            kind, *own = match.string[match.end() :].split() or [UNKNOWN]
            tokens.append((Kind.OBJECT, self.words[kind], number[thing], 0, 0, 0))
            properties += [(Kind.PROPERTY, self.words[word], number[thing], 0, 0, 0) for word in own]
        tokens += properties
        tokens += self._instruction(task, things)
        tokens += [token for goal in self.goals(goals, number) for token in goal]
        if seen != NOTHING:
            for fact in seen.split("; "):
                tokens += self._condition(fact, number, Kind.SEEN, Kind.NOT_SEEN, 0, 0)
        return SceneTokens(tuple(tokens), things)

    def goals(self, text: str, number: Mapping[ObjectRef, int]) -> Iterator[tuple[Token, ...]]:
        """The tokens of each goal in the text of the line Goals."""
        if text != NOTHING:
            for at, goal in enumerate(text.split("; "), 1):
                yield tuple(self._condition(goal, number, Kind.GOAL, Kind.NOT_GOAL, at, 0))

    def answers(self, text: str, number: Mapping[ObjectRef, int]) -> tuple[Token, ...]:
        """The second part of ``split``; ``number``: of the scene's things."""
        lines = text.split("\n") if text else []
        tokens: list[Token] = []
        if lines and lines[0].startswith("Learned: "):
            for fact in lines.pop(0).removeprefix("Learned: ").split("; "):
                tokens += self._condition(fact, number, Kind.LEARNED, Kind.NOT_LEARNED, 0, 0)
        pairs = list(zip(lines[::2], lines[1::2], strict=False))
        if len(lines) % 2 or not all(a.startswith("Tried: ") and b.startswith("Answer: ") for a, b in pairs):
            raise InvalidInputError("after the scene and what was learned, lines Tried and Answer take turns")
        for ago, (tried, answer) in enumerate(reversed(pairs), 1):
            plan = tried.removeprefix("Tried: ")
            steps = [] if plan == NOTHING else [part.partition(". ")[2] for part in plan.split("; ")]
            tokens += [self.step(parse_step(s), number, Kind.TRIED, at, ago) for at, s in enumerate(steps, 1)]
            tokens += self._answer(answer.removeprefix("Answer: "), number, ago)
        return tuple(tokens)

    def draft(self, suffix: str, number: Mapping[ObjectRef, int]) -> tuple[Token, ...]:
        """The part of the prompt that changes."""
        if not (suffix.startswith("Draft:\n") and suffix.endswith("\nPlan:\n")):
            raise InvalidInputError("a prompt ends with the lines Draft and Plan")
        text = suffix.removeprefix("Draft:\n").removesuffix("\nPlan:\n")
        if text == NO_PLAN:
            return ((Kind.DRAFT, self.words[UNKNOWN], 0, 0, 0, 0),)
        steps = parse_plan(text).steps
        end: Token = (Kind.DRAFT, self.words[END_WORD], 0, 0, len(steps) + 1, 0)
        return (*(self.step(step, number, Kind.DRAFT, at) for at, step in enumerate(steps, 1)), end)

    def step(self, step: Step, number: Mapping[ObjectRef, int], kind: Kind, at: int, ago: int = 0) -> Token:
        """A step as one token; a thing that the scene does not have is none."""
        first, second = (*(number.get(thing, 0) for thing in step.objects[:2]), 0, 0)[:2]
        return (kind, self.words[step.action], first, second, at, ago)

    def _instruction(self, text: str, things: Sequence[ObjectRef]) -> Iterator[Token]:
        """One token a word; a word that names things of the scene points at the first of them."""
        names: dict[str, int] = {}
        for place, thing in enumerate(things, 1):
            names.setdefault(thing.name.replace("_", " "), place)
        longest = max((name.count(" ") + 1 for name in names), default=1)
        words = re.findall(r"[a-z0-9]+", text.lower()) if text != NOTHING else []
        at = 0
        while at < len(words):
            for length in range(min(longest, len(words) - at), 0, -1):
                named = names.get(" ".join(words[at : at + length]), 0)
                if named or length == 1:
                    word = self.words[UNKNOWN] if named else self.words[words[at]]
                    yield (Kind.INSTRUCTION, word, named, 0, at + 1, 0)
                    at += length
                    break

    def _answer(self, text: str, number: Mapping[ObjectRef, int], ago: int) -> Iterator[Token]:
        if text == DONE:
            yield (Kind.FAILED, self.words[END_WORD], 0, 0, 0, ago)
            return
        reason: list[str] = []
        for part in text.split("; "):
            if part.startswith("unmet: "):
                for goal in _listed(part.removeprefix("unmet: ")):
                    yield from self._condition(goal, number, Kind.UNMET, Kind.NOT_UNMET, 0, ago)
            else:
                reason.append(part)
        if reason:
            said = "; ".join(reason)
            match = _COULD_NOT.fullmatch(said)
            at, said = (int(match[1]), match[2]) if match else (0, said)
            named = [number.get(ObjectRef(name, int(digits)), 0) for name, digits in _THING.findall(said)]
            first, second = (*named[:2], 0, 0)[:2]
            yield (Kind.FAILED, self.words[reason_word(said)], first, second, at, ago)

    def _condition(
        self, text: str, number: Mapping[ObjectRef, int], true: Kind, false: Kind, at: int, ago: int
    ) -> Iterator[Token]:
        """One token for each fact in a condition, and one for each quantifier."""

        def walk(part: Condition, holds: bool) -> Iterator[Token]:
            if isinstance(part, Atom):
                known = [number.get(term, 0) if isinstance(term, ObjectRef) else 0 for term in part.args[:2]]
                first, second = (*known, 0, 0)[:2]
                yield (true if holds else false, self.words[part.relation], first, second, at, ago)
            elif isinstance(part, Not):
                yield from walk(part.of, not holds)
            elif isinstance(part, And | Or):
                for inner in part.of:
                    yield from walk(inner, holds)
            elif isinstance(part, AtLeast | ForAll):
                count = part.number if isinstance(part, AtLeast) else 0
                yield (Kind.COUNT, self.words[part.type], 0, 0, at + count, ago)
                yield from walk(part.of, holds)

        yield from walk(parse_condition(text), True)


def _listed(text: str) -> Iterator[str]:
    """The conditions of a list: its commas are those outside of parentheses."""
    depth = begin = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            yield text[begin:at]
            begin = at + 2
    yield text[begin:]


def name_pieces(name: str, buckets: int, count: int) -> list[int]:
    """Numbers (count,) of a name's pieces between underscores, 1 to ``buckets`` - 1, filled up with 0."""
    pieces = [
        int.from_bytes(hashlib.blake2s(piece.encode(), digest_size=4).digest(), "little") for piece in name.split("_")
    ]
    return [1 + piece % (buckets - 1) for piece in pieces[:count]] + [0] * (count - len(pieces))
