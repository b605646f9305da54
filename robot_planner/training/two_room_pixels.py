# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``train two-room-pixels``: fits the world model of the two rooms, from pictures alone.

First an encoder, by labelled pictures; then dynamics on what it sees, in the phases of ``train two-room``.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.perception.convolutional import ConvolutionalNetwork
from robot_planner.point_world import REACH, ROOM_WORLD, save_point_world
from robot_planner.training import two_room
from robot_planner.training.cards import option, write_model
from robot_planner.training.pictures import (
    IMAGE_SIZE,
    KEYPOINTS,
    add_arguments_of_encoder,
    fit_encoder,
    labelled,
    stretches,
)

HELD_IMAGES = 3000
POSITIVE = ("images", "encoder_steps", "channels")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    two_room.add_arguments(parser, "two-room-pixels")
    add_arguments_of_encoder(parser, images=40_000, steps=4000, channels=32)
    parser.set_defaults(episodes=8000, steps=6000, round_steps=2500)


def errors(guess: Tensor, truth: Tensor) -> dict[str, float]:
    """How far the encoder is off [px]."""
    apart = REACH * (guess - truth).norm(dim=-1)
    return {"seen_px": apart.mean().item(), "seen_px_p99": apart.quantile(0.99).item()}


def train_encoder(args: argparse.Namespace, work: Path) -> tuple[ConvolutionalNetwork, dict[str, float]]:
    """Runs or resumes phase 1; returns the encoder, frozen from then on, and its errors on unseen episodes."""
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    encoder = ROOM_WORLD.build_encoder(IMAGE_SIZE, args.channels, KEYPOINTS)
    first, held = two_room.wandered(args)
    found = fit_encoder(
        work, encoder, lambda: labelled(ROOM_WORLD, stretches(first.positions, 1, args.images, args.seed)),
        REACH / two_room.UNIT, args.encoder_steps, errors,
        labelled(ROOM_WORLD, stretches(held.positions, 1, HELD_IMAGES, args.seed)),
    )  # fmt: skip
    return encoder, found


CARD = """# {name}: the world model of two rooms from pictures

An encoder of a picture of {image_size} px and an ensemble of three networks over its latents, which mean what the
latents of `two-room` do; for comparing planners where the greedy way is a dead end.

- command: `./run train two-room-pixels {options}`
- data: {episodes} episodes of {length} steps, of which a share of {near_walls} at the wall, digest {digest}; {images}
  pictures of them, labelled with their positions, for the encoder; then {rounds} rounds of {round_plans} problems
  (training seeds), planned through the model from pictures by GRASP and CEM and carried out
- seconds of this run's last start to its end: {seconds}
- validation on {held} unseen episodes, half of them at the wall, against their true positions, in pixels of 224.
  "seen": error of the encoder, mean and 99th percentile; the others: of rollouts from what the encoder sees, after so
  many steps, median and 99th percentile; "leak": share of straight runs at the wall that end behind it

{figures}

Valid for `robot_planner/simulation/two_room.py`, whose wall and door are where they are there.
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    if min(getattr(args, name) for name in POSITIVE) < 1:
        raise InvalidInputError(f"{', '.join(map(option, POSITIVE))} are positive numbers")
    two_room.check(args)
    begun = time.monotonic()
    encoder, found = train_encoder(args, args.work)
    dynamics, further, digest = two_room.train(args, args.work, encoder)
    return write_model(
        args, CARD, (*POSITIVE, *two_room.OPTIONS), begun, {**found, **further},
        lambda folder, card: save_point_world(dynamics, folder, card, encoder),
        length=two_room.EPISODE_STEPS, digest=digest[:16], held=two_room.HELD, image_size=IMAGE_SIZE,
    )  # fmt: skip
