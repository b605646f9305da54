# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Push-T's training from pictures at a tiny size: labels fit pictures, also turned and mirrored ones; resuming."""

import argparse
import importlib.util

import numpy as np
import pytest
import torch

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.perception.convolutional import images_to_tensor
from robot_planner.push_t_world import FAST, MIDDLE, PUSH_T_WORLD, SCALE, load_push_world
from robot_planner.training import push_t, push_t_pixels
from robot_planner.training.push_t_data import gathered, planned
from robot_planner.world import SeeingWorld

needs_push_t = pytest.mark.skipif(
    importlib.util.find_spec("gym_pusht") is None, reason="the extra 'pusht' is not installed"
)
TINY = ["--episodes", 4, "--single-steps", 2, "--steps", 2, "--horizon", 2, "--rounds", 1, "--round-steps", 1]
TINY += ["--round-plans", 2, "--hidden", 8, "--images", 30, "--encoder-steps", 2, "--channels", 4]


def arguments(*words):
    parser = argparse.ArgumentParser()
    push_t_pixels.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def states_of(latents):
    found = latents.double().numpy()
    places = found * SCALE + MIDDLE
    return np.c_[places[:, :2], FAST * found[:, 2:4], places[:, 4:6], np.arctan2(found[:, 7], found[:, 6])]


def off(pictures, states):
    """Mean difference of pictures (N, 3, S, S) from those of states, of the 255 steps of a colour."""
    drawn = images_to_tensor(PUSH_T_WORLD.pictures(states, pictures.shape[-1])[:, None])
    return 255.0 * (pictures - drawn).abs().mean((1, 2, 3)).numpy()


@needs_push_t
def test_labels_are_of_the_picture_now_and_some_show_rest():
    images, latents = push_t_pixels.pairs(gathered(3, 40, 0.0, 1), 40, 0)
    assert images.shape == (40, 2, 64, 64, 3) and latents.shape == (40, 8)
    assert (off(images_to_tensor(images[:, :1]), states_of(latents)) < 0.1).all()
    same = (images[:, 0] == images[:, 1]).all((1, 2, 3))
    assert same[:4].all() and not latents[:4, 2:4].any() and latents[4:, 2:4].any(-1).float().mean() > 0.8


@needs_push_t
def test_pictures_turned_and_mirrored_are_of_the_latents_turned_and_mirrored():
    images, latents = push_t_pixels.pairs(gathered(1, 40, 0.0, 1), 8, 0)
    one, many = images_to_tensor(images[7:]).repeat(8, 1, 1, 1), latents[7:].repeat(8, 1)
    seen, truth = push_t_pixels.vary(one, many)
    assert (off(seen[:, :3], states_of(truth)) < 1.0).all()
    assert len({tuple(row) for row in truth.round(decimals=3).tolist()}) == 8
    move, way = states_of(truth)[:, :2] - states_of(truth)[:1, :2], truth[:, 2:4].norm(dim=-1)
    assert np.linalg.norm(move[1:], axis=-1).min() > 5.0
    torch.testing.assert_close(way, latents[7:, 2:4].norm(dim=-1).expand(8))
    copied = off(seen[:, :3], states_of(many))
    assert copied[0] < 0.1 and copied[1:].min() > 1.0


@needs_push_t
def test_a_tiny_training_writes_a_model_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(push_t, "PLAN_HORIZONS", (10,))
    monkeypatch.setattr(push_t, "HELD", 3)
    words = [*TINY, "--work", tmp_path / "work", "--out", tmp_path / "model"]
    (record,) = push_t_pixels.run(arguments(*words))
    assert np.isfinite([value for value in record.values() if isinstance(value, float)]).all()
    assert {"seen_agent_px", "seen_speed_px_s", "block_px_8", "angle_deg_16_copied"} <= set(record)
    first = load_push_world(tmp_path / "model")
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.npz")}
    assert isinstance(first, SeeingWorld) and len(made) == 6  # states and latents: scripted, held, of plans
    (resumed,) = push_t_pixels.run(arguments(*words))
    assert resumed == record and all(path.stat().st_mtime_ns == time for path, time in made.items())
    again, latents, actions = load_push_world(tmp_path / "model"), torch.rand(5, 8), torch.rand(5, 10)
    torch.testing.assert_close(first.dynamics.step(latents, actions), again.dynamics.step(latents, actions))
    assert first.encoder.digest == again.encoder.digest
    card = (tmp_path / "model" / "README.md").read_text()
    assert "train push-t-pixels --images 30" in card and "seen_angle_deg" in card


@needs_push_t
def test_plans_are_made_of_pictures():
    world = PUSH_T_WORLD.world("random", PUSH_T_WORLD.build_dynamics(8, 2, 1), PUSH_T_WORLD.build_encoder(64, 4, 2))
    data = planned(world, [3], 5)
    blind = planned(PUSH_T_WORLD.world("blind", PUSH_T_WORLD.build_dynamics(8, 2, 1)), [3], 5)
    np.testing.assert_array_equal(data.states[:, 0], blind.states[:, 0])
    assert not np.array_equal(data.actions, blind.actions)


@pytest.mark.parametrize("words", [["--images", "0"], ["--encoder-steps", "0"], ["--channels", "0"], ["--steps", "0"]])
def test_bad_sizes_are_refused(words, tmp_path):
    with pytest.raises(InvalidInputError):
        push_t_pixels.run(arguments(*words, "--work", tmp_path))


def test_without_the_packages_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentSetupError, match="pusht"):
        push_t_pixels.run(arguments("--work", tmp_path))
