# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench lbp-accuracy``: how far predicted subgoals are from what came, against the fraction of the remaining time.

LBP's backward planner beside peers of the same networks, data and recipe, each fitted anew with several seeds. The
step-matched forward planner predicts the same four points from near to far: only against it does a difference speak for
the direction. Measured on held-out demonstrations.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.lbp import LbpNetworks, build_networks, load_lbp
from robot_planner.planning.lbp import BackwardPlanner
from robot_planner.planning.subgoal_peers import SUBGOAL_PLANNERS
from robot_planner.planning.subgoal_planner import SubgoalPlanner
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.training.demonstration_reader import read_demonstrations
from robot_planner.training.demonstrations import gather
from robot_planner.training.lbp import latent_frames
from robot_planner.training.lbp_fitting import LatentFrames, fit_planner

PEERS = ("backward", "forward", "parallel", "forward-teacher", "forward-rollout", "copy")
TRUE_GOAL = "backward, true goal"
BINS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))
"""Of the present's place within its episode."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="tidy", help="whose encoder and language (default: %(default)s)")
    parser.add_argument("--work", type=Path, default=Path("runs/lbp"), help="as of `train lbp` (default: %(default)s)")
    parser.add_argument("--planners", nargs="+", default=list(PEERS), help=f"of {', '.join(PEERS)}")
    parser.add_argument("--episodes", type=int, default=200, help="held-out demonstrations (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="fits of each planner (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=4000, help="optimiser steps of a fit (default: %(default)s)")
    parser.add_argument("--figure", type=Path, help="PNG file of error against the fraction of the remaining time")


def load_frames(args: argparse.Namespace) -> tuple[LatentFrames, LatentFrames, LbpNetworks]:
    """Frames to fit to, frames to measure on, and the networks that made their latents."""
    model = load_lbp(args.model)
    networks = build_networks(model.config)
    networks.encoder, networks.language = model.encoder.network, model.language
    shards = sorted(path for part in ("data", "corrections") for path in (args.work / part).glob("*.npz"))
    if not shards:
        raise InvalidInputError(f"{args.work / 'data'} holds no demonstrations; `./run train lbp` gathers them")
    held = gather(args.work / "held_out", args.episodes, HELD_OUT_SEEDS[500_000])
    fitted = latent_frames(networks, read_demonstrations(shards), args.work)
    return fitted, latent_frames(networks, read_demonstrations(held), args.work), networks


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each planner, fit and point."""
    if min(args.episodes, args.seeds, args.steps) < 1:
        raise InvalidInputError("--episodes, --seeds and --steps are positive numbers")
    for name in args.planners:
        SUBGOAL_PLANNERS.factory(name)
    fitted, unseen, networks = load_frames(args)
    records = []
    for name in args.planners:
        for seed in range(args.seeds if name != "copy" else 1):
            torch.manual_seed(seed)
            planner = SUBGOAL_PLANNERS.make(name, networks.planner.config)
            if name == "copy":
                planner.fit_statistics(fitted.front)
            else:
                folder = args.work / "accuracy" / f"{args.steps}"
                fit_planner(fitted, unseen, planner, folder, args.steps, f"{name}-{seed}", seed=seed)
            planner.eval().requires_grad_(False)
            records += list(measure(name, seed, planner, unseen))
            if isinstance(planner, BackwardPlanner):
                records += list(measure(TRUE_GOAL, seed, planner, unseen, true_goal=True))
    if args.figure is not None:
        draw(records, args.figure)
    return records


def measure(
    name: str, seed: int, planner: SubgoalPlanner, frames: LatentFrames, true_goal: bool = False
) -> Iterator[dict[str, Any]]:
    """A record for each of the planner's points: errors over all frames but the last ones of an episode."""
    data = frames.data
    left = data.last - np.arange(len(data))
    rows = torch.from_numpy(np.flatnonzero(left >= 8))
    ahead = frames.targets(planner.fractions)[rows]
    present, language = frames.front[rows], frames.language[rows]
    with torch.inference_mode():
        if true_goal and isinstance(planner, BackwardPlanner):
            predicted = planner.plan_towards(present, frames.front[ahead[:, -1]], language)
        else:
            predicted = planner.plan(present, language)
        error = ((predicted - frames.front[ahead]) / planner.std).square().mean(-1)
        blocks, drawer = place_errors(predicted, data.arrays, ahead)
    place = torch.from_numpy((np.arange(len(data)) - data.first) / np.maximum(data.last - data.first, 1))[rows]
    for index, fraction in enumerate(planner.fractions):
        yield {
            "planner": name,
            "seed": seed,
            "fraction": round(fraction, 4),
            "states": len(rows),
            "latent_error": error[:, index].mean().sqrt().item(),
            "block_cm": blocks[:, index].mean().item() * 100,
            "drawer_cm": drawer[:, index].mean().item() * 100,
        } | {
            f"latent_error_at_{low:g}_{high:g}": error[(place >= low) & (place < high), index].mean().sqrt().item()
            for low, high in BINS
        }


def place_errors(predicted: Tensor, arrays: dict[str, np.ndarray], ahead: Tensor) -> tuple[Tensor, Tensor]:
    """Errors of the read-out of predictions (B, N, D): mean over the blocks (B, N), and the drawer (B, N) [m]."""
    from robot_planner.perception.multiview import AnchorReadout

    seen = AnchorReadout()(predicted)
    objects, drawer = torch.from_numpy(arrays["objects"])[ahead], torch.from_numpy(arrays["drawer"])[ahead]
    return (seen["blocks"] - objects).norm(dim=-1).mean(-1), (seen["drawer"] - drawer).abs()


def draw(records: list[dict[str, Any]], path: Path) -> None:
    """Error against the fraction of the remaining time, mean over the fits, their spread as a band."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    for axis, key, label in (
        (axes[0], "latent_error", "latent error [std]"),
        (axes[1], "block_cm", "block error [cm]"),
    ):
        for name in dict.fromkeys(record["planner"] for record in records):
            own = [record for record in records if record["planner"] == name]
            fractions = sorted({record["fraction"] for record in own})
            values = [[record[key] for record in own if record["fraction"] == fraction] for fraction in fractions]
            mean = np.array([np.mean(value) for value in values])
            spread = np.array([np.std(value) for value in values])
            (line,) = axis.plot(fractions, mean, marker="o", label=name)
            axis.fill_between(fractions, mean - spread, mean + spread, color=line.get_color(), alpha=0.2)
        axis.set(xlabel="fraction of the remaining time", ylabel=label, ylim=(0, None))
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
