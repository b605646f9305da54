# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tree search over sampled plans, as a control: Hu et al., "Tree-Planner", ICLR 2024, with the model's votes.

Sampled plans are merged into one tree of steps, which is walked in the world: at each fork the branch is taken that
most samples went through (of equals the one with the likeliest sample), leaving out what the checker refuses by what is
seen just then. Where a step can't be done, or the plan ends and declared goals are unmet, that branch is barred, and
the walk goes on from the nearest fork above, in a world that is brought back to it. Tree-Planner asks its language
model at each fork; a model that writes plans only can't be asked, so its samples vote.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from robot_planner.task_planning.checker import check
from robot_planner.task_planning.conditions import Condition
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.world import SymbolicWorld


@dataclass
class Branch:
    """A step that samples begin or go on with; what follows ``None`` is the end of a plan."""

    votes: int = 0
    best: float = -math.inf
    """Logarithm of the probability of its likeliest sample."""
    barred: bool = False
    after: "dict[Step | None, Branch]" = field(default_factory=dict)


def action_tree(samples: Iterable[tuple[TaskPlan, float]]) -> Branch:
    """The root of the tree of plans with the logarithms of their probabilities."""
    root = Branch()
    for plan, log_probability in samples:
        branch = root
        for step in (*plan.steps, None):
            branch = branch.after.setdefault(step, Branch())
            branch.votes += 1
            branch.best = max(branch.best, log_probability)
    return root


@dataclass(frozen=True)
class Walk:
    """What a tree came to."""

    plan: TaskPlan | None
    """The steps of the last path, one that could not be done included."""
    tries: int
    """Paths walked in the world."""


def walk_tree(root: Branch, world: SymbolicWorld, goals: tuple[Condition, ...], corrections: int) -> Walk:
    """Walks a tree, which is used up by it, with up to ``corrections`` errors corrected."""
    path: list[tuple[Step | None, Branch]] = []
    plan, tries = None, 0
    world.reset()
    while True:
        here = path[-1][1] if path else root
        chosen = _choose(here, world)
        if chosen is None:
            if not path:
                return Walk(plan, tries)
            path.pop()[1].barred = True
            _go_back(world, path)
            continue
        step, branch = chosen
        path.append(chosen)
        if step is not None and world.execute(step).done:
            continue
        plan, tries = TaskPlan(tuple(entry for entry, _ in path if entry is not None)), tries + 1
        met = step is None and all(world.holds(goal) for goal in goals)
        if met or tries > corrections:
            return Walk(plan, tries)
        branch.barred = True
        path.pop()


def _choose(here: Branch, world: SymbolicWorld) -> tuple[Step | None, Branch] | None:
    """The branch to take; None if there is none."""
    free = [(step, branch) for step, branch in here.after.items() if not branch.barred]
    if len(free) > 1:
        scene = world.scene()
        free = [entry for entry in free if entry[0] is None or check(TaskPlan((entry[0],)), scene).ok] or free
    return max(free, key=lambda entry: (entry[1].votes, entry[1].best), default=None)


def _go_back(world: SymbolicWorld, path: list[tuple[Step | None, Branch]]) -> None:
    world.reset()
    for step, _ in path:
        if step is not None:
            world.execute(step)
