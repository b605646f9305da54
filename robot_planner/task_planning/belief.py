# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A corrector that knows no more than a robot: what is visible, what was seen as plans were tried, and where things
usually are.

Its chains of draft, feedback and next draft are what the skill of correcting is learned from. Whatever nobody has seen
it looks for in a stated order: first in the likeliest place, then in all that are usual, then in all that are left;
never where it is to end, for then there would be nothing to do. What it writes follows from what is told in a prompt.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from robot_planner.task_planning.condition_text import parse_literal
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.household_expert import Search, expert_plan, plan_on
from robot_planner.task_planning.households import CARRIES, HOLDS, USUAL
from robot_planner.task_planning.plan import ObjectRef, TaskPlan
from robot_planner.task_planning.scene import Task
from robot_planner.task_planning.world import SymbolicWorld


@dataclass(frozen=True)
class Correction:
    """One link of a chain."""

    draft: TaskPlan
    feedback: Feedback


class BeliefExpert:
    """Plans from what is known of a task in a flat of ``households``, and learns from what comes back."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.known = set(task.scene.visible)
        self.missed: dict[ObjectRef, set[ObjectRef]] = {}
        """For a thing, the places that trials have shown without it."""
        self.guess: dict[ObjectRef, tuple[ObjectRef, ...]] = {}
        firsts = (atom.args[0] for goal in task.goals for atom in goal.atoms() if atom.args)
        self.wanted = tuple(dict.fromkeys(thing for thing in firsts if isinstance(thing, ObjectRef)))

    def draft(self) -> TaskPlan:
        """A plan from what is known now, and guesses."""
        world, search = self._believed()
        return expert_plan(world, self.task.goals, search)

    def go_on(self, begin: TaskPlan) -> TaskPlan | None:
        """As ``draft``, a plan that begins with these steps; None if that can't be."""
        world, search = self._believed()
        return plan_on(world, self.task.goals, begin, search)

    def _believed(self) -> tuple[SymbolicWorld, Search]:
        self.guess = {thing: self._places(thing) for thing in self.wanted if not self._placed(thing)}
        facts = set(self.known)
        for thing, places in self.guess.items():
            if places:
                box = self.task.scene.objects[places[-1]] in HOLDS
                facts.add(Fact("inside" if box else "on", (thing, places[-1])))
                facts |= {Fact("in_room", (thing, room)) for room in self._rooms(places[-1])}
        world = SymbolicWorld(self.task.scene.domain, self.task.scene.objects, facts)
        return world, {thing: places for thing, places in self.guess.items() if len(places) > 1}

    def hear(self, feedback: Feedback) -> None:
        """Takes in what came back when a plan, its own or not, was tried."""
        for fact, holds in map(parse_literal, feedback.seen):
            if holds:
                self.known.add(fact)
            else:
                self.missed.setdefault(fact.args[0], set()).add(fact.args[1])
        for fact in list(self.known):
            if fact.relation in ("inside", "on"):
                self.known |= {Fact("in_room", (fact.args[0], room)) for room in self._rooms(fact.args[1])}

    def _placed(self, thing: ObjectRef) -> bool:
        return any(f.args[0] == thing for f in self.known if f.relation in ("inside", "on", "in_room", "held_right"))

    def _rooms(self, thing: ObjectRef) -> tuple[ObjectRef, ...]:
        return tuple(f.args[1] for f in self.known if f.relation == "in_room" and f.args[0] == thing)

    def _places(self, thing: ObjectRef) -> tuple[ObjectRef, ...]:
        """Places to look into, in this order: the likeliest, or once trials have shown it is not there, all usual ones,
        or if there are none, all that are left, as the scene lists them.
        """
        objects = self.task.scene.objects
        usual = USUAL.get(objects[thing], ())
        goals = {atom.args for goal in self.task.goals for atom in goal.atoms() if atom.relation in ("inside", "on")}
        missed = self.missed.get(thing, set())
        out = {fact.args[1] for fact in self.task.scene.knowledge.absent([thing])} | missed
        left = [
            place
            for place, kind in objects.items()
            if kind in HOLDS | CARRIES and place not in out and (thing, place) not in goals
        ]
        likely = [place for place in left if place.name in usual]
        if missed or not left:
            return tuple(likely or left)
        if likely:
            return (min(likely, key=lambda place: usual.index(place.name)),)
        return (next((place for place in left if objects[place] in HOLDS), left[0]),)


def correction_chain(task: Task, world: SymbolicWorld, most: int = 10) -> Iterator[Correction]:
    """Drafts of a BeliefExpert and what came back, until the goals are met or ``most`` drafts were tried."""
    expert = BeliefExpert(task)
    for _ in range(most):
        draft = expert.draft()
        feedback = world.run(draft, task.goals)
        yield Correction(draft, feedback)
        if feedback.success:
            return
        expert.hear(feedback)
