# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench grasp-memory``: resident memory over thousands of warm-started replans, by planner.

Each replan is a new problem a little later, as in a control loop, of an MLP of ``bench grasp-speed``. Growth is memory
at the end over that after a tenth of the replans, when all that is kept has been made; planners run one after the
other.
"""

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.processes import resident_megabytes
from robot_planner.evaluation.speed_models import ACTION_DIM, LATENT_DIM, speed_models
from robot_planner.planning.catalogue import check_algorithm, planner_configs
from robot_planner.planning.goal_metric import LatentDistance
from robot_planner.planning.planner import PLANNERS
from robot_planner.types import Problem

FLAT = 5.0
"""Growth that is called flat [MB]."""
QUICK = 500
PERIOD = 40_000_000
"""Between two replans [ns]."""
SIZES = {"horizon": 12, "iterations": 5}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--replans", type=int, default=10_000, help="of each planner (default: %(default)s)")
    parser.add_argument("--planners", nargs="+", default=["grasp"], metavar="NAME", help="(default: grasp)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} replans")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record a planner; raises UnknownNameError for those there are none of."""
    replans = QUICK if args.quick else args.replans
    if not 10 <= replans <= 10_000_000:
        raise InvalidInputError(f"--replans is {replans}; allowed: 10 to 10000000")
    return measure(args.planners, replans)


def measure(planners: Sequence[str], replans: int) -> list[dict[str, Any]]:
    """Memory before, after a tenth, and at the end of the replans; milliseconds of one."""
    configs = planner_configs()
    for name in planners:
        check_algorithm(name)
    box = torch.ones(ACTION_DIM)
    model = FunctionModel(speed_models()["mlp-128"], LATENT_DIM, -box, box, step_seconds=0.2)
    threads, records = torch.get_num_threads(), []
    torch.set_num_threads(1)
    try:
        for name in planners:
            planner = PLANNERS.make(name, model, LatentDistance(), configs[name](**SIZES))
            numbers = np.random.default_rng(0)
            goal = numbers.standard_normal(LATENT_DIM, dtype=np.float32)
            seen, begun = [resident_megabytes(os.getpid())], time.perf_counter()
            for number in range(1, replans + 1):
                start = numbers.standard_normal(LATENT_DIM, dtype=np.float32)
                planner.plan(Problem(start, goal, number * PERIOD))
                if number in (replans // 10, replans):
                    seen.append(resident_megabytes(os.getpid()))
            seconds = time.perf_counter() - begun
            growth = seen[2] - seen[1]
            records.append(
                {"planner": name, "replans": replans, "megabytes_before": seen[0], "megabytes_after_a_tenth": seen[1],
                 "megabytes_at_the_end": seen[2], "growth_megabytes": growth, "flat": growth <= FLAT,
                 "ms_per_replan": 1e3 * seconds / replans}
            )  # fmt: skip
    finally:
        torch.set_num_threads(threads)
    return records
