# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The planner node with a model of kind lbp in a real ROS graph: texts in, subgoals out."""

import numpy as np
import pytest
import torch
from action_msgs.msg import GoalStatus
from graph import PATIENCE, Repeater, noise_image, wait_for
from lbp_fakes import fake_lbp, save_fake, scene

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.messages import (
    image_to_message,
    latent_to_message,
    subgoals_from_message,
    subgoals_to_message,
    to_nanoseconds,
)
from robot_planner.nodes.planner import PlannerNode
from robot_planner.types import Latent, Subgoals
from robot_planner_interfaces.action import ReachGoal
from robot_planner_interfaces.msg import PlannerStatus
from robot_planner_interfaces.msg import Subgoals as SubgoalsMessage

Result = ReachGoal.Result


class Bench:
    """A planner node over LBP, cameras that show a drawer ``self.drawer`` open, and a client."""

    def __init__(self, graph, lbp=None, **parameters):
        self.graph, self.lbp = graph, lbp or fake_lbp()
        kind = type("Node", (PlannerNode,), {"load_model": lambda node: self.lbp})
        parameters = {"algorithm": "lbp", "latent_timeout": 2.0, "max_latent_age": 2.0, "tolerance": 0.001} | parameters
        self.node = graph.start(kind, **parameters)
        self.drawer, self.shown = 0.0, []
        self.client = graph.action(ReachGoal, "reach_goal")
        self.heard = graph.listen(SubgoalsMessage, "subgoals")

    def show(self):
        stamp = self.graph.now()
        self.shown.append(stamp)
        latent = Latent(scene(self.lbp, self.drawer), self.lbp.encoder.digest, stamp)
        self.graph.send("latent", latent_to_message(latent))

    def cameras(self):
        return Repeater(self.show)

    def send(self, text="open the drawer", **fields):
        future = self.client.send_goal_async(ReachGoal.Goal(goal_type=ReachGoal.Goal.TEXT, text=text, **fields))
        wait_for(future.done, "acceptance")
        return future.result()

    def result(self, handle):
        future = handle.get_result_async()
        wait_for(future.done, "a result", 2 * PATIENCE)
        return future.result()

    def ended(self, goal):
        future = self.client.send_goal_async(goal)
        wait_for(future.done, "acceptance")
        result = self.result(future.result()).result
        return result.error_code, result.error_msg

    def subgoals(self):
        return [message for message in list(self.heard) if len(message.latents)]

    def assert_holds(self):
        wait_for(lambda: self.heard and not len(self.heard[-1].latents), "subgoals without latents at the end")


@pytest.fixture
def bench(graph):
    return Bench(graph)


def test_a_text_becomes_subgoals_from_each_latent_until_it_is_done_as_the_latents_show_it(bench):
    with bench.cameras():
        handle = bench.send("please open the drawer")
        wait_for(lambda: len(bench.subgoals()) > 5, "subgoals")
        wait_for(lambda: bench.node.reach_goal.current.distance > 0.0, "a distance")
        assert bench.node.reach_goal.current.distance == pytest.approx(0.09, abs=1e-3)
        bench.drawer = 0.1
        answer = bench.result(handle)
    assert answer.status == GoalStatus.STATUS_SUCCEEDED and answer.result.error_code == Result.NONE
    assert answer.result.distance <= 0.001
    bench.assert_holds()
    message = bench.subgoals()[0]
    lbp = bench.lbp
    assert (message.encoder, message.algorithm, message.latent_dim) == (lbp.encoder.digest, "lbp", lbp.encoder.plan_dim)
    subgoals, language = subgoals_from_message(message, lbp.encoder.plan_dim, lbp.language.embedding_dim)
    np.testing.assert_allclose(subgoals.progress, lbp.planner.progress(lbp.policy.config.depth))
    np.testing.assert_allclose(language, lbp.embed("please open the drawer"), rtol=1e-5)
    expected = lbp.plan(Latent(scene(lbp), ""), language)
    np.testing.assert_allclose(subgoals.latents, expected.latents, rtol=1e-4, atol=1e-5)


def test_subgoals_bear_the_stamp_of_their_latents_image_and_come_once_a_latent(bench):
    with bench.cameras():
        bench.send()
        wait_for(lambda: len(bench.subgoals()) > 10, "subgoals")
    stamps = [to_nanoseconds(message.header.stamp) for message in bench.subgoals()]
    assert set(stamps) <= set(bench.shown)
    assert len(set(stamps)) == len(stamps) and stamps == sorted(stamps)


def test_fewer_subgoals_where_asked_and_none_beyond_the_trained_depth(graph):
    bench = Bench(graph, subgoal_depth=1)
    with bench.cameras():
        bench.send()
        message = wait_for(bench.subgoals, "subgoals")[0]
    np.testing.assert_allclose(message.progress, [1 / 2, 1])


def test_a_depth_that_was_not_trained_keeps_the_node_from_being_set_up(graph):
    class Node(PlannerNode):
        def load_model(self):
            return fake_lbp()

    node = graph.start(Node, active=False, algorithm="lbp", subgoal_depth=9)
    node.trigger_configure()
    assert node.state == "unconfigured" and "allowed: 0 to 3" in node.failure


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("open the drawer " * 100, "1600 characters"),
        ("put the yellow block in bin A", "no block is yellow"),
        ("öffne die Schublade", "allowed: a red, green or blue block"),
        ("do not open the drawer", "says what not to do"),
        ("\x07\x00", ""),
    ],
)
def test_what_is_not_understood_is_refused_in_one_line_and_nothing_moves(bench, text, words):
    with bench.cameras():
        code, message = bench.ended(ReachGoal.Goal(goal_type=ReachGoal.Goal.TEXT, text=text))
    assert code == Result.INVALID_GOAL
    assert words in message and "\n" not in message
    assert bench.heard == []


def test_other_goals_and_planners_are_refused_with_codes_of_their_own(bench):
    image = ReachGoal.Goal(goal_type=ReachGoal.Goal.IMAGE, image=image_to_message(noise_image(size=64), 0))
    latent = ReachGoal.Goal(goal_type=ReachGoal.Goal.LATENT)
    for goal in (image, latent):
        code, message = bench.ended(goal)
        assert code == Result.UNSUPPORTED_GOAL_TYPE and "allowed: a text (0)" in message
    grasp = ReachGoal.Goal(goal_type=ReachGoal.Goal.TEXT, text="open the drawer", algorithm="grasp")
    code, message = bench.ended(grasp)
    assert code == Result.UNKNOWN_ALGORITHM and "valid: lbp" in message
    assert bench.heard == []


def test_cancel_holds_the_arm_and_no_subgoals_follow_the_hold(bench):
    with bench.cameras():
        handle = bench.send()
        wait_for(lambda: len(bench.subgoals()) > 3, "subgoals")
        handle.cancel_goal_async()
        answer = bench.result(handle)
        count = bench.node.channel("latent").count
        wait_for(lambda: bench.node.channel("latent").count > count + 10, "further latents")
    assert answer.status == GoalStatus.STATUS_CANCELED and answer.result.error_code == Result.CANCELLED
    bench.assert_holds()


def test_time_limit_lost_latents_and_deactivation_end_with_a_hold(graph):
    bench = Bench(graph, latent_timeout=0.6)
    with bench.cameras():
        assert bench.result(bench.send(time_limit=0.4)).result.error_code == Result.TIMEOUT
        bench.assert_holds()
        handle = bench.send()
        count = len(bench.subgoals())
        wait_for(lambda: len(bench.subgoals()) > count, "subgoals")
    assert bench.result(handle).result.error_code == Result.NO_LATENT
    bench.assert_holds()
    with bench.cameras():
        handle = bench.send()
        count = len(bench.subgoals())
        wait_for(lambda: len(bench.subgoals()) > count, "subgoals")
        graph.change(bench.node, "deactivate")
        assert bench.result(handle).result.error_code == Result.DEACTIVATED
    bench.assert_holds()


def test_latents_of_another_encoder_are_no_latents(graph):
    bench = Bench(graph, latent_timeout=0.6)
    latent = Latent(scene(bench.lbp), "f" * 64)

    def show():
        graph.send("latent", latent_to_message(Latent(latent.data, latent.encoder, graph.now())))

    with Repeater(show):
        result = bench.result(bench.send()).result
    assert result.error_code == Result.NO_LATENT and "of encoder 'ffff" in result.error_msg
    assert bench.subgoals() == []


class BrokenPlanner(torch.nn.Module):
    """Makes NaN of everything."""

    def checked_depth(self, depth):
        return 3

    def plan(self, latents, language, depth):
        return torch.full((1, 4, latents.shape[1]), torch.nan)

    def progress(self, depth):
        return (0.125, 0.25, 0.5, 1.0)


def test_subgoals_that_no_arm_should_get_are_not_published(graph):
    bench = Bench(graph, fake_lbp(planner=BrokenPlanner()))
    with bench.cameras():
        result = bench.result(bench.send()).result
    assert result.error_code == Result.NO_VALID_PLAN and "NaN" in result.error_msg
    bench.assert_holds()
    assert bench.subgoals() == []


def test_the_model_folder_says_what_kind_it_is(graph, tmp_path):
    folder = save_fake(tmp_path / "fake")
    node = graph.start(PlannerNode, active=False, model=str(folder), algorithm="lbp")
    node.trigger_configure()
    assert node.state == "inactive"
    assert node.model.topic == "subgoals" and node.unit == "m"
    status = graph.listen(PlannerStatus, "planner_status", Quality.LATCHED)
    graph.change(node, "activate")
    assert wait_for(lambda: status and status[-1], "the status").algorithm == "lbp"


def test_an_algorithm_of_the_other_kind_of_model_is_refused_at_set_up(graph, tmp_path):
    node = graph.start(PlannerNode, active=False, model=str(save_fake(tmp_path / "fake")))
    node.trigger_configure()
    assert node.state == "unconfigured" and "valid: lbp" in node.failure


MADE = Subgoals(np.arange(6, dtype=np.float32).reshape(2, 3), np.float32([0.5, 1.0]), 7)


def test_subgoals_survive_their_message():
    message = subgoals_to_message(MADE, np.float32([1, 2]), "e", "lbp")
    subgoals, language = subgoals_from_message(message, 3, 2)
    np.testing.assert_array_equal(subgoals.latents, MADE.latents)
    np.testing.assert_array_equal(subgoals.progress, MADE.progress)
    assert subgoals.stamp == 7 and language.tolist() == [1.0, 2.0]
    empty, _ = subgoals_from_message(SubgoalsMessage(), 3, 2)
    assert len(empty.latents) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latents", [1.0] * 5), ("latents", [float("nan")] * 6), ("latent_dim", 2), ("progress", [1.0]),
        ("progress", [0.5, 1.5]), ("progress", [float("nan"), 1.0]), ("language", [1.0]),
        ("language", [float("inf"), 1.0]), ("latent_dim", 0),
    ],
)  # fmt: skip
def test_malformed_subgoals_are_refused(field, value):
    message = subgoals_to_message(MADE, np.float32([1, 2]), "e", "lbp")
    setattr(message, field, value)
    with pytest.raises(InvalidInputError):
        subgoals_from_message(message, 3, 2)
