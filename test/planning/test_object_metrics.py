# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Goal metrics over the object read-out, and the learned steps to go."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.perception.slots import SlotReadout
from robot_planner.planning.goal_metric import GoalMetric, LatentDistance
from robot_planner.planning.object_metrics import CostToGo, CostToGoNetwork, ObjectDistance
from robot_planner.world import ENTITIES

READOUT = SlotReadout(ENTITIES, 8)


def metrics() -> list[GoalMetric]:
    torch.manual_seed(0)
    network = CostToGoNetwork().double()
    return [LatentDistance(), ObjectDistance(READOUT), CostToGo(READOUT, network)]


def latents(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, 32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_readout_gives_metres_about_the_centre() -> None:
    z = torch.zeros(32)
    z[8], z[9] = 1.0, -2.0
    torch.testing.assert_close(READOUT(z)[0], torch.tensor([0.40, 0.0]))
    torch.testing.assert_close(READOUT(z)[1], torch.tensor([0.55, -0.30]))


def test_every_metric_has_the_gradient_of_its_cost() -> None:
    z, goal = latents(4, seed=1), latents(1, seed=2)
    for metric in metrics():
        assert isinstance(metric, GoalMetric)
        leaf = z.clone().requires_grad_(True)
        assert torch.autograd.gradcheck(lambda x, m=metric: m.cost(x, goal), (leaf,))
        cost, gradient = metric.cost_and_gradient(z, goal)
        (expected,) = torch.autograd.grad(metric.cost(leaf, goal).sum(), leaf)
        torch.testing.assert_close(cost, metric.cost(z, goal))
        torch.testing.assert_close(gradient, expected)


def test_goals_broadcast_over_steps_and_restarts() -> None:
    z, goals = latents(5, 2, 3), latents(2, 1, seed=3)
    for metric in metrics():
        cost = metric.cost(z, goals)
        assert cost.shape == (5, 2, 3)
        torch.testing.assert_close(cost[4, 1, 2], metric.cost(z[4, 1, 2], goals[1, 0]))


def test_distance_is_the_farthest_things_in_metres() -> None:
    now = torch.zeros(32)
    goal = now.clone()
    goal[8] = 0.1 / 0.15
    goal[0] = 0.02 / 0.15
    for metric in metrics()[1:]:
        torch.testing.assert_close(metric.distance(now, goal), torch.tensor(0.1))
        assert metric.distance(now, now) == 0


@settings(max_examples=25, deadline=None)
@given(st.permutations([0, 1, 2]), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_steps_to_go_ignore_order_and_place(order: list[int], dx: float, dy: float) -> None:
    torch.manual_seed(1)
    network = CostToGoNetwork().double()
    now, goal = 0.1 * torch.randn(4, 2).double(), 0.1 * torch.randn(4, 2).double()
    rows, shift = [0] + [1 + i for i in order], torch.tensor([dx, dy], dtype=torch.float64)
    torch.testing.assert_close(network(now, goal), network(now[rows] + shift, goal[rows] + shift))
