# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Wrong answers are wrong in each way, missing ones say nothing, and the environment decides success."""

import argparse
from random import Random

import pytest

from robot_planner.evaluation import task_planner_robustness
from robot_planner.evaluation.task_planner_faults import Altered, Wrong, missing, sometimes
from robot_planner.evaluation.task_planner_outcomes import Outcome
from robot_planner.evaluation.task_planner_problems import Score, make_case
from robot_planner.evaluation.task_planner_robustness import CLEAN, against_clean, faults_of
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.prompt import DONE, describe_feedback
from robot_planner.task_planning.tokens import Kind, PromptReader
from robot_planner.training.plan_lessons import word_list

CASE = make_case("scene new", 1, (3,))
GOLD = expert_plan(CASE.world, CASE.task.goals)
BROKEN = TaskPlan(GOLD.steps[1:])
TRUE = CASE.environment.test(BROKEN)


def wrong(seed=0):
    return Wrong(CASE.task, Random(seed))


def test_wrong_words_are_false_in_all_they_say():
    assert TRUE.failed_step is not None and TRUE.reason
    found = [wrong(seed).words(BROKEN, TRUE) for seed in range(60)]
    assert {(f.reason == DONE, f.failed_step == TRUE.failed_step, f.reason == TRUE.reason) for f in found} == {
        (True, False, False),  # a claim
        (False, True, False),  # a reason
        (False, False, True),  # a step
    }
    for answer in found:
        assert not answer.success and not answer.seen and not set(answer.unmet) & set(TRUE.unmet)
        assert answer.failed_step is None or 0 <= answer.failed_step < len(BROKEN.steps)
        PromptReader(word_list()).answers(f"Tried: none\nAnswer: {describe_feedback(answer)}", {})
    assert describe_feedback(next(f for f in found if f.reason == DONE)) == describe_feedback(Feedback(True))


@pytest.mark.parametrize("plan", [TaskPlan(), TaskPlan(GOLD.steps[:1])])
def test_short_plans_earn_wrong_answers_too(plan):
    answer = CASE.environment.test(plan)
    for seed in range(20):
        found = wrong(seed).complaint(plan, answer)
        assert not found.success and found.failed_step in (None, *range(len(plan.steps)))
        assert set(found.unmet) == set(map(str, CASE.task.goals)) - set(answer.unmet)


def test_the_environment_decides_success_unless_verdicts_are_said_to_be_wrong():
    done = CASE.environment.test(GOLD)
    assert done.success and wrong().words(GOLD, done) == done and missing(GOLD, done) == done
    assert not wrong().contrary(GOLD, done).success and wrong().contrary(BROKEN, TRUE).success
    for arm, (there, foretold) in faults_of(CASE).items():
        if there is not None and "verdicts" not in arm:
            assert there.test(GOLD).success and not there.test(BROKEN).success
        if foretold is not None:
            assert not foretold.test(GOLD).success
            assert foretold.test(BROKEN).success == ("contrary" in arm)


def test_a_missing_answer_says_nothing_and_a_share_is_a_share():
    assert describe_feedback(missing(BROKEN, TRUE)) == "no answer"
    tester = Altered(CASE.environment, sometimes(0.1, Random(1), missing))
    lost = sum(not tester.test(BROKEN).reason for _ in range(300))
    assert 15 < lost < 50


def test_a_world_model_that_is_never_content_finds_no_true_fault():
    _, foretold = faults_of(CASE)["never content"]
    answers = [foretold.test(BROKEN) for _ in range(20)]
    assert not any((a.failed_step, a.reason) == (TRUE.failed_step, TRUE.reason) for a in answers)


def test_falls_are_counted_against_clean():
    won, lost = Outcome(Score(True, True, 1.0, True, True, 1.0)), Outcome(Score(True, False, 0.5, True, False, 0.5))
    rows = [{CLEAN: won, "bad": lost}] * 3 + [{CLEAN: lost, "bad": won}]
    found = against_clean(rows, "bad", 4)
    assert found["strict_sr"] == 0.25 and found["strict_sr_change"] == -0.5
    assert (found["only_clean"], found["only_here"]) == (3, 1)


def test_no_answer_reaches_the_network_as_a_failure_without_a_step():
    (token,) = PromptReader(word_list()).answers("Tried: none\nAnswer: no answer", {})
    assert token[0] == Kind.FAILED and token[4] == 0


def test_the_command_gives_flat_records_that_begin_with_clean_feedback(tiny_planner):
    parser = argparse.ArgumentParser()
    task_planner_robustness.add_arguments(parser)
    words = ("--models", tiny_planner, "--problems", "1", "--errands", "1", "--workers", "1", "--corrections", "2")
    records = task_planner_robustness.run(parser.parse_args(words))
    assert all(isinstance(value, (str, bool, int, float)) for record in records for value in record.values())
    assert len(records) == 22 and records[0]["arm"] == CLEAN and records[0]["strict_sr_change"] == 0.0
    assert {record["problems"] for record in records} == {3}
    assert "missing 100 %" in task_planner_robustness.show(records)
