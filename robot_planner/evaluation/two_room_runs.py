# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planners in the two rooms: plans carried out whole, and closed loop; the environment judges, the model is asked too.

Budgets and times are seconds of the planning thread's own work (``time.thread_time``), so that whatever else the
machine does is nobody's advantage. A plan ends early when the model believes that it ends within TOLERANCE of the
goal. What the environment says is read at the end and reaches no planner.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robot_planner.evaluation.statistics import median_and_p99, success_fields
from robot_planner.planning.planner import Planner
from robot_planner.point_world import REACH, to_latents
from robot_planner.simulation.two_room import STEP_SECONDS, SUCCESS, Positions, RoomProblem, rollout, step, success
from robot_planner.types import Plan, Problem

TOLERANCE = 8.0
"""Distance at which the model's word for it is taken: half of the success test's [px]."""
PATIENCE = 2
"""Closed loop ends after so many horizons."""
CLOCK = time.thread_time


@dataclass(frozen=True)
class RoomOutcome:
    """What a problem came to."""

    success: bool
    """By the environment."""
    believed: bool
    """By the model: whether the plan ends within the success test's distance; closed loop: whether all plans did."""
    distance: float
    """From the goal at the end [px]."""
    steps: int
    plan_seconds: tuple[float, ...]
    iterations: tuple[int, ...]

    @property
    def seconds(self) -> float:
        """All planning for the problem."""
        return sum(self.plan_seconds)


def as_problem(position: Positions, goal: Positions, stamp: int = 0) -> Problem:
    """A problem for a planner."""
    return Problem(to_latents(position), to_latents(goal), stamp)


def believes(plan: Plan, goal: Positions) -> bool:
    """Whether the model's rollout of the plan passes the success test."""
    return bool(REACH * np.linalg.norm(plan.states[-1] - to_latents(goal)) < SUCCESS)


def open_loop(planner: Planner, problem: RoomProblem, budget: float | None) -> RoomOutcome:
    """One plan from scratch, carried out whole; ``budget`` [s]."""
    planner.reset()
    deadline = None if budget is None else CLOCK() + budget
    plan = planner.plan(as_problem(problem.start, problem.goal), deadline)
    end = rollout(problem.start[None], plan.actions[:, None])[-1, 0]
    return RoomOutcome(
        bool(success(end, problem.goal)),
        believes(plan, problem.goal),
        float(np.linalg.norm(end - problem.goal)),
        len(plan.actions),
        (plan.seconds,),
        (plan.iterations,),
    )


def closed_loop(planner: Planner, problem: RoomProblem, budget: float | None, horizon: int, every: int) -> RoomOutcome:
    """Plans anew at every ``every``-th step, until the position is within TOLERANCE or PATIENCE horizons are over.

    ``budget`` [s] is for each plan.
    """
    planner.reset()
    position, count, plans = problem.start, 0, list[Plan]()
    while count < PATIENCE * horizon and np.linalg.norm(position - problem.goal) > TOLERANCE:
        deadline = None if budget is None else CLOCK() + budget
        plan = planner.plan(as_problem(position, problem.goal, int(count * STEP_SECONDS * 1e9)), deadline)
        plans.append(plan)
        for action in plan.actions[:every]:
            position = step(position[None], action[None])[0]
            count += 1
            if np.linalg.norm(position - problem.goal) <= TOLERANCE:
                break
    return RoomOutcome(
        bool(success(position, problem.goal)),
        all(believes(plan, problem.goal) for plan in plans),
        float(np.linalg.norm(position - problem.goal)),
        count,
        tuple(plan.seconds for plan in plans),
        tuple(plan.iterations for plan in plans),
    )


def outcome_fields(outcomes: Sequence[RoomOutcome]) -> dict[str, Any]:
    """Flat fields of a cell."""
    real, believed = [o.success for o in outcomes], [o.believed for o in outcomes]
    return {
        "problems": len(outcomes),
        **success_fields(real, "environment_success"),
        **success_fields(believed, "model_success"),
        "difference": (sum(believed) - sum(real)) / max(len(outcomes), 1),
        "believed_but_failed": sum(b and not r for b, r in zip(believed, real, strict=True)),
        "seconds_median": median_and_p99([o.seconds for o in outcomes])[0],
        "seconds_median_of_successes": median_and_p99([o.seconds for o in outcomes if o.success])[0],
        "plan_ms_median": 1e3 * median_and_p99([s for o in outcomes for s in o.plan_seconds])[0],
        "plan_ms_p99": 1e3 * median_and_p99([s for o in outcomes for s in o.plan_seconds])[1],
        "iterations_median": median_and_p99([n for o in outcomes for n in o.iterations])[0],
        "steps_median_of_successes": median_and_p99([o.steps for o in outcomes if o.success])[0],
        "distance_px_median": median_and_p99([o.distance for o in outcomes])[0],
    }


LOOPS: dict[str, Callable[[Planner, RoomProblem, float, int, int], RoomOutcome]] = {
    "open": lambda planner, problem, budget, horizon, every: open_loop(planner, problem, budget),
    "closed": closed_loop,
}
