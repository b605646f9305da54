# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planning through an ensemble whose members go their own ways: a plan is good where it is good for all of them.

The members' mean is one model more that can be wrong, and a planner finds where it is: what a push does depends on a
touch that one member sees and another does not, and their mean says something between that never happens. Here each
member rolls the whole plan out from its own states; the cost is the mean of theirs, the distance the largest (the
particles that Chua et al., 2018, call TS-infinity, one a member). Any planner plans so, gradients and lifted states
included, for it is a world model and a goal metric like any other: a state is the members' states, one after the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError
from robot_planner.planning.goal_metric import DifferentiableMetric, GoalMetric
from robot_planner.planning.noise import parts_of
from robot_planner.planning.planner import Planner
from robot_planner.types import Plan, Problem


class Ensemble(WorldModel, Protocol):
    """A world model of several members."""

    members: int

    def step_members(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Each member's own latents (K, N, D) under actions (N, A) -> its next ones (K, N, D)."""
        ...


class MembersModel:
    """The WorldModel protocol over an ensemble's members, each with states of its own; uncertainty is zero."""

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble, self.members = ensemble, ensemble.members
        self.latent_dim, self.action_dim = ensemble.members * ensemble.latent_dim, ensemble.action_dim
        self.action_low, self.action_high = ensemble.action_low, ensemble.action_high
        self.step_seconds, self.action_parts = ensemble.step_seconds, parts_of(ensemble)

    def step(self, latents: Tensor, actions: Tensor) -> Tensor:
        """See WorldModel."""
        own = latents.unflatten(-1, (self.members, -1)).movedim(-2, 0)
        return self._ensemble.step_members(own, actions).movedim(0, -2).flatten(-2)

    def step_with_uncertainty(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """As ``step``; what the members disagree on is in the states already."""
        return self.step(latents, actions), latents.new_zeros(len(latents))


class MembersMetric(DifferentiableMetric):
    """The mean of a metric's costs over the members, and the largest of its distances."""

    def __init__(self, metric: GoalMetric, members: int) -> None:
        self._metric, self._members = metric, members
        self.name, self.unit = metric.name, metric.unit

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """See GoalMetric."""
        return self._metric.cost(self._apart(latents), self._apart(goals)).mean(-1)

    def distance(self, latents: Tensor, goals: Tensor) -> Tensor:
        """See GoalMetric."""
        return self._metric.distance(self._apart(latents), self._apart(goals)).amax(-1)

    def _apart(self, latents: Tensor) -> Tensor:
        return latents.unflatten(-1, (self._members, -1))


class MembersApart:
    """The Planner protocol around any planner: problems and plans are the ensemble's, planning is its members'."""

    def __init__(
        self, ensemble: Ensemble, metric: GoalMetric, make: Callable[[WorldModel, GoalMetric], Planner]
    ) -> None:
        """``make`` makes the planner over the members. Raises InvalidInputError for a model without members."""
        if not hasattr(ensemble, "members") or not hasattr(ensemble, "step_members"):
            raise InvalidInputError("members can go their own ways in an ensemble alone (members, step_members)")
        self._members = ensemble.members
        self._planner = make(MembersModel(ensemble), MembersMetric(metric, ensemble.members))
        self.name = self._planner.name

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner; the plan's states are the members' mean."""
        return self._joined(self._planner.plan(self._repeated(problem), deadline))

    def plan_batch(self, problems: Sequence[Problem], deadline: float | None = None) -> list[Plan]:
        """See Planner."""
        return [self._joined(plan) for plan in self._planner.plan_batch(list(map(self._repeated, problems)), deadline)]

    def reset(self) -> None:
        """See Planner."""
        self._planner.reset()

    def prepare(self, problem: Problem) -> None:
        """See Planner."""
        self._planner.prepare(self._repeated(problem))

    def _repeated(self, problem: Problem) -> Problem:
        start, goal = (np.tile(latent, self._members) for latent in (problem.start, problem.goal))
        return replace(problem, start=start, goal=goal)

    def _joined(self, plan: Plan) -> Plan:
        states = plan.states.reshape(len(plan.states), self._members, -1).mean(1)
        return replace(plan, states=states.astype(np.float32))
