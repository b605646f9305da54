# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains the world model of feedback: plans and what the world answered, from the planner's own rounds and spoilt ones.

With --planner its equilibria are among the plans that are tried, and the network begins with its weights: what reads a
scene in order to write a plan is of use in judging one. The training resumes from its last checkpoint in --work.
"""

import argparse
import time
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.feedback_model import save_feedback_model
from robot_planner.task_planning.feedback_network import FeedbackNetwork
from robot_planner.task_planning.local_model import LocalModel, load_local_model
from robot_planner.task_planning.network import StepNetworkConfig
from robot_planner.training.cards import write_model
from robot_planner.training.feedback_lessons import feedback_loss, gather_feedback_shard
from robot_planner.training.lesson_shards import gather, read_examples
from robot_planner.training.plan_batches import PlanExample, by_scene, collate
from robot_planner.training.plan_lessons import word_list
from robot_planner.training.resumable import run_phase
from robot_planner.training.task_planner import Lessons

FIRST_SEED, VALIDATION_SEED = 40_000_000, 30_000_000
"""First problems of training and of validation; those of benches are below."""
VALIDATION_PROBLEMS = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="task_planner_feedback", help="model folder to write (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument("--work", type=Path, default=Path("runs/feedback-model"), help="data and checkpoints")
    parser.add_argument("--planner", type=Path, help="folder of the planner's model; without it the corrector plans")
    parser.add_argument("--problems", type=int, default=8000, help="that plans are tried in (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=5000, help="of the optimiser (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=8, help="scenes whose trials make a step (default: %(default)s)")
    parser.add_argument("--width", type=int, default=192, help="numbers of a token, without --planner (default: 192)")
    parser.add_argument("--layers", type=int, default=6, help="transformer layers, without --planner (default: 6)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the order (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes that try plans (default: 2)")
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default: 2)")


def begin(planner: Path | None, width: int, layers: int) -> FeedbackNetwork:
    """A fresh network, with the planner's weights where there is one; raises ModelError, InvalidInputError."""
    words = word_list()
    if planner is None:
        return FeedbackNetwork(StepNetworkConfig(words=len(words), width=width, layers=layers))
    model = cast(LocalModel, load_local_model(planner))
    if model.words.words != words.words:
        raise InvalidInputError(f"{planner} was trained with other words; train it again")
    network = FeedbackNetwork(model.network.config)
    network.trunk.load_state_dict(model.network.state_dict())
    return network


def fit(
    args: argparse.Namespace, network: FeedbackNetwork, examples: list[PlanExample], held: list[PlanExample]
) -> dict[str, float]:
    """Runs or resumes the training; how well held trials are judged."""
    words = network.trunk.config.words
    lessons, scenes = Lessons([(1.0, examples)], args.scenes, words, args.seed), by_scene(held)

    def of_step(step: int) -> dict[str, Tensor]:
        batch = collate(lessons.draw(step), words)
        with torch.autocast("cpu", torch.bfloat16):
            return feedback_loss(network, batch)

    def figures() -> dict[str, float]:
        network.eval()
        with torch.inference_mode():
            parts = [feedback_loss(network, collate(scenes[at : at + 16], words)) for at in range(0, len(scenes), 16)]
        network.train()
        return {f"held_{key}": sum(part[key].item() for part in parts) / len(parts) for key in parts[0]}

    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    rate = 5e-4 if args.planner else 1e-3
    run_phase(f"seed{args.seed}", args.work, {"network": network}, optimizer, rate, args.steps, of_step, figures, 250)
    network.eval()
    return figures()


CARD = """# {name}: what a world would answer to a plan

A transformer of {millions:.1f} million parameters (`robot_planner/task_planning/feedback_network.py`). It reads a task,
what is seen and what was answered so far, then a plan, and foretells which step fails, why, and which goals end unmet.

- command: `./run train feedback-model {options}`
- trials: plans of the corrector, spoilt copies, and the planner's equilibria where one was given, in worlds drawn by
  chance, of the training split
- seconds of this run's last start to its end: {seconds}
- on the problems {first} and up, of the training split:

{figures}
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    numbers = ("problems", "steps", "scenes", "layers", "workers", "threads")
    if min(getattr(args, name) for name in numbers) < 1 or args.width % 32 or args.width < 32:
        raise InvalidInputError("numbers are positive, --width a multiple of 32")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    begun = time.monotonic()
    network = begin(args.planner, args.width, args.layers)
    shards = []
    for folder, problems, first in (
        ("trials", args.problems, FIRST_SEED),
        ("held", VALIDATION_PROBLEMS, VALIDATION_SEED),
    ):
        where, config = args.work / folder, network.trunk.config
        shards.append(
            gather(where, problems, first, config, args.workers, args.planner, _progress, gather_feedback_shard)
        )
    figures = fit(args, network, *map(read_examples, shards))
    size = ("planner",) if args.planner else ("width", "layers")
    return write_model(
        args, CARD, ("problems", "steps", "scenes", "seed", *size), begun, figures,
        lambda folder, card: save_feedback_model(network, word_list(), folder, card),
        millions=sum(p.numel() for p in network.parameters()) / 1e6, first=VALIDATION_SEED,
    )  # fmt: skip


def _progress(done: int, total: int) -> None:
    print(f"trials {done}/{total} shards", flush=True)
