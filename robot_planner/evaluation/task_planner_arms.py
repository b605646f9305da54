# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The arms of the task planner's ladder: each way to come from a task to a plan, and what it cost.

All arms have the same model, grammar, checker and prompts. Feedback is the executor's own reasons and the declared
goals that are unmet, never a difference to a gold answer. Each arm begins with a model that remembers nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from robot_planner.evaluation.task_planner_outcomes import (
    BOTH,
    CORRECTOR,
    ENVIRONMENT_ARM,
    EQUILIBRIUM,
    FIXED,
    REFINEMENTS,
    SELF_REFINE,
    SINGLE,
    WITHOUT_RESTARTS,
    WORLD_MODEL,
    Outcome,
    Row,
    Sample,
    Settings,
    outcome_of_rounds,
    outcome_of_texts,
    sum_of,
    tree_names,
)
from robot_planner.evaluation.task_planner_problems import Case, Score
from robot_planner.evaluation.task_planner_tree import action_tree, walk_tree
from robot_planner.task_planning.belief import correction_chain
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.feedback import Tester
from robot_planner.task_planning.feedback_model import FeedbackTester
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.language_model import Generation, LanguageModel
from robot_planner.task_planning.nested import Budgets, Round
from robot_planner.task_planning.plan import PlanSyntaxError, TaskPlan, parse_plan
from robot_planner.task_planning.plan_task import Refinement, plan_task
from robot_planner.task_planning.prompt import write_prompt, write_suffix


@dataclass
class WithoutDraft:
    """A model that is never shown a draft: each text is written from the prompt alone."""

    model: LanguageModel
    name: str = "without draft"

    def generate(self, prefix: str, suffix: str = "", **options: Any) -> Generation:
        """See LanguageModel."""
        return self.model.generate(prefix, write_suffix(None), **options)


MakeModel = Callable[[], LanguageModel]
MakeTester = Callable[[], FeedbackTester]


def run_arms(case: Case, make_model: MakeModel, settings: Settings, world_model: MakeTester | None = None) -> Row:
    """All arms on one problem.

    Args:
        case: the problem.
        make_model: a model that remembers nothing.
        settings: how much the arms may take.
        world_model: makes a learned one; None: the arms with it are left out.
    """

    def solved(
        model: LanguageModel, budgets: Budgets, environment: Tester | None = None, foretold: Tester | None = None
    ) -> tuple[Round, ...]:
        return plan_task(case.task, model, environment=environment, world_model=foretold, budgets=budgets).rounds

    more, there = settings.corrections, case.environment
    outcomes = {
        SINGLE: outcome_of_rounds(case, solved(make_model(), settings.budgets(0, 1, 0))),
        FIXED: _fixed_refinements(case, make_model(), settings),
        EQUILIBRIUM: outcome_of_rounds(case, solved(make_model(), settings.budgets(restarts=0))),
        WITHOUT_RESTARTS: outcome_of_rounds(case, solved(make_model(), settings.budgets(more, restarts=0), there)),
        ENVIRONMENT_ARM: outcome_of_rounds(case, solved(make_model(), settings.budgets(more), there)),
        SELF_REFINE: outcome_of_rounds(case, solved(WithoutDraft(make_model()), settings.budgets(more, 1, 0), there)),
        CORRECTOR: _corrector(case, more),
    }
    if world_model is not None:
        rounds = solved(make_model(), settings.budgets(more), foretold=world_model())
        outcomes[WORLD_MODEL] = outcome_of_rounds(case, rounds)
        foretold = world_model()
        rounds = solved(make_model(), settings.budgets(more), foretold.beside(there), foretold)
        outcomes[BOTH] = outcome_of_rounds(case, rounds)
    rounds = solved(make_model(), settings.budgets(settings.most_passes, 1), there)
    passes = tuple(outcome_of_rounds(case, rounds[:count]) for count in range(1, len(rounds) + 1))
    samples = draw_samples(case, make_model(), settings)
    for number in settings.trees:
        outcomes |= _trees(case, samples[:number], more)
    found = tuple((sample.outcome, sample.rank) for sample in samples)
    return Row(case.group, case.seed, case.bucket, outcomes, passes, found)


def _fixed_refinements(case: Case, model: LanguageModel, settings: Settings) -> Outcome:
    """The first text and three refinements of it, the last of which counts."""
    refine, plan = Refinement(model, write_prompt(case.task), Grammar(case.task.scene, case.task.goals)), None
    written = []
    for _ in range(1 + REFINEMENTS):
        written.append(refine(plan, settings.steps))
        plan = _plan(written[-1]) or plan
    return outcome_of_texts(case.score(plan), written)


def draw_samples(case: Case, model: LanguageModel, settings: Settings) -> list[Sample]:
    """As many samples as the largest tree search takes."""
    task, grammar = case.task, Grammar(case.task.scene, case.task.goals)
    seed = case.seed * 1000
    refine = Refinement(model, write_prompt(task), grammar, first_temperature=settings.temperature, seed=seed)
    known: dict[TaskPlan | None, tuple[Score, int]] = {}
    samples = []
    for _ in range(max(settings.trees)):
        text = refine(None, settings.steps)
        plan = _plan(text)
        if plan not in known:
            known[plan] = case.score(plan), check(plan or TaskPlan(), task.scene, goals=task.goals).faults
        score, faults = known[plan]
        samples.append(Sample(plan, outcome_of_texts(score, [text]), text.log_probability, faults))
    return samples


def _trees(case: Case, samples: Sequence[Sample], corrections: int) -> dict[str, Outcome]:
    outcomes = {}
    parts = [sample.outcome for sample in samples]
    for name, allowed in zip(tree_names(len(samples)), (0, corrections), strict=True):
        tree = action_tree((sample.plan, sample.log_probability) for sample in samples if sample.plan is not None)
        walk = walk_tree(tree, case.world, case.task.goals, allowed)
        outcomes[name] = sum_of(case.score(walk.plan), parts, walk.tries)
    return outcomes


def _corrector(case: Case, corrections: int) -> Outcome:
    """The corrector that lessons are made of, which knows no more than a robot does."""
    chain = list(correction_chain(case.task, case.world, 1 + corrections))
    return Outcome(case.score(chain[-1].draft), tries=len(chain))


def _plan(text: Generation) -> TaskPlan | None:
    try:
        return parse_plan(text.text)
    except PlanSyntaxError:
        return None
