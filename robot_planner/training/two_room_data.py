# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the world model of the two rooms learns from: wandering, pressing against walls, and plans that it got wrong."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from robot_planner.planning.cem import Cem, CemConfig
from robot_planner.planning.grasp import Grasp, GraspConfig
from robot_planner.point_world import ROOM_WORLD
from robot_planner.simulation.two_room import DOOR, HIGH, LOW, WALL, Positions, is_free, rollout, sample_problem
from robot_planner.types import Problem
from robot_planner.world import PlanningWorld

NEAR = 15.0
"""Of an episode "near the walls", how far from a wall it begins at most [px]."""


class Episodes(NamedTuple):
    """E episodes of T actions."""

    positions: Positions
    """(E, T+1, 2) [px]."""
    actions: npt.NDArray[np.float64]
    """(E, T, 2) in [-1, 1]."""


def wander(episodes: int, steps: int, near_walls: float, seed: int) -> Episodes:
    """Random smooth ways; a share ``near_walls`` of them begins at the wall between the rooms and presses on."""
    rng = np.random.default_rng([seed, 3])
    start = np.empty((0, 2))
    while len(start) < episodes:
        drawn = rng.uniform(LOW, HIGH, (2 * episodes, 2))
        start = np.concatenate([start, drawn[is_free(drawn)]])
    start = start[:episodes]
    pressing = np.flatnonzero(rng.random(episodes) < near_walls)
    side = rng.random(len(pressing)) < 0.5
    offset = rng.uniform(0.0, NEAR, len(pressing))
    # half of them about the door, whose corners are the hardest to learn
    door = (DOOR[0] + DOOR[1]) / 2 + rng.uniform(-2.0, 2.0, len(pressing)) * (DOOR[1] - DOOR[0])
    start[pressing, 0] = np.where(side, WALL[0] - offset, WALL[1] + offset)
    start[pressing, 1] = np.where(rng.random(len(pressing)) < 0.5, door.clip(LOW, HIGH), start[pressing, 1])
    drift = rng.uniform(-1.0, 1.0, (episodes, 2))
    drift[pressing, 0] = np.where(side, 1.0, -1.0) * rng.uniform(0.2, 1.2, len(pressing))
    size, memory = rng.choice([0.2, 0.6, 1.2], (episodes, 1)), rng.choice([0.0, 0.7, 0.95], (episodes, 1))
    noise, actions = np.zeros((episodes, 2)), np.empty((steps, episodes, 2))
    for t in range(steps):
        noise = memory * noise + np.sqrt(1.0 - memory**2) * rng.standard_normal((episodes, 2))
        actions[t] = np.clip(drift + size * noise, -1.0, 1.0)
        turn = rng.random(episodes) < 0.05
        drift[turn] = rng.uniform(-1.0, 1.0, (int(turn.sum()), 2))
    return Episodes(rollout(start, actions).swapaxes(0, 1), actions.swapaxes(0, 1))


def planned(world: PlanningWorld, seeds: Sequence[int], horizon: int) -> Episodes:
    """Plans of the model for problems of these seeds as they are carried out: data where planners lead it."""
    drawn = [sample_problem(seed, horizon) for seed in seeds]
    ends = np.array([[problem.start, problem.goal] for problem in drawn])
    problems = [Problem(*latents) for latents in ROOM_WORLD.see(world, ends)]
    shared: dict[str, Any] = {"horizon": horizon, "terminal_weight": 100.0, "max_memory": 16384}
    planners = [
        Grasp(world.dynamics, world.metric(), GraspConfig(**shared, iterations=60, restarts=2)),
        Cem(world.dynamics, world.metric(), CemConfig(**shared, iterations=15, samples=100, elites=10)),
    ]
    start = np.concatenate([np.stack([problem.start for problem in drawn])] * len(planners))
    plans = [plan for planner in planners for plan in planner.plan_batch(problems)]
    actions = np.stack([plan.actions for plan in plans], axis=1).astype(np.float64)
    return Episodes(rollout(start, actions).swapaxes(0, 1), actions.swapaxes(0, 1))
