# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The sync of GRASP: now and then a step on the cost of the true rollout, so that the lifted states stay honest.

By gradient: back-propagation through the rollout, then a line search whose step lengths are rolled out side by side, so
that no rate needs tuning and no sync makes a restart worse. By CEM: samples about each restart's actions. Smoothed:
down the cost's mean under noise, for worlds of contact. By a population, for these too: planning/population.py.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from robot_planner.planning.cem import CemConfig, Sampler
from robot_planner.planning.mppi import MppiConfig, PathIntegral
from robot_planner.planning.noise import NoiseSource
from robot_planner.planning.objective import Evaluation, Task, cheaper
from robot_planner.planning.run import Run
from robot_planner.planning.sampling import Gaussians, SamplingConfig

LADDER = (0.25, 1.0, 4.0)
"""Step lengths that the line search tries, relative to the last one that helped."""


class Sync(Protocol):
    """Improves the actions of all restarts on the rollout's cost."""

    descends: bool
    """Whether no step makes the cost of a restart worse; what a phase then makes worse is taken back."""
    lasts: bool
    """Whether it keeps what it has found from call to call, so that each step may be a call of its own."""

    def improve(self, run: Run, actions: Tensor, steps: int) -> tuple[Tensor, Evaluation]:
        """At most ``steps`` steps, as many as the run's budget has time for, from actions (T, P, R, A)."""
        ...

    def keep(self, problems: Sequence[int]) -> None:
        """Drops all problems but these."""
        ...


class GradientSync:
    """Steepest descent through the rollout with a parallel line search."""

    descends, lasts = True, False

    def __init__(self, reach: Tensor) -> None:
        """``reach`` (P, R): first step lengths, root mean square in half ranges of the action."""
        self._reach = reach
        self._ladder = torch.tensor(LADDER, device=reach.device, dtype=reach.dtype)

    def improve(self, run: Run, actions: Tensor, steps: int) -> tuple[Tensor, Evaluation]:
        """See Sync."""
        objective = run.objective
        evaluation: Evaluation | None = None
        for _ in range(steps):
            if not run.budget.fits("sync"):
                break
            evaluation, gradient = objective.evaluate_with_gradient(run.task, actions)
            run.record(evaluation, actions)
            tried = self._steps(run, actions, gradient)
            outcome = run.evaluate(tried)
            actions, evaluation = self._choose(actions, evaluation, tried, outcome)
            run.budget.took("sync")
        if evaluation is None:
            evaluation = run.evaluate(actions)
        return actions, evaluation

    def keep(self, problems: Sequence[int]) -> None:
        """See Sync."""
        self._reach = self._reach[list(problems)]

    def _steps(self, run: Run, actions: Tensor, gradient: Tensor) -> Tensor:
        """Actions (T, P, R K, A) at K step lengths down the gradient, along the bounds where they are touched."""
        low, high, half = run.objective.low, run.objective.high, run.objective.half_range
        outward = ((actions <= low) & (gradient > 0)) | ((actions >= high) & (gradient < 0)) | ~torch.isfinite(gradient)
        slope = torch.where(outward, 0.0, gradient * half)
        size = slope.square().mean((0, 3), keepdim=True).sqrt().clamp_min(torch.finfo(slope.dtype).tiny)
        lengths = (self._reach.unsqueeze(-1) * self._ladder)[None, ..., None]
        tried = actions.unsqueeze(3) - lengths * (slope / size * half).unsqueeze(3)
        return tried.clamp_(low, high).flatten(2, 3)

    def _choose(
        self, actions: Tensor, before: Evaluation, tried: Tensor, outcome: Evaluation
    ) -> tuple[Tensor, Evaluation]:
        """The best of the step lengths where one is better than none; the next search begins from its length."""
        count = len(LADDER)
        cost, index = outcome.cost.unflatten(1, (-1, count)).min(2)
        row = torch.arange(index.shape[1], device=index.device) * count + index
        problem = torch.arange(len(index), device=index.device).unsqueeze(1)
        chosen = Evaluation(cost, outcome.states[:, problem, row])
        actions, evaluation, better = cheaper(actions, before, tried[:, problem, row], chosen)
        reach = torch.where(better, self._reach * self._ladder[index], self._reach * LADDER[0])
        self._reach = reach.clamp(1e-6, 1.0)
        return actions, evaluation


class _SampledSync:
    """What syncs by samples about each restart share: their noise, and the rollout of samples."""

    def __init__(self, run: Run, restarts: int, config: SamplingConfig) -> None:
        self._restarts = restarts
        objective = run.objective
        sources = [run.generators(f"sync {restart}") for restart in range(restarts)]
        generators = [source[problem] for problem in range(len(run.task.starts)) for source in sources]
        shape = (config.horizon, config.samples, objective.model.action_dim)
        self._noise = NoiseSource(generators, shape, objective.device, objective.dtype)

    def keep(self, problems: Sequence[int]) -> None:
        """See Sync."""
        restarts = range(self._restarts)
        self._noise.keep([problem * self._restarts + restart for problem in problems for restart in restarts])

    def _task(self, run: Run) -> Task:
        """That of each restart, problem by problem."""
        return Task(*(part.repeat_interleave(self._restarts, 0) for part in run.task))

    def _sampled(self, run: Run, task: Task, gaussians: Gaussians) -> tuple[Tensor, Evaluation]:
        """Samples (T, P R, S, A) and their rollouts, recorded and learned from."""
        samples, problems = gaussians.sample(), len(run.task.starts)
        outcome = run.objective.evaluate(task, samples)
        states = outcome.states.unflatten(1, (problems, -1)).flatten(2, 3)
        run.record(
            Evaluation(outcome.cost.view(problems, -1), states), samples.unflatten(1, (problems, -1)).flatten(2, 3)
        )
        gaussians.fit(samples, outcome)
        return samples, outcome


class SmoothedSync(_SampledSync):
    """Steps down the cost smoothed by noise on the actions: MPPI about each restart.

    Where contact makes and breaks, the gradient of the cost itself says little beyond the next edge. That of its mean
    under noise does, and needs no derivative of the model (Suh, Simchowitz, Zhang and Tedrake, "Do Differentiable
    Simulators Give Better Policy Gradients?", ICML 2022). MPPI's update is such a step.
    """

    descends, lasts = False, False

    def __init__(self, run: Run, restarts: int, config: MppiConfig) -> None:
        super().__init__(run, restarts, config)
        self._config = config

    def improve(self, run: Run, actions: Tensor, steps: int) -> tuple[Tensor, Evaluation]:
        """See Sync; the last mean may be worse than ``actions``."""
        config, task = self._config, self._task(run)
        smooth = PathIntegral(run.objective, task, self._noise, config, actions.flatten(1, 2), config.initial_spread)
        for _ in range(steps):
            if not run.budget.fits("sync"):
                break
            self._sampled(run, task, smooth)
            run.budget.took("sync")
        actions = smooth.mean.unflatten(1, actions.shape[1:3])
        evaluation = run.evaluate(actions)
        return actions, evaluation


class CemSync(_SampledSync):
    """A short cross-entropy search about each restart."""

    descends, lasts = True, False

    def __init__(self, run: Run, restarts: int, config: CemConfig) -> None:
        super().__init__(run, restarts, config)
        self._config = config

    def improve(self, run: Run, actions: Tensor, steps: int) -> tuple[Tensor, Evaluation]:
        """See Sync."""
        config, task = self._config, self._task(run)
        sampler = Sampler(run.objective, self._noise, config, actions.flatten(1, 2), config.initial_spread)
        best: Evaluation | None = None
        for _ in range(steps):
            if not run.budget.fits("sync"):
                break
            samples, outcome = self._sampled(run, task, sampler)
            actions, best = self._choose(actions, best, samples, outcome)
            run.budget.took("sync")
        if best is None:
            best = run.evaluate(actions)
        return actions, best

    @staticmethod
    def _choose(
        actions: Tensor, best: Evaluation | None, samples: Tensor, outcome: Evaluation
    ) -> tuple[Tensor, Evaluation]:
        """Each restart's best sample so far; the first sample of the first step is the restart itself."""
        cost, index = outcome.cost.min(1)
        row = torch.arange(len(index), device=index.device)
        chosen, states = samples[:, row, index], outcome.states[:, row, index]
        shape = actions.shape[1:3]
        chosen, found = chosen.unflatten(1, shape), Evaluation(cost.view(shape), states.unflatten(1, shape))
        return (chosen, found) if best is None else cheaper(actions, best, chosen, found)[:2]
