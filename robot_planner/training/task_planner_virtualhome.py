# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Fits the task planner's own model to VirtualHome's gold programs of the training titles (package eai-eval).

With --start it goes on from a model of households, whose actions are the same; words that it does not know are added.
The titles that are held out, by a hash of themselves, are never seen: ``bench task-planner-virtualhome`` asks for them.
"""

import argparse
import time
from pathlib import Path
from typing import Any, cast

import torch

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.local_model import LocalModel, load_local_model, save_local_model
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.tokens import PromptReader, WordList
from robot_planner.task_planning.virtualhome import PACKAGE, programs
from robot_planner.training.cards import write_model
from robot_planner.training.lesson_shards import read_examples, write_examples
from robot_planner.training.plan_batches import ExampleMaker, PlanExample
from robot_planner.training.task_planner import Lessons, fit
from robot_planner.training.virtualhome_lessons import lessons_of_program, names_of, of_training, words_of

HELD_EVERY = 10
"""Of the programs of training titles, one in so many is kept for the figures of the log."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="task_planner_virtualhome", help="model folder (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument("--work", type=Path, default=Path("runs/task-planner-virtualhome"), help="data and checkpoints")
    parser.add_argument("--start", type=Path, help="folder of a model of households to go on from")
    parser.add_argument("--steps", type=int, default=1500, help="of the optimiser (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=8, help="tasks whose lessons make a step (default: %(default)s)")
    parser.add_argument("--width", type=int, default=192, help="numbers of a token, without --start (default: 192)")
    parser.add_argument("--layers", type=int, default=6, help="transformer layers, without --start (default: 6)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the order (default: 0)")
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default: 2)")


def begin(start: Path | None, words: WordList, width: int, layers: int) -> StepNetwork:
    """A fresh network, or one that goes on from a model: what is known of a word is kept, whatever its number."""
    if start is None:
        return StepNetwork(StepNetworkConfig(words=len(words), width=width, layers=layers))
    model = cast(LocalModel, load_local_model(start))
    network = StepNetwork(StepNetworkConfig(**{**vars(model.network.config), "words": len(words)}))
    old, new = model.network.state_dict(), network.state_dict()
    places = [(words[word], model.words[word]) for word in words.words if word in set(model.words.words)]
    of_words = ("words.weight", "actions.weight", "actions.bias")
    for name, tensor in old.items():
        if name not in of_words:
            new[name] = tensor
            continue
        for place, known in places:
            new[name][place] = tensor[known]
    network.load_state_dict(new)
    return network


def gather(folder: Path, words: WordList, config: StepNetworkConfig) -> tuple[Path, Path]:
    """Shards of lessons to learn from and to look at; those that are there already are kept."""
    found = folder / "lessons.npz", folder / "held.npz"
    if all(path.exists() for path in found):
        return found
    folder.mkdir(parents=True, exist_ok=True)
    maker, chosen = ExampleMaker(PromptReader(words), config), of_training(programs())
    names = names_of(chosen)
    rows: tuple[list[PlanExample], list[PlanExample]] = ([], [])
    for number, program in enumerate(chosen, 1):
        lessons = lessons_of_program(program, names)
        rows[number % HELD_EVERY == 0].extend(maker.example(x.prefix, x.suffix, x.plan, x.scene) for x in lessons)
        if number % 50 == 0:
            print(f"{number}/{len(chosen)} programs", flush=True)
    return write_examples(found[0], rows[0]), write_examples(found[1], rows[1])


CARD = """# {name}: VirtualHome's programs

The task planner's own model, {millions:.1f} million parameters, fitted to the gold programs of VirtualHome's training
titles as the package {package} has them, and to their beginnings.

- command: `./run train task-planner-virtualhome {options}`
- seconds of this run's last start to its end: {seconds}
- `./run bench task-planner-virtualhome --model {name}` asks for titles that it has not seen
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; raises EnvironmentSetupError if the programs are not installed."""
    if min(args.steps, args.scenes, args.layers, args.threads) < 1 or args.width % 32 or args.width < 32:
        raise InvalidInputError("numbers are positive, --width a multiple of 32")
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    begun = time.monotonic()
    words = words_of(of_training(programs()))
    args.words = len(words)
    network = begin(args.start, words, args.width, args.layers)
    base, held = (read_examples([path]) for path in gather(args.work, words, network.config))
    lessons = Lessons([(1.0, base)], args.scenes, len(words), args.seed)
    fit(args, network, lessons, held, f"seed{args.seed}", args.steps, 3e-4 if args.start else 1e-3)
    size = ("start",) if args.start else ("width", "layers")
    return write_model(
        args, CARD, ("steps", "scenes", "seed", *size), begun, {"lessons": len(base), "steps": args.steps},
        lambda folder, card: save_local_model(network, words, folder, card),
        package=PACKAGE, millions=sum(p.numel() for p in network.parameters()) / 1e6,
    )  # fmt: skip
