# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains LBP on the tabletop from nothing: demonstrations, language, encoder of both views, planner, policy.

Two rounds: the first policy drives, the expert corrects it, and planner and policy are fitted again to all of it.
Every phase resumes from its last checkpoint; --work names the folder of data, checkpoints and logs. Variants
(--planner, --depth, --fusion, --head, --goals) that share a --work share all but the last planner and policy.
"""

import argparse
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.language.encoder import LanguageEncoder
from robot_planner.language.understanding import NotUnderstoodError
from robot_planner.lbp import LbpNetworks, build_networks, quantised, save_lbp
from robot_planner.networks import network_digest
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
    parser.add_argument(
        "--held-out", type=Path, help="folder of demonstrations to validate on (default: WORK/validation, likewise)"
    )
    parser.add_argument(
        "--frames", type=Path, nargs="+", default=[], metavar="FOLDER",
        help="folders of more demonstrations, of which encoder and planner learn the frames; the policy learns nothing",
    )  # fmt: skip
    parser.add_argument("--episodes", type=int, default=1200, help="demonstrations to gather (default: %(default)s)")
    parser.add_argument(
        "--corrections", type=int, default=1200, help="episodes in which the first policy is corrected (default: 1200)"
    )
    parser.add_argument("--validation", type=int, default=200, help="demonstrations to validate on (default: 200)")
    parser.add_argument(
        "--steps", type=int, nargs=4, default=(3000, 8000, 8000, 16000), metavar=("L", "E", "P", "A"),
        help="optimiser steps of language, encoder, planner and policy (default: 3000 8000 8000 16000)",
    )  # fmt: skip
    parser.add_argument("--planner", default="backward", help="planner of subgoals (default: backward, LBP's)")
    parser.add_argument("--depth", type=int, default=2, help="subgoals that the policy follows (default: 2, and z_g)")
    parser.add_argument("--fusion", default="token", help="token, query, mean or none (default: token)")
    parser.add_argument("--head", default="flow", help="flow, diffusion or regression (default: flow)")
    parser.add_argument("--goals", default="language", help="language, or image for a goal image alone")
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes that gather data (default: 2)")
    parser.add_argument("--threads", type=int, default=2, help="torch threads; 1 to train two variants at a time")


def embed_instructions(language: LanguageEncoder, data: Demonstrations) -> tuple[Demonstrations, Tensor]:
    """The episodes whose instruction is understood, and (E, L) of their instructions.

    Episodes whose instruction means nothing here are left out; stderr names the first of these instructions. Raises
    InvalidInputError if no episode is left.
    """
    seen: dict[str, np.ndarray | None] = {}
    first = ""
    for text in dict.fromkeys(data.instructions):
        try:
            seen[text] = quantised(language, text)
        except NotUnderstoodError as error:
            seen[text] = None
            first = first or f"'{text}': {error}"
    rows = [seen[text] for text in data.instructions]
    known = [row for row in rows if row is not None]
    if first:
        print(f"left out: {len(rows) - len(known)} episodes, such as {first}", file=sys.stderr)
    if not known:
        raise InvalidInputError("no instruction of the demonstrations is understood")
    if len(known) < len(rows):
        data = data.only(np.array([row is not None for row in rows]))
    return data, torch.from_numpy(np.stack(known))


def digest_of(data: Demonstrations) -> str:
    """SHA-256 over what was measured and commanded."""
    return hashlib.sha256(data.arrays["commanded"].tobytes() + data.arrays["proprioception"].tobytes()).hexdigest()


def latent_frames(networks: LbpNetworks, data: Demonstrations, folder: Path) -> LatentFrames:
    """Latents and labels of the episodes whose instruction is understood; the latents are kept in a file.

    Images take minutes to encode.
    """
    data, language = embed_instructions(networks.language, data)
    encoder = network_digest(networks.encoder, networks.encoder.config)
    cache = folder / f"latents_{encoder[:8]}_{digest_of(data)[:8]}.npy"
    if cache.exists():
        latents = torch.from_numpy(np.load(cache, allow_pickle=False))
    else:
        latents = encode_demonstrations(networks.encoder, data)
        part = cache.with_suffix(".part.npy")
        np.save(part, latents.numpy(), allow_pickle=False)
        part.replace(cache)
    plan_dim, length = networks.encoder.config.plan_dim, networks.policy.config.chunk_length
    return LatentFrames.of(data, latents, language, plan_dim, length)


def _progress(done: int, total: int) -> None:
    print(f"demonstrations {done}/{total} shards", flush=True)


def base_data(args: argparse.Namespace) -> tuple[list[Path], Demonstrations]:
    """Shards to train on and demonstrations to validate on, gathered where they are missing."""
    if args.data is None:
        paths = gather(args.work / "data", args.episodes, 100_000 + args.seed, args.workers, progress=_progress)
    else:
        paths = sorted(args.data.glob("*.npz"))
    if args.held_out is None:
        held = gather(args.work / "validation", args.validation, VALIDATION_SEED, args.workers, progress=_progress)
    else:
        held = sorted(args.held_out.glob("*.npz"))
    return paths, read_demonstrations(held)


def origin(args: argparse.Namespace) -> str:
    """Where the demonstrations come from, for the card."""
    more = f", and the frames alone of {', '.join(folder.name for folder in args.frames)}" if args.frames else ""
    if args.data is None:
        return (
            f"{args.episodes} demonstrations of the scripted expert in the embedded simulation, with errors made on\n"
            f"  purpose and how it recovers, and {args.corrections} episodes in which it corrects a first policy{more}"
        )
    return (
        f"demonstrations of the folder {args.data.name}, and {args.corrections} corrections in the embedded simulation"
        f"{more}"
    )


def corrections(
    args: argparse.Namespace, networks: LbpNetworks, data: Demonstrations, held: Demonstrations
) -> list[Path]:
    """Shards in which the expert corrects a first policy, which is fitted for it; none if none are asked for."""
    if not args.corrections:
        return []
    work = args.work / "first"
    first = build_networks(CONFIG, args.seed)
    first.language, first.encoder, first.decoder = networks.language, networks.encoder, networks.decoder
    frames, tuning = latent_frames(first, data, args.work), latent_frames(first, held, args.work)
    fit_parts(args, first, frames, tuning, work, frames)
    save_lbp(first, work / "model", "The first of two rounds.\n")
    return gather(
        args.work / "corrections",
        args.corrections,
        500_000 + args.seed,
        args.workers,
        "tidy",
        work / "model",
        _progress,
    )


def fit_parts(
    args: argparse.Namespace,
    networks: LbpNetworks,
    data: LatentFrames,
    held: LatentFrames,
    work: Path,
    planned: LatentFrames,
) -> None:
    """Fits planner and policy, or resumes; each phase bears the name of the parts that it is about.

    ``planned``: what the planner learns from; it looks at no actions.
    """
    config = networks.config
    kind, policy = config["planner"]["name"], networks.policy.config
    fit_planner(planned, held, networks.planner, work, args.steps[2], f"planner-{kind}", seed=args.seed)
    networks.planner.eval().requires_grad_(False)
    if policy.goals == "image":
        data, held = data.without_language(), held.without_language()
        subgoals, held_subgoals = data.final(), held.final()
    else:
        subgoals, held_subgoals = (predicted_subgoals(networks.planner, rows, policy.depth) for rows in (data, held))
    phase = f"policy-{kind}-{policy.depth}-{policy.fusion}-{policy.head}-{policy.goals}"
    fit_policy(data, held, subgoals, held_subgoals, networks.policy, work, args.steps[3], phase, seed=args.seed)


def configuration(args: argparse.Namespace) -> dict[str, Any]:
    """What ``build_networks`` takes."""
    chosen = {"fusion": args.fusion, "depth": args.depth, "head": args.head, "goals": args.goals}
    return {"planner": CONFIG["planner"] | {"name": args.planner}, "policy": CONFIG["policy"] | chosen}


def train(args: argparse.Namespace) -> tuple[LbpNetworks, dict[str, float], str]:
    """Runs or resumes all phases; returns the networks, the validation figures and the data's digest."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    work: Path = args.work
    paths, held = base_data(args)
    data = read_demonstrations(paths)
    networks = build_networks(configuration(args), args.seed)
    networks.language, words = train_language(work / "language", args.seed, args.steps[0])
    others = [path for folder in args.frames for path in sorted(folder.glob("*.npz"))]
    watched = read_demonstrations([*paths, *others]) if others else data
    fit_encoder(watched, held, networks.encoder, networks.decoder, work, args.steps[1])
    networks.encoder.eval().requires_grad_(False)
    more = corrections(args, networks, data, held)
    everything = read_demonstrations([*paths, *more]) if more else data
    frames, tuning = latent_frames(networks, everything, work), latent_frames(networks, held, work)
    all_frames = read_demonstrations([*paths, *more, *others]) if others else everything
    fit_parts(args, networks, frames, tuning, work, latent_frames(networks, all_frames, work) if others else frames)
    return networks, {**words, **place_errors(tuning.latents, tuning.data)}, digest_of(everything)


CARD = """# {name}: LBP on the tabletop

Language, encoder of both views, planner of backward subgoals and the policy that follows them; trained from scratch.

- command: `./run train lbp --episodes {episodes} --corrections {corrections} --steps {steps} --seed {seed}`
- data: {origin}; digest {digest}
- planner {planner}, {depth} subgoals before the goal, fusion {fusion}, head {head}, goals from {goals}
- seconds of this run's last start to its end: {seconds:.0f}
- labels of the encoder's read-out: places of blocks and drawer in the demonstrations, by the simulator. At work,
  nothing but camera frames, joint states and the instruction is looked at
- validation, {validation}:

{figures}

Valid for the embedded scene's cameras and its randomisation. Retrain for any other camera, arm or family of tasks.
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    if min(args.episodes, args.validation, args.workers, args.threads, *args.steps) < 1:
        raise InvalidInputError("--episodes, --validation, --workers, --threads and --steps are positive numbers")
    for folder in args.frames:
        if not any(folder.glob("*.npz")):
            raise InvalidInputError(f"--frames: there are no demonstrations (.npz) in {folder}")
    begun = time.monotonic()
    networks, figures, digest = train(args)
    folder = args.out or Path("models") / args.name
    card = CARD.format(
        name=args.name,
        episodes=args.episodes,
        corrections=args.corrections,
        planner=args.planner,
        depth=args.depth,
        fusion=args.fusion,
        head=args.head,
        goals=args.goals,
        steps=" ".join(map(str, args.steps)),
        seed=args.seed,
        digest=digest[:16],
        seconds=time.monotonic() - begun,
        origin=origin(args),
        validation=f"seeds {VALIDATION_SEED} and up" if args.held_out is None else f"folder {args.held_out.name}",
        figures="\n".join(f"  - {key}: {value:.3f}" for key, value in figures.items()),
    )
    save_lbp(networks, folder, card)
    print(f"wrote {folder}", flush=True)
    return [{"model": args.name, "seed": args.seed, **figures}]
