# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task planner as one call: prompts, grammar, checker and the nested loops put together for a task."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from robot_planner.task_planning.checker import CheckResult, check
from robot_planner.task_planning.equilibrium import Refine
from robot_planner.task_planning.feedback import CHECKER, Feedback, Tester
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.language_model import Generation, LanguageModel
from robot_planner.task_planning.nested import Attempts, Budgets, Event, NestedLoop, Result
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene, Task

RESTART_TEMPERATURE = 0.7
"""Of texts that are written anew because greedy ones came to nothing."""
RESTART_SEED = 100_003
"""Between the seeds of restarts."""


@dataclass
class Refinement:
    """f at fixed feedback: a language model that is shown the draft; see ``equilibrium.Refine``."""

    model: LanguageModel
    prefix: str
    """The prompt before the draft."""
    grammar: Grammar | None = None
    reuse_draft: bool = True
    """Whether the draft is also the guess that makes generation quicker; the text is the same."""
    first_temperature: float = 0.0
    """Of a text without a draft, sampled by ``seed``; refinements are greedy."""
    seed: int = 0
    deadline: float | None = None
    cancelled: Callable[[], bool] = lambda: False
    _drawn: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def __call__(self, draft: TaskPlan | None, max_tokens: int) -> Generation:
        """See Refine."""
        return self.model.generate(
            self.prefix,
            write_suffix(draft),
            grammar=self.grammar,
            draft=str(draft) if self.reuse_draft and draft is not None else None,
            temperature=self.first_temperature if draft is None else 0.0,
            seed=self.seed + next(self._drawn) if draft is None else self.seed,
            max_tokens=max_tokens,
            deadline=self.deadline,
            cancelled=self.cancelled,
        )


def plan_task(
    task: Task,
    model: LanguageModel,
    *,
    environment: Tester | None = None,
    world_model: Tester | None = None,
    budgets: Budgets | None = None,
    warm_start: TaskPlan | None = None,
    constrained: bool = True,
    reuse_draft: bool = True,
    first_temperature: float = 0.0,
    seed: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
    on_event: Callable[[Event], None] = lambda event: None,
    observe: Callable[[], Scene] | None = None,
) -> Result:
    """Plans a task.

    Args:
        task: what is wanted, and what can be seen.
        model: writes plans.
        environment: what plans are tried on; what the checker refuses never reaches it.
        world_model: a learned one of what the environment would answer; see ``nested`` for how they take turns.
        budgets: how much it may take.
        warm_start: the first draft.
        constrained: whether the model is held to the scene's grammar.
        reuse_draft: see Refinement.
        first_temperature: see Refinement.
        seed: of the sampling; the same seed gives the same result.
        cancelled: asked between tokens and between any two pieces of work; ends in a result that says so.
        on_event: told of what happens.
        observe: what can be seen now, where the environment is not reset between trials: each round then plans on from
            there, with the steps that are still to be done as its draft. None: each trial begins with ``task.scene``.

    Raises:
        LanguageModelError: the model cannot be reached or answers garbage.
        RobotPlannerError: what the testers raise, and for facts in an answer that can't be.
    """
    sight = _Sight(task, constrained, observe)
    if environment is not None:
        environment = _Heard(environment, sight)
    window = (budgets := budgets or Budgets()).window

    def refine_after(attempts: Attempts, restart: int) -> Refine:
        sight.look()
        if observe is not None:  # what was seen on the way may have changed since, and is looked at anew
            attempts = [(plan, replace(feedback, seen=())) for plan, feedback in attempts]
        prefix = write_prompt(sight.task, attempts, window)
        warmth = first_temperature if restart < 2 else max(first_temperature, RESTART_TEMPERATURE)
        drawn = seed + RESTART_SEED * (restart + 1000 * len(attempts)) if restart else seed
        return Refinement(model, prefix, sight.grammar, reuse_draft, warmth, drawn, loop.deadline, cancelled)

    def refusal(plan: TaskPlan) -> Feedback | None:
        found = sight.check(plan).violations
        return Feedback(False, found[0].step, found[0].reason, source=CHECKER) if found else None

    loop = NestedLoop(
        refine_after, refusal, lambda plan: sight.check(plan).faults, environment, world_model, budgets, cancelled,
        on_event, still_to_do=_all_of_it if observe is None else _from_the_failed_step_on,
    )  # fmt: skip
    return loop.run(warm_start)


class _Sight:
    """The task as it presents itself in this round, what is known of its scene, and the grammar."""

    def __init__(self, task: Task, constrained: bool, observe: Callable[[], Scene] | None) -> None:
        self.task, self._constrained, self._observe = task, constrained, observe
        self._grammar = Grammar(task.scene, task.goals)
        self._tried: list[tuple[TaskPlan, Feedback]] = []

    def look(self) -> None:
        """At the beginning of a round."""
        scene = self.task.scene if self._observe is None else self._observe()
        if scene != self.task.scene:
            self.task = replace(self.task, scene=scene)
            self._grammar = Grammar(scene, self.task.goals)

    @property
    def grammar(self) -> Grammar | None:
        """What the model is held to; none if it is free."""
        return self._grammar if self._constrained else None

    def check(self, plan: TaskPlan) -> CheckResult:
        """By all that is known in this round."""
        return check(plan, self.task.scene, goals=self.task.goals, forecast=self._grammar.forecast)

    def learn(self, plan: TaskPlan, feedback: Feedback) -> None:
        """Takes what a trial has shown of the initial state for known: the next trial begins there again.

        Not so where the world is not reset: what was seen on the way may have changed since, and is looked at anew.
        """
        if self._observe is not None:
            return
        self._tried.append((plan, feedback))
        self._grammar = self._grammar.after(self._tried)


@dataclass(frozen=True)
class _Heard:
    """A Tester whose answers are learned from; a world model's are not: it predicts, and may be wrong."""

    environment: Tester
    sight: _Sight

    def test(self, plan: TaskPlan) -> Feedback:
        """See Tester."""
        feedback = self.environment.test(plan)
        self.sight.learn(plan, feedback)
        return feedback


def _all_of_it(plan: TaskPlan, feedback: Feedback) -> TaskPlan:
    return plan


def _from_the_failed_step_on(plan: TaskPlan, feedback: Feedback) -> TaskPlan:
    return TaskPlan(() if feedback.failed_step is None else plan.steps[feedback.failed_step :])
