# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What sets the sampling planners apart: MPPI's weights, iCEM's elites and samples, the colour of the noise."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import CurvedMetric, RandomModel, random_problem

from robot_planner.errors import InvalidInputError
from robot_planner.planning import CemConfig, Icem, IcemConfig, Mppi, MppiConfig
from robot_planner.planning.icem import ElitesKept
from robot_planner.planning.mppi import path_weights
from robot_planner.planning.noise import NoiseSource, power_law
from robot_planner.planning.objective import Evaluation

ICEM = IcemConfig(horizon=5, iterations=4, samples=40, elites=4, kept=0.5)


class Heard:
    """A model that remembers how many rows each call had."""

    def __init__(self, model):
        self._model, self.rows = model, []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def step(self, latents, actions):
        self.rows.append(len(latents))
        return self._model.step(latents, actions)


@settings(deadline=None)
@given(
    costs=st.lists(st.floats(-1e3, 1e3) | st.just(float("inf")), min_size=2, max_size=9),
    temperature=st.floats(1e-3, 1e3),
)
def test_mppi_weights_sum_to_one_and_favour_the_cheaper(costs, temperature):
    cost = torch.tensor([costs], dtype=torch.float64)
    weights = path_weights(cost, torch.tensor([[temperature]], dtype=torch.float64))[0]
    finite = torch.isfinite(cost[0])
    assert float(weights.sum()) == pytest.approx(1.0 if finite.any() else 0.0)
    assert (weights[~finite] == 0).all()
    order = torch.argsort(cost[0])
    assert (weights[order].diff() <= 0).all()


def test_mppi_weights_are_boltzmanns_and_even_out_as_it_gets_hotter():
    cost = torch.tensor([[1.0, 2.0, 4.0]], dtype=torch.float64)
    expected = torch.exp(-cost / 0.7)
    torch.testing.assert_close(path_weights(cost, torch.tensor([[0.7]]).double()), expected / expected.sum())
    cold, warm, hot = (path_weights(cost, torch.tensor([[t]]).double())[0] for t in (1e-3, 1.0, 1e6))
    assert cold[0] > 0.999 and cold[0] > warm[0] > hot[0]
    torch.testing.assert_close(hot, torch.full((3,), 1 / 3).double(), atol=1e-4, rtol=0)


def test_mppi_moves_its_mean_to_the_weighed_samples_and_hands_it_out():
    planner = Mppi(RandomModel(4, 2, 0), CurvedMetric(), MppiConfig(horizon=5, iterations=1, samples=16))
    run = planner._begin([random_problem(1, 4), random_problem(2, 4)], None)
    gaussians = planner._gaussians(run, *planner._first(run))
    actions = gaussians.sample()
    cost = planner.objective.evaluate(run.task, actions).cost
    temperature = 0.01 * run.task.reference * planner.objective.total_weight
    gaussians.fit(actions, Evaluation(cost, torch.empty(0)))
    expected = (torch.softmax(-cost / temperature, 1)[None, :, :, None] * actions).sum(2)
    torch.testing.assert_close(gaussians.mean, expected)
    before = gaussians.mean.clone()
    gaussians.fit(actions, Evaluation(torch.full_like(cost, torch.inf), torch.empty(0)))
    torch.testing.assert_close(gaussians.mean, before)
    plan = planner.plan(random_problem(1, 4))
    assert len(plan.cost_history) == 2  # the samples, then the mean that they gave


def started(config=ICEM):
    planner = Icem(RandomModel(4, 2, 0), CurvedMetric(), config)
    run = planner._begin([random_problem(1, 4)], None)
    return planner, run, planner._gaussians(run, *planner._first(run))


def test_icem_draws_its_elites_again_and_fewer_samples_each_time():
    planner, run, sampler = started()
    first = sampler.sample()
    assert first.shape[2] == 40
    cost = planner.objective.evaluate(run.task, first).cost
    sampler.fit(first, Evaluation(cost, torch.empty(0)))
    second = sampler.sample()
    assert second.shape[2] == 32 + 2  # 40 / 1.25 and half of four elites
    best = first[:, 0, cost[0].argsort()[:2]]
    torch.testing.assert_close(second[:, 0, -2:], best)
    assert [ICEM.drawn(i) for i in (0, 1, 2, 30, 10**6)] == [40, 32, 25, 8, 8]


def test_icem_rolls_out_what_it_says():
    heard = Heard(RandomModel(4, 2, 0))
    Icem(heard, CurvedMetric(), ICEM).plan(random_problem(1, 4))
    assert heard.rows[::5] == [40, 34, 27, 22]


def test_icem_begins_the_next_plan_with_shifted_elites_until_it_is_reset():
    heard = Heard(RandomModel(4, 2, 0))
    planner = Icem(heard, CurvedMetric(), ICEM)
    planner.plan(random_problem(1, 4))
    elites = planner._elites
    heard.rows.clear()
    moved = random_problem(1, 4, stamp=int(0.5e9))  # one step of this model
    run = planner._begin([moved], None)
    run.warm = planner._shifted(moved)
    sampler = planner._gaussians(run, *planner._first(run))
    assert isinstance(sampler, ElitesKept)
    torch.testing.assert_close(sampler.sample()[:-1, :, -2:].float(), elites[1:, :, :2].float())
    planner.plan(moved)
    assert heard.rows[0] == 42
    planner.reset()
    heard.rows.clear()
    planner.plan(moved)
    assert heard.rows[0] == 40


@pytest.mark.parametrize("config", [CemConfig, IcemConfig])
def test_more_elites_than_samples_are_refused(config):
    with pytest.raises(InvalidInputError, match="at most samples"):
        config(samples=10, elites=11)


@pytest.mark.parametrize(("horizon", "exponent"), [(1, 2.0), (6, 0.0), (7, 1.0), (12, 2.0), (13, 4.0)])
def test_power_law_noise_has_unit_variance_and_the_spectrum(horizon, exponent):
    factor = power_law(horizon, exponent)
    assert factor.shape == (horizon, horizon)
    covariance = factor @ factor.mT
    torch.testing.assert_close(covariance.diagonal(), torch.ones(horizon).double())
    waves = np.fft.rfft(np.eye(horizon), axis=0)
    power = np.einsum("fs,st,ft->f", waves, covariance.numpy(), waves.conj()).real[1:]
    frequency = np.arange(1, len(power) + 1)
    np.testing.assert_allclose(power / power[:1], frequency**-exponent, rtol=1e-9)


def test_coloured_noise_is_smoother():
    def roughness(exponent):
        source = NoiseSource([torch.Generator().manual_seed(0)], (20, 50, 1), torch.device("cpu"), torch.float64)
        noise = torch.einsum("ts,spna->tpna", power_law(20, exponent), source.draw())
        return float(noise.diff(dim=0).square().mean())

    assert roughness(0.0) > 2 * roughness(1.0) > 4 * roughness(3.0)
