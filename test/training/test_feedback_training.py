# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The training of the world model of feedback, whole and small; from a planner's weights where there is one."""

import argparse

import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.feedback_model import load_feedback_model
from robot_planner.task_planning.local_model import save_local_model
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.tokens import WordList
from robot_planner.training import feedback_model
from robot_planner.training.plan_lessons import word_list
from robot_planner.training.resumable import steps_done


def arguments(tmp_path, **changes):
    parser = argparse.ArgumentParser()
    feedback_model.add_arguments(parser)
    small = {"problems": 2, "steps": 3, "scenes": 2, "width": 32, "layers": 1, "workers": 1, "threads": 1}
    args = parser.parse_args([])
    for name, value in {**small, "work": tmp_path / "work", "out": tmp_path / "model", **changes}.items():
        setattr(args, name, value)
    return args


def test_a_training_ends_with_a_model_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(feedback_model, "VALIDATION_PROBLEMS", 1)
    (record,) = feedback_model.run(arguments(tmp_path))
    card = (tmp_path / "model" / "README.md").read_text()
    assert "--problems 2 --steps 3 --scenes 2 --seed 0 --width 32 --layers 1`" in card
    assert 0.0 <= record["held_steps"] <= 1.0 and 0.0 <= record["held_goals"] <= 1.0
    first = load_feedback_model(tmp_path / "model").network.step_head.weight.clone()
    shards = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npz")}
    assert len(shards) == 2
    feedback_model.run(arguments(tmp_path, steps=5))
    assert steps_done(tmp_path / "work", "seed0") == 5
    assert shards == {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.npz")}
    assert not torch.equal(load_feedback_model(tmp_path / "model").network.step_head.weight, first)


def test_it_begins_with_the_planners_weights_and_refuses_other_words(tmp_path):
    words = word_list()
    planner = StepNetwork(StepNetworkConfig(words=len(words), width=32, layers=1, heads=1))
    save_local_model(planner, words, tmp_path / "planner", "A test.\n")
    begun = feedback_model.begin(tmp_path / "planner", 192, 6)
    for name, tensor in planner.state_dict().items():
        assert torch.allclose(begun.trunk.state_dict()[name], tensor, atol=1e-3)  # kept in half precision
    save_local_model(planner, WordList([*words.words[:-1], "zebra"]), tmp_path / "other", "A test.\n")
    with pytest.raises(InvalidInputError, match="other words"):
        feedback_model.begin(tmp_path / "other", 192, 6)


@pytest.mark.parametrize("wrong", [{"problems": 0}, {"steps": 0}, {"width": 40}, {"width": 0}])
def test_wrong_numbers_are_refused(tmp_path, wrong):
    with pytest.raises(InvalidInputError, match="positive"):
        feedback_model.run(arguments(tmp_path, **wrong))
