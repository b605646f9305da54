# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Gradient planning towards goals in words: a thing brought to a part of the table, as a sentence says.

Closed loop from camera frames, a replan at each action, until the sentence's own meaning on the encoder's read-out says
reached, or time is up. "environment_success" is the environment's verdict; "believed" the read-out's.
"""

import argparse
from typing import Any

import numpy as np
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.settings import shipped_settings
from robot_planner.evaluation.statistics import median_and_p99, success_fields
from robot_planner.language.placements import say, understand_placement
from robot_planner.placement import TOOL, Placement
from robot_planner.planning.catalogue import planner_configs
from robot_planner.planning.planner import PLANNERS, Planner
from robot_planner.planning.text_goals import PlacedGoal, TextGoals, load_text_goals
from robot_planner.simulation.stepping import PlanarStepper
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.types import Problem
from robot_planner.world import World, load_world

TOLERANCE, SETTLE = 0.02, 2
"""Distance that counts as reached [m], and for how many frames in a row."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="tabletop", help="world model (default: %(default)s)")
    parser.add_argument("--text-goals", default="tabletop-goals", help="goals in words (default: %(default)s)")
    parser.add_argument("--planners", nargs="+", default=["grasp", "grasp+lbp"], help="default: grasp grasp+lbp")
    parser.add_argument("--episodes", type=int, default=20, help="of each planner (default: %(default)s)")
    parser.add_argument("--max-steps", type=int, default=75, help="actions of 0.2 s of an episode (default: 75)")
    parser.add_argument("--iterations", type=int, default=8, help="of the planner at each replan (default: 8)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first episode (default: held-out)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each planner and each kind of thing: the hand, or a block."""
    if min(args.episodes, args.max_steps, args.iterations) < 1:
        raise InvalidInputError("--episodes, --max-steps and --iterations are positive numbers")
    torch.set_num_threads(1)
    world = load_world(args.model)
    goals = load_text_goals(args.text_goals, world)
    records = []
    with Tabletop() as tabletop:
        for name in args.planners:
            settings = planner_configs()[name](**{**shipped_settings(name), "iterations": args.iterations})
            planner = PLANNERS.make(name, world.dynamics, world.metric(), settings)
            rows = []
            for seed in range(args.seed, args.seed + args.episodes):
                rows.append(episode(tabletop, world, goals, planner, seed, args.max_steps))
                print(f"{name} seed {seed}: {rows[-1]}", flush=True)
            for thing in ("hand", "block"):
                chosen = [row for row in rows if row["thing"] == thing]
                if chosen:
                    records.append({"planner": name, "thing": thing, "first_seed": args.seed, **fields(chosen)})
    return records


def fields(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What episodes came to."""
    return {
        "episodes": len(rows),
        **success_fields([row["success"] for row in rows], "environment_success"),
        **success_fields([row["believed"] for row in rows], "believed"),
        "moved_towards": sum(row["distance"] < row["distance_before"] - 0.01 for row in rows),
        "distance_before_cm_median": 100 * median_and_p99([row["distance_before"] for row in rows])[0],
        "distance_cm_median": 100 * median_and_p99([row["distance"] for row in rows])[0],
        "steps_median": median_and_p99([row["steps"] for row in rows])[0],
    }


def episode(
    tabletop: Tabletop, world: World, goals: TextGoals, planner: Planner, seed: int, max_steps: int
) -> dict[str, Any]:
    """One episode of the task ``bring``, whose placement is put in words and understood again."""
    tabletop.reset("bring", seed)
    text = say(Placement.parse(tabletop.episode.target["placement"]))
    goal, stepper = PlacedGoal(understand_placement(text)), PlanarStepper(tabletop)
    before = tabletop.evaluate().distance
    planner.reset()
    calm = step = 0
    for step in range(max_steps + 1):
        latent = goals.see(goal, world.encoder.encode(tabletop.render("front")[None, None])[0])
        calm = calm + 1 if goals.distance(latent[None], goal)[0] <= TOLERANCE else 0
        if calm >= SETTLE or step == max_steps:
            break
        assert goal.latent is not None  # it has seen one
        stamp = step * int(world.dynamics.step_seconds * 1e9)
        stepper.step(np.asarray(planner.plan(Problem(latent, goal.latent, stamp)).actions[0]))
    verdict = tabletop.evaluate()
    return {
        "text": text,
        "thing": "hand" if goal.placement.entity == TOOL else "block",
        "success": verdict.success,
        "believed": calm >= SETTLE,
        "distance_before": before,
        "distance": verdict.distance,
        "steps": step,
    }
