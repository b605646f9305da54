# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A corrector that knows no more than a robot: what is visible, what it saw as it tried, and where things usually are.

Its chains of draft, feedback and next draft are what the skill of correcting is learned from. Whatever it has not seen
it looks for in a stated order: in the first draft in the likeliest place, after one failure in the next two, then in
all that are left; never where it is to end, for then there would be nothing to do.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from robot_planner.task_planning.condition_text import parse_fact
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.households import CARRIES, HOLDS, USUAL
from robot_planner.task_planning.plan import ObjectRef, TaskPlan
from robot_planner.task_planning.scene import Task
from robot_planner.task_planning.world import SymbolicWorld

PLACES_TRIED = (1, 2)
"""Places that a draft looks into for one thing, by how often it was missed before; later all that are left."""


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
        self.searched: dict[ObjectRef, set[ObjectRef]] = {}
        """For a thing that was missed, places where it was not."""
        self.missed: dict[ObjectRef, int] = {}
        self.guess: dict[ObjectRef, tuple[ObjectRef, ...]] = {}
        self.wanted = [
            thing
            for goal in task.goals
            for atom in goal.atoms()
            for thing in atom.args[:1]
            if isinstance(thing, ObjectRef)
        ]

    def draft(self) -> TaskPlan:
        """A plan from what is known now, and guesses."""
        self.guess = {thing: self._places(thing) for thing in dict.fromkeys(self.wanted) if not self._placed(thing)}
        facts = set(self.known)
        for thing, places in self.guess.items():
            if places:
                box = self.task.scene.objects[places[-1]] in HOLDS
                facts.add(Fact("inside" if box else "on", (thing, places[-1])))
                facts |= {Fact("in_room", (thing, room)) for room in self._rooms(places[-1])}
        world = SymbolicWorld(self.task.scene.domain, self.task.scene.objects, facts)
        return expert_plan(world, self.task.goals, {t: places for t, places in self.guess.items() if len(places) > 1})

    def hear(self, plan: TaskPlan, feedback: Feedback) -> None:
        """Takes in what came back when a plan, its own or not, was tried."""
        self.known |= {parse_fact(text) for text in feedback.seen}
        for fact in list(self.known):
            if fact.relation in ("inside", "on"):
                self.known |= {Fact("in_room", (fact.args[0], room)) for room in self._rooms(fact.args[1])}
        done = plan.steps if feedback.failed_step is None else plan.steps[: feedback.failed_step]
        for thing in dict.fromkeys(self.wanted):
            if self._placed(thing):
                continue
            before = len(self.searched.setdefault(thing, set()))
            for step in done:
                self.searched[thing] |= self._shown(step.action, step.objects[:1])
            if len(self.searched[thing]) > before:
                self.missed[thing] = self.missed.get(thing, 0) + 1

    def _shown(self, action: str, things: tuple[ObjectRef, ...]) -> set[ObjectRef]:
        """Places whose contents a step has shown."""
        objects = self.task.scene.objects
        if action == "OPEN":
            return set(things)
        if action not in ("WALK", "RUN", "FIND") or not things:
            return set()
        rooms = set(things) | set(self._rooms(things[0]))
        return {
            place
            for place, kind in objects.items()
            if rooms & set(self._rooms(place))
            and (kind in CARRIES or (kind in HOLDS and Fact("open", (place,)) in self.known))
        }

    def _placed(self, thing: ObjectRef) -> bool:
        return any(f.args[0] == thing for f in self.known if f.relation in ("inside", "on", "in_room", "held_right"))

    def _rooms(self, thing: ObjectRef) -> tuple[ObjectRef, ...]:
        return tuple(f.args[1] for f in self.known if f.relation == "in_room" and f.args[0] == thing)

    def _places(self, thing: ObjectRef) -> tuple[ObjectRef, ...]:
        """Places to look into, the likeliest first: the usual ones in their order, then containers, then the rest."""
        objects = self.task.scene.objects
        usual = USUAL.get(objects[thing], ())
        here = {f.args[0] for f in self.known if f.relation == "at"}
        goals = {atom.args for goal in self.task.goals for atom in goal.atoms() if atom.relation in ("inside", "on")}
        out = self.searched.get(thing, set()) | {place for place in objects if (thing, place) in goals}

        def rank(place: ObjectRef) -> tuple[int, int, int]:
            kind = objects[place]
            named = usual.index(place.name) if place.name in usual else len(usual)
            return named, kind not in HOLDS, list(objects).index(place)

        left = []
        for place, kind in objects.items():
            shown = kind in CARRIES or Fact("open", (place,)) in self.known
            if place not in out and kind in HOLDS | CARRIES and not (shown and here & set(self._rooms(place))):
                left.append(place)
        left.sort(key=rank)
        missed = self.missed.get(thing, 0)
        return tuple(left[: PLACES_TRIED[missed]] if missed < len(PLACES_TRIED) else left)


def correction_chain(task: Task, world: SymbolicWorld, most: int = 10) -> Iterator[Correction]:
    """Drafts of a BeliefExpert and what came back, until the goals are met or ``most`` drafts were tried."""
    expert = BeliefExpert(task)
    for _ in range(most):
        draft = expert.draft()
        feedback = world.run(draft, task.goals)
        yield Correction(draft, feedback)
        if feedback.success:
            return
        expert.hear(draft, feedback)
