# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench task-planner``: success on held-out household tasks, by how a plan is made, at what cost.

One model folder is one training seed; the table has their mean, the JSON each. Arms:

- single pass: the model's first text. 3 refinements: three times refined, whatever stands last.
- equilibrium: refined until it stands still, no feedback; with a world model's feedback, where one is given.
- environment: an equilibrium a round, tried, told what came back, up to 10 corrections; where an equilibrium has faults
  that the checker knows, 3 restarts without a draft; the same without restarts; both: the world model and the
  environment take turns.
- self-refine: the model's own single pass, then up to 10 times a new text from the prompt alone, which tells the last
  plans and what the environment answered to each: no draft to refine, no fixed point. SELF-REFINE's prompting (Madaan
  et al., 2023) with the environment as the critic, for a model that can't criticise itself in words.
- tree of N: ``task_planner_tree``. best of N: samples, picked by checker and model score; oracle: by the truth.
- one pass a correction: as environment, but ONE refinement of the last plan a round.
- corrector: what lessons are made of, a script that tracks what has been seen: the ceiling of what is learned.
"""

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

from robot_planner.evaluation.task_planner_arms import run_arms
from robot_planner.evaluation.task_planner_outcomes import ENVIRONMENT_ARM, SINGLE, Row, Settings
from robot_planner.evaluation.task_planner_pairs import compare_inner_loops, show_pairs
from robot_planner.evaluation.task_planner_runs import Job, add_arguments_of_problems, jobs_of, parts_of, run_jobs
from robot_planner.evaluation.task_planner_tables import ALL, LADDER, MEAN, arms_of, ladder, show_ladder, with_one_pass

BARS = {"<= 10 steps": 0.8, "11-25 steps": 0.6}
TIMES, EXECUTABLE = 2.1, 0.95


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    add_arguments_of_problems(parser, 100)


def solve(job: Job) -> Row:
    """One problem with one model."""
    case, make_model, world_model = parts_of(job)
    return run_arms(case, make_model, job.settings, world_model)


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of the ladder, of the comparison of inner loops, and of the numbers that made tokens equal."""
    settings = Settings(corrections=args.corrections)
    of_models, equal = {}, []
    for model, rows in run_jobs(solve, jobs_of(args, settings), args.workers).items():
        arms, numbers = arms_of(rows)
        of_models[model] = rows, with_one_pass(arms, rows, args.corrections)
        equal.append({"part": "equal tokens", "model": model, "first_seed": args.seed, **numbers})
    return [*ladder(of_models), *compare_inner_loops({model: arms for model, (_, arms) in of_models.items()}), *equal]


def show(records: Sequence[Mapping[str, Any]]) -> str:
    """The tables, the sentence, and where the environment arm stands."""
    return f"{show_ladder(records)}\n\n{show_pairs(records)}\n\n{standing(records)}"


def standing(records: Sequence[Mapping[str, Any]]) -> str:
    """The top of the ladder against what it should reach, by strict success over all groups."""
    cells = {
        (r["arm"], r["steps"]): r
        for r in records
        if r["part"] == LADDER and r["model"] == MEAN and r["group"] == ALL and r["arm"] in (SINGLE, ENVIRONMENT_ARM)
    }
    top, single = (cells[arm, ALL]["strict_sr"] for arm in (ENVIRONMENT_ARM, SINGLE))
    times = f"{top / single:.2f} times" if single else "with"
    parts = [f"{100 * top:.1f} %, {times} the single pass's {100 * single:.1f} % (to reach: {TIMES})"]
    for bucket, bar in BARS.items():
        if (ENVIRONMENT_ARM, bucket) in cells:
            rate = cells[ENVIRONMENT_ARM, bucket]["strict_sr"]
            parts.append(f"{bucket}: {100 * rate:.1f} % (to reach: {100 * bar:.0f})")
    readable = cells[ENVIRONMENT_ARM, ALL]["exec"]
    return f"{ENVIRONMENT_ARM}: {'; '.join(parts)}; Exec {100 * readable:.1f} % (to reach: {100 * EXECUTABLE:.0f})"
