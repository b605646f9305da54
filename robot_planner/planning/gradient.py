# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Gradient descent: Adam on the actions, by back-propagation of the rollout's cost through time, from some restarts."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.planning.adam import Adam
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.objective import Evaluation
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.refining import RefiningConfig, RefiningPlanner, Search
from robot_planner.planning.run import Run


@dataclass(frozen=True)
class GradientConfig(RefiningConfig):
    """Parameters of gradient descent through the rollout."""

    rate: float = parameter(0.1, "Adam's rate of the actions, in half ranges", 0.0, 1.0)


class _Descent:
    """One call's actions and their moments."""

    goes_on = False

    def __init__(self, run: Run, config: GradientConfig, actions: Tensor) -> None:
        self.run, self.unseen = run, False
        self.actions = actions.clone()
        """See Search."""
        self._adam = Adam(actions)
        self._rate = config.rate * run.objective.half_range

    def iterate(self) -> None:
        """Rolls out, and steps down the gradient; restarts that are not finite go on from the best plan."""
        run, actions = self.run, self.actions
        evaluation, gradient = run.objective.evaluate_with_gradient(run.task, actions)
        run.record(evaluation, actions)
        failed = (torch.isinf(evaluation.cost) | ~torch.isfinite(gradient).all(-1).all(0)).unsqueeze(-1)
        self._adam.step(actions, torch.where(failed, 0.0, gradient), self._rate)
        self._adam.forget(failed)
        actions.clamp_(run.objective.low, run.objective.high)
        self.actions = torch.where(failed, run.best_actions.unsqueeze(2), actions)
        run.iterations += 1
        self.unseen = True

    def look(self) -> bool:
        """Each iteration begins with a rollout, the first one with that of the candidates again."""
        if self.run.iterations > 1:
            self.run.milestone()
        return True

    def evaluate(self) -> None:
        """See Search."""
        run = self.run
        run.budget.begin()
        run.evaluate(self.actions)
        run.budget.took("evaluation")
        self.unseen = False

    def keep(self, problems: list[int]) -> None:
        """See Search."""
        self.actions, self._adam = self.actions[:, problems], self._adam.keep(problems)


@PLANNERS.register("gradient")
class Gradient(RefiningPlanner):
    """Planning by gradient descent; see the module's docstring and AnytimePlanner."""

    name = "gradient"
    guesses: ClassVar[dict[str, float]] = {"evaluation": 1.0, "iteration": 3.0}

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: GradientConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config: GradientConfig = config or GradientConfig()
        super().__init__(model, metric, self.config, clock)

    def _begin_search(self, run: Run, actions: Tensor, evaluation: Evaluation) -> Search:
        return _Descent(run, self.config, actions)

    def _memory(self, problems: int) -> int:
        # back-propagation keeps what a model needs of every step, here taken as eight latents and actions a row
        return self._bytes(problems, 8 * self.config.restarts, self.config.restarts)
