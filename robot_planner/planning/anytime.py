# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What all anytime planners share: input checks, warm start, the deadline, and the best plan by true rollout cost.

A planner derives from AnytimePlanner and writes ``_search``, which rolls out by ``Run.evaluate``, or hands its own
rollouts to ``Run.record``, and stops when ``Run.settle`` says that no problem is left, or ``Budget.fits`` that no time
is.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError
from robot_planner.planning.budget import Budget
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.objective import Objective
from robot_planner.planning.run import AnytimeConfig, Run
from robot_planner.planning.warm_start import shift_actions, shift_states, steps_since
from robot_planner.types import Plan, Problem, StopReason

NEARLY = 2.0
"""Tolerances within which a promise to arrive still counts: an error that small can be mended on the way."""
PUT_OFF = 2.0
"""What becomes of the time to the arrival when a plan has not kept it."""


class AnytimePlanner:
    """The Planner protocol over a search that derived classes write."""

    name: str
    config: AnytimeConfig

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: AnytimeConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.objective = Objective(model, metric, config)
        self.config, self._clock = config, clock
        self._last: Plan | None = None
        self._others: Tensor | None = None
        self._arrival = 0
        """Of the last plan, in its steps."""
        self._round = 0
        self._durations: dict[int, dict[str, float]] = {}

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner."""
        warm, steps = self._shifted(problem), self._steps_since_last(problem)
        run = self._begin([problem], deadline, None if warm is None else self._to_arrive(warm[1], steps, problem))
        run.warm, run.round = warm, self._round
        if warm is not None and self._others is not None:
            run.others = self._moved_on(self._others, steps)
        self._round += 1
        plan = run.plans(self._search(run))[0]
        self._last, self._others, self._arrival = plan, run.others, run.arrival
        return plan

    def plan_batch(self, problems: Sequence[Problem], deadline: float | None = None) -> list[Plan]:
        """See Planner."""
        if not problems:
            return []
        run = self._begin(problems, deadline)
        return run.plans(self._search(run))

    def reset(self) -> None:
        """See Planner."""
        self._last, self._round = None, 0

    def prepare(self, problem: Problem) -> None:
        """See Planner."""
        twin = copy.copy(self)  # it shares what is recorded, and nothing of what is remembered from call to call
        twin.config = replace(self.config, iterations=self.config.preparing, tolerance=0.0, patience=0)
        twin.reset()
        for _ in range(2):  # the second one has a warm start
            twin.plan(problem)

    def _begin(self, problems: Sequence[Problem], deadline: float | None, arrival: int | None = None) -> Run:
        device = self.objective.device
        wait = partial(torch.cuda.synchronize, device) if device.type == "cuda" else None
        budget = Budget(deadline, self._clock, self._durations.setdefault(len(problems), {}), wait)
        need = self._memory(len(problems)) / 2**20
        if need > self.config.max_memory:
            raise InvalidInputError(
                f"{len(problems)} problems over a horizon of {self.config.horizon} need about {need:.0f} MiB; "
                f"allowed: {self.config.max_memory} (max_memory)"
            )
        return Run(self.objective, problems, self.config, budget, arrival)

    def _steps_since_last(self, problem: Problem) -> float:
        """From the last plan's first action to the next one's; zero, too, for a lead that is less by part of a step."""
        steps = 0.0 if self._last is None else steps_since(self._last, problem.begins)
        return 0.0 if -1.0 < steps < 0.0 else steps

    def _shifted(self, problem: Problem) -> tuple[Tensor, Tensor] | None:
        """The last plan moved to where the new one begins; None without one, if time ran backwards, or past its end."""
        plan, steps = self._last, self._steps_since_last(problem)
        if plan is None or not 0.0 <= steps < len(plan.actions):
            return None
        states = torch.from_numpy(shift_states(plan.states, steps)).to(self.objective.low)
        return self._moved_on(torch.from_numpy(plan.actions), steps), states

    def _moved_on(self, actions: Tensor, steps: float) -> Tensor:
        """Actions (T, ..., A) from ``steps`` later on, nothing done after their end."""
        objective = self.objective
        moved = shift_actions(actions.cpu().numpy(), steps, objective.neutral.cpu().numpy())
        return torch.from_numpy(moved).to(objective.low).clamp(objective.low, objective.high)

    def _to_arrive(self, states: Tensor, steps: float, problem: Problem) -> int | None:
        """The step at which a plan is to be at the goal, after one that began ``steps`` ago; None: its last.

        That is the first one at which the warm start's states (T+1, D) are there, or else nearly there. Nearly does
        not go before: each plan would have to arrive a little sooner than the last one, and none could be the rest of
        it. Where no state is near, the last plan has not come to the goal in its time, and the next one has twice what
        was left of that. With the arrival at the end of each new plan, a whole horizon from now, plans could put it
        off for ever.
        """
        config = self.config
        if not config.keep_arrival or config.tolerance <= 0.0 or problem.goal.shape != states.shape[1:]:
            return None
        goal = torch.as_tensor(problem.goal).to(states)
        with torch.no_grad():
            distances = self.objective.metric.distance(states[1:], goal.unsqueeze(0))
        for tolerances in (1.0, NEARLY):
            near = (distances <= tolerances * config.tolerance).tolist()
            if True in near:
                return near.index(True) + 1
        return min(max(math.ceil(PUT_OFF * (self._arrival - steps)), 1), config.horizon)

    def _memory(self, problems: int) -> int:
        """About how many bytes a call for so many problems takes."""
        raise NotImplementedError

    def _search(self, run: Run) -> StopReason:
        """Improves the run's problems until all are settled or a budget ends; returns which."""
        raise NotImplementedError
