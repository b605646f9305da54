# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench world-model``: how far the shipped model's predictions are from what the simulator did, on unseen seeds.

Two questions. Prediction: median error of the read-out after a number of predicted steps, beside copying the first
frame and answering with the mean; scored against the simulator's truth. Honesty: plans executed open loop, success
under the model beside success in the environment.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation.closed_loop import Outcome, run_open_loop
from robot_planner.evaluation.settings import make_planner
from robot_planner.evaluation.statistics import success_fields
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.training.gather import gather, load_shards
from robot_planner.types import FloatArray
from robot_planner.world import World, load_world

EPISODE_STEPS = 40
MOVED = 0.01
"""A block that moved farther than this within the predicted steps counts as moved [m]."""
HORIZONS = {"reach": 12, "around": 16, "push": 16}
"""Of the plans that are carried out [actions]."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="tabletop", help="model name or folder (default: %(default)s)")
    parser.add_argument("--episodes", type=int, default=100, help="held-out episodes (default: %(default)s)")
    parser.add_argument("--plans", type=int, default=40, help="executed plans a task (default: %(default)s)")
    parser.add_argument("--tasks", nargs="+", default=list(HORIZONS), help=f"of {', '.join(HORIZONS)} (default: all)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first episode (default: held-out)")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4, 8, 12], help="predicted (default: 1 4 8 12)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of kind "prediction" (a number of steps, an entity) and "honesty" (a task)."""
    if args.episodes < 1 or args.plans < 0 or not all(1 <= steps <= EPISODE_STEPS for steps in args.steps):
        raise InvalidInputError(f"--episodes from 1, --plans from 0, --steps from 1 to {EPISODE_STEPS}")
    for task in args.tasks:
        if task not in HORIZONS:
            raise UnknownNameError("task", task, HORIZONS)
    world = load_world(args.model)
    with tempfile.TemporaryDirectory() as folder:
        paths = gather(Path(folder), args.episodes, EPISODE_STEPS, args.seed, world.encoder.crop, truth=True)
        data = load_shards(paths)
    records = list(predictions(world, data, args.steps))
    return records + [honesty(world, task, args.plans, args.seed) for task in args.tasks if args.plans]


def encode(world: World, images: np.ndarray) -> Tensor:
    """Shard images (E, T+1, S, S, 3), already cropped, -> latents (E, T+1, D)."""
    rows: list[FloatArray] = [world.encoder.encode_regions(episode[:, None]) for episode in images]
    return torch.from_numpy(np.stack(rows))


def predictions(world: World, data: dict[str, np.ndarray], horizons: list[int]) -> Iterator[dict[str, Any]]:
    """Median errors [cm] of hand, blocks, and blocks that moved, for each number of predicted steps; 0 = seen now."""
    latents, actions, truth = (
        encode(world, data["images"]),
        torch.from_numpy(data["actions"]),
        torch.from_numpy(data["truth"]),
    )
    mean = truth.flatten(0, 1).mean(0)
    for horizon in [0, *horizons]:
        starts = range(0, actions.shape[1] - horizon + 1, 3)
        with torch.inference_mode():
            state = torch.cat([latents[:, s] for s in starts])
            for t in range(horizon):
                state = world.dynamics.step(state, torch.cat([actions[:, s + t] for s in starts]))
            read = world.readout(state)
        now, later = (torch.cat([truth[:, s + offset] for s in starts]) for offset in (0, horizon))
        error, copied, guessed = (100 * (guess - later).norm(dim=-1) for guess in (read, now, mean.expand_as(later)))
        moved = copied[:, 1:] > 100 * MOVED
        kinds = {
            "hand": [x[:, 0] for x in (error, copied, guessed)],
            "block": [x[:, 1:].flatten() for x in (error, copied, guessed)],
            "moved block": [x[:, 1:][moved] for x in (error, copied, guessed)],
        }
        for entity, (ours, copy, average) in kinds.items():
            if not len(ours):
                continue
            yield {
                "kind": "prediction",
                "steps": horizon,
                "entity": entity,
                "states": len(ours),
                "median_cm": ours.median().item(),
                "p90_cm": ours.quantile(0.9).item(),
                "copy_median_cm": copy.median().item(),
                "mean_median_cm": average.median().item(),
            }


def honesty(world: World, task: str, plans: int, first_seed: int = HELD_OUT_SEEDS[0]) -> dict[str, Any]:
    """Plans executed open loop to their end: what the model promised beside what the environment says."""
    planner = make_planner("grasp", world, horizon=HORIZONS[task], iterations=200)
    with Tabletop() as tabletop:
        outcomes: list[Outcome] = [
            run_open_loop(tabletop, world, planner, task, first_seed + index) for index in range(plans)
        ]
    believed, real = [o.believed for o in outcomes], [o.success for o in outcomes]
    return {
        "kind": "honesty",
        "task": task,
        "plans": plans,
        **success_fields(believed, "model_success"),
        **success_fields(real, "environment_success"),
        "difference": (sum(believed) - sum(real)) / plans,
        "promised_but_failed": sum(b and not r for b, r in zip(believed, real, strict=True)),
        "seeds_from": first_seed,
    }
