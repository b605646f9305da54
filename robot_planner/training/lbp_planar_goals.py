# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains LBP's final goal f_g in the latent space of a planar world: what a goal in words looks like there.

Data are the world model's own episodes. Labels are hindsight: where a thing came into a place that can be named, what
came before it was a way to do just that. Labels are told by the encoder's read-out; nobody describes an episode.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.perception.slots import Visibility
from robot_planner.placement import EMBEDDING_DIM, ENTITIES, PLACEMENTS, PLACES, outside
from robot_planner.planning.grasp_lbp import save_subgoals
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.planning.text_goals import KIND, arrivals
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.training.lbp_planar import load_latents
from robot_planner.training.resumable import run_phase
from robot_planner.world import World, load_world

BATCH = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="tabletop-goals", help="model folder under models/ (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument("--work", type=Path, default=Path("runs/lbp-planar"), help="data, checkpoints and logs")
    parser.add_argument(
        "--world", default="tabletop", help="world model whose latents these are (default: %(default)s)"
    )
    parser.add_argument("--episodes", type=int, default=2000, help="training episodes of 40 steps (default: 2000)")
    parser.add_argument("--validation", type=int, default=100, help="episodes to validate on (default: 100)")
    parser.add_argument("--steps", type=int, default=3000, help="optimiser steps (default: %(default)s)")
    parser.add_argument("--hidden", type=int, default=256, help="width of the network (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="first seed of the episodes, and of the weights")
    parser.add_argument("--workers", type=int, default=2, help="processes that gather data (default: 2)")


class Labelled:
    """Latents (E, T+1, D), and the ways in them that lead into a place that can be named."""

    def __init__(self, latents: Tensor, world: World) -> None:
        visibility: Visibility = world.metric("objects").visibility  # type: ignore[attr-defined]
        self.latents = latents
        with torch.inference_mode():
            self.rows = arrivals(world.readout(latents), visibility(latents) > 0.0)
        if not len(self.rows):
            raise InvalidInputError("in no episode does anything come into a place that has a name")
        self._of = [rows for e in range(len(ENTITIES)) if len(rows := torch.nonzero(self.rows[:, 3] == e).squeeze(1))]

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Latents (M, D), their goals (M, 1, D) and embeddings (M, 9); each entity as often: the hand is quickest."""
        share = -(-count // len(self._of))
        picks = torch.cat([rows[torch.randint(len(rows), (share,), generator=generator)] for rows in self._of])
        return self.of(self.rows[picks[torch.randperm(len(picks), generator=generator)]])

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As ``draw``, of rows (M, 5) of ``arrivals``."""
        episode, begin, end, entity, place = rows.unbind(1)
        words = torch.stack([torch.from_numpy(placement.embedding) for placement in PLACEMENTS])
        return self.latents[episode, begin], self.latents[episode, end][:, None], words[entity * len(PLACES) + place]


def errors_cm(planner: BackwardPlanner, held: Labelled, world: World, count: int = 4096) -> dict[str, float]:
    """Of predicted goals: how far the named thing is from its place and from where it went in the episode [cm]."""
    rows = held.rows[torch.randint(len(held.rows), (count,), generator=torch.Generator().manual_seed(0))]
    present, goals, words = held.of(rows)
    which = torch.arange(len(rows))
    with torch.inference_mode():
        places = world.readout(planner.plan(present, words, 0)[:, 0])[which, rows[:, 3]]
        away = (places - world.readout(goals[:, 0])[which, rows[:, 3]]).norm(dim=-1)
    missing = torch.stack([outside(place, PLACES[row]) for place, row in zip(places, rows[:, 4], strict=True)])
    found: dict[str, float] = {}
    for name, chosen in (("hand", rows[:, 3] == 0), ("block", rows[:, 3] > 0)):
        found[f"{name}_outside_cm"] = 100 * missing[chosen].mean().item()
        found[f"{name}_from_recorded_cm"] = 100 * away[chosen].mean().item()
    return found


CARD = """# {name}: goals in words for the world model {world}

LBP's final goal in the world model's latent space: from the present latent and a placement, such as "the red block on
the left", to the latent of that. With it `reach_goal` takes such instructions, for any planner of the world model.

- command: `./run train lbp-planar-goals {options}`
- data: the episodes that `train world-model` gathers (seeds {seed} and up), labelled in hindsight with what came where
- latents: of the encoder with digest {digest}; refused with any other
- seconds of this run's last start to its end: {seconds:.0f}
- validation, seeds {validation} and up, by the encoder's own read-out: mean distance of the named thing, in the
  predicted goal, from its place, and from where it went in the episode (one of many ways to be there)

{figures}
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    if min(args.episodes, args.validation, args.steps, args.hidden, args.workers) < 1:
        raise InvalidInputError("--episodes, --validation, --steps, --hidden and --workers are positive numbers")
    begun = time.monotonic()
    world = load_world(args.world)
    args.work.mkdir(parents=True, exist_ok=True)
    data, held = (Labelled(latents, world) for latents in load_latents(args, world))
    torch.manual_seed(args.seed)
    dim = data.latents.shape[-1]
    planner = BackwardPlanner(LbpConfig(latent_dim=dim, language_dim=EMBEDDING_DIM, hidden=args.hidden, depth=0))
    planner.fit_statistics(data.latents.flatten(0, 1))

    def loss(step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(args.seed * 1_000_003 + step)
        present, goals, words = data.draw(BATCH, generator)
        return {"loss": planner.loss(present, goals, words, generator)["loss"]}

    optimizer = torch.optim.AdamW(planner.first.parameters(), weight_decay=1e-2)
    figures = lambda: errors_cm(planner, held, world)  # noqa: E731
    run_phase("text_goals", args.work, {"first": planner.first}, optimizer, 1e-3, args.steps, loss, figures, 1000)
    planner.eval().requires_grad_(False)
    found = figures()
    card = CARD.format(
        name=args.name, world=args.world, seed=args.seed,
        options=" ".join(f"--{key} {getattr(args, key)}" for key in ("name", "world", "episodes", "steps", "seed")),
        digest=world.encoder.digest[:16], seconds=time.monotonic() - begun, validation=TUNING_SEEDS[0],
        figures="\n".join(f"  - {key}: {value:.2f}" for key, value in found.items()),
    )  # fmt: skip
    folder = args.out or Path("models") / args.name
    save_subgoals(planner, world.encoder.digest, folder, card, KIND)
    print(f"wrote {folder}", flush=True)
    return [{"model": args.name, "seed": args.seed, **found}]
