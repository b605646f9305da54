# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The two rooms as the bench of planners sees them: where the greedy way is a dead end. The test is "16 px"."""

import numpy as np
import numpy.typing as npt

from robot_planner.evaluation.planning_cells import CellWorld
from robot_planner.point_world import REACH, load_point_world, to_latents
from robot_planner.simulation.two_room import STEP_SECONDS, SUCCESS, RoomProblem, sample_problem, step, success
from robot_planner.types import Plan, Problem
from robot_planner.world import PlanningWorld

TOLERANCE = 8.0
"""Half of the success test's [px]."""


class RoomTrial:
    """A problem of the two rooms; see Trial."""

    def __init__(self, problem: RoomProblem) -> None:
        self.position, self.goal = problem.start, problem.goal

    def problem(self, steps: int) -> Problem:
        """See Trial."""
        return Problem(to_latents(self.position), to_latents(self.goal), int(steps * STEP_SECONDS * 1e9))

    def carry_out(self, action: npt.NDArray) -> None:
        """See Trial."""
        self.position = step(self.position[None], action[None])[0]

    def believes(self, plan: Plan) -> bool:
        """See Trial."""
        return bool(REACH * np.linalg.norm(plan.states[-1] - to_latents(self.goal)) < SUCCESS)

    def distance(self) -> float:
        """See Trial; [px]."""
        return float(np.linalg.norm(self.position - self.goal))

    def arrived(self) -> bool:
        """See Trial."""
        return self.distance() <= TOLERANCE

    def verdicts(self) -> dict[str, bool]:
        """See Trial."""
        return {"environment_success": bool(success(self.position, self.goal))}


def _load(model: str | None) -> PlanningWorld:
    return load_point_world(model or "two-room")


def _trial(seed: int, horizon: int) -> RoomTrial:
    return RoomTrial(sample_problem(seed, horizon))


ROOMS = CellWorld(
    name="two-room",
    place="in the two rooms",
    success_test="16 px",
    horizons=(10, 20, 30, 50, 80),
    skip=1,
    tolerance=TOLERANCE,
    unit="px",
    settings="two_room.yaml",
    load=_load,
    trial=_trial,
)
