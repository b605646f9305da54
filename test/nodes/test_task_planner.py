# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task planner node in a real ROS graph: every way to end, and that it serves the next task after each."""

import math
import random
import socket
import subprocess
import sys
import threading
import time
from random import Random

import pytest
from action_msgs.msg import GoalStatus
from graph import PATIENCE, TestGraph, fresh_domain, wait_for
from rclpy.parameter import Parameter
from task_fakes import Believer, Scripted, Writer

from robot_planner.nodes import execute_task
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.task_planner import TaskPlannerNode
from robot_planner.task_planning.household_tasks import all_errands
from robot_planner.task_planning.households import furnish, sample_layout
from robot_planner.task_planning.plan import parse_plan
from robot_planner_interfaces.action import ExecuteTask
from robot_planner_interfaces.msg import TaskPlannerStatus

Result, Feedback = ExecuteTask.Result, ExecuteTask.Feedback
OBJECTS = ["<kitchen> (1) room", "<fridge> (2) container", "<apple> (3) food"]
FACTS = ["at(<kitchen> (1))", "in_room(<fridge> (2), <kitchen> (1))", "closed(<fridge> (2))", "found(<fridge> (2))"]
OPEN = "[WALK] <fridge> (2)\n[OPEN] <fridge> (2)\nEND"
GOAL = "open(<fridge> (2))"
REFUSED = "[CLOSE] <fridge> (2)\nEND"
LONG = [f"{'[WALK] <fridge> (2)' + chr(10)}" * n + "END" for n in range(1, 26)]


class FakeTaskPlanner(TaskPlannerNode):
    """Its model knows what the flat shows."""

    def load_language_model(self):
        return Believer(lambda: self.place.executor(None).scene())


class Bench:
    """A task planner node and a client."""

    def __init__(self, graph, node_class=FakeTaskPlanner, active=True, writer=None, **parameters):
        self.graph, self.node = graph, graph.start(node_class, active, **parameters)
        if writer is not None:
            self.node.model = writer
        self.client, self.feedback = graph.action(ExecuteTask, "execute_task"), []
        wait_for(lambda: self.node.count_subscribers("execute_task/_action/feedback"), "a listener to the feedback")

    def send(self, goal):
        future = self.client.send_goal_async(goal, feedback_callback=lambda m: self.feedback.append(m.feedback))
        wait_for(future.done, "acceptance")
        assert future.result().accepted
        return future.result()

    def result(self, handle):
        future = handle.get_result_async()
        wait_for(future.done, "a result", 4 * PATIENCE)
        return future.result()

    def ended(self, goal=None, **fields):
        return self.result(self.send(goal or small(**fields))).result

    def assert_serves(self):
        self.node.model = Scripted(OPEN)
        done = self.ended()
        assert done.error_code == Result.NONE and done.success, done.error_msg


def small(**fields):
    """A task in a kitchen with a shut fridge."""
    return ExecuteTask.Goal(**{"objects": OBJECTS, "facts": FACTS, "goals": [GOAL]} | fields)


def flat_of(seed):
    """The flat that the node draws, and errands in it."""
    drawn = Random(seed)
    flat = furnish(sample_layout(drawn), drawn)
    by_thing = {errand.things[0]: errand for errand in all_errands(flat) if errand.kind == "inside"}
    return flat, list(by_thing.values())


def test_errands_in_a_flat_are_done_and_the_flat_stays_as_they_leave_it(graph):
    bench = Bench(graph, household_seed=3)
    status = graph.listen(TaskPlannerStatus, "task_planner_status", Quality.LATCHED)
    wait_for(lambda: status, "the latched status")
    flat, errands = flat_of(3)
    assert f"{errands[0].things[0]} {flat.objects[errands[0].things[0]]}" in status[-1].objects
    done = [bench.ended(ExecuteTask.Goal(goals=[str(goal) for goal in errand.goals])) for errand in errands[:2]]
    for result, errand in zip(done, errands, strict=False):
        assert (result.error_code, result.success) == (Result.NONE, True), result.error_msg
        assert result.done.splitlines()[-1].startswith("[PUTIN]") and result.steps >= 3
        wait_for(lambda e=errand: str(e.goals[0]) in status[-1].facts, "the fact in the status")
    last = status[-1]
    assert (last.domain, last.tasks, last.successes, last.state) == ("household", 2, 2, TaskPlannerStatus.IDLE)


def test_feedback_comes_with_every_refinement_and_step(graph):
    bench = Bench(graph, writer=Scripted(("[WALK] <fridge> (2)\nEND", OPEN), pause=0.02), household_step_seconds=0.2)
    result = bench.ended()
    # the client hears no more once it has the result, which may overtake the very last words
    refined = [f for f in bench.feedback if f.stage == Feedback.REFINING]
    assert len(refined) == result.iterations >= 2 and refined[-1].residual == 0.0 and refined[0].residual == 1.0
    assert [f.inner for f in refined] == list(range(1, len(refined) + 1))
    assert [f.step for f in bench.feedback if f.step >= 0] == list(range(result.steps))
    assert result.done == OPEN.removesuffix("\nEND") and parse_plan(result.plan) == parse_plan(OPEN)
    assert 0 < refined[0].tokens < refined[-1].tokens == result.tokens and result.rounds == 1
    assert [f.seconds for f in bench.feedback] == sorted(f.seconds for f in bench.feedback)
    assert 0.0 < bench.feedback[-1].seconds <= result.seconds


def test_plan_only_moves_nothing_and_a_warm_start_is_the_first_draft(graph):
    bench = Bench(graph, writer=Scripted(OPEN))
    result = bench.ended(plan_only=True)
    assert (result.error_code, result.success, result.steps, result.done) == (Result.NONE, False, 0, "")
    assert parse_plan(result.plan) == parse_plan(OPEN)
    bench.node.model = Scripted("[WALK] <fridge> (2)\nEND")
    result = bench.ended(plan_only=True)
    assert result.error_code == Result.NONE and GOAL in result.error_msg
    bench.node.model = Scripted(OPEN)
    assert bench.ended(warm_start=OPEN).success
    assert OPEN in bench.node.model.asked[0][1] and len(bench.node.model.asked) == 1


def test_what_went_wrong_is_told_to_the_model_and_planning_goes_on(graph):
    model = Scripted("[WALK] <fridge> (2)\nEND", OPEN.replace("[WALK] <fridge> (2)\n", ""))
    bench = Bench(graph, writer=model)
    result = bench.ended()
    assert result.success and result.rounds == 2 and result.done == OPEN.removesuffix("\nEND")
    assert f"unmet: {GOAL}" in model.asked[-1][0]
    assert any(GOAL in f.last_feedback for f in bench.feedback)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"goals": []}, "neither an instruction nor goals"),
        ({"goals": ["open(<safe> (9))"]}, "no <safe> (9)"),
        ({"goals": ["opened(<fridge> (2))"]}, "opened"),
        ({"goals": ["open(<fridge> (2)"]}, "column"),
        ({"goals": [GOAL, f"not {GOAL}"]}, "against each other"),
        ({"goals": [GOAL] * 101}, "101"),
        ({"instruction": "open it " * 200}, "1600 characters"),
        ({"instruction": "open it\x1b[2J\x07"}, "printable"),
        ({"warm_start": "open the fridge\nEND"}, "line 1, column 1"),
        ({"warm_start": "x" * 60_000}, "60000"),
        ({"objects": ["the fridge"]}, "the fridge"),
        ({"facts": ["open(<fridge> (2))" * 60_000]}, "characters"),
        ({"objects": ["<fridge> (2) dragon"]}, "dragon"),
        ({"objects": []}, "without objects"),
        ({"facts": ["melted(<fridge> (2))"]}, "melted"),
        ({"corrections": 11}, "up to 10"),
        ({"tokens": 2**31}, "tokens"),
        ({"seconds": math.nan}, "seconds"),
        ({"seconds": -1.0}, "seconds"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused_with_its_reason(shared, fields, words):
    result = shared.ended(**fields)
    assert result.error_code == Result.INVALID_GOAL and words in result.error_msg, result.error_msg
    assert "\n" not in result.error_msg and result.done == "" and len(result.error_msg) < 1000


@pytest.fixture(scope="module")
def shared():
    """One graph for tests that leave it as it was."""
    with pytest.MonkeyPatch.context() as patch, fresh_domain() as number:
        patch.setenv("ROS_DOMAIN_ID", str(number))
        with TestGraph() as made:
            yield Bench(made, writer=Scripted(OPEN))


class Deaf(Writer):
    """Does not come back until it is let go, whatever the deadline."""

    def __init__(self):
        super().__init__()
        self.go = threading.Event()

    def text(self, prefix, suffix):
        self.go.wait(60.0)
        return OPEN


@pytest.mark.parametrize(
    ("model", "fields", "code", "words"),
    [
        (Scripted("what?"), {}, Result.NO_PLAN, "line 1"),
        (Scripted([OPEN, "[WALK] <fridge> (2)\nEND"]), {}, Result.CYCLE, "round"),
        (Scripted(LONG), {}, Result.NOT_CONVERGED, "stood still"),
        (Scripted(OPEN), {"tokens": 1}, Result.BUDGET, "token"),
        (Scripted(OPEN), {"steps": 1}, Result.BUDGET, "steps"),
        (Scripted(OPEN, pause=0.1), {"seconds": 0.15}, Result.BUDGET, "time"),
        (Scripted("[WALK] <fridge> (2)\nEND"), {"corrections": 0}, Result.BUDGET, GOAL),
        (Scripted(REFUSED), {}, Result.UNSAFE_PLAN, "step 1 could not be done"),
        (Scripted(REFUSED), {"corrections": 0}, Result.UNSAFE_PLAN, "step 1 could not be done"),
        (Scripted("END"), {}, Result.EXECUTION_FAILED, GOAL),
        (Scripted(ZeroDivisionError("nothing")), {}, Result.INTERNAL_ERROR, "ZeroDivisionError: nothing"),
    ],
    ids=lambda value: None if not isinstance(value, int) else str(value),
)
def test_every_failure_has_its_number_and_the_next_task_is_served(shared, model, fields, code, words):
    shared.node.model = model
    model.asked.clear()
    before = shared.node.execute_task.tasks
    result = shared.ended(**fields)
    assert result.error_code == code and words in result.error_msg, (result.error_code, result.error_msg)
    assert not result.success and "\n" not in result.error_msg
    shared.assert_serves()
    assert shared.node.execute_task.tasks == before + 2 and shared.node.active


def test_a_model_that_never_comes_back_costs_its_own_task_alone(shared):
    shared.node.model = deaf = Deaf()
    result = shared.ended(seconds=0.2)
    assert result.error_code == Result.BUDGET and "did not come back" in result.error_msg
    deaf.go.set()
    shared.assert_serves()


def answering(data):
    """A server that answers every request with these bytes, or, without any, not at all; its address."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        kept = []
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            kept.append(connection)
            if data:
                connection.recv(65536)
                connection.sendall(data)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "no token came within"),
        (b"", "tried 1 times"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "HTTP 500"),
        (b"HTTP/1.1 429 Busy\r\nRetry-After: 9999\r\nContent-Length: 0\r\n\r\n", "HTTP 429"),
        (EVENTS + b"data: {garbage\n\n", ""),
        (EVENTS + b'data: {"choices": [{"delta": {"content": "[WALK]"}}]}\n\n', "closed before"),
    ],
)
def test_a_server_that_fails_is_one_error_within_its_time(graph, data, words):
    listener, url = answering(data) if data != b"" else answering(b"x")
    if data == b"":
        listener.close()  # nobody listens there
    limits = {"server.first_token_seconds": 0.5, "server.retries": 0, "server.connect_seconds": 5.0}
    bench = Bench(graph, TaskPlannerNode, backend="openai-server", model="tiny", **{"server.url": url} | limits)
    begun = time.monotonic()
    result = bench.ended(seconds=60.0)
    assert time.monotonic() - begun < 60.0
    assert result.error_code == Result.UNREACHABLE_MODEL and words in result.error_msg, result.error_msg
    assert result.done == "" and bench.node.active
    listener.close()
    bench.assert_serves()


# --- cancel, second tasks, lifecycle ---


def test_cancels_at_random_moments(graph):
    bench = Bench(graph, writer=Scripted(OPEN, pause=0.01), household_step_seconds=0.05)
    draw = random.Random(7)
    codes = []
    for _ in range(8):
        handle = bench.send(small())
        time.sleep(draw.uniform(0.0, 0.25))
        handle.cancel_goal_async()
        answer = bench.result(handle)
        codes.append(answer.result.error_code)
        wanted = {Result.CANCELLED: GoalStatus.STATUS_CANCELED, Result.NONE: GoalStatus.STATUS_SUCCEEDED}
        assert answer.status == wanted[answer.result.error_code]
        assert answer.result.success == (answer.result.error_code == Result.NONE)
    assert Result.CANCELLED in codes
    bench.assert_serves()


def slow(graph, policy, **parameters):
    bench = Bench(graph, writer=Scripted(OPEN, pause=0.2), second_goal=policy, **parameters)
    first = bench.send(small(instruction="first"))
    assert bench.node.model.entered.wait(PATIENCE)
    return bench, first


def test_a_second_task_is_refused_or_waits_or_takes_over(graph):
    bench, first = slow(graph, "reject")
    result = bench.ended(instruction="second")
    assert result.error_code == Result.BUSY and bench.result(first).result.success
    assert all(answer.successful for answer in bench.node.set_parameters(policy("queue", 1)))
    first = bench.send(small(instruction="first"))
    second, third = bench.send(small(instruction="second")), bench.send(small(instruction="third"))
    assert bench.result(third).result.error_code == Result.BUSY
    ended = [bench.result(handle).result for handle in (first, second)]
    assert [result.error_code for result in ended] == [Result.NONE, Result.NONE]
    first, second = bench.send(small()), bench.send(small())
    second.cancel_goal_async()
    assert bench.result(second).result.error_code == Result.CANCELLED
    assert bench.result(first).result.success
    assert all(answer.successful for answer in bench.node.set_parameters(policy("preempt", 1)))
    first, second = bench.send(small()), bench.send(small())
    answer = bench.result(first)
    assert (answer.status, answer.result.error_code) == (GoalStatus.STATUS_ABORTED, Result.PREEMPTED)
    assert bench.result(second).result.success


def policy(name, length):
    return [Parameter("second_goal", value=name), Parameter("queue_length", value=length)]


def test_deactivation_ends_all_tasks_and_a_node_that_is_not_active_says_so(graph):
    bench, first = slow(graph, "queue")
    second = bench.send(small())
    wait_for(lambda: bench.node.execute_task.waiting, "the second to wait")
    graph.change(bench.node, "deactivate")
    for handle in (first, second):
        result = bench.result(handle).result
        assert result.error_code == Result.DEACTIVATED and not result.success
    assert bench.ended().error_code == Result.NOT_ACTIVE
    graph.change(bench.node, "cleanup")
    assert bench.ended().error_code == Result.NOT_ACTIVE
    graph.change(bench.node, "configure")
    graph.change(bench.node, "activate")
    bench.assert_serves()


def test_a_bug_of_ours_ends_the_task_that_met_it_and_no_other(graph, monkeypatch):
    bench, first = slow(graph, "queue")

    def fall_over(*arguments):
        raise ZeroDivisionError("nothing to divide by")

    with monkeypatch.context() as broken:
        broken.setattr(execute_task, "check_request", fall_over)
        result = bench.ended()
    assert (result.error_code, result.error_msg) == (Result.INTERNAL_ERROR, "ZeroDivisionError; see the node's log")
    assert bench.node.execute_task.last_error == result.error_msg
    assert bench.result(first).result.success
    bench.assert_serves()


def test_a_model_that_is_not_there_is_a_configuration_that_fails(graph):
    node = graph.start(TaskPlannerNode, active=False, model="no_such_model")
    assert node.trigger_configure().name == "FAILURE"
    assert "no_such_model" in node.failure


def test_a_refused_parameter_is_one_line(domain):
    words = [sys.executable, "-m", "robot_planner.nodes.task_planner", "--ros-args", "-p", "server.retries:=999"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert done.stderr == "task_planner: parameter 'server.retries' is 999; allowed: an integer in 0..100\n"
