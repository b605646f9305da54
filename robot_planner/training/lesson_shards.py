# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Lessons of the task planner on disk: examples of many lengths, one after the other, in shards that can be resumed."""

import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.network import FIELDS, StepNetworkConfig
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.tokens import PromptReader
from robot_planner.training.plan_batches import ExampleMaker, PlanExample
from robot_planner.training.plan_lessons import LONGEST_WRITTEN, Answer, lessons_of, word_list
from robot_planner.training.shards import make_missing, write_arrays

PROBLEMS_PER_SHARD = 250


def write_examples(path: Path, examples: Sequence[PlanExample]) -> Path:
    """Writes a shard, whole or not at all."""
    arrays = {
        "lengths": np.array([e.lengths for e in examples], np.int16),
        "things": np.array([len(e.names) for e in examples], np.int16),
        "usable": np.array([len(e.words) for e in examples], np.int16),
        "tokens": np.concatenate([e.tokens for e in examples]),
        "names": np.concatenate([e.names for e in examples]),
        "targets": np.concatenate([e.targets for e in examples]),
        "words": np.concatenate([e.words for e in examples]),
        "allowed": np.packbits(np.concatenate([e.allowed.ravel() for e in examples])),
    }
    return write_arrays(path, arrays, compressed=True)


def read_examples(paths: Iterable[Path]) -> list[PlanExample]:
    """All examples of shards; raises InvalidInputError for a file that is none."""
    return [example for path in paths for example in _read(path)]


def _read(path: Path) -> list[PlanExample]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        lengths, things, usable = (arrays[key].astype(np.int64) for key in ("lengths", "things", "usable"))
        plans = lengths[:, 3]
        bits = np.unpackbits(arrays["allowed"])[: int((plans * 2 * things).sum())].astype(bool)
        columns = [
            np.split(array, np.cumsum(counts)[:-1])
            for array, counts in (
                (arrays["tokens"].reshape(-1, FIELDS), lengths.sum(1)),
                (arrays["names"], things),
                (arrays["targets"].reshape(-1, 3), plans),
                (arrays["words"], usable),
                (bits, plans * 2 * things),
            )
        ]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidInputError(f"{path}: not a readable shard of lessons ({error})") from None
    return [
        PlanExample(tokens, tuple(row), names, targets, words, allowed.reshape(len(targets), 2, len(names)))
        for row, tokens, names, targets, words, allowed in zip(lengths.tolist(), *columns, strict=True)
    ]


def gather_shard(
    path: Path, seeds: range, config: StepNetworkConfig, model: Path | None = None, longest: int = LONGEST_WRITTEN
) -> Path:
    """The lessons of these problems; with a model its own equilibria are what is corrected."""
    maker = ExampleMaker(PromptReader(word_list()), config)
    answer = None if model is None else equilibrium_of(model, longest)
    rows = []
    for seed in seeds:
        rows += [
            maker.example(x.prefix, x.suffix, x.plan, x.scene, x.mistakes) for x in lessons_of(seed, answer=answer)
        ]
    return write_examples(path, rows)


def equilibrium_of(folder: Path, longest: int = LONGEST_WRITTEN) -> Answer:
    """What a model's refinement of a draft stands still at; ``longest`` tokens a plan."""
    import torch

    from robot_planner.task_planning.equilibrium import solve_discrete
    from robot_planner.task_planning.grammar import Grammar
    from robot_planner.task_planning.local_model import load_local_model
    from robot_planner.task_planning.plan_task import Refinement

    torch.set_num_threads(1)
    model = load_local_model(folder)

    def answer(prefix: str, draft: TaskPlan | None, grammar: Grammar) -> TaskPlan:
        found = solve_discrete(Refinement(model, prefix, grammar), draft, cap=6, tokens_per_plan=longest)
        return found.plan or TaskPlan()

    return answer


def gather(
    folder: Path,
    problems: int,
    first_seed: int,
    config: StepNetworkConfig,
    workers: int,
    model: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    make: Callable[..., Path] = gather_shard,
) -> list[Path]:
    """Shards of ``problems`` problems, each by ``make``; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for begin in range(first_seed, first_seed + problems, PROBLEMS_PER_SHARD):
        seeds = range(begin, min(begin + PROBLEMS_PER_SHARD, first_seed + problems))
        jobs.append((folder / f"lessons_{begin}_{len(seeds)}.npz", seeds, config, model))
    return make_missing(make, jobs, workers, progress)
