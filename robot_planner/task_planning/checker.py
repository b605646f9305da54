# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks a plan before anything moves: deterministic, without a model, from what is known.

What the checker refuses fails in every world that fits the knowledge; what depends on the unknown is let through and
listed as assumed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from robot_planner.task_planning.conditions import Condition
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.reasons import explain, failing
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.state import Knowledge

KEPT, KEPT_FAILURES = 1000, 100_000
"""Beginnings of plans whose outlook is kept: those that can be done, and those whose last step can't."""


@dataclass(frozen=True)
class Outlook:
    """What is known after some steps."""

    knowledge: Knowledge
    """Not to be changed; as before the last step, if that can't be done."""
    reason: str | None = None
    """Why the last step can't be done."""
    assumed: tuple[str, ...] = ()
    """What was taken for granted for the last step: the reasons for which it would fail."""


class Forecast:
    """Follows plans through what is known, each beginning of a plan once: refined plans share most of their steps."""

    def __init__(self, scene: Scene, knowledge: Knowledge | None = None) -> None:
        """``knowledge``: what is known beyond what is visible; not to be changed any more."""
        self.scene = scene
        self._begin = Outlook(scene.knowledge if knowledge is None else knowledge)
        self._known: dict[tuple[Step, ...], Outlook] = {}
        self._failures: dict[tuple[Step, ...], Outlook] = {}

    @property
    def knowledge(self) -> Knowledge:
        """Before the first step."""
        return self._begin.knowledge

    def after(self, steps: tuple[Step, ...]) -> Outlook:
        """After these steps, of which all but the last can be done."""
        if not steps:
            return self._begin
        found = self._known.get(steps) or self._failures.get(steps)
        if found is None:
            found = self._step(self.after(steps[:-1]).knowledge, steps[-1])
            kept, most = (self._known, KEPT) if found.reason is None else (self._failures, KEPT_FAILURES)
            if len(kept) >= most:
                kept.clear()
            kept[steps] = found
        return found

    def _step(self, before: Knowledge, step: Step) -> Outlook:
        reason = self.scene.misfit(step)
        if reason is not None:
            return Outlook(before, reason)
        action = self.scene.domain.actions[step.action]
        reason = failing(action, step.objects, before)
        if reason is not None:
            return Outlook(before, reason)
        facts, binding, assumed = before.copy(), action.bind(step.objects), []
        for requirement in action.requires:
            if requirement.condition.evaluate(facts, binding) is None:
                assumed.append(explain(requirement, binding, facts))
                facts.assume(requirement.condition.bind(binding))
        facts.apply(action, step.objects)
        return Outlook(facts, None, tuple(assumed))


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
    faults: int = 0
    """Steps that can't be done, and goals known to be unmet. Where a step can't be done all goals are, so that such a
    plan has more faults than any that can be done."""

    @property
    def ok(self) -> bool:
        """No step is refused."""
        return not self.violations


def check(
    plan: TaskPlan,
    scene: Scene,
    knowledge: Knowledge | None = None,
    goals: Sequence[Condition] = (),
    forecast: Forecast | None = None,
) -> CheckResult:
    """Follows a plan through what is known.

    Args:
        plan: any plan that parses; unknown things and actions are violations.
        scene: the things, and what is visible.
        knowledge: what is known beyond it; it is not changed.
        goals: what is to hold at the end.
        forecast: of this scene and knowledge, where many plans are checked.
    """
    forecast = forecast or Forecast(scene, knowledge)
    violations: list[Violation] = []
    assumed: list[tuple[int, str]] = []
    facts = forecast.knowledge
    for index, step in enumerate(plan.steps):
        if violations:
            if (reason := scene.misfit(step)) is not None:
                violations.append(Violation(index, reason))
            continue
        outlook = forecast.after(plan.steps[: index + 1])
        if outlook.reason is not None:
            violations.append(Violation(index, outlook.reason))
            continue
        assumed += [(index, reason) for reason in outlook.assumed]
        facts = outlook.knowledge
    if violations:
        return CheckResult(tuple(violations), tuple(assumed), faults=len(violations) + len(goals))
    values = [(str(goal), scene.domain.expand(goal).evaluate(facts, {})) for goal in goals]
    unmet = tuple(goal for goal, value in values if value is False)
    maybe = tuple(goal for goal, value in values if value is None)
    return CheckResult((), tuple(assumed), unmet, maybe, len(unmet))
