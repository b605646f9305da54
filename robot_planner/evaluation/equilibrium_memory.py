# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench equilibrium-memory``: memory of training at a fixed point against the number of refinements, by gradient.

Each figure comes from a process of its own: the growth of its resident memory, at its highest, over one training step
of the parallel refiner, with exactly so many refinements forward (and, of the implicit gradient, backward). Then each
gradient teaches the same network on the same lessons for as many steps, and is judged on lessons that are held out.
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.task_planning.implicit import GRADIENTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FLAT = 1.25
"""Largest ratio of the memory at the most refinements to that at the fewest that is called flat."""
FLAT_GRADIENTS = ("one_step", "implicit")
TRAINING_PROBLEMS, HELD_PROBLEMS = 40, 12
HELD_SEED = 5_000_000
"""First problem of those that judge."""


@dataclass(frozen=True)
class Sizes:
    """Of the network and a step."""

    width: int = 96
    layers: int = 3
    plan_steps: int = 24
    batch: int = 8


@dataclass(frozen=True)
class Job:
    """What one process does."""

    gradient: str
    refinements: int
    steps: int
    """Of training; 1 is the measurement of memory."""
    seed: int
    sizes: Sizes
    lessons: Path
    """Shards ``training.npz`` and ``held.npz``."""


def write_lessons(folder: Path, training: int = TRAINING_PROBLEMS, held: int = HELD_PROBLEMS) -> None:
    """Makes the shards that all processes read."""
    from robot_planner.task_planning.network import StepNetworkConfig
    from robot_planner.training.lesson_shards import gather_shard
    from robot_planner.training.plan_lessons import word_list

    config = StepNetworkConfig(words=len(word_list()))
    gather_shard(folder / "training.npz", range(1, training + 1), config)
    gather_shard(folder / "held.npz", range(HELD_SEED, HELD_SEED + held), config)


def measure(job: Job) -> dict[str, float]:
    """Trains; memory [MiB], seconds a step and, after more than one step, figures on what was held out."""
    import torch

    from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
    from robot_planner.task_planning.soft_refiner import SoftRefiner
    from robot_planner.training.lesson_shards import read_examples
    from robot_planner.training.plan_lessons import word_list
    from robot_planner.training.soft_refiner import TOLERANCE, Teacher, Teaching, fit, fit_for, validate

    torch.set_num_threads(1)
    torch.manual_seed(job.seed)
    sizes = job.sizes
    config = StepNetworkConfig(
        words=len(word_list()), width=sizes.width, layers=sizes.layers, heads=max(1, sizes.width // 32)
    )
    refiner = SoftRefiner(StepNetwork(config), sizes.plan_steps)
    teacher = Teacher(refiner, read_examples([job.lessons / "training.npz"]), sizes.batch, job.seed)
    held = fit_for(refiner, read_examples([job.lessons / "held.npz"]))
    alone = job.steps == 1  # then no refinement may be left out, however still the plan stands
    teaching = Teaching(job.gradient, job.refinements, 0.0 if alone else TOLERANCE)
    before = _reset_peak()
    begun = time.perf_counter()
    if alone:
        teacher.loss(teaching)(0)["loss"].backward()
        figures: dict[str, float] = {}
    else:
        with tempfile.TemporaryDirectory() as work:
            fit(refiner, teacher, teaching, [], Path(work), job.gradient, job.steps, 1e-3)
    seconds = time.perf_counter() - begun
    peak = _memory("VmHWM")
    if not alone:
        figures = {f"held_{name}": value for name, value in validate(refiner, held).items()}
    return {"growth_mib": peak - before, "peak_mib": peak, "seconds_per_step": seconds / job.steps, **figures}


def _reset_peak() -> float:
    """Sets the highest resident memory to the present one, which is returned [MiB]."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        raise EnvironmentSetupError(f"this system does not tell a process's peak memory: {error}") from None
    return _memory("VmRSS")


def _memory(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def in_fresh_processes(jobs: list[Job]) -> list[dict[str, float]]:
    """``measure`` of each job, one after the other, each in a process that has done nothing else."""
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        found = []
        for job, figures in zip(jobs, pool.imap(measure, jobs, chunksize=1), strict=True):
            print(f"{job.gradient}, {job.refinements} refinements: {figures['growth_mib']:.0f} MiB", flush=True)
            found.append(figures)
        return found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--quick", action="store_true", help="fewer steps, and three numbers of refinements")
    parser.add_argument("--refinements", type=int, nargs="+", default=[5, 10, 20, 40], help="(default: 5 10 20 40)")
    parser.add_argument("--steps", type=int, default=600, help="that each gradient teaches (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and lessons (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/equilibrium-memory"), help="folder of memory.png")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of memory, whether it is flat, and of quality."""
    counts = sorted(set([5, 10, 20] if args.quick else args.refinements))
    steps = 200 if args.quick else args.steps
    if counts[0] < 1 or len(counts) < 2 or steps < 2:
        raise InvalidInputError("--refinements takes two positive numbers or more, --steps 2 and more")
    sizes = Sizes(width=64, layers=2) if args.quick else Sizes()
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        lessons = Path(folder)
        write_lessons(lessons)
        memory = [Job(gradient, count, 1, args.seed, sizes, lessons) for gradient in GRADIENTS for count in counts]
        quality = [Job(gradient, 10, steps, args.seed, sizes, lessons) for gradient in GRADIENTS]
        found = in_fresh_processes([*memory, *quality])
    records = []
    for job, figures in zip([*memory, *quality], found, strict=True):
        part = "memory" if job.steps == 1 else "quality"
        record = {"part": part, "gradient": job.gradient, "refinements": job.refinements, "steps": job.steps}
        records.append({**record, **figures, "seed": args.seed})
    records += [_flatness(gradient, records) for gradient in GRADIENTS]
    from robot_planner.evaluation.report import write_figure

    print(f"wrote {write_figure(args.out / 'memory.png', lambda axes: draw(axes, records))}")
    return records


def _flatness(gradient: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    rows = [r["growth_mib"] for r in records if r["part"] == "memory" and r["gradient"] == gradient]
    ratio = rows[-1] / rows[0]
    passed = ratio <= FLAT if gradient in FLAT_GRADIENTS else None
    return {"part": "flatness", "gradient": gradient, "most_over_fewest": ratio, "bar": FLAT, "passed": passed}


def draw(axes: "Axes", records: list[dict[str, Any]]) -> None:
    """Memory over refinements, a line a gradient."""
    from robot_planner.evaluation.report import COLORS

    for color, gradient in zip(COLORS, GRADIENTS, strict=False):
        rows = [r for r in records if r["part"] == "memory" and r["gradient"] == gradient]
        points = [(r["refinements"], r["growth_mib"]) for r in rows]
        axes.plot(*zip(*points, strict=True), "o-", color=color, label=gradient.replace("_", " "))
    axes.set(xlabel="refinements in a training step", ylabel="memory of the step [MiB]", title="Memory of training")
    axes.set_ylim(bottom=0.0)
    axes.legend()
