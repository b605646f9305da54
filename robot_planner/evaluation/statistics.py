# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The few statistics that tables need."""

from collections.abc import Sequence
from math import comb, sqrt

import numpy as np


def wilson_interval(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson score interval of a proportion, 95 % by default; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    p = successes / trials
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def success_fields(flags: Sequence[bool], name: str) -> dict[str, float]:
    """Flat fields of a success rate: count, trials, rate and its Wilson interval."""
    low, high = wilson_interval(sum(flags), len(flags))
    return {
        f"{name}": sum(flags) / max(len(flags), 1),
        f"{name}_count": float(sum(flags)),
        f"{name}_low": low,
        f"{name}_high": high,
    }


def median_and_p99(values: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile; NaN without values."""
    if not len(values):
        return float("nan"), float("nan")
    return float(np.median(values)), float(np.percentile(values, 99))


def mcnemar_exact(only_one: int, only_other: int) -> float:
    """Two-sided p-value of McNemar's exact test: discordant pairs of which either kind were as likely."""
    pairs = only_one + only_other
    tail = sum(comb(pairs, k) for k in range(min(only_one, only_other) + 1))
    return min(1.0, 2 * tail / 2**pairs)
