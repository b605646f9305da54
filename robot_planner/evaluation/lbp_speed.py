# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench lbp-speed``: time of each part of LBP for one observation, beside a planner that foresees pixels.

The peer predicts the front image ten steps forward, one after the other, at the encoder's resolution; its weights are
random, since time doesn't depend on them. All parts run in turns in one process, so that a busy machine slows all; each
then finds the processor's caches filled by the others, as at work. ``alone_ms`` is the part again and again.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.statistics import median_and_p99
from robot_planner.lbp import Lbp, load_lbp
from robot_planner.types import Latent

FORESEEN_STEPS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="tidy", help="name or folder (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=300, help="rounds that are timed (default: %(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="torch threads (default: 1 2)")


class PixelForward(nn.Module):
    """An image (B, 3, S, S) and an instruction -> the next image: a small convolutional encoder and decoder."""

    def __init__(self, language_dim: int, channels: int = 48) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(3, channels, 4, 2, 1), nn.GELU(), nn.Conv2d(channels, 2 * channels, 4, 2, 1), nn.GELU(),
            nn.Conv2d(2 * channels, 2 * channels, 4, 2, 1), nn.GELU(),
        )  # fmt: skip
        self.words = nn.Linear(language_dim, 2 * channels)
        self.middle = nn.Sequential(nn.Conv2d(2 * channels, 2 * channels, 3, padding=1), nn.GELU())
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * channels, 2 * channels, 4, 2, 1), nn.GELU(),
            nn.ConvTranspose2d(2 * channels, channels, 4, 2, 1), nn.GELU(), nn.ConvTranspose2d(channels, 3, 4, 2, 1),
        )  # fmt: skip

    def forward(self, image: Tensor, language: Tensor) -> Tensor:
        """See the class."""
        words = self.words(language)[:, :, None, None]
        return image + self.up(self.middle(self.down(image) + words))


def parts_of(lbp: Lbp) -> dict[str, Callable[[], Any]]:
    """Name -> what is timed."""
    rng = np.random.default_rng(0)
    sizes = lbp.encoder.config
    front = rng.integers(0, 255, (1, sizes.front_size, sizes.front_size, 3), dtype=np.uint8)
    wrist = rng.integers(0, 255, (1, sizes.wrist_size, sizes.wrist_size, 3), dtype=np.uint8)
    phi = lbp.embed("put the red block in bin A")
    latent = lbp.encoder.encode_views(front, wrist)[0]
    body = np.zeros(lbp.policy.config.proprioception_dim, np.float32)
    everything = lbp.plan(Latent(latent, ""), phi, len(lbp.planner.fractions) - 1).latents
    followed = lbp.plan(Latent(latent, ""), phi).latents
    peer = PixelForward(lbp.language.embedding_dim).eval().requires_grad_(False)
    picture, words = torch.zeros(1, 3, sizes.front_size, sizes.front_size), torch.from_numpy(phi)[None]

    def foresee() -> None:
        image = picture
        with torch.inference_mode():
            for _ in range(FORESEEN_STEPS):
                image = peer(image, words)

    def whole() -> None:
        subgoals = lbp.plan(Latent(latent, ""), phi).latents
        lbp.act(latent, body, phi, subgoals)

    def fuse() -> None:
        with torch.inference_mode():
            rows = torch.from_numpy(latent)[None, : lbp.encoder.plan_dim], torch.from_numpy(everything)[None]
            lbp.policy.fusion(*rows, words)

    def plan() -> None:
        lbp.plan(Latent(latent, ""), phi, len(lbp.planner.fractions) - 1)
        fuse()

    return {
        "understand the instruction": lambda: lbp.embed("put the red block in bin A"),
        "encode both views": lambda: lbp.encoder.encode_views(front, wrist),
        "plan: f_g, 3 f_w and fusion": plan,
        "policy step": lambda: lbp.act(latent, body, phi, followed),
        "latent to command": whole,
        f"pixel-forward peer, {FORESEEN_STEPS} images": foresee,
    }


def _timed(part: Callable[[], Any], repeats: int) -> list[float]:
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        part()
        seconds.append(time.perf_counter() - begun)
    return seconds


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each number of threads and part."""
    if min(args.repeats, *args.threads) < 1:
        raise InvalidInputError("--repeats and --threads are positive numbers")
    lbp, records = load_lbp(args.model), []
    for threads in args.threads:
        torch.set_num_threads(threads)
        parts = parts_of(lbp)
        times: dict[str, list[float]] = {name: [] for name in parts}
        for round_number in range(args.repeats + 10):
            for name, part in parts.items():
                (seconds,) = _timed(part, 1)
                if round_number >= 10:
                    times[name].append(seconds)
        alone = {name: median_and_p99(_timed(part, min(args.repeats, 100)))[0] for name, part in parts.items()}
        plan_ms = 1e3 * median_and_p99(times["plan: f_g, 3 f_w and fusion"])[0]
        for name, values in times.items():
            median, p99 = median_and_p99(values)
            records.append({
                "threads": threads, "part": name, "median_ms": 1e3 * median, "p99_ms": 1e3 * p99,
                "alone_ms": 1e3 * alone[name], "times_of_planning": 1e3 * median / plan_ms,
            })  # fmt: skip
    return records
