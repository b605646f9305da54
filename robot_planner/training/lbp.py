# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains LBP on the tabletop from nothing: demonstrations, language, encoder of both views, planner, policy.

Every phase resumes from its last checkpoint; --work names the folder of data, checkpoints and logs.
"""

import argparse
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.language.encoder import LanguageEncoder
from robot_planner.lbp import LbpNetworks, build_networks, quantised, save_lbp
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.training.demonstration_reader import Demonstrations, read_demonstrations
from robot_planner.training.demonstrations import gather
from robot_planner.training.language import train_language
from robot_planner.training.lbp_encoder import encode_demonstrations, fit_encoder, place_errors
from robot_planner.training.lbp_fitting import LatentFrames, fit_planner, fit_policy, predicted_subgoals

VALIDATION_SEED = TUNING_SEEDS[100_000]
CONFIG: dict[str, Any] = {
    "policy": {"hidden": 256, "blocks": 2, "width": 64, "layers": 2, "heads": 4, "levels": 4},
    "planner": {"hidden": 384},
}
"""Sizes that differ from the defaults."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="tidy", help="model folder to write under models/ (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument(
        "--work", type=Path, default=Path("runs/lbp"), help="data and checkpoints (default: %(default)s)"
    )
    parser.add_argument(
        "--data", type=Path, help="folder of demonstrations (default: WORK/data, gathered if not there)"
    )
    parser.add_argument("--episodes", type=int, default=2000, help="demonstrations to gather (default: %(default)s)")
    parser.add_argument("--validation", type=int, default=200, help="demonstrations to validate on (default: 200)")
    parser.add_argument(
        "--steps", type=int, nargs=4, default=(4000, 8000, 12000, 20000), metavar=("L", "E", "P", "A"),
        help="optimiser steps of language, encoder, planner and policy (default: 4000 8000 12000 20000)",
    )  # fmt: skip
    parser.add_argument("--planner", default="backward", help="planner of subgoals (default: backward, LBP's)")
    parser.add_argument("--depth", type=int, default=2, help="subgoals that the policy follows (default: 2, and z_g)")
    parser.add_argument("--fusion", default="token", help="token, query, mean or none (default: token)")
    parser.add_argument("--head", default="flow", help="flow, diffusion or regression (default: flow)")
    parser.add_argument("--goals", default="language", help="language, or image for a goal image alone")
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes that gather data (default: 2)")


def embed_instructions(language: LanguageEncoder, data: Demonstrations) -> Tensor:
    """(E, L) of the episodes' instructions; raises NotUnderstoodError for one that means nothing here."""
    seen: dict[str, np.ndarray] = {}
    for text in data.instructions:
        if text not in seen:
            seen[text] = quantised(language, text)
    return torch.from_numpy(np.stack([seen[text] for text in data.instructions]))


def latent_frames(networks: LbpNetworks, data: Demonstrations, cache: Path) -> LatentFrames:
    """Latents and labels of all frames; the latents are kept in a file, since images take minutes to encode."""
    if cache.exists():
        latents = torch.from_numpy(np.load(cache, allow_pickle=False))
    else:
        latents = encode_demonstrations(networks.encoder, data)
        part = cache.with_suffix(".part.npy")
        np.save(part, latents.numpy(), allow_pickle=False)
        part.replace(cache)
    language = embed_instructions(networks.language, data)
    plan_dim, length = networks.encoder.config.plan_dim, networks.policy.config.chunk_length
    return LatentFrames.of(data, latents, language, plan_dim, length)


def load_data(args: argparse.Namespace) -> tuple[Demonstrations, Demonstrations]:
    """Demonstrations to train and to validate on, gathered where they are missing."""

    def progress(done: int, total: int) -> None:
        print(f"demonstrations {done}/{total} shards", flush=True)

    if args.data is None:
        paths = gather(args.work / "data", args.episodes, 100_000 + args.seed, args.workers, progress=progress)
    else:
        paths = sorted(args.data.glob("*.npz"))
    held = gather(args.work / "validation", args.validation, VALIDATION_SEED, args.workers, progress=progress)
    return read_demonstrations(paths), read_demonstrations(held)


def configuration(args: argparse.Namespace) -> dict[str, Any]:
    """What ``build_networks`` takes."""
    chosen = {"fusion": args.fusion, "depth": args.depth, "head": args.head, "goals": args.goals}
    return {"planner": CONFIG["planner"] | {"name": args.planner}, "policy": CONFIG["policy"] | chosen}


def train(args: argparse.Namespace) -> tuple[LbpNetworks, dict[str, float], str]:
    """Runs or resumes all phases; returns the networks, the validation figures and the data's digest."""
    torch.set_num_threads(2)
    torch.manual_seed(args.seed)
    work: Path = args.work
    data, held = load_data(args)
    digest = hashlib.sha256(data.arrays["commanded"].tobytes() + data.arrays["proprioception"].tobytes()).hexdigest()
    networks = build_networks(configuration(args), args.seed)
    language, words = train_language(work / "language", args.seed, args.steps[0])
    networks.language = language
    fit_encoder(data, held, networks.encoder, networks.decoder, work, args.steps[1])
    networks.encoder.eval().requires_grad_(False)
    frames = latent_frames(networks, data, work / "latents.npy")
    tuning = latent_frames(networks, held, work / "latents_validation.npy")
    fit_planner(frames, tuning, networks.planner, work, args.steps[2], f"planner-{args.planner}", seed=args.seed)
    networks.planner.eval().requires_grad_(False)
    if args.goals == "image":
        frames, tuning = frames.without_language(), tuning.without_language()
        subgoals, tuning_subgoals = frames.final(), tuning.final()
    else:
        subgoals, tuning_subgoals = (
            predicted_subgoals(networks.planner, rows, args.depth) for rows in (frames, tuning)
        )
    phase = f"policy-{args.planner}-{args.depth}-{args.fusion}-{args.head}-{args.goals}"
    fit_policy(frames, tuning, subgoals, tuning_subgoals, networks.policy, work, args.steps[3], phase, seed=args.seed)
    return networks, {**words, **place_errors(tuning.latents, held)}, digest


CARD = """# {name}: LBP on the tabletop

Language, encoder of both views, planner of backward subgoals and the policy that follows them; trained from scratch.

- command: `./run train lbp --name {name} --episodes {episodes} --steps {steps} --seed {seed}`
- data: {episodes} demonstrations of the scripted expert in the embedded simulation, with errors made on purpose and
  how it recovers; digest {digest}
- seconds of this run's last start to its end: {seconds:.0f}
- labels of the encoder's read-out: places of blocks and drawer in the demonstrations, by the simulator. At work,
  nothing but camera frames, joint states and the instruction is looked at
- validation, seeds {validation} and up:

{figures}

Valid for the embedded scene's cameras and its randomisation. Retrain for any other camera, arm or family of tasks.
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    if min(args.episodes, args.validation, args.workers, *args.steps) < 1:
        raise InvalidInputError("--episodes, --validation, --workers and --steps are positive numbers")
    begun = time.monotonic()
    networks, figures, digest = train(args)
    folder = args.out or Path("models") / args.name
    card = CARD.format(
        name=args.name,
        episodes=args.episodes,
        steps=" ".join(map(str, args.steps)),
        seed=args.seed,
        digest=digest[:16],
        seconds=time.monotonic() - begun,
        validation=VALIDATION_SEED,
        figures="\n".join(f"  - {key}: {value:.3f}" for key, value in figures.items()),
    )
    save_lbp(networks, folder, card)
    print(f"wrote {folder}", flush=True)
    return [{"model": args.name, "seed": args.seed, **figures}]
