# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""MPPI: sample about the present actions, and move them to the samples' mean, weighted by the exponential of the cost.

Williams et al., "Information Theoretic MPC for Model-Based Reinforcement Learning", 2017, with their alpha at one: no
cost of the controls beside the objective's. The spread stays; the temperature says how much better than the others a
sample must be to count alone.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.noise import NoiseSource, power_law
from robot_planner.planning.objective import Evaluation, Objective, Task
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.run import Run
from robot_planner.planning.sampling import Gaussians, SamplingConfig, SamplingPlanner
from robot_planner.types import StopReason


@dataclass(frozen=True)
class MppiConfig(SamplingConfig):
    """Parameters of MPPI."""

    temperature: float = parameter(
        0.01, "difference of cost that divides a sample's weight by e, in objectives of staying at the start", 1e-9, 1e6
    )
    exponent: float = parameter(0.0, "the noise's power falls with this power of the frequency; 0: white", 0.0, 10.0)

    def colour(self, horizon: int) -> Tensor:
        """See SamplingConfig."""
        return power_law(horizon, self.exponent)


def path_weights(cost: Tensor, temperature: Tensor) -> Tensor:
    """Costs (P, S) and temperatures (P, 1) in their unit -> weights (P, S).

    They sum to one; where no cost is finite, all are zero.
    """
    best = cost.min(1, keepdim=True).values
    weights = torch.where(torch.isfinite(cost), torch.exp((best - cost) / temperature), 0.0)
    return weights / weights.sum(1, keepdim=True).clamp_min(1.0)  # the best one's is one, or there is none


class PathIntegral(Gaussians):
    """Gaussians of fixed spread whose means follow the weights."""

    def __init__(
        self, objective: Objective, task: Task, noise: NoiseSource, config: MppiConfig, mean: Tensor, spread: float
    ) -> None:
        super().__init__(objective, noise, config, mean, spread)
        staying = task.reference * objective.total_weight
        self._temperature = (config.temperature * staying).clamp_min(torch.finfo(mean.dtype).tiny)

    def fit(self, actions: Tensor, evaluation: Evaluation) -> None:
        """Moves the means; problems without a finite sample keep theirs."""
        weights = path_weights(evaluation.cost, self._temperature)
        mean = torch.einsum("ps,tpsa->tpa", weights, actions)
        self.mean = torch.where(weights.sum(1).view(1, -1, 1) > 0.0, mean, self.mean)

    def keep(self, problems: Sequence[int]) -> None:
        """Drops all problems but these."""
        super().keep(problems)
        self._temperature = self._temperature[list(problems)]


@PLANNERS.register("mppi")
class Mppi(SamplingPlanner):
    """Planning by MPPI; see the module's docstring and AnytimePlanner."""

    name = "mppi"
    needs = ("iteration", "mean")

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: MppiConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config: MppiConfig = config or MppiConfig()
        super().__init__(model, metric, self.config, clock)

    def _gaussians(self, run: Run, noise: NoiseSource, mean: Tensor, spread: float) -> Gaussians:
        return PathIntegral(run.objective, run.task, noise, self.config, mean, spread)

    def _finish(self, run: Run, gaussians: Gaussians, reason: StopReason) -> StopReason:
        """The last mean, which MPPI would hand out and no rollout has shown yet, is rolled out."""
        if run.budget.fits("mean"):
            actions = gaussians.mean.unsqueeze(2)
            run.evaluate(actions)
            run.budget.took("mean")
        return reason
