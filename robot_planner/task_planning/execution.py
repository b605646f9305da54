# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Plans done step by step in a world that is not reset: what fails is told, and planning goes on from there.

Before each step the checker looks at it once more, by what can be seen just then: the world may have changed since the
plan was made. Whether the goals are met is the executor's word, never the plan's.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from robot_planner.task_planning.checker import check
from robot_planner.task_planning.conditions import Condition
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.world import Outcome, SymbolicWorld

POLL = 0.02
"""How often a cancel is asked for while a simulated step lasts [s]."""
STOPPED = "stopped before it began"


class Executor(Protocol):
    """Who does the steps of one task."""

    def scene(self) -> Scene:
        """What can be seen now; the things are the same from first to last. May raise RobotPlannerError."""
        ...

    def perform(self, step: Step, interrupted: Callable[[], bool]) -> Outcome:
        """Does one step, or says why it could not; comes back soon, with nothing moving, once ``interrupted``."""
        ...

    def unmet(self, goals: Sequence[Condition]) -> tuple[str, ...]:
        """Those of the goals that don't hold now, as texts."""
        ...


@dataclass
class Execution:
    """A Tester (see feedback) whose trials go on from where the last one ended."""

    executor: Executor
    goals: tuple[Condition, ...] = ()
    """Without any, a plan succeeds when it has steps and all of them were done."""
    interrupted: Callable[[], bool] = lambda: False
    on_step: Callable[[TaskPlan, int], None] = lambda plan, step: None
    """Told of each step that begins."""
    done: list[Step] = field(default_factory=list)
    """Over all trials."""

    def test(self, plan: TaskPlan) -> Feedback:
        """See Tester; from the present state."""
        failed, reason, seen = None, "", list[str]()
        for index, step in enumerate(plan.steps):
            outcome = self._attempt(plan, index, step)
            seen += map(str, outcome.seen)
            if not outcome.done:
                failed, reason = index, outcome.reason
                break
            self.done.append(step)
        if not self.goals:
            reason = reason or ("" if plan.steps else "the plan has no steps")
            return Feedback(not reason, failed, reason, seen=tuple(dict.fromkeys(seen)))
        unmet = self.executor.unmet(self.goals)
        return Feedback(not unmet, failed, reason, unmet, seen=tuple(dict.fromkeys(seen)))

    def _attempt(self, plan: TaskPlan, index: int, step: Step) -> Outcome:
        if self.interrupted():
            return Outcome(False, STOPPED)
        violations = check(TaskPlan((step,)), self.executor.scene()).violations
        if violations:
            return Outcome(False, violations[0].reason)
        self.on_step(plan, index)
        return self.executor.perform(step, self.interrupted)


@dataclass
class WorldExecutor:
    """The executor over a simulated world, which knows more than it shows."""

    world: SymbolicWorld
    step_seconds: float = 0.0
    """What a step takes [s]."""

    def scene(self) -> Scene:
        """See Executor."""
        return self.world.scene()

    def perform(self, step: Step, interrupted: Callable[[], bool]) -> Outcome:
        """See Executor; a step that is interrupted has not happened."""
        until = time.monotonic() + self.step_seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, POLL))
            if interrupted():
                return Outcome(False, "stopped")
        outcome = self.world.execute(step)
        relations = self.world.domain.relations
        told = [fact for fact in outcome.seen if self.world.state.allows(relations[fact.relation].said, fact)]
        return Outcome(outcome.done, outcome.reason, tuple(told))

    def unmet(self, goals: Sequence[Condition]) -> tuple[str, ...]:
        """See Executor."""
        return tuple(str(goal) for goal in goals if not self.world.holds(goal))
