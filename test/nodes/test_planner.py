# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The planner node in a real ROS graph: goals, results, and what is published to the arm."""

import threading

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from fakes import DIGEST, DIM, FakePlanner, FakePlannerNode, MovingPlannerNode, SlowPlanner
from graph import PATIENCE, Repeater, noise_image, wait_for
from sensor_msgs.msg import Image, JointState
from visualization_msgs.msg import MarkerArray

from robot_planner.nodes.client import ERRORS
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.messages import image_to_message, latent_to_message
from robot_planner.types import Latent
from robot_planner_interfaces.action import ReachGoal
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.msg import Plan as PlanMessage
from robot_planner_interfaces.msg import PlannerStatus
from robot_planner_interfaces.srv import EncodeImage

Result = ReachGoal.Result
FAR = np.ones(DIM, np.float32)


def latent_message(data=None, stamp=0, encoder=DIGEST):
    return latent_to_message(Latent(np.zeros(DIM, np.float32) if data is None else data, encoder, stamp))


class Bench:
    """A planner node, a camera that shows ``self.seen``, and a client."""

    def __init__(self, graph, node_class=FakePlannerNode, active=True, **parameters):
        self.graph = graph
        parameters = {"algorithm": "fake", "latent_timeout": 2.0, "max_latent_age": 2.0} | parameters
        self.node = graph.start(node_class, active, **parameters)
        self.seen = np.zeros(DIM, np.float32)
        self.client = graph.action(ReachGoal, "reach_goal")
        self.feedback = []
        if active:
            self.plans = graph.listen(PlanMessage, "plan")
            self.status = graph.listen(PlannerStatus, "planner_status", Quality.LATCHED)

    def show(self):
        self.graph.send("latent", latent_message(self.seen, self.graph.now()))

    def camera(self, period=0.02):
        return Repeater(self.show, period)

    def goal(self, latent=FAR, encoder=DIGEST, **fields):
        goal = ReachGoal.Goal(goal_type=ReachGoal.Goal.LATENT, tolerance=0.1, **fields)
        goal.latent = latent_message(latent, encoder=encoder)
        return goal

    def send(self, goal):
        future = self.client.send_goal_async(goal, feedback_callback=lambda m: self.feedback.append(m.feedback))
        wait_for(future.done, "acceptance")
        assert future.result().accepted
        return future.result()

    def result(self, handle):
        future = handle.get_result_async()
        wait_for(future.done, "a result", 2 * PATIENCE)
        return future.result()

    def ended(self, goal):
        """Error code and message of a goal."""
        result = self.result(self.send(goal)).result
        return result.error_code, result.error_msg

    def motion(self):
        """Plans that would move the arm."""
        return [plan for plan in list(self.plans) if len(plan.actions)]

    def assert_holds(self):
        wait_for(lambda: self.plans and not len(self.plans[-1].actions), "an empty plan at the end")


@pytest.fixture(autouse=True)
def forget():
    FakePlanner.made.clear()
    for event in (SlowPlanner.entered, SlowPlanner.release, SlowPlanner.left):
        event.clear()
    yield
    SlowPlanner.release.set()


@pytest.fixture
def bench(graph):
    return Bench(graph)


def test_plans_are_published_and_reaching_the_goal_ends_with_a_hold(bench):
    with bench.camera():
        handle = bench.send(bench.goal())
        plan = wait_for(bench.motion, "a plan")[0]
        feedback = wait_for(lambda: [f for f in bench.feedback if f.plan_rate > 0.0], "feedback")[-1]
        assert bench.status[-1].state == PlannerStatus.PLANNING
        bench.seen = FAR
        answer = bench.result(handle)
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    assert answer.result.error_code == Result.NONE
    assert answer.result.distance <= 0.1
    assert answer.result.plans >= 1
    assert answer.result.duration > 0.0
    bench.assert_holds()
    assert (plan.action_dim, plan.latent_dim, plan.encoder, plan.algorithm) == (2, DIM, DIGEST, "fake")
    assert plan.step_duration == pytest.approx(0.2)
    stamps = [p.header.stamp for p in bench.motion()]
    assert all(s.sec > 0 for s in stamps)
    assert 0.0 <= feedback.latent_age < 2.0
    assert feedback.distance == pytest.approx(2.0)
    assert feedback.cost == 1.0
    wait_for(lambda: bench.status[-1].state == PlannerStatus.IDLE, "idle")


def test_the_plan_bears_the_stamp_of_the_latent_it_starts_from(bench):
    sent = []

    def show():
        message = latent_message(bench.seen, bench.graph.now())
        sent.append((message.header.stamp.sec, message.header.stamp.nanosec))
        bench.graph.send("latent", message)

    with Repeater(show):
        handle = bench.send(bench.goal())
        wait_for(lambda: len(bench.motion()) > 3, "plans")
        handle.cancel_goal_async()
        bench.result(handle)
    assert all((p.header.stamp.sec, p.header.stamp.nanosec) in sent for p in bench.motion())


def test_no_plan_is_published_without_a_goal(bench):
    with bench.camera():
        wait_for(lambda: bench.node.channel("latent").count > 20, "latents")
    assert bench.plans == []


def test_success_takes_as_many_successive_latents_as_asked(graph):
    bench = Bench(graph, settle_latents=3, latent_timeout=5.0)
    handle = bench.send(bench.goal())
    outcome = handle.get_result_async()
    wait_for(lambda: bench.node.reach_goal.current, "the pursuit")
    pursuit = bench.node.reach_goal.current
    for near in (1, 1, 0, 1, 1):  # never three in a row
        before = bench.node.channel("report").count if "report" in bench.node.channels else 0
        bench.seen = FAR if near else np.zeros(DIM, np.float32)
        expected = pursuit.near + 1 if near else 0
        bench.show()
        wait_for(lambda expected=expected: pursuit.near == expected, f"{expected} near latents, after {before}")
    assert not outcome.done()
    bench.show()
    wait_for(outcome.done, "success")
    assert outcome.result().result.error_code == Result.NONE


def test_cancel_holds_the_arm_at_once_though_the_planner_is_busy(graph):
    bench = Bench(graph)
    with bench.camera():
        handle = bench.send(bench.goal(algorithm="fake_slow"))
        assert SlowPlanner.entered.wait(PATIENCE)
        cancelled = handle.cancel_goal_async()
        wait_for(lambda: bench.plans and not len(bench.plans[-1].actions), "the hold")
        wait_for(cancelled.done)
        answer = bench.result(handle)
        assert not SlowPlanner.left.is_set(), "the hold waited for the planner"
        # the plan that was under way comes out later and must not follow the hold
        reports = bench.node.channel("report").count
        SlowPlanner.release.set()
        wait_for(lambda: bench.node.channel("report").count > reports, "the late plan")
    assert answer.status == GoalStatus.STATUS_CANCELED
    assert answer.result.error_code == Result.CANCELLED
    bench.assert_holds()


def test_a_newer_goal_takes_over_without_a_hold_between(bench):
    with bench.camera():
        first = bench.send(bench.goal())
        wait_for(bench.motion, "a plan")
        second = bench.send(bench.goal(2 * FAR))
        answer = bench.result(first)
        assert answer.status == GoalStatus.STATUS_ABORTED
        assert answer.result.error_code == Result.PREEMPTED
        count = len(bench.motion())
        wait_for(lambda: len(bench.motion()) > count + 2, "plans for the second goal")
        assert all(len(plan.actions) for plan in bench.plans)
        bench.seen = 2 * FAR
        assert bench.result(second).result.error_code == Result.NONE


def test_a_plan_for_the_former_goal_that_comes_late_is_not_published(graph):
    bench = Bench(graph, **{"fake.step": 0.01, "fake_slow.step": 0.03})
    with bench.camera():
        former = bench.send(bench.goal(algorithm="fake_slow"))
        assert SlowPlanner.entered.wait(PATIENCE)
        bench.send(bench.goal(2 * FAR))
        assert bench.result(former).result.error_code == Result.PREEMPTED
        SlowPlanner.release.set()
        wait_for(lambda: len(bench.motion()) > 3, "plans for the second goal")
    assert {round(plan.actions[0], 3) for plan in bench.motion()} == {0.01}


@pytest.mark.parametrize("algorithm", ["fake", "fake_other"])
def test_a_goal_that_takes_over_is_planned_for_from_where_the_moving_arm_will_be(graph, algorithm):
    """No hold is sent between the two, so the arm goes on by the former goal's plans, whatever algorithm made them."""
    bench = Bench(graph, MovingPlannerNode, **{"fake.step": 0.04, "fake_other.step": 0.04})
    with bench.camera():
        bench.send(bench.goal())
        wait_for(lambda: len(bench.motion()) > 5, "plans")
        bench.send(bench.goal(2 * FAR, algorithm=algorithm))
        problem = wait_for(lambda: first_problem(2 * FAR), "a plan for the second goal")
    assert problem.lead > 0.0
    told = 0.04 * problem.lead / 0.2  # as each plan goes on as the one before it did
    np.testing.assert_allclose(problem.start, [told, told, 0.0, 0.0], atol=1e-4)


def test_after_a_hold_the_arm_stands_still_whatever_comes_out_late(graph):
    bench = Bench(graph, MovingPlannerNode, **{"fake.step": 0.04, "fake_slow.step": 0.04})
    with bench.camera():
        for algorithm in ("fake", "fake_slow"):
            handle = bench.send(bench.goal(algorithm=algorithm))
            planned = bench.motion if algorithm == "fake" else SlowPlanner.entered.is_set
            wait_for(planned, "a plan")
            handle.cancel_goal_async()
            bench.result(handle)
        bench.send(bench.goal(2 * FAR))
        SlowPlanner.release.set()  # what it planned is never sent to the arm
        problem = wait_for(lambda: first_problem(2 * FAR), "a plan for the last goal")
    assert problem.lead > 0.0
    np.testing.assert_array_equal(problem.start, np.zeros(DIM))


def first_problem(goal):
    """The first that any planner was asked to solve for a goal."""
    problems = [problem for planner in FakePlanner.made for problem in list(planner.problems)]
    return next((problem for problem in problems if np.array_equal(problem.goal, goal)), None)


def test_a_malformed_goal_does_not_disturb_the_present_one(bench):
    with bench.camera():
        first = bench.send(bench.goal())
        outcome = first.get_result_async()
        wait_for(bench.motion, "a plan")
        assert bench.ended(bench.goal(time_limit=-1.0))[0] == Result.INVALID_GOAL
        assert not outcome.done()
        assert bench.node.reach_goal.current is not None


def test_the_planner_is_reset_for_each_goal_and_runs_on_one_thread(bench):
    planner = wait_for(lambda: FakePlanner.made and FakePlanner.made[-1], "the warm-up")
    wait_for(lambda: planner.problems, "its plan")
    before = planner.resets
    with bench.camera():
        for goal in (FAR, 2 * FAR):
            handle = bench.send(bench.goal(goal))
            count = len(bench.motion())
            wait_for(lambda count=count: len(bench.motion()) > count, "a plan")
            handle.cancel_goal_async()
            bench.result(handle)
    assert FakePlanner.made == [planner]
    assert planner.resets == before + 2
    assert len(planner.threads) == 1
    assert planner.config.step == 0.01


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"latent": np.array([1, 2, np.nan, 4], np.float32)}, "NaN"),
        ({"latent": np.ones(DIM + 1, np.float32)}, "expected 4"),
        ({"time_limit": -1.0}, "time_limit"),
        ({"time_limit": float("inf")}, "time_limit"),
    ],
)
def test_malformed_goals_are_refused(bench, fields, words):
    code, message = bench.ended(bench.goal(**fields))
    assert code == Result.INVALID_GOAL
    assert words in message


def test_other_refusals_have_codes_of_their_own(bench):
    negative = bench.goal()
    negative.tolerance = -0.5
    assert bench.ended(negative)[0] == Result.INVALID_GOAL
    kind = ReachGoal.Goal(goal_type=7)
    assert bench.ended(kind)[0] == Result.INVALID_GOAL
    assert bench.ended(ReachGoal.Goal(goal_type=ReachGoal.Goal.IMAGE))[0] == Result.INVALID_GOAL
    encoding = ReachGoal.Goal(goal_type=ReachGoal.Goal.IMAGE, image=Image(height=1, width=1, encoding="32FC1"))
    assert "rgb8" in bench.ended(encoding)[1]

    code, message = bench.ended(bench.goal(algorithm="magic"))
    assert code == Result.UNKNOWN_ALGORITHM
    assert "fake" in message and "cem" in message

    text = ReachGoal.Goal(goal_type=ReachGoal.Goal.TEXT, text="push the red block")
    assert bench.ended(text)[0] == Result.UNSUPPORTED_GOAL_TYPE

    code, message = bench.ended(bench.goal(encoder="e" * 64))
    assert code == Result.WRONG_ENCODER
    assert "eeee" in message and "dddd" in message
    assert bench.plans == []


def test_a_goal_for_a_node_that_is_not_active_is_refused(graph):
    bench = Bench(graph, active=False)
    assert bench.ended(bench.goal())[0] == Result.NOT_ACTIVE
    graph.change(bench.node, "configure")
    code, message = bench.ended(bench.goal())
    assert code == Result.NOT_ACTIVE
    assert "inactive" in message


def test_the_time_limit_ends_a_goal(bench):
    with bench.camera():
        code, message = bench.ended(bench.goal(time_limit=0.3))
    assert code == Result.TIMEOUT
    assert "0.3 s" in message
    bench.assert_holds()


def test_a_bug_of_ours_ends_the_goal_with_a_code_of_its_own_and_stops_the_node(bench, monkeypatch):
    def fall_over(request):
        raise ZeroDivisionError("nothing to divide by")

    monkeypatch.setattr(bench.node.model, "read_goal", fall_over)
    code, message = bench.ended(bench.goal())
    assert code == Result.INTERNAL_ERROR and ERRORS[code] == "INTERNAL_ERROR"
    assert message == "ZeroDivisionError; see the node's log"
    wait_for(lambda: not bench.node.active, "the node to stop")
    assert "nothing to divide by" in bench.node.failure


def test_lost_latents_end_a_goal(graph):
    bench = Bench(graph, latent_timeout=0.6)
    with bench.camera():
        handle = bench.send(bench.goal())
        wait_for(bench.motion, "a plan")
    answer = bench.result(handle)
    assert answer.result.error_code == Result.NO_LATENT
    assert any(status.state == PlannerStatus.WAITING for status in bench.status)
    wait_for(lambda: "no fresh latent" in bench.status[-1].last_error, "the reason in the status")
    bench.assert_holds()


def test_latents_that_never_come_or_are_bad_or_stale_count_as_lost(graph):
    bench = Bench(graph, latent_timeout=0.6)
    assert bench.ended(bench.goal())[0] == Result.NO_LATENT
    bad = {
        "NaN": lambda: latent_message(np.full(DIM, np.nan, np.float32), graph.now()),
        "expected 4": lambda: latent_message(np.ones(DIM - 1, np.float32), graph.now()),
        "of encoder": lambda: latent_message(None, graph.now(), "f" * 64),
        "s old": lambda: latent_message(None, graph.now() - 10_000_000_000),
    }
    for words, make in bad.items():
        dropped = bench.node.channel("latent").dropped
        with Repeater(lambda make=make: graph.send("latent", make())):
            code, message = bench.ended(bench.goal())
        assert code == Result.NO_LATENT
        assert words in message
        assert bench.node.channel("latent").dropped > dropped
    assert bench.motion() == []


def test_a_failing_planner_ends_the_goal(bench):
    with bench.camera():
        code, message = bench.ended(bench.goal(algorithm="fake_raising"))
        assert code == Result.NO_VALID_PLAN
        assert "nothing to divide by" in message
        # the node has survived it
        handle = bench.send(bench.goal())
        wait_for(bench.motion, "a plan")
        handle.cancel_goal_async()
        assert bench.result(handle).result.error_code == Result.CANCELLED


@pytest.mark.parametrize(("algorithm", "words"), [("fake_nan", "NaN"), ("fake_shape", "(3, 3)")])
def test_a_plan_that_no_arm_should_get_is_not_published(bench, algorithm, words):
    with bench.camera():
        code, message = bench.ended(bench.goal(algorithm=algorithm))
    assert code == Result.NO_VALID_PLAN
    assert words in message
    bench.assert_holds()
    assert all(np.isfinite(plan.actions).all() and plan.action_dim in (0, 2) for plan in bench.plans)


def test_deactivation_ends_the_goal_and_holds(bench):
    with bench.camera():
        handle = bench.send(bench.goal())
        wait_for(bench.motion, "a plan")
        bench.graph.change(bench.node, "deactivate")
        answer = bench.result(handle)
    assert answer.result.error_code == Result.DEACTIVATED
    bench.assert_holds()
    bench.graph.change(bench.node, "activate")
    count = len(bench.motion())
    with bench.camera():
        bench.send(bench.goal())
        wait_for(lambda: len(bench.motion()) > count, "plans after the second activation")


class Perception:
    """Answers the service that encodes goal images."""

    def __init__(self, graph, encoder=DIGEST, success=True, data=FAR):
        self.asked = []

        def answer(request, response):
            self.asked.append(request)
            response.success, response.message = success, "" if success else "too dark"
            response.latent = latent_message(data, encoder=encoder)
            return response

        graph.probe.create_service(EncodeImage, "perception/encode_image", answer)


def image_goal():
    goal = ReachGoal.Goal(goal_type=ReachGoal.Goal.IMAGE, tolerance=0.1)
    goal.image = image_to_message(noise_image(size=64), 0)
    return goal


def test_an_image_goal_is_encoded_by_perception(graph):
    perception = Perception(graph)
    bench = Bench(graph)
    with bench.camera():
        handle = bench.send(image_goal())
        wait_for(bench.motion, "a plan")
        bench.seen = FAR
        assert bench.result(handle).result.error_code == Result.NONE
    assert len(perception.asked) == 1
    assert perception.asked[0].image.encoding == "rgb8"


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        ({"success": False}, Result.ENCODE_FAILED, "too dark"),
        ({"encoder": "e" * 64}, Result.WRONG_ENCODER, "eeee"),
        ({"data": np.full(DIM, np.nan, np.float32)}, Result.ENCODE_FAILED, "NaN"),
    ],
)
def test_what_perception_answers_is_checked(graph, answers, code, words):
    Perception(graph, **answers)
    bench = Bench(graph)
    ended = bench.ended(image_goal())
    assert ended[0] == code
    assert words in ended[1]


def test_an_image_that_nobody_encodes_in_time_ends_the_goal(graph):
    bench = Bench(graph, encode_timeout=0.4)
    code, message = bench.ended(image_goal())
    assert code == Result.ENCODE_FAILED
    assert "perception/encode_image is not there within 0.4 s" in message


def test_an_image_goal_that_is_being_encoded_can_be_cancelled(graph):
    bench = Bench(graph, encode_timeout=30.0)
    handle = bench.send(image_goal())
    handle.cancel_goal_async()
    assert bench.result(handle).result.error_code == Result.CANCELLED


def test_the_status_is_there_for_who_comes_later(bench):
    late = bench.graph.listen(PlannerStatus, "planner_status", Quality.LATCHED)
    status = wait_for(lambda: late and late[0], "the latched status")
    assert (status.state, status.model, status.encoder, status.algorithm) == (0, "fake", DIGEST, "fake")
    assert np.isnan(status.distance)


def test_rates_may_change_while_the_node_works_and_the_model_may_not(bench):
    from rclpy.parameter import Parameter

    assert bench.node.set_parameters([Parameter("plan_rate", value=3.0)])[0].successful
    assert bench.node.thread.rate == 3.0
    refused = bench.node.set_parameters([Parameter("model", value="other")])[0]
    assert not refused.successful and "unconfigured" in refused.reason
    refused = bench.node.set_parameters([Parameter("plan_rate", value=0.0)])[0]
    assert not refused.successful


def test_a_message_of_a_latent_without_data_is_dropped(bench):
    bench.graph.send("latent", LatentMessage(encoder=DIGEST))
    wait_for(lambda: bench.node.channel("latent").dropped == 1, "the drop")


def test_an_unknown_planner_metric_or_model_keeps_the_node_from_being_set_up(graph):
    node = graph.start(FakePlannerNode, active=False, algorithm="magic")
    node.trigger_configure()
    assert node.state == "unconfigured"
    assert "unknown planner 'magic'; valid: cem" in node.failure


def test_markers_show_the_path_from_where_the_tool_is(graph):
    kinematics = pytest.importorskip("robot_planner.policy.kinematics").ArmKinematics()
    bench = Bench(graph, markers=True)
    heard = graph.listen(MarkerArray, "plan_markers")
    joints = kinematics.inverse([0.4, 0.1, 0.03], (kinematics.lower + kinematics.upper) / 2)
    message = JointState(name=list(kinematics.joint_names), position=[float(x) for x in joints])

    def show():
        graph.send("joint_states", message, Quality.SENSOR)
        bench.show()

    with Repeater(show):
        bench.send(bench.goal())
        marker = wait_for(lambda: heard and heard[-1].markers[0], "a marker")
    points = [(p.x, p.y, p.z) for p in marker.points]
    np.testing.assert_allclose(points[0], [0.4, 0.1, 0.03], atol=1e-3)
    np.testing.assert_allclose(points[-1], [0.43, 0.13, 0.03], atol=1e-3)
    assert marker.header.frame_id == "base_link"


def test_an_older_goal_whose_image_is_encoded_late_does_not_take_over_from_a_newer_one(graph):
    asked, release = threading.Event(), threading.Event()

    def answer(request, response):
        asked.set()
        release.wait(PATIENCE)
        response.success, response.latent = True, latent_message(2 * FAR)
        return response

    slow = graph.separate("slow_perception")
    slow.create_service(EncodeImage, "perception/encode_image", answer)
    bench = Bench(graph, encode_timeout=30.0, latent_timeout=30.0)
    older = bench.send(image_goal())
    assert asked.wait(PATIENCE)
    newer = bench.send(bench.goal())
    wait_for(lambda: bench.node.reach_goal.current, "the newer goal")
    release.set()
    assert bench.result(older).result.error_code == Result.PREEMPTED
    assert bench.node.reach_goal.current.order.goal is not None
    newer.cancel_goal_async()
    assert bench.result(newer).result.error_code == Result.CANCELLED
