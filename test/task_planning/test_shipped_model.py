# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The shipped model writes plans that work: at the arm's table, and in flats that no training has seen."""

import pytest

from robot_planner.task_planning import table_tasks
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.households import HELD_OUT
from robot_planner.task_planning.local_model import load_local_model
from robot_planner.task_planning.nested import Budgets, Stop
from robot_planner.task_planning.plan_task import plan_task


@pytest.fixture(scope="module")
def model():
    return load_local_model("task_planner")


def test_tasks_of_the_table_are_done(model):
    for seed in range(900, 910):
        task = table_tasks.sample_table_task(seed)
        environment = table_tasks.table_world(task.scene.visible).tester(task.goals)
        assert plan_task(task, model, environment=environment).stop is Stop.SUCCESS, task.instruction


def test_what_the_world_answers_mends_plans_in_flats_that_no_training_has_seen(model):
    first = corrected = 0
    for seed in range(8):
        problem = sample_problem(seed, HELD_OUT, HELD_OUT, (1, 2))
        environment = problem.flat.world().tester(problem.task.goals)
        first += plan_task(problem.task, model, environment=environment, budgets=Budgets(corrections=0)).success
        corrected += plan_task(problem.task, model, environment=environment, budgets=Budgets(corrections=10)).success
    assert first < corrected and corrected >= 6
