# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A symbolic world: it knows the whole truth, does steps one by one, and tells what a robot would see."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from robot_planner.task_planning.conditions import Atom, Condition, Fact, Not
from robot_planner.task_planning.domain import Domain
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan
from robot_planner.task_planning.reasons import failing
from robot_planner.task_planning.scene import Scene, named_things
from robot_planner.task_planning.state import State


@dataclass(frozen=True)
class Outcome:
    """What became of a step."""

    done: bool
    reason: str = ""
    """Why it could not be done; the world is as it was."""
    seen: tuple[Fact, ...] = ()
    """Facts that held before and have become visible by the step."""


class SymbolicWorld:
    """Executes plans; ``run`` always begins with the initial state, ``execute`` goes on from the last step."""

    def __init__(self, domain: Domain, objects: Mapping[ObjectRef, str], facts: Iterable[Fact]) -> None:
        """Raises DomainError for facts that can't be."""
        facts = frozenset(facts)
        for fact in facts:
            domain.check_fact(fact, objects)
        self.domain, self.objects = domain, objects
        self._things = Scene(domain, objects, frozenset(f for f in facts if domain.relations[f.relation].fixed))
        self._initial = State(domain, objects, facts)
        self.state = self._initial.copy()

    def reset(self) -> None:
        """Back to the initial state."""
        self.state = self._initial.copy()

    @cached_property
    def initial(self) -> frozenset[Fact]:
        """All facts of the initial state, those that follow from types included."""
        return frozenset(self._initial.facts())

    def visible(self) -> frozenset[Fact]:
        """The facts that a planner is told of the present state, without those that follow from types."""
        implied = frozenset(self.domain.implied(self.objects))
        return frozenset(f for f in self.state.facts() if f not in implied and self._is_visible(f, self.state))

    def scene(self) -> Scene:
        """The present state as a planner is told of it."""
        return Scene(self.domain, self.objects, self.visible())

    def _is_visible(self, fact: Fact, state: State) -> bool:
        return state.allows(self.domain.relations[fact.relation].visible, fact)

    def _is_said(self, fact: Fact) -> bool:
        return self._initial.allows(self.domain.relations[fact.relation].said, fact)

    def execute(self, step: Step) -> Outcome:
        """Does one step, or says why it can't be done."""
        reason = self._things.misfit(step)
        if reason is not None:
            return Outcome(False, reason)
        action = self.domain.actions[step.action]
        reason = failing(action, step.objects, self.state)
        if reason is not None:
            return Outcome(False, reason)
        before = self.state
        self.state = before.copy()
        self.state.apply(action, step.objects)
        return Outcome(True, seen=self._news(before))

    def _news(self, before: State) -> tuple[Fact, ...]:
        return tuple(
            fact
            for name, relation in self.domain.relations.items()
            if not isinstance(relation.visible, bool)
            for fact in (Fact(name, args) for args in sorted(self.state.true[name] & before.true[name]))
            if self._is_visible(fact, self.state) and not self._is_visible(fact, before)
        )

    def holds(self, goal: Condition) -> bool:
        """Whether a goal holds now."""
        return bool(self.domain.expand(goal).evaluate(self.state, {}))

    def run(self, plan: TaskPlan, goals: Sequence[Condition] = ()) -> Feedback:
        """Tries a plan from the initial state until a step can't be done; goals are looked at where it stopped."""
        self.reset()
        wanted = named_things(goals)
        failed, reason, seen = None, "", []
        for index, step in enumerate(plan.steps):
            outcome = self.execute(step)
            seen += [str(fact) for fact in outcome.seen if fact in self.initial and self._is_said(fact)]
            if not outcome.done:
                failed, reason = index, outcome.reason
                break
        before = set(self._initial.absent(wanted))
        missed = [fact for fact in self.state.absent(wanted) if fact not in before and fact not in self.initial]
        seen += [str(Not(Atom(*fact))) for fact in missed]
        unmet = tuple(str(goal) for goal in goals if not self.holds(goal))
        return Feedback(not unmet, failed, reason, unmet, seen=tuple(dict.fromkeys(seen)))

    def tester(self, goals: Sequence[Condition]) -> "WorldTester":
        """What a nested loop tries its plans on."""
        return WorldTester(self, tuple(goals))


@dataclass(frozen=True)
class WorldTester:
    """A Tester (see feedback) that runs plans in a symbolic world."""

    world: SymbolicWorld
    goals: tuple[Condition, ...]

    def test(self, plan: TaskPlan) -> Feedback:
        """See Tester."""
        return self.world.run(plan, self.goals)
