# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains LBP's backward step in the latent space of a planar world, towards given goal latents: for `grasp+lbp`.

Data are the world model's own episodes. Goals are hindsight: later frames of the same episode, as far as the robot went
there about as quickly as the world's cost-to-go knows to be possible: it also wanders, and where a detour for nothing
led through is no way to anywhere. There is no instruction; its embedding is zero.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.perception.slots import SlotReadout
from robot_planner.planning.grasp_lbp import save_subgoals
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.planning.object_metrics import CostToGo
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.training.cards import write_model
from robot_planner.training.gather import gather, load_shards
from robot_planner.training.resumable import run_phase
from robot_planner.training.world_model import EPISODE_STEPS
from robot_planner.world import World, load_world

MOVED = 0.02
"""A block that moved farther between a frame and its goal was pushed [m]."""
SLACK = 1.25
"""Steps that the way to a goal may have taken, over those that the cost-to-go expects."""
OPTIONS = ("name", "world", "episodes", "validation", "steps", "hidden", "seed")
"""Those that make a model what it is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_arguments_of_latents(parser, "tabletop-subgoals", 10_000)


def add_arguments_of_latents(parser: argparse.ArgumentParser, name: str, steps: int) -> None:
    """Options of a training on the latents of a planar world's own episodes."""
    parser.add_argument("--name", default=name, help="model folder under models/ (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument("--work", type=Path, default=Path("runs/lbp-planar"), help="data, checkpoints and logs")
    parser.add_argument(
        "--world", default="tabletop", help="world model whose latents these are (default: %(default)s)"
    )
    parser.add_argument("--episodes", type=int, default=2000, help="training episodes of 40 steps (default: 2000)")
    parser.add_argument("--validation", type=int, default=100, help="episodes to validate on (default: 100)")
    parser.add_argument("--steps", type=int, default=steps, help="optimiser steps (default: %(default)s)")
    parser.add_argument("--hidden", type=int, default=256, help="width of the network (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="first seed of the episodes, and of the weights")
    parser.add_argument("--workers", type=int, default=2, help="processes that gather data (default: 2)")


class Hindsight:
    """Latents (E, T+1, D) as frames, later frames of their episodes as goals, and points at fractions of the way.

    Half of the pairs drawn are such between which a block was pushed; evenly drawn, most are of a wandering hand.
    """

    def __init__(
        self,
        latents: Tensor,
        readout: SlotReadout,
        fractions: tuple[float, ...],
        steps_to_go: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        """``fractions`` of the time between frame and goal at which the targets lie, the last one 1.

        ``steps_to_go``: from arrangement to arrangement (M, E, 2) [m] -> (M,); without it no way is too slow.
        """
        self.latents, self.fractions = latents, torch.tensor(fractions)
        frames = latents.shape[1]
        begin, end = torch.triu_indices(frames, frames, offset=1)
        places, steps = readout(latents), (end - begin).float()
        moved = [(row[end] - row[begin]).norm(dim=-1).amax(-1) > MOVED for row in places[:, :, 1:]]
        direct = torch.ones(len(latents), len(begin), dtype=torch.bool)
        if steps_to_go is not None:
            with torch.inference_mode():
                direct = torch.stack([steps <= SLACK * steps_to_go(row[begin], row[end]) + 1.0 for row in places])
        self._times = torch.stack([begin, end], 1)
        self._pushed, self._all = torch.nonzero(torch.stack(moved) & direct), torch.nonzero(direct)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents (count, D) and targets (count, N, D), nearest first, the goal last."""
        pushed = count // 2 if len(self._pushed) else 0
        picks = [
            pairs[torch.randint(len(pairs), (rows,), generator=generator)]
            for pairs, rows in ((self._pushed, pushed), (self._all, count - pushed))
            if rows
        ]
        episode, pair = torch.cat(picks)[torch.randperm(count, generator=generator)].unbind(1)
        begin, end = self._times[pair].unbind(1)
        when = begin[:, None] + (end - begin)[:, None] * self.fractions
        before = when.floor().long().clamp_max(self.latents.shape[1] - 2)
        rows = episode[:, None]
        targets = torch.lerp(self.latents[rows, before], self.latents[rows, before + 1], (when - before).unsqueeze(-1))
        return self.latents[episode, begin], targets


def errors_cm(planner: BackwardPlanner, held: Hindsight, readout: SlotReadout, count: int = 4096) -> dict[str, float]:
    """Mean errors [cm] at each point of the hand and of pushed blocks, of the planner and of the straight line."""
    present, targets = held.draw(count, torch.Generator().manual_seed(0))
    goals, language = targets[:, -1], torch.zeros(count, planner.config.language_dim)
    with torch.inference_mode():
        planned = planner.plan_towards(present, goals, language)
        line = torch.lerp(present.unsqueeze(1), goals.unsqueeze(1), held.fractions.view(1, -1, 1))
        truth, start = readout(targets), readout(present)
        pushed = (truth[:, -1, 1:] - start[:, 1:]).norm(dim=-1) > MOVED
        found = {}
        for name, points in (("lbp", planned), ("line", line)):
            off = (readout(points) - truth).norm(dim=-1) * 100
            for level, fraction in enumerate(held.fractions.tolist()[:-1]):
                found[f"{name}_hand_{fraction:g}_cm"] = off[:, level, 0].mean().item()
                found[f"{name}_pushed_block_{fraction:g}_cm"] = off[:, level, 1:][pushed].mean().item()
    return found


def fit(
    planner: BackwardPlanner,
    data: Hindsight,
    figures: Callable[[], dict[str, float]],
    work: Path,
    steps: int,
    seed: int,
) -> None:
    """Fits the backward step, or resumes."""

    def loss(step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        present, targets = data.draw(256, generator)
        language = torch.zeros(len(present), planner.config.language_dim)
        return {"loss": planner.loss_towards(present, targets, language, generator)["loss"]}

    planner.fit_statistics(data.latents.flatten(0, 1))
    step = {"step": planner.step}
    optimizer = torch.optim.AdamW(planner.step.parameters(), weight_decay=1e-2)
    run_phase("subgoals", work, step, optimizer, 1e-3, steps, loss, figures, 1000)
    planner.eval().requires_grad_(False)


def _progress(done: int, total: int) -> None:
    print(f"episodes {done}/{total} shards", flush=True)


def load_episodes(args: argparse.Namespace) -> tuple[World, Tensor, Tensor]:
    """Checks the options; the world, and latents (E, T+1, D) of the training and the validation episodes."""
    if min(args.episodes, args.validation, args.steps, args.hidden, args.workers) < 1:
        raise InvalidInputError("--episodes, --validation, --steps, --hidden and --workers are positive numbers")
    world = load_world(args.world)
    args.work.mkdir(parents=True, exist_ok=True)
    return world, *load_latents(args, world)


def load_latents(args: argparse.Namespace, world: World) -> tuple[Tensor, Tensor]:
    """Latents (E, T+1, D) of the training and the validation episodes; made where they are missing."""
    found = []
    crop = tuple(world.config["encoder"]["crop"])
    for part, count, first in (("data", args.episodes, args.seed), ("validation", args.validation, TUNING_SEEDS[0])):
        cache = args.work / f"latents_{part}_{first}_{count}_{world.encoder.digest[:16]}.npy"
        if not cache.exists():
            paths = gather(
                args.work / part, count, EPISODE_STEPS, first, crop, part == "validation", args.workers,
                _progress,
            )  # fmt: skip
            shards = (load_shards([path])["images"] for path in paths)
            rows = [world.encoder.encode_regions(episode[:, None]) for images in shards for episode in images]
            fresh = cache.with_suffix(".part.npy")
            np.save(fresh, np.stack(rows), allow_pickle=False)
            fresh.replace(cache)
        found.append(torch.from_numpy(np.load(cache, allow_pickle=False)))
    return found[0], found[1]


CARD = """# {name}: backward subgoals for the world model {world}

LBP's backward step in the world model's latent space: from the present latent and a given goal latent to the latents
at fractions {fractions} of the way. `grasp+lbp` begins its lifted states on them.

- command: `./run train lbp-planar {options}`
- data: the episodes that `train world-model` gathers (seeds {seed} and up); goals: later frames of the same episode,
  reached in at most {slack} times the steps that the world's cost-to-go expects
- latents: of the encoder with digest {digest}; refused with any other
- no instruction: the final goal has to be given, f_g is not trained
- seconds of this run's last start to its end: {seconds}
- validation, seeds {held} and up, mean errors in cm by the encoder's own read-out, of the planner ("lbp") and of
  the straight line from present to goal ("line"), at each fraction of the way:

{figures}
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    begun = time.monotonic()
    world, latents, held_latents = load_episodes(args)
    torch.manual_seed(args.seed)
    planner = BackwardPlanner(LbpConfig(latent_dim=latents.shape[-1], language_dim=1, hidden=args.hidden))
    steps_to_go = cast(CostToGo, world.metric("cost-to-go")).network
    data, held = (Hindsight(rows, world.readout, planner.fractions, steps_to_go) for rows in (latents, held_latents))
    fit(planner, data, lambda: errors_cm(planner, held, world.readout), args.work, args.steps, args.seed)
    figures = errors_cm(planner, held, world.readout)
    return write_model(
        args, CARD, OPTIONS, begun, figures,
        lambda folder, card: save_subgoals(planner, world.encoder.digest, folder, card),
        fractions=", ".join(f"{fraction:g}" for fraction in planner.fractions[:-1]),
        digest=world.encoder.digest[:16], slack=SLACK, held=TUNING_SEEDS[0],
    )  # fmt: skip
