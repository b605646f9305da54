# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""GRASP's sync by a population: the restarts of a problem compete, for plans that lead through contact.

Where contact makes and breaks, a gradient says little of what lies beyond the next touch, and one distribution about
one plan has to be as wide for the way there as for the last centimetre. Here each restart has mutants: its actions plus
noise of many sizes and of many paces, over all of the plan or a stretch of it. The best of restarts and mutants go on
(a (mu + lambda) evolution strategy; Schwefel, "Evolution and Optimum Seeking", 1995).

What the mutants' rollouts say is used a second time. About each restart they are secants: so much of a change of the
actions, so much of a change of where the plan arrives. With the metric's curvature there they make a least-squares
problem whose solution, within the mutants' span, is a Gauss-Newton step to the goal that took no derivative of the
model (so ensemble Kalman inversion steps; Iglesias, Law and Stuart, Inverse Problems 29, 2013). It is tried at several
dampings beside the next mutants.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from robot_planner.planning.goal_metric import gradient_of
from robot_planner.planning.noise import NoiseSource, joined, parts_of
from robot_planner.planning.objective import Evaluation, screened
from robot_planner.planning.run import Run

FINEST = 0.05
"""Deviation of the smallest mutations, as a fraction of the largest."""
OCTAVES = 4
"""Paces of mutations: knots at every action of the environment, every second, fourth and eighth."""
WINDOWED = 0.5
"""Share of the mutations that change a stretch of the plan and not all of it."""
DAMPING = (-2.0, 1.0)
"""Decimal logarithms of the least and the most damping of a secant step, in mean squares of the secants."""


@dataclass(frozen=True)
class PopulationConfig:
    """Parameters of the sync; see GraspConfig."""

    samples: int
    """Mutants of each restart."""
    spread: float
    """Deviation of the largest mutations, in half ranges of the action."""
    secants: int
    """Dampings at which the secant step of each restart is tried; 0: none is."""


class PopulationSync:
    """See the module's docstring, and Sync. Keeps the restarts, best first, from one call to the next."""

    descends, lasts = True, True

    def __init__(self, run: Run, config: PopulationConfig, actions: Tensor, evaluation: Evaluation) -> None:
        """``actions`` (T, P, R, A): the first restarts, which were rolled out as ``evaluation`` says."""
        objective = run.objective
        self._config, self._parts = config, parts_of(objective.model)
        self._actions, self._kept = actions, evaluation
        self._proposed = actions[:, :, :0]
        count = actions.shape[2] * config.samples
        length, width = len(actions) * self._parts, objective.model.action_dim // self._parts
        generators = run.generators("mutants"), run.generators("mutations")
        self._noise = NoiseSource(generators[0], (length, count, width), objective.device, objective.dtype)
        self._choices = NoiseSource(generators[1], (3, count), objective.device, objective.dtype)
        self._paces = [basis.to(actions) for basis in paces(length)]

    def improve(self, run: Run, actions: Tensor, steps: int) -> tuple[Tensor, Evaluation]:
        """See Sync; ``actions`` join the population. They may be none."""
        others, stepped = [actions, self._proposed], False
        for _ in range(steps):
            if not run.budget.fits("sync"):
                break
            mutants = self._mutants(run)
            tried = torch.cat([mutants, *others], dim=2)
            outcome = run.evaluate(tried)
            self._proposed = self._secant_steps(run, mutants, outcome)
            self._select(tried, outcome)
            others, stepped = [self._proposed], True
            run.budget.took("sync")
        if not stepped and actions.shape[2]:
            outcome = run.evaluate(actions)
            self._select(actions, outcome)
        return self._actions, self._kept

    def keep(self, problems: Sequence[int]) -> None:
        """See Sync."""
        index = list(problems)
        self._actions, self._proposed = self._actions[:, index], self._proposed[:, index]
        self._kept = Evaluation(self._kept.cost[index], self._kept.states[:, index])
        self._noise.keep(problems)
        self._choices.keep(problems)

    def _mutants(self, run: Run) -> Tensor:
        """Admissible actions (T, P, R S, A), those of one restart after the other."""
        objective, samples, parts = run.objective, self._config.samples, self._parts
        noise = self._noise.draw().unflatten(2, (-1, samples))
        length, moves = len(noise), torch.empty_like(noise)
        for pace, basis in enumerate(self._paces):
            rows = slice(pace, None, len(self._paces))
            moves[:, :, :, rows] = torch.einsum("nk,kprsw->nprsw", basis, noise[: basis.shape[1], :, :, rows])
        # uniform numbers that belong to the problem, by the normal ones that do
        size, span, place = torch.special.ndtr(self._choices.draw()).unflatten(2, (-1, samples))
        deviation = self._config.spread * FINEST**size
        whole = span >= WINDOWED
        # a stretch is a model's step at the least
        stretch = torch.where(whole, float(length), parts + (span / WINDOWED) * (length - parts))
        begin = place * (length - stretch)
        time = torch.arange(length, device=noise.device, dtype=noise.dtype).view(-1, 1, 1, 1)
        changed = (time > begin - 1.0) & (time < begin + stretch)
        moves *= (deviation * changed).unsqueeze(-1)
        mutations = joined(moves.flatten(2, 3), parts) * objective.half_range
        parents = self._actions.repeat_interleave(samples, 2)
        return (parents + mutations).clamp_(objective.low, objective.high)

    def _select(self, tried: Tensor, outcome: Evaluation) -> None:
        """The best of the restarts and of what was tried are the restarts, best first."""
        costs, states = torch.cat([self._kept.cost, outcome.cost], 1), torch.cat([self._kept.states, outcome.states], 2)
        everything, restarts = torch.cat([self._actions, tried], 2), self._actions.shape[2]
        self._actions, self._kept = screened(everything, Evaluation(costs, states), restarts)

    def _secant_steps(self, run: Run, mutants: Tensor, outcome: Evaluation) -> Tensor:
        """From each restart a Gauss-Newton step at each damping, by its mutants: (T, P, R K, A)."""
        objective, count, samples = run.objective, self._config.secants, self._config.samples
        if not count:
            return mutants[:, :, :0]
        problems = len(run.task.starts)
        ends = outcome.states[run.arrival, :, : mutants.shape[2]].unflatten(1, (-1, samples))  # (P, R, S, D)
        begin, goals = self._kept.states[run.arrival].unsqueeze(2), run.task.goals.unsqueeze(1)
        weight = curvature(gradient_of(objective.metric), ends, goals).sqrt()
        moved = (mutants.unflatten(2, (-1, samples)) - self._actions.unsqueeze(3)) / objective.half_range
        moved = moved.permute(1, 2, 3, 0, 4).flatten(3)  # (P, R, S, T A)
        size = moved.square().mean(-1, keepdim=True).sqrt()
        usable = torch.isfinite(ends).all(-1, keepdim=True) & (size > 0.0)
        scale = torch.where(usable, 1.0 / size.clamp_min(1e-3), 0.0)
        secants = torch.nan_to_num((ends - begin) * weight) * scale
        missing = torch.nan_to_num((goals - begin) * weight)
        gram = secants @ secants.mT  # (P, R, S, S)
        strength = gram.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
        share = torch.where(strength > 0.0, 1.0 / strength, 0.0).clamp_max(torch.finfo(gram.dtype).max)
        damping = torch.logspace(*DAMPING, count, device=gram.device, dtype=gram.dtype)
        eye = torch.eye(samples, device=gram.device, dtype=gram.dtype)
        damped = (gram * share).unsqueeze(2) + damping[:, None, None] * eye
        parts = torch.linalg.solve(damped, (secants @ missing.mT * share).unsqueeze(2))  # (P, R, K, S, 1)
        steps = torch.einsum("prks,prsn->prkn", parts.squeeze(-1), moved * scale)
        steps = torch.nan_to_num(steps).view(problems, -1, count, len(mutants), objective.model.action_dim)
        actions = self._actions.unsqueeze(3) + steps.permute(3, 0, 1, 2, 4) * objective.half_range
        return actions.flatten(2, 3).clamp_(objective.low, objective.high)


def curvature(gradient: Callable[[Tensor, Tensor], Tensor], ends: Tensor, goals: Tensor) -> Tensor:
    """The metric's second derivative by each number of a latent, at least zero, by secants to the goal: (P, 1, 1, D).

    For a weighted square it is exact. ``ends`` (P, R, S, D); ``goals`` (P, 1, 1, D).
    """
    slope, away = torch.nan_to_num(gradient(ends, goals)), torch.nan_to_num(ends - goals)
    along = (slope * away).sum((1, 2), keepdim=True)
    return (along / away.square().sum((1, 2), keepdim=True).clamp_min(1e-12)).clamp_min(0.0)


@lru_cache(16)
def paces(length: int) -> tuple[Tensor, ...]:
    """For each pace the linear interpolation (N, K) between knots that are 1, 2, 4.. apart, at unit variance."""
    found, time = [torch.eye(length)], torch.arange(length)
    for octave in range(1, OCTAVES):
        apart = 2**octave
        if length < 2 * apart:
            break
        knots = torch.arange(0, length - 1 + apart, apart)
        basis = (1.0 - (time.view(-1, 1) - knots).abs() / apart).clamp_min(0.0)
        found.append(basis / basis.norm(dim=1, keepdim=True))
    return tuple(found)
