# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How well a world's answers to plans are foretold: by the learned world model, and by who knows less.

Held-out problems (scene and task); the plans are those of a planner's rounds, or of the corrector, and spoilt copies.
Arms: "optimist" foretells success of every plan; "checker" what follows from what is known, all else being well;
"learned" the network alone; "learned+checker" the network where the checker leaves a choice, as ``plan_task`` asks it.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.statistics import wilson_interval
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.feedback_model import FeedbackModel, known, load_feedback_model
from robot_planner.task_planning.households import HELD_OUT
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.training.feedback_lessons import Trial, trials_of
from robot_planner.training.lesson_shards import equilibrium_of

Foretell = Callable[[Trial], Feedback]
ALL, TRIED = "all", "accepted by the checker"
"""Plans that are counted: all, or those that would be tried at all."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="task_planner_feedback", help="name or folder (default: %(default)s)")
    parser.add_argument("--planner", type=Path, help="folder of the planner's model; without it the corrector plans")
    parser.add_argument("--problems", type=int, default=200, help="held-out problems (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first problem (default: 0)")
    parser.add_argument("--quick", action="store_true", help="30 problems")


def optimist(trial: Trial) -> Feedback:
    """All will be well."""
    return Feedback(True)


def checker(trial: Trial) -> Feedback:
    """What must happen, by what is known; where that leaves a choice, the better."""
    knowledge, goals = known(trial.task, trial.heard), trial.task.goals
    found = check(trial.plan, trial.task.scene, knowledge, goals)
    if found.ok:
        return Feedback(not found.unmet, unmet=found.unmet)
    failed = found.violations[0]
    unmet = check(TaskPlan(trial.plan.steps[: failed.step]), trial.task.scene, knowledge, goals).unmet
    return Feedback(not unmet, failed.step, failed.reason, unmet)


def learned(model: FeedbackModel) -> Foretell:
    """What a model says."""
    return lambda trial: model.predict(trial.task, trial.heard, trial.plan)


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each arm, each kind of plans, and all or only those that would be tried."""
    problems = 30 if args.quick else args.problems
    if problems < 1:
        raise InvalidInputError("--problems is a positive number")
    torch.set_num_threads(1)
    arms: dict[str, Foretell] = {
        "optimist": optimist,
        "checker": checker,
        "learned": learned(load_feedback_model(args.model, careful=False)),
        "learned+checker": learned(load_feedback_model(args.model)),
    }
    answer = None if args.planner is None else equilibrium_of(args.planner)
    answers: list[tuple[Trial, bool, dict[str, Feedback]]] = []
    for number, seed in enumerate(range(args.seed, args.seed + problems), 1):
        for trial in trials_of(seed, HELD_OUT, answer):
            accepted = check(trial.plan, trial.task.scene, known(trial.task, trial.heard)).ok
            answers.append((trial, accepted, {name: arm(trial) for name, arm in arms.items()}))
        if number % 10 == 0:
            print(f"{number}/{problems} problems, {len(answers)} plans", flush=True)
    return list(_records(answers, arms, args.seed, problems))


def _records(
    answers: list[tuple[Trial, bool, dict[str, Feedback]]], arms: Iterable[str], seed: int, problems: int
) -> Iterator[dict[str, Any]]:
    for whose in (ALL, *sorted({trial.whose for trial, *_ in answers})):
        for which in (ALL, TRIED):
            chosen = [
                (trial.feedback, said)
                for trial, accepted, said in answers
                if whose in (ALL, trial.whose) and (accepted or which == ALL)
            ]
            for name in arms:
                judged = judge((truth, said[name]) for truth, said in chosen)
                yield {
                    "arm": name,
                    "plans_of": whose,
                    "plans_which": which,
                    "first_seed": seed,
                    "problems": problems,
                    **judged,
                }


def judge(pairs: Iterable[tuple[Feedback, Feedback]]) -> dict[str, Any]:
    """What was the case and what was foretold -> shares with their Wilson intervals.

    ``failed_step`` compares the step and "none"; ``failing_step`` counts only plans of which a step fails; ``reason``
    those of which both say that the same step fails; ``unmet`` counts goals, not plans.
    """
    rows = [(truth, said) for truth, said in pairs]
    failing = [(t, s) for t, s in rows if t.failed_step is not None]
    same = [(t, s) for t, s in failing if t.failed_step == s.failed_step]
    missed, foretold = sum(len(t.unmet) for t, _ in rows), sum(len(s.unmet) for _, s in rows)
    both = sum(len(set(t.unmet) & set(s.unmet)) for t, s in rows)
    counts = {
        "success_right": (sum(t.success == s.success for t, s in rows), len(rows)),
        "success_precision": (sum(t.success and s.success for t, s in rows), sum(s.success for _, s in rows)),
        "success_recall": (sum(t.success and s.success for t, s in rows), sum(t.success for t, _ in rows)),
        "failure_precision": (
            sum(not (t.success or s.success) for t, s in rows),
            sum(not s.success for _, s in rows),
        ),
        "failure_recall": (sum(not (t.success or s.success) for t, s in rows), sum(not t.success for t, _ in rows)),
        "failed_step_exact": (sum(t.failed_step == s.failed_step for t, s in rows), len(rows)),
        "failing_step_precision": (len(same), sum(s.failed_step is not None for _, s in rows)),
        "failing_step_recall": (len(same), len(failing)),
        "reason_exact": (sum(t.reason == s.reason for t, s in same), len(same)),
        "unmet_precision": (both, foretold),
        "unmet_recall": (both, missed),
        "unmet_exact": (sum(set(t.unmet) == set(s.unmet) for t, s in rows), len(rows)),
    }
    fields: dict[str, Any] = {"plans": len(rows)}
    for name, (count, total) in counts.items():
        low, high = wilson_interval(count, total)
        share = count / total if total else float("nan")
        fields |= {name: share, f"{name}_of": total, f"{name}_low": low, f"{name}_high": high}
    return fields
