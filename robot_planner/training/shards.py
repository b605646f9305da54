# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards of data: written whole, made in processes of their own, those that are there already kept."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray], compressed: bool = False) -> Path:
    """Writes an npz file, whole or not at all; its folder must be there."""
    part = path.with_name(f"{path.name}.part")
    save: Any = np.savez_compressed if compressed else np.savez
    with part.open("wb") as file:
        save(file, allow_pickle=False, **arrays)
    part.replace(path)
    return path


def make_missing(
    make: Callable[..., Any],
    jobs: Sequence[tuple[Any, ...]],
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Calls ``make(*job)`` for each job whose first entry, the shard's path, isn't there; returns all paths.

    ``make`` is a function of a module and writes its shard whole or not at all. ``progress(done, total)`` is called
    after each; what a process raises is raised here.
    """
    missing = [job for job in jobs if not job[0].exists()]
    done = len(jobs) - len(missing)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(make, *job) for job in missing]):
            future.result()
            done += 1
            if progress:
                progress(done, len(jobs))
    return [job[0] for job in jobs]
