# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Goals in a few words through the planner node with a world model: planners get a latent of what they mean."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fakes import DIGEST, FakePlanner, still_dynamics
from graph import Repeater, wait_for

from robot_planner.nodes.messages import latent_to_message
from robot_planner.nodes.planner import PlannerNode
from robot_planner.perception.slots import SlotReadout
from robot_planner.placement import EMBEDDING_DIM, ENTITIES
from robot_planner.planning.grasp_lbp import save_subgoals
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.planning.object_metrics import ObjectDistance
from robot_planner.planning.text_goals import KIND, TOUCH
from robot_planner.types import Latent
from robot_planner_interfaces.action import ReachGoal
from robot_planner_interfaces.msg import Plan as PlanMessage

Result = ReachGoal.Result
READOUT = SlotReadout(ENTITIES, 3)
START = np.array([[0.5, 0.2], [0.40, 0.0], [0.35, -0.1], [0.45, 0.1]])
DONE = START.copy()
DONE[1] = [0.41, 0.13]


def latent(places):
    places = (places - READOUT.centre.numpy()) / READOUT.scale
    return np.column_stack([places, np.ones(4)]).astype(np.float32).ravel()


def world():
    metric = ObjectDistance(READOUT, lambda latents: torch.ones(*latents.shape[:-1], 3))
    return SimpleNamespace(
        name="fake",
        encoder=SimpleNamespace(digest=DIGEST, device="cpu"),
        dynamics=still_dynamics(12),
        readout=READOUT,
        metric=lambda name: metric,
    )


class WorldNode(PlannerNode):
    def load_model(self):
        return world()


@pytest.fixture
def folder(tmp_path):
    planner = BackwardPlanner(LbpConfig(latent_dim=12, language_dim=EMBEDDING_DIM, hidden=8, depth=0))
    save_subgoals(planner, DIGEST, tmp_path / "goals", "# card", KIND)
    return str(tmp_path / "goals")


class Bench:
    def __init__(self, graph, **parameters):
        FakePlanner.made.clear()
        self.graph, self.seen = graph, START
        given = {"algorithm": "fake", "latent_timeout": 2.0, "max_latent_age": 2.0} | parameters
        self.node = graph.start(WorldNode, True, **given)
        self.client, self.plans = graph.action(ReachGoal, "reach_goal"), graph.listen(PlanMessage, "plan")

    def camera(self):
        def show():
            self.graph.send("latent", latent_to_message(Latent(latent(self.seen), DIGEST, self.graph.now())))

        return Repeater(show, 0.02)

    def ask(self, text, **fields):
        future = self.client.send_goal_async(ReachGoal.Goal(goal_type=ReachGoal.Goal.TEXT, text=text, **fields))
        wait_for(future.done, "acceptance")
        return future.result()

    def result(self, handle):
        future = handle.get_result_async()
        wait_for(future.done, "a result", 20.0)
        return future.result().result


def test_the_planner_gets_a_latent_of_the_words_and_their_meaning_says_when_they_are_done(graph, folder):
    bench = Bench(graph, text_goals=folder)
    with bench.camera():
        handle = bench.ask("push the red block to the left", time_limit=20.0)
        wait_for(lambda: any(len(plan.actions) for plan in list(bench.plans)), "a plan")
        bench.seen = DONE
        result = bench.result(handle)
    assert result.error_code == Result.NONE, result.error_msg
    assert 0.0 <= result.distance <= 0.02
    problems = [problem for planner in FakePlanner.made for problem in planner.problems]
    wanted = [READOUT(torch.from_numpy(p.goal)).numpy() for p in problems if np.any(p.goal)]
    assert wanted and all(np.array_equal(one, wanted[0]) for one in wanted), "the goal moved while it was pursued"
    assert np.allclose(wanted[0][2:], START[2:], atol=1e-6)
    assert wanted[0][1, 1] >= 0.11 - 1e-6
    assert np.isclose(np.linalg.norm(wanted[0][0] - wanted[0][1]), TOUCH, atol=1e-6)
    wait_for(lambda: not len(bench.plans[-1].actions), "a hold at the end")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("push the yellow block to the left", "'yellow' is unknown; allowed: the red, green or blue block or the hand"),
        ("put the red block in bin A", "'bin' is unknown"),
        ("push the red block", "it names no place"),
        ("", "is empty"),
    ],
)
def test_words_that_mean_nothing_here_are_refused_and_nothing_moves(graph, folder, text, words):
    bench = Bench(graph, text_goals=folder)
    with bench.camera():
        result = bench.result(bench.ask(text))
    assert result.error_code == Result.INVALID_GOAL
    assert words in result.error_msg and "\n" not in result.error_msg
    assert not any(len(plan.actions) for plan in bench.plans)


@pytest.mark.parametrize(("name", "words"), [("", "no model for text goals"), ("tabletop-goals", "are latents of enc")])
def test_without_goals_of_the_same_encoder_texts_are_refused_and_the_rest_works(graph, name, words):
    bench = Bench(graph, text_goals=name)
    result = bench.result(bench.ask("push the red block to the left"))
    assert result.error_code == Result.UNSUPPORTED_GOAL_TYPE
    assert words in result.error_msg and "allowed: an image (1) or a latent (2)" in result.error_msg
