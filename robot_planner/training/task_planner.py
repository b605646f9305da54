# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains the task planner's own language model from nothing: a warm-up on the corrector's drafts, then its own rounds.

In each round (none by default: docs/equilibrium.md says what they did) the model plans: it solves for equilibria and
hears what the world answers, and learns what the corrector would have made of the same knowledge: cross-entropy at x*,
the Jacobian-free gradient of the fixed point (Li et al., arXiv 2410.01440, section 4.2). Lessons of the warm-up stay in
every batch, so that a single pass does not decay; rounds before are replayed, each half as often as the next. Every
phase resumes from its last checkpoint in --work.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.households import TRAINING
from robot_planner.task_planning.local_model import LocalModel, save_local_model
from robot_planner.task_planning.nested import Budgets
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan_task import plan_task
from robot_planner.task_planning.tokens import WordList
from robot_planner.training.cards import write_model
from robot_planner.training.lesson_shards import gather, gather_shard, read_examples
from robot_planner.training.plan_batches import PlanExample, by_scene, collate, plan_loss
from robot_planner.training.plan_lessons import LONGEST_WRITTEN, word_list
from robot_planner.training.resumable import run_phase

BASE_SEED, ROUND_SEED, VALIDATION_SEED = 10_000_000, 20_000_000, 30_000_000
"""First problems of the warm-up, of the rounds (1,000,000 apart) and of validation; those of benches are below."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="task_planner", help="model folder to write (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument("--work", type=Path, default=Path("runs/task-planner"), help="data and checkpoints")
    parser.add_argument("--problems", type=int, default=24_000, help="of the warm-up (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=8_000, help="of the warm-up (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of the model's own (default: %(default)s)")
    parser.add_argument("--round-problems", type=int, default=1200, help="of each round (default: %(default)s)")
    parser.add_argument("--round-steps", type=int, default=1200, help="of each round (default: %(default)s)")
    parser.add_argument(
        "--old-share", type=float, default=0.5, help="of a round's batch, lessons of the warm-up (default: 0.5)"
    )
    parser.add_argument("--round-rate", type=float, default=3e-4, help="highest rate of a round (default: 3e-4)")
    parser.add_argument("--validation", type=int, default=60, help="problems solved after a phase (default: 60)")
    parser.add_argument(
        "--scenes", type=int, default=16, help="scenes whose lessons make a step (default: %(default)s)"
    )
    parser.add_argument(
        "--plan-steps", type=int, default=LONGEST_WRITTEN, help="of a plan that it writes (default: %(default)s)"
    )
    parser.add_argument("--width", type=int, default=192, help="numbers of a token (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=6, help="transformer layers (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the order (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes that gather lessons (default: 2)")
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default: 2)")


class Lessons:
    """Lessons drawn for each step by its number alone: a training that resumes sees the same ones."""

    def __init__(self, groups: Sequence[tuple[float, list[PlanExample]]], scenes: int, words: int, seed: int) -> None:
        """``groups``: share of each batch, and lessons; ``scenes`` a batch."""
        self._groups = [(share, by_scene(examples)) for share, examples in groups if examples]
        self._total = sum(share for share, _ in self._groups)
        self._scenes, self._words, self._seed = scenes, words, seed

    def draw(self, step: int) -> list[list[PlanExample]]:
        """Lessons of scenes of about one length: of four batches' worth, one quarter by length."""
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        drawn: list[list[PlanExample]] = []
        for share, scenes in self._groups:
            count = round(4 * self._scenes * share / self._total)
            drawn += [scenes[at] for at in torch.randint(len(scenes), (count,), generator=generator).tolist()]
        drawn.sort(key=lambda lessons: sum(len(lesson.tokens) - lesson.lengths[0] for lesson in lessons))
        quarter = int(torch.randint(4, (1,), generator=generator))
        return drawn[quarter * self._scenes : (quarter + 1) * self._scenes] or drawn[-self._scenes :]

    def loss(self, network: StepNetwork) -> Callable[[int], dict[str, Tensor]]:
        """What ``run_phase`` minimises."""

        def of_step(step: int) -> dict[str, Tensor]:
            batch = collate(self.draw(step), self._words)
            with torch.autocast("cpu", torch.bfloat16):
                return plan_loss(network, batch)

        return of_step


def fit(
    args: argparse.Namespace,
    network: StepNetwork,
    lessons: Lessons,
    held: list[PlanExample],
    name: str,
    steps: int,
    learning_rate: float,
) -> None:
    """Runs or resumes one phase."""
    scenes = by_scene(held)

    def figures() -> dict[str, float]:
        network.eval()
        with torch.inference_mode():
            parts = [plan_loss(network, collate(scenes[at : at + 32], args.words)) for at in range(0, len(scenes), 32)]
        network.train()
        return {f"held_{key}": sum(p[key].item() for p in parts) / len(parts) for key in ("loss", "right")}

    network.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=1e-2)
    run_phase(
        name, args.work, {"network": network}, optimizer, learning_rate, steps, lessons.loss(network), figures, 500
    )
    network.eval()


def closed_loop(model: LocalModel, problems: int, longest: int = LONGEST_WRITTEN) -> dict[str, float]:
    """Success on validation problems: of a single pass, of an equilibrium, and with the world's answers."""
    arms = {
        "single_pass": Budgets(corrections=0, iterations=1, tokens_per_plan=longest, restarts=0),
        "equilibrium": Budgets(corrections=0, tokens_per_plan=longest, restarts=0),
        "corrected": Budgets(corrections=10, tokens_per_plan=longest, restarts=0),
    }
    won = dict.fromkeys(arms, 0)
    for seed in range(VALIDATION_SEED, VALIDATION_SEED + problems):
        problem = sample_problem(seed, TRAINING, TRAINING, (1, 4))
        for name, budgets in arms.items():
            environment = problem.flat.world().tester(problem.task.goals)
            won[name] += plan_task(problem.task, model, environment=environment, budgets=budgets).success
    return {name: count / problems for name, count in won.items()}


def train(args: argparse.Namespace) -> tuple[StepNetwork, dict[str, float]]:
    """Runs or resumes all phases; the network and its figures on validation problems."""
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    words = word_list()
    args.words = len(words)
    config = StepNetworkConfig(words=len(words), width=args.width, layers=args.layers)
    network, work = StepNetwork(config), args.work
    base = read_examples(gather(work / "lessons", args.problems, BASE_SEED, config, args.workers, None, _progress))
    held = read_examples(gather(work / "held", 250, VALIDATION_SEED, config, args.workers, None, _progress))
    own = f"seed{args.seed}"
    fit(
        args,
        network,
        Lessons([(1.0, base)], args.scenes, len(words), args.seed),
        held,
        f"{own}-warm-up",
        args.steps,
        1e-3,
    )
    figures = _report("warm-up", network, words, args)
    rounds: list[list[PlanExample]] = []
    for number in range(1, args.rounds + 1):
        folder, begin = work / own / f"round{number}", ROUND_SEED + 1_000_000 * number
        save_local_model(network, words, folder / "model", f"Before round {number}.\n")
        paths = gather(
            folder / "lessons", args.round_problems, begin, config, args.workers, folder / "model", _progress,
            partial(gather_shard, longest=args.plan_steps),
        )  # fmt: skip
        rounds.append(read_examples(paths))
        replay = [((1.0 - args.old_share) * 0.5**age, group) for age, group in enumerate(reversed(rounds), 1)]
        lessons = Lessons([(args.old_share, base), *replay], args.scenes, len(words), args.seed + 1000 * number)
        fit(args, network, lessons, held, f"{own}-round{number}", args.round_steps, args.round_rate)
        figures = _report(f"round {number}", network, words, args)
    return network, figures


def _progress(done: int, total: int) -> None:
    print(f"lessons {done}/{total} shards", flush=True)


def _report(name: str, network: StepNetwork, words: WordList, args: argparse.Namespace) -> dict[str, float]:
    figures = closed_loop(LocalModel(network, words), args.validation, args.plan_steps)
    network.requires_grad_(True)
    print(name, "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)
    return figures


CARD = """# {name}: plans from instructions, refined until they stand still

A transformer of {millions:.1f} million parameters that writes plans step by step, things being pointed at
(`robot_planner/task_planning/network.py`); trained from scratch.

- command: `./run train task-planner {options}`
- lessons: households drawn by chance, of the training split, and the arm's table, with the drafts of a corrector that
  knows only what was seen; in rounds, if there were any, the model's own equilibria, and what the corrector makes of
  the world's answers to them
- seconds of this run's last start to its end: {seconds}
- success on the {validation} problems {first} and up, of the training split:

{figures}
"""
OPTIONS = (
    "problems", "steps", "rounds", "round_problems", "round_steps", "old_share", "round_rate", "scenes", "plan_steps",
    "width", "layers", "seed",
)  # fmt: skip
"""Those that make a model what it is."""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    positive = {*OPTIONS, "validation", "workers", "threads"} - {"rounds", "old_share", "round_rate", "seed"}
    if min(getattr(args, name) for name in positive) < 1 or args.rounds < 0 or args.width % 32:
        raise InvalidInputError("numbers are positive, --rounds 0 and more, --width a multiple of 32")
    if not 0.0 < args.old_share < 1.0 or not args.round_rate > 0.0:
        raise InvalidInputError("--old-share is between 0 and 1, --round-rate positive")
    begun = time.monotonic()
    network, figures = train(args)
    return write_model(
        args, CARD, OPTIONS, begun, figures,
        lambda folder, card: save_local_model(network, word_list(), folder, card),
        millions=sum(p.numel() for p in network.parameters()) / 1e6, first=VALIDATION_SEED,
    )  # fmt: skip
