# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Noise belongs to its problem and has the colour asked for; Adam is torch's."""

import pytest
import torch
from toys import random_problem

from robot_planner.planning.adam import Adam
from robot_planner.planning.noise import BLOCK, NoiseSource, autoregressive, generator, joined, split
from robot_planner.types import Problem

CPU = torch.device("cpu")


def source(problems, shape=(3, 20), seed=0):
    return NoiseSource([generator(p, seed, "test", CPU) for p in problems], shape, CPU, torch.float32)


def test_each_problem_draws_the_same_numbers_alone_and_in_a_batch():
    problems = [random_problem(i, 4) for i in range(3)]
    together, alone = source(problems), source(problems[1:2])
    for draw in range(2 * BLOCK // 60 + 3):  # over two blocks
        if draw == 5:
            together.keep([1, 2])
        column = 0 if draw >= 5 else 1
        assert torch.equal(together.draw()[:, column], alone.draw()[:, 0])


def test_numbers_differ_by_problem_seed_purpose_and_step():
    one, other = random_problem(0, 4), random_problem(1, 4)
    first = source([one])
    draws = [first.draw().clone(), first.draw(), source([other]).draw(), source([one], seed=1).draw()]
    for i, a in enumerate(draws):
        assert abs(float(a.mean())) < 0.5 and 0.5 < float(a.std()) < 1.5
        assert not any(torch.equal(a, b) for b in draws[i + 1 :])
    elsewhere = Problem(one.start, other.goal)
    assert generator(one, 0, "a", CPU).initial_seed() != generator(elsewhere, 0, "a", CPU).initial_seed()
    assert generator(one, 0, "a", CPU).initial_seed() != generator(one, 0, "b", CPU).initial_seed()


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_autoregressive_noise_has_unit_variance_and_the_correlation(correlation):
    factor = autoregressive(6, correlation)
    lag = (torch.arange(6).view(-1, 1) - torch.arange(6)).abs()
    torch.testing.assert_close(factor @ factor.mT, correlation ** lag.double())


def test_actions_that_hold_several_are_split_in_their_order_and_joined_again():
    actions = torch.arange(2 * 3 * 6).view(2, 3, 6)  # three parts of two numbers
    apart = split(actions, 3)
    assert apart.shape == (6, 3, 2)
    assert apart[:, 0].tolist() == [[0, 1], [2, 3], [4, 5], [18, 19], [20, 21], [22, 23]]
    assert torch.equal(joined(apart, 3), actions)
    assert split(actions, 1) is actions and joined(actions, 1) is actions


def test_adam_steps_as_torchs():
    ours = torch.linspace(-1, 1, 12, dtype=torch.float64).view(2, 3, 2)
    theirs = ours.clone().requires_grad_(True)
    adam, reference = Adam(ours, 0.9, 0.99), torch.optim.Adam([theirs], lr=0.1, betas=(0.9, 0.99))
    for step in range(5):
        gradient = torch.sin(ours + step)
        theirs.grad = gradient.clone()
        adam.step(ours, gradient, torch.tensor(0.2), 0.5)
        reference.step()
        torch.testing.assert_close(ours, theirs.detach())
    kept = adam.keep([2, 0])
    gradient = torch.cos(ours)
    few = ours[:, [2, 0]].clone()
    kept.step(few, gradient[:, [2, 0]], torch.tensor(0.1))
    adam.step(ours, gradient, torch.tensor(0.1))
    torch.testing.assert_close(few, ours[:, [2, 0]])


def test_adam_forgets():
    gradient, rate = torch.ones(2, 1, 1), torch.tensor(0.1)
    adam, first, again = Adam(gradient), torch.zeros(2, 1, 1), torch.zeros(2, 1, 1)
    adam.step(first, gradient, rate)
    adam.step(torch.zeros(2, 1, 1), -5 * gradient, rate)
    adam.reset()
    adam.step(again, gradient, rate)
    torch.testing.assert_close(again, first)
