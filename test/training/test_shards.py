# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Shards that are there are kept, the others made; what fails is told."""

from pathlib import Path

import pytest

from robot_planner.training.shards import make_missing


def test_only_what_is_missing_is_made_and_every_path_returned_in_order(tmp_path):
    paths = [tmp_path / f"{name}.npz" for name in "dcba"]
    paths[1].write_text("kept")
    told = []
    found = make_missing(Path.write_text, [(path, "made") for path in paths], 2, lambda *pair: told.append(pair))
    assert found == paths
    assert [path.read_text() for path in paths] == ["made", "kept", "made", "made"]
    assert told == [(2, 4), (3, 4), (4, 4)]
    assert make_missing(Path.write_text, [(path, "again") for path in paths], 1) == paths
    assert paths[0].read_text() == "made"


def test_what_a_process_raises_is_raised_here(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        make_missing(Path.write_text, [(tmp_path / "nowhere" / "a.npz", "made")], 1)
