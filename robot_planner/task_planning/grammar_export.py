# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A scene's grammar in the forms that language-model servers take: GBNF, JSON schema and regular expression.

All three allow the same plans as ``Grammar``. The JSON form is ``{"steps": [{"action": "GRAB", "objects":
["<apple> (3)"]}]}``; ``plan_from_json`` reads it.
"""

import json
from typing import Any

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.plan import END, LONGEST_PLAN, PlanSyntaxError, Step, TaskPlan, parse_step


def to_regex(grammar: Grammar) -> str:
    """A regular expression that matches (in full) the canonical text of every plan that may be written."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, candidates in _usable(grammar):
        key = tuple(
            "|".join(str(thing).replace("(", r"\(").replace(")", r"\)") for thing in things) for things in candidates
        )
        groups.setdefault(key, []).append(name)
    lines = []
    for key, names in groups.items():
        things = "".join(rf" (?:{options})" for options in key)
        lines.append(rf"\[(?:{'|'.join(names)})\]{things}\n")
    return rf"(?:{'|'.join(lines)}){{0,{LONGEST_PLAN}}}{END}" if lines else END


def to_gbnf(grammar: Grammar) -> str:
    """A grammar of llama.cpp; the number of steps is not bounded there, the number of tokens has to be."""
    rules: list[str] = []
    lists: dict[tuple[Any, ...], str] = {}
    for name, candidates in _usable(grammar):
        parts = [json.dumps(f"[{name}]")]
        for things in candidates:
            rule = lists.setdefault(things, f"things{len(lists)}")
            parts.append(f'" " {rule}')
        rules.append(" ".join([*parts, r'"\n"']))
    step = "step ::= " + " | ".join(rules)
    named = [f"{rule} ::= {' | '.join(json.dumps(str(t)) for t in things)}" for things, rule in lists.items()]
    start = f'root ::= step* "{END}"' if rules else f'root ::= "{END}"'
    return "\n".join([start, *([step] if rules else []), *named]) + "\n"


def to_json_schema(grammar: Grammar) -> dict[str, Any]:
    """A JSON schema of the same plans."""
    steps = [
        {
            "type": "object",
            "properties": {
                "action": {"const": name},
                "objects": {
                    "type": "array",
                    "prefixItems": [{"enum": [str(thing) for thing in things]} for things in candidates],
                    "items": False,
                    "minItems": len(candidates),
                    "maxItems": len(candidates),
                },
            },
            "required": ["action", "objects"],
            "additionalProperties": False,
        }
        for name, candidates in _usable(grammar)
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "steps": {"type": "array", "maxItems": LONGEST_PLAN if steps else 0, "items": {"anyOf": steps or [True]}}
        },
        "required": ["steps"],
        "additionalProperties": False,
    }


def plan_to_json(plan: TaskPlan) -> str:
    """A plan in the JSON form."""
    return json.dumps({"steps": [{"action": s.action, "objects": [str(o) for o in s.objects]} for s in plan.steps]})


def plan_from_json(text: str) -> TaskPlan:
    """Inverse of ``plan_to_json``; raises PlanSyntaxError or InvalidInputError."""
    try:
        steps = json.loads(text)["steps"]
        lines = [" ".join([f"[{step['action']}]", *step["objects"]]) for step in steps]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInputError(f"no plan in the JSON form: {type(error).__name__}: {str(error)[:80]}") from None
    if len(lines) > LONGEST_PLAN:
        raise PlanSyntaxError(LONGEST_PLAN + 1, 1, f"more than {LONGEST_PLAN} steps")
    parsed: list[Step] = [parse_step(line) for line in lines]
    return TaskPlan(tuple(parsed))


def _usable(grammar: Grammar) -> list[tuple[str, tuple[tuple[Any, ...], ...]]]:
    found = ((name, grammar.scene.candidates(name)) for name in grammar.actions)
    return [(name, candidates) for name, candidates in found if all(candidates)]
