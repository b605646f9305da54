# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Records of the task planner's ladder, from what was noted of each problem."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from robot_planner.evaluation import task_planner_outcomes as names
from robot_planner.evaluation.records import table
from robot_planner.evaluation.statistics import wilson_interval
from robot_planner.evaluation.task_planner_outcomes import Outcome, Row
from robot_planner.evaluation.task_planner_problems import BUCKETS, GROUPS, METRICS

ALL, MEAN, LADDER = "all", "mean", "ladder"
COSTS = ("tokens", "forwards", "seconds", "tries", "refinements", "rounds")
Arms = dict[str, list[Outcome]]
"""Outcomes of each arm, in the order of the rows."""


def arms_of(rows: Sequence[Row]) -> tuple[Arms, dict[str, int]]:
    """All arms of one model, those at equal tokens included, and the numbers that make tokens equal.

    The numbers are chosen by tokens alone: corrections of one pass, and samples, whose mean over the rows comes nearest
    to the environment arm's.
    """
    arms: Arms = {name: [row.outcomes[name] for row in rows] for name in rows[0].outcomes}
    target = _mean(arms[names.ENVIRONMENT_ARM], "tokens")
    most = max(len(row.passes) for row in rows)
    by_corrections = [[row.one_pass(count) for row in rows] for count in range(most)]
    corrections = min(range(most), key=lambda count: abs(_mean(by_corrections[count], "tokens") - target))
    counts = range(1, min(len(row.samples) for row in rows) + 1)
    samples = min(counts, key=lambda n: abs(_mean([row.best_of(n) for row in rows], "tokens") - target))
    arms[names.ONE_PASS_EQUAL] = by_corrections[corrections]
    arms[names.BEST_OF] = [row.best_of(samples) for row in rows]
    arms[names.ORACLE] = [row.best_of(samples, oracle=True) for row in rows]
    return arms, {"corrections": corrections, "samples": samples}


def with_one_pass(arms: Arms, rows: Sequence[Row], corrections: int) -> Arms:
    """Adds the arm of one pass a correction, at the environment arm's corrections; all in the table's order."""
    found = {**arms, names.ONE_PASS: [row.one_pass(corrections) for row in rows]}
    return {name: found[name] for name in _order(found)}


def _order(arms: Mapping[str, Any]) -> list[str]:
    trees = [name for name in arms if name.startswith("tree")]
    order = [names.SINGLE, names.FIXED, names.EQUILIBRIUM, names.WORLD_MODEL, names.SELF_REFINE, *trees]
    order += [names.WITHOUT_RESTARTS, names.ENVIRONMENT_ARM, names.BOTH, names.ONE_PASS, names.ONE_PASS_EQUAL]
    order += [names.BEST_OF, names.ORACLE, names.CORRECTOR]
    return [name for name in order if name in arms]


def _mean(outcomes: Sequence[Outcome], cost: str) -> float:
    return float(np.mean([getattr(outcome, cost) for outcome in outcomes]))


def ladder(of_models: Mapping[str, tuple[Sequence[Row], Arms]]) -> list[dict[str, Any]]:
    """A record for each group, bucket and arm: of each model, and of their mean, with Wilson intervals.

    Intervals of a mean are those of its rate at the number of problems: models do not make problems more.
    """
    records = []
    rows = next(iter(of_models.values()))[0]
    for group, bucket, chosen in _cells(rows):
        for arm in next(iter(of_models.values()))[1]:
            cells = {model: fields([arms[arm][at] for at in chosen]) for model, (_, arms) in of_models.items()}
            mean = {key: float(np.mean([cell[key] for cell in cells.values()])) for key in next(iter(cells.values()))}
            for model, cell in {MEAN: mean, **cells}.items():
                where = {"part": LADDER, "model": model, "group": group, "steps": bucket, "arm": arm}
                records.append({**where, "problems": len(chosen), **with_intervals(cell, len(chosen))})
    return records


def _cells(rows: Sequence[Row]) -> Iterator[tuple[str, str, list[int]]]:
    for group in (ALL, *GROUPS):
        for bucket in (ALL, *BUCKETS):
            chosen = [at for at, row in enumerate(rows) if group in (ALL, row.group) and bucket in (ALL, row.bucket)]
            if chosen:
                yield group, bucket, chosen


def fields(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Means of one model's outcomes; shares of the rounds that ended in a fixed point, and in a cycle."""
    parts = {name: float(np.mean([getattr(outcome.score, name) for outcome in outcomes])) for name in METRICS}
    parts |= {name: _mean(outcomes, name) for name in COSTS}
    rounds = max(1, sum(outcome.rounds for outcome in outcomes))
    parts["fixed_point_share"] = sum(outcome.fixed_points for outcome in outcomes) / rounds
    parts["cycle_share"] = sum(outcome.cycles for outcome in outcomes) / rounds
    return parts


def with_intervals(cell: Mapping[str, float], problems: int) -> dict[str, float]:
    """Wilson's, of both success rates."""
    found = dict(cell)
    for name in ("sr", "strict_sr"):
        found[f"{name}_low"], found[f"{name}_high"] = wilson_interval(round(cell[name] * problems), problems)
    return found


def show_ladder(records: Sequence[Mapping[str, Any]]) -> str:
    """Means over the models: a table for each group, and one of strict success by length."""
    chosen = [record for record in records if record["part"] == LADDER and record["model"] == MEAN]
    texts = []
    for group in dict.fromkeys(record["group"] for record in chosen):
        lines = [_line(r) for r in chosen if r["group"] == group and r["steps"] == ALL]
        problems = next(r["problems"] for r in chosen if r["group"] == group and r["steps"] == ALL)
        texts.append(f"{group}: {problems} problems, percent\n{table(lines)}")
    by_arm: dict[str, dict[str, Any]] = {}
    for r in chosen:
        if r["group"] == ALL and r["steps"] != ALL:
            line = by_arm.setdefault(r["arm"], {"arm": r["arm"]})
            line[f"{r['steps']} ({r['problems']})"] = f"{percent(r['sr'])} / {percent(r['strict_sr'])}"
    return "\n\n".join(
        [*texts, f"SR / strict SR by the gold plan's steps (problems), percent\n{table(list(by_arm.values()))}"]
    )


def _line(r: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "arm": r["arm"],
        "Exec/SR/GCR": " ".join(percent(r[name]) for name in ("exec", "sr", "gcr")),
        "strict": " ".join(percent(r[f"strict_{name}"]) for name in ("exec", "sr", "gcr")),
        "strict SR within": f"{percent(r['strict_sr_low'])}-{percent(r['strict_sr_high'])}",
        "tokens": round(r["tokens"]),
        "forwards": round(r["forwards"]),
        "seconds": round(r["seconds"], 2),
        "tries": round(r["tries"], 1),
    }


def percent(share: float) -> str:
    """With one decimal."""
    return f"{100 * share:.1f}"
