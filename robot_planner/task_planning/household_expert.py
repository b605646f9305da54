# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A scripted expert for the flats of ``households``: from facts that it takes for true to a plan, in milliseconds.

With the whole truth its plans are gold; ``belief`` gives it what a robot knows, and guesses.
"""

from collections.abc import Iterable, Mapping, Sequence

from robot_planner.task_planning.conditions import Atom, Condition, Fact
from robot_planner.task_planning.households import ITEMS
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan
from robot_planner.task_planning.world import SymbolicWorld

Search = Mapping[ObjectRef, Sequence[ObjectRef]]
"""For things whose place is a guess: the places to look into before they are fetched."""


class CannotPlanError(Exception):
    """The expert has no script for a goal; not a user's error."""


def expert_plan(world: SymbolicWorld, goals: Iterable[Condition], search: Search | None = None) -> TaskPlan:
    """A plan that meets the goals if the world is as it says.

    Args:
        world: what is taken for true; it is reset.
        goals: facts, as ``household_tasks`` draws them.
        search: see Search; empty for a world that is known.

    Raises:
        CannotPlanError: a goal is none of those.
    """
    return _Script(world, search or {}).plan([_fact(goal) for goal in goals])


def plan_on(
    world: SymbolicWorld, goals: Sequence[Condition], begin: TaskPlan, search: Search | None = None
) -> TaskPlan | None:
    """As ``expert_plan``, a plan that begins with these steps; None if they, or what would have to follow, can't be."""
    script = _Script(world, search or {})
    for step in begin.steps:
        script.do(step.action, *step.objects)
        if script.failed:
            return None
    plan = script.plan([_fact(goal) for goal in goals])
    return plan if script.failed == 0 and all(world.holds(goal) for goal in goals) else None


def _fact(goal: Condition) -> Fact:
    if not isinstance(goal, Atom):
        raise CannotPlanError(f"no script for '{goal}'")
    return goal.fact()


_ORDER = ("put", "clean", "open", "closed", "switched_off", "switched_on", "held")


class _Script:
    def __init__(self, world: SymbolicWorld, search: Search) -> None:
        self.world, self.search = world, search
        world.reset()
        self.steps: list[Step] = []
        self.failed = 0
        """Steps that could not be done."""

    def plan(self, goals: list[Fact]) -> TaskPlan:
        stays_open = {goal.args[0] for goal in goals if goal.relation == "open"}
        puts = [goal for goal in goals if goal.relation in ("inside", "on")]
        first = [goal.args[1] for goal in puts]
        puts.sort(key=lambda goal: first.index(goal.args[1]))  # those for one place together
        for goal in puts:
            last = goal is [g for g in puts if g.args[1] == goal.args[1]][-1]
            shut = last and Fact("closed", (goal.args[1],)) in goals and goal.args[1] not in stays_open
            self.put(goal, shut)
        for goal in sorted((g for g in goals if g not in puts), key=self._rank):
            self.meet(goal)
        for goal in goals:  # what fetching other things has opened again
            if goal.relation in ("closed", "switched_on"):
                self.meet(goal)
        return TaskPlan(tuple(self.steps))

    def _rank(self, goal: Fact) -> int:
        if goal.relation not in _ORDER:
            raise CannotPlanError(f"no script for '{goal}'")
        return _ORDER.index(goal.relation)

    def true(self, relation: str, *args: ObjectRef) -> bool:
        return bool(self.world.state.value(relation, args))

    def do(self, action: str, *things: ObjectRef) -> None:
        """One step; a step that fails stays in the plan of somebody who did not know better."""
        self.steps.append(Step(action, things))
        self.failed += not self.world.execute(self.steps[-1]).done

    def place_of(self, thing: ObjectRef) -> ObjectRef | None:
        """What a thing lies in or on."""
        for relation in ("inside", "on"):
            for args in sorted(self.world.state.true[relation]):
                if args[0] == thing:
                    return args[1]
        return None

    def go(self, thing: ObjectRef) -> None:
        if not self.true("near", thing):
            self.do("WALK", thing)

    def make_open(self, box: ObjectRef) -> None:
        """Goes to a container and opens it."""
        self.go(box)
        if self.true("closed", box):
            if self.true("switched_on", box):
                self.do("SWITCHOFF", box)
            self.do("OPEN", box)

    def reach(self, thing: ObjectRef) -> None:
        """Makes a thing found, reached and not shut in."""
        if self.true("near", thing) and self.true("found", thing) and not self._boxed(thing):
            return
        places = self.search.get(thing)
        if places:
            for place in places:
                self.make_open(place)
            if len(places) > 1:
                self.do("WALK", thing)
            return
        lies = self.place_of(thing)
        if lies is None:
            self.do("WALK", thing)
        elif self.world.objects.get(lies) in ("container", "device"):
            self.make_open(lies)
        else:
            self.go(lies)

    def _boxed(self, thing: ObjectRef) -> bool:
        place = self.place_of(thing)
        return place is not None and self.true("closed", place)

    def grab(self, thing: ObjectRef) -> None:
        if not (self.true("held_right", thing) or self.true("held_left", thing)):
            self.reach(thing)
            self.do("GRAB", thing)

    def put(self, goal: Fact, shut: bool) -> None:
        thing, place = goal.args
        if not self.true(goal.relation, thing, place):
            self.grab(thing)
            if goal.relation == "inside":
                self.make_open(place)
                self.do("PUTIN", thing, place)
            else:
                self.go(place)
                self.do("PUTBACK", thing, place)
        if shut and self.true("open", place):
            self.go(place)
            self.do("CLOSE", place)

    def meet(self, goal: Fact) -> None:
        (thing,) = goal.args
        if goal.relation == "held":
            self.grab(thing)
        elif self.true(goal.relation, thing):
            return
        elif goal.relation == "clean":
            if self.world.objects[thing] in ITEMS:
                self.reach(thing)
            else:
                self.go(thing)
            self.do("WASH", thing)
        elif goal.relation == "open":
            self.make_open(thing)
        else:
            self.go(thing)
            if goal.relation == "switched_on" and self.true("plugged_out", thing):
                self.do("PLUGIN", thing)
            self.do({"closed": "CLOSE", "switched_off": "SWITCHOFF", "switched_on": "SWITCHON"}[goal.relation], thing)
