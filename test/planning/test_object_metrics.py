# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Goal metrics over the object read-out, and the learned steps to go."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.perception.slots import SlotReadout
from robot_planner.planning.goal_metric import GoalMetric, LatentDistance
from robot_planner.planning.object_metrics import CostToGo, CostToGoNetwork, ObjectDistance
from robot_planner.planning.pictured_goal import PicturedGoal
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


SEEN, HIDDEN = 5.0, -5.0


def scene(*blocks: tuple[float, float, float], hand: tuple[float, float] = (0.0, 0.0)) -> torch.Tensor:
    """(32,) hand and blocks at (x, y) of a latent's units; a block's third number says how well the camera sees it."""
    slots = torch.full((4, 8), 0.5)
    slots[0, :2] = torch.tensor(hand)
    slots[1:, :3] = torch.tensor(blocks)
    return slots.flatten()


def visibility(z: torch.Tensor) -> torch.Tensor:
    """Reads what `scene` says."""
    return z.unflatten(-1, (4, 8))[..., 1:, 2]


def hiding() -> ObjectDistance:
    return ObjectDistance(READOUT, visibility)  # type: ignore[arg-type]


def test_a_hidden_block_may_lie_anywhere_until_it_was_seen_and_is_to_stay_there_then() -> None:
    metric = hiding()
    goal = PicturedGoal(metric, scene((1, 0, SEEN), (0, 9, HIDDEN), (-1, 0, SEEN)).numpy())
    goal.see(scene((1, 0, SEEN), (0, 8, HIDDEN), (-1, 0, SEEN)).numpy())
    astray = scene((1, 0, SEEN), (0, 2, SEEN), (-1, 0, SEEN)).numpy()
    assert goal.distance(astray) == 0.0, "neither picture has shown it"
    goal.see(scene((1, 0, SEEN), (0, 1, SEEN), (-1, 0, SEEN)).numpy())
    assert goal.distance(astray) == pytest.approx(0.15)
    goal.see(astray)
    assert goal.distance(astray) == pytest.approx(0.15), "the first place counts"
    assert goal.distance(scene((1, 1, SEEN), (0, 1, SEEN), (-1, 0, SEEN)).numpy()) == pytest.approx(0.15)


def test_a_goal_that_hides_nothing_stays_the_encoders() -> None:
    latent = scene((1, 0, SEEN), (0, 1, SEEN), (-1, 0, SEEN)).numpy()
    goal = PicturedGoal(hiding(), latent)
    goal.see(scene((2, 0, SEEN), (0, 2, SEEN), (-2, 0, HIDDEN)).numpy())
    assert goal.latent is latent
    assert PicturedGoal(LatentDistance(), latent).see(latent) is latent


def test_what_the_arm_hides_on_the_way_is_where_it_was_seen_last() -> None:
    goal = PicturedGoal(hiding(), scene((1, 0, SEEN), (0, 1, SEEN), (-1, 0, SEEN)).numpy())
    first = scene((3, 3, HIDDEN), (0, 1, SEEN), (-1, 0, SEEN)).numpy()
    assert (goal.see(first) == first).all(), "there is nothing better yet"
    goal.see(scene((1, 0, SEEN), (0, 1, SEEN), (-1, 0, SEEN)).numpy())
    now = scene((2, 2, HIDDEN), (0, 1.2, SEEN), (-1, 0, SEEN), hand=(0.5, 0.5)).numpy()
    expected = scene((1, 0, SEEN), (0, 1.2, SEEN), (-1, 0, SEEN), hand=(0.5, 0.5)).numpy()
    assert (goal.see(now) == expected).all()
    assert (goal.see(now) == expected).all(), "twice hidden is not twice as far"
    shown = scene((2, 2, SEEN), (0, 1.2, SEEN), (-1, 0, SEEN)).numpy()
    assert (goal.see(shown) == shown).all()


@given(st.lists(st.booleans(), min_size=4, max_size=4), st.integers(0, 2**31))
def test_marks_say_which_places_count_and_nothing_else_changes(counting: list[bool], seed: int) -> None:
    z = latents(3, seed=seed)
    z[0, 7::8] = 0.0
    which = torch.tensor(counting).expand(3, 4)
    marked = READOUT.marked(z, which)
    says, marks = READOUT.marks(marked)
    assert says.all() and marks[:, 0].all()
    assert torch.equal(marks[:, 1:], which[:, 1:])
    torch.testing.assert_close(READOUT(marked), READOUT(z))
    assert torch.equal(marked.unflatten(-1, (4, 8))[..., :-1], z.unflatten(-1, (4, 8))[..., :-1])
    assert not READOUT.marks(latents(3, seed=seed))[0].any()


def test_completed_goals_cost_in_a_batch_what_they_cost_alone() -> None:
    metric = hiding()
    shown = scene((1, 0, SEEN), (0, 1, SEEN), (-1, 0, SEEN))
    half = scene((1, 0, SEEN), (0, 1, HIDDEN), (-1, 0, SEEN))
    goals = torch.stack([shown, half, metric.complete(half, shown)])
    now = scene((1, 1, SEEN), (2, 2, SEEN), (-1, 0, SEEN))
    together = metric.cost(now.expand(3, -1), goals)
    torch.testing.assert_close(together, torch.stack([metric.cost(now, goal) for goal in goals]))
    assert together[2] == together[0] > together[1]
