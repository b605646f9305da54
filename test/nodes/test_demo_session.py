# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo's client of the graph asks again when an answer is lost, and gives up in time."""

from types import SimpleNamespace

import numpy as np
import pytest

from robot_planner.nodes import demo_session
from robot_planner.nodes.demo_session import Session
from robot_planner.nodes.graph import GraphError
from robot_planner.nodes.messages import image_to_message
from robot_planner_interfaces.srv import ResetWorld

PICTURE = np.full((8, 8, 3), 7, np.uint8)


class Simulation:
    """Resets worlds; its first answers get lost on their way."""

    def __init__(self, graph, lost):
        self.lost, self.asked = lost, []
        self.service = graph.probe.create_service(ResetWorld, "simulation/reset_world", self._reset)
        self._send, self.service.send_response = self.service.send_response, self._answer

    def _reset(self, request, response):
        self.asked.append((request.task, request.seed))
        response.success, response.goal_image = True, image_to_message(PICTURE, 0)
        return response

    def _answer(self, response, header):
        if len(self.asked) > self.lost:
            self._send(response, header)


@pytest.fixture
def session(graph, monkeypatch):
    monkeypatch.setattr(demo_session, "ASK_AGAIN", 0.5)
    nodes = SimpleNamespace(children={}, check=lambda: None, died=list, stop=lambda: None)
    with Session(nodes, lambda: None, frames=False) as made:
        yield made


def connected(session):
    session.wait(session._reset.service_is_ready, "the service")
    return session


def test_an_answer_that_is_lost_is_asked_for_again(graph, session):
    simulation = Simulation(graph, lost=1)
    picture = connected(session).reset("reach", 3)
    assert np.array_equal(picture, PICTURE)
    assert len(simulation.asked) >= 2 and set(simulation.asked) == {("reach", 3)}


def test_an_answer_that_comes_is_not_asked_for_again(graph, session, monkeypatch):
    monkeypatch.setattr(demo_session, "ASK_AGAIN", demo_session.PATIENCE)
    simulation = Simulation(graph, lost=0)
    assert connected(session).reset("push", 4) is not None
    assert simulation.asked == [("push", 4)]


def test_a_simulation_that_never_answers_is_given_up_by_name(graph, session, monkeypatch):
    monkeypatch.setattr(demo_session, "PATIENCE", 1.5)
    Simulation(graph, lost=10**6)
    connected(session)
    with pytest.raises(GraphError, match="for an answer of .*simulation/reset_world"):
        session.reset("reach", 3)
