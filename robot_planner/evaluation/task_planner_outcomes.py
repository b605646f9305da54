# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the task planner's benches note of a problem: outcomes of arms, of single passes, of samples."""

from collections.abc import Sequence
from dataclasses import dataclass

from robot_planner.evaluation.task_planner_problems import Case, Score
from robot_planner.task_planning.equilibrium import Reason
from robot_planner.task_planning.feedback import ENVIRONMENT
from robot_planner.task_planning.language_model import Generation
from robot_planner.task_planning.nested import Budgets, Round
from robot_planner.task_planning.plan import TaskPlan

SINGLE, FIXED, EQUILIBRIUM, WORLD_MODEL = "single pass", "3 refinements", "equilibrium", "equilibrium, world model"
SELF_REFINE, ENVIRONMENT_ARM, BOTH = "self-refine", "environment", "both"
WITHOUT_RESTARTS = "environment, no restarts"
ONE_PASS, ONE_PASS_EQUAL = "one pass a correction", "one pass a correction, equal tokens"
BEST_OF, ORACLE, CORRECTOR = "best of N, equal tokens", "any of N (oracle)", "corrector (ceiling)"
REFINEMENTS = 3


@dataclass(frozen=True)
class Settings:
    """How much the arms may take."""

    corrections: int = 10
    iterations: int = 20
    """Of one equilibrium."""
    restarts: int = 3
    """Of a round that came to a plan with known faults."""
    most_passes: int = 40
    """Corrections that "one pass a correction" goes on for: its equal tokens are looked for among the fewer."""
    trees: tuple[int, ...] = (25, 50)
    """Samples of a tree search; as many as the largest are drawn, and the other arms take the first of them."""
    temperature: float = 0.7
    """Of samples."""
    steps: int = 60
    """Tokens of a text: steps, for models that write whole ones."""

    def budgets(self, corrections: int = 0, iterations: int | None = None, restarts: int | None = None) -> Budgets:
        """For ``plan_task``."""
        again = self.restarts if restarts is None else restarts
        return Budgets(corrections, iterations or self.iterations, tokens_per_plan=self.steps, restarts=again)


@dataclass(frozen=True)
class Outcome:
    """What an arm came to on one problem."""

    score: Score
    tokens: int = 0
    forwards: int = 0
    seconds: float = 0.0
    """Of writing; the world's own time is not counted."""
    tries: int = 0
    """Plans tried in the environment before the one that is scored was taken, that one included."""
    refinements: int = 0
    rounds: int = 0
    fixed_points: int = 0
    """Rounds that ended in one; a single pass over a draft that stays as it is counts."""
    cycles: int = 0


@dataclass(frozen=True)
class Sample:
    """A plan sampled without feedback."""

    plan: TaskPlan | None
    outcome: Outcome
    log_probability: float
    faults: int
    """By the checker."""

    @property
    def rank(self) -> tuple[bool, int, float]:
        """The order in which samples are picked, best least: checker first, then the model's own score."""
        return self.plan is None, self.faults, -self.log_probability


@dataclass(frozen=True)
class Row:
    """All that was measured on one problem with one model."""

    group: str
    seed: int
    bucket: str
    outcomes: dict[str, Outcome]
    passes: tuple[Outcome, ...]
    """One pass a correction, by the corrections allowed, from 0; the last one stands for all that are more."""
    samples: tuple[tuple[Outcome, tuple[bool, int, float]], ...]
    """Outcome and rank of each."""

    def one_pass(self, corrections: int) -> Outcome:
        """What so many corrections of one pass each come to."""
        return self.passes[min(corrections, len(self.passes) - 1)]

    def best_of(self, number: int, oracle: bool = False) -> Outcome:
        """The first so many samples, one picked: by checker and model score, or by who knows the truth."""
        parts = [outcome for outcome, _ in self.samples[:number]]
        if oracle:
            return sum_of(max((part.score for part in parts), key=lambda s: (s.strict_sr, s.sr, s.strict_gcr)), parts)
        return sum_of(min(self.samples[:number], key=lambda entry: entry[1])[0].score, parts)


def tree_names(number: int) -> tuple[str, str]:
    """Arms of a tree search of so many samples: without corrections, and with them."""
    return f"tree of {number}", f"tree of {number}, corrected"


def outcome_of_rounds(case: Case, rounds: Sequence[Round]) -> Outcome:
    """What rounds of a nested loop came to."""
    found = [entry.equilibrium for entry in rounds]
    plan = next((equilibrium.plan for equilibrium in reversed(found) if equilibrium.plan is not None), None)
    return Outcome(
        case.score(plan),
        sum(equilibrium.tokens for equilibrium in found),
        sum(equilibrium.forwards for equilibrium in found),
        sum(equilibrium.seconds for equilibrium in found),
        sum(feedback.source == ENVIRONMENT for entry in rounds for feedback in entry.feedback),
        sum(equilibrium.iterations for equilibrium in found),
        len(found),
        sum(equilibrium.converged for equilibrium in found),
        sum(equilibrium.reason is Reason.CYCLE for equilibrium in found),
    )


def outcome_of_texts(score: Score, texts: Sequence[Generation]) -> Outcome:
    """What texts written without a loop cost."""
    tokens, forwards = sum(text.new_tokens for text in texts), sum(text.forwards for text in texts)
    return Outcome(score, tokens, forwards, sum(text.seconds for text in texts), refinements=len(texts))


def sum_of(score: Score, parts: Sequence[Outcome], tries: int = 0) -> Outcome:
    """A score with the costs of all parts."""
    tokens, forwards = sum(part.tokens for part in parts), sum(part.forwards for part in parts)
    seconds, texts = sum(part.seconds for part in parts), sum(part.refinements for part in parts)
    return Outcome(score, tokens, forwards, seconds, tries, texts)
