# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Facts that actions change: all of them (State), or those that are known (Knowledge)."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from robot_planner.task_planning.conditions import And, Atom, Binding, Condition, Fact, Not, Or, Variable
from robot_planner.task_planning.domain import Action, Domain, Effect
from robot_planner.task_planning.plan import ObjectRef

Args = tuple[ObjectRef, ...]
Self = TypeVar("Self", bound="State")
_NONE: frozenset[Args] = frozenset()


class State:
    """All facts that hold; whatever is not among them does not."""

    def __init__(self, domain: Domain, objects: Mapping[ObjectRef, str], facts: Iterable[Fact]) -> None:
        self.domain, self.objects = domain, objects
        self.kinds: dict[str, Args] = {}
        self.true: dict[str, set[Args]] = {name: set() for name in domain.relations}
        for fact in (*domain.implied(objects), *facts):
            self.true[fact.relation].add(fact.args)

    def copy(self: Self) -> Self:
        """A state that changes on its own."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.true = {name: set(rows) for name, rows in self.true.items()}
        return other

    def facts(self) -> Iterator[Fact]:
        """All that holds, or is known to."""
        for name, rows in self.true.items():
            for args in rows:
                yield Fact(name, args)

    def value(self, relation: str, args: Args) -> bool | None:
        """See conditions.Facts."""
        return args in self.true.get(relation, _NONE)

    def of_type(self, name: str) -> Args:
        """See conditions.Facts."""
        if name not in self.kinds:
            is_a = self.domain.is_a
            self.kinds[name] = tuple(thing for thing, kind in self.objects.items() if is_a(kind, name))
        return self.kinds[name]

    def allows(self, condition: bool | Condition, fact: Fact) -> bool:
        """Whether a relation's ``visible`` or ``said`` holds for a fact."""
        if isinstance(condition, bool):
            return condition
        names = (name for name, _ in self.domain.relations[fact.relation].args)
        return condition.evaluate(self, dict(zip(names, fact.args, strict=True))) is True

    def absent(self, things: Iterable[ObjectRef]) -> Iterator[Fact]:
        """Facts of these things that are seen NOT to hold, as far as their relations say that this is told."""
        things = tuple(dict.fromkeys(things))
        for name, relation in self.domain.relations.items():
            if relation.absence is False or not relation.args:
                continue
            kinds = [kind for _, kind in relation.args]
            first = [thing for thing in things if self.domain.is_a(self.objects[thing], kinds[0])]
            for args in itertools.product(first, *map(self.of_type, kinds[1:])):
                fact = Fact(name, args)
                told = all(self.allows(condition, fact) for condition in (relation.absence, relation.visible))
                if told and self.value(name, args) is False:
                    yield fact

    def rows(self, relation: str) -> Iterable[Args] | None:
        """See conditions.Facts."""
        return self.true.get(relation, _NONE)

    def apply(self, action: Action, objects: Args) -> None:
        """Makes an action's effects; all conditions are those before the action."""
        changes: dict[Fact, list[bool | None]] = {}
        for effect in action.effects:
            _collect(effect, self, action.bind(objects), True, changes)
        for fact, (added, deleted) in changes.items():
            self._change(fact, added, deleted)

    def _change(self, fact: Fact, added: bool | None, deleted: bool | None) -> None:
        if added:
            self.true[fact.relation].add(fact.args)
        elif deleted:
            self.true[fact.relation].discard(fact.args)


class Knowledge(State):
    """What is known: some facts hold, some don't, and of the others nobody knows."""

    def __init__(self, domain: Domain, objects: Mapping[ObjectRef, str], visible: Iterable[Fact]) -> None:
        super().__init__(domain, objects, visible)
        self.told = State(domain, objects, visible)
        """What was visible at first, which says what can be unknown."""
        self._hidden: dict[tuple[str, Args], bool] = {}  # whether a fact was, of those that were asked for
        self.other: dict[Fact, bool | None] = {}
        """False or None of facts for which it is not what it was at first."""
        self.digest = 0
        """Of copies of one Knowledge: the same for the same knowledge; what differs has, but for chance, another."""

    def copy(self) -> "Knowledge":
        """See State."""
        other = super().copy()  # what was told at first is shared, and what follows from it alone
        other.other = dict(self.other)
        return other

    def value(self, relation: str, args: Args) -> bool | None:
        """See conditions.Facts."""
        if args in self.true.get(relation, _NONE):
            return True
        fact = Fact(relation, args)
        if self.other and fact in self.other:
            return self.other[fact]
        return self._untold(fact)

    def _untold(self, fact: Fact) -> bool | None:
        """What is known of a fact that was not told at first."""
        hidden = self._hidden.get(fact)
        if hidden is None:
            hidden = self._hidden[fact] = not self.told.allows(self.domain.relations[fact.relation].visible, fact)
        return None if hidden else False

    def rows(self, relation: str) -> Iterable[Args] | None:
        """See conditions.Facts."""
        if self.domain.relations[relation].visible is not True:
            return None
        maybe = {fact.args for fact, value in self.other.items() if value is None and fact.relation == relation}
        return self.true[relation] | maybe

    def learn(self, fact: Fact, holds: bool) -> None:
        """Takes a fact, or its contrary, for known, and with it what can't hold beside it."""
        self._set(fact, holds)
        for other in self.domain.excluded_by(fact, self.objects) if holds else ():
            if self.value(*other) is None:
                self._set(other, False)

    def assume(self, condition: Condition) -> None:
        """Takes a condition without variables for true, as far as it says of single facts whether they hold."""
        if isinstance(condition, Atom):
            self._set(condition.fact(), True)
        elif isinstance(condition, And):
            for part in condition.of:
                self.assume(part)
        elif isinstance(condition, Not) and isinstance(condition.of, Atom):
            self._set(condition.of.fact(), False)
        elif isinstance(condition, Not) and isinstance(condition.of, Or):
            for part in condition.of.of:
                self.assume(Not(part))

    def _set(self, fact: Fact, value: bool | None) -> None:
        old = self.value(*fact)
        if old is value:
            return
        self.digest ^= hash((fact, old)) ^ hash((fact, value))  # what changes and changes back cancels out
        if value:
            self.true[fact.relation].add(fact.args)
            self.other.pop(fact, None)
        else:
            self.true[fact.relation].discard(fact.args)
            self.other[fact] = value

    def _change(self, fact: Fact, added: bool | None, deleted: bool | None) -> None:
        old = self.value(*fact)
        kept = False if deleted or old is False else (None if deleted is None or old is None else True)
        self._set(fact, True if added or kept else (None if added is None or kept is None else False))


def _collect(
    effect: Effect, facts: State, binding: Binding, certain: bool, changes: dict[Fact, list[bool | None]]
) -> None:
    """Enters what an effect adds and deletes: fact -> [added, deleted], None for perhaps."""
    for inner, value in _bindings(effect, facts, dict(binding), 0):
        sure = certain and value is True
        for column, atoms in enumerate((effect.add, effect.delete)):
            for atom in atoms:
                fact = Fact(atom.relation, tuple([inner[a] if isinstance(a, Variable) else a for a in atom.args]))
                entry = changes.setdefault(fact, [False, False])
                entry[column] = True if sure or entry[column] else None
        for within in effect.inner:
            _collect(within, facts, inner, sure, changes)


def _bindings(
    effect: Effect, facts: State, binding: dict[Variable, ObjectRef], at: int
) -> Iterator[tuple[dict[Variable, ObjectRef], bool | None]]:
    if at == len(effect.variables):
        value = effect.when.evaluate(facts, binding)
        if value is not False:
            yield dict(binding), value
        return
    variable, kind = effect.variables[at]
    things: Iterable[ObjectRef] = facts.of_type(kind)
    later = frozenset(name for name, _ in effect.variables[at + 1 :])
    bound = {name: thing for name, thing in binding.items() if name not in later}
    narrowed = effect.narrowing.narrow(variable, bound, facts)
    if narrowed is not None:
        among = set(narrowed)
        things = [thing for thing in things if thing in among]
    for thing in things:
        binding[variable] = thing
        for found in _bindings(effect, facts, binding, at + 1):
            yield found
            if effect.first and found[1] is True:
                return
    binding.pop(variable, None)
