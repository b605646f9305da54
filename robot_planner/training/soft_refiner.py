# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains the parallel refiner: the fixed point of its refinement, from nothing or from a draft, is to be the plan.

The loss is taken at x*, wherever the solver came from; how it is differentiated is an option (``implicit.py``): through
one refinement at x* (Jacobian-free), through the equation x* = f(x*) (exact, solved iteratively), or through all
refinements (unrolled, for comparison: its memory grows with their number). Lessons are those of ``train task-planner``,
from the same folder; the trunk may be that model's. Resumes from its last checkpoint in --work.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.fixed_point import solve
from robot_planner.task_planning.implicit import GRADIENTS, DifferentiablePoint, SolverConfig, differentiable_point
from robot_planner.task_planning.local_model import LocalModel, load_local_model
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.soft_refiner import SoftContext, SoftRefiner, save_soft_refiner
from robot_planner.training.lesson_shards import gather, read_examples
from robot_planner.training.plan_batches import PlanExample, soft_context, soft_drafts, soft_plans
from robot_planner.training.plan_lessons import word_list
from robot_planner.training.resumable import run_phase
from robot_planner.training.task_planner import BASE_SEED, VALIDATION_SEED, Lessons

TOLERANCE = 1e-3
"""Root mean square of f(x) - x [logits] at which a solve ends, in training and validation."""
PATIENCE = 60
"""Evaluations of f that a solve may take in validation."""
HELD_PROBLEMS, HELD = 250, 128
"""Problems that lessons of validation are of, and lessons."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--name", default="soft_refiner", help="model folder to write (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument("--work", type=Path, default=Path("runs/task-planner"), help="data and checkpoints")
    parser.add_argument("--trunk", help="model of train task-planner to begin with; --width and --layers are then its")
    parser.add_argument("--gradient", choices=GRADIENTS, default="one_step", help="of x* (default: %(default)s)")
    parser.add_argument("--refinements", type=int, default=10, help="of a solve in training (default: %(default)s)")
    parser.add_argument("--problems", type=int, default=6_000, help="that lessons are of (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=6_000, help="of the training (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=16, help="lessons of a step (default: %(default)s)")
    parser.add_argument("--plan-steps", type=int, default=32, help="of a plan, its end included (default: 32)")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="at its highest (default: %(default)s)")
    parser.add_argument("--width", type=int, default=192, help="numbers of a token (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=6, help="transformer layers (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights and the order (default: 0)")
    parser.add_argument("--workers", type=int, default=2, help="processes that gather lessons (default: 2)")
    parser.add_argument("--threads", type=int, default=2, help="torch threads (default: 2)")


@dataclass(frozen=True)
class Teaching:
    """How x* is found and differentiated."""

    gradient: str = "one_step"
    refinements: int = 10
    """Evaluations of f that a solve may take, forward and, of the implicit gradient, backward; all are unrolled."""
    tolerance: float = TOLERANCE
    from_drafts: float = 0.5
    """How often a lesson's draft, if it has one, is where the solve begins; else it begins with nothing."""

    def point(self, refiner: SoftRefiner, context: SoftContext, start: Tensor) -> DifferentiablePoint:
        """x* in a context, with its gradient."""
        config = SolverConfig("anderson", self.tolerance, self.refinements)
        # What is unrolled is unrolled from the start: the solve before it may look at the residual, and no more.
        forward = SolverConfig("picard", 0.0, 1) if self.gradient == "unrolled" else config
        return differentiable_point(
            refiner.function(context), start, self.gradient, forward=forward, backward=config, unroll=self.refinements
        )


def loss_of(
    refiner: SoftRefiner, examples: Sequence[PlanExample], teaching: Teaching, generator: torch.Generator
) -> dict[str, Tensor]:
    """The loss at x*, and of the solve its residual and the evaluations of f that a lesson took, means over lessons."""
    context = soft_context(refiner.network, examples)
    plans, _ = soft_plans(examples, refiner.steps)
    drafts, given = soft_drafts(examples, refiner.steps)
    given = given & (torch.rand(len(examples), generator=generator) < teaching.from_drafts)
    start = refiner.start(context, drafts) * given.unsqueeze(1)
    point = teaching.point(refiner, context, start)
    found = point.forward
    return {
        "loss": refiner.loss(point.x, plans, context),
        "residual": found.residual.mean().detach(),
        "evaluations": found.row_evaluations.float().mean(),
    }


def validate(refiner: SoftRefiner, examples: Sequence[PlanExample], batch: int = 32) -> dict[str, float]:
    """Solved from nothing, means over lessons: the loss, steps and whole plans that are right, and of the solve whether
    it ended at a fixed point and its evaluations of f.
    """
    sums = dict.fromkeys(("loss", "right", "whole", "converged", "evaluations"), 0.0)
    refiner.eval()
    with torch.no_grad():
        for at in range(0, len(examples), batch):
            part = examples[at : at + batch]
            context = soft_context(refiner.network, part)
            found = solve(refiner.function(context), refiner.start(context), tolerance=TOLERANCE, cap=PATIENCE)
            plans, counted = soft_plans(part, refiner.steps)
            right = (refiner.plan(found.x, context) == plans).all(-1)
            sums["loss"] += float(refiner.loss(found.x, plans, context)) * len(part)
            sums["right"] += float(((right & counted).sum(1) / counted.sum(1)).sum())
            sums["whole"] += float((right | ~counted).all(1).sum())
            sums["converged"] += float(found.converged.sum())
            sums["evaluations"] += float(found.row_evaluations.sum())
    return {name: total / len(examples) for name, total in sums.items()}


class Teacher:
    """Lessons that fit a refiner, drawn for each step by its number alone: one of each scene that is drawn."""

    def __init__(self, refiner: SoftRefiner, examples: Sequence[PlanExample], batch: int, seed: int) -> None:
        fitting = fit_for(refiner, examples)
        if not fitting:
            raise InvalidInputError(f"no lesson has a plan of fewer than {refiner.steps} steps; raise --plan-steps")
        self._refiner, self._seed = refiner, seed
        self._lessons = Lessons([(1.0, fitting)], batch, refiner.network.config.words, seed)

    def loss(self, teaching: Teaching) -> Callable[[int], dict[str, Tensor]]:
        """What ``run_phase`` minimises."""

        def of_step(step: int) -> dict[str, Tensor]:
            generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
            scenes = self._lessons.draw(step)
            chosen = [int(torch.randint(len(lessons), (), generator=generator)) for lessons in scenes]
            examples = [lessons[at] for lessons, at in zip(scenes, chosen, strict=True)]
            return loss_of(self._refiner, examples, teaching, generator)

        return of_step


def fit_for(refiner: SoftRefiner, examples: Sequence[PlanExample]) -> list[PlanExample]:
    """The examples whose plans are not too long."""
    return [example for example in examples if len(example.targets) <= refiner.steps]


def fit(
    refiner: SoftRefiner,
    teacher: Teacher,
    teaching: Teaching,
    held: Sequence[PlanExample],
    folder: Path,
    name: str,
    steps: int,
    learning_rate: float,
) -> dict[str, float]:
    """Runs or resumes the training; the figures of ``validate`` at its end, none without lessons that are held out."""

    def figures() -> dict[str, float]:
        found = validate(refiner, held)
        refiner.train()
        return {f"held_{key}": value for key, value in found.items()}

    refiner.train().requires_grad_(True)
    optimizer = torch.optim.AdamW(refiner.parameters(), weight_decay=1e-2)
    loss = teacher.loss(teaching)
    every = max(1, steps // 20)
    run_phase(
        name, folder, {"refiner": refiner}, optimizer, learning_rate, steps, loss, figures if held else None, every
    )
    refiner.eval().requires_grad_(False)
    return validate(refiner, held) if held else {}


CARD = """# {name}: whole plans refined at once, to their fixed point

A transformer of {millions:.1f} million parameters that reads a plan of up to {plan_steps} steps as soft tokens and
writes all of them anew (`robot_planner/task_planning/soft_refiner.py`); what it stands still at is its plan.

- command: `./run train soft-refiner --gradient {gradient} --refinements {refinements} --problems {problems}
  --steps {steps} --batch {batch} --plan-steps {plan_steps} --width {width} --layers {layers} --seed {seed}{trunk}`
- lessons: those of `./run train task-planner`, of households and the table
- seconds of this run's last start to its end: {seconds:.0f}
- on {held} lessons of the problems {first} and up, solved from nothing: {figures}
"""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    names = ("refinements", "problems", "steps", "batch", "plan_steps", "layers", "workers", "threads")
    if min(getattr(args, name) for name in names) < 1 or args.width % 32 or args.width < 32:
        raise InvalidInputError("numbers are positive, --width a multiple of 32")
    if not args.learning_rate > 0.0:
        raise InvalidInputError(f"--learning-rate is {args.learning_rate}; allowed: above 0")
    begun = time.monotonic()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    network = _network(args)
    config, refiner = network.config, SoftRefiner(network, args.plan_steps)
    lessons = gather(args.work / "lessons", args.problems, BASE_SEED, config, args.workers, None, _progress)
    held = gather(args.work / "held", HELD_PROBLEMS, VALIDATION_SEED, config, args.workers, None, _progress)
    teacher = Teacher(refiner, read_examples(lessons), args.batch, args.seed)
    apart = fit_for(refiner, read_examples(held))
    apart = apart[:: max(1, len(apart) // HELD)][:HELD]
    teaching = Teaching(args.gradient, args.refinements)
    phase = f"soft-{args.gradient}-seed{args.seed}"
    figures = fit(refiner, teacher, teaching, apart, args.work, phase, args.steps, args.learning_rate)
    folder = args.out or Path("models") / args.name
    card = CARD.format(
        **vars(args)
        | {"width": config.width, "layers": config.layers, "trunk": f"\n  --trunk {args.trunk}" if args.trunk else ""},
        millions=sum(p.numel() for p in refiner.parameters()) / 1e6,
        seconds=time.monotonic() - begun,
        held=len(apart),
        first=VALIDATION_SEED,
        figures=", ".join(f"{key} {value:.3g}" for key, value in figures.items()),
    )
    save_soft_refiner(refiner, word_list(), folder, card)
    print(f"wrote {folder}", flush=True)
    return [{"model": args.name, "gradient": args.gradient, "seed": args.seed, **figures}]


def _network(args: argparse.Namespace) -> StepNetwork:
    words = word_list()
    if not args.trunk:
        return StepNetwork(StepNetworkConfig(words=len(words), width=args.width, layers=args.layers))
    trunk = cast(LocalModel, load_local_model(args.trunk))
    if trunk.words.words != words.words:
        raise ModelError(f"model '{args.trunk}' knows other words than the lessons have; train it anew")
    return trunk.network


def _progress(done: int, total: int) -> None:
    print(f"lessons {done}/{total} shards", flush=True)
