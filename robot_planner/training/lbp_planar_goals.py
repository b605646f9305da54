# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains LBP's final goal f_g in the latent space of a planar world: what a goal in words looks like there.

Data are the world model's own episodes. Labels are hindsight: where a thing came into a place that can be named, what
came before it was a way to do just that. Labels are told by the encoder's read-out; nobody describes an episode.
"""

import argparse
import time
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
from robot_planner.training.cards import write_model
from robot_planner.training.lbp_planar import OPTIONS, add_arguments_of_latents, load_episodes
from robot_planner.training.resumable import run_phase
from robot_planner.world import World

BATCH = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add_arguments_of_latents(parser, "tabletop-goals", 3000)


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
- seconds of this run's last start to its end: {seconds}
- validation, seeds {held} and up, by the encoder's own read-out: mean distance of the named thing, in the
  predicted goal, from its place, and from where it went in the episode (one of many ways to be there)

{figures}
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    begun = time.monotonic()
    world, *latents = load_episodes(args)
    data, held = (Labelled(rows, world) for rows in latents)
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
    return write_model(
        args, CARD, OPTIONS, begun, figures(),
        lambda folder, card: save_subgoals(planner, world.encoder.digest, folder, card, KIND),
        digest=world.encoder.digest[:16], held=TUNING_SEEDS[0],
    )  # fmt: skip
