# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Held-out problems of the task planner's benches, in three groups, and how a plan for one of them is scored.

The paper's metrics (Li et al., arXiv 2410.01440, appendix) are kind: goals are what is ADDED to the initial state, a
plan that breaks off may have met them before, and "executable" means that it can be read. The strict ones stand beside
them: every step is done, and all declared goals hold at the end, what had to be put back included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.feedback import Tester
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.households import HELD_OUT, TRAINING
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.scene import Task
from robot_planner.task_planning.world import SymbolicWorld

GROUPS = {
    "scene+task new": (HELD_OUT, HELD_OUT),
    "scene new": (HELD_OUT, TRAINING),
    "task new": (TRAINING, HELD_OUT),
}
"""Group -> splits of scene and task."""
BUCKETS = {"<= 10 steps": (0, 10), "11-25 steps": (11, 25), "> 25 steps": (26, 1_000_000)}
"""By the steps of the gold plan."""
FIRST_OF_TRAINING = 10_000_000
"""Seeds from here on are training's."""
ERRANDS = (1, 2, 3, 4, 6)
"""Of the problems, in turn; training has one to four."""


@dataclass(frozen=True)
class Score:
    """What a plan is worth."""

    exec: bool
    """It can be read, and names only actions and things of the scene, as they fit."""
    sr: bool
    """All added goals hold where it stopped, even if it broke off."""
    gcr: float
    """Share of the added goals, those that did not hold at first, that hold where it stopped."""
    strict_exec: bool
    """Every step was done."""
    strict_sr: bool
    """Every step was done and all declared goals hold at the end."""
    strict_gcr: float
    """Share of all declared goals that hold where it stopped."""


METRICS = tuple(field.name for field in fields(Score))


@dataclass(frozen=True)
class Case:
    """One problem of a bench."""

    group: str
    seed: int
    task: Task
    world: SymbolicWorld
    gold_steps: int
    """Of the plan that the scripted expert makes from the whole truth; nobody else is told of it."""

    @property
    def bucket(self) -> str:
        """Of BUCKETS."""
        return next(name for name, (low, high) in BUCKETS.items() if low <= self.gold_steps <= high)

    @property
    def environment(self) -> Tester:
        """Tries plans; tells its own reasons and which declared goals are unmet."""
        return self.world.tester(self.task.goals)

    @cached_property
    def _at_first(self) -> tuple[bool, ...]:
        self.world.reset()
        return tuple(self.world.holds(goal) for goal in self.task.goals)

    def score(self, plan: TaskPlan | None) -> Score:
        """Tries a plan; no plan is worth nothing."""
        if plan is None:
            return Score(False, False, 0.0, False, False, 0.0)
        failed = self.world.run(plan).failed_step
        held = [self.world.holds(goal) for goal in self.task.goals]
        added = [holds for holds, before in zip(held, self._at_first, strict=True) if not before] or held
        return Score(
            exec=all(self.task.scene.misfit(step) is None for step in plan.steps),
            sr=all(added),
            gcr=_share(added),
            strict_exec=failed is None,
            strict_sr=failed is None and all(held),
            strict_gcr=_share(held),
        )


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 1.0


def make_case(group: str, seed: int, errands: Sequence[int] = ERRANDS) -> Case:
    """The problem of a group with a seed, which has ``errands[seed % len(errands)]`` errands."""
    if not 0 <= seed < FIRST_OF_TRAINING:
        raise InvalidInputError(f"seed {seed} is not for benches; allowed: 0 to {FIRST_OF_TRAINING - 1}")
    number = errands[seed % len(errands)]
    problem = sample_problem(seed, *GROUPS[group], (number, number))
    world = problem.flat.world()
    return Case(group, seed, problem.task, world, len(expert_plan(world, problem.task.goals).steps))


def case_names(problems: int, first_seed: int = 0) -> Iterator[tuple[str, int]]:
    """Group and seed of ``problems`` problems of each group, group by group."""
    for group in GROUPS:
        for seed in range(first_seed, first_seed + problems):
            yield group, seed
