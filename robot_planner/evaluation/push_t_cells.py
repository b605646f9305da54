# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Push-T as the bench of planners sees it: a plan has to push. Horizons are the environment's steps, five an action.

Both tests that the literature uses stand in a record: ``environment_success`` is DINO-WM's, by which planners are
compared there; ``coverage_success`` is the environment's own, coverage > 0.95, which takes a block within about 2 px.
"""

import functools

import numpy.typing as npt
import torch

from robot_planner.evaluation.planning_cells import CellWorld
from robot_planner.push_t_world import PushDistance, load_push_world, to_latents, to_steps
from robot_planner.simulation.push_t import SKIP, STEP_SECONDS, PushT, judged, require_push_t
from robot_planner.simulation.push_t_problems import PushProblem, sample_problem
from robot_planner.types import Plan, Problem
from robot_planner.world import PlanningWorld

TOLERANCE = 0.5
"""Half of what the test "DINO-WM" allows."""
METRIC = PushDistance()


class PushTrial:
    """A problem of Push-T; see Trial."""

    def __init__(self, problem: PushProblem) -> None:
        self._environment, self._goal = PushT(), problem.goal
        self._environment.reset(problem.start)

    def problem(self, steps: int) -> Problem:
        """See Trial."""
        stamp = int(steps * SKIP * STEP_SECONDS * 1e9)
        return Problem(to_latents(self._environment.state), to_latents(self._goal), stamp)

    def carry_out(self, action: npt.NDArray) -> None:
        """See Trial."""
        for step in to_steps(action):
            self._environment.step(step)

    def believes(self, plan: Plan) -> bool:
        """See Trial."""
        end, goal = torch.from_numpy(plan.states[-1]), torch.from_numpy(to_latents(self._goal))
        return bool(METRIC.distance(end, goal) < 1.0)

    def distance(self) -> float:
        """See Trial; in units of what the test "DINO-WM" allows."""
        present, goal = (torch.from_numpy(to_latents(state)) for state in (self._environment.state, self._goal))
        return float(METRIC.distance(present, goal))

    def arrived(self) -> bool:
        """See Trial."""
        return self.distance() <= TOLERANCE

    def verdicts(self) -> dict[str, bool]:
        """See Trial."""
        verdicts = judged(self._environment, self._goal)
        return {"environment_success": verdicts["DINO-WM"], "coverage_success": verdicts["coverage > 0.95"]}


def _load(model: str | None) -> PlanningWorld:
    require_push_t()
    return load_push_world(model or "push-t")


_problem = functools.cache(sample_problem)


def _trial(seed: int, horizon: int) -> PushTrial:
    return PushTrial(_problem(seed, horizon))


PUSH_T = CellWorld(
    name="pusht",
    place="in Push-T",
    success_test="DINO-WM (coverage_success: coverage > 0.95)",
    horizons=(40, 50, 60, 70, 80),
    skip=SKIP,
    tolerance=TOLERANCE,
    unit=METRIC.unit,
    settings="push_t.yaml",
    load=_load,
    trial=_trial,
)
