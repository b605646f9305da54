# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""GRASP from LBP's subgoals: where the lifted states begin, and which subgoals are refused."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import CurvedMetric, RandomModel, random_problem, random_subgoals

from robot_planner.checkpoints import save_checkpoint
from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.planning import Grasp, GraspConfig
from robot_planner.planning.catalogue import planner_configs
from robot_planner.planning.grasp import GraspSearch
from robot_planner.planning.grasp_lbp import GraspLbp, GraspLbpConfig, load_subgoals, path_through, save_subgoals
from robot_planner.planning.lifted import Lifted
from robot_planner.planning.objective import Task

SIZES = {"horizon": 8, "iterations": 15, "restarts": 3, "candidates": 6}


def tasks(seed, count=3, dim=4):
    starts, goals = torch.randn(2, count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Task(starts, goals.unsqueeze(1), torch.ones(count, 1), torch.ones(count, 1))


def recorded(planner, monkeypatch):
    """The first lifted states and actions of every plan from now on."""
    seen = []

    class Recorded(Lifted):
        def __init__(self, objective, task, states, actions, *rest):
            seen.append((states.clone(), actions.clone()))
            super().__init__(objective, task, states, actions, *rest)

    monkeypatch.setattr(GraspSearch, "lifted_type", Recorded)
    return seen


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), horizon=st.integers(1, 40), ratio=st.floats(0.2, 0.8), depth=st.integers(0, 4))
def test_subgoals_on_the_straight_line_give_the_straight_line(seed, horizon, ratio, depth):
    task, progress = tasks(seed), tuple(ratio**i for i in range(depth, -1, -1))
    along = torch.tensor(progress, dtype=torch.float64).view(1, -1, 1)
    points = torch.lerp(task.starts.unsqueeze(1), task.goals, along)
    path = path_through(points, progress, task, horizon)
    share = torch.linspace(0, 1, horizon + 1, dtype=torch.float64).view(-1, 1, 1, 1)
    torch.testing.assert_close(path, torch.lerp(task.starts.unsqueeze(1), task.goals, share))


def test_the_path_goes_through_each_subgoal_at_its_time():
    task = tasks(1)
    points = torch.randn(3, 4, 4, dtype=torch.float64)
    points[:, -1] = task.goals[:, 0]
    path = path_through(points, (0.125, 0.25, 0.5, 1.0), task, 16)
    torch.testing.assert_close(path[[2, 4, 8, 16], :, 0].transpose(0, 1), points)
    torch.testing.assert_close(path[0, :, 0], task.starts)
    torch.testing.assert_close(path[12, :, 0], (points[:, 2] + points[:, 3]) / 2)


def test_lifted_states_begin_on_the_subgoals(monkeypatch):
    model = RandomModel(4, 2, 0)
    planner = GraspLbp(model, CurvedMetric(), GraspLbpConfig(**SIZES), subgoals=random_subgoals(model))
    seen, problem = recorded(planner, monkeypatch), random_problem(1, 4)
    planner.plan(problem)
    start, goal = (torch.from_numpy(x).double()[None] for x in (problem.start, problem.goal))
    points = planner.subgoals.plan_towards(start, goal, torch.zeros(1, 2, dtype=torch.float64))[0]
    for restart in range(3):
        torch.testing.assert_close(seen[0][0][[1, 2, 4, 8], 0, restart], points)


def test_a_smaller_depth_leaves_the_nearest_subgoals_out(monkeypatch):
    model, problem = RandomModel(4, 2, 0), random_problem(1, 4)
    paths = []
    for depth in (3, 1):
        config = GraspLbpConfig(**SIZES, subgoal_depth=depth)
        planner = GraspLbp(model, CurvedMetric(), config, subgoals=random_subgoals(model))
        seen = recorded(planner, monkeypatch)
        planner.plan(problem)
        paths.append(seen[0][0][:, 0, 0])
    torch.testing.assert_close(paths[0][4], paths[1][4])
    torch.testing.assert_close(paths[1][2], (paths[1][0] + paths[1][4]) / 2)
    assert not torch.allclose(paths[0][2], paths[1][2])


@pytest.mark.parametrize("states", ["line", "rollout"])
def test_all_the_rest_is_grasp(states):
    model, problem = RandomModel(4, 2, 0), random_problem(2, 4)
    ours = GraspLbp(
        model, CurvedMetric(), GraspLbpConfig(**SIZES, initial_states=states), subgoals=random_subgoals(model)
    )
    theirs = Grasp(model, CurvedMetric(), GraspConfig(**SIZES, initial_states=states))
    np.testing.assert_array_equal(ours.plan(problem).actions, theirs.plan(problem).actions)
    assert ours.name == "grasp+lbp" and planner_configs()["grasp+lbp"] is GraspLbpConfig


def test_a_model_of_subgoals_is_what_was_saved_and_bound_to_its_encoder(tmp_path):
    model = RandomModel(4, 2, 0, torch.float32)
    planner = random_subgoals(model)
    save_subgoals(planner, "aaaa", tmp_path / "ours", "# card")
    loaded, rows = load_subgoals(tmp_path / "ours", "aaaa"), torch.randn(2, 5, 4)
    expected = planner.plan_towards(*rows, torch.zeros(5, 2))
    torch.testing.assert_close(loaded.plan_towards(*rows, torch.zeros(5, 2)), expected)
    config = GraspLbpConfig(**SIZES, subgoals=str(tmp_path / "ours"))
    with pytest.raises(ModelError, match="of encoder aaaa, the world model's are of an unnamed one"):
        GraspLbp(model, CurvedMetric(), config)
    model.encoder = "bbbb"
    with pytest.raises(ModelError, match="of encoder aaaa, the world model's are of bbbb.*train lbp-planar"):
        GraspLbp(model, CurvedMetric(), config)
    model.encoder = "aaaa"
    assert GraspLbp(model, CurvedMetric(), config).plan(random_problem(0, 4)).cost >= 0


def test_wrong_models_of_subgoals_are_refused_with_the_reason(tmp_path):
    model = RandomModel(4, 2, 0, torch.float32)
    with pytest.raises(ModelError, match="absent-subgoals"):
        GraspLbp(model, CurvedMetric(), GraspLbpConfig(subgoals="absent-subgoals"))
    save_checkpoint(tmp_path / "other", {}, {"kind": "world"}, "# card")
    with pytest.raises(ModelError, match="plans no subgoals"):
        load_subgoals(tmp_path / "other", "aaaa")
    with pytest.raises(ModelError, match="3 numbers, latents of the world model 4"):
        GraspLbp(model, CurvedMetric(), subgoals=random_subgoals(RandomModel(3, 2, 0)))
    with pytest.raises(InvalidInputError, match="depth 9 was not trained; allowed: 0 to 3"):
        GraspLbp(model, CurvedMetric(), GraspLbpConfig(subgoal_depth=9), subgoals=random_subgoals(model))


def test_the_backward_step_learns_a_bent_way():
    """Ways that go along one axis first, then along the other: no straight line knows the corner."""
    generator = torch.Generator().manual_seed(0)
    planner = random_subgoals(RandomModel(2, 2, 0, torch.float32)).requires_grad_(True)

    def ways(count):
        start, goal = torch.rand(2, count, 2, generator=generator)
        corner = torch.stack([goal[:, 0], start[:, 1]], 1)
        near, nearer = (start + corner) / 2, start + (corner - start) / 4
        return start, torch.stack([nearer, near, corner, goal], 1)

    planner.fit_statistics(ways(500)[0])
    optimizer = torch.optim.Adam(planner.parameters(), 1e-2)
    for _ in range(400):
        start, targets = ways(128)
        loss = planner.loss_towards(start, targets, torch.zeros(128, 2), generator)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    start, targets = ways(200)
    planned = planner.plan_towards(start, targets[:, -1], torch.zeros(200, 2))
    assert (planned - targets).abs().mean() < 0.05
    assert all(p.grad is None for p in planner.first.parameters())
