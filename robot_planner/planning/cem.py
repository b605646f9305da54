# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy method: sample action sequences, fit a Gaussian to the best, repeat.

Rubinstein and Kroese, 2004; as a planner with learned models: Chua et al., 2018 (PETS). Noise correlated over time
(first-order autoregressive) and the mean among the samples: Pinneri et al., 2020 (iCEM).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.noise import NoiseSource, autoregressive
from robot_planner.planning.objective import Evaluation, Objective
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.run import Run
from robot_planner.planning.sampling import Gaussians, SamplingConfig, SamplingPlanner


@dataclass(frozen=True)
class ElitesConfig(SamplingConfig):
    """Parameters of Gaussians that are refitted to their best samples."""

    elites: int = parameter(30, "best samples to which the next distribution is fitted", 1, 1_000_000)
    minimum_spread: float = parameter(0.01, "smallest standard deviation, in half ranges", 0.0, 10.0)
    momentum: float = parameter(0.1, "weight of the old distribution in the new one", 0.0, 0.999)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.elites > self.samples:
            raise InvalidInputError(f"elites = {self.elites}: must be at most samples ({self.samples})")


@dataclass(frozen=True)
class CemConfig(ElitesConfig):
    """Parameters of the cross-entropy method."""

    correlation: float = parameter(0.5, "correlation of the noise of neighbouring steps", 0.0, 0.999)

    def colour(self, horizon: int) -> Tensor:
        """See SamplingConfig."""
        return autoregressive(horizon, self.correlation)


class Sampler(Gaussians):
    """Gaussians over action sequences of P problems, refitted to their elites."""

    def __init__(
        self, objective: Objective, noise: NoiseSource, config: ElitesConfig, mean: Tensor, spread: float
    ) -> None:
        super().__init__(objective, noise, config, mean, spread)
        self._config = config
        self.elites = mean.new_empty((len(mean), mean.shape[1], 0, mean.shape[2]))
        """(T, P, K, A) the last best samples, best first."""

    def fit(self, actions: Tensor, evaluation: Evaluation) -> None:
        """Moves the Gaussians towards the elites; problems without a finite sample keep theirs."""
        config = self._config
        best, index = evaluation.cost.topk(config.elites, dim=1, largest=False)
        self.elites = actions.gather(2, index[None, :, :, None].expand(len(actions), -1, -1, actions.shape[-1]))
        finite = torch.isfinite(best)[None, :, :, None]
        count = finite.sum(2).clamp_min(1)
        mean = torch.where(finite, self.elites, 0.0).sum(2) / count
        square = torch.where(finite, (self.elites - mean.unsqueeze(2)).square(), 0.0).sum(2) / count
        usable, keep = finite.any(2), config.momentum
        self.mean = torch.where(usable, torch.lerp(mean, self.mean, keep), self.mean)
        self._deviation = torch.where(usable, torch.lerp(square.sqrt(), self._deviation, keep), self._deviation)
        self._deviation = torch.maximum(self._deviation, config.minimum_spread * self._objective.half_range)


@PLANNERS.register("cem")
class Cem(SamplingPlanner):
    """Planning by the cross-entropy method; see the module's docstring and AnytimePlanner."""

    name = "cem"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: CemConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config: CemConfig = config or CemConfig()
        super().__init__(model, metric, self.config, clock)

    def _gaussians(self, run: Run, noise: NoiseSource, mean: Tensor, spread: float) -> Gaussians:
        return Sampler(self.objective, noise, self.config, mean, spread)
