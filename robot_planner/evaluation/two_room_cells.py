# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The two rooms as the bench of planners sees them: where the greedy way is a dead end. The test is "16 px"."""

import numpy as np
import numpy.typing as npt

from robot_planner.evaluation.planning_cells import CellWorld
from robot_planner.point_world import ROOM_WORLD, load_point_world
from robot_planner.simulation.two_room import STEP_SECONDS, SUCCESS, RoomProblem, sample_problem, step, success
from robot_planner.types import FloatArray, Problem
from robot_planner.world import PlanningWorld

TOLERANCE = SUCCESS / 2
"""[px]."""


class RoomTrial:
    """A problem of the two rooms as a world sees it; see Trial."""

    def __init__(self, world: PlanningWorld, problem: RoomProblem) -> None:
        self.position, self._world, self._judge = problem.start, world, problem.goal
        self._present, self._goal = ROOM_WORLD.see(world, np.stack([problem.start, problem.goal]))

    def problem(self, steps: int) -> Problem:
        """See Trial."""
        return Problem(self._present, self._goal, int(steps * STEP_SECONDS * 1e9))

    def carry_out(self, action: npt.NDArray) -> None:
        """See Trial."""
        self.position = step(self.position[None], action[None])[0]
        self._present = ROOM_WORLD.see(self._world, self.position[None])[0]

    def believes(self, latent: FloatArray) -> bool:
        """See Trial."""
        return self._world.goal_distance(latent, self._goal) < SUCCESS

    def distance(self) -> float:
        """See Trial; [px]."""
        return self._world.goal_distance(self._present, self._goal)

    def arrived(self) -> bool:
        """See Trial."""
        return self.distance() <= TOLERANCE

    def verdicts(self) -> dict[str, bool]:
        """See Trial."""
        return {"environment_success": bool(success(self.position, self._judge))}


def _load(model: str | None) -> PlanningWorld:
    return load_point_world(model or "two-room")


def _trial(world: PlanningWorld, seed: int, horizon: int) -> RoomTrial:
    return RoomTrial(world, sample_problem(seed, horizon))


ROOMS = CellWorld(
    name="two-room",
    place="in the two rooms",
    success_test="16 px",
    horizons=(10, 20, 30, 50, 80),
    skip=1,
    limit=SUCCESS,
    tolerance=TOLERANCE,
    unit="px",
    settings={"open": "two_room.yaml", "closed": "two_room.yaml"},
    load=_load,
    trial=_trial,
)
