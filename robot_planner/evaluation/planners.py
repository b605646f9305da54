# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench planners``: GRASP and its peers on the same model, problems and budget; the environment decides.

``--world tabletop``: closed loop without ROS, a replan at every action of 0.2 s. Equal time: every planner gets the
same seconds a replan, of its thread's own work, all planners in turns at each episode. Equal calls: every planner may
put the same number of rows through the world model (a vector-Jacobian product counts as another row), however long that
takes. ``--world two-room`` and ``--world pusht``: horizons, open and closed loop, see planning_cells.py.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation import planning_cells
from robot_planner.evaluation.closed_loop import MAX_STEPS, Outcome, run_episode
from robot_planner.evaluation.planning_runs import CLOCK, in_turns
from robot_planner.evaluation.push_t_cells import PUSH_T
from robot_planner.evaluation.settings import make_planner
from robot_planner.evaluation.statistics import median_and_p99, success_fields
from robot_planner.evaluation.two_room_cells import ROOMS
from robot_planner.planning.planner import Planner
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.types import Problem
from robot_planner.world import World, load_world

TOLERANCE = 0.015
"""Distance at which the goal metric calls an episode done [m]; the tasks' own is 0.02, the read-out errs by 0.004."""
CELL_WORLDS = {world.name: world for world in (ROOMS, PUSH_T)}
"""Worlds that are compared by horizon."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--world", choices=("tabletop", *CELL_WORLDS), default="tabletop", help="(default: tabletop)")
    parser.add_argument("--model", help="model name or folder (default: the world's)")
    parser.add_argument("--planners", nargs="+", help="by name (default: grasp cem; else: all that are installed)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first episode (default: held-out)")
    parser.add_argument("--episodes", type=int, help="of each cell (default: 20; else 200)")
    parser.add_argument(
        "--milliseconds", type=float, nargs="*", help="time budgets of a plan (default: 20 40; else 500)"
    )
    tabletop = parser.add_argument_group("tabletop")
    tabletop.add_argument("--metric", default="", help="goal metric (default: the model's own)")
    tabletop.add_argument(
        "--tasks", nargs="+", default=["reach", "push"], help=f"of {', '.join(MAX_STEPS)} (default: reach push)"
    )
    tabletop.add_argument("--rows", type=int, nargs="*", default=[20_000], help="model-call budgets a replan, in rows")
    others = parser.add_argument_group(" and ".join(CELL_WORLDS))
    planning_cells.add_arguments(others, list(CELL_WORLDS.values()))


class CountingModel:
    """A world model that counts the rows that go through it, forwards and backwards."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401 - any WorldModel
        self.rows = 0
        self._model = model

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._model, name)

    def _count(self, latents: Tensor, actions: Tensor) -> None:
        self.rows += len(latents) * (
            2 if torch.is_grad_enabled() and (latents.requires_grad or actions.requires_grad) else 1
        )

    def step(self, latents: Tensor, actions: Tensor) -> Tensor:
        """See WorldModel."""
        self._count(latents, actions)
        return self._model.step(latents, actions)

    def step_with_uncertainty(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """See WorldModel."""
        self._count(latents, actions)
        return self._model.step_with_uncertainty(latents, actions)


def iterations_for(name: str, world: World, metric: str, rows: int) -> int:
    """The most iterations of a planner that stay within a number of rows, on a cold start."""

    def used(iterations: int) -> int:
        counter = CountingModel(world.dynamics)
        planner = make_planner(name, world, metric, model=counter, iterations=iterations, tolerance=0.0, patience=0)
        start = torch.zeros(world.dynamics.latent_dim)
        planner.plan(Problem(start.numpy(), (start + 0.5).numpy()))
        return counter.rows

    low, high = 1, 2
    while used(high) <= rows and high < 4096:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if used(middle) <= rows else (low, middle)
    return low


def measure(
    world: World, planners: Mapping[str, Planner], task: str, seeds: Sequence[int], metric: str, budget: float | None
) -> Iterator[dict[str, Any]]:
    """A record a planner."""
    with Tabletop() as tabletop:

        def solved(planner: Planner, seed: int) -> Outcome:
            return run_episode(tabletop, world, planner, task, seed, TOLERANCE, budget, metric, clock=CLOCK)

        for name, outcomes in in_turns(planners, seeds, solved, warm=1).items():
            yield {"task": task, "planner": name, **episode_fields(outcomes, seeds)}


def episode_fields(outcomes: Sequence[Outcome], seeds: Sequence[int]) -> dict[str, Any]:
    """Flat fields of a cell."""
    times = [seconds for outcome in outcomes for seconds in outcome.plan_seconds]
    median, p99 = median_and_p99(times)
    steps = [outcome.steps for outcome in outcomes]
    won = [outcome.steps for outcome in outcomes if outcome.success]
    return {
        "episodes": len(seeds),
        **success_fields([o.success for o in outcomes], "environment_success"),
        **success_fields([o.believed for o in outcomes], "model_success"),
        "difference": (sum(o.believed for o in outcomes) - sum(o.success for o in outcomes)) / len(seeds),
        "median_steps": median_and_p99(steps)[0],
        "median_steps_of_successes": median_and_p99(won)[0],
        "plan_ms_median": 1e3 * median,
        "plan_ms_p99": 1e3 * p99,
        "iterations_median": median_and_p99([n for o in outcomes for n in o.iterations])[0],
        "failed_seeds": " ".join(str(seed) for seed, o in zip(seeds, outcomes, strict=True) if not o.success),
    }


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each task, budget and planner."""
    if args.episodes is not None and args.episodes < 1:
        raise InvalidInputError(f"--episodes must be 1 or more, not {args.episodes}")
    if args.milliseconds is not None and not all(0.0 < budget < float("inf") for budget in args.milliseconds):
        raise InvalidInputError("--milliseconds are positive numbers")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if args.world in CELL_WORLDS:
            return planning_cells.records(args, CELL_WORLDS[args.world])
        return list(_cells(args))
    finally:
        torch.set_num_threads(threads)


def _cells(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    for task in args.tasks:
        if task not in MAX_STEPS:
            raise UnknownNameError("task", task, MAX_STEPS)
    world = load_world(args.model or "tabletop")
    planners = args.planners or ["grasp", "cem"]
    seeds = range(args.seed, args.seed + (args.episodes or 20))
    for task in args.tasks:
        for milliseconds in args.milliseconds if args.milliseconds is not None else (20.0, 40.0):
            made = {
                name: make_planner(name, world, args.metric, clock=CLOCK, iterations=1_000_000, patience=0)
                for name in planners
            }
            for cell in measure(world, made, task, seeds, args.metric, milliseconds / 1e3):
                yield {"budget": f"{milliseconds:g} ms", **cell}
        for rows in args.rows:
            made = {}
            for name in planners:
                iterations = iterations_for(name, world, args.metric, rows)
                made[name] = make_planner(name, world, args.metric, iterations=iterations, tolerance=0.0, patience=0)
            for cell in measure(world, made, task, seeds, args.metric, None):
                yield {"budget": f"{rows} rows", **cell}
