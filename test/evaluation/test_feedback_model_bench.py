# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How foretold answers are judged."""

from types import SimpleNamespace

import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation import feedback_model
from robot_planner.evaluation.feedback_model import checker, judge, optimist
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.feedback_model import known, save_feedback_model
from robot_planner.task_planning.feedback_network import FeedbackNetwork
from robot_planner.task_planning.network import StepNetworkConfig
from robot_planner.training.feedback_lessons import trials_of
from robot_planner.training.plan_lessons import word_list


def test_shares_are_counted_as_they_are_named():
    done, stuck = Feedback(True), Feedback(False, 2, "it is shut", ("a", "b"))
    pairs = [
        (done, done),
        (done, stuck),
        (stuck, stuck),
        (stuck, Feedback(False, 2, "it is far", ("b", "c"))),
        (stuck, Feedback(False, 1, "it is shut", ("a",))),
        (stuck, done),
    ]
    fields = judge(pairs)
    assert fields["plans"] == 6
    assert (fields["success_right"], fields["success_precision"], fields["success_recall"]) == (4 / 6, 1 / 2, 1 / 2)
    assert (fields["failure_precision"], fields["failure_recall"]) == (3 / 4, 3 / 4)
    assert fields["failed_step_exact"] == 3 / 6
    assert (fields["failing_step_precision"], fields["failing_step_recall"]) == (2 / 4, 2 / 4)
    assert (fields["reason_exact"], fields["reason_exact_of"]) == (1 / 2, 2)
    assert (fields["unmet_precision"], fields["unmet_recall"]) == (4 / 7, 4 / 8)
    assert fields["unmet_exact"] == 2 / 6
    assert fields["unmet_exact_low"] < 2 / 6 < fields["unmet_exact_high"]


def test_the_checker_is_never_wrong_about_what_it_refuses():
    refused = 0
    for seed in range(6):
        for trial in trials_of(seed):
            said = checker(trial)
            if said.failed_step is not None:
                assert trial.feedback.failed_step is not None and trial.feedback.failed_step <= said.failed_step
                refused += 1
            accepted = check(trial.plan, trial.task.scene, known(trial.task, trial.heard)).ok
            assert accepted == (said.failed_step is None)
            assert optimist(trial) == Feedback(True)
    assert refused > 5


def test_the_bench_has_a_record_for_each_arm_and_kind_of_plans(tmp_path):
    words = word_list()
    torch.manual_seed(0)
    network = FeedbackNetwork(StepNetworkConfig(words=len(words), width=32, layers=1, heads=1))
    save_feedback_model(network, words, tmp_path / "model", "A test.\n")
    args = SimpleNamespace(model=tmp_path / "model", planner=None, problems=2, seed=0, quick=False)
    records = feedback_model.run(args)
    assert len(records) == 4 * 2 * 3
    whole = {r["arm"]: r for r in records if r["plans_of"] == r["plans_which"] == "all"}
    assert set(whole) == {"optimist", "checker", "learned", "learned+checker"}
    assert whole["optimist"]["success_recall"] == 1.0 and whole["optimist"]["failing_step_recall"] == 0.0
    assert len({r["plans"] for r in whole.values()}) == 1
    with pytest.raises(InvalidInputError, match="positive"):
        feedback_model.run(SimpleNamespace(**{**vars(args), "problems": 0}))
