# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Why a step can't be done, in the domain's words; one place for the executor and the checker."""

import re

from robot_planner.task_planning.conditions import AtLeast, Condition, Not, Variable
from robot_planner.task_planning.domain import Action, Requirement
from robot_planner.task_planning.plan import ObjectRef
from robot_planner.task_planning.state import State

PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""Where a reason names a thing."""


def failing(action: Action, objects: tuple[ObjectRef, ...], facts: State) -> str | None:
    """The reason of the first requirement that is known to be false; None if there is none."""
    binding = action.bind(objects)
    for requirement in action.requires:
        if requirement.condition.evaluate(facts, binding) is False:
            return explain(requirement, binding, facts)
    return None


def explain(requirement: Requirement, binding: dict[Variable, ObjectRef], facts: State) -> str:
    """The requirement's reason with the things' names; of "not exists" also the thing that stands in the way."""
    named = dict(binding)
    if "{" in requirement.reason and isinstance(requirement.condition, Not):
        _witness(requirement.condition.of, named, facts)
    return PLACE.sub(lambda m: str(named.get(Variable(m[1]), "something")), requirement.reason)


def _witness(condition: Condition, binding: dict[Variable, ObjectRef], facts: State) -> None:
    while isinstance(condition, AtLeast):
        for thing in facts.of_type(condition.type):
            if condition.of.evaluate(facts, {**binding, condition.variable: thing}):
                # a definition's variables are renamed when it is written out: ?c is then ?c__1
                binding[condition.variable] = thing
                binding.setdefault(Variable(str.__str__(condition.variable).split("__")[0]), thing)
                break
        else:
            return
        condition = condition.of
