# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""All nodes of the table, each in its process, over a model of random weights: from the camera to the arm and back."""

import json
import math
import signal

import numpy as np
import pytest
from graph import PATIENCE, wait_for
from lbp_fakes import save_fake
from std_msgs.msg import Float64MultiArray, String
from trajectory_msgs.msg import JointTrajectory

from robot_planner.nodes.graph import Graph
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.messages import to_nanoseconds
from robot_planner.world import build_networks, save_world
from robot_planner_interfaces.action import ReachGoal
from robot_planner_interfaces.msg import Latent, Plan, PlannerStatus, Subgoals
from robot_planner_interfaces.srv import EvaluateTask, ResetWorld

pytestmark = pytest.mark.graph
QUICK = {"cem.samples": 8, "cem.elites": 2, "cem.iterations": 2, "cem.horizon": 4}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "random"
    save_world(build_networks({}, seed=1), {}, folder, "random weights, for tests")
    return str(folder)


def test_the_whole_way_from_the_camera_to_the_arm(graph, model):
    overrides = {f"planner.{name}": value for name, value in QUICK.items()}
    overrides |= {"planner.plan_deadline": 0.02, "planner.latent_timeout": 5.0}
    with Graph({"model": model, "algorithm": "cem", "use_sim_time": "false"}, overrides) as nodes:
        nodes.wait_active(4 * PATIENCE)
        reset = graph.call(ResetWorld, "simulation/reset_world", ResetWorld.Request(task="reach", seed=5))
        assert reset.success, reset.message
        latents, plans = graph.listen(Latent, "latent"), graph.listen(Plan, "plan")
        commands = graph.listen(JointTrajectory, "joint_trajectory")
        status = graph.listen(PlannerStatus, "planner_status", Quality.LATCHED)
        client, feedback = graph.action(ReachGoal, "reach_goal"), []

        def send(**fields):
            goal = ReachGoal.Goal(goal_type=ReachGoal.Goal.IMAGE, image=reset.goal_image, **fields)
            future = client.send_goal_async(goal, feedback_callback=lambda message: feedback.append(message.feedback))
            wait_for(future.done, "acceptance")
            return future.result(), future.result().get_result_async()

        def result(future):
            wait_for(future.done, "a result", 2 * PATIENCE)
            return future.result().result

        handle, outcome = send(tolerance=1e-9, time_limit=60.0)
        wait_for(lambda: sum(len(plan.actions) > 0 for plan in plans) > 10, "plans")
        wait_for(lambda: len(commands) > 20, "commands")
        wait_for(lambda: any(f.plan_rate > 0 and math.isfinite(f.distance) for f in feedback), "feedback")
        handle.cancel_goal_async()
        assert result(outcome).error_code == ReachGoal.Result.CANCELLED
        wait_for(lambda: not len(plans[-1].actions), "the hold")

        moving = [plan for plan in plans if len(plan.actions)]
        assert all(plan.algorithm == "cem" and plan.encoder == latents[0].encoder for plan in moving)
        assert np.abs([plan.actions for plan in moving]).max() <= 0.04 + 1e-6
        seen = {to_nanoseconds(latent.header.stamp) for latent in latents}
        assert {to_nanoseconds(plan.header.stamp) for plan in moving[1:]} <= seen
        assert status[-1].encoder == latents[0].encoder
        verdict = graph.call(EvaluateTask, "simulation/evaluate_task", EvaluateTask.Request())
        assert math.isfinite(verdict.distance)

        # a planner that is told to end says so to its client, and is missed by the graph
        count = len(plans)
        _, outcome = send(tolerance=1e-9, time_limit=60.0)
        wait_for(lambda: len(plans) > count + 3, "plans")
        nodes.kill("planner", signal.SIGTERM)
        assert result(outcome).error_code == ReachGoal.Result.DEACTIVATED
        wait_for(nodes.died, "the planner's end")
        assert [child.name for child in nodes.died()] == ["planner"]
        assert nodes.children["planner"].process.returncode == 0
    assert nodes.stop()["policy"] == 0


def test_from_words_to_the_arm_and_a_planner_that_is_killed(graph, tmp_path):
    model = str(save_fake(tmp_path / "fake"))
    overrides = {"planner.latent_timeout": 5.0}
    with Graph({"model": model, "use_sim_time": "false"}, overrides) as nodes:
        nodes.wait_active(4 * PATIENCE)
        latents, subgoals = graph.listen(Latent, "latent"), graph.listen(Subgoals, "subgoals")
        commands = graph.listen(JointTrajectory, "joint_trajectory")
        openings = graph.listen(Float64MultiArray, "gripper_commands")
        states = graph.listen(String, "policy/state", Quality.LATCHED)
        client = graph.action(ReachGoal, "reach_goal")

        def send(text):
            goal = ReachGoal.Goal(goal_type=ReachGoal.Goal.TEXT, text=text, time_limit=60.0)
            future = client.send_goal_async(goal)
            wait_for(future.done, "acceptance")
            return future.result(), future.result().get_result_async()

        _, outcome = send("do not open the drawer")
        wait_for(outcome.done, "the refusal")
        assert outcome.result().result.error_code == ReachGoal.Result.INVALID_GOAL
        assert not commands

        handle, outcome = send("open the drawer")
        wait_for(lambda: len(commands) > 20 and len(openings) > 10, "commands")
        handle.cancel_goal_async()
        wait_for(outcome.done, "the cancel")
        assert outcome.result().result.error_code == ReachGoal.Result.CANCELLED
        wait_for(lambda: json.loads(states[-1].data)["state"] != "following", "the hold")
        seen = {to_nanoseconds(latent.header.stamp) for latent in latents}
        moving = [message for message in subgoals if len(message.latents)]
        assert {to_nanoseconds(message.header.stamp) for message in moving[1:]} <= seen
        assert all(message.data[0] == pytest.approx(0.05, abs=0.02) for message in openings)

        count = len(commands)
        send("open the drawer")
        wait_for(lambda: len(commands) > count + 20, "commands")
        nodes.kill("planner", signal.SIGKILL)
        wait_for(lambda: json.loads(states[-1].data)["reason"] == "plan_lost", "the arm to be stopped")
        wait_for(lambda: not np.any(commands[-1].points[0].velocities), "a standstill")
