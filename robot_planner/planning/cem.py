# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The cross-entropy method: sample action sequences, fit a Gaussian to the best, repeat.

Rubinstein and Kroese, 2004; as a planner with learned models: Chua et al., 2018 (PETS). Noise correlated over time
(first-order autoregressive) and the mean among the samples: Pinneri et al., 2020 (iCEM).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError
from robot_planner.planning.anytime import AnytimeConfig, AnytimePlanner, Run
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.noise import NoiseSource
from robot_planner.planning.objective import Evaluation, Objective
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.types import StopReason


@dataclass(frozen=True)
class CemConfig(AnytimeConfig):
    """Parameters of the cross-entropy method."""

    iterations: int = parameter(30, "iterations at most, each one rollout of all samples", 1, 1_000_000)
    samples: int = parameter(300, "action sequences drawn an iteration", 2, 1_000_000)
    elites: int = parameter(30, "best samples to which the next distribution is fitted", 1, 1_000_000)
    initial_spread: float = parameter(0.5, "first standard deviation, in half ranges of the action", 0.0, 10.0)
    warm_spread: float = parameter(0.25, "first standard deviation after a warm start, in half ranges", 0.0, 10.0)
    minimum_spread: float = parameter(0.01, "smallest standard deviation, in half ranges", 0.0, 10.0)
    momentum: float = parameter(0.1, "weight of the old distribution in the new one", 0.0, 0.999)
    correlation: float = parameter(0.5, "correlation of the noise of neighbouring steps", 0.0, 0.999)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.elites > self.samples:
            raise InvalidInputError(f"elites = {self.elites}: must be at most samples ({self.samples})")


class Sampler:
    """Gaussians over action sequences of P problems, refitted to their elites."""

    def __init__(
        self, objective: Objective, noise: NoiseSource, config: CemConfig, mean: Tensor, spread: float
    ) -> None:
        """``noise``: of shape (T, samples, A) a problem; ``mean``: (T, P, A); ``spread``: deviation in half ranges."""
        self._objective, self._config = objective, config
        self.mean = mean.clone()
        self._deviation = (spread * objective.half_range).expand_as(mean).clone()
        self._noise = noise
        self._colour = autoregressive(len(mean), config.correlation).to(mean)

    def sample(self) -> Tensor:
        """Admissible action sequences (T, P, S, A); the first of each problem is the mean."""
        objective = self._objective
        noise = torch.einsum("ts,spna->tpna", self._colour, self._noise.draw())
        actions = torch.addcmul(self.mean.unsqueeze(2), noise, self._deviation.unsqueeze(2))
        actions[:, :, 0] = self.mean
        return actions.clamp_(objective.low, objective.high)

    def fit(self, actions: Tensor, evaluation: Evaluation) -> None:
        """Moves the Gaussians towards the elites; problems without a finite sample keep theirs."""
        config = self._config
        best, index = evaluation.cost.topk(config.elites, dim=1, largest=False)
        elites = actions.gather(2, index[None, :, :, None].expand(len(actions), -1, -1, actions.shape[-1]))
        finite = torch.isfinite(best)[None, :, :, None]
        count = finite.sum(2).clamp_min(1)
        mean = torch.where(finite, elites, 0.0).sum(2) / count
        square = torch.where(finite, (elites - mean.unsqueeze(2)).square(), 0.0).sum(2) / count
        usable, keep = finite.any(2), config.momentum
        self.mean = torch.where(usable, torch.lerp(mean, self.mean, keep), self.mean)
        self._deviation = torch.where(usable, torch.lerp(square.sqrt(), self._deviation, keep), self._deviation)
        self._deviation = torch.maximum(self._deviation, config.minimum_spread * self._objective.half_range)

    def keep(self, problems: Sequence[int]) -> None:
        """Drops all problems but these."""
        index = list(problems)
        self.mean, self._deviation = self.mean[:, index], self._deviation[:, index]
        self._noise.keep(problems)


@PLANNERS.register("cem")
class Cem(AnytimePlanner):
    """Planning by the cross-entropy method; see the module's docstring and AnytimePlanner."""

    name = "cem"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: CemConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config or CemConfig()
        super().__init__(model, metric, self.config, clock)

    def _search(self, run: Run) -> StopReason:
        objective, config = self.objective, self.config
        mean = objective.neutral.expand(config.horizon, len(run.task.starts), -1)
        spread = config.initial_spread
        if run.warm is not None:
            mean, spread = run.warm[0].unsqueeze(1), config.warm_spread
        shape = (config.horizon, config.samples, objective.model.action_dim)
        noise = NoiseSource(run.generators("samples"), shape, objective.device, objective.dtype)
        sampler = Sampler(objective, noise, config, mean, spread)
        for _ in range(config.iterations):
            if run.iterations and not run.budget.fits("iteration"):
                return StopReason.DEADLINE
            actions = sampler.sample()
            evaluation = objective.evaluate(run.task, actions)
            run.iterations += 1
            run.record(evaluation, actions)
            run.milestone()
            sampler.fit(actions, evaluation)
            kept = run.settle()
            if kept == []:
                return StopReason.CONVERGED
            if kept is not None:
                sampler.keep(kept)
            run.budget.took("iteration")
        return StopReason.ITERATIONS

    def _memory(self, problems: int) -> int:
        rows = self.config.horizon * problems * self.config.samples
        width = 3 * self.objective.model.latent_dim + 4 * self.objective.model.action_dim
        return rows * width * self.objective.low.element_size()


def autoregressive(horizon: int, correlation: float) -> Tensor:
    """(T, T) lower-triangular factor that gives white noise unit variance and ``correlation`` between neighbours."""
    step = torch.arange(horizon)
    lag = (step.view(-1, 1) - step).clamp_min(0).double()
    factor = torch.tril(correlation**lag) * (1.0 - correlation**2) ** 0.5
    factor[:, 0] = correlation ** step.double()
    return factor
