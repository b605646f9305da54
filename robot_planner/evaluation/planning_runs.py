# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Plans carried out whole, and closed loop, in any planning world; the environment judges, the model is asked too.

Budgets and times are seconds of the planning thread's own work (``time.thread_time``), so that whatever else the
machine does is nobody's advantage. A plan ends early when the model believes that it ends within the world's tolerance
of the goal. What the environment says is read at the end and reaches no planner.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy.typing as npt

from robot_planner.evaluation.statistics import median_and_p99, success_fields
from robot_planner.planning.planner import Planner
from robot_planner.types import FloatArray, Plan, Problem

PATIENCE = 2
"""Closed loop ends after so many horizons."""
WARM = 3
"""Solutions that do not count, before the first that does."""
CLOCK = time.thread_time
PlannerT = TypeVar("PlannerT", bound=Planner)
ResultT = TypeVar("ResultT")


class Trial(Protocol):
    """One problem in its environment, from its start on."""

    def problem(self, steps: int) -> Problem:
        """What a planner is asked after so many of the model's steps: from the present state to the goal."""
        ...

    def carry_out(self, action: npt.NDArray) -> None:
        """One action (A,) of the model."""
        ...

    def believes(self, latent: FloatArray) -> bool:
        """Whether a state that the model expects passes the success test."""
        ...

    def distance(self) -> float:
        """From the goal now, in the unit of the world's goal metric."""
        ...

    def arrived(self) -> bool:
        """Whether the distance is within the tolerance."""
        ...

    def verdicts(self) -> dict[str, bool]:
        """Success by the environment, by name of a record's field; the first is ``environment_success``."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What a problem came to."""

    verdicts: dict[str, bool]
    """By the environment."""
    believed: bool
    """By the model: whether the plan ends where the test is passed; closed loop: whether the last one gets there."""
    distance: float
    """From the goal at the end."""
    steps: int
    """Of the model, that is, its actions that were carried out."""
    plan_seconds: tuple[float, ...]
    iterations: tuple[int, ...]

    @property
    def success(self) -> bool:
        """By the environment's first test."""
        return self.verdicts["environment_success"]

    @property
    def seconds(self) -> float:
        """All planning for the problem."""
        return sum(self.plan_seconds)


def open_loop(planner: Planner, trial: Trial, budget: float | None) -> Outcome:
    """One plan from scratch, carried out whole; ``budget`` [s]."""
    planner.reset()
    plan = planner.plan(trial.problem(0), None if budget is None else CLOCK() + budget)
    for action in plan.actions:
        trial.carry_out(action)
    return _outcome(trial, [plan], len(plan.actions), trial.believes(plan.states[-1]))


def closed_loop(planner: Planner, trial: Trial, budget: float | None, horizon: int, every: int) -> Outcome:
    """Plans anew at every ``every``-th step, until the goal is within the tolerance or PATIENCE horizons are over.

    ``budget`` [s] is for each plan; ``horizon`` and ``every`` are steps of the model.
    """
    planner.reset()
    count, plans = 0, list[Plan]()
    while count < PATIENCE * horizon and not trial.arrived():
        plans.append(planner.plan(trial.problem(count), None if budget is None else CLOCK() + budget))
        for action in plans[-1].actions[:every]:
            trial.carry_out(action)
            count += 1
            if trial.arrived():
                break
    return _outcome(trial, plans, count, not plans or any(map(trial.believes, plans[-1].states[1:])))


def _outcome(trial: Trial, plans: Sequence[Plan], steps: int, believed: bool) -> Outcome:
    return Outcome(
        trial.verdicts(),
        believed,
        trial.distance(),
        steps,
        tuple(plan.seconds for plan in plans),
        tuple(plan.iterations for plan in plans),
    )


def outcome_fields(outcomes: Sequence[Outcome], unit: str) -> dict[str, Any]:
    """Flat fields of a cell; ``unit``: of distances."""
    real, believed = [o.success for o in outcomes], [o.believed for o in outcomes]
    tests: dict[str, float] = {}
    for name in outcomes[0].verdicts if outcomes else ("environment_success",):
        tests |= success_fields([o.verdicts[name] for o in outcomes], name)
    return {
        "problems": len(outcomes),
        **tests,
        **success_fields(believed, "model_success"),
        "difference": (sum(believed) - sum(real)) / max(len(outcomes), 1),
        "believed_but_failed": sum(b and not r for b, r in zip(believed, real, strict=True)),
        "seconds_median": median_and_p99([o.seconds for o in outcomes])[0],
        "seconds_median_of_successes": median_and_p99([o.seconds for o in outcomes if o.success])[0],
        "plan_ms_median": 1e3 * median_and_p99([s for o in outcomes for s in o.plan_seconds])[0],
        "plan_ms_p99": 1e3 * median_and_p99([s for o in outcomes for s in o.plan_seconds])[1],
        "iterations_median": median_and_p99([n for o in outcomes for n in o.iterations])[0],
        "steps_median_of_successes": median_and_p99([o.steps for o in outcomes if o.success])[0],
        f"distance_{unit}_median": median_and_p99([o.distance for o in outcomes])[0],
    }


def in_turns(
    planners: Mapping[str, PlannerT],
    seeds: Sequence[int],
    solved: Callable[[PlannerT, int], ResultT],
    warm: int = WARM,
) -> dict[str, list[ResultT]]:
    """Outcomes by planner, all planners at each problem in turn: a machine's speed comes and goes.

    Each solves the first problem ``warm`` times before, which does not count: what is cold then (caches, what is made
    at the first call, a planner's own notion of how long its work takes) is nobody's disadvantage.
    """
    for planner in planners.values():
        for _ in range(warm):
            solved(planner, seeds[0])
    found: dict[str, list[ResultT]] = {name: [] for name in planners}
    for seed in seeds:
        for name, planner in planners.items():
            found[name].append(solved(planner, seed))
    return found


LOOPS: dict[str, Callable[[Planner, Trial, float, int, int], Outcome]] = {
    "open": lambda planner, trial, budget, horizon, every: open_loop(planner, trial, budget),
    "closed": closed_loop,
}
