# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``train world-model``: gathers data, fits encoder, dynamics, read-out and cost-to-go, writes the model folder.

Phases, each resumable: representation (from pixels), dynamics and visibility (on cached latents), cost-to-go
(on the labels); then rounds in which the model's own plans are carried out and its dynamics learn from what came of
them. Validation is on seeds that neither training nor evaluation uses.
"""

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.perception.slots import CENTRE, SCALE
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.simulation.workspace import TOOL_HIGH, TOOL_LOW
from robot_planner.training.cost_to_go import carry_forward, cost_to_go_loss
from robot_planner.training.dynamics import calibrate_uncertainty, dynamics_loss
from robot_planner.training.gather import gather, load_shards
from robot_planner.training.plan_episodes import gather_planned
from robot_planner.training.representation import encode_all, labels_of, read_out_errors, representation_loss
from robot_planner.training.resumable import run_phase
from robot_planner.training.visibility import visibility_loss
from robot_planner.world import ENTITIES, WorldNetworks, build_networks, readout_of, save_world

CONFIG: dict[str, Any] = {
    "kind": "world",
    "views": ["front"],
    "entities": list(ENTITIES),
    "slot_dim": 8,
    "encoder": {"image_size": 64, "crop": [0.11, 0.03, 0.78], "channels": 64, "keypoints": 32},
    "dynamics": {
        "hidden": 128,
        "members": 3,
        "action_low": [-0.04, -0.04],
        "action_high": [0.04, 0.04],
        "hand_low": [(low - middle) / SCALE for low, middle in zip(TOOL_LOW.tolist(), CENTRE, strict=True)],
        "hand_high": [(high - middle) / SCALE for high, middle in zip(TOOL_HIGH.tolist(), CENTRE, strict=True)],
        "step_seconds": 0.2,
    },
    "default_metric": "cost-to-go",
}
EPISODE_STEPS = 40
HORIZON = 12
PLANNED_SEEDS = 500_000
"""First seed of the episodes that the model plans itself, from the training's own."""

Loss = Callable[[int], dict[str, Tensor]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="tabletop", help="model folder to write under models/ (default: tabletop)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument(
        "--work", type=Path, help="data, checkpoints and logs; resumed if there (default: runs/world-model)"
    )
    parser.add_argument("--episodes", type=int, default=2000, help="training episodes of 40 steps (default: 2000)")
    parser.add_argument("--validation", type=int, default=100, help="episodes to validate on (default: 100)")
    parser.add_argument(
        "--steps",
        type=int,
        nargs=3,
        default=(6000, 5000, 30000),
        metavar=("R", "D", "C"),
        help="optimiser steps of the three phases (default: 6000 5000 30000)",
    )
    parser.add_argument("--rounds", type=int, default=2, help="times that the model's own plans are learned from (2)")
    parser.add_argument("--round-episodes", type=int, default=300, help="planned in each (default: %(default)s)")
    parser.add_argument("--round-steps", type=int, default=2500, help="optimiser steps of each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="first seed of the training episodes and of the weights")
    parser.add_argument("--workers", type=int, default=2, help="processes that gather data (default: 2)")


def train(args: argparse.Namespace, work: Path) -> tuple[WorldNetworks, dict[str, float], str]:
    """Runs or resumes all phases; returns the networks, the validation figures and the data's digest."""
    torch.set_num_threads(2)
    torch.manual_seed(args.seed)

    def progress(done: int, total: int) -> None:
        print(f"data {done}/{total} shards", flush=True)

    crop = tuple(CONFIG["encoder"]["crop"])
    shards = gather(work / "data", args.episodes, EPISODE_STEPS, args.seed, crop, False, args.workers, progress)
    tuning = gather(
        work / "validation", args.validation, EPISODE_STEPS, TUNING_SEEDS[0], crop, True, args.workers, progress
    )
    data, held = load_shards(shards), load_shards(tuning)
    digest = hashlib.sha256(
        data["actions"].tobytes() + data["hand"].tobytes() + data["images"][:, -1].tobytes()
    ).hexdigest()
    networks = build_networks(CONFIG, args.seed)
    readout = readout_of(CONFIG)
    held_actions, truth = torch.from_numpy(held["actions"]), torch.from_numpy(held["truth"])

    def figures() -> dict[str, float]:
        latents = encode_all(networks, held["images"])
        networks.encoder.train()
        return read_out_errors(networks, readout, latents, held_actions, truth, HORIZON)

    everything = {key: net for key, net in vars(networks).items() if key in ("encoder", "dynamics")}
    parameters = [p for net in everything.values() for p in net.parameters()]
    run_phase(
        "representation",
        work,
        everything,
        torch.optim.AdamW(parameters, weight_decay=1e-3),
        1.5e-3,
        args.steps[0],
        representation_loss(networks, readout, data, batch=32, horizon=5, regularisation=0.02),
        figures,
    )
    networks.encoder.eval().requires_grad_(False)
    latents, labels, actions = encode_all(networks, data["images"]), labels_of(data), torch.from_numpy(data["actions"])
    held_latents = encode_all(networks, held["images"])

    def foreseen() -> dict[str, float]:
        return read_out_errors(networks, readout, held_latents, held_actions, truth, HORIZON)

    def fit_dynamics(name: str, rate: float, steps: int, losses: Sequence[Loss]) -> None:
        optimiser = torch.optim.AdamW(networks.dynamics.requires_grad_(True).parameters(), weight_decay=1e-3)
        run_phase(name, work, {"dynamics": networks.dynamics}, optimiser, rate, steps, mean_loss(losses), foreseen)

    scripted = dynamics_loss(networks, readout, latents, actions, labels, batch=256, horizon=HORIZON)
    fit_dynamics("dynamics", 1e-3, args.steps[1], [scripted])
    known = torch.isfinite(labels[:, :, 1:]).all(-1)
    run_phase(
        "visibility",
        work,
        {"visibility": networks.visibility},
        torch.optim.AdamW(networks.visibility.parameters()),
        3e-3,
        args.steps[1],
        visibility_loss(networks, latents, known, batch=1024),
        None,
        1000,
    )
    arrangements = carry_forward(labels)
    arrangements = arrangements[torch.isfinite(arrangements).flatten(1).all(1)]  # episodes in which all was seen once
    run_phase(
        "cost_to_go",
        work,
        {"cost_to_go": networks.cost_to_go},
        torch.optim.AdamW(networks.cost_to_go.parameters(), weight_decay=1e-4),
        2e-3,
        args.steps[2],
        cost_to_go_loss(networks, arrangements, batch=1024, longest=32, level=0.15),
        None,
        1000,
    )
    planned = list[dict[str, npt.NDArray]]()
    for number in range(1, args.rounds + 1):
        calibrate_uncertainty(networks.dynamics, held_latents, held_actions)
        model, first = work / f"before-round-{number}", args.seed + PLANNED_SEEDS + len(planned) * args.round_episodes
        if not model.exists():
            save_world(networks, CONFIG, model, f"# As it was before round {number}\n")
        count, folder = args.round_episodes, work / f"round-{number}"
        planned.append(
            load_shards(gather_planned(folder, model, count, EPISODE_STEPS, first, crop, args.workers, progress))
        )
        joined = {key: np.concatenate([found[key] for found in planned]) for key in planned[0]}
        own = (encode_all(networks, joined["images"]), torch.from_numpy(joined["actions"]), labels_of(joined))
        losses = [
            dynamics_loss(networks, readout, *arrays, batch=128, horizon=HORIZON)
            for arrays in ((latents, actions, labels), own)
        ]
        fit_dynamics(f"round-{number}", 5e-4, args.round_steps, losses)
    calibrate_uncertainty(networks.dynamics, held_latents, held_actions)
    return networks, foreseen(), digest


def mean_loss(losses: Sequence[Loss]) -> Loss:
    """The mean of losses, for each of their names."""

    def loss(step: int) -> dict[str, Tensor]:
        found = [part(step) for part in losses]
        return {name: torch.stack([part[name] for part in found]).mean() for name in found[0]}

    return loss


CARD = """# {name}: the latent world model of the tabletop

Encoder (front camera, 64 px), ensemble dynamics, object read-out and cost-to-go, trained from scratch.

- command: `./run train world-model --name {name} --episodes {episodes} --steps {steps}
  --rounds {rounds} --round-episodes {planned} --round-steps {round_steps} --seed {seed}`
- data: {episodes} episodes of {length} steps from the embedded simulation, digest {digest}; then {rounds} rounds of
  {planned} episodes in which the model's own plans for reach, around and push were carried out
- seconds of this run's last start to its end: {seconds:.0f}
- labels: the hand by forward kinematics, the blocks by a colour detector on the camera's images; never the
  simulator's truth
- validation, seeds {tuning} and up, median errors in cm against the simulator's truth ("moved": blocks that moved
  more than 1 cm within the {horizon} steps):

{figures}

Valid for the embedded scene's front camera and its randomisation. Retrain for any other camera or arm.
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    positive = (args.episodes, args.validation, args.workers, *args.steps, args.round_episodes, args.round_steps)
    if min(positive) < 1 or args.rounds < 0:
        raise InvalidInputError(
            "--episodes, --validation, --workers, --steps, --round-episodes and --round-steps are positive numbers,"
            " --rounds is 0 or more"
        )
    begun = time.monotonic()
    work = args.work or Path("runs/world-model")
    networks, figures, digest = train(args, work)
    folder = args.out or Path("models") / args.name
    lines = "\n".join(f"  - {key}: {value:.2f}" for key, value in figures.items())
    card = CARD.format(
        name=args.name,
        episodes=args.episodes,
        steps=" ".join(map(str, args.steps)),
        rounds=args.rounds,
        planned=args.round_episodes,
        round_steps=args.round_steps,
        seed=args.seed,
        length=EPISODE_STEPS,
        digest=digest[:16],
        seconds=time.monotonic() - begun,
        tuning=TUNING_SEEDS[0],
        horizon=HORIZON,
        figures=lines,
    )
    save_world(networks, CONFIG, folder, card)
    print(f"wrote {folder}", flush=True)
    return [{"model": args.name, "seed": args.seed, **figures}]
