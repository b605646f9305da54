# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo of whole tasks: how its words are read, and how a plan's course is told."""

import argparse
import math
from types import SimpleNamespace

import pytest
from lbp_fakes import save_fake

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.nodes.demo_options import add_arguments, read_options
from robot_planner.nodes.demo_tasks import Course, TaskAttempt, write_residuals
from robot_planner.task_planning.skills import without_heading
from robot_planner_interfaces.action import ExecuteTask

OLD = "[OPEN] <drawer> (6)\n[PICK] <red_block> (1)\nEND"
NEW = "[OPEN] <drawer> (6)\n[STOW] <red_block> (1) <drawer> (6)\nEND"
Feedback = ExecuteTask.Feedback


def options(folder, *words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return read_options(parser.parse_args([*words, "--out", str(folder / "out")]))


def test_several_words_are_a_task_for_the_task_planner(tmp_path):
    model = str(save_fake(tmp_path / "fake"))
    found = options(
        tmp_path, "--task", "Tidy up: open the drawer", "--model", model, "-p", "task_planner.backend:=openai-server"
    )
    assert found.by_steps and found.goal == "open the drawer" and found.task == "tidy/drawer=open"
    assert found.planner == "lbp" and len(found.seeds) == 1 and found.time_limit == 600.0
    assert found.overrides == {"task_planner.backend": "openai-server"}
    assert "--task 'open the drawer'" in found.command and "-p task_planner.backend:=openai-server" in found.command
    by_goal = options(tmp_path, "--goal", "open the drawer", "--model", model)
    assert not by_goal.by_steps and len(by_goal.seeds) == 3 and by_goal.time_limit == 60.0


def test_one_word_is_a_task_of_the_simulation_as_ever(tmp_path):
    assert not options(tmp_path, "--task", "push").by_steps
    with pytest.raises(UnknownNameError, match="fly"):
        options(tmp_path, "--task", "fly")
    with pytest.raises(InvalidInputError, match="--goal says in words"):
        options(tmp_path, "--task", "open the drawer", "--goal", "open the drawer")
    with pytest.raises(InvalidInputError, match="NODE.PARAMETER"):
        options(tmp_path, "-p", "task_planner.backend")


def test_only_the_heading_goes():
    assert without_heading("please tidy up : red in bin A") == "red in bin A"
    assert without_heading("put red in bin A: tidy up") == "put red in bin A: tidy up"


def test_the_course_is_told_line_by_line():
    said = []
    course = Course(lambda line, style="": said.append((line, style)))
    for inner, (residual, plan) in enumerate(((1.0, OLD), (0.5, NEW), (0.0, NEW)), 1):
        course.hear(Feedback(stage=Feedback.REFINING, outer=0, inner=inner, residual=residual, plan=plan, step=-1))
    assert course.residuals == [(0, 1.0), (0, 0.5), (0, 0.0)]
    assert ("  - [PICK] <red_block> (1)", "red") in said
    assert ("  + [STOW] <red_block> (1) <drawer> (6)", "green") in said
    assert "residual 0.50 ██████████░░░░░░░░░░" in next(line for line, _ in said if "refinement 2" in line)
    assert "residual 0.00" in said[-1][0], "a plan that stands still has no edits"
    course.hear(Feedback(stage=Feedback.EXECUTING, plan=NEW, step=1))
    assert said[-1][0] == course.stage == "step 2 of 2: [STOW] <red_block> (1) <drawer> (6)"
    course.hear(Feedback(stage=Feedback.ANSWERED, plan=NEW, last_feedback="<drawer> (6) is shut"))
    assert said[-1] == ("answer: <drawer> (6) is shut", "yellow")
    course.hear(Feedback(stage=Feedback.REFINING, outer=1, inner=1, residual=math.nan, plan=NEW))


def test_an_outcome_names_its_error():
    attempt = TaskAttempt(None)
    result = ExecuteTask.Result(error_code=304, error_msg="no time is left", iterations=7, rounds=2, done="[OPEN] ...")
    attempt._ended(SimpleNamespace(result=lambda: SimpleNamespace(result=result)))
    outcome = attempt.outcome
    assert (outcome.error, outcome.plans, outcome.rounds, outcome.done) == ("BUDGET", 7, 2, "[OPEN] ...")
    assert not outcome.reached


def test_the_figure_is_written(tmp_path):
    path = write_residuals(tmp_path, [(0, 1.0), (0, 0.0), (1, 0.4), (1, 0.0)])
    assert path.name == "residual.png" and path.read_bytes().startswith(b"\x89PNG")
