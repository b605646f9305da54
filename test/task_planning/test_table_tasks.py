# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks of the table and the plans that its expert finds."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.task_planning.checker import check
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.scene import parse_goals
from robot_planner.task_planning.skills import BINS, BLOCKS, SKILLS, THE_DRAWER, tabletop_scene
from robot_planner.task_planning.table_tasks import sample_table_task, table_plan, table_world


@given(st.integers(0, 10**9))
def test_a_task_is_done_by_the_plan_and_by_no_shorter_one(seed):
    task = sample_table_task(seed)
    assert sample_table_task(seed) == task
    plan = table_plan(task.scene, task.goals)
    assert plan is not None and plan.steps and not check(plan, task.scene).violations
    world = table_world(task.scene.visible)
    assert world.run(plan, task.goals).success
    for length in range(min(len(plan.steps), 3)):
        for steps in itertools.product(SKILLS, repeat=length):
            assert not world.run(TaskPlan(steps), task.goals).success


@pytest.mark.parametrize(
    ("blocks", "is_open", "goal"),
    [
        ({"red": "bin_a"}, True, f"held({BLOCKS['red']})"),
        ({"red": "bin_a"}, True, f"inside({BLOCKS['green']}, {BINS['bin_a']})"),
        ({"red": "bin_a", "green": "bin_b", "blue": "hand"}, False, f"open({THE_DRAWER})"),
    ],
)
def test_what_is_out_of_reach_has_no_plan(blocks, is_open, goal):
    scene = tabletop_scene(blocks, is_open)
    assert table_plan(scene, parse_goals([goal], scene)) is None


def test_tasks_differ_in_all_that_can_be_asked():
    tasks = [sample_table_task(seed) for seed in range(200)]
    goals = {goal for task in tasks for goal in map(str, task.goals)}
    assert len(goals) == 3 * 4 + 2  # each block in each place or in the gripper, the drawer open or not
    lengths = {len(plan.steps) for task in tasks if (plan := table_plan(task.scene, task.goals))}
    assert lengths >= {1, 2, 3, 4}
