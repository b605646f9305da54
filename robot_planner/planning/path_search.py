# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A search over lifted paths, before any action is thought of: which smooth ways from start to goal does the model go?

A rollout costs T model calls one after the other, and where the greedy way is a dead end most rollouts see nothing but
that. Lifted, each transition of a path stands for itself: whether the model can go from s_t to s_{t+1} is one row of
one batch, and to tell a good path from a bad one a few of its transitions are enough. So paths are drawn, the straight
line plus some sine waves in latent space at even pace, and scored by some of their transitions,

    mean_t  |F(s_t, a_t) - s_{t+1}|^2 / l^2  +  caution relu(u_t / threshold - 1),    a_t = U(s_{t+1} - s_t),

with l the pace of the straight line, u the model's uncertainty, and U a linear inverse model, fitted at once to some
steps near the straight line. The second term keeps paths where the model knows: a state that no robot was ever in, as
within a wall, is left as easily as any other. The waves are searched by cross-entropy. Actions of the best paths are
then fitted to all their transitions, with the model's action Jacobian by secants, and are first candidates like any
other: what their rollouts cost decides.

States and actions of all steps side by side are GRASP's (Psenka et al., arXiv 2602.00475), cross-entropy search is
Rubinstein's (1999); to search paths by some of their transitions is ours.
"""

from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from robot_planner.planning.lifted import latent_scale, straight_line
from robot_planner.planning.noise import NoiseSource
from robot_planner.planning.objective import Objective
from robot_planner.planning.run import Run

KNOTS = 32
"""Pieces of the polyline that stands for a path while it is put to an even pace."""
ELITES = 0.1
"""Of a generation, the share that the next one is drawn about."""
KEPT = 4
"""Paths of a generation that the next one has again."""
INERTIA = 0.1
"""Of the last generation's mean and deviation, the share that stays."""
GOOD = 0.03
"""Score of a path that can be gone: its transitions are missed by a sixth of their length."""
PROBES = 128
"""Steps that the linear inverse model is fitted to."""
RIDGE = 1e-4
"""Of the linear inverse model, relative to what it is fitted to."""
SECANT = 0.5
"""Change of an action, in half ranges, over which the action Jacobian is taken: a model's kinks are narrower."""


@dataclass(frozen=True)
class PathSearchConfig:
    """Sizes of a search; GraspConfig says what they are."""

    paths: int
    waves: int
    spread: float
    transitions: int
    caution: float


class PathSearch:
    """Paths of P problems, N a generation; tensors have the path's points first, as states have."""

    def __init__(self, run: Run, config: PathSearchConfig, attempt: int = 0) -> None:
        """``attempt``: searches with different numbers draw different paths."""
        objective, task, horizon = run.objective, run.task, run.config.horizon
        self._objective, self._config, self._horizon = objective, config, horizon
        dim, waves = task.starts.shape[-1], config.waves
        self._line = straight_line(task, KNOTS)
        scale = latent_scale(task)
        self._pace = dim * scale.square().squeeze(-1) / horizon**2
        """(P, 1) squared length of the straight line's steps."""
        wave = torch.arange(1, waves + 1, device=objective.device, dtype=objective.dtype)
        along = torch.linspace(0.0, 1.0, KNOTS + 1, device=objective.device, dtype=objective.dtype)
        self._basis = torch.sin(pi * along.unsqueeze(1) * wave)
        self._mean = self._line.new_zeros(waves, len(task.starts), 1, dim)
        self._deviation = (config.spread * scale / wave.view(-1, 1, 1, 1)).expand_as(self._mean)
        shape = (waves, config.paths, dim)
        self._noise = NoiseSource(run.generators(f"paths {attempt}"), shape, objective.device, objective.dtype)
        self._inverse = LinearInverse(run, self._line)
        self._generation = 0
        self._best = self._mean
        """Amplitudes (W, P, E, D) of the last generation's best paths, in order; at first the straight line's."""
        self._found = torch.zeros(len(task.starts), dtype=torch.bool, device=objective.device)

    def improve(self) -> None:
        """One generation."""
        config, objective = self._config, self._objective
        amplitudes = self._mean + self._deviation * self._noise.draw()
        kept = self._best[:, :, :KEPT]
        amplitudes[:, :, : kept.shape[2]] = kept
        before, after = self._points(amplitudes, self._times()).tensor_split(2)
        rows, actions = before.reshape(-1, before.shape[-1]), self._inverse(before, after).flatten(0, 2)
        with torch.no_grad():
            reached, uncertainty = objective.model.step_with_uncertainty(rows, actions)
        missed = (reached.view(after.shape) - after).square().sum(-1) / self._pace
        unknown = torch.relu(uncertainty.view(missed.shape) / max(objective.config.uncertainty_threshold, 1e-6) - 1.0)
        score = (missed + config.caution * unknown).mean(0).nan_to_num(nan=torch.inf)
        count = min(max(KEPT, round(ELITES * config.paths)), config.paths)
        values, best = score.topk(count, dim=1, largest=False)
        chosen = amplitudes.take_along_dim(best[None, :, :, None], dim=2)
        # a problem whose path is found keeps it, whatever the others of its batch still need
        self._best = torch.where(self._found.view(1, -1, 1, 1), self._best, chosen) if self._generation else chosen
        self._found = self._found | (values[:, 0] < GOOD)
        mean, deviation = self._best.mean(2, keepdim=True), self._best.std(2, keepdim=True, correction=0)
        self._mean, self._deviation = mean.lerp(self._mean, INERTIA), deviation.lerp(self._deviation, INERTIA)
        self._generation += 1

    def found(self) -> bool:
        """Whether there is a path for each problem that looks as if it could be gone."""
        return bool(self._found.all())

    def actions(self, count: int) -> Tensor:
        """Actions (T, P, C, A) that follow the best C <= ``count`` paths of the last generation."""
        return following_actions(self._objective, self.states(count))

    def states(self, count: int) -> Tensor:
        """States (T+1, P, C, D) of the best C <= ``count`` paths of the last generation, in order."""
        times = torch.linspace(0.0, 1.0, self._horizon + 1, device=self._line.device, dtype=self._line.dtype)
        return self._points(self._best[:, :, :count], times)

    def _times(self) -> Tensor:
        """(2 M,) where the transitions begin and end that this generation looks at: others than the last one did."""
        stride = max(1, self._horizon // self._config.transitions)
        first = torch.arange(
            self._generation % stride, self._horizon, stride, device=self._line.device, dtype=self._line.dtype
        )
        return torch.cat([first, first + 1.0]) / self._horizon

    def _points(self, amplitudes: Tensor, times: Tensor) -> Tensor:
        """States (M, P, N, D) at fractions ``times`` (M,) of the lengths of paths with these amplitudes."""
        bent = self._line + torch.einsum("kw,wpnd->kpnd", self._basis, amplitudes)
        return at_even_pace(bent.flatten(1, 2), times).unflatten(1, amplitudes.shape[1:3])


class LinearInverse:
    """Which action takes the model from one state to another: linear in the difference, a fit for each problem."""

    def __init__(self, run: Run, line: Tensor) -> None:
        """``line`` (K+1, P, 1, D): the states near which it is fitted."""
        objective = self._objective = run.objective
        width = objective.model.action_dim
        draws = NoiseSource(run.generators("probes"), (PROBES, width), objective.device, objective.dtype).draw()
        actions = draws.transpose(0, 1).clamp(-2.0, 2.0) / 2.0  # (P, n, A) half ranges about the middle
        middle = (objective.low + objective.high) / 2
        where = torch.linspace(0, len(line) - 1, PROBES, device=line.device).long()
        states = line[where, :, 0].transpose(0, 1)
        with torch.no_grad():
            reached = objective.model.step(
                states.reshape(-1, states.shape[-1]), (middle + actions * objective.half_range).flatten(0, 1)
            )
        change = (reached.view_as(states) - states).nan_to_num()
        self._middle_change = change.mean(1, keepdim=True)
        self._middle_action = actions.mean(1, keepdim=True)
        rows = change - self._middle_change
        gram = rows @ rows.mT  # by examples, not by latent numbers, of which there may be more
        ridge = RIDGE * gram.diagonal(dim1=1, dim2=2).sum(-1).clamp_min(torch.finfo(gram.dtype).tiny)
        eye = torch.eye(PROBES, device=gram.device, dtype=gram.dtype)
        self._weights = rows.mT @ torch.linalg.solve(gram + ridge.view(-1, 1, 1) * eye, actions - self._middle_action)
        self._middle = middle

    def __call__(self, before: Tensor, after: Tensor) -> Tensor:
        """States (M, P, N, D), (M, P, N, D) -> admissible actions (M, P, N, A)."""
        rows = (after - before - self._middle_change) @ self._weights + self._middle_action
        objective = self._objective
        return (self._middle + rows * objective.half_range).clamp(objective.low, objective.high)


def at_even_pace(paths: Tensor, times: Tensor) -> Tensor:
    """Points (M, N, D) at fractions ``times`` (M,) of the lengths of polylines (K+1, N, D)."""
    pieces = paths.diff(dim=0).square().sum(-1).sqrt()
    length = torch.cat([torch.zeros_like(pieces[:1]), pieces.cumsum(0)]).mT.contiguous()
    wanted = (length[:, -1:] * times).contiguous()
    after = torch.searchsorted(length, wanted).clamp_(1, len(pieces))
    low, high = length.gather(1, after - 1), length.gather(1, after)
    fraction = ((wanted - low) / (high - low).clamp_min(torch.finfo(low.dtype).tiny)).clamp_(0.0, 1.0)
    row = torch.arange(paths.shape[1], device=paths.device)
    return torch.lerp(paths[after.mT - 1, row], paths[after.mT, row], fraction.mT.unsqueeze(-1))


def following_actions(objective: Objective, states: Tensor) -> Tensor:
    """Admissible actions (T, P, N, A), each of which takes its state (T+1, P, N, D) nearest to the next one.

    One Gauss-Newton step from rest, with the action Jacobian by secants: exact where the model is linear in actions.
    """
    model, width = objective.model, objective.model.action_dim
    shape, dim = states[:-1].shape[:-1], states.shape[-1]
    rows, following = states[:-1].reshape(-1, dim), states[1:].reshape(-1, dim)
    rest = objective.neutral
    room = torch.where(rest + SECANT * objective.half_range <= objective.high, 1.0, -1.0)
    change = SECANT * room * objective.half_range
    probes = torch.cat([rest.unsqueeze(0), rest + torch.diag(change)])
    with torch.no_grad():
        reached = model.step(rows.repeat(width + 1, 1), probes.repeat_interleave(len(rows), 0))
    reached = reached.view(width + 1, len(rows), dim)
    slopes = ((reached[1:] - reached[0]) / room.view(-1, 1, 1)).transpose(0, 1)  # (rows, A, D) in SECANT half ranges
    normal = slopes @ slopes.mT
    size = normal.diagonal(dim1=1, dim2=2).mean(-1).clamp_min(torch.finfo(normal.dtype).tiny)
    normal = normal + 1e-4 * size.view(-1, 1, 1) * torch.eye(width, device=normal.device, dtype=normal.dtype)
    wanted = slopes @ (following - reached[0]).unsqueeze(-1)
    steps = torch.linalg.solve(normal, wanted).squeeze(-1) * SECANT * objective.half_range
    actions = (rest + steps.nan_to_num()).clamp(objective.low, objective.high)
    return actions.view(*shape, width)
