# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""iCEM: the cross-entropy method made sample-efficient.

Pinneri et al., "Sample-efficient Cross-Entropy Method for Real-time Planning", 2020: noise of a power-law spectrum,
a share of the elites among the next samples and, shifted, among those of the next plan, fewer samples an iteration,
the mean among the samples. The mean is among them in each iteration, not the last alone: with a warm start it is the
last plan, which may not be lost.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.planning.cem import ElitesConfig, Sampler
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.noise import NoiseSource, power_law
from robot_planner.planning.objective import Evaluation, Objective
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.run import Run
from robot_planner.planning.sampling import Gaussians, SamplingPlanner
from robot_planner.types import Plan, Problem


@dataclass(frozen=True)
class IcemConfig(ElitesConfig):
    """Parameters of iCEM."""

    exponent: float = parameter(2.0, "the noise's power falls with this power of the frequency; 0: white", 0.0, 10.0)
    kept: float = parameter(0.3, "share of the elites that is among the next samples", 0.0, 1.0)
    decay: float = parameter(1.25, "factor by which each iteration draws fewer samples", 1.0, 10.0)

    def colour(self, horizon: int) -> Tensor:
        """See SamplingConfig."""
        return power_law(horizon, self.exponent)

    def drawn(self, iteration: int) -> int:
        """Samples drawn in an iteration, counted from zero: never fewer than twice the elites, or all."""
        fewest = min(2 * self.elites, self.samples)
        return max(int(self.samples * self.decay**-iteration), fewest)


class ElitesKept(Sampler):
    """A Sampler whose best elites are drawn again."""

    def __init__(
        self, objective: Objective, noise: NoiseSource, config: IcemConfig, mean: Tensor, spread: float, kept: Tensor
    ) -> None:
        """``kept``: (T, P, K, A) elites to begin with; K may be zero."""
        super().__init__(objective, noise, config, mean, spread)
        self._share, self._drawn, self._iteration = round(config.kept * config.elites), config.drawn, 0
        self.elites = kept

    def sample(self, count: int | None = None) -> Tensor:
        """New samples, fewer each time, and the share of the elites after them."""
        drawn = super().sample(self._drawn(self._iteration))
        return torch.cat([drawn, self.elites[:, :, : self._share]], dim=2)

    def fit(self, actions: Tensor, evaluation: Evaluation) -> None:
        """See Sampler."""
        super().fit(actions, evaluation)
        self._iteration += 1

    def keep(self, problems: Sequence[int]) -> None:
        """Drops all problems but these."""
        super().keep(problems)
        self.elites = self.elites[:, list(problems)]


@PLANNERS.register("icem")
class Icem(SamplingPlanner):
    """Planning by iCEM; see the module's docstring and AnytimePlanner."""

    name = "icem"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: IcemConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config: IcemConfig = config or IcemConfig()
        super().__init__(model, metric, self.config, clock)
        self._sampler: ElitesKept | None = None
        self._elites: Tensor | None = None

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner."""
        plan = super().plan(problem, deadline)
        self._elites = None if self._sampler is None else self._sampler.elites
        return plan

    def reset(self) -> None:
        """See Planner."""
        super().reset()
        self._elites = None

    def _gaussians(self, run: Run, noise: NoiseSource, mean: Tensor, spread: float) -> Gaussians:
        kept = mean.new_empty((len(mean), mean.shape[1], 0, mean.shape[2]))
        if run.warm is not None and self._elites is not None:
            kept = self._moved_on(self._elites, self._steps_since_last(run.problems[0]))
        self._sampler = ElitesKept(self.objective, noise, self.config, mean, spread, kept)
        return self._sampler

    def _memory(self, problems: int) -> int:
        share = 1.0 + round(self.config.kept * self.config.elites) / self.config.samples
        return int(share * super()._memory(problems))
