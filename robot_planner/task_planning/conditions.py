# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Facts about a scene, and conditions over them: what goals, preconditions and conditional effects are written in.

A condition is true, false, or unknown (None) where not all facts are known: Kleene's strong three-valued logic.
``str`` writes a condition as ``condition_text.parse_condition`` reads it, such as
``inside(<apple> (3), <fridge> (2))``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from robot_planner.task_planning.plan import ObjectRef


class Fact(NamedTuple):
    """A relation that holds between things; without things, of the robot itself."""

    relation: str
    args: tuple[ObjectRef, ...] = ()

    def __str__(self) -> str:
        return f"{self.relation}({', '.join(map(str, self.args))})"


class Variable(str):
    """Stands for a thing; written ``?x``."""

    __slots__ = ()

    def __str__(self) -> str:
        return "?" + str.__str__(self)


Term = Variable | ObjectRef
Binding = Mapping[Variable, ObjectRef]


class Facts(Protocol):
    """What conditions are evaluated on."""

    def value(self, relation: str, args: tuple[ObjectRef, ...]) -> bool | None:
        """Whether a fact holds; None if that is not known."""
        ...

    def of_type(self, name: str) -> tuple[ObjectRef, ...]:
        """The things of a type, in the order of the scene."""
        ...

    def rows(self, relation: str) -> Iterable[tuple[ObjectRef, ...]] | None:
        """Arguments of all facts of a relation that may hold; None if only ``value`` knows."""
        ...


@dataclass(frozen=True)
class Condition:
    """Base of all conditions."""

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """True, False, or None if it depends on facts that are not known. Every free variable is bound."""
        raise NotImplementedError

    def bind(self, binding: Binding) -> "Condition":
        """The condition with things in place of free variables."""
        raise NotImplementedError

    def parts(self) -> tuple["Condition", ...]:
        """The conditions that it is made of."""
        return ()

    def atoms(self) -> Iterator["Atom"]:
        """All atoms in it, from left to right."""
        for part in self.parts():
            yield from part.atoms()

    def free(self) -> frozenset[Variable]:
        """Variables that no quantifier in it binds."""
        return frozenset(name for part in self.parts() for name in part.free())

    def narrow(self, variable: Variable, binding: Binding, facts: Facts) -> Iterable[ObjectRef] | None:
        """Things outside of which the condition is false, if that is quick to say; for quantifiers."""
        return None


@dataclass(frozen=True)
class Atom(Condition):
    """A fact with variables."""

    relation: str
    args: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return f"{self.relation}({', '.join(map(str, self.args))})"

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """See Condition."""
        return facts.value(self.relation, tuple([binding[a] if isinstance(a, Variable) else a for a in self.args]))

    def bind(self, binding: Binding) -> "Atom":
        """See Condition."""
        return Atom(self.relation, tuple(binding.get(a, a) if isinstance(a, Variable) else a for a in self.args))

    def atoms(self) -> Iterator["Atom"]:
        """See Condition."""
        yield self

    def free(self) -> frozenset[Variable]:
        """See Condition."""
        return frozenset(arg for arg in self.args if isinstance(arg, Variable))

    def fact(self) -> Fact:
        """The fact that an atom without variables is; raises TypeError."""
        args = tuple(a for a in self.args if isinstance(a, ObjectRef))
        if len(args) != len(self.args):
            raise TypeError(f"'{self}' has variables")
        return Fact(self.relation, args)

    def narrow(self, variable: Variable, binding: Binding, facts: Facts) -> Iterable[ObjectRef] | None:
        """See Condition."""
        if variable not in self.args:
            return None
        rows = facts.rows(self.relation)
        if rows is None:
            return None
        wanted = [binding.get(a) if isinstance(a, Variable) else a for a in self.args]
        at = self.args.index(variable)
        wanted[at] = None
        return {row[at] for row in rows if all(w is None or w == r for w, r in zip(wanted, row, strict=True))}


@dataclass(frozen=True)
class Same(Condition):
    """Two names of one thing; written ``?x = ?y``."""

    left: Term
    right: Term

    def __str__(self) -> str:
        return f"{self.left} = {self.right}"

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """See Condition."""
        left, right = (binding[t] if isinstance(t, Variable) else t for t in (self.left, self.right))
        return left == right

    def bind(self, binding: Binding) -> "Same":
        """See Condition."""
        left, right = (binding.get(t, t) if isinstance(t, Variable) else t for t in (self.left, self.right))
        return Same(left, right)

    def free(self) -> frozenset[Variable]:
        """See Condition."""
        return frozenset(term for term in (self.left, self.right) if isinstance(term, Variable))


@dataclass(frozen=True)
class Not(Condition):
    """True where ``of`` is false."""

    of: Condition

    def __str__(self) -> str:
        return f"not {_inner(self.of)}"

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """See Condition."""
        value = self.of.evaluate(facts, binding)
        return None if value is None else not value

    def bind(self, binding: Binding) -> "Not":
        """See Condition."""
        return Not(self.of.bind(binding))

    def parts(self) -> tuple[Condition, ...]:
        """See Condition."""
        return (self.of,)


@dataclass(frozen=True)
class _Many(Condition):
    of: tuple[Condition, ...]

    def parts(self) -> tuple[Condition, ...]:
        """See Condition."""
        return self.of


@dataclass(frozen=True)
class And(_Many):
    """All of them; true if there are none."""

    def __str__(self) -> str:
        return " and ".join(_inner(part) for part in self.of) if self.of else "true"

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """See Condition."""
        result: bool | None = True
        for part in self.of:
            value = part.evaluate(facts, binding)
            if value is False:
                return False
            if value is None:
                result = None
        return result

    def bind(self, binding: Binding) -> "And":
        """See Condition."""
        return And(tuple(part.bind(binding) for part in self.of))

    def narrow(self, variable: Variable, binding: Binding, facts: Facts) -> Iterable[ObjectRef] | None:
        """See Condition."""
        for part in self.of:
            found = part.narrow(variable, binding, facts)
            if found is not None:
                return found
        return None


@dataclass(frozen=True)
class Or(_Many):
    """Any of them; false if there are none."""

    def __str__(self) -> str:
        return " or ".join(_inner(part) for part in self.of) if self.of else "false"

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """See Condition."""
        result: bool | None = False
        for part in self.of:
            value = part.evaluate(facts, binding)
            if value is True:
                return True
            if value is None:
                result = None
        return result

    def bind(self, binding: Binding) -> "Or":
        """See Condition."""
        return Or(tuple(part.bind(binding) for part in self.of))

    def narrow(self, variable: Variable, binding: Binding, facts: Facts) -> Iterable[ObjectRef] | None:
        """See Condition."""
        found: set[ObjectRef] = set()
        for part in self.of:
            of_part = part.narrow(variable, binding, facts)
            if of_part is None:
                return None
            found.update(of_part)
        return found


@dataclass(frozen=True)
class AtLeast(Condition):
    """``of`` holds for ``number`` things of a type or more; ``exists`` where that number is 1."""

    number: int
    variable: Variable
    type: str
    of: Condition

    def __str__(self) -> str:
        words = "exists" if self.number == 1 else f"atleast {self.number}"
        return f"{words} {self.variable} {self.type}: {self.of}"

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """See Condition."""
        things: Iterable[ObjectRef] = facts.of_type(self.type)
        narrowed = self.of.narrow(self.variable, binding, facts)
        if narrowed is not None:
            among = set(things)
            things = [thing for thing in narrowed if thing in among]
        true = possible = 0
        inner = dict(binding)
        for thing in things:
            inner[self.variable] = thing
            value = self.of.evaluate(facts, inner)
            true += value is True
            possible += value is not False
            if true >= self.number:
                return True
        return None if possible >= self.number else False

    def bind(self, binding: Binding) -> "AtLeast":
        """See Condition."""
        inner = {name: thing for name, thing in binding.items() if name != self.variable}
        return AtLeast(self.number, self.variable, self.type, self.of.bind(inner))

    def parts(self) -> tuple[Condition, ...]:
        """See Condition."""
        return (self.of,)

    def free(self) -> frozenset[Variable]:
        """See Condition."""
        return self.of.free() - {self.variable}

    def narrow(self, variable: Variable, binding: Binding, facts: Facts) -> Iterable[ObjectRef] | None:
        """See Condition."""
        if variable == self.variable:
            return None
        return self.of.narrow(variable, {k: v for k, v in binding.items() if k != self.variable}, facts)


@dataclass(frozen=True)
class ForAll(Condition):
    """``of`` holds for every thing of a type."""

    variable: Variable
    type: str
    of: Condition

    def __str__(self) -> str:
        return f"forall {self.variable} {self.type}: {self.of}"

    def evaluate(self, facts: Facts, binding: Binding) -> bool | None:
        """See Condition."""
        value = AtLeast(1, self.variable, self.type, Not(self.of)).evaluate(facts, binding)
        return None if value is None else not value

    def bind(self, binding: Binding) -> "ForAll":
        """See Condition."""
        inner = {name: thing for name, thing in binding.items() if name != self.variable}
        return ForAll(self.variable, self.type, self.of.bind(inner))

    def parts(self) -> tuple[Condition, ...]:
        """See Condition."""
        return (self.of,)

    def free(self) -> frozenset[Variable]:
        """See Condition."""
        return self.of.free() - {self.variable}


def exists(variable: Variable, type_name: str, of: Condition) -> AtLeast:
    """``of`` holds for some thing of a type."""
    return AtLeast(1, variable, type_name, of)


def _inner(condition: Condition) -> str:
    """Within an operator all but atoms and negations of them stand in parentheses."""
    plain = isinstance(condition, Atom) or (isinstance(condition, Not) and isinstance(condition.of, Atom))
    return str(condition) if plain else f"({condition})"
