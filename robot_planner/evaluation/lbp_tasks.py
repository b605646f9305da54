# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The tasks on which LBP is measured: one to five stages, many layouts each, every one with its instruction."""

from dataclasses import dataclass

import numpy as np

from robot_planner.arrangement import BIN_A, BIN_B, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.language.phrases import phrase
from robot_planner.language.words import TRAINING, Split
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks.tidy import stages

TASKS = {"lift": 1, "open": 1, "shut": 1, "bin": 2, "stow": 3, "stow-shut": 4, "bin-stow": 5}
"""Name -> number of stages."""


@dataclass(frozen=True)
class TaskEpisode:
    """One episode of the bench."""

    name: str
    task: str
    """What Tabletop.reset takes."""
    seed: int
    instruction: str


def _arrangement(name: str, rng: np.random.Generator) -> Arrangement:
    one, two = (int(x) for x in rng.permutation(3)[:2])
    where = str(rng.choice([BIN_A, BIN_B]))
    places: list[str | None] = [None, None, None]
    drawer = {"open": OPEN, "shut": SHUT, "stow-shut": SHUT}.get(name)
    if name == "lift":
        places[one] = HAND
    if name in ("bin", "bin-stow"):
        places[one] = where
    if name.startswith("stow") or name == "bin-stow":
        places[two] = DRAWER
    return Arrangement((places[0], places[1], places[2]), drawer)


def task_episodes(
    tabletop: Tabletop, name: str, count: int, first_seed: int, split: Split = TRAINING
) -> list[TaskEpisode]:
    """``count`` episodes of exactly the task's number of stages, from ``first_seed`` on; ``split`` of the phrasings."""
    episodes: list[TaskEpisode] = []
    seed = first_seed
    while len(episodes) < count:
        rng = np.random.default_rng([seed, 17])
        arrangement = _arrangement(name, rng)
        task = f"tidy/{arrangement}"
        tabletop.reset(task, seed)
        if stages(tabletop.episode, tabletop.state)[1] == TASKS[name]:
            episodes.append(TaskEpisode(name, task, seed, phrase(arrangement, rng, split)))
        seed += 1
    return episodes
