# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Push-T's training at a tiny size: data that pushes, symmetries that hold, rounds of plans, resuming."""

import argparse
import importlib.util

import numpy as np
import pytest
import torch

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.push_t_world import build_dynamics, load_push_world, push_world, to_latents
from robot_planner.simulation.push_t import BLOCK, PushT
from robot_planner.training import push_t
from robot_planner.training.push_t_data import gathered, planned

needs_push_t = pytest.mark.skipif(
    importlib.util.find_spec("gym_pusht") is None, reason="the extra 'pusht' is not installed"
)
TINY = ["--episodes", 4, "--single-steps", 2, "--steps", 2, "--horizon", 2, "--rounds", 1, "--round-steps", 1]
TINY += ["--round-plans", 2, "--hidden", 8]


def arguments(*words):
    parser = argparse.ArgumentParser()
    push_t.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


@needs_push_t
@pytest.mark.parametrize("stirred", [0.0, 1.0])
def test_episodes_are_the_environments_and_push(stirred):
    data = gathered(6, 60, stirred, 5)
    assert data.states.shape == (6, 61, 7) and np.abs(data.actions).max() <= 1.0
    np.testing.assert_array_equal(data.states[2], PushT().rollout(data.states[2, 0], data.actions[2]))
    moved = np.linalg.norm(data.states[:, -1, BLOCK] - data.states[:, 0, BLOCK], axis=-1)
    assert (moved > 10.0).mean() >= 0.5
    np.testing.assert_array_equal(data.actions[:2], gathered(2, 60, stirred, 5).actions)


@needs_push_t
def test_the_world_turned_and_mirrored_is_the_same_world():
    data = gathered(4, 15, 0.0, 1)
    latents, actions = push_t.as_windows(to_latents(data.states), data.actions)
    moves = actions.flatten(1).unflatten(1, (-1, 2))
    generator = torch.Generator().manual_seed(0)
    seen, asked = push_t.symmetric(latents.repeat(8, 1, 1), moves.repeat(8, 1, 1), generator)
    environment, off = PushT(), []
    for view, plan in zip(seen, asked, strict=True):
        view = view.double().numpy()
        places = view * push_t.SCALE + (push_t.SCALE + 20.0)
        start = np.r_[places[0, :2], view[0, 2:4] * push_t.FAST, places[0, 4:6], np.arctan2(view[0, 7], view[0, 6])]
        end = environment.rollout(start, plan.reshape(-1, 2).numpy())[-1]
        off.append(np.linalg.norm(end[[0, 1, 4, 5]] - places[-1, [0, 1, 4, 5]]))
    assert np.median(off) < 0.1 and np.mean(off) < 2.0


@needs_push_t
def test_planned_episodes_are_plans_carried_out():
    data = planned(push_world("random", build_dynamics(8, 2, 1)), [3, 4], 5)
    # of each planner the plans for both problems
    assert data.states.shape == (6, 6, 7) and data.actions.shape == (6, 5, 2)
    assert np.linalg.norm(data.before - data.states[:, 0], axis=-1).max() < 200.0 and data.before.shape == (6, 7)
    np.testing.assert_array_equal(data.states[:2, 0], data.states[2:4, 0])
    np.testing.assert_array_equal(data.states[:2, 0], data.states[4:, 0])
    assert len({actions.tobytes() for actions in data.actions}) == 6


@needs_push_t
def test_a_tiny_training_writes_a_model_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(push_t, "PLAN_HORIZONS", (10,))
    monkeypatch.setattr(push_t, "HELD", 3)
    words = [*TINY, "--work", tmp_path / "work", "--out", tmp_path / "model"]
    (record,) = push_t.run(arguments(*words))
    assert np.isfinite([value for value in record.values() if isinstance(value, float)]).all()
    assert {"block_px_8", "block_px_8_copied", "angle_deg_16"} <= set(record)
    first, made = load_push_world(tmp_path / "model"), sorted((tmp_path / "work").glob("*.npz"))
    before = [path.stat().st_mtime_ns for path in made]
    assert len(made) == 3
    push_t.run(arguments(*words))
    assert [path.stat().st_mtime_ns for path in made] == before
    again, latents, actions = load_push_world(tmp_path / "model"), torch.rand(5, 8), torch.rand(5, 10)
    torch.testing.assert_close(first.dynamics.step(latents, actions), again.dynamics.step(latents, actions))
    assert "--stirred 0.4" in (tmp_path / "model" / "README.md").read_text()


@pytest.mark.parametrize("words", [["--steps", "0"], ["--stirred", "1.5"], ["--horizon", "9"], ["--rounds", "-1"]])
def test_bad_sizes_are_refused(words, tmp_path):
    with pytest.raises(InvalidInputError):
        push_t.run(arguments(*words, "--work", tmp_path))


def test_without_the_packages_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentSetupError, match="pusht"):
        push_t.run(arguments("--work", tmp_path))
