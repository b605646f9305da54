# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What planners that draw action sequences share: draw about a mean, roll out, learn from the outcome, draw again."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.planning.anytime import AnytimePlanner
from robot_planner.planning.noise import NoiseSource, joined, parts_of, split
from robot_planner.planning.objective import Evaluation, Objective
from robot_planner.planning.parameters import parameter
from robot_planner.planning.run import AnytimeConfig, Run
from robot_planner.types import StopReason


@dataclass(frozen=True)
class SamplingConfig(AnytimeConfig):
    """How many samples are drawn, and how widely at first."""

    iterations: int = parameter(30, "iterations at most, each one rollout of all samples", 1, 1_000_000)
    samples: int = parameter(300, "action sequences drawn an iteration", 2, 1_000_000)
    initial_spread: float = parameter(0.5, "first standard deviation, in half ranges of the action", 0.0, 10.0)
    warm_spread: float = parameter(0.25, "first standard deviation after a warm start, in half ranges", 0.0, 10.0)

    def colour(self, horizon: int) -> Tensor:
        """(T, T) factor from white noise to noise of unit variance, correlated over T steps of the environment."""
        raise NotImplementedError


class Gaussians:
    """Gaussians over the action sequences of P problems; derived classes write ``fit``."""

    def __init__(
        self, objective: Objective, noise: NoiseSource, config: SamplingConfig, mean: Tensor, spread: float
    ) -> None:
        """``noise``: of shape (T, samples, A) a problem; ``mean``: (T, P, A); ``spread``: deviation in half ranges."""
        self._objective = objective
        self.mean = mean.clone()
        self._deviation = (spread * objective.half_range).expand_as(mean).clone()
        self._noise = noise
        self._parts = parts_of(objective.model)
        self._colour = config.colour(len(mean) * self._parts).to(mean)

    def sample(self, count: int | None = None) -> Tensor:
        """Admissible action sequences (T, P, S, A), the first ``count`` or all; the first of each is the mean."""
        objective = self._objective
        white = split(self._noise.draw()[:, :, :count], self._parts)
        noise = joined(torch.einsum("ts,spna->tpna", self._colour, white), self._parts)
        actions = torch.addcmul(self.mean.unsqueeze(2), noise, self._deviation.unsqueeze(2))
        actions[:, :, 0] = self.mean
        return actions.clamp_(objective.low, objective.high)

    def fit(self, actions: Tensor, evaluation: Evaluation) -> None:
        """Learns from samples (T, P, S, A) and their rollouts."""
        raise NotImplementedError

    def keep(self, problems: Sequence[int]) -> None:
        """Drops all problems but these."""
        index = list(problems)
        self.mean, self._deviation = self.mean[:, index], self._deviation[:, index]
        self._noise.keep(problems)


class SamplingPlanner(AnytimePlanner):
    """AnytimePlanner whose search draws samples; derived classes name their Gaussians."""

    config: SamplingConfig
    needs: tuple[str, ...] = ("iteration",)
    """Kinds of work that must fit before the deadline for another iteration to begin."""

    def _search(self, run: Run) -> StopReason:
        gaussians = self._gaussians(run, *self._first(run))
        for _ in range(self.config.iterations):
            if run.iterations and not run.budget.fits(*self.needs):
                return self._finish(run, gaussians, StopReason.DEADLINE)
            actions = gaussians.sample()
            evaluation = run.evaluate(actions)
            run.iterations += 1
            if run.iterations > 1:  # the first samples are what others are compared with
                run.milestone()
            gaussians.fit(actions, evaluation)
            kept = run.settle()
            if kept == []:
                return StopReason.CONVERGED
            if kept is not None:
                gaussians.keep(kept)
            run.budget.took("iteration")
        return self._finish(run, gaussians, StopReason.ITERATIONS)

    def _first(self, run: Run) -> tuple[NoiseSource, Tensor, float]:
        """The source of noise, the first mean (T, P, A) and the first deviation in half ranges."""
        config, objective = self.config, self.objective
        mean, spread = objective.neutral.expand(config.horizon, len(run.task.starts), -1), config.initial_spread
        if run.warm is not None:
            mean, spread = run.warm[0].unsqueeze(1), config.warm_spread
        shape = (config.horizon, config.samples, objective.model.action_dim)
        return NoiseSource(run.generators("samples"), shape, objective.device, objective.dtype), mean, spread

    def _gaussians(self, run: Run, noise: NoiseSource, mean: Tensor, spread: float) -> Gaussians:
        """What is sampled from."""
        raise NotImplementedError

    def _finish(self, run: Run, gaussians: Gaussians, reason: StopReason) -> StopReason:
        """Called once, when iterations or time are used up."""
        return reason

    def _memory(self, problems: int) -> int:
        rows = self.config.horizon * problems * self.config.samples
        width = 3 * self.objective.model.latent_dim + 4 * self.objective.model.action_dim
        return rows * width * self.objective.low.element_size()
