# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench solver``: what it takes to come to the fixed point: solvers, warm starts, drafts, cycles, budgets.

On the held-out problems of ``bench task-planner``. Of the parallel refiner (``--refiner``): evaluations of f by Picard,
Anderson and Broyden (``solver_fixed_points``). Of the model that writes step by step (``--model``): calls of its
decoder with and without drafts, how solves end, success by tokens (``solver_drafts``). Either part can be left out.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.records import table
from robot_planner.evaluation.report import write_figure
from robot_planner.evaluation.solver_drafts import (
    curve,
    drafts_table,
    draw_curve,
    ends_table,
    plan_in_all_ways,
    warm_table,
)
from robot_planner.evaluation.solver_fixed_points import draw_residuals, solves_of, table_of
from robot_planner.evaluation.task_planner_problems import FIRST_OF_TRAINING, Case, case_names, make_case
from robot_planner.task_planning.local_model import LocalModel, load_local_model
from robot_planner.task_planning.soft_refiner import load_soft_refiner

PARTS = ("fixed-points", "drafts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="task_planner", help="writes step by step (default: %(default)s)")
    parser.add_argument("--refiner", default="soft_refiner", help="refines in parallel (default: %(default)s)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="(default: both)")
    parser.add_argument("--problems", type=int, default=30, help="of each group (default: %(default)s)")
    parser.add_argument("--corrections", type=int, default=10, help="rounds after the first (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first problem of each group (default: 0)")
    parser.add_argument("--quick", action="store_true", help="4 problems of each group, 4 corrections")
    parser.add_argument("--out", type=Path, default=Path("runs/solver"), help="folder of the figures")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of each part; writes residuals.png and budget.png."""
    problems, corrections = (4, 4) if args.quick else (args.problems, args.corrections)
    if problems < 1 or corrections < 0 or not 0 <= args.seed <= FIRST_OF_TRAINING - problems:
        raise InvalidInputError(
            f"--problems is positive, --corrections not negative, seeds are 0 to {FIRST_OF_TRAINING - 1}"
        )
    torch.set_num_threads(1)
    refiner = load_soft_refiner(args.refiner) if "fixed-points" in args.parts else None
    model = load_local_model(args.model) if "drafts" in args.parts else None
    cases = [make_case(*name) for name in case_names(problems, args.seed)]
    args.out.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    if refiner is not None:
        solves = [s for case in _counted(cases, "fixed points") for s in solves_of(case, *refiner)]
        records += table_of(solves)
        print(
            f"wrote {write_figure(args.out / 'residuals.png', lambda axes: draw_residuals(axes, solves))}", flush=True
        )
    if isinstance(model, LocalModel):

        def fresh() -> LocalModel:
            return LocalModel(model.network, model.words, model.name, model.careful, model.device)

        rows = [plan_in_all_ways(case, fresh, corrections) for case in _counted(cases, "drafts")]
        records += [*drafts_table(rows), *warm_table(rows), *ends_table(rows), *curve(rows)]
        print(f"wrote {write_figure(args.out / 'budget.png', lambda axes: draw_curve(axes, rows))}", flush=True)
    return [{**record, "first_seed": args.seed} for record in records]


def show(records: Sequence[Mapping[str, Any]]) -> str:
    """A table for each part."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        parts.setdefault(record["part"], []).append(
            {k: v for k, v in record.items() if k not in ("part", "first_seed")}
        )
    return "\n\n".join(f"{name}\n{table(rows)}" for name, rows in parts.items())


def _counted(cases: Sequence[Case], what: str) -> Iterator[Case]:
    for number, case in enumerate(cases, 1):
        yield case
        if number % 10 == 0 or number == len(cases):
            print(f"{what}: {number} of {len(cases)} problems", flush=True)
