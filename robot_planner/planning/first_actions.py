# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""First action sequences: rest, the greedy way, smooth random ones, and the warm start with its neighbours."""

from math import pi

import torch
from torch import Tensor

from robot_planner.planning.goal_metric import gradient_of
from robot_planner.planning.noise import NoiseSource, joined, parts_of
from robot_planner.planning.run import Run

WAVES = 4
"""Cosines in a smooth random sequence; the k-th has 1 / (1 + k) of the first one's amplitude."""


def first_actions(run: Run, count: int, spread: float, warm_spread: float) -> Tensor:
    """Admissible action sequences (T, P, count, A), of which the first is never left out.

    Cold: rest, the greedy way, then smooth random sequences of root mean square ``spread`` half ranges about rest.
    Warm: the warm start, rest, the greedy way, then by turns the warm start plus ``warm_spread`` half ranges of smooth
    random sequences, and rest plus ``spread`` of them; last, what the last search left.
    """
    objective = run.objective
    noise = smooth_noise(run, count)
    actions = objective.neutral + spread * noise
    fixed = [objective.neutral.expand(actions.shape[1], -1), greedy_action(run)]
    if run.warm is not None:
        warm = run.warm[0].view(len(actions), 1, 1, -1)
        near = slice(len(fixed) + 1, None, 2)
        actions[:, :, near] = warm + warm_spread * noise[:, :, near]
        actions[:, :, :1] = warm
    if run.others is not None:
        room = min(run.others.shape[1], max(count - len(fixed) - 1, 0))
        actions[:, :, count - room :] = run.others[:, :room].unsqueeze(1)
    first = 0 if run.warm is None else 1
    for position, action in enumerate(fixed[: max(count - first, 0)], start=first):
        actions[:, :, position] = action
    return actions.clamp_(objective.low, objective.high)


def smooth_noise(run: Run, count: int) -> Tensor:
    """Random cosine sums (T, P, count, A) of unit variance, in half ranges of the action."""
    objective = run.objective
    parts = parts_of(objective.model)
    horizon = run.config.horizon * parts
    time = (torch.arange(horizon, dtype=torch.float64) + 0.5) / horizon
    basis = torch.stack([torch.cos(pi * wave * time) / (1 + wave) for wave in range(WAVES)], dim=1)
    basis = (basis / basis.square().sum(1, keepdim=True).mean().sqrt()).to(objective.low)
    shape = (WAVES, count, objective.model.action_dim // parts)
    amplitudes = NoiseSource(run.generators("first actions"), shape, objective.device, objective.dtype).draw()
    return joined(torch.einsum("tk,kpca->tpca", basis, amplitudes), parts) * objective.half_range


def greedy_action(run: Run) -> Tensor:
    """(P, A) from rest as far as the bounds let it go down the metric's gradient after one step."""
    objective, task = run.objective, run.task
    leaf = objective.neutral.expand(len(task.starts), -1).clone().requires_grad_(True)
    with torch.enable_grad():
        following = objective.model.step(task.starts, leaf)
    slope = gradient_of(objective.metric)(following.detach(), task.goals.squeeze(1))
    (gradient,) = torch.autograd.grad(following, leaf, slope)
    downhill = torch.nan_to_num(-gradient * objective.half_range, nan=0.0, posinf=0.0, neginf=0.0)
    longest = downhill.abs().amax(-1, keepdim=True).clamp_min(torch.finfo(downhill.dtype).tiny)
    return objective.neutral + downhill / longest * objective.half_range
