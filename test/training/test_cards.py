# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A card states the command that made its model, whole."""

import time
from argparse import Namespace
from pathlib import Path

from robot_planner.training.cards import typed, write_model

CARD = "# {name}\n- `./run train toy {options}`\n- {seconds} s, {kind}\n\n{figures}\n"


def test_options_are_as_they_are_typed_and_those_without_a_value_left_out():
    args = Namespace(round_steps=3, start=Path("models/own"), planner=None, rate=3e-4)
    names = ("round_steps", "start", "planner", "rate")
    assert typed(args, names) == "--round-steps 3 --start models/own --rate 0.0003"


def test_the_model_is_written_where_asked_with_its_card(tmp_path, capsys):
    written = {}
    for out, folder in ((None, Path("models/toy")), (tmp_path / "here", tmp_path / "here")):
        args = Namespace(name="toy", out=out, seed=3, steps=7)
        records = write_model(
            args, CARD, ("steps", "seed"), time.monotonic(), {"loss": 0.12345}, written.__setitem__, kind="a toy"
        )
        assert records == [{"model": "toy", "seed": 3, "loss": 0.12345}]
        assert written[folder] == "# toy\n- `./run train toy --steps 7 --seed 3`\n- 0 s, a toy\n\n  - loss: 0.123\n"
        assert f"wrote {folder}" in capsys.readouterr().out
