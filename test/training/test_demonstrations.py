# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations as they are recorded and read back; what is broken is left out whole and named."""

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.training.demonstration_reader import read_demonstrations, read_shard
from robot_planner.training.demonstrations import gather_shard


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    return gather_shard(tmp_path_factory.mktemp("data") / "a.npz", "tidy", TUNING_SEEDS[:3])


@pytest.fixture(scope="module")
def data(shard):
    return read_demonstrations([shard])


def rewrite(shard, folder, **changes):
    arrays = {**read_shard(shard), **changes}
    path = folder / "changed.npz"
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return path


def test_every_frame_has_its_images_and_its_instruction(data):
    assert data.episodes == len(data.seeds) >= 2
    assert all(isinstance(text, str) and text for text in data.instructions)
    assert data.images("front", [0, len(data) - 1]).shape == (2, 128, 128, 3)
    assert data.images("wrist", [3]).shape == (1, 64, 64, 3)
    assert data.images("front", [0]).std() > 10


def test_chunks_are_what_was_commanded_next_seen_from_the_measured_tool(data):
    chunks, mask = data.chunks(4)
    body, commanded = data.arrays["proprioception"], data.arrays["commanded"]
    assert np.allclose(chunks[5, 2, :3], commanded[8, :3] - body[5, :3], atol=1e-6)
    assert np.allclose(chunks[5, 2, 4], commanded[8, 4])
    last = data.last[0]
    assert np.allclose(chunks[last, :, 4], commanded[last, 4])  # after the end the last command stands
    # a frame whose own next command is an error has nothing to teach, nor have those after an error begins
    wrong = np.flatnonzero(~data.arrays["expert"])
    assert not mask[wrong].any()
    before = wrong[(wrong > 0)] - 1
    before = before[data.first[before] == data.first[before + 1]]
    assert not mask[before, 1:].any()


def test_targets_lie_at_fractions_of_what_is_left(data):
    ahead = data.ahead((0.25, 0.5, 1.0))
    first, last = data.first[-1], data.last[-1]
    assert ahead[first].tolist() == [first + round((last - first) * f) for f in (0.25, 0.5, 1.0)]
    assert (ahead[:, -1] == data.last).all() and (ahead >= np.arange(len(data))[:, None]).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"commanded": None}, "lacks commanded"),
        ({"proprioception": np.zeros((7, 6), np.float32)}, "proprioception has shape"),
        ({"wrist_ends": np.zeros(1, np.int64)}, "wrist_ends has shape"),
    ],
)
def test_a_shard_with_wrong_arrays_is_named(shard, tmp_path, changes, says):
    with pytest.raises(InvalidInputError, match=f"changed.npz.*{says}"):
        read_shard(rewrite(shard, tmp_path, **changes))


def test_numbers_that_are_not_finite_are_refused(shard, tmp_path):
    commanded = read_shard(shard)["commanded"].copy()
    commanded[3, 1] = np.nan
    with pytest.raises(InvalidInputError, match="commanded holds NaN"):
        read_shard(rewrite(shard, tmp_path, commanded=commanded))


def test_places_may_be_unknown(shard, tmp_path):
    objects = read_shard(shard)["objects"].copy()
    objects[:] = np.nan
    read_shard(rewrite(shard, tmp_path, objects=objects))


def test_images_cut_short_are_refused(shard, tmp_path):
    with pytest.raises(InvalidInputError, match="front images are cut short"):
        read_shard(rewrite(shard, tmp_path, front=read_shard(shard)["front"][:-10]))


def test_a_broken_file_is_left_out_whole_and_the_rest_kept(shard, data, tmp_path, capsys):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    both = read_demonstrations([broken, shard])
    assert len(both) == len(data)
    assert "broken.npz" in capsys.readouterr().err
    with pytest.raises(InvalidInputError, match="no sound shard"):
        read_demonstrations([broken])
