# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``train two-room``: fits the world model of the two rooms, from positions alone.

A model that is fitted to single steps leaks through the wall, and planners find the leaks. Against that: rollouts of
many steps in the loss, data near the walls, and rounds in which the model's own plans are carried out and learned from.
``train two-room-pixels`` runs the same phases on what an encoder sees.
"""

import argparse
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_planner.dynamics.ensemble import EnsembleDynamics
from robot_planner.errors import InvalidInputError
from robot_planner.perception.convolutional import ConvolutionalNetwork
from robot_planner.point_world import REACH, ROOM_WORLD, build_dynamics, point_world, save_point_world, to_latents
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.simulation.two_room import DOOR, WALL, Positions, rollout
from robot_planner.training.cards import write_model
from robot_planner.training.dynamics import calibrate_uncertainty
from robot_planner.training.episode_windows import EpisodeWindows, add_arguments_of_rounds, fit, rollout_loss
from robot_planner.training.pictures import see_all
from robot_planner.training.shards import write_arrays
from robot_planner.training.two_room_data import Episodes, planned, wander
from robot_planner.types import FloatArray

EPISODE_STEPS = 40
HELD = 500
"""Episodes that errors are measured on."""
RUNS = np.stack([np.full(200, WALL[0] - 20.0), np.linspace(DOOR[1] + 12.0, 2 * WALL[0], 200)], axis=-1)
"""Where straight runs at the wall begin, (200, 2)."""
UNIT = 2.0
"""Errors count by their square below this, by their size above [px]."""
PLAN_HORIZON = 50
"""Of the plans that rounds learn from."""


def add_arguments(parser: argparse.ArgumentParser, name: str = "two-room") -> None:
    """Options of the command."""
    add_arguments_of_rounds(parser, name, episodes=20_000, length=EPISODE_STEPS, horizon=8, hidden=64)
    parser.add_argument("--near-walls", type=float, default=0.5, help="share of them at the wall (default: 0.5)")


def loss_of(dynamics: EnsembleDynamics, data: EpisodeWindows, horizon: int) -> Callable[[int], dict[str, Tensor]]:
    """See ``rollout_loss``; in units of UNIT."""

    def draw(step: int) -> tuple[Tensor, Tensor]:
        return data.draw(horizon, torch.Generator().manual_seed(step))

    return rollout_loss(dynamics, draw, REACH / UNIT)


def figures(
    dynamics: EnsembleDynamics, held: Episodes, held_latents: FloatArray, run_latents: FloatArray
) -> dict[str, float]:
    """Errors of rollouts of unseen episodes [px], and the share of straight runs at the wall that leak through it.

    Rollouts begin at the latents that the model has of the episodes, (E, T+1, 2), and of RUNS; they are compared with
    where the agent is.
    """
    actions = torch.from_numpy(held.actions.astype(np.float32))
    latents, found = torch.from_numpy(to_latents(held.positions)), {}
    with torch.inference_mode():
        state = torch.from_numpy(held_latents[:, 0])
        for t in range(actions.shape[1]):
            state = dynamics.step(state, actions[:, t])
            if t + 1 in (1, 10, actions.shape[1]):
                error = REACH * (state - latents[:, t + 1]).norm(dim=-1)
                found[f"error_px_{t + 1}"] = error.median().item()
                found[f"error_px_{t + 1}_p99"] = error.quantile(0.99).item()
        state, push = torch.from_numpy(run_latents), np.tile([1.0, 0.0], (30, len(RUNS), 1))
        for action in torch.from_numpy(push.astype(np.float32)):
            state = dynamics.step(state, action)
        truth = torch.from_numpy(to_latents(rollout(RUNS, push)[-1]))
        found["leak"] = (REACH * (state - truth)[:, 0] > WALL[1] - WALL[0]).float().mean().item()
    return found


def wandered(args: argparse.Namespace) -> tuple[Episodes, Episodes]:
    """The first data, and episodes to measure errors on."""
    first = wander(args.episodes, EPISODE_STEPS, args.near_walls, args.seed)
    return first, wander(HELD, EPISODE_STEPS, 0.5, TUNING_SEEDS[0])


def train(
    args: argparse.Namespace, work: Path, encoder: ConvolutionalNetwork | None = None
) -> tuple[EnsembleDynamics, dict[str, float], str]:
    """Runs or resumes all phases; returns the model, its figures on unseen episodes, and the first data's digest.

    With an encoder the latents are what it sees, without one the positions.
    """
    torch.set_num_threads(1)
    dynamics, data = build_dynamics(args.hidden, members=3, waves=5, seed=args.seed), EpisodeWindows()
    first, held = wandered(args)

    def latents(name: str, ways: Positions) -> FloatArray:
        return see_all(ROOM_WORLD, point_world(args.name, dynamics, encoder), ways, work, name)

    held_latents, run_latents = latents("held", held.positions), latents("runs", RUNS[:, None])[:, 0]
    data.add(latents("wandered", first.positions), first.actions)

    def measured() -> dict[str, float]:
        return figures(dynamics, held, held_latents, run_latents)

    def phase(name: str, steps: int, rate: float) -> None:
        fit(name, work, dynamics, rate, steps, loss_of(dynamics, data, args.horizon), measured)

    phase("dynamics", args.steps, 3e-3)
    for number in range(1, args.rounds + 1):
        path = work / f"plans-{number}.npz"
        if not path.exists():
            begin = args.seed + number * args.round_plans
            world = point_world(args.name, dynamics, encoder)
            write_arrays(path, planned(world, range(begin, begin + args.round_plans), PLAN_HORIZON)._asdict())
        episodes = Episodes(**np.load(path, allow_pickle=False))
        data.add(latents(path.stem, episodes.positions), episodes.actions)
        phase(f"round-{number}", args.round_steps, 1e-3)
    with torch.no_grad():
        calibrate_uncertainty(
            dynamics, torch.from_numpy(held_latents), torch.from_numpy(held.actions.astype(np.float32))
        )
    digest = hashlib.sha256(first.actions.tobytes() + first.positions.tobytes()).hexdigest()
    return dynamics, measured(), digest


CARD = """# {name}: the world model of two rooms

An ensemble of three networks over positions, for comparing planners where the greedy way is a dead end.

- command: `./run train two-room {options}`
- data: {episodes} episodes of {length} steps, of which a share of {near_walls} at the wall, digest {digest}; then
  {rounds} rounds of {round_plans} problems (training seeds), planned through the model by GRASP and CEM and carried out
- seconds of this run's last start to its end: {seconds}
- validation on {held} unseen episodes, half of them at the wall: error of rollouts after so many steps in pixels of
  224, median and 99th percentile; "leak": share of straight runs at the wall that end behind it

{figures}

Valid for `robot_planner/simulation/two_room.py`, whose wall and door are where they are there.
"""


OPTIONS = ("episodes", "near_walls", "horizon", "steps", "rounds", "round_steps", "round_plans", "hidden", "seed")


def check(args: argparse.Namespace) -> None:
    """Raises InvalidInputError for sizes that can't be."""
    if min(args.episodes, args.steps, args.hidden, args.round_steps, args.round_plans) < 1 or args.rounds < 0:
        raise InvalidInputError("--episodes, --steps, --hidden, --round-steps and --round-plans are positive numbers")
    if not 0.0 <= args.near_walls <= 1.0 or not 1 <= args.horizon <= EPISODE_STEPS:
        raise InvalidInputError(f"--near-walls is from 0 to 1, --horizon from 1 to {EPISODE_STEPS}")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    check(args)
    begun = time.monotonic()
    dynamics, found, digest = train(args, args.work)
    return write_model(
        args, CARD, OPTIONS, begun, found, lambda folder, card: save_point_world(dynamics, folder, card),
        length=EPISODE_STEPS, digest=digest[:16], held=HELD,
    )  # fmt: skip
