# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictors over a window of frames become world models: same predictions, and GRASP plans through them.

The stand-ins have what DINO-WM's VWorldModel and LeWM's JEPA have, with tiny random weights.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from robot_planner.dynamics.window_model import (
    WindowModel,
    dino_wm_frames,
    dino_wm_predict,
    lewm_predict,
)
from robot_planner.errors import InvalidInputError
from robot_planner.planning import Grasp, GraspConfig
from robot_planner.planning.goal_metric import PartDistance
from robot_planner.types import Problem

ACTIONS, WIDTH, PATCHES = 2, 6, 3
BOX = torch.ones(ACTIONS)


class Jepa(nn.Module):
    """LeWM's interface: a causal mean over the window, so that each output sees what came before it alone."""

    def __init__(self):
        super().__init__()
        self.action_encoder = nn.Linear(ACTIONS, 5)
        self.mix = nn.Linear(WIDTH + 5, WIDTH)

    def predict(self, frames, told):
        seen = torch.tanh(self.mix(torch.cat([frames, told], -1)))
        count = torch.arange(1, frames.shape[1] + 1).view(1, -1, 1)
        return frames + seen.cumsum(1) / count


class Tokens(nn.Module):
    """DINO-WM's interface, either way of joining actions to tokens."""

    def __init__(self, concat_dim):
        super().__init__()
        self.concat_dim, self.num_action_repeat = concat_dim, 2 if concat_dim else 1
        told = 4 if concat_dim else WIDTH
        self.encode_act = nn.Linear(ACTIONS, told)
        self.action_dim = told * self.num_action_repeat
        self.mix = nn.Linear(WIDTH + (self.action_dim if concat_dim else 0), WIDTH + self.action_dim * concat_dim)

    def encode(self, frames, actions):
        """Tokens (N, n, P, WIDTH) with their actions."""
        told = self.encode_act(actions).unsqueeze(2)
        if self.concat_dim == 0:
            return torch.cat([frames, told], 2)
        return torch.cat([frames, told.expand(-1, -1, frames.shape[2], -1).repeat(1, 1, 1, 2)], 3)

    def predict(self, tokens):
        mixed = torch.tanh(self.mix(tokens + tokens.mean(2, keepdim=True)))
        return mixed.cumsum(1)


def frozen(module):
    return module.eval().requires_grad_(False)


@given(window=st.integers(1, 4), seed=st.integers(0, 100), steps=st.integers(1, 6))
def test_a_rollout_is_the_predictor_s_own(window, seed, steps):
    torch.manual_seed(seed)
    jepa = frozen(Jepa())
    model = WindowModel(lewm_predict(jepa), window, WIDTH, -BOX, BOX)
    frames, actions = torch.randn(3, window, WIDTH), torch.randn(3, window + steps - 1, ACTIONS)
    latents = model.latents(frames, actions[:, : window - 1])
    for step in range(steps):
        latents = model.step(latents, actions[:, window - 1 + step])
        told = jepa.action_encoder(actions[:, : window + step])[:, -window:]
        frames = torch.cat([frames, jepa.predict(frames[:, -window:], told)[:, -1:]], 1)
        torch.testing.assert_close(model.newest(latents), frames[:, -1])
    assert latents.shape == (3, model.latent_dim)


@pytest.mark.parametrize("concat_dim", [0, 1])
def test_tokens_are_predicted_with_their_actions_put_in_anew(concat_dim):
    torch.manual_seed(concat_dim)
    world = frozen(Tokens(concat_dim))
    count = PATCHES + (concat_dim == 0)  # with concat_dim 0 proprioception is a token
    tokens, actions = torch.randn(4, 2, count, WIDTH), torch.randn(4, 3, ACTIONS)
    encoded = world.encode(tokens, actions[:, :2])
    frames = dino_wm_frames(world, encoded)
    model = WindowModel(dino_wm_predict(world, PATCHES), 2, frames.shape[2], -BOX, BOX)
    latents = model.step(model.latents(frames, actions[:, :1]), actions[:, 1])
    first = dino_wm_frames(world, world.predict(encoded))[:, -1]
    torch.testing.assert_close(model.newest(latents), first)
    again = world.encode(torch.stack([tokens[:, 1], first.unflatten(1, (count, -1))], 1), actions[:, 1:])
    second = dino_wm_frames(world, world.predict(again))[:, -1]
    torch.testing.assert_close(model.newest(model.step(latents, actions[:, 2])), second)


def test_a_short_past_is_a_past_at_rest_and_a_long_one_is_cut():
    model = WindowModel(lambda frames, actions: frames, 3, WIDTH, -BOX, BOX)
    frames, actions = torch.randn(2, 5, WIDTH), torch.randn(2, 4, ACTIONS)
    still = torch.zeros(2, 2, ACTIONS)
    torch.testing.assert_close(model.latents(frames[:, :1]), model.latents(frames[:, :1].expand(-1, 3, -1), still))
    torch.testing.assert_close(model.latents(frames, actions), model.latents(frames[:, 2:], actions[:, 2:]))


@pytest.mark.parametrize(
    ("frames", "actions"), [((2, 0, WIDTH), None), ((2, 3, 5), None), ((2, 3, WIDTH), (2, 3, 2)), ((2, WIDTH), None)]
)
def test_what_is_no_past_is_refused(frames, actions):
    model = WindowModel(lambda frames, actions: frames, 3, WIDTH, -BOX, BOX)
    with pytest.raises(InvalidInputError, match=r"allowed: \(N, n, 6\)"):
        model.latents(torch.zeros(frames), None if actions is None else torch.zeros(actions))
    with pytest.raises(InvalidInputError, match="allowed: 1 and above"):
        WindowModel(lambda frames, actions: frames, 0, WIDTH, -BOX, BOX)
    for parts in (0, ACTIONS + 1):
        with pytest.raises(InvalidInputError, match=f"action_parts = {parts}"):
            WindowModel(lambda frames, actions: frames, 3, WIDTH, -BOX, BOX, action_parts=parts)
    assert (
        WindowModel(lambda frames, actions: frames, 3, WIDTH, -BOX, BOX, action_parts=ACTIONS).action_parts == ACTIONS
    )


def test_the_distance_is_that_of_the_newest_frames():
    model = WindowModel(lambda frames, actions: frames, 3, WIDTH, -BOX, BOX)
    metric = PartDistance(model.newest_part)
    latents = torch.randn(4, 2, model.latent_dim, dtype=torch.float64, requires_grad=True)
    goals = torch.randn(1, 2, model.latent_dim, dtype=torch.float64)
    cost = metric.cost(latents, goals)
    torch.testing.assert_close(cost, (model.newest(latents) - model.newest(goals)).square().mean(-1))
    (expected,) = torch.autograd.grad(cost.sum(), latents)
    value, gradient = metric.cost_and_gradient(latents, goals)
    torch.testing.assert_close(value, cost.detach())
    torch.testing.assert_close(gradient, expected)


def test_grasp_plans_through_a_window():
    """To where actions known to the test lead, and no other way of knowing than the predictor."""
    torch.manual_seed(3)
    jepa = frozen(Jepa())
    model = WindowModel(lewm_predict(jepa), 3, WIDTH, -BOX, BOX)
    start = model.latents(torch.randn(1, 1, WIDTH))
    goal = start
    for action in 0.8 * torch.randn(5, 1, ACTIONS).clamp(-1, 1):
        goal = model.step(goal, action)
    metric = PartDistance(model.newest_part)
    planner = Grasp(model, metric, GraspConfig(horizon=5, iterations=100))
    plan = planner.plan(Problem(start[0].numpy(), model.latents(model.newest(goal)[:, None])[0].numpy()))
    before, after = (float(metric.distance(torch.as_tensor(z), goal[0])) for z in (start[0], plan.states[-1]))
    assert after < 0.2 * before
    assert np.isfinite(plan.actions).all()
