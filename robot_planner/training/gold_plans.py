# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Gold plans from a real planner: Fast Downward (Helmert, JAIR 2006) through the package unified-planning.

It is slower than ``household_expert`` by two orders of magnitude, knows nothing of households, and so is what the
script is measured against.
"""

import functools
import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, RobotPlannerError
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
)
from robot_planner.task_planning.domain import ANYTHING, Domain, Effect
from robot_planner.task_planning.domain_file import domain_data, read_domain
from robot_planner.task_planning.households import Flat
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan
from robot_planner.task_planning.world import SymbolicWorld

ENGINE = "fast-downward"
HOUSEHOLD_ACTIONS = (*("WALK", "GRAB", "OPEN", "CLOSE", "PUTBACK", "PUTIN", "SWITCHON", "SWITCHOFF", "PLUGIN", "WASH"),)
"""What the goals of ``household_tasks`` need."""
HOUSEHOLD_VIEW = {"reached": "near(?x) or (exists ?y object: near(?y) and on(?x, ?y))", "room_of": "in_room(?x, ?r)"}
"""Narrower definitions for ``household_gold_plan``, see ``_view``."""


def planner_available() -> bool:
    """Whether the packages of the extra "gold-plans" that this needs are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("unified_planning", "up_fast_downward"))


class GoldPlanError(RobotPlannerError):
    """Fast Downward ended without saying whether there is a plan."""


def gold_plan(
    world: SymbolicWorld, goals: Sequence[Condition], actions: Iterable[str] | None = None, timeout: float = 60.0
) -> TaskPlan | None:
    """A plan that meets the goals from the world's initial state; None if there is none.

    Args:
        world: its facts are taken for known.
        goals: what is to hold at the end.
        actions: those that may be used; all if not given. The fewer, the quicker.
        timeout: [s].

    Raises:
        EnvironmentSetupError: unified-planning or Fast Downward is not installed.
        InvalidInputError: the domain says something that PDDL can't, such as "atleast 2".
        GoldPlanError: the time was too short, or the planner broke down.
    """
    if not planner_available():
        raise EnvironmentSetupError(
            "gold plans need unified-planning and up-fast-downward: pip install '.[gold-plans]'"
        )
    import unified_planning.shortcuts as up

    up.get_environment().credits_stream = None
    problem = _Conversion(world, tuple(actions or world.domain.actions)).problem(goals)
    with up.OneshotPlanner(name=ENGINE) as planner:
        result = planner.solve(problem, timeout=timeout)
    if result.plan is not None:
        return TaskPlan(tuple(_step(entry) for entry in result.plan.actions))
    if result.status.name.startswith("UNSOLVABLE"):
        return None
    raise GoldPlanError(f"Fast Downward ended with {result.status.name} after {timeout:g} s at most")


def household_gold_plan(flat: Flat, goals: Sequence[Condition], timeout: float = 60.0) -> TaskPlan | None:
    """``gold_plan`` for a flat and goals of ``household_tasks``, by HOUSEHOLD_VIEW."""
    return gold_plan(SymbolicWorld(_view(), flat.objects, flat.facts), goals, HOUSEHOLD_ACTIONS, timeout)


@functools.cache
def _view() -> Domain:
    """The household with less to ground: fewer ways to be close, and no memory of where things came from.

    What it allows the domain allows as well; that its plans are valid there is tested, not assumed.
    """
    data = domain_data("household")
    for name, meaning in HOUSEHOLD_VIEW.items():
        data["definitions"][name]["means"] = meaning
    walk, grab = data["actions"]["WALK"], data["actions"]["GRAB"]
    walk["effects"] = [effect for effect in walk["effects"] if effect.get("for") != {"h": "object"}]
    walk["effects"].append({"for": {"h": "item"}, "when": "held(?h)", "add": ["near(?h)"]})
    grab["requires"] = [pair for pair in grab["requires"] if "from_" not in pair[0]]
    grab["effects"] = [effect for effect in grab["effects"] if "from_" not in str(effect)]
    return read_domain(data, "household, narrowed")


def _step(entry: Any) -> Step:
    return Step(entry.action.name[2:], tuple(_thing(str(parameter)) for parameter in entry.actual_parameters))


def _thing(name: str) -> ObjectRef:
    match = re.fullmatch(r"o_(.+)_(\d+)", name)
    if match is None:
        raise InvalidInputError(f"the planner names an unknown thing '{name}'")
    return ObjectRef(match[1], int(match[2]))


def _flat(effect: Effect, outer: tuple[Condition, ...]) -> Iterator[tuple[tuple[Condition, ...], set[str]]]:
    """The conditions of an effect, its outer ones included, and the relations that it changes."""
    whens = (*outer, effect.when)
    yield whens, {atom.relation for atom in (*effect.add, *effect.delete)}
    for inner in effect.inner:
        yield from _flat(inner, whens)


class _Conversion:
    """One world in the terms of unified-planning. Names get a prefix each, so that none meets a word of PDDL."""

    def __init__(self, world: SymbolicWorld, actions: Sequence[str]) -> None:
        import unified_planning.shortcuts as up

        self.up, self.world, self.domain, self.actions = up, world, world.domain, actions
        self.types: dict[str, Any] = {ANYTHING: up.UserType("t_object")}
        for name, of in self.domain.types.items():
            if name != ANYTHING:
                self.types[name] = up.UserType(f"t_{name}", self.types[of])
        self.fluents = {
            name: up.Fluent(
                f"f_{name}", up.BoolType(), **{f"{str.__str__(a)}": self.types[kind] for a, kind in relation.args}
            )
            for name, relation in self.domain.relations.items()
        }
        self.objects = {
            thing: up.Object(f"o_{thing.name}_{thing.number}", self.types[kind])
            for thing, kind in world.objects.items()
        }

    def problem(self, goals: Sequence[Condition]) -> Any:
        problem = self.up.Problem("gold")
        problem.add_objects(self.objects.values())
        expanded = [self.domain.expand(goal) for goal in goals]
        self.read = self._read(expanded)
        converted = [self.action(name) for name in self.actions]
        for name in sorted(self.read):
            problem.add_fluent(self.fluents[name], default_initial_value=False)
        for fact in self.world.initial:
            if fact.relation not in self.read:
                continue
            problem.set_initial_value(self.fact(fact), True)
        problem.add_actions(action for action in converted if action.effects)  # the others cannot help
        for goal in expanded:
            problem.add_goal(self.condition(goal, {}))
        return problem

    def _read(self, goals: Sequence[Condition]) -> set[str]:
        """Relations that goals and preconditions, or conditions of effects on such relations, look at."""
        entries = [self.domain.actions[name] for name in self.actions]
        asked = [*goals, *(requirement.condition for entry in entries for requirement in entry.requires)]
        read = {atom.relation for condition in asked for atom in condition.atoms()}
        effects = [found for entry in entries for effect in entry.effects for found in _flat(effect, ())]
        while True:
            more = {a.relation for whens, changed in effects if changed & read for when in whens for a in when.atoms()}
            if more <= read:
                return read
            read |= more

    def fact(self, fact: Fact) -> Any:
        return self.fluents[fact.relation](*(self.objects[thing] for thing in fact.args))

    def action(self, name: str) -> Any:
        entry = self.domain.actions[name]
        action = self.up.InstantaneousAction(
            f"a_{name}", **{str.__str__(variable): self.types[kind] for variable, kind in entry.parameters}
        )
        scope = {variable: action.parameter(str.__str__(variable)) for variable, _ in entry.parameters}
        for requirement in entry.requires:
            action.add_precondition(self.condition(requirement.condition, scope))
        for effect in entry.effects:
            self.effect(action, effect, scope, (), And(()))
        return action

    def effect(
        self, action: Any, effect: Effect, scope: dict[Variable, Any], outer: tuple[Any, ...], when: Condition
    ) -> None:
        scope, bound = dict(scope), list(outer)
        for variable, kind in effect.variables:
            scope[variable] = self.up.Variable(f"v{len(bound)}_{str.__str__(variable)}", self.types[kind])
            bound.append(scope[variable])
        both = And((when, effect.when))
        for atoms, value in ((effect.delete, False), (effect.add, True)):
            for atom in atoms:
                if atom.relation in self.read:
                    fluent = self.fluents[atom.relation](*(self.term(term, scope) for term in atom.args))
                    action.add_effect(fluent, value, self.condition(both, scope), forall=bound)
        for inner in effect.inner:
            self.effect(action, inner, scope, tuple(bound), both)

    def term(self, term: Term, scope: dict[Variable, Any]) -> Any:
        return self.objects[term] if isinstance(term, ObjectRef) else scope[term]

    def condition(self, condition: Condition, scope: dict[Variable, Any]) -> Any:
        up = self.up
        if isinstance(condition, Atom):
            return self.fluents[condition.relation](*(self.term(term, scope) for term in condition.args))
        if isinstance(condition, Same):
            return up.Equals(self.term(condition.left, scope), self.term(condition.right, scope))
        if isinstance(condition, Not):
            return up.Not(self.condition(condition.of, scope))
        if isinstance(condition, And | Or):
            return (up.And if isinstance(condition, And) else up.Or)([self.condition(c, scope) for c in condition.of])
        if isinstance(condition, AtLeast | ForAll):
            if isinstance(condition, AtLeast) and condition.number > 1:
                raise InvalidInputError(f"PDDL cannot say '{condition}'; leave the action out")
            variable = up.Variable(f"q_{str.__str__(condition.variable)}", self.types[condition.type])
            inner = self.condition(condition.of, {**scope, condition.variable: variable})
            return up.Forall(inner, variable) if isinstance(condition, ForAll) else up.Exists(inner, variable)
        raise InvalidInputError(f"no form in PDDL for '{condition}'")
