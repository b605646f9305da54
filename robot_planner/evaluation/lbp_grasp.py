# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""GRASP from a straight line, from rollouts and from LBP's subgoals: success and iterations, at 1, 2 and 4 x horizon.

Pushes on unseen seeds whose way grows with the horizon. The three differ in nothing but where the lifted states begin;
all have the same first candidates, noise and numbers of iterations. Two settings: "shipped", and "lifted", which leaves
the search to long phases of lifted iterations (few candidates, rare syncs). Open loop: one plan, carried out whole;
an iteration count is that at which the plan's end came within the tolerance, looked at after each sync. Closed loop: a
replan at each action. Success is the environment's; "solved" is the model's belief.
"""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.closed_loop import Outcome, run_episode
from robot_planner.evaluation.push_ways import HORIZON, LENGTHS, task_name
from robot_planner.evaluation.settings import make_planner, shipped_settings
from robot_planner.evaluation.statistics import median_and_p99, success_fields
from robot_planner.planning.planner import Planner
from robot_planner.simulation.stepping import PlanarStepper
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.types import Plan, Problem, StopReason
from robot_planner.world import World, load_world

TOLERANCE = 0.02
"""Distance at which the goal metric calls a plan or an episode done [m]."""
ARMS = {"line": "grasp", "rollout": "grasp", "subgoals": "grasp+lbp"}
"""Where lifted states begin, and the planner that does it."""
SETTINGS: dict[str, dict[str, Any]] = {"shipped": {}, "lifted": {"candidates": 4, "sync_every": 20}}
PATIENCE = 4
"""Time of a closed-loop episode, in horizons."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="tabletop", help="model name or folder (default: %(default)s)")
    parser.add_argument("--subgoals", default="tabletop-subgoals", help="model of subgoals (default: %(default)s)")
    parser.add_argument("--factors", type=int, nargs="+", default=list(LENGTHS), help="of 1, 2, 4 (default: all)")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS), help="default: all")
    parser.add_argument("--plans", type=int, default=30, help="open-loop plans of each cell (default: %(default)s)")
    parser.add_argument("--episodes", type=int, default=8, help="closed-loop ones of each cell (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=100, help="of an open-loop plan (default: %(default)s)")
    parser.add_argument("--replan-iterations", type=int, default=5, help="of a closed-loop plan (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first episode (default: held-out)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of kind "open" and "closed" for each factor, setting and arm."""
    if min(args.plans, args.episodes) < 0 or args.plans + args.episodes < 1:
        raise InvalidInputError("--plans and --episodes are numbers from 0, not both 0")
    if min(args.iterations, args.replan_iterations) < 1:
        raise InvalidInputError("--iterations and --replan-iterations are positive numbers")
    for factor in args.factors:
        if factor not in LENGTHS:
            raise InvalidInputError(f"factor {factor}; allowed: {', '.join(map(str, LENGTHS))}")
    torch.set_num_threads(1)
    world = load_world(args.model)
    with Tabletop() as tabletop:
        return [shown(record) for factor in args.factors for record in _records(args, world, tabletop, factor)]


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """Tells how far the bench is."""
    count = record.get("plans", record.get("episodes"))
    words = " ".join(str(record[key]) for key in ("kind", "task", "setting", "arm"))
    print(f"{words}: {record['environment_success_count']:.0f} of {count}", flush=True)
    return record


def make_arm(world: World, arm: str, subgoals: str, **changes: Any) -> Planner:  # noqa: ANN401
    """GRASP with its shipped settings and ``changes``, its lifted states beginning as ``arm`` says."""
    name = ARMS[arm]
    if name == "grasp+lbp":
        changes = {"subgoals": subgoals, **changes}
    return make_planner(name, world, **{**shipped_settings("grasp"), "initial_states": arm, **changes})


def _records(args: argparse.Namespace, world: World, tabletop: Tabletop, factor: int) -> Iterator[dict[str, Any]]:
    task, horizon = task_name(factor), factor * HORIZON
    seeds = range(args.seed, args.seed + args.plans)
    problems = [problem_of(tabletop, world, task, seed) for seed in seeds]
    about = {"task": task, "horizon": horizon, "first_seed": args.seed}
    for setting, changes in SETTINGS.items():
        first: list[int] = []
        for arm in args.arms if problems else ():
            planner = make_arm(
                world, arm, args.subgoals, horizon=horizon, iterations=args.iterations, tolerance=TOLERANCE, **changes
            )
            plans = planner.plan_batch(problems)
            spent = iterations_to_success(plans, args.iterations)
            first = first or spent
            outcomes = [carry_out(tabletop, task, seed, plan) for seed, plan in zip(seeds, plans, strict=True)]
            yield {
                "kind": "open",
                **about,
                "setting": setting,
                "arm": arm,
                **open_fields(plans, outcomes, spent, first),
            }
    for arm in args.arms if args.episodes else ():
        planner = make_arm(world, arm, args.subgoals, horizon=horizon, iterations=args.replan_iterations)
        ends = [
            run_episode(tabletop, world, planner, task, args.seed + index, TOLERANCE, max_steps=PATIENCE * horizon)
            for index in range(args.episodes)
        ]
        yield {"kind": "closed", **about, "setting": "shipped", "arm": arm, **closed_fields(ends)}


def problem_of(tabletop: Tabletop, world: World, task: str, seed: int) -> Problem:
    """The first frame and the goal image of an episode, as latents."""
    tabletop.reset(task, seed)
    images = tabletop.render("front"), tabletop.goal_image()
    start, goal = (world.encoder.encode(image[None, None])[0] for image in images)
    return Problem(start, goal)


def carry_out(tabletop: Tabletop, task: str, seed: int, plan: Plan) -> bool:
    """Whether the environment calls the episode done after all of a plan's actions."""
    tabletop.reset(task, seed)
    stepper = PlanarStepper(tabletop)
    for action in plan.actions:
        stepper.step(action)
    return tabletop.evaluate().success


def iterations_to_success(plans: Sequence[Plan], limit: int) -> list[int]:
    """Iterations at which each plan came within the tolerance; ``limit`` + 1 for never."""
    return [plan.iterations if plan.stop_reason == StopReason.CONVERGED else limit + 1 for plan in plans]


def open_fields(
    plans: Sequence[Plan], successes: Sequence[bool], spent: Sequence[int], first: Sequence[int]
) -> dict[str, Any]:
    """``spent`` and the ``first`` arm's iterations to success, which are compared problem by problem."""
    solved = [plan.stop_reason == StopReason.CONVERGED for plan in plans]
    counted = [count if done else float("nan") for count, done in zip(spent, solved, strict=True)]
    censored = np.where(solved, spent, np.inf)
    return {
        "plans": len(plans),
        **success_fields(successes, "environment_success"),
        **success_fields(solved, "solved"),
        "solved_by_first_candidates": sum(done and not count for done, count in zip(solved, spent, strict=True)),
        "iterations_median_with_unsolved_as_infinite": float(np.quantile(censored, 0.5, method="inverted_cdf")),
        "iterations_median_of_solved": float(np.nanmedian(counted)) if any(solved) else float("nan"),
        "iterations_mean_with_unsolved_at_the_limit": float(np.mean(spent)),
        "problems_with_fewer_iterations_than_first_arm": sum(a < b for a, b in zip(spent, first, strict=True)),
        "problems_with_more_iterations_than_first_arm": sum(a > b for a, b in zip(spent, first, strict=True)),
        "cost_median": float(np.median([plan.cost for plan in plans])),
    }


def closed_fields(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Fields of closed-loop episodes."""
    times = [seconds for outcome in outcomes for seconds in outcome.plan_seconds]
    return {
        "episodes": len(outcomes),
        **success_fields([outcome.success for outcome in outcomes], "environment_success"),
        **success_fields([outcome.believed for outcome in outcomes], "solved"),
        "steps_median": median_and_p99([outcome.steps for outcome in outcomes])[0],
        "steps_median_of_successes": median_and_p99([o.steps for o in outcomes if o.success])[0],
        "plan_ms_median": 1e3 * median_and_p99(times)[0],
    }
