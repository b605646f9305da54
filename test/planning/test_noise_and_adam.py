# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Noise belongs to its problem and has the colour asked for; Adam is torch's."""

import pytest
import torch
from toys import random_problem

from robot_planner.planning.adam import PERIOD, Adam
from robot_planner.planning.noise import (
    BLOCK,
    PLACES,
    NoiseSource,
    NoiseTable,
    autoregressive,
    generator,
    joined,
    split,
)
from robot_planner.types import Problem

CPU = torch.device("cpu")


KINDS = pytest.mark.parametrize("kind", [NoiseSource, NoiseTable])


def source(problems, shape=(3, 20), seed=0, kind=NoiseSource):
    return kind([generator(p, seed, "test", CPU) for p in problems], shape, CPU, torch.float32)


@KINDS
@pytest.mark.parametrize("shape", [(3, 20), (3, 5000)])
def test_each_problem_draws_the_same_numbers_alone_and_in_a_batch(kind, shape):
    problems = [random_problem(i, 4) for i in range(3)]
    together, alone = source(problems, shape, kind=kind), source(problems[1:2], shape, kind=kind)
    # over two blocks; over all places that are drawn at once
    for draw in range(2 * BLOCK // 60 + 3 if shape[1] == 20 else 2 * PLACES + 9):
        if draw == 5:
            together.keep([1, 2])
        column = 0 if draw >= 5 else 1
        assert torch.equal(together.draw()[:, column], alone.draw()[:, 0])


@KINDS
def test_numbers_differ_by_problem_seed_purpose_and_step(kind):
    one, other = random_problem(0, 4), random_problem(1, 4)
    first = source([one], kind=kind)
    others = (source([other], kind=kind), source([one], seed=1, kind=kind))
    draws = [first.draw().clone(), first.draw(), *(source.draw() for source in others)]
    for i, a in enumerate(draws):
        assert abs(float(a.mean())) < 0.5 and 0.5 < float(a.std()) < 1.5
        assert not any(torch.equal(a, b) for b in draws[i + 1 :])
    elsewhere = Problem(one.start, other.goal)
    assert generator(one, 0, "a", CPU).initial_seed() != generator(elsewhere, 0, "a", CPU).initial_seed()
    assert generator(one, 0, "a", CPU).initial_seed() != generator(one, 0, "b", CPU).initial_seed()


def test_numbers_of_a_table_are_normal_and_stay_what_they_were():
    table = source([random_problem(i, 4) for i in range(2)], (4, 3, 2000), kind=NoiseTable)
    draws = [table.draw() for _ in range(12)]
    kept = [draw.clone() for draw in draws]
    table.draw()
    assert draws[0].shape == (4, 2, 3, 2000)
    assert all(torch.equal(*pair) for pair in zip(draws, kept, strict=True))
    numbers = torch.stack(draws).flatten()
    assert abs(float(numbers.mean())) < 0.01 and abs(float(numbers.std()) - 1.0) < 0.01
    assert float((numbers.abs() < 1.0).float().mean()) == pytest.approx(0.6827, abs=0.01)
    # blocks of a step each differ, and so does what two problems read in one
    assert not any(torch.equal(a, b) for i, a in enumerate(draws) for b in draws[i + 1 :])
    assert float(torch.corrcoef(draws[0].movedim(1, 0).flatten(1))[0, 1].abs()) < 0.05


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
    for step in range(2 * PERIOD + 5):
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


def test_adam_forgets_where_it_is_told_and_goes_on_elsewhere():
    rate, gradient = torch.tensor(0.1), torch.full((3, 2, 1), 100.0)
    adam, steps = Adam(gradient), torch.zeros(3, 2, 1)
    other, expected = Adam(gradient), torch.zeros(3, 2, 1)
    adam.step(torch.zeros(3, 2, 1), gradient, rate)
    adam.forget(torch.tensor([True, False]).view(1, 2, 1))
    other.step(torch.zeros(3, 2, 1), gradient * torch.tensor([0.0, 1.0]).view(1, 2, 1), rate)
    for one, moved in ((adam, steps), (other, expected)):
        one.step(moved, torch.ones(3, 2, 1), rate)
    torch.testing.assert_close(steps, expected)
    assert (steps[:, 0] != steps[:, 1]).all()


def test_where_nothing_pulls_adam_stays_for_ever():
    adam, still = Adam(torch.zeros(2, 1, 1)), torch.zeros(2, 1, 1)
    torch.set_flush_denormal(True)  # as some programs do; what decays is zero in the end
    try:
        for _ in range(200 * PERIOD):
            adam.step(still, torch.zeros(2, 1, 1), torch.tensor(0.1))
    finally:
        torch.set_flush_denormal(False)
    assert (still == 0.0).all()
