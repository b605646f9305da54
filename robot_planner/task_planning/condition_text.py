# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads conditions and facts from text.

Binding from loose to tight: ``exists ?x food: ...`` (also ``forall``, ``atleast 2``), which reach as far right as they
can; ``or``; ``and``; ``not``; then ``relation(...)``, ``?x = ?y``, ``true``, ``false`` and parentheses.
"""

import re

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.conditions import (
    And,
    AtLeast,
    Atom,
    Condition,
    Fact,
    ForAll,
    Not,
    Or,
    Same,
    Term,
    Variable,
    exists,
)
from robot_planner.task_planning.plan import NAME, NUMBER, ObjectRef

LONGEST = 20_000
"""Characters of a condition."""
DEEPEST = 60
"""Levels of nesting."""
_TOKEN = re.compile(
    rf"\s*(?:(?P<object><{NAME}> \((?:{NUMBER})\))|(?P<variable>\?{NAME})|(?P<word>{NAME})|(?P<number>\d{{1,3}})"
    r"|(?P<sign>[(),:=]))"
)
_RESERVED = frozenset({"and", "or", "not", "exists", "forall", "atleast", "true", "false"})


class ConditionSyntaxError(InvalidInputError):
    """A text that is no condition; ``column`` counts from 1."""

    def __init__(self, text: str, column: int, reason: str) -> None:
        self.column, self.reason = column, reason
        shown = text if len(text) <= 80 else text[:77] + "..."
        super().__init__(f"'{shown}', column {column}: {reason}")


def parse_condition(text: str) -> Condition:
    """Reads what ``str`` of a condition writes; raises ConditionSyntaxError."""
    reader = _Reader(text)
    condition = reader.condition(0)
    reader.expect_end()
    return condition


def parse_fact(text: str) -> Fact:
    """Reads what ``str`` of a fact writes; raises ConditionSyntaxError."""
    condition = parse_condition(text)
    if not isinstance(condition, Atom) or any(isinstance(arg, Variable) for arg in condition.args):
        raise ConditionSyntaxError(text, 1, "expected one fact, such as inside(<apple> (3), <fridge> (2))")
    return condition.fact()


def parse_literal(text: str) -> tuple[Fact, bool]:
    """Reads a fact, or one with ``not`` before it, and whether it holds; raises ConditionSyntaxError."""
    condition = parse_condition(text)
    if isinstance(condition, Not):
        return parse_fact(str(condition.of)), False
    return parse_fact(text), True


class _Reader:
    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ConditionSyntaxError(text, LONGEST + 1, f"longer than {LONGEST} characters")
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                at = position + len(text[position:]) - len(text[position:].lstrip())
                raise ConditionSyntaxError(text, at + 1, f"'{text[at : at + 12]}' has no place here")
            self.tokens.append((match.lastgroup, match[match.lastgroup], match.start(match.lastgroup) + 1))
            position = match.end()
        self.at = 0

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "", len(self.text) + 1)

    def take(self, kind: str, value: str | None = None, what: str = "") -> str:
        found, text, column = self.peek()
        if found != kind or (value is not None and text != value):
            seen = f"found '{text}'" if text else "the text ends"
            raise ConditionSyntaxError(self.text, column, f"expected {what or value or kind}; {seen}")
        self.at += 1
        return text

    def at_word(self, *words: str) -> bool:
        kind, text, _ = self.peek()
        return kind == "word" and text in words

    def expect_end(self) -> None:
        self.take("end", what="'and', 'or' or the end")

    def condition(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise ConditionSyntaxError(self.text, self.peek()[2], f"nested more than {DEEPEST} levels deep")
        return self._many("or", depth)

    def _many(self, word: str, depth: int) -> Condition:
        parts = [self._many("and", depth) if word == "or" else self._one(depth)]
        while self.at_word(word):
            self.at += 1
            parts.append(self._many("and", depth) if word == "or" else self._one(depth))
        if len(parts) == 1:
            return parts[0]
        return Or(tuple(parts)) if word == "or" else And(tuple(parts))

    def _one(self, depth: int) -> Condition:
        kind, text, column = self.peek()
        if kind == "sign" and text == "(":
            self.at += 1
            inside = self.condition(depth + 1)
            self.take("sign", ")")
            return inside
        if kind in ("variable", "object"):
            left = self._term()
            self.take("sign", "=")
            return Same(left, self._term())
        if kind != "word":
            raise ConditionSyntaxError(self.text, column, "expected a condition, such as open(?x) or not open(?x)")
        self.at += 1
        if text in ("true", "false"):
            return And(()) if text == "true" else Or(())
        if text == "not":
            if depth + 1 > DEEPEST:
                raise ConditionSyntaxError(self.text, column, f"nested more than {DEEPEST} levels deep")
            return Not(self._one(depth + 1))
        if text in ("exists", "forall", "atleast"):
            number = int(self.take("number")) if text == "atleast" else 1
            if number < 1:
                raise ConditionSyntaxError(self.text, column, "atleast counts from 1")
            variable = Variable(self.take("variable", what="a variable, such as ?x")[1:])
            type_name = self.take("word", what="a type")
            self.take("sign", ":")
            of = self.condition(depth + 1)
            if text == "forall":
                return ForAll(variable, type_name, of)
            return exists(variable, type_name, of) if number == 1 else AtLeast(number, variable, type_name, of)
        if text in _RESERVED:
            raise ConditionSyntaxError(self.text, column, f"'{text}' joins two conditions")
        return self._atom(text)

    def _atom(self, relation: str) -> Atom:
        self.take("sign", "(")
        args: list[Term] = []
        while self.peek()[:2] != ("sign", ")"):
            if args:
                self.take("sign", ",", what="',' or ')'")
            args.append(self._term())
        self.at += 1
        return Atom(relation, tuple(args))

    def _term(self) -> Term:
        kind, text, column = self.peek()
        self.at += 1
        if kind == "variable":
            return Variable(text[1:])
        if kind == "object":
            name, number = text[1:].split("> (")
            return ObjectRef(name, int(number[:-1]))
        raise ConditionSyntaxError(self.text, column, "expected a thing, such as <apple> (3), or a variable")
