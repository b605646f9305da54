# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the trainings from pictures share: an encoder fitted to labelled pictures, and episodes seen through it.

Labels anchor the latents: what a number means is known in training, as a robot knows it from its joints and a
calibrated camera. At work there are pictures alone.
"""

import argparse
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.comparison_world import WorldKind
from robot_planner.perception.convolutional import ConvolutionalNetwork, images_to_tensor
from robot_planner.training.representation import vary_light
from robot_planner.training.resumable import run_phase
from robot_planner.training.shards import write_arrays
from robot_planner.types import FloatArray
from robot_planner.world import PlanningWorld, SeeingWorld

BATCH = 128
PIECE = 500
"""Episodes whose latents are kept as one file."""
IMAGE_SIZE, KEYPOINTS = 64, 32
Vary = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Pictures (B, 3 views, S, S) and latents (B, D) to others that are as true."""
Pairs = tuple[npt.NDArray[np.uint8], Tensor]
"""Images (N, views, S, S, 3) and the latents (N, D) that they are labelled with."""


def add_arguments_of_encoder(parser: argparse.ArgumentParser, images: int, steps: int, channels: int) -> None:
    """Options of phase 1."""
    parser.add_argument("--images", type=int, default=images, help="that the encoder learns from (%(default)s)")
    parser.add_argument("--encoder-steps", type=int, default=steps, help="optimiser steps on them (%(default)s)")
    parser.add_argument("--channels", type=int, default=channels, help="of the encoder's layers (default: %(default)s)")


def stretches(ways: npt.NDArray, length: int, count: int, seed: int) -> npt.NDArray:
    """So many random stretches (count, length, S) of ways (E, T, S)."""
    rng = np.random.default_rng([seed, 17])
    rows, first = rng.integers(len(ways), size=count), rng.integers(ways.shape[1] - length + 1, size=count)
    found: npt.NDArray = ways[rows[:, None], first[:, None] + np.arange(length)]
    return found


def labelled(kind: WorldKind, ways: npt.NDArray) -> Pairs:
    """What an encoder sees at the end of ways (N, views, S), and the latents that it should see there."""
    return kind.images(ways, IMAGE_SIZE)[:, 0], torch.from_numpy(kind.to_latents(ways[:, -1]))


def encoder_loss(
    encoder: ConvolutionalNetwork, pairs: Callable[[], Pairs], worth: float | Tensor, vary: Vary | None = None
) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step: pseudo-Huber of the latents' errors, under a light that varies.

    An error of one unit of a latent's number is ``worth`` so much; errors count by their square below 1, by their
    size above.
    """

    def loss(step: int) -> dict[str, Tensor]:
        images, labels = pairs()
        rows = torch.randint(len(labels), (BATCH,), generator=torch.Generator().manual_seed(step))
        seen, truth = images_to_tensor(images[rows.numpy()]), labels[rows]
        if vary is not None:
            seen, truth = vary(seen, truth)
        lit = vary_light(seen.unflatten(1, (-1, 3))).flatten(1, 2)
        size = ((encoder(lit) - truth) * worth).square().sum(-1)
        return {"loss": ((1.0 + size).sqrt() - 1.0).mean()}

    return loss


def fit_encoder(
    work: Path,
    encoder: ConvolutionalNetwork,
    make: Callable[[], Pairs],
    worth: float | Tensor,
    steps: int,
    errors: Callable[[Tensor, Tensor], dict[str, float]],
    held: Pairs,
    vary: Vary | None = None,
) -> dict[str, float]:
    """Runs or resumes phase 1; returns the ``errors`` of latents (N, D) beside their labels (N, D) for held pairs.

    ``make`` draws what is learned from, once, and not at all where the phase is done.
    """
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def figures() -> dict[str, float]:
        with torch.inference_mode():
            parts = [encoder(images_to_tensor(part)) for part in np.array_split(held[0], max(1, len(held[0]) // 512))]
            return errors(torch.cat(parts), held[1])

    optimiser = torch.optim.AdamW(encoder.requires_grad_(True).parameters(), weight_decay=1e-4)
    loss = encoder_loss(encoder, functools.cache(make), worth, vary)
    run_phase("encoder", work, {"encoder": encoder}, optimiser, 2e-3, steps, loss, figures)
    return figures()


def see_all(kind: WorldKind, world: PlanningWorld, ways: npt.NDArray, work: Path, name: str) -> FloatArray:
    """``WorldKind.see`` for many ways (E, ...): what has to be drawn and encoded is kept, in pieces, and resumed."""
    if not isinstance(world, SeeingWorld):
        return kind.see(world, ways)
    found = []
    for begin in range(0, len(ways), PIECE):
        path = work / f"{name}-{world.encoder.digest[:8]}-{begin}.npz"
        if not path.exists():
            write_arrays(path, {"latents": kind.see(world, ways[begin : begin + PIECE])})
            print(f"saw {name} {min(begin + PIECE, len(ways))}/{len(ways)}", flush=True)
        with np.load(path, allow_pickle=False) as arrays:
            found.append(arrays["latents"])
    return np.concatenate(found)
