# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What a planner is told: the things of a scene, what is visible of them, and what is wanted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.condition_text import parse_condition
from robot_planner.task_planning.conditions import And, Atom, Condition, Fact, Not
from robot_planner.task_planning.domain import Action, Domain, DomainError
from robot_planner.task_planning.plan import ObjectRef, Step
from robot_planner.task_planning.state import Knowledge

MOST_OBJECTS = 2000
LONGEST_INSTRUCTION = 1000
"""Characters."""
MOST_GOALS = 100


class GoalError(InvalidInputError):
    """Goals that can't be: of unknown things, or against each other."""


@dataclass(frozen=True)
class Scene:
    """Things and what is visible; the truth about the rest stays in the environment."""

    domain: Domain
    objects: Mapping[ObjectRef, str]
    """Thing -> its type, in the order in which prompts and masks list them."""
    visible: frozenset[Fact] = frozenset()

    def __post_init__(self) -> None:
        if len(self.objects) > MOST_OBJECTS:
            raise DomainError(f"a scene has up to {MOST_OBJECTS} things, not {len(self.objects)}")
        for thing, kind in self.objects.items():
            if kind not in self.domain.types:
                valid = ", ".join(self.domain.types)
                raise DomainError(f"{thing} is of the unknown type '{kind}'; {self.domain.name} has: {valid}")
        for fact in self.visible:
            self.domain.check_fact(fact, self.objects)

    @cached_property
    def knowledge(self) -> Knowledge:
        """What is known from what is visible; copy it before changing it."""
        return Knowledge(self.domain, self.objects, self.visible)

    def knowing(self, facts: Iterable[tuple[Fact, bool]]) -> Knowledge:
        """What is known from what is visible and from these facts, which hold or don't.

        Raises DomainError for facts that can't be.
        """
        known = self.knowledge.copy()
        for fact, holds in facts:
            self.domain.check_fact(fact, self.objects)
            known.learn(fact, holds)
        return known

    @cached_property
    def _candidates(self) -> dict[str, tuple[tuple[ObjectRef, ...], ...]]:
        return {}

    def candidates(self, action: str) -> tuple[tuple[ObjectRef, ...], ...]:
        """For each parameter, the things of its type that no unchangeable requirement rules out, in order."""
        if action not in self._candidates:
            entry = self.domain.actions[action]
            self._candidates[action] = tuple(
                tuple(thing for thing in self.knowledge.of_type(kind) if self._unfit(entry, at, thing) is None)
                for at, (_, kind) in enumerate(entry.parameters)
            )
        return self._candidates[action]

    def misfit(self, step: Step) -> str | None:
        """Why a step can never be done in this scene, whatever has happened before; None if it may be."""
        action = self.domain.actions.get(step.action)
        if action is None:
            return f"there is no action '{step.action}'; there are: {', '.join(self.domain.actions)}"
        if len(step.objects) != len(action.parameters):
            return f"[{step.action}] takes {len(action.parameters)} things, not {len(step.objects)}"
        for at, (thing, (_, kind)) in enumerate(zip(step.objects, action.parameters, strict=True)):
            if thing not in self.objects:
                return f"there is no {thing} in the scene"
            if not self.domain.is_a(self.objects[thing], kind):
                return f"{thing} is a {self.objects[thing]}; [{step.action}] takes a {kind} there"
            reason = self._unfit(action, at, thing)
            if reason is not None:
                return reason
        return None

    def _unfit(self, action: Action, at: int, thing: ObjectRef) -> str | None:
        variable = action.parameters[at][0]
        for requirement in self.domain.fixed_requirements(action.name)[variable]:
            if requirement.condition.evaluate(self.knowledge, {variable: thing}) is False:
                return requirement.reason.replace(f"{{{str.__str__(variable)}}}", str(thing))
        return None


@dataclass(frozen=True)
class Task:
    """What is wanted of a scene."""

    instruction: str
    goals: tuple[Condition, ...]
    """All are to hold at the end; without free variables, as they were written: definitions are not written out."""
    scene: Scene
    name: str = field(default="", compare=False)
    """What the task is called in tables."""

    @cached_property
    def wanted(self) -> tuple[ObjectRef, ...]:
        """The things that goals name."""
        return named_things(self.goals)

    def __post_init__(self) -> None:
        text = self.instruction
        if len(text) > LONGEST_INSTRUCTION:
            raise GoalError(f"an instruction has up to {LONGEST_INSTRUCTION} characters, not {len(text)}")
        if not text.isprintable():
            raise GoalError("an instruction is one line of printable characters")
        if not text.strip() and not self.goals:
            raise GoalError("a task has an instruction or goals")
        check_goals(self.goals, self.scene)


def named_things(goals: Iterable[Condition]) -> tuple[ObjectRef, ...]:
    """Each thing that conditions name, once."""
    terms = (term for goal in goals for atom in goal.atoms() for term in atom.args)
    return tuple(dict.fromkeys(term for term in terms if isinstance(term, ObjectRef)))


def parse_goals(texts: Iterable[str], scene: Scene) -> tuple[Condition, ...]:
    """Goals from their texts; raises ConditionSyntaxError or GoalError."""
    goals = tuple(parse_condition(text) for text in texts)
    check_goals(goals, scene)
    return goals


def check_goals(goals: tuple[Condition, ...], scene: Scene) -> None:
    """Raises GoalError for what the scene does not have, and for goals that can't hold together."""
    if len(goals) > MOST_GOALS:
        raise GoalError(f"a task has up to {MOST_GOALS} goals, not {len(goals)}")
    wanted: dict[Fact, bool] = {}
    for goal in goals:
        for atom, holds in _check(goal, scene):
            fact = atom.fact()
            if wanted.setdefault(fact, holds) != holds:
                raise GoalError(f"goals against each other: {fact} and not {fact}")
    pair = scene.domain.contradiction(fact for fact, holds in wanted.items() if holds)
    if pair is not None:
        raise GoalError(f"goals against each other: {pair[0]} and {pair[1]} can't both hold")


def _check(goal: Condition, scene: Scene) -> list[tuple[Atom, bool]]:
    """Checks one goal; returns the facts that are to hold, or not to hold, in any case."""
    domain = scene.domain
    if goal.free():
        raise GoalError(f"goal '{goal}': {', '.join(map(str, sorted(goal.free())))} is not bound")
    try:
        domain.expand(goal)
    except DomainError as error:
        raise GoalError(f"goal '{goal}': {error}") from None
    for atom in goal.atoms():
        known = domain.relations.get(atom.relation)
        arguments = known.args if known else domain.definitions[atom.relation][0]
        for thing, (_, kind) in zip(atom.args, arguments, strict=True):
            if isinstance(thing, ObjectRef):
                if thing not in scene.objects:
                    raise GoalError(f"goal '{goal}': there is no {thing} in the scene")
                if not domain.is_a(scene.objects[thing], kind):
                    raise GoalError(f"goal '{goal}': {thing} is a {scene.objects[thing]}; a {kind} stands there")
    outright: list[tuple[Atom, bool]] = []
    todo = [goal]
    while todo:
        part = todo.pop()
        if isinstance(part, And):
            todo.extend(part.of)
        elif isinstance(part, Atom):
            outright.append((part, True))
        elif isinstance(part, Not) and isinstance(part.of, Atom):
            outright.append((part.of, False))
    return outright
