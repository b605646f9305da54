# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The plan language: one step a line, ``[ACTION] <object> (id) <object> (id)``, closed by END.

One parser and one printer, inverse to each other. What a language model writes is data: names come from a closed
alphabet, and nothing that does not parse reaches a checker or an executor.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

from robot_planner.errors import InvalidInputError

END = "END"
NO_PLAN = "NULL"
"""What stands for a draft where there is none yet."""
NAME = r"[a-z][a-z0-9_]{0,39}"
"""Regular expression of an object's name: what an object is called can carry no instruction, quote or line break."""
ACTION = r"[A-Z][A-Z0-9_]{0,39}"
NUMBER = r"0|[1-9][0-9]{0,5}"
LONGEST_PLAN = 200
"""Steps."""

_OBJECT = re.compile(rf"<({NAME})> \(({NUMBER})\)")
_ACTION = re.compile(rf"\[({ACTION})\]")


class PlanSyntaxError(InvalidInputError):
    """A text that is no plan; ``line`` and ``column`` count from 1."""

    def __init__(self, line: int, column: int, reason: str) -> None:
        self.line, self.column, self.reason = line, column, reason
        super().__init__(f"line {line}, column {column}: {reason}")


class ObjectRef(NamedTuple):
    """A thing of the scene; the number tells things of one name apart."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"<{self.name}> ({self.number})"


class Step(NamedTuple):
    """One action of the closed list of a domain, on things of the scene."""

    action: str
    objects: tuple[ObjectRef, ...] = ()

    def __str__(self) -> str:
        return " ".join([f"[{self.action}]", *map(str, self.objects)])


@dataclass(frozen=True)
class TaskPlan:
    """Steps in their order."""

    steps: tuple[Step, ...] = ()

    def __str__(self) -> str:
        """The plan as text; ``parse_plan`` reads it back."""
        return "\n".join([*map(str, self.steps), END])


def parse_plan(text: str) -> TaskPlan:
    """Reads what ``str`` of a plan writes; raises PlanSyntaxError.

    Blanks at both ends of a line and blank lines before END are allowed; after END nothing is.
    """
    steps: list[Step] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip() == END:
            _refuse_rest(lines, number)
            return TaskPlan(tuple(steps))
        if line.strip():
            if len(steps) == LONGEST_PLAN:
                raise PlanSyntaxError(number, 1, f"more than {LONGEST_PLAN} steps")
            steps.append(_parse_step(line, number))
    raise PlanSyntaxError(len(lines), len(lines[-1]) + 1, f"the plan does not end with {END}")


def parse_step(text: str) -> Step:
    """Reads one step; raises PlanSyntaxError."""
    return _parse_step(text, 1)


def _refuse_rest(lines: list[str], end: int) -> None:
    for number, line in enumerate(lines[end:], end + 1):
        if line.strip():
            raise PlanSyntaxError(number, 1, f"nothing may follow {END}")


def _parse_step(line: str, number: int) -> Step:
    position = len(line) - len(line.lstrip())
    match = _ACTION.match(line, position)
    if match is None:
        raise PlanSyntaxError(number, position + 1, "expected [ACTION], in capitals")
    objects, position = [], match.end()
    while rest := line[position:].strip():
        position += len(line[position:]) - len(line[position:].lstrip())
        found = _OBJECT.match(line, position)
        if found is None:
            raise PlanSyntaxError(number, position + 1, f"expected <object> (number), found '{rest[:20]}'")
        objects.append(ObjectRef(found[1], int(found[2])))
        position = found.end()
    return Step(match[1], tuple(objects))
