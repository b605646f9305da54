# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench planners --world two-room``: planners where the greedy way is a dead end, at several horizons.

Every planner has the same model, goal metric, problems and seconds a plan; its settings are its own, searched before by
``--search`` on tuning problems (``config/two_room.yaml``). Success is the environment's test "16 px"; the model's own
verdict stands beside it, and their difference is what the planner gained by the model's errors alone.
"""

import argparse
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation import outside_mppi, outside_swm
from robot_planner.evaluation.planner_settings import SPACES, Score, found_settings, search, write_settings
from robot_planner.evaluation.settings import plain_planner
from robot_planner.evaluation.two_room_runs import CLOCK, LOOPS, TOLERANCE, RoomOutcome, outcome_fields
from robot_planner.planning.planner import Planner
from robot_planner.point_world import load_point_world
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.simulation.two_room import sample_problem
from robot_planner.world import PlanningWorld

HORIZONS = (10, 20, 30, 50, 80)
OUTSIDE = {"pytorch-mppi": outside_mppi.PACKAGE, "stable-worldmodel": outside_swm.PACKAGE}
"""Planners of other packages, and the package that each needs."""


def add_arguments(group: argparse._ArgumentGroup) -> None:
    """Options of this world."""
    group.add_argument("--horizons", type=int, nargs="+", default=list(HORIZONS), help="(default: 10 20 30 50 80)")
    group.add_argument("--loops", nargs="+", choices=tuple(LOOPS), default=list(LOOPS), help="(default: open closed)")
    group.add_argument("--replan", type=int, default=5, help="closed loop: steps between plans (default: 5)")
    group.add_argument("--settings", type=Path, help="settings by planner (default: config/two_room.yaml)")
    group.add_argument("--search", type=int, metavar="N", help="search settings by N tries each, and write --settings")


def records(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each loop, horizon, budget and planner; or, for a search, for each planner."""
    if min(args.horizons) < 1 or args.replan < 1 or (args.search is not None and args.search < 1):
        raise InvalidInputError("--horizons, --replan and --search are positive numbers")
    world = load_point_world(args.model or "two-room")
    names = args.planners or [name for name in SPACES if name not in OUTSIDE or importlib.util.find_spec(OUTSIDE[name])]
    cells = _searched(args, world, names) if args.search else _measured(args, world, names)
    return [_shown(cell) for cell in cells]


def outcomes_of(
    planner: Planner, seeds: Sequence[int], horizon: int, loop: str, budget: float, every: int
) -> list[RoomOutcome]:
    """All problems of a cell, one after the other."""
    return [LOOPS[loop](planner, sample_problem(seed, horizon), budget, horizon, every) for seed in seeds]


def shared_settings(horizon: int) -> dict[str, Any]:
    """What no planner chooses: only its deadline or the tolerance stops it."""
    return {
        "iterations": 1_000_000, "patience": 0, "tolerance": TOLERANCE, "max_memory": 16384, "horizon": horizon
    }  # fmt: skip


def made(name: str, world: PlanningWorld, horizon: int, settings: dict[str, Any]) -> Planner:
    """A planner with these settings and the shared ones."""
    return plain_planner(name, world, CLOCK, **{"terminal_weight": 100.0, **settings, **shared_settings(horizon)})


def _measured(args: argparse.Namespace, world: PlanningWorld, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    settings = found_settings(args.settings)
    seeds = range(args.seed, args.seed + (args.episodes or 200))
    for loop in args.loops:
        for horizon in args.horizons:
            for milliseconds in args.milliseconds or (500.0,):
                for name in names:
                    planner = made(name, world, horizon, settings.get(name, {}))
                    outcomes = outcomes_of(planner, seeds, horizon, loop, milliseconds / 1e3, args.replan)
                    about = {"world": "two-room", "success_test": "16 px", "model": world.name, "loop": loop}
                    about |= {"horizon": horizon, "budget_ms": milliseconds, "planner": name, "first_seed": args.seed}
                    yield {**about, "searched": name in settings, **outcome_fields(outcomes)}


def _searched(args: argparse.Namespace, world: PlanningWorld, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    if args.settings is None:
        raise InvalidInputError("--search writes a file: name it by --settings")
    episodes, milliseconds = args.episodes or 200, (args.milliseconds or [500.0])[0]
    seeds = range(TUNING_SEEDS[0], TUNING_SEEDS[0] + episodes)
    words = f"--model {world.name} --search {args.search} --episodes {episodes} --milliseconds {milliseconds:g}"
    comment = f"""Settings of planners in the two rooms, by
  ./run bench planners --world two-room {words} --horizons {" ".join(map(str, args.horizons))}
{args.search} tries a planner, the first with its defaults; open loop; tuning problems from seed {seeds[0]} on. A
try's score is the environment's successes, then the shorter distance left."""
    for name in names:

        def score(settings: dict[str, Any], name: str = name) -> Score:
            ends = []
            for horizon in args.horizons:
                planner = made(name, world, horizon, settings)
                ends += outcomes_of(planner, seeds, horizon, "open", milliseconds / 1e3, args.replan)
            return float(sum(end.success for end in ends)), -float(np.mean([end.distance for end in ends]))

        best, top, scores = search(name, args.search, args.seed, score)
        write_settings(args.settings, {name: best}, comment)
        about = {"world": "two-room", "model": world.name, "planner": name, "tries": args.search}
        about |= {"problems": episodes * len(args.horizons), "default_successes": scores[0][0], "successes": top[0]}
        yield {**about, "distance_px_mean": -top[1], "settings": " ".join(f"{k}={v}" for k, v in best.items())}


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    """Tells how far the bench is."""
    keys = ("loop", "horizon", "planner", "environment_success", "model_success", "successes", "default_successes")
    print("  ".join(f"{key} {record[key]}" for key in keys if key in record), flush=True)
    return record
