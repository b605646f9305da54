# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planners of other packages keep what ours promise; without the packages, the error says what to install."""

import importlib.util
import sys

import numpy as np
import pytest
import torch
from test_planners import same, true_cost
from toys import Clock, CurvedMetric, RandomModel, SlowModel, point_mass, random_problem

from robot_planner.errors import EnvironmentSetupError, ModelError
from robot_planner.evaluation.outside_mppi import PytorchMppi, PytorchMppiConfig
from robot_planner.evaluation.outside_swm import StableWorldmodel, SwmConfig
from robot_planner.planning import LatentDistance, Planner
from robot_planner.types import Problem, StopReason

SOLVERS = ("cem", "icem", "mppi", "gradient", "predictive-sampling")
PACKAGES = {"pytorch-mppi": "pytorch_mppi"} | {solver: "stable_worldmodel" for solver in SOLVERS}


@pytest.fixture(params=PACKAGES)
def make(request):
    if importlib.util.find_spec(PACKAGES[request.param]) is None:
        pytest.skip(f"{PACKAGES[request.param]} is not installed: see the extra 'peers'")

    def made(model=None, metric=None, clock=None, **changes):
        shared = {"horizon": 5, "iterations": 10, "samples": 24, **changes}
        rest = {} if clock is None else {"clock": clock}
        model, metric = model or RandomModel(4, 2, 0, torch.float32), metric or CurvedMetric()
        if request.param == "pytorch-mppi":
            return PytorchMppi(model, metric, PytorchMppiConfig(**shared), **rest)
        return StableWorldmodel(model, metric, SwmConfig(solver=request.param, elites=4, **shared), **rest)

    return made


def test_the_plan_is_the_best_rollout_seen(make):
    planner, problem = make(uncertainty_weight=0.3), random_problem(1, 4, stamp=77)
    plan = planner.plan(problem)
    assert isinstance(planner, Planner) and plan.stamp == 77 and plan.iterations >= 10
    assert plan.cost == pytest.approx(true_cost(planner, problem, plan.actions), rel=1e-4)
    assert plan.cost == min(plan.cost_history) < 0.98 * plan.cost_history[0]
    assert (plan.actions >= planner.objective.low.numpy()).all() and (
        plan.actions <= planner.objective.high.numpy()
    ).all()


def test_same_seed_same_plan_alone_and_in_a_batch(make):
    problems = [random_problem(2, 4), random_problem(3, 4)]
    first, second = make().plan_batch(problems)
    same(second, make().plan(problems[1]), 1e-6)
    assert first.cost_history != make(seed=1).plan(problems[0]).cost_history


def test_bounds_that_are_not_even_are_met_and_the_goal_is_reached(make):
    model = point_mass(torch.float32, (-0.05, -0.1), (0.15, 0.1))
    planner = make(model, LatentDistance(), iterations=60, samples=100, horizon=6)
    goal = np.array([0.3, -0.3], np.float32)
    plan = planner.plan(Problem(np.zeros(2, np.float32), goal))
    assert (plan.actions >= np.float32([-0.05, -0.1])).all() and (plan.actions <= np.float32([0.15, 0.1])).all()
    assert np.linalg.norm(plan.states[-1] - goal) < 0.1


@pytest.mark.parametrize("allowance", [0.0, 17.0, 100.0])
def test_the_deadline_is_kept_within_one_iteration(make, allowance):
    clock = Clock()
    planner = make(SlowModel(RandomModel(4, 2, 0, torch.float32), clock, 1.0), clock=clock, iterations=10_000)
    for _ in range(3):
        planner.reset()
        begun = clock.now
        plan = planner.plan(random_problem(5, 4), begun + allowance)
        assert clock.now - begun <= max(allowance, 10.0) + 6.0 and plan.stop_reason == StopReason.DEADLINE


def test_never_worse_than_the_warm_start(make):
    planner = make(spread=2.0, iterations=1)
    planner.plan(random_problem(6, 4))
    problem = random_problem(7, 4, stamp=int(0.5e9))
    warm = planner._shifted(problem)[0].numpy()
    assert planner.plan(problem).cost <= true_cost(planner, problem, warm) * (1 + 1e-5)


def test_a_model_that_fails_is_noticed(make):
    with pytest.raises(ModelError, match="NaN or infinity"):
        make(SlowModel(RandomModel(4, 2, 0, torch.float32), fails_at=1)).plan(random_problem(7, 4))
    plan = make(SlowModel(RandomModel(4, 2, 0, torch.float32), fails_at=14)).plan(random_problem(7, 4))
    assert plan.stop_reason == StopReason.NOT_FINITE or np.isfinite(plan.cost)
    assert np.isfinite(plan.actions).all()


def test_what_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None)
    monkeypatch.delitem(sys.modules, "stable_worldmodel", raising=False)
    with pytest.raises(EnvironmentSetupError, match="stable-worldmodel==0.1.1"):
        StableWorldmodel(point_mass(), LatentDistance())
    with pytest.raises(EnvironmentSetupError, match="peers"):
        PytorchMppi(point_mass(), LatentDistance())
