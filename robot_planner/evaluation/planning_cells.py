# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench planners --world two-room`` and ``--world pusht``: planners at several horizons, open and closed loop.

Every planner has the same model, goal metric, problems and seconds a plan; its settings are its own, searched before by
``--search`` on tuning problems. Success is what the environment's test says; the model's own verdict stands beside it,
and their difference is what the planner gained by the model's errors alone.
"""

import argparse
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError
from robot_planner.evaluation import outside_mppi, outside_swm, outside_torchrl
from robot_planner.evaluation.planner_settings import HESITATION, SPACES, Score, found_settings, search, write_settings
from robot_planner.evaluation.planning_figure import draw_horizons
from robot_planner.evaluation.planning_runs import CLOCK, LOOPS, Outcome, Trial, in_turns, outcome_fields
from robot_planner.evaluation.settings import plain_planner
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.hesitation import Hesitant
from robot_planner.planning.members import MembersApart
from robot_planner.planning.planner import Planner
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.world import PlanningWorld

OUTSIDE = {
    "pytorch-mppi": outside_mppi.PACKAGE,
    "stable-worldmodel": outside_swm.PACKAGE,
    "torchrl-cem": outside_torchrl.PACKAGE,
    "torchrl-mppi": outside_torchrl.PACKAGE,
}
"""Planners of other packages, and the package that each needs."""
REPLAN = 5
"""Closed loop: steps of the environment between two plans, by default."""
MEMBERS = ("mean", "apart")
"""What planners plan through: the mean of the ensemble's members, or each member apart (planning/members.py)."""


@dataclass(frozen=True)
class CellWorld:
    """What the bench has to know of a planning world."""

    name: str
    place: str
    """As in "Settings of planners PLACE"."""
    success_test: str
    """What ``environment_success`` means; and, if there are more tests, what those do."""
    horizons: tuple[int, ...]
    """By default [steps of the environment]."""
    skip: int
    """Steps of the environment to one of the model."""
    limit: float
    """Distance that the success test allows, in ``unit``."""
    tolerance: float
    """Distance at which the model's word for it is taken; less than ``limit``."""
    unit: str
    settings: Mapping[str, str]
    """Files below config/, by loop."""
    load: Callable[[str | None], PlanningWorld]
    trial: Callable[[PlanningWorld, int, int], Trial]
    """(world, seed, horizon) -> a problem as the world sees it."""

    def shared_settings(self, horizon: int) -> dict[str, Any]:
        """What no planner chooses: only its deadline or the tolerance stops it."""
        fixed = {"iterations": 1_000_000, "patience": 0, "tolerance": self.tolerance, "max_memory": 16384}
        return {**fixed, "horizon": horizon // self.skip}

    def planner(
        self,
        name: str,
        world: PlanningWorld,
        horizon: int,
        settings: Mapping[str, Any],
        members: str = MEMBERS[0],
        compiled: bool = False,
    ) -> Planner:
        """A planner with these settings and the shared ones; ``members``: see MEMBERS.

        The setting HESITATION is no parameter of a planner: how long it may wait for a better plan, in horizons.
        """
        whole = {"terminal_weight": 100.0, **settings, **self.shared_settings(horizon), "compiled": int(compiled)}
        hesitation = whole.pop(HESITATION, 0.0)
        dynamics, metric = world.dynamics, world.metric()

        def plain(model: WorldModel, metric: GoalMetric) -> Planner:
            planner = plain_planner(name, model, metric, CLOCK, **whole)
            return self.hesitant(planner, model, metric, horizon, hesitation)

        return plain(dynamics, metric) if members == "mean" else MembersApart(dynamics, metric, plain)

    def hesitant(
        self, planner: Planner, model: WorldModel, metric: GoalMetric, horizon: int, hesitation: float
    ) -> Planner:
        """The planner, which may wait for a better plan for ``hesitation`` horizons in all."""
        if hesitation == 0.0:
            return planner
        patience = hesitation * (horizon // self.skip) * model.step_seconds
        return Hesitant(planner, model, metric, self.limit, patience)

    def outcomes(
        self,
        world: PlanningWorld,
        planner: Planner,
        seeds: Sequence[int],
        horizon: int,
        loop: str,
        budget: float,
        every: int,
    ) -> list[Outcome]:
        """All problems of a cell, one after the other; horizon and ``every`` in steps of the environment."""
        steps = horizon // self.skip, every // self.skip
        return [LOOPS[loop](planner, self.trial(world, seed, horizon), budget, *steps) for seed in seeds]


def add_arguments(group: argparse._ArgumentGroup, worlds: Sequence[CellWorld]) -> None:
    """Options of these worlds."""
    horizons = "; ".join(f"{world.name}: {' '.join(map(str, world.horizons))}" for world in worlds)
    files = "; ".join(
        f"{world.name}: {' and '.join(dict.fromkeys(f'config/{file}' for file in world.settings.values()))}"
        for world in worlds
    )
    group.add_argument("--horizons", type=int, nargs="+", help=f"steps of the environment (default: {horizons})")
    group.add_argument("--loops", nargs="+", choices=tuple(LOOPS), default=list(LOOPS), help="(default: open closed)")
    group.add_argument(
        "--replan", type=int, default=REPLAN, help="closed loop: steps between plans (default: %(default)s)"
    )
    group.add_argument("--members", choices=MEMBERS, default=MEMBERS[0], help="of the model's ensemble (default: mean)")
    group.add_argument(
        "--compiled", action="store_true", help="compile all planners' rollouts first: minutes a cell, once"
    )
    group.add_argument("--settings", type=Path, help=f"settings by planner (default: {files})")
    group.add_argument("--figure", type=Path, metavar="PNG", help="draw success and time against the horizon")
    group.add_argument(
        "--search",
        type=int,
        metavar="N",
        help="search settings by N tries each in the first of --loops, and write --settings",
    )
    group.add_argument(
        "--finalists",
        type=int,
        default=1,
        metavar="N",
        help="of a search: the best N tries are tried on twice as many further problems (default: 1, none is)",
    )


def records(args: argparse.Namespace, bench: CellWorld) -> list[dict[str, Any]]:
    """A record for each loop, horizon, budget and planner; or, for a search, for each planner."""
    horizons = args.horizons or bench.horizons
    if min(horizons) < 1 or args.replan < 1 or args.finalists < 1 or (args.search is not None and args.search < 1):
        raise InvalidInputError("--horizons, --replan, --search and --finalists are positive numbers")
    if args.replan % bench.skip:
        raise InvalidInputError(f"--replan is a multiple of {bench.skip} in the world {bench.name}")
    world = bench.load(args.model)
    names = args.planners or [name for name in SPACES if name not in OUTSIDE or importlib.util.find_spec(OUTSIDE[name])]
    cells = (_searched if args.search else _measured)(args, bench, world, names, horizons)
    found = [_shown(cell) for cell in cells]
    if args.figure is not None and not args.search:
        draw_horizons(found, args.figure)
    return found


def _measured(
    args: argparse.Namespace, bench: CellWorld, world: PlanningWorld, names: Sequence[str], horizons: Sequence[int]
) -> Iterator[dict[str, Any]]:
    seeds = range(args.seed, args.seed + (args.episodes or 200))
    for loop in args.loops:
        settings = found_settings(args.settings, bench.settings[loop])
        for horizon in horizons:
            for milliseconds in args.milliseconds or (500.0,):
                planners = {
                    name: bench.planner(name, world, horizon, settings.get(name, {}), args.members, args.compiled)
                    for name in names
                }
                if args.compiled:
                    for planner in planners.values():
                        planner.prepare(bench.trial(world, seeds[0], horizon).problem(0))

                def solved(
                    planner: Planner, seed: int, loop: str = loop, horizon: int = horizon, ms: float = milliseconds
                ) -> Outcome:
                    return bench.outcomes(world, planner, [seed], horizon, loop, ms / 1e3, args.replan)[0]

                for name, outcomes in in_turns(planners, seeds, solved).items():
                    about = {"world": bench.name, "success_test": bench.success_test, "model": world.name, "loop": loop}
                    about |= {"members": args.members, "compiled": args.compiled}
                    about |= {"horizon": horizon, "budget_ms": milliseconds}
                    about |= {"planner": name, "first_seed": args.seed}
                    yield {**about, "searched": name in settings, **outcome_fields(outcomes, bench.unit)}


def _searched(
    args: argparse.Namespace, bench: CellWorld, world: PlanningWorld, names: Sequence[str], horizons: Sequence[int]
) -> Iterator[dict[str, Any]]:
    if args.settings is None:
        raise InvalidInputError("--search writes a file: name it by --settings")
    episodes, milliseconds = args.episodes or 200, (args.milliseconds or [500.0])[0]
    seeds = range(TUNING_SEEDS[0], TUNING_SEEDS[0] + episodes)
    final_seeds = range(seeds.stop, seeds.stop + 2 * episodes)
    loop = args.loops[0]
    further = "" if args.members == MEMBERS[0] else f" --members {args.members}"
    further += "" if args.finalists == 1 else f" --finalists {args.finalists}"
    further += "" if loop == "open" else f" --loops {loop} --replan {args.replan}"
    base = None if loop == "open" else found_settings(None, bench.settings["open"])
    first = "its defaults" if base is None else f"what config/{bench.settings['open']} says, the others about it"
    comment = f"""Settings of planners {bench.place}, by
  ./run bench planners --world {bench.name} --model {world.name} --search {args.search} --settings {args.settings} \\
      --episodes {episodes} --milliseconds {milliseconds:g} --horizons {" ".join(map(str, horizons))}{further}
{args.search} tries a planner, the first with {first};
{loop} loop; tuning problems from seed {seeds[0]} on. A try's score is the environment's successes, then the
shorter distance left."""
    if args.finalists > 1:
        comment += f" The best {args.finalists} tries are tried again, from seed {final_seeds[0]} on: that decides."
    for name in names:

        def score(settings: dict[str, Any], final: bool, name: str = name) -> Score:
            ends, problems = [], final_seeds if final else seeds
            for horizon in horizons:
                planner = bench.planner(name, world, horizon, settings, args.members)
                ends += bench.outcomes(world, planner, problems, horizon, loop, milliseconds / 1e3, args.replan)
            return float(sum(end.success for end in ends)), -float(np.mean([end.distance for end in ends]))

        about = None if base is None else base.get(name, {})
        best, top, scores = search(name, args.search, args.seed, score, about, args.finalists)
        write_settings(args.settings, {name: best}, comment)
        found = {"world": bench.name, "model": world.name, "loop": loop, "planner": name, "tries": args.search}
        problems = len(horizons) * (episodes if args.finalists == 1 else len(final_seeds))
        found |= {"problems": problems, "first_successes": scores[0][0], "successes": top[0]}
        left = {f"distance_{bench.unit}_mean": -top[1]}
        yield {**found, **left, "settings": " ".join(f"{k}={v}" for k, v in best.items())}


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    """Tells how far the bench is."""
    keys = ("loop", "horizon", "planner", "environment_success", "model_success", "successes", "first_successes")
    print("  ".join(f"{key} {record[key]}" for key in keys if key in record), flush=True)
    return record
