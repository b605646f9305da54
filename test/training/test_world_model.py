# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The whole training at a tiny size: it gathers, fits, writes a model that loads, and resumes."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.training import world_model
from robot_planner.training.gather import gather, load_shards
from robot_planner.world import load_world

CROP = (0.11, 0.03, 0.78)


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    world_model.add_arguments(parser)
    return parser.parse_args(words)


def test_a_tiny_training_writes_a_model_and_resumes(tmp_path: Path) -> None:
    words = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "model"), "--episodes", "2", "--validation", "1"]
    words += [
        "--steps",
        "2",
        "2",
        "2",
        "--workers",
        "1",
        "--rounds",
        "1",
        "--round-episodes",
        "1",
        "--round-steps",
        "2",
    ]
    (record,) = world_model.run(arguments(*words))
    assert np.isfinite([value for value in record.values() if isinstance(value, float)]).all()
    first = load_world(tmp_path / "model")
    before = load_world(tmp_path / "work" / "before-round-1")
    assert before.encoder.digest == first.encoder.digest  # a round leaves the latents as they are
    changed = [not torch.equal(*pair) for pair in zip(*(w.dynamics.parameters() for w in (before, first)), strict=True)]
    assert all(changed)
    shards = sorted((tmp_path / "work").glob("*/seeds_*.npz"))
    assert {shard.parent.name for shard in shards} == {"data", "validation", "round-1"}
    times = [shard.stat().st_mtime_ns for shard in shards]
    world_model.run(arguments(*words))
    assert load_world(tmp_path / "model").encoder.digest == first.encoder.digest
    assert [shard.stat().st_mtime_ns for shard in shards] == times


def test_shards_hold_what_they_say_and_no_truth_to_train_on(tmp_path: Path) -> None:
    (path,) = gather(tmp_path, 1, 6, 5, CROP, workers=1)
    data = load_shards([path])
    assert data["images"].shape == (1, 7, 64, 64, 3) and data["images"].dtype == np.uint8
    assert data["actions"].shape == (1, 6, 2) and np.abs(data["actions"]).max() <= 0.04 + 1e-6
    assert "truth" not in data
    # the hand goes where it is told, a servo's lag behind
    moved = data["hand"][0, -1] - data["hand"][0, 0]
    assert np.abs(moved - data["actions"][0].sum(0)).max() < 0.02


def test_bad_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="positive"):
        world_model.run(arguments("--work", str(tmp_path), "--episodes", "0"))
    with pytest.raises(InvalidInputError, match="--rounds is 0 or more"):
        world_model.run(arguments("--work", str(tmp_path), "--rounds", "-1"))
