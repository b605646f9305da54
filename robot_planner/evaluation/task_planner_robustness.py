# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench task-planner-robustness``: how far success falls when feedback is wrong, is missing, or is made up.

The problems and the environment arm of ``bench task-planner``; every plan is scored by the environment.

- wrong 10 %, wrong 100 %: of the answers to plans that failed, as ``task_planner_faults`` has it; the environment
  decides when it is done. Verdicts too: 10 % of all answers have the contrary verdict, and the loop believes it.
- missing 10 %, missing 100 %: the answer to a plan that failed is only that it did.
- contrary, never content: world models that are always wrong, taking turns with a clean environment: the first says the
  contrary of the truth, the second finds a wrong fault in every plan. Alone: with no environment to ask.
- world model: the learned one, where its folder is given; no feedback: the equilibrium alone.
"""

import argparse
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from robot_planner.evaluation.records import table
from robot_planner.evaluation.task_planner_faults import Altered, Wrong, missing, sometimes
from robot_planner.evaluation.task_planner_outcomes import Outcome, Settings, outcome_of_rounds
from robot_planner.evaluation.task_planner_pairs import POOLED, paired
from robot_planner.evaluation.task_planner_problems import Case
from robot_planner.evaluation.task_planner_runs import Job, add_arguments_of_problems, jobs_of, parts_of, run_jobs
from robot_planner.evaluation.task_planner_tables import fields, percent, with_intervals
from robot_planner.task_planning.feedback import Tester
from robot_planner.task_planning.plan_task import plan_task

CLEAN, NO_FEEDBACK, LEARNED, LEARNED_ALONE = "clean", "no feedback", "world model", "world model, alone"
Testers = tuple[Tester | None, Tester | None]
"""Environment and world model, as the loop meets them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    add_arguments_of_problems(parser, 50)


def faults_of(case: Case) -> dict[str, Testers]:
    """What the loop is told in each arm; an arm's draws do not depend on the other arms."""
    there = case.environment

    def random(arm: str) -> Random:
        return Random(f"{arm} {case.group} {case.seed}")

    def wrong(arm: str) -> Wrong:
        return Wrong(case.task, random(f"words, {arm}"))

    def altered(arm: str, share: float) -> Tester:
        return Altered(there, sometimes(share, random(arm), missing if "missing" in arm else wrong(arm).words))

    verdicts, contrary, content = "wrong 10 %, verdicts too", "contrary", "never content"
    found: dict[str, Testers] = {CLEAN: (there, None), NO_FEEDBACK: (None, None)}
    for arm, share in {"wrong 10 %": 0.1, "wrong 100 %": 1.0, "missing 10 %": 0.1, "missing 100 %": 1.0}.items():
        found[arm] = altered(arm, share), None
    found[verdicts] = Altered(there, sometimes(0.1, random(verdicts), wrong(verdicts).contrary)), None
    for arm, alter in ((contrary, wrong(contrary).contrary), (content, wrong(content).complaint)):
        found[arm] = there, Altered(there, alter)
        found[f"{arm}, alone"] = None, Altered(there, alter)
    return found


def solve(job: Job) -> dict[str, Outcome]:
    """One problem with one model."""
    case, make_model, world_model = parts_of(job)
    testers = faults_of(case)
    if world_model is not None:
        foretold = world_model()
        testers[LEARNED] = foretold.beside(case.environment), foretold
        testers[LEARNED_ALONE] = None, world_model()
    budgets = job.settings.budgets(job.settings.corrections)
    return {
        arm: outcome_of_rounds(
            case,
            plan_task(case.task, make_model(), environment=there, world_model=foretold, budgets=budgets).rounds,
        )
        for arm, (there, foretold) in testers.items()
    }


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each arm: of all models together, then of each."""
    settings = Settings(corrections=args.corrections)
    of_models = run_jobs(solve, jobs_of(args, settings), args.workers)
    pooled = [row for rows in of_models.values() for row in rows]
    problems = len(pooled) // len(of_models)
    return [
        {
            "model": model,
            "arm": arm,
            "first_seed": args.seed,
            "problems": problems,
            **against_clean(rows, arm, problems),
        }
        for model, rows in {POOLED: pooled, **of_models}.items()
        for arm in rows[0]
    ]


def against_clean(rows: Sequence[Mapping[str, Outcome]], arm: str, problems: int) -> dict[str, Any]:
    """An arm's figures, and by how much they are less than with clean feedback on the same problems."""
    found, clean = [row[arm] for row in rows], [row[CLEAN] for row in rows]
    pairs = paired(found, clean, "strict_sr")
    return {
        **with_intervals(fields(found), problems),
        "strict_sr_change": pairs["rate"] - pairs["other_rate"],
        "sr_change": fields(found)["sr"] - fields(clean)["sr"],
        "pairs": pairs["pairs"],
        "only_here": pairs["only_one"],
        "only_clean": pairs["only_other"],
        "p": pairs["p"],
    }


def show(records: Sequence[Mapping[str, Any]]) -> str:
    """All models together."""
    lines = [
        {
            "feedback": r["arm"],
            "SR": percent(r["sr"]),
            "strict SR": percent(r["strict_sr"]),
            "within": f"{percent(r['strict_sr_low'])}-{percent(r['strict_sr_high'])}",
            "change": f"{100 * r['strict_sr_change']:+.1f}",
            "only here/only clean": f"{r['only_here']}/{r['only_clean']}",
            "p": f"{r['p']:.2g}",
            "tries": round(r["tries"], 1),
            "tokens": round(r["tokens"]),
        }
        for r in records
        if r["model"] == POOLED
    ]
    return f"{records[0]['problems']} problems, percent; change of strict SR against clean\n{table(lines)}"
