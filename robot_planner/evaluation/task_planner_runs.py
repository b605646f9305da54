# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task planner's benches in several processes, each of which loads a model once and makes problems from seeds."""

import argparse
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TypeVar, cast

import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.task_planner_arms import MakeModel, MakeTester
from robot_planner.evaluation.task_planner_outcomes import Settings
from robot_planner.evaluation.task_planner_problems import ERRANDS, FIRST_OF_TRAINING, Case, case_names, make_case
from robot_planner.task_planning.feedback_model import FeedbackModel, load_feedback_model
from robot_planner.task_planning.local_model import LocalModel, load_local_model

RowT = TypeVar("RowT")
QUICK_PROBLEMS = 4


@dataclass(frozen=True)
class Job:
    """One problem for one model."""

    model: str
    feedback_model: str | None
    group: str
    seed: int
    errands: tuple[int, ...]
    settings: Settings


def add_arguments_of_problems(parser: argparse.ArgumentParser, problems: int) -> None:
    """The options that both benches have."""
    parser.add_argument(
        "--models", nargs="+", default=["task_planner"], metavar="FOLDER", help="a folder for each training seed"
    )
    parser.add_argument(
        "--feedback-models", nargs="+", default=[], metavar="FOLDER", help="world models: one for all, or one a model"
    )
    parser.add_argument("--problems", type=int, help=f"of each group (default: {problems})")
    parser.add_argument(
        "--errands", type=int, nargs="+", default=list(ERRANDS), help="of the problems, in turn (default: 1 2 3 4 6)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first problem of each group (default: 0)")
    parser.add_argument("--corrections", type=int, default=10, help="rounds after the first (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_PROBLEMS} problems of each group")
    parser.set_defaults(default_problems=problems)


def jobs_of(args: argparse.Namespace, settings: Settings) -> list[Job]:
    """Checks the options, loads every model once, and lists what is to be done."""
    problems = args.problems or (QUICK_PROBLEMS if args.quick else args.default_problems)
    if min(problems, args.workers, *args.errands) < 1 or args.corrections < 0 or args.seed < 0:
        raise InvalidInputError(
            "--problems, --workers and --errands are positive; --corrections and --seed not negative"
        )
    if args.seed + problems > FIRST_OF_TRAINING:
        raise InvalidInputError(f"seeds of benches are below {FIRST_OF_TRAINING}")
    if len(set(args.models)) < len(args.models):
        raise InvalidInputError("--models has a folder twice")
    testers: Sequence[str | None] = args.feedback_models or [None]
    if len(testers) == 1:
        testers = list(testers) * len(args.models)
    if len(testers) != len(args.models):
        raise InvalidInputError(
            f"{len(testers)} --feedback-models for {len(args.models)} --models; allowed: 1 or as many"
        )
    for name, tester in zip(args.models, testers, strict=True):
        _load(name)  # a wrong name is said before anything runs
        if tester is not None:
            _load_tester(tester)
    return [
        Job(name, tester, group, seed, tuple(args.errands), settings)
        for name, tester in zip(args.models, testers, strict=True)
        for group, seed in case_names(problems, args.seed)
    ]


def run_jobs(do: Callable[[Job], RowT], jobs: Sequence[Job], workers: int) -> dict[str, list[RowT]]:
    """Rows of each model, in the order of the jobs; ``do`` is a function of a module."""
    if workers == 1:
        return _collected(jobs, map(do, jobs))
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        return _collected(jobs, pool.map(do, jobs))


def _collected(jobs: Sequence[Job], rows: Iterable[RowT]) -> dict[str, list[RowT]]:
    found: dict[str, list[RowT]] = {}
    begun = time.monotonic()
    for number, (job, row) in enumerate(zip(jobs, rows, strict=True), 1):
        found.setdefault(job.model, []).append(row)
        if number % 10 == 0 or number == len(jobs):
            print(f"{number} of {len(jobs)} problems in {time.monotonic() - begun:.0f} s", flush=True)
    return found


def parts_of(job: Job) -> tuple[Case, MakeModel, MakeTester | None]:
    """The problem, a maker of models that remember nothing, and one of world models."""
    case, known = make_case(job.group, job.seed, job.errands), _load(job.model)

    def make_model() -> LocalModel:
        return LocalModel(known.network, known.words, known.name, known.careful, known.device)

    if job.feedback_model is None:
        return case, make_model, None
    return case, make_model, functools.partial(_load_tester(job.feedback_model), case.task)


@functools.cache
def _load(folder: str) -> LocalModel:
    return cast(LocalModel, load_local_model(folder))


@functools.cache
def _load_tester(folder: str) -> FeedbackModel:
    return load_feedback_model(folder)
