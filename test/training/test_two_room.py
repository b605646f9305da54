# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The two rooms' training at a tiny size: data near walls, rounds of plans, a model that loads, resuming."""

import argparse

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.point_world import REACH, build_dynamics, load_point_world, point_world, to_latents
from robot_planner.simulation.two_room import HIGH, LOW, WALL, is_free, step
from robot_planner.training import two_room
from robot_planner.training.two_room_data import planned, wander
from robot_planner.world import load_world

TINY = ["--episodes", 64, "--steps", 3, "--rounds", 1, "--round-steps", 2, "--round-plans", 2, "--hidden", 8]


def arguments(*words):
    parser = argparse.ArgumentParser()
    two_room.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.mark.parametrize("near", [0.0, 1.0])
def test_episodes_are_the_environments_and_near_walls_where_asked(near):
    data = wander(200, 30, near, 5)
    assert data.positions.shape == (200, 31, 2) and np.abs(data.actions).max() <= 1.0
    assert is_free(data.positions).all()
    np.testing.assert_array_equal(data.positions[:, 1], step(data.positions[:, 0], data.actions[:, 0]))
    gap = np.minimum(np.abs(data.positions[:, 0, 0] - WALL[0]), np.abs(data.positions[:, 0, 0] - WALL[1]))
    assert (gap <= 15.0).mean() > 0.9 if near else (gap <= 15.0).mean() < 0.4
    touching = (data.positions[..., 0] == WALL[0]) | (data.positions[..., 0] == WALL[1])
    assert (touching.mean() > 0.2) == bool(near)
    np.testing.assert_array_equal(data.actions, wander(200, 30, near, 5).actions)


def test_planned_episodes_are_plans_carried_out():
    data = planned(point_world("random", build_dynamics(8, 2, 1)), [3, 4], 9)
    assert data.positions.shape == (4, 10, 2) and data.actions.shape == (4, 9, 2)
    np.testing.assert_allclose(data.positions[:, 1], step(data.positions[:, 0], data.actions[:, 0]))
    np.testing.assert_array_equal(data.positions[:2, 0], data.positions[2:, 0])


def test_latents_are_positions_in_the_unit_box():
    np.testing.assert_allclose(to_latents(np.array([[LOW, HIGH], [112.0, 112.0]])), [[-1, 1], [0, 0]])
    metric = point_world("random", build_dynamics(8, 2, 1)).metric()
    assert metric.unit == "px"
    assert float(metric.distance(torch.tensor([0.0, 0.0]), torch.tensor([3.0, 4.0]))) == pytest.approx(5 * REACH)


def test_a_tiny_training_writes_a_model_and_resumes(tmp_path):
    words = [*TINY, "--work", tmp_path / "work", "--out", tmp_path / "model"]
    (record,) = two_room.run(arguments(*words))
    assert np.isfinite([value for value in record.values() if isinstance(value, float)]).all()
    first, plans = load_point_world(tmp_path / "model"), tmp_path / "work" / "plans-1.npz"
    before = plans.stat().st_mtime_ns
    two_room.run(arguments(*words))
    again = load_point_world(tmp_path / "model")
    assert plans.stat().st_mtime_ns == before
    latents, actions = torch.rand(5, 2), torch.rand(5, 2)
    torch.testing.assert_close(first.dynamics.step(latents, actions), again.dynamics.step(latents, actions))
    assert not any(parameter.requires_grad for parameter in again.dynamics.parameters())
    assert "--near-walls 0.5" in (tmp_path / "model" / "README.md").read_text()
    with pytest.raises(ModelError, match="kind 'two-room'"):
        load_world(tmp_path / "model")
    with pytest.raises(ModelError, match="no world model of the two rooms"):
        load_point_world("tabletop")


@pytest.mark.parametrize("words", [["--steps", "0"], ["--near-walls", "1.5"], ["--horizon", "41"], ["--rounds", "-1"]])
def test_bad_sizes_are_refused(words, tmp_path):
    with pytest.raises(InvalidInputError):
        two_room.run(arguments(*words, "--work", tmp_path))
