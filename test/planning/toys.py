# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Small worlds whose best plans are known, and world models that misbehave."""

import numpy as np
import torch
from torch import nn

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.planning.goal_metric import DifferentiableMetric
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.types import Problem


def point_mass(dtype=torch.float64, low=(-0.1, -0.1), high=(0.1, 0.1)):
    """A point in the plane that moves by its action."""
    bounds = torch.tensor(low, dtype=dtype), torch.tensor(high, dtype=dtype)
    return FunctionModel(lambda z, a: z + a, len(low), *bounds)


def walled_plane(dtype=torch.float64):
    """A point that a smooth wall at x = 0 stops, but for a gap at y about 0.6: the straight way is a dead end."""

    def step(z, a):
        ahead = z + a
        blocked = torch.exp(-((ahead[:, :1] / 0.15) ** 4)) * torch.sigmoid(((ahead[:, 1:] - 0.6).abs() - 0.25) * 20)
        x = z[:, :1] + a[:, :1] * (1 - blocked) - 0.05 * blocked * (z[:, :1] < 0.05)
        return torch.cat([x, ahead[:, 1:]], 1)

    bounds = torch.full((2,), 0.15, dtype=dtype)
    return FunctionModel(step, 2, -bounds, bounds)


class RandomModel(nn.Module):
    """A two-layer network of random weights, with an uncertainty."""

    def __init__(self, latent_dim, action_dim, seed, dtype=torch.float64):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.latent_dim, self.action_dim, self.step_seconds = latent_dim, action_dim, 0.5
        self.action_low = -0.5 - torch.rand(action_dim, generator=generator, dtype=dtype)
        self.action_high = 0.5 + torch.rand(action_dim, generator=generator, dtype=dtype)

        def weight(rows, columns):
            return torch.randn(rows, columns, generator=generator, dtype=dtype) / columns**0.5

        self.inner, self.outer = weight(16, latent_dim + action_dim), weight(latent_dim + 1, 16)

    def _run(self, latents, actions):
        return torch.tanh(torch.cat([latents, actions], -1) @ self.inner.mT) @ self.outer.mT

    def step(self, latents, actions):
        return latents + 0.5 * self._run(latents, actions)[:, :-1]

    def step_with_uncertainty(self, latents, actions):
        out = self._run(latents, actions)
        return latents + 0.5 * out[:, :-1], out[:, -1].square() + 0.5


class CurvedMetric(DifferentiableMetric):
    """A metric that is no latent distance: a learned-like, bent cost."""

    name, unit = "curved", ""

    def cost(self, latents, goals):
        difference = torch.sin(latents) - torch.sin(goals) + 0.3 * (latents - goals)
        return (1.0 + difference.square().sum(-1)).sqrt() - 1.0

    def distance(self, latents, goals):
        return (latents - goals).norm(dim=-1)


def random_subgoals(model):
    """A planner of subgoals with random weights in a model's latent space."""
    torch.manual_seed(0)
    return BackwardPlanner(LbpConfig(latent_dim=model.latent_dim, language_dim=2, hidden=16)).requires_grad_(False)


def random_problem(seed, dim, stamp=0):
    numbers = np.random.default_rng(seed)
    start, goal = numbers.standard_normal((2, dim)).astype(np.float32)
    return Problem(start, goal, stamp)


class Clock:
    """A clock that runs when it is told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class SlowModel:
    """Wraps a model: each call takes ``seconds`` of a Clock, and fails from call ``fails_at`` on."""

    def __init__(self, model, clock=None, seconds=0.0, fails_at=None):
        self._model, self._clock, self._seconds, self._fails_at = model, clock, seconds, fails_at
        self.calls = 0

    def __getattr__(self, name):
        return getattr(self._model, name)

    def step(self, latents, actions):
        self.calls += 1
        if self._clock is not None:
            self._clock.now += self._seconds
        following = self._model.step(latents, actions)
        failed = self._fails_at is not None and self.calls >= self._fails_at
        return following * float("nan") if failed else following

    def step_with_uncertainty(self, latents, actions):
        return self._model.step_with_uncertainty(latents, actions)
