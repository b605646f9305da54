# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``train push-t-pixels``: fits the world model of Push-T, from pictures alone (extra ``pusht``).

First an encoder, by labelled pictures; then dynamics on what it sees, in the phases of ``train push-t`` and with the
same symmetries. It sees two pictures, now and one step of the environment before, as the agent's velocity is in no
single one.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.perception.convolutional import ConvolutionalNetwork
from robot_planner.push_t_world import FAST, PUSH_T_WORLD, save_push_world
from robot_planner.simulation.push_t import SKIP, VELOCITY
from robot_planner.training import push_t
from robot_planner.training.cards import option, write_model
from robot_planner.training.pictures import (
    IMAGE_SIZE,
    KEYPOINTS,
    Pairs,
    add_arguments_of_encoder,
    fit_encoder,
    labelled,
    stretches,
)
from robot_planner.training.push_t_data import Episodes

RESTING = 0.1
"""Share of images that show rest, as goals do: the same picture twice."""
HELD_IMAGES = 3000
POSITIVE = ("images", "encoder_steps", "channels")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    push_t.add_arguments(parser, "push-t-pixels")
    add_arguments_of_encoder(parser, images=60_000, steps=7000, channels=32)
    parser.set_defaults(episodes=6000, rounds=5, round_plans=200, round_steps=4000)


def pairs(episodes: Episodes, count: int, seed: int) -> Pairs:
    """So many moments of episodes as an encoder sees them, a share of them at rest, and their latents."""
    ways = stretches(push_t.ways(episodes), len(PUSH_T_WORLD.views), count, seed)
    resting = ways[: round(RESTING * count)]
    resting[:, 0] = resting[:, 1]
    resting[..., VELOCITY] = 0.0
    return labelled(PUSH_T_WORLD, ways)


def vary(seen: Tensor, latents: Tensor) -> tuple[Tensor, Tensor]:
    """An eighth of a batch of pictures (B, C, S, S) and latents (B, 8) each turned by quarters, mirrored or not."""
    views, truth = [], []
    for index, (pictures, labels) in enumerate(zip(seen.chunk(8), latents.chunk(8), strict=True)):
        quarters, mirrored = index % 4, index >= 4
        angle, x = torch.tensor(0.5 * torch.pi * quarters), -1.0 if mirrored else 1.0
        view = pictures.rot90(-quarters, (-2, -1))
        facing, flip = torch.stack([angle.cos(), angle.sin()]), torch.tensor([x, 1.0])
        views.append(view.flip(-1) if mirrored else view)
        truth.append(push_t.seen_from(labels, facing, flip))
    return torch.cat(views), torch.cat(truth)


def errors(guess: Tensor, truth: Tensor) -> dict[str, float]:
    """What the encoder is off by: see ``push_t.errors``; and the velocity [px/s]."""
    speed = FAST * (guess - truth)[:, 2:4].norm(dim=-1).mean().item()
    return {f"seen_{name}": error for name, error in {**push_t.errors(guess, truth), "speed_px_s": speed}.items()}


def train_encoder(args: argparse.Namespace, work: Path) -> tuple[ConvolutionalNetwork, dict[str, float]]:
    """Runs or resumes phase 1; returns the encoder, frozen from then on, and its errors on unseen episodes."""
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    encoder = PUSH_T_WORLD.build_encoder(IMAGE_SIZE, args.channels, KEYPOINTS)
    first, held = push_t.scripted(args, work)
    found = fit_encoder(
        work, encoder, lambda: pairs(first, args.images, args.seed), push_t.PIXELS / push_t.UNIT,
        args.encoder_steps, errors, pairs(held, HELD_IMAGES, args.seed), vary,
    )  # fmt: skip
    return encoder, found


CARD = """# {name}: the world model of Push-T from pictures

An encoder of two pictures, now and 0.1 s before, each of {image_size} px, and an ensemble of three networks over its
latents, which mean what the latents of `push-t` do; for comparing planners where a plan has to push.

- command: `./run train push-t-pixels {options}`
- data: {episodes} episodes of {length} steps of scripted pushing, of which a share of {stirred} is random moves about
  the block, digest {digest}; {images} moments of them, labelled with their states, for the encoder; then {rounds}
  rounds of {round_plans} problems (training seeds), planned through the model from pictures by GRASP (through the
  members' mean, and with members apart) and CEM, and carried out
- seconds of this run's last start to its end: {seconds}
- validation on {held} unseen episodes, against their true states. "seen": mean error of the encoder, of the agent's and
  the block's place [px of 512], of the block's angle [degrees] and of the agent's velocity [px/s]; the others: of
  rollouts from what the encoder sees, after so many model steps (of {skip} steps of the environment); "copied": of
  saying that all stays

{figures}

Valid for `robot_planner/simulation/push_t.py`, over gym-pusht 0.1.8.
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    if min(getattr(args, name) for name in POSITIVE) < 1:
        raise InvalidInputError(f"{', '.join(map(option, POSITIVE))} are positive numbers")
    push_t.check(args)
    begun = time.monotonic()
    encoder, found = train_encoder(args, args.work)
    dynamics, further, digest = push_t.train(args, args.work, encoder)
    return write_model(
        args, CARD, (*POSITIVE, *push_t.OPTIONS), begun, {**found, **further},
        lambda folder, card: save_push_world(dynamics, folder, card, encoder),
        length=push_t.EPISODE_STEPS, digest=digest[:16], held=push_t.HELD, skip=SKIP, image_size=IMAGE_SIZE,
    )  # fmt: skip
