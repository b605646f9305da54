# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task planner at the table: what it sees comes from latents, what it does are goals of reach_goal."""

import threading

import pytest
from graph import PATIENCE, Repeater, wait_for
from lbp_fakes import fake_lbp, scene
from rclpy.action import ActionServer, CancelResponse
from rclpy.task import Future
from task_fakes import Scripted

from robot_planner.nodes.messages import latent_to_message
from robot_planner.nodes.task_planner import TaskPlannerNode
from robot_planner.types import Latent
from robot_planner_interfaces.action import ExecuteTask, ReachGoal

Result = ExecuteTask.Result
OPEN, CLOSE = "[OPEN] <drawer> (6)\nEND", "[CLOSE] <drawer> (6)\nEND"
IS_OPEN = "open(<drawer> (6))"
LBP = fake_lbp()


class TableTaskPlanner(TaskPlannerNode):
    def load_language_model(self):
        return Scripted(OPEN)

    def load_lbp(self):
        return LBP


class Table:
    """A drawer before a camera, and an arm that opens and closes it, or fails as ``fails`` says, one entry a goal."""

    def __init__(self, graph, **parameters):
        self.graph, self.drawer, self.asked, self.fails, self.cancelled = graph, 0.0, [], [], threading.Event()
        self.moving, self.go = threading.Event(), threading.Event()
        self.go.set()
        arm = graph.separate("arm")
        self.server = ActionServer(
            arm, ReachGoal, "reach_goal", self.reach, cancel_callback=lambda handle: self.on_cancel()
        )
        parameters = {"domain": "tabletop", "latent_timeout": 5.0} | parameters
        self.node = graph.start(TableTaskPlanner, **parameters)
        self.client = graph.action(ExecuteTask, "execute_task")

    def on_cancel(self):
        self.cancelled.set()
        return CancelResponse.ACCEPT

    async def reach(self, handle):
        self.asked.append(handle.request.text)
        self.moving.set()
        while not (self.go.is_set() or handle.is_cancel_requested):
            await self.pause()
        code = self.fails.pop(0) if self.fails else ReachGoal.Result.NONE
        if handle.is_cancel_requested:
            handle.canceled()
            return ReachGoal.Result(error_code=ReachGoal.Result.CANCELLED)
        if code != ReachGoal.Result.NONE:
            handle.abort()
            return ReachGoal.Result(error_code=code, error_msg="the gripper slipped")
        self.drawer = 0.11 if handle.request.text == "open the drawer" else 0.0
        handle.succeed()
        return ReachGoal.Result(error_code=code)

    async def pause(self):
        """Gives the executor a turn."""
        turn = Future()
        threading.Timer(0.01, lambda: turn.set_result(None)).start()
        await turn

    def camera(self):
        def show():
            latent = Latent(scene(LBP, self.drawer), LBP.encoder.digest, self.graph.now())
            self.graph.send("latent", latent_to_message(latent))

        return Repeater(show, 0.03)

    def send(self, **fields):
        future = self.client.send_goal_async(ExecuteTask.Goal(**{"goals": [IS_OPEN]} | fields))
        wait_for(future.done, "acceptance")
        return future.result()

    def ended(self, handle=None, **fields):
        future = (handle or self.send(**fields)).get_result_async()
        wait_for(future.done, "a result", 4 * PATIENCE)
        return future.result().result


@pytest.fixture
def table(graph):
    made = Table(graph)
    yield made
    made.go.set()
    made.server.destroy()


def test_steps_are_goals_of_the_arm_and_the_latents_say_whether_they_did_it(table):
    with table.camera():
        result = table.ended()
        assert (result.error_code, result.success, result.done) == (Result.NONE, True, "[OPEN] <drawer> (6)")
        assert table.asked == ["open the drawer"]
        assert "Seen: on_table(<red_block> (1))" in table.node.model.asked[0][0]
        table.drawer = 0.0
        assert table.ended(goals=[], instruction="open the drawer").success
        table.node.model = Scripted(CLOSE, OPEN)
        result = table.ended(goals=[f"not {IS_OPEN}"])
        assert result.success and table.asked[-1] == "close the drawer"


def test_the_arms_own_reason_goes_to_the_model_after_another_attempt(table):
    code = ReachGoal.Result.TIMEOUT
    table.fails = [code, ReachGoal.Result.NONE]
    with table.camera():
        assert table.ended().success and len(table.asked) == 2
        table.drawer, table.fails = 0.0, [code] * 2
        table.asked.clear()
        result = table.ended()
        assert result.error_code == Result.EXECUTION_FAILED and len(table.asked) == 2
        assert "the arm did not open the drawer: timeout, the gripper slipped" in result.error_msg
        assert "the gripper slipped" in table.node.model.asked[-1][0]
        table.fails = [ReachGoal.Result.NOT_ACTIVE]
        assert table.ended(corrections=0).error_code == Result.BUDGET and len(table.asked) == 3
        assert table.ended().success


def test_what_the_checker_refuses_is_never_asked_of_the_arm(table):
    table.node.model = Scripted(CLOSE)
    with table.camera():
        result = table.ended()
    assert result.error_code == Result.UNSAFE_PLAN and "is shut already" in result.error_msg and table.asked == []


def test_without_latents_nothing_is_done_and_it_is_said(table):
    result = table.ended()
    assert result.error_code == Result.NO_LATENT and table.asked == []
    with table.camera():
        assert table.ended().success


def test_a_cancel_reaches_the_arm(table):
    table.go.clear()
    with table.camera():
        handle = table.send()
        assert table.moving.wait(PATIENCE)
        handle.cancel_goal_async()
        assert table.cancelled.wait(PATIENCE)
        assert table.ended(handle).error_code == Result.CANCELLED
        table.go.set()
        assert table.ended().success
        assert len(table.asked) == 2


def test_a_scene_of_the_clients_own_is_for_planning_only(table):
    facts = ["on_table(<red_block> (1))", IS_OPEN]
    objects = [f"{thing} {kind}" for thing, kind in table.node.place.glance().objects.items()]
    with table.camera():
        refused = table.ended(objects=objects, facts=facts)
        assert refused.error_code == Result.INVALID_GOAL and "plan_only" in refused.error_msg
        table.node.model = Scripted(CLOSE)
        planned = table.ended(objects=objects, facts=facts, goals=[f"not {IS_OPEN}"], plan_only=True)
        assert planned.error_code == Result.NONE and planned.plan == CLOSE and table.asked == []
