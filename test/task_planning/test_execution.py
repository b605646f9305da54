# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Plans done in a world that is not reset: what is never tried, what is told, and where planning goes on."""

import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from task_fakes import Believer, Scripted

from robot_planner.arrangement import DRAWER, HAND, OPEN, Arrangement
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.execution import Execution, WorldExecutor
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.nested import Budgets, Stop
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan, parse_plan
from robot_planner.task_planning.plan_task import plan_task
from robot_planner.task_planning.scene import Task, parse_goals
from robot_planner.task_planning.skills import goals_of
from robot_planner.task_planning.table_reading import TableReader, unmet_in
from robot_planner.task_planning.world import SymbolicWorld

DOMAIN = """
name: hall
summary: boxes; one is locked, which nobody sees, and its key may be turned only once
types: {box: {}}
relations:
  open: {args: {x: box}}
  locked: {args: {x: box}, visible: false}
  turned: {args: {}}
actions:
  OPEN: {summary: opens, parameters: {x: box},
         requires: [["not open(?x)", "{x} is open"], ["not locked(?x)", "{x} is locked"]],
         effects: [{add: ["open(?x)"]}]}
  TURN: {summary: turns the key, parameters: {x: box}, requires: [["not turned()", "the key was turned"]],
         effects: [{add: ["turned()"], delete: ["locked(?x)"]}]}
"""
ONE, TWO = ObjectRef("box", 1), ObjectRef("box", 2)
BOTH = "[OPEN] <box> (1)\n[OPEN] <box> (2)\nEND"
REST = "[TURN] <box> (2)\n[OPEN] <box> (2)\nEND"


@pytest.fixture
def hall(tmp_path):
    (tmp_path / "hall.yaml").write_text(DOMAIN)
    world = SymbolicWorld(load_domain(tmp_path / "hall.yaml"), {ONE: "box", TWO: "box"}, [Fact("locked", (TWO,))])
    return Task("", parse_goals(["open(<box> (1))", "open(<box> (2))"], world.scene()), world.scene()), world


def run(task, model, executor, **options):
    execution = Execution(executor, task.goals, options.get("cancelled", lambda: False))
    return plan_task(task, model, environment=execution, observe=executor.scene, **options), execution


def test_after_a_failure_it_goes_on_from_the_present_state(hall):
    task, world = hall
    model = Scripted(BOTH, REST)
    result, execution = run(task, model, WorldExecutor(world))
    assert result.success
    assert execution.done == [Step("OPEN", (ONE,)), Step("TURN", (TWO,)), Step("OPEN", (TWO,))]
    first, second = model.asked[0], model.asked[2]
    assert "Seen: none" in first[0] and "Seen: open(<box> (1))" in second[0]
    assert "step 2 could not be done: <box> (2) is locked" in second[0]
    assert second[1] == "Draft:\n[OPEN] <box> (2)\nEND\nPlan:\n", "the draft is what is still to be done"


def test_where_the_world_is_reset_the_whole_plan_is_the_next_draft(hall):
    task, world = hall
    model = Scripted(BOTH, REST)
    plan_task(task, model, environment=world.tester(task.goals))
    assert BOTH in model.asked[2][1] and "Seen: none" in model.asked[2][0]


def test_a_step_is_checked_once_more_before_it_is_done(hall):
    task, world = hall
    executor = WorldExecutor(world)
    performed = []

    class Meddled(WorldExecutor):
        """Somebody opens the second box while the first is dealt with."""

        def perform(self, step, interrupted):
            performed.append(step)
            outcome = super().perform(step, interrupted)
            self.world.state.true["open"].add((TWO,))
            return outcome

    execution = Execution(Meddled(executor.world), ())
    feedback = execution.test(parse_plan(BOTH))
    assert (feedback.failed_step, feedback.reason) == (1, "<box> (2) is open")
    assert performed == [Step("OPEN", (ONE,))]


def test_without_goals_all_steps_must_be_done_and_there_must_be_some(hall):
    _, world = hall
    execution = Execution(WorldExecutor(world))
    assert not execution.test(TaskPlan()).success
    assert not execution.test(parse_plan(BOTH)).success
    assert execution.test(parse_plan(REST)).success


def test_an_interrupt_leaves_the_rest_undone(hall):
    task, world = hall
    polls = iter([False, True, True])
    feedback = Execution(WorldExecutor(world), task.goals, lambda: next(polls)).test(parse_plan(BOTH))
    assert feedback.failed_step == 1 and not feedback.success and world.holds(task.goals[0])
    slow = WorldExecutor(world, step_seconds=60.0)
    begun = time.monotonic()
    assert not slow.perform(Step("TURN", (TWO,)), lambda: True).done
    assert time.monotonic() - begun < 30.0 and not world.state.true["turned"]


@pytest.mark.parametrize("seed", range(4))
def test_households_are_put_in_order_without_a_reset(seed):
    problem = sample_problem(seed)
    executor = WorldExecutor(problem.flat.world())
    world = executor.world
    world.reset = lambda: pytest.fail("the world was reset")
    result, execution = run(problem.task, Believer(executor.scene), executor, budgets=Budgets(corrections=20))
    assert result.success, result.stop
    assert all(world.holds(goal) for goal in problem.task.goals)
    assert len(execution.done) <= result.steps


class Counted(WorldExecutor):
    """Keeps what was visible and what was done."""

    def __init__(self, world):
        super().__init__(world)
        self.log = []

    def perform(self, step, interrupted):
        self.log.append((self.scene(), step))
        return super().perform(step, interrupted)


PROBLEMS = [sample_problem(seed) for seed in range(100, 106)]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 5), st.integers(0, 400), st.integers(0, 2**32 - 1))
def test_a_cancel_at_any_moment_ends_it_and_nothing_unchecked_was_done(which, polls, seed):
    problem = PROBLEMS[which]
    executor = Counted(problem.flat.world())
    left, moved_after = [random.Random(seed).randint(0, max(1, polls))], []

    def cancelled():
        left[0] -= 1
        if left[0] < 0:
            moved_after.append(len(executor.log))
        return left[0] < 0

    result, _ = run(problem.task, Believer(executor.scene), executor, cancelled=cancelled)
    if moved_after:
        assert result.stop in (Stop.CANCELLED, Stop.SUCCESS)
        assert len(executor.log) == moved_after[0], "a step began after the cancel"
    else:
        assert result.success or result.stop is not Stop.CANCELLED
    for scene, step in executor.log:
        assert check(TaskPlan((step,)), scene).ok


# --- the table, as a latent shows it ---


def reader(**wanted):
    """A reader of a table on which each thing is as far from each place as ``wanted`` says, by ``red_hand``."""

    def distance(latents, arrangement):
        assert latents.shape == (1, 4)
        (key,) = str(arrangement).split(",")
        return np.array([wanted.get(key, 0.2)], np.float32)

    return TableReader(distance).scene(np.zeros(4, np.float32))


def told(scene):
    return sorted(str(fact) for fact in scene.visible)


def test_whatever_is_nowhere_else_lies_on_the_table():
    assert told(reader(**{"drawer=shut": 0.0})) == [f"on_table(<{c}_block> ({n}))" for c, n in
                                                    (("blue", 3), ("green", 2), ("red", 1))]  # fmt: skip


def test_blocks_are_where_the_read_out_has_them():
    scene = reader(**{"red=hand": 0.001, "blue=drawer": 0.004, "green=bin_a": 0.006, "drawer=open": 0.0})
    assert told(scene) == ["held(<red_block> (1))", "inside(<blue_block> (3), <drawer> (6))",
                           "on_table(<green_block> (2))", "open(<drawer> (6))"]  # fmt: skip
    goals = parse_goals(goals_of(Arrangement((HAND, None, DRAWER), OPEN)), scene)
    assert unmet_in(scene, goals) == ()
    missing = parse_goals(["inside(<green_block> (2), <bin_a> (4))", "not open(<drawer> (6))"], scene)
    assert len(unmet_in(scene, missing)) == 2


def test_the_nearer_of_two_blocks_has_the_place():
    scene = reader(**{"red=hand": 0.003, "blue=hand": 0.001, "drawer=shut": 0.0})
    assert "held(<blue_block> (3))" in told(scene) and "on_table(<red_block> (1))" in told(scene)
