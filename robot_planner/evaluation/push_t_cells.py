# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Push-T as the bench of planners sees it: a plan has to push. Horizons are the environment's steps, five an action.

Both tests that the literature uses stand in a record: ``environment_success`` is DINO-WM's, by which planners are
compared there; ``coverage_success`` is the environment's own, coverage > 0.95, which takes a block within about 2 px.
"""

import functools

import numpy as np
import numpy.typing as npt

from robot_planner.evaluation.planning_cells import CellWorld
from robot_planner.push_t_world import PUSH_T_WORLD, PushDistance, load_push_world, to_steps
from robot_planner.simulation.push_t import SKIP, STEP_SECONDS, PushT, judged, require_push_t
from robot_planner.simulation.push_t_problems import PushProblem, sample_problem
from robot_planner.types import FloatArray, Problem
from robot_planner.world import PlanningWorld

LIMIT = 1.0
"""What the test "DINO-WM" allows."""
TOLERANCE = LIMIT / 2


class PushTrial:
    """A problem of Push-T as a world sees it; see Trial."""

    def __init__(self, world: PlanningWorld, problem: PushProblem) -> None:
        self._world, self._environment, self._judge = world, PushT(), problem.goal
        self._environment.reset(problem.start)
        # at the goal, all is to rest
        self._present, self._goal = (
            PUSH_T_WORLD.see(world, np.stack(way))[0]
            for way in ((problem.before, problem.start), (problem.goal, problem.goal))
        )

    def problem(self, steps: int) -> Problem:
        """See Trial."""
        return Problem(self._present, self._goal, int(steps * SKIP * STEP_SECONDS * 1e9))

    def carry_out(self, action: npt.NDArray) -> None:
        """See Trial."""
        way = [self._environment.step(step) for step in to_steps(action)]
        self._present = PUSH_T_WORLD.see(self._world, np.stack(way[-2:]))[0]

    def believes(self, latent: FloatArray) -> bool:
        """See Trial."""
        return self._world.goal_distance(latent, self._goal) < LIMIT

    def distance(self) -> float:
        """See Trial; in units of what the test "DINO-WM" allows."""
        return self._world.goal_distance(self._present, self._goal)

    def arrived(self) -> bool:
        """See Trial."""
        return self.distance() <= TOLERANCE

    def verdicts(self) -> dict[str, bool]:
        """See Trial."""
        verdicts = judged(self._environment, self._judge)
        return {"environment_success": verdicts["DINO-WM"], "coverage_success": verdicts["coverage > 0.95"]}


def _load(model: str | None) -> PlanningWorld:
    require_push_t()
    return load_push_world(model or "push-t")


_problem = functools.cache(sample_problem)


def _trial(world: PlanningWorld, seed: int, horizon: int) -> PushTrial:
    return PushTrial(world, _problem(seed, horizon))


PUSH_T = CellWorld(
    name="pusht",
    place="in Push-T",
    success_test="DINO-WM (coverage_success: coverage > 0.95)",
    horizons=(40, 50, 60, 70, 80),
    skip=SKIP,
    limit=LIMIT,
    tolerance=TOLERANCE,
    unit=PushDistance.unit,
    settings={"open": "push_t.yaml", "closed": "push_t_closed.yaml"},
    load=_load,
    trial=_trial,
)
