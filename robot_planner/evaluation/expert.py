# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Success of the scripted expert in each stage of sort and stow, by the environment's verdict."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation.statistics import success_fields
from robot_planner.simulation.expert import STAGES, ScriptedExpert
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.simulation.workspace import CONTROL_SECONDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``bench expert``."""
    parser.add_argument("--stages", nargs="+", default=list(STAGES), metavar="STAGE", help=f"of {', '.join(STAGES)}")
    parser.add_argument("--episodes", type=int, default=50, help="of each stage (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first episode (default: held-out)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """One record a stage; raises UnknownNameError, InvalidInputError."""
    if args.episodes < 1:
        raise InvalidInputError(f"episodes must be 1 or more, not {args.episodes}")
    for stage in args.stages:
        if stage not in STAGES:
            raise UnknownNameError("stage", stage, STAGES)
    with Tabletop() as tabletop:
        seeds = range(args.seed, args.seed + args.episodes)
        return [measure(tabletop, stage, seeds) for stage in args.stages]


def measure(tabletop: Tabletop, stage: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Lets the expert do one stage with every seed -> a flat record."""
    failed, simulated, begin = [], 0.0, time.perf_counter()
    for seed in seeds:
        tabletop.reset(stage, seed)
        simulated += ScriptedExpert(tabletop).run() * CONTROL_SECONDS
        if not tabletop.evaluate().success:
            failed.append(seed)
    return {
        "stage": stage,
        "episodes": len(seeds),
        **success_fields([seed not in failed for seed in seeds], "success"),
        "failed_seeds": " ".join(map(str, failed)),
        "simulated_seconds_per_episode": simulated / len(seeds),
        "seconds_per_episode": (time.perf_counter() - begin) / len(seeds),
    }
