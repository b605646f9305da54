# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Push-T's latents, actions and goal metric: scaled states, in units of the success test, and folders that load."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import ModelError
from robot_planner.push_t_world import (
    PushDistance,
    build_dynamics,
    load_push_world,
    push_world,
    save_push_world,
    to_latents,
    to_steps,
)
from robot_planner.simulation.push_t import HIGH, LOW, is_near
from robot_planner.world import load_world


def states(seed, rows=200):
    rng = np.random.default_rng(seed)
    low, high = [LOW, LOW, -100.0, -100.0, 100.0, 100.0, -7.0], [HIGH, HIGH, 100.0, 100.0, 400.0, 400.0, 7.0]
    return rng.uniform(low, high, (rows, 7))


def test_latents_are_scaled_states():
    corner = to_latents(np.array([LOW, HIGH, 150.0, -75.0, 255.5, LOW, np.pi / 2]))
    np.testing.assert_allclose(corner, [-1.0, 1.0, 1.0, -0.5, 0.0, -1.0, 0.0, 1.0], atol=1e-6)
    steps = np.arange(40.0).reshape(20, 2)
    np.testing.assert_array_equal(to_steps(steps.reshape(4, 10)), steps)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), size=st.floats(0.0, 30.0), turn=st.floats(0.0, 0.7))
def test_a_distance_below_one_is_success(seed, size, turn):
    goals, rng = states(seed), np.random.default_rng(seed)
    near = goals.copy()
    way = rng.standard_normal((len(goals), 4))
    near[:, [0, 1, 4, 5]] += size * way / np.linalg.norm(way, axis=-1, keepdims=True)
    near[:, 6] += turn
    distance = PushDistance().distance(*(torch.from_numpy(to_latents(each)) for each in (near, goals))).numpy()
    clear = np.abs(distance - 1.0) > 1e-3  # latents are single precision
    np.testing.assert_array_equal((distance < 1.0)[clear], is_near(near, goals)[clear])


def test_the_cost_is_smooth_and_zero_at_the_goal_whatever_the_velocity():
    metric, goals = PushDistance(), torch.from_numpy(to_latents(states(0, 3))).double()
    at = goals.clone()
    at[:, 2:4] += 0.5
    cost, gradient = metric.cost_and_gradient(at, goals)
    assert (cost == 0.0).all() and (gradient == 0.0).all()
    away = torch.from_numpy(to_latents(states(1, 3))).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda latents: metric.cost(latents, goals), (away,))


def test_folders_load_and_others_are_refused(tmp_path):
    save_push_world(build_dynamics(8, 2, 1), tmp_path / "model", "# card")
    world = load_push_world(tmp_path / "model")
    assert world.metric().unit == "limits" and world.dynamics.step_seconds == pytest.approx(0.5)
    latents, actions = torch.rand(3, 8), torch.rand(3, 10)
    fresh = push_world("fresh", build_dynamics(8, 2, 1))
    torch.testing.assert_close(world.dynamics.step(latents, actions), fresh.dynamics.step(latents, actions))
    with pytest.raises(ModelError, match="kind 'push-t'"):
        load_world(tmp_path / "model")
    with pytest.raises(ModelError, match="no world model of Push-T"):
        load_push_world("two-room")
