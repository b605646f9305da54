# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The two rooms' training from pictures at a tiny size: it writes a model that loads, and resumes."""

import argparse

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.point_world import load_point_world
from robot_planner.training import two_room, two_room_pixels
from robot_planner.world import SeeingWorld

TINY = ["--episodes", 16, "--steps", 3, "--rounds", 1, "--round-steps", 2, "--round-plans", 2, "--hidden", 8]
TINY += ["--images", 30, "--encoder-steps", 2, "--channels", 4]


def arguments(*words):
    parser = argparse.ArgumentParser()
    two_room_pixels.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_a_tiny_training_writes_a_model_and_resumes(tmp_path, monkeypatch):
    monkeypatch.setattr(two_room, "HELD", 4)
    monkeypatch.setattr(two_room_pixels, "HELD_IMAGES", 20)
    words = [*TINY, "--work", tmp_path / "work", "--out", tmp_path / "model"]
    (record,) = two_room_pixels.run(arguments(*words))
    assert np.isfinite([value for value in record.values() if isinstance(value, float)]).all()
    assert {"seen_px", "seen_px_p99", "error_px_10", "leak"} <= set(record)
    first = load_point_world(tmp_path / "model")
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").glob("*.npz")}
    assert isinstance(first, SeeingWorld) and len(made) == 5  # latents: first, held, runs, of plans; the plans
    (resumed,) = two_room_pixels.run(arguments(*words))
    assert resumed == record and all(path.stat().st_mtime_ns == time for path, time in made.items())
    again, latents, actions = load_point_world(tmp_path / "model"), torch.rand(5, 2), torch.rand(5, 2)
    torch.testing.assert_close(first.dynamics.step(latents, actions), again.dynamics.step(latents, actions))
    assert "train two-room-pixels --images 30" in (tmp_path / "model" / "README.md").read_text()


@pytest.mark.parametrize("words", [["--images", "0"], ["--encoder-steps", "0"], ["--channels", "0"], ["--steps", "0"]])
def test_bad_sizes_are_refused(words, tmp_path):
    with pytest.raises(InvalidInputError):
        two_room_pixels.run(arguments(*words, "--work", tmp_path))
