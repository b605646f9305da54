# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The speed bench measures every method on every size, and its peers do what they are said to."""

import argparse

import pytest
import torch

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation import grasp_speed
from robot_planner.evaluation.speed_models import ACTION_DIM, LATENT_DIM, speed_models
from robot_planner.planning import recorded
from robot_planner.planning.goal_metric import LatentDistance
from robot_planner.planning.objective import Objective, ObjectiveConfig


def test_a_record_for_each_size_of_each_model():
    parser = argparse.ArgumentParser()
    grasp_speed.add_arguments(parser)
    arguments = parser.parse_args(["--horizons", "2", "3", "--batches", "1", "2", "--seconds", "0"])
    records = grasp_speed.run(arguments)
    sizes = [(r["model"], r["horizon"], r["batch"]) for r in records]
    assert sizes == [(m, t, b) for m in ("mlp-128", "mlp", "transformer") for t in (2, 3) for b in (1, 2)]
    for record in records:
        assert record["ratio_to_ideal"] == pytest.approx(record["ms_per_iteration"] / record["ms_ideal"])
        assert record["within_bar"] == (record["ratio_to_ideal"] <= grasp_speed.BAR)
        assert all(value > 0 for key, value in record.items() if key.startswith(("ms_", "speedup_")))


@pytest.mark.parametrize("name", ["mlp-128", "mlp", "transformer"])
def test_models_are_frozen_and_differentiable_in_the_action(name):
    model = speed_models()[name]
    latents, actions = torch.randn(5, LATENT_DIM), torch.randn(5, ACTION_DIM, requires_grad=True)
    following = model(latents, actions)
    assert following.shape == latents.shape and not any(p.requires_grad for p in model.parameters())
    assert torch.autograd.grad(following.sum(), actions)[0].abs().sum() > 0


@pytest.mark.parametrize("peer", ["loop", "descent"])
def test_peers_reach_the_goal_of_an_easy_problem(peer):
    def step(latents, actions):
        return latents + torch.cat([actions, torch.zeros(len(actions), LATENT_DIM - ACTION_DIM)], -1)

    box = torch.ones(ACTION_DIM)
    model = FunctionModel(step, LATENT_DIM, -box, box)
    objective = Objective(model, LatentDistance(), ObjectiveConfig(horizon=4))
    goals = torch.zeros(2, LATENT_DIM)
    goals[:, :ACTION_DIM] = torch.tensor([[0.4, -0.2], [0.1, 0.3]])
    task = objective.task(torch.zeros(2, LATENT_DIM), goals)
    if peer == "loop":
        method = grasp_speed.PaperLoop(model, task, 4)
        actions = lambda: torch.stack(method._actions).unsqueeze(2)  # noqa: E731
    else:
        method = grasp_speed.GradientDescent(objective, task)
        actions = lambda: method._actions  # noqa: E731
    torch.manual_seed(0)
    before = objective.evaluate(task, actions().detach()).cost
    for _ in range(150):
        method.iterate()
    assert (objective.evaluate(task, actions().detach()).cost < 0.4 * before).all()


def test_an_iteration_of_a_recorded_phase_stands_beside_the_others_and_an_ideal_that_is_recorded_alike(monkeypatch):
    made = []
    monkeypatch.setitem(recorded.RECORDERS, "cpu", lambda work, inputs: made.append(work) or work)
    records = grasp_speed.measure((3,), (2,), seconds=0.0, compiled=True)
    assert len(made) == 2 * len(records)
    for record in records:
        ratio = record["ms_per_iteration_recorded"] / record["ms_ideal_recorded"]
        assert record["ratio_recorded_to_ideal_recorded"] == pytest.approx(ratio)
        ratios = record["ratio_to_ideal"], record["ms_per_iteration_recorded"] / record["ms_ideal"]
        assert record["ratio_recorded_to_ideal"] == pytest.approx(ratios[1])
        assert record["within_bar"] == (min(ratios) <= grasp_speed.BAR)
    assert {record["device"] for record in records} == {"cpu"}


def test_recorded_ideals_are_gradients_by_the_actions():
    box = torch.ones(ACTION_DIM)
    model = FunctionModel(speed_models()["mlp-128"], LATENT_DIM, -box, box)
    inputs = [torch.randn(5, size) for _ in range(2) for size in (LATENT_DIM, ACTION_DIM, LATENT_DIM)]
    for number, found in enumerate(grasp_speed.ideals(model, *inputs)):
        latents, actions, cotangent = inputs[3 * number : 3 * number + 3]
        actions.requires_grad_(True)
        (model.step(latents, actions) * cotangent).sum().backward()
        torch.testing.assert_close(found, actions.grad)


def test_a_device_that_is_not_there_is_said():
    parser = argparse.ArgumentParser()
    grasp_speed.add_arguments(parser)
    with pytest.raises(EnvironmentSetupError, match="no device 'cuda:77'"):
        grasp_speed.run(parser.parse_args(["--device", "cuda:77"]))
    with pytest.raises(EnvironmentSetupError, match="no device 'toaster'"):
        grasp_speed.run(parser.parse_args(["--device", "toaster"]))
