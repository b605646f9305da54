# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``train two-room``: fits the world model of the two rooms, from positions alone.

A model that is fitted to single steps leaks through the wall, and planners find the leaks. Against that: rollouts of
many steps in the loss, data near the walls, and rounds in which the model's own plans are carried out and learned from.
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
from robot_planner.point_world import REACH, build_dynamics, point_world, save_point_world, to_latents
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.simulation.two_room import DOOR, WALL, rollout
from robot_planner.training.dynamics import calibrate_uncertainty, member_errors, random_shares
from robot_planner.training.resumable import run_phase
from robot_planner.training.shards import write_arrays
from robot_planner.training.two_room_data import Episodes, planned, wander

EPISODE_STEPS = 40
UNIT = 2.0
"""Errors count by their square below this, by their size above [px]."""
PLAN_HORIZON = 50
"""Of the plans that rounds learn from."""
BATCH = 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="two-room", help="model folder to write under models/ (default: two-room)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument("--work", type=Path, help="checkpoints and logs; resumed if there (default: runs/two-room)")
    parser.add_argument("--episodes", type=int, default=20_000, help="episodes of 40 steps (default: %(default)s)")
    parser.add_argument("--near-walls", type=float, default=0.5, help="share of them at the wall (default: 0.5)")
    parser.add_argument("--horizon", type=int, default=8, help="steps of a rollout in the loss (default: 8)")
    parser.add_argument("--steps", type=int, default=10_000, help="optimiser steps of the first fit (default: 10000)")
    parser.add_argument("--rounds", type=int, default=2, help="times that plans are learned from (default: 2)")
    parser.add_argument("--round-steps", type=int, default=4000, help="optimiser steps of each (default: 4000)")
    parser.add_argument("--round-plans", type=int, default=200, help="problems planned in each (default: 200)")
    parser.add_argument("--hidden", type=int, default=64, help="width of the networks (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="of data and weights (default: 0)")


class Data:
    """Sets of episodes, of which batches take equal shares."""

    def __init__(self, horizon: int) -> None:
        self._horizon, self._sets = horizon, list[tuple[Tensor, Tensor]]()

    def add(self, episodes: Episodes) -> None:
        """Adds a set."""
        latents = torch.from_numpy(to_latents(episodes.positions))
        self._sets.append((latents, torch.from_numpy(episodes.actions.astype(np.float32))))

    def draw(self, step: int) -> tuple[Tensor, Tensor]:
        """Windows of a batch: latents (B, T+1, 2), actions (B, T, 2)."""
        generator = torch.Generator().manual_seed(step)
        shares, window = [BATCH // len(self._sets)] * len(self._sets), torch.arange(self._horizon + 1)
        seen, moves = [], []
        for (latents, actions), count in zip(self._sets, shares, strict=True):
            rows = torch.randint(len(latents), (count, 1), generator=generator)
            first = torch.randint(actions.shape[1] - self._horizon + 1, (count, 1), generator=generator)
            seen.append(latents[rows, first + window])
            moves.append(actions[rows, first + window[:-1]])
        return torch.cat(seen), torch.cat(moves)


def loss_of(dynamics: EnsembleDynamics, data: Data) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step: pseudo-Huber of every member's error along the mean's rollout, in units of UNIT."""

    def loss(step: int) -> dict[str, Tensor]:
        errors, _ = member_errors(dynamics, *data.draw(step))
        size = (errors * (REACH / UNIT)).square().sum(-1)
        return {"loss": (random_shares(errors, step) * ((1.0 + size).sqrt() - 1.0)).mean()}

    return loss


def figures(dynamics: EnsembleDynamics, held: Episodes) -> dict[str, float]:
    """Errors of rollouts of unseen episodes [px], and the share of straight runs at the wall that leak through it."""
    latents, actions = torch.from_numpy(to_latents(held.positions)), torch.from_numpy(held.actions.astype(np.float32))
    found = {}
    with torch.inference_mode():
        state = latents[:, 0]
        for t in range(actions.shape[1]):
            state = dynamics.step(state, actions[:, t])
            if t + 1 in (1, 10, actions.shape[1]):
                error = REACH * (state - latents[:, t + 1]).norm(dim=-1)
                found[f"error_px_{t + 1}"] = error.median().item()
                found[f"error_px_{t + 1}_p99"] = error.quantile(0.99).item()
        start = np.stack([np.full(200, WALL[0] - 20.0), np.linspace(DOOR[1] + 12.0, 2 * WALL[0], 200)], axis=-1)
        state, push = torch.from_numpy(to_latents(start)), np.tile([1.0, 0.0], (30, 200, 1))
        for action in torch.from_numpy(push.astype(np.float32)):
            state = dynamics.step(state, action)
        truth = torch.from_numpy(to_latents(rollout(start, push)[-1]))
        found["leak"] = (REACH * (state - truth)[:, 0] > WALL[1] - WALL[0]).float().mean().item()
    return found


def train(args: argparse.Namespace, work: Path) -> tuple[EnsembleDynamics, dict[str, float], str]:
    """Runs or resumes all phases; returns the model, its figures on unseen episodes, and the first data's digest."""
    torch.set_num_threads(1)
    dynamics, data = build_dynamics(args.hidden, members=3, waves=5, seed=args.seed), Data(args.horizon)
    first = wander(args.episodes, EPISODE_STEPS, args.near_walls, args.seed)
    data.add(first)
    held = wander(500, EPISODE_STEPS, 0.5, TUNING_SEEDS[0])

    def fit(name: str, steps: int, rate: float) -> None:
        optimiser = torch.optim.AdamW(dynamics.requires_grad_(True).parameters(), weight_decay=1e-4)
        loss = loss_of(dynamics, data)
        run_phase(name, work, {"dynamics": dynamics}, optimiser, rate, steps, loss, lambda: figures(dynamics, held))

    fit("dynamics", args.steps, 3e-3)
    for number in range(1, args.rounds + 1):
        path = work / f"plans-{number}.npz"
        if not path.exists():
            begin = args.seed + number * args.round_plans
            episodes = planned(point_world("two-room", dynamics), range(begin, begin + args.round_plans), PLAN_HORIZON)
            write_arrays(path, episodes._asdict())
        data.add(Episodes(**np.load(path, allow_pickle=False)))
        fit(f"round-{number}", args.round_steps, 1e-3)
    with torch.no_grad():
        calibrate_uncertainty(
            dynamics, torch.from_numpy(to_latents(held.positions)), torch.from_numpy(held.actions.astype(np.float32))
        )
    digest = hashlib.sha256(first.actions.tobytes() + first.positions.tobytes()).hexdigest()
    return dynamics, figures(dynamics, held), digest


CARD = """# {name}: the world model of two rooms

An ensemble of three networks over positions, for comparing planners where the greedy way is a dead end.

- command: `./run train two-room {words}`
- data: {episodes} episodes of {length} steps, of which a share of {near} at the wall, digest {digest}; then {rounds}
  rounds of {plans} problems (training seeds), planned through the model by GRASP and CEM and carried out
- seconds of this run's last start to its end: {seconds:.0f}
- validation on 500 unseen episodes, half of them at the wall: error of rollouts after so many steps in pixels of 224,
  median and 99th percentile; "leak": share of straight runs at the wall that end behind it

{figures}

Valid for `robot_planner/simulation/two_room.py`, whose wall and door are where they are there.
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    if min(args.episodes, args.steps, args.hidden, args.round_steps, args.round_plans) < 1 or args.rounds < 0:
        raise InvalidInputError("--episodes, --steps, --hidden, --round-steps and --round-plans are positive numbers")
    if not 0.0 <= args.near_walls <= 1.0 or not 1 <= args.horizon <= EPISODE_STEPS:
        raise InvalidInputError(f"--near-walls is from 0 to 1, --horizon from 1 to {EPISODE_STEPS}")
    begun = time.monotonic()
    dynamics, found, digest = train(args, args.work or Path("runs/two-room"))
    folder = args.out or Path("models") / args.name
    options = ("episodes", "near_walls", "horizon", "steps", "rounds", "round_steps", "round_plans", "hidden", "seed")
    card = CARD.format(
        name=args.name,
        words=" ".join(f"--{option.replace('_', '-')} {getattr(args, option)}" for option in options),
        episodes=args.episodes,
        length=EPISODE_STEPS,
        near=args.near_walls,
        digest=digest[:16],
        rounds=args.rounds,
        plans=args.round_plans,
        seconds=time.monotonic() - begun,
        figures="\n".join(f"  - {key}: {value:.3g}" for key, value in found.items()),
    )
    save_point_world(dynamics, folder, card)
    print(f"wrote {folder}", flush=True)
    return [{"model": args.name, "seed": args.seed, **found}]
