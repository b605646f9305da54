# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Two arms on the same problems: discordant pairs, McNemar's exact test, and what that says in plain words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from robot_planner.evaluation.records import table
from robot_planner.evaluation.statistics import mcnemar_exact
from robot_planner.evaluation.task_planner_outcomes import ENVIRONMENT_ARM, ONE_PASS, ONE_PASS_EQUAL, Outcome

POOLED = "all"
INNER = "inner fixed point"
CLEAR = 0.05
"""A difference whose p-value is below is called one."""


def paired(one: Sequence[Outcome], other: Sequence[Outcome], metric: str) -> dict[str, Any]:
    """Fields of a comparison; the outcomes are of the same problems, in the same order."""
    pairs = [(getattr(a.score, metric), getattr(b.score, metric)) for a, b in zip(one, other, strict=True)]
    only_one, only_other = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    return {
        "pairs": len(pairs),
        "rate": float(np.mean([a for a, _ in pairs])),
        "other_rate": float(np.mean([b for _, b in pairs])),
        "only_one": only_one,
        "only_other": only_other,
        "p": mcnemar_exact(only_one, only_other),
        "tokens": float(np.mean([outcome.tokens for outcome in one])),
        "other_tokens": float(np.mean([outcome.tokens for outcome in other])),
    }


def compare_inner_loops(of_models: Mapping[str, Mapping[str, Sequence[Outcome]]]) -> list[dict[str, Any]]:
    """The inner fixed point against one pass a correction: of each model, and of all models' pairs together."""
    pooled = {
        arm: [outcome for arms in of_models.values() for outcome in arms[arm]]
        for arm in (ENVIRONMENT_ARM, ONE_PASS, ONE_PASS_EQUAL)
    }
    return [
        {
            "part": INNER,
            "model": model,
            "at": at,
            "metric": metric,
            **paired(arms[ENVIRONMENT_ARM], arms[arm], metric),
        }
        for model, arms in {POOLED: pooled, **of_models}.items()
        for at, arm in (("equal corrections", ONE_PASS), ("equal tokens", ONE_PASS_EQUAL))
        for metric in ("strict_sr", "sr")
    ]


def show_pairs(records: Sequence[Mapping[str, Any]]) -> str:
    """The table of all comparisons, and the sentence."""
    chosen = [record for record in records if record["part"] == INNER]
    lines = [{key: value for key, value in record.items() if key != "part"} for record in chosen]
    heading = "Environment with the inner fixed point (one) against one pass a correction (other), same problems"
    return f"{heading}\n{table(lines)}\n\n{sentence(chosen)}"


def sentence(records: Sequence[Mapping[str, Any]]) -> str:
    """What the figures of all models together say of the inner fixed point, by strict success."""
    parts = []
    for r in (record for record in records if record["model"] == POOLED and record["metric"] == "strict_sr"):
        if r["p"] >= CLEAR:
            verdict = "makes no clear difference"
        else:
            verdict = "adds" if r["only_one"] > r["only_other"] else "costs"
            verdict += f" {100 * abs(r['rate'] - r['other_rate']):.1f} points"
        parts.append(
            f"at {r['at']} it {verdict} ({100 * r['rate']:.1f} % against {100 * r['other_rate']:.1f} % of {r['pairs']}"
            f" pairs; {r['only_one']} solved with it alone, {r['only_other']} without it alone; p = {r['p']:.2g};"
            f" {r['tokens']:.0f} against {r['other_tokens']:.0f} tokens)"
        )
    return (
        f"Does the inner fixed point add anything over one pass a correction? By strict success {', and '.join(parts)}."
    )
