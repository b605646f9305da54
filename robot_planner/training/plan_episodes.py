# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Episodes in which the tabletop's own model plans: data where planning leads, and where the model is wrong.

A model that never saw what its plans do flatters them: planners look for its errors. Half of the episodes carry plans
out without another look, so that what a plan was wrong about shows in the data; the rest look again as at work.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from robot_planner.perception.images import Crop
from robot_planner.planning.grasp import Grasp, GraspConfig
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.workspace import STEP_SECONDS, TOOL_HIGH, TOOL_LOW
from robot_planner.training.behaviour import Behaviour
from robot_planner.training.gather import Places, record_episode, shard_jobs, write_episodes
from robot_planner.training.shards import make_missing
from robot_planner.types import Plan, Problem
from robot_planner.world import World, load_world

TASKS = ("reach", "around", "push")
"""Of the episodes, in turn."""
HORIZON = 16
"""Of their plans [actions]."""
LOOKS = ((HORIZON, 60), (1, 6), (HORIZON, 60), (4, 20))
"""Actions carried out before the next plan and iterations of a plan, in turn."""
REACHED = 0.02
"""Distance by the goal metric at which an episode goes on with scripted behaviour [m]."""


class PlannedBehaviour:
    """Carries out plans towards a goal image until the model reads it as reached; then does as ``Behaviour`` does."""

    def __init__(self, world: World, goal: npt.NDArray[np.uint8], seed: int, every: int, iterations: int) -> None:
        """``goal``: the camera's image of it; ``every``: actions of a plan that are carried out."""
        config = GraspConfig(horizon=HORIZON, iterations=iterations, candidates=96, seed=seed)
        self._planner = Grasp(world.dynamics, world.metric(), config)
        self._world, self._every = world, every
        self._goal = world.encoder.encode(goal[None, None])[0]
        self._after = Behaviour(np.random.default_rng([seed, 7]), TOOL_LOW, TOOL_HIGH)
        self._plan: Plan | None = None
        self._steps, self._reached = 0, False

    def act(self, image: npt.NDArray[np.uint8], tool: Places, blocks: Places) -> npt.NDArray:
        """See ``gather.Act``."""
        self._reached = self._reached or self._is_reached(image)
        if self._reached:
            return self._after.act(tool, blocks)
        position = self._steps % self._every
        if self._plan is None or position == 0:
            start = self._world.encoder.encode(image[None, None])[0]
            stamp = round(1e9 * STEP_SECONDS * self._steps)
            self._plan, position = self._planner.plan(Problem(start, self._goal, stamp)), 0
        self._steps += 1
        return self._plan.actions[position]

    def _is_reached(self, image: npt.NDArray[np.uint8]) -> bool:
        latent = self._world.encoder.encode(image[None, None])[0]
        return self._world.goal_distance(latent, self._goal) <= REACHED


def gather_planned_shard(path: Path, model: Path, first_seed: int, episodes: int, steps: int, crop: Crop) -> Path:
    """Writes one shard, as those of ``gather.py``, whole or not at all."""
    world, rows = load_world(model), []
    with Tabletop() as tabletop:
        for seed in range(first_seed, first_seed + episodes):
            tabletop.reset(TASKS[seed % len(TASKS)], seed)
            behaviour = PlannedBehaviour(world, tabletop.goal_image(), seed, *LOOKS[seed // len(TASKS) % len(LOOKS)])
            rows.append(record_episode(tabletop, seed, steps, False, crop, behaviour.act))
    return write_episodes(path, rows)


def gather_planned(
    folder: Path,
    model: Path,
    episodes: int,
    steps: int,
    first_seed: int,
    crop: Crop,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Gathers what is missing of ``episodes`` episodes planned by the model in a folder, as ``gather`` does."""
    jobs = [(path, model, *seeds, steps, crop) for path, *seeds in shard_jobs(folder, episodes, steps, first_seed)]
    return make_missing(gather_planned_shard, jobs, workers, progress)
