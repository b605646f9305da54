# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks a plan before anything moves: deterministic, without a model, from what is known.

What the checker refuses fails in every world that fits the knowledge; what depends on the unknown is let through and
listed as assumed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from robot_planner.task_planning.conditions import Condition
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.reasons import explain, failing
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.state import Knowledge


@dataclass(frozen=True)
class Violation:
    """A step that can't be done."""

    step: int
    """Index of the step."""
    reason: str

    def __str__(self) -> str:
        return f"step {self.step + 1} cannot be done: {self.reason}"


@dataclass(frozen=True)
class CheckResult:
    """What a check found; steps after the first that can't be done are only checked for what is never possible."""

    violations: tuple[Violation, ...] = ()
    assumed: tuple[tuple[int, str], ...] = ()
    """Step and what was taken for granted because nobody knows better: the reason it would fail for."""
    unmet: tuple[str, ...] = ()
    """Goals that are known not to hold after the plan; empty if a step can't be done."""
    open: tuple[str, ...] = ()
    """Goals that may hold after the plan: it depends on what is not known."""

    @property
    def ok(self) -> bool:
        """No step is refused."""
        return not self.violations


def check(
    plan: TaskPlan, scene: Scene, knowledge: Knowledge | None = None, goals: Sequence[Condition] = ()
) -> CheckResult:
    """Follows a plan through what is known.

    Args:
        plan: any plan that parses; unknown things and actions are violations.
        scene: the things, and what is visible.
        knowledge: what is known beyond it; it is not changed.
        goals: what is to hold at the end.
    """
    facts = (scene.knowledge if knowledge is None else knowledge).copy()
    violations: list[Violation] = []
    assumed: list[tuple[int, str]] = []
    for index, step in enumerate(plan.steps):
        reason = scene.misfit(step)
        if reason is None and not violations:
            reason = failing(scene.domain.actions[step.action], step.objects, facts)
        if reason is not None:
            violations.append(Violation(index, reason))
        if violations:
            continue
        action = scene.domain.actions[step.action]
        binding = action.bind(step.objects)
        for requirement in action.requires:
            if requirement.condition.evaluate(facts, binding) is None:
                assumed.append((index, explain(requirement, binding, facts)))
                facts.assume(requirement.condition.bind(binding))
        facts.apply(action, step.objects)
    if violations:
        return CheckResult(tuple(violations), tuple(assumed))
    values = [(str(goal), scene.domain.expand(goal).evaluate(facts, {})) for goal in goals]
    unmet = tuple(goal for goal, value in values if value is False)
    return CheckResult((), tuple(assumed), unmet, tuple(goal for goal, value in values if value is None))
