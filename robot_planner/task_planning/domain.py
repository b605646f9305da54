# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A domain: what kinds of things there are, what may hold between them, and what the robot can do.

Domains are files, see ``domain_file``; ``household`` and ``tabletop`` are shipped.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.conditions import (
    And,
    AtLeast,
    Atom,
    Binding,
    Condition,
    Fact,
    ForAll,
    Not,
    Or,
    Variable,
)
from robot_planner.task_planning.plan import ObjectRef

ANYTHING = "object"
"""The type that all types are of."""


class DomainError(InvalidInputError):
    """A domain file, condition or fact that does not fit together."""


@dataclass(frozen=True)
class Relation:
    """What can hold between things of given types."""

    name: str
    args: tuple[tuple[Variable, str], ...] = ()
    visible: bool | Condition = True
    """Whether the planner is always told; a condition (over ``args``): where it holds."""
    fixed: bool = False
    """No action changes it."""
    said: bool | Condition = True
    """Whether prompts and feedback tell it, or (a condition over ``args``) when: not what follows from other facts."""
    absence: bool | Condition = False
    """Whether they also tell that it does NOT hold of a thing that is wanted, as soon as that is visible."""


@dataclass(frozen=True)
class Requirement:
    """A precondition, and what is said where it fails."""

    condition: Condition
    reason: str
    """English; ``{x}`` is the thing bound to the variable."""


@dataclass(frozen=True)
class Effect:
    """What an action makes true and false: for each binding of ``variables`` where ``when`` held BEFORE the action."""

    variables: tuple[tuple[Variable, str], ...] = ()
    when: Condition = And(())
    first: bool = False
    """Only for the first binding of the one variable, in the order of the scene."""
    add: tuple[Atom, ...] = ()
    delete: tuple[Atom, ...] = ()
    inner: tuple["Effect", ...] = ()

    @cached_property
    def narrowing(self) -> Condition:
        """What must hold for the effect to change anything, as far as that is quick to say."""
        return self.when if self.add or self.inner else And((self.when, Or(self.delete)))


@dataclass(frozen=True)
class Action:
    """Something the robot can do."""

    name: str
    parameters: tuple[tuple[Variable, str], ...] = ()
    requires: tuple[Requirement, ...] = ()
    effects: tuple[Effect, ...] = ()
    summary: str = ""

    def bind(self, objects: tuple[ObjectRef, ...]) -> dict[Variable, ObjectRef]:
        """Things for the parameters; their numbers agree."""
        return {variable: thing for (variable, _), thing in zip(self.parameters, objects, strict=True)}


@dataclass(frozen=True)
class Domain:
    """Types, relations and actions; made by ``domain_file.load_domain``."""

    name: str
    types: Mapping[str, str]
    """Type -> the type it is of; ANYTHING is of itself."""
    has: Mapping[str, tuple[str, ...]]
    """Type -> fixed relations of one argument that hold for all its things."""
    relations: Mapping[str, Relation]
    definitions: Mapping[str, tuple[tuple[tuple[Variable, str], ...], Condition]]
    """Name -> arguments and what it means: abbreviations, written out by ``expand``."""
    exclusive: tuple[tuple[Atom, Atom], ...]
    """Pairs of facts that can't both hold; variables of different names are different things. Twice the same: never."""
    actions: Mapping[str, Action]
    summary: str = field(default="", compare=False)

    def is_a(self, kind: str, of: str) -> bool:
        """Whether things of type ``kind`` are of type ``of``."""
        return of in self._lines[kind]

    @cached_property
    def _lines(self) -> dict[str, frozenset[str]]:
        lines = {}
        for name in self.types:
            line, at = {name}, name
            while self.types[at] != at:
                at = self.types[at]
                line.add(at)
            lines[name] = frozenset(line)
        return lines

    def fixed_requirements(self, action: str) -> Mapping[Variable, tuple[Requirement, ...]]:
        """For each parameter, the requirements that it alone has to meet and that no action can change."""
        return self._fixed[action]

    @cached_property
    def _fixed(self) -> dict[str, dict[Variable, tuple[Requirement, ...]]]:
        def never_changes(condition: Condition) -> bool:
            return all(self.relations[atom.relation].fixed for atom in condition.atoms())

        return {
            action.name: {
                variable: tuple(
                    requirement
                    for requirement in action.requires
                    if requirement.condition.free() == {variable} and never_changes(requirement.condition)
                )
                for variable, _ in action.parameters
            }
            for action in self.actions.values()
        }

    def implied(self, objects: Mapping[ObjectRef, str]) -> Iterator[Fact]:
        """The facts that follow from the things' types."""
        for thing, kind in objects.items():
            for name in self.properties(kind):
                yield Fact(name, (thing,))

    def properties(self, kind: str) -> tuple[str, ...]:
        """Fixed relations that hold for all things of a type."""
        return tuple(dict.fromkeys(name for of in sorted(self._lines[kind]) for name in self.has.get(of, ())))

    def expand(self, condition: Condition) -> Condition:
        """The condition with definitions written out; raises DomainError for unknown names and wrong numbers."""
        return _Expansion(self).expand(condition)

    def check_fact(self, fact: Fact, objects: Mapping[ObjectRef, str]) -> None:
        """Raises DomainError if a fact can't be one of a scene with these things."""
        relation = self.relations.get(fact.relation)
        if relation is None:
            raise DomainError(f"{self.name} has no relation '{fact.relation}'; there are: {_names(self.relations)}")
        if len(fact.args) != len(relation.args):
            raise DomainError(f"'{fact}': {relation.name} takes {len(relation.args)} things, not {len(fact.args)}")
        for thing, (_, kind) in zip(fact.args, relation.args, strict=True):
            if thing not in objects:
                raise DomainError(f"'{fact}': the scene has no {thing}")
            if not self.is_a(objects[thing], kind):
                raise DomainError(f"'{fact}': {thing} is a {objects[thing]}; {relation.name} takes a {kind} there")

    def excluded_by(self, fact: Fact, objects: Mapping[ObjectRef, str]) -> Iterator[Fact]:
        """The facts that can't hold beside a fact that does."""
        for pair in self.exclusive:
            for one, other in (pair, pair[::-1]) if pair[0] != pair[1] else ():
                if one.relation != fact.relation:
                    continue
                bound = dict(zip(one.args, fact.args, strict=True))
                if any(bound[term] != thing for term, thing in zip(one.args, fact.args, strict=True)):
                    continue
                kinds = dict(zip(other.args, (kind for _, kind in self.relations[other.relation].args), strict=True))
                free = [term for term in kinds if term not in bound]
                fitting = [[thing for thing, kind in objects.items() if self.is_a(kind, kinds[term])] for term in free]
                for things in itertools.product(*fitting):
                    whole = bound | dict(zip(free, things, strict=True))
                    if len(set(whole.values())) == len(whole):
                        yield Fact(other.relation, tuple(whole[term] for term in other.args))

    def contradiction(self, facts: Iterable[Fact]) -> tuple[Fact, Fact] | None:
        """Two of the facts that can't both hold; None if there are none."""
        facts = tuple(facts)
        for one in facts:
            for other in facts:
                if any(
                    (pair[0] == pair[1]) == (one == other) and _excluded(pair, one, other) for pair in self.exclusive
                ):
                    return one, other
        return None


def _excluded(pair: tuple[Atom, Atom], one: Fact, other: Fact) -> bool:
    if (pair[0].relation, pair[1].relation) != (one.relation, other.relation):
        return False
    bound: dict[object, ObjectRef] = {}
    for atom, fact in zip(pair, (one, other), strict=True):
        for term, thing in zip(atom.args, fact.args, strict=True):
            if bound.setdefault(term, thing) != thing:
                return False
    return len(set(bound.values())) == len(bound)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "(none)"


class _Expansion:
    """Writes definitions out; their inner variables get names of their own, so that none is caught by another."""

    def __init__(self, domain: Domain) -> None:
        self.domain, self.fresh = domain, 0

    def expand(self, condition: Condition) -> Condition:
        domain = self.domain
        if isinstance(condition, Not):
            return Not(self.expand(condition.of))
        if isinstance(condition, And | Or):
            return type(condition)(tuple(self.expand(part) for part in condition.of))
        if isinstance(condition, AtLeast | ForAll):
            if condition.type not in domain.types:
                raise DomainError(f"{domain.name} has no type '{condition.type}'; there are: {_names(domain.types)}")
            if isinstance(condition, ForAll):
                return ForAll(condition.variable, condition.type, self.expand(condition.of))
            return AtLeast(condition.number, condition.variable, condition.type, self.expand(condition.of))
        if not isinstance(condition, Atom):
            return condition
        known = domain.relations.get(condition.relation)
        arguments = known.args if known else domain.definitions.get(condition.relation, (None, None))[0]
        if arguments is None:
            valid = _names([*domain.relations, *domain.definitions])
            raise DomainError(f"{domain.name} has no relation '{condition.relation}'; there are: {valid}")
        if len(arguments) != len(condition.args):
            raise DomainError(f"'{condition}': takes {len(arguments)} things, not {len(condition.args)}")
        if known:
            return condition
        body = self._renamed(domain.definitions[condition.relation][1])
        return _substitute(body, {name: term for (name, _), term in zip(arguments, condition.args, strict=True)})

    def _renamed(self, condition: Condition) -> Condition:
        """Definitions were expanded when they were read; only the names of their variables are renewed."""
        if isinstance(condition, Not):
            return Not(self._renamed(condition.of))
        if isinstance(condition, And | Or):
            return type(condition)(tuple(self._renamed(part) for part in condition.of))
        if isinstance(condition, AtLeast | ForAll):
            self.fresh += 1
            name = Variable(f"{str.__str__(condition.variable).split('__')[0]}__{self.fresh}")
            of = _substitute(self._renamed(condition.of), {condition.variable: name})
            if isinstance(condition, ForAll):
                return ForAll(name, condition.type, of)
            return AtLeast(condition.number, name, condition.type, of)
        return condition


def _substitute(condition: Condition, terms: Mapping[Variable, Variable | ObjectRef]) -> Condition:
    """``bind`` takes variables as well as things: what is put in is never looked into."""
    binding: Binding = terms  # type: ignore[assignment]
    return condition.bind(binding)
