# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Standing still until a plan is found that the model believes in, for a while.

The first plans of a closed loop are the worst, and the robot begins to move by them all the same: a block is pushed
against a wall, and no later plan gets it away from there. At rest the problem stays the same, and a planner that goes
on where its last plan has ended has several plans' time for it. Time spent so is time lost, so it is limited.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from robot_planner.dynamics.world_model import WorldModel, neutral_action
from robot_planner.errors import InvalidInputError
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.planner import Planner
from robot_planner.types import Plan, Problem


class Hesitant:
    """The Planner protocol around any planner: its plans begin with a step's rest while it knows no way to the goal.

    The planner's own time stands still during that step, so that its warm start is the plan that was not begun. Where
    the next plan comes later than a step, the rest of the plan has been begun.
    """

    def __init__(
        self,
        planner: Planner,
        model: WorldModel,
        metric: GoalMetric,
        near: float,
        patience: float,
    ) -> None:
        """``model``, ``metric``: the planner's; by the model's neutral action the robot stands still.

        ``near``: a plan that comes so near to the goal is begun, in the metric's unit; ``patience``: time for which
        the robot rests in all, until ``reset`` [s]. Raises InvalidInputError.
        """
        if near <= 0.0 or patience < 0.0:
            raise InvalidInputError(f"near must be positive and patience not negative: {near}, {patience}")
        self.name = planner.name
        self._planner, self._metric = planner, metric
        self._near, self._patience = near, patience
        neutral = neutral_action(model)
        self._device, self._rest = neutral.device, neutral.float().cpu().numpy()
        self._rested = 0
        """[ns]."""
        self._resting: Plan | None = None
        """The last plan, if it begins with a rest."""

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner; the plan has as many steps as the planner's, the last one is left out for a rest."""
        if self._resting is not None:
            step = round(self._resting.step_seconds * 1e9)
            self._rested += min(max(problem.begins - self._resting.begins, 0), step)
            self._resting = None
        inner = replace(problem, stamp=problem.stamp - self._rested)
        plan = replace(self._planner.plan(inner, deadline), stamp=problem.stamp)
        if self._rested >= round(self._patience * 1e9) or self._arrives(plan, problem):
            return plan
        actions = np.concatenate([self._rest[None], plan.actions[:-1]])
        states = np.concatenate([plan.states[:1], plan.states[:-1]])
        self._resting = replace(plan, actions=actions, states=states)
        return self._resting

    def plan_batch(self, problems: Sequence[Problem], deadline: float | None = None) -> list[Plan]:
        """See Planner; there is no rest in it, as there are no plans to follow."""
        return self._planner.plan_batch(problems, deadline)

    def reset(self) -> None:
        """See Planner."""
        self._planner.reset()
        self._rested, self._resting = 0, None

    def prepare(self, problem: Problem) -> None:
        """See Planner."""
        self._planner.prepare(problem)

    def _arrives(self, plan: Plan, problem: Problem) -> bool:
        """Whether the model expects to come near to the goal."""
        states, goal = (torch.as_tensor(part, device=self._device) for part in (plan.states[1:], problem.goal[None]))
        with torch.no_grad():
            return bool((self._metric.distance(states, goal) <= self._near).any())
