# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench lbp-success``: tasks of one to five stages from camera frames alone; the environment decides.

Each model given is one arm of the table: the shipped one, or variants that `./run train lbp` made with another planner,
depth, fusion or goal. All arms see the same episodes. Nothing of the simulator's truth reaches a model.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation.lbp_rollout import Outcome, roll_out, time_limit
from robot_planner.evaluation.lbp_tasks import TASKS, TaskEpisode, task_episodes
from robot_planner.evaluation.statistics import success_fields
from robot_planner.language.words import HELD_OUT, TRAINING
from robot_planner.lbp import load_lbp
from robot_planner.perception.images import to_square
from robot_planner.policy.chunks import ChunkConfig
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--models", nargs="+", default=["tidy"], help="names or folders (default: tidy)")
    parser.add_argument("--tasks", nargs="+", default=list(TASKS), metavar="TASK", help=f"of {', '.join(TASKS)}")
    parser.add_argument("--episodes", type=int, default=50, help="of each task (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first layout (default: held-out)")
    parser.add_argument("--phrases", choices=(TRAINING, HELD_OUT), default=TRAINING, help="phrasings")
    parser.add_argument("--rows", type=int, default=2, help="rows of 0.1 s executed of each chunk (default: 2)")
    parser.add_argument("--ensemble", action="store_true", help="average the last chunks, as ACT does")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")


def run_episodes(
    model: str, episodes: list[TaskEpisode], rows: int, ensemble: bool = False
) -> list[tuple[Outcome, str]]:
    """All episodes with one model -> outcome, and why the instruction was refused, if it was."""
    chunks = ChunkConfig(ensemble=ensemble)
    torch.set_num_threads(1)
    lbp, outcomes = load_lbp(model), []
    with Tabletop() as tabletop:
        for episode in episodes:
            tabletop.reset(episode.task, episode.seed)
            goal = None
            if lbp.policy.config.goals == "image":
                image = to_square(tabletop.goal_image("front"), lbp.encoder.config.front_size)
                wrist = np.zeros((1, lbp.encoder.config.wrist_size, lbp.encoder.config.wrist_size, 3), np.uint8)
                goal = lbp.encoder.encode_views(image[None], wrist)[0, : lbp.encoder.plan_dim]
            total = TASKS[episode.name]
            try:
                act = lbp.actor(episode.instruction, goal)
            except InvalidInputError as error:
                outcomes.append((Outcome(False, 0, total, 0.0), str(error)))
                continue
            outcomes.append((roll_out(tabletop, act, time_limit(total), rows, chunks=chunks), ""))
    return outcomes


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each model and task, and one for each model's mean."""
    if min(args.episodes, args.rows, args.workers) < 1:
        raise InvalidInputError("--episodes, --rows and --workers are positive numbers")
    for task in args.tasks:
        if task not in TASKS:
            raise UnknownNameError("task", task, TASKS)
    for model in args.models:
        load_lbp(model)  # a wrong name is said before anything runs
    return list(_records(args))


def _records(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with Tabletop() as tabletop:
        episodes = {name: task_episodes(tabletop, name, args.episodes, args.seed, args.phrases) for name in args.tasks}
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        jobs = {
            (model, name): [
                pool.submit(run_episodes, model, episodes[name][part :: args.workers], args.rows, args.ensemble)
                for part in range(args.workers)
            ]
            for model in args.models
            for name in args.tasks
        }
        for (model, name), futures in jobs.items():
            outcomes = [outcome for future in futures for outcome in future.result()]
            yield record(model, name, args.phrases, outcomes) | {"rows": args.rows, "ensemble": args.ensemble}


def record(model: str, name: str, phrases: str, outcomes: list[tuple[Outcome, str]]) -> dict[str, Any]:
    """One cell of the table."""
    done = [outcome for outcome, _ in outcomes]
    won = [outcome.seconds for outcome in done if outcome.success]
    fields = {
        "model": model,
        "task": name,
        "stages": TASKS[name],
        "phrases": phrases,
        "episodes": len(done),
        **success_fields([outcome.success for outcome in done], "success"),
        "stage_score": float(np.mean([outcome.stages_done / outcome.stages for outcome in done])),
        "refused": sum(bool(why) for _, why in outcomes),
        "median_seconds_of_successes": float(np.median(won)) if won else float("nan"),
    }
    print(f"{model} {name}: {fields['success']:.2f} stages {fields['stage_score']:.2f}", flush=True)
    return fields
