# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The client of ``reach_goal`` against the planner node over a fake world."""

import math
import time

import numpy as np
import pytest
from fakes import DIGEST, DIM, FakePlannerNode
from graph import Repeater, noise_image, wait_for
from rclpy.task import Future

from robot_planner.errors import EnvironmentSetupError
from robot_planner.nodes.client import ERRORS, Attempt, ReachGoalClient
from robot_planner.nodes.messages import latent_to_message
from robot_planner.types import Goal, Latent
from robot_planner_interfaces.action import ReachGoal

NEAR, FAR = np.zeros(DIM, np.float32), np.ones(DIM, np.float32)


def latent(data):
    return Goal(latent=Latent(data, DIGEST))


@pytest.fixture
def planner(graph):
    """A planner whose camera shows zeros."""
    node = graph.start(FakePlannerNode, algorithm="fake", latent_timeout=2.0, max_latent_age=2.0, feedback_rate=20.0)

    def show():
        graph.send("latent", latent_to_message(Latent(NEAR, DIGEST, graph.now())))

    with Repeater(show):
        yield node


@pytest.fixture
def client():
    with ReachGoalClient() as made:
        made.wait(15.0)
        yield made


def test_a_goal_is_reached(planner, client):
    outcome = client.reach(latent(NEAR), tolerance=0.1, time_limit=20.0)
    assert outcome.reached and outcome.error == "NONE" and outcome.message == ""
    assert outcome.distance == pytest.approx(0.0)


def test_a_goal_that_is_not_reached_says_why(planner, client):
    heard = []
    outcome = client.reach(latent(FAR), tolerance=0.1, time_limit=1.0, on_feedback=heard.append)
    assert not outcome.reached and outcome.error == "TIMEOUT" and "not reached within 1 s" in outcome.message
    assert outcome.plans > 0 and outcome.duration >= 1.0 and outcome.distance == pytest.approx(2.0)
    assert any(math.isfinite(feedback.distance) for feedback in heard)


@pytest.mark.parametrize(
    ("goal", "options", "error"),
    [
        (Goal(text="tidy up"), {}, "UNSUPPORTED_GOAL_TYPE"),
        (Goal(latent=Latent(NEAR, "another")), {}, "WRONG_ENCODER"),
        (latent(NEAR), {"algorithm": "none"}, "UNKNOWN_ALGORITHM"),
        (latent(NEAR), {"tolerance": -1.0}, "INVALID_GOAL"),
        (Goal(image=noise_image()), {}, "ENCODE_FAILED"),  # nobody encodes here
    ],
)
def test_every_kind_of_goal_and_option_is_sent(planner, client, goal, options, error):
    outcome = client.reach(goal, **options)
    assert outcome.error == error and outcome.message


def test_an_exception_in_the_wait_cancels_the_goal(planner, client):
    def interrupt(feedback):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.reach(latent(FAR), tolerance=0.1, time_limit=60.0, on_feedback=interrupt)
    wait_for(lambda: planner.reach_goal.current is None, "the goal's end")


def test_a_goal_that_is_cancelled_before_it_is_accepted_ends_too(planner, client):
    attempt = client.send(latent(FAR), tolerance=0.1, time_limit=60.0)
    attempt.cancel()
    deadline = time.monotonic() + 15.0
    while attempt.outcome is None and time.monotonic() < deadline:
        client._spin(0.05)
    assert attempt.outcome.error == "CANCELLED"


def test_a_goal_whose_answer_is_lost_is_sent_again_and_the_newest_counts(planner, client, monkeypatch):
    monkeypatch.setattr("robot_planner.nodes.client.ASK_AGAIN", 0.5)
    sent, late = client._client.send_goal_async, []

    def losing(message, **options):
        late.append(sent(message, **options))
        return Future() if len(late) == 1 else late[-1]

    monkeypatch.setattr(client._client, "send_goal_async", losing)
    outcome = client.reach(latent(NEAR), tolerance=0.1, time_limit=20.0)
    assert outcome.reached and len(late) == 2
    attempt = Attempt(None)
    older, newer = attempt.asking(), attempt.asking()
    older(late[0])
    assert attempt.waiting
    newer(late[1])
    assert not attempt.waiting


def test_a_node_of_ones_own_can_be_used(graph, planner):
    with ReachGoalClient(graph.probe) as client:  # spun by the graph's thread
        assert client.reach(latent(NEAR), tolerance=0.1).reached
    assert graph.probe.get_name() == "probe"  # still there


def test_a_server_that_is_not_there_is_one_clear_line():
    with ReachGoalClient(action="nobody/reach_goal") as client, pytest.raises(EnvironmentSetupError) as caught:
        client.reach(latent(NEAR), timeout=0.3)
    assert "nobody serves the action 'nobody/reach_goal' within 0.3 s" in str(caught.value)


def test_every_error_code_has_its_name():
    assert ERRORS[ReachGoal.Result.TIMEOUT] == "TIMEOUT" and ERRORS[0] == "NONE" and len(ERRORS) >= 13
