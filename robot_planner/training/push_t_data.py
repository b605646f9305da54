# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the world model of Push-T learns from: scripted pushing, stirring about the block, and plans it got wrong."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from robot_planner.planning.cem import Cem, CemConfig
from robot_planner.planning.grasp import Grasp, GraspConfig
from robot_planner.planning.members import MembersApart
from robot_planner.planning.planner import Planner
from robot_planner.push_t_world import PUSH_T_WORLD, to_steps
from robot_planner.simulation.push_t import AGENT, REACH, SKIP, PushT, States
from robot_planner.simulation.push_t_problems import Pusher, centres, random_state, sample_problem
from robot_planner.types import Problem
from robot_planner.world import PlanningWorld

BELIEVED = 0.5
"""Distance to the goal at which a plan that is learned from ends; see PushDistance."""


class Episodes(NamedTuple):
    """E episodes of T steps of the environment."""

    states: States
    """(E, T+1, 7)."""
    actions: npt.NDArray[np.float64]
    """(E, T, 2) in [-1, 1]."""
    before: States
    """(E, 7) one step before the first; the first itself where all was at rest."""


class Stirrer:
    """Random moves about the block: towards one point near it after another, with as much noise as aim."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._point, self._noise = rng, np.zeros(2), np.zeros(2)
        self._memory, self._size = rng.choice([0.0, 0.5, 0.9]), rng.choice([0.2, 0.5, 1.0])

    def action(self, state: States) -> npt.NDArray[np.float64]:
        """The next action (2,) in [-1, 1]."""
        if self._rng.random() < 0.12 or not self._point.any():
            self._point = centres(state) + self._rng.uniform(-110.0, 110.0, 2)
        way = (self._point - state[AGENT]) / REACH
        fresh = np.sqrt(1.0 - self._memory**2) * self._rng.standard_normal(2)
        self._noise = self._memory * self._noise + self._size * fresh
        return np.clip(way / max(1.0, float(np.linalg.norm(way))) + self._noise, -1.0, 1.0)


def gathered(episodes: int, steps: int, stirred: float, seed: int) -> Episodes:
    """Scripted pushing; a share ``stirred`` of the episodes is random moves about the block instead."""
    environment, states, actions = PushT(), [], []
    for number in range(episodes):
        rng = np.random.default_rng([seed, number, 11])
        policy = Stirrer(rng) if rng.random() < stirred else Pusher(rng)
        way, moves = [random_state(rng)], []
        environment.reset(way[0])
        for _ in range(steps):
            moves.append(policy.action(way[-1]))
            way.append(environment.step(moves[-1]))
        states.append(way)
        actions.append(moves)
    found = np.array(states)
    return Episodes(found, np.array(actions), found[:, 0])


def planners_of(world: PlanningWorld, horizon: int) -> list[Planner]:
    """Those that look hardest for what the model is wrong about: through its members' mean, and with each for itself.

    They stop as soon as the model believes a plan, as they do at work.
    """
    shared: dict[str, Any] = {
        "horizon": horizon // SKIP,
        "terminal_weight": 100.0,
        "smoothness_weight": 0.1,
        "tolerance": BELIEVED,
        "max_memory": 16384,
    }
    population = GraspConfig(
        **shared,
        uncertainty_weight=3.0,
        iterations=4,
        restarts=8,
        initial_spread=1.0,
        initial_states="line",
        sync="population",
        sync_every=1,
        sync_rate=1.0,
        sync_samples=12,
        sync_steps=16,
    )
    sampling = CemConfig(**shared, iterations=15, samples=300, elites=8, initial_spread=1.0)
    dynamics, metric = world.dynamics, world.metric()
    return [
        Grasp(dynamics, metric, population),
        MembersApart(dynamics, metric, lambda model, own: Grasp(model, own, population)),
        Cem(dynamics, metric, sampling),
    ]


def planned(world: PlanningWorld, seeds: Sequence[int], horizon: int) -> Episodes:
    """Plans of the model for problems of these seeds as they are carried out: data where planners lead it."""
    drawn = [sample_problem(seed, horizon) for seed in seeds]
    # start and goal as the world has them; a goal is a place to rest at
    ends = [[[one.before, one.start], [one.goal, one.goal]] for one in drawn]
    problems = [Problem(*latents[:, 0]) for latents in PUSH_T_WORLD.see(world, np.array(ends))]
    planners = planners_of(world, horizon)
    plans = [plan for planner in planners for plan in planner.plan_batch(problems)]
    environment, actions = PushT(), np.stack([to_steps(plan.actions) for plan in plans]).astype(np.float64)
    starts = [problem.start for problem in drawn] * len(planners)
    states = np.stack([environment.rollout(*pair) for pair in zip(starts, actions, strict=True)])
    return Episodes(states, actions, np.stack([problem.before for problem in drawn] * len(planners)))
