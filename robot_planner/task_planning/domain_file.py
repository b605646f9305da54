# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads a domain from its file; docs/equilibrium.md describes the format.

What does not fit is refused with the file, the entry, and what is allowed.
"""

import functools
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.resources import roots
from robot_planner.task_planning.condition_text import parse_condition
from robot_planner.task_planning.conditions import And, AtLeast, Atom, Condition, ForAll, Same, Variable
from robot_planner.task_planning.domain import (
    ANYTHING,
    Action,
    Domain,
    DomainError,
    Effect,
    Relation,
    Requirement,
)
from robot_planner.task_planning.plan import ACTION, NAME, ObjectRef

LARGEST = 1_000_000
"""Bytes of a domain file."""
Arguments = tuple[tuple[Variable, str], ...]


def domain_names() -> list[str]:
    """Names of the domains there are, sorted."""
    return sorted({path.stem for root in roots() for path in (root / "config" / "domains").glob("*.yaml")})


@functools.cache
def load_domain(name_or_path: str | Path) -> Domain:
    """A shipped domain by its name, or a file; raises UnknownNameError or DomainError."""
    path = _find(name_or_path)
    return read_domain(_load(path), str(path))


def domain_data(name_or_path: str | Path) -> Any:
    """The contents of a domain's file, for whoever wants to change them before ``read_domain``; raises as above."""
    return _load(_find(name_or_path))


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        return path
    named = [root / "config" / "domains" / f"{name_or_path}.yaml" for root in roots()]
    found = [path for path in named if re.fullmatch(NAME, str(name_or_path)) and path.is_file()]
    if not found:
        raise UnknownNameError("domain", str(name_or_path), [*domain_names(), "a path that ends in .yaml"])
    return found[0]


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST:
            raise DomainError(f"{path}: larger than {LARGEST} bytes")
        return _data(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DomainError(f"{path}: cannot be read: {error}") from None


def _data(text: str, where: str) -> Any:
    import yaml  # late: --help must not wait for it

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, TypeError, AttributeError) as error:
        # all but the first two: values that are not of the type that they are marked or written as
        raise DomainError(f"{where}: cannot be read as YAML: {error}") from None


def parse_domain(text: str, where: str) -> Domain:
    """A domain from the text of its file, which is called ``where`` in errors; raises DomainError."""
    return read_domain(_data(text, where), where)


def read_domain(data: object, where: str) -> Domain:
    """A domain from the contents of its file, such as ``yaml.safe_load`` returns; raises DomainError."""
    return _Reader(where).domain(data)


class _Reader:
    def __init__(self, where: str) -> None:
        self.where = where

    def fail(self, entry: str, reason: str) -> DomainError:
        return DomainError(f"{self.where}: {entry}: {reason}")

    def fields(self, data: Any, entry: str, allowed: tuple[str, ...], required: tuple[str, ...] = ()) -> Any:
        data = {} if data is None else data
        if not isinstance(data, Mapping):
            raise self.fail(entry, f"expected entries {', '.join(allowed)}; found '{data}'")
        for key in data:
            if key not in allowed:
                raise self.fail(entry, f"unknown entry '{key}'; allowed: {', '.join(allowed)}")
        for key in required:
            if key not in data:
                raise self.fail(entry, f"'{key}' is missing")
        return data

    def listed(self, data: Mapping[str, Any], key: str, entry: str) -> list[Any]:
        found = data.get(key)
        if not isinstance(found, list | None):
            raise self.fail(entry, f"'{key}' is a list; found '{found}'")
        return found or []

    def named(self, data: Any, entry: str, pattern: str = NAME) -> dict[str, Any]:
        data = {} if data is None else data
        if not isinstance(data, Mapping):
            raise self.fail(entry, f"expected names with entries; found '{data}'")
        for key in data:
            if not isinstance(key, str) or not re.fullmatch(pattern, key):
                raise self.fail(entry, f"'{key}' is no name; allowed: {pattern} (a bare word 'on' needs quotes)")
        return dict(data)

    def domain(self, data: Any) -> Domain:
        allowed = ("name", "summary", "types", "relations", "definitions", "exclusive", "actions")
        data = self.fields(data, "domain", allowed, ("name", "types", "relations", "actions"))
        types, has = self._types(data["types"])
        self.kinds = types
        relations = {name: self._relation(name, of) for name, of in self.named(data["relations"], "relations").items()}
        for kind, names in has.items():
            for name in names:
                known = relations.get(name)
                if known is None or not known.fixed or len(known.args) != 1:
                    raise self.fail(f"types, {kind}", f"'{name}' is no fixed relation of one argument")
        self.draft = Domain(str(data["name"]), types, has, relations, {}, (), {}, str(data.get("summary", "")))
        self._define(self.named(data.get("definitions"), "definitions"))
        for name, relation in relations.items():
            if isinstance(relation.visible, Condition):
                condition = self._expanded(relation.visible, dict(relation.args), f"relations, {name}")
                for atom in condition.atoms():
                    if relations[atom.relation].visible is not True:
                        raise self.fail(
                            f"relations, {name}", f"'visible' rests on '{atom}', which is not always visible"
                        )
                relations[name] = replace(relations[name], visible=condition)
            said, absence = (
                self._expanded(told, dict(relation.args), f"relations, {name}") if isinstance(told, Condition) else told
                for told in (relation.said, relation.absence)
            )
            relations[name] = replace(relations[name], said=said, absence=absence)
        exclusive = tuple(self._pair(pair) for pair in self.listed(data, "exclusive", "domain"))
        actions = {name: self._action(name, of) for name, of in self.named(data["actions"], "actions", ACTION).items()}
        if not actions:
            raise self.fail("actions", "there are none")
        return Domain(
            self.draft.name, types, has, relations, self.draft.definitions, exclusive, actions, self.draft.summary
        )

    def _types(self, data: Any) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        types, has = {ANYTHING: ANYTHING}, {}
        for name, entry in self.named(data, "types").items():
            entry = self.fields(entry, f"types, {name}", ("is", "has"))
            of = entry.get("is", ANYTHING)
            if not isinstance(of, str) or of not in types:
                raise self.fail(f"types, {name}", f"'{of}' is no type that stands before it")
            types[name] = name if name == ANYTHING else of
            has[name] = tuple(map(str, self.listed(entry, "has", f"types, {name}")))
        return types, has

    def _arguments(self, data: Any, entry: str) -> Arguments:
        found = self.named(data, entry)
        for name, kind in found.items():
            if not isinstance(kind, str) or kind not in self.kinds:
                raise self.fail(entry, f"'{name}' has the unknown type '{kind}'; there are: {', '.join(self.kinds)}")
        return tuple((Variable(name), kind) for name, kind in found.items())

    def _relation(self, name: str, data: Any) -> Relation:
        entry = f"relations, {name}"
        data = self.fields(data, entry, ("args", "visible", "fixed", "said", "absence"))
        visible, fixed = data.get("visible", True), data.get("fixed", False)
        said, absence = data.get("said", True), data.get("absence", False)
        if not isinstance(fixed, bool):
            raise self.fail(entry, "'fixed' is true or false")
        if not isinstance(said, bool):
            said = self._parsed(said, entry)
        if not isinstance(absence, bool):
            absence = self._parsed(absence, entry)
        if not isinstance(visible, bool):
            visible = self._parsed(visible, entry)
        if fixed and visible is not True:
            raise self.fail(entry, "what is fixed is visible")
        return Relation(name, self._arguments(data.get("args"), entry), visible, fixed, said, absence)

    def _define(self, data: dict[str, Any]) -> None:
        for name, of in data.items():
            entry = f"definitions, {name}"
            of = self.fields(of, entry, ("args", "means"), ("means",))
            if name in self.draft.relations:
                raise self.fail(entry, "is a relation already")
            arguments = self._arguments(of.get("args"), entry)
            meaning = self._condition(of["means"], dict(arguments), entry)
            self.draft.definitions[name] = (arguments, meaning)  # type: ignore[index]

    def _parsed(self, text: object, entry: str) -> Condition:
        try:
            return parse_condition(text if isinstance(text, str) else str(text).lower())
        except InvalidInputError as error:
            raise self.fail(entry, str(error)) from None

    def _condition(self, text: object, known: Mapping[Variable, str], entry: str) -> Condition:
        return self._expanded(self._parsed(text, entry), known, entry)

    def _expanded(self, condition: Condition, known: Mapping[Variable, str], entry: str) -> Condition:
        self._check_variables(condition, set(known), entry)
        try:
            return self.draft.expand(condition)
        except DomainError as error:
            raise self.fail(entry, str(error)) from None

    def _check_variables(self, condition: Condition, known: set[Variable], entry: str) -> None:
        terms = condition.args if isinstance(condition, Atom) else ()
        if isinstance(condition, Same):
            terms = (condition.left, condition.right)
        for term in terms:
            if isinstance(term, ObjectRef):
                raise self.fail(entry, f"'{condition}' names a thing; a domain speaks of variables")
            if term not in known:
                raise self.fail(entry, f"'{condition}': {term} is not bound")
        if isinstance(condition, AtLeast | ForAll):
            known = known | {condition.variable}
        for part in condition.parts():
            self._check_variables(part, known, entry)

    def _pair(self, data: Any) -> tuple[Atom, Atom]:
        if not isinstance(data, list) or len(data) not in (1, 2):
            raise self.fail("exclusive", f"expected lists of one or two facts; found '{data}'")
        one, two = (self._parsed(text, "exclusive") for text in (data[0], data[-1]))
        if not isinstance(one, Atom) or not isinstance(two, Atom):
            raise self.fail("exclusive", f"expected lists of one or two facts; found '{data}'")
        self._expanded(And((one, two)), {t: "" for t in (*one.args, *two.args) if isinstance(t, Variable)}, "exclusive")
        return one, two

    def _action(self, name: str, data: Any) -> Action:
        entry = f"action {name}"
        data = self.fields(data, entry, ("summary", "parameters", "requires", "effects"))
        parameters = self._arguments(data.get("parameters"), entry)
        requires = []
        for item in self.listed(data, "requires", entry):
            if not isinstance(item, list) or len(item) != 2:
                raise self.fail(entry, f"'requires' lists pairs [condition, reason]; found '{item}'")
            requires.append(Requirement(self._condition(item[0], dict(parameters), entry), str(item[1])))
        effects = self._effects(data, dict(parameters), entry)
        return Action(name, parameters, tuple(requires), effects, str(data.get("summary", "")))

    def _effects(self, data: Mapping[str, Any], known: dict[Variable, str], entry: str) -> tuple[Effect, ...]:
        return tuple(self._effect(item, known, entry) for item in self.listed(data, "effects", entry))

    def _effect(self, data: Any, known: dict[Variable, str], entry: str) -> Effect:
        data = self.fields(data, entry, ("for", "first", "when", "add", "delete", "effects"))
        if "for" in data and "first" in data:
            raise self.fail(entry, "an effect has 'for' or 'first', not both")
        variables = self._arguments(data.get("for", data.get("first")), entry)
        if "first" in data and len(variables) != 1:
            raise self.fail(entry, "'first' takes one variable")
        known = known | dict(variables)
        when = self._condition(data.get("when", "true"), known, entry)
        changed = []
        for key in ("add", "delete"):
            found = [self._condition(text, known, entry) for text in self.listed(data, key, entry)]
            for atom in found:
                if not isinstance(atom, Atom) or self.draft.relations[atom.relation].fixed:
                    raise self.fail(entry, f"'{key}' lists facts of relations that are not fixed; found '{atom}'")
            changed.append(tuple(atom for atom in found if isinstance(atom, Atom)))
        inner = self._effects(data, known, entry)
        return Effect(variables, when, "first" in data, changed[0], changed[1], inner)
