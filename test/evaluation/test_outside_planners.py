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

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, ModelError
from robot_planner.evaluation.outside_mppi import PytorchMppi, PytorchMppiConfig
from robot_planner.evaluation.outside_swm import StableWorldmodel, SwmConfig
from robot_planner.evaluation.outside_torchrl import TorchrlCem, TorchrlConfig, TorchrlMppi, TorchrlMppiConfig
from robot_planner.planning import LatentDistance, Planner
from robot_planner.planning.noise import generator
from robot_planner.types import Problem, StopReason

SOLVERS = ("cem", "icem", "mppi", "gradient", "predictive-sampling")
TORCHRL = {"torchrl-cem": (TorchrlCem, TorchrlConfig), "torchrl-mppi": (TorchrlMppi, TorchrlMppiConfig)}
PACKAGES = {"pytorch-mppi": "pytorch_mppi"} | {solver: "stable_worldmodel" for solver in SOLVERS}
PACKAGES |= {name: "torchrl" for name in TORCHRL}


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
        if request.param in TORCHRL:
            planner, config = TORCHRL[request.param]
            return planner(model, metric, config(elites=4, **shared), **rest)
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
    for planner in (PytorchMppi, TorchrlCem, TorchrlMppi):
        with pytest.raises(EnvironmentSetupError, match="peers"):
            planner(point_mass(), LatentDistance())


@pytest.mark.parametrize("config", [SwmConfig, TorchrlConfig, TorchrlMppiConfig])
def test_more_elites_than_samples_are_refused(config):
    with pytest.raises(InvalidInputError, match="elites = 30: must be at most samples"):
        config(samples=20)


@pytest.mark.parametrize(
    "changes",
    [{"elites": 1}, {"spread": 0.0}, {"optim_steps": 0}, {"temperature": 0.0}],
    ids=lambda one: next(iter(one)),
)
def test_torchrl_is_spared_what_makes_it_divide_by_zero(changes):
    with pytest.raises(InvalidInputError, match="at least"):
        TorchrlMppiConfig(**changes)


@pytest.mark.parametrize("name", TORCHRL)
def test_a_sequence_as_one_action_is_torchrls_search_step_by_step(name):
    """The same best cost in each iteration as in an environment that is stepped, which is how torchrl means it."""
    pytest.importorskip("torchrl", reason="torchrl is not installed: see the extra 'peers'")
    from tensordict import TensorDict
    from torchrl.data import Composite, Unbounded
    from torchrl.envs.model_based import ModelBasedEnvBase

    horizon, iterations, samples = 5, 4, 24
    maker, config = TORCHRL[name]
    shared = {"horizon": horizon, "iterations": iterations, "optim_steps": iterations, "samples": samples}
    planner = maker(
        point_mass(torch.float32), CurvedMetric(), config(**shared, elites=6, spread=1.0, smoothness_weight=0.0)
    )
    objective, problem = planner.objective, random_problem(8, 2)
    start, goal = torch.from_numpy(problem.start), torch.from_numpy(problem.goal)
    staying = objective.metric.cost(start, goal) * objective.total_weight
    weights, costs = iter(objective.task(start[None], goal[None]).weights[0].repeat(iterations)), []

    class Stepped(ModelBasedEnvBase):
        def _step(self, tensordict):
            actions = tensordict["action"].clamp(-1.0, 1.0) * objective.half_range
            latents = objective.model.step(tensordict["latent"], actions)
            costs.append(next(weights) * objective.metric.cost(latents, goal))
            return TensorDict({"latent": latents, "reward": -costs[-1].unsqueeze(-1) / staying}, tensordict.shape)

        def _reset(self, tensordict, **_):
            raise NotImplementedError

    class Return(torch.nn.Module):
        def forward(self, tensordict):
            rewards = tensordict["next", "reward"]
            return tensordict.set("advantage", rewards.sum(-2, keepdim=True).expand_as(rewards))

    env = Stepped(torch.nn.Identity())
    env.observation_spec, env.reward_spec = Composite(latent=Unbounded((2,))), Unbounded((1,))
    env.action_spec = Unbounded((2,))
    search = planner.search(env, planning_horizon=horizon, optim_steps=iterations, num_candidates=samples, top_k=6)
    if name == "torchrl-mppi":
        search.advantage_module = Return()
    torch.manual_seed(generator(problem, 0, "samples", torch.device("cpu")).initial_seed())
    search(TensorDict({"latent": start}, []))
    best = torch.stack(costs).view(iterations, horizon, samples).sum(1).amin(1)
    history = planner.plan(problem).cost_history[: iterations + 1]
    np.testing.assert_allclose(history[1:], np.minimum.accumulate([history[0], *best])[1:], rtol=1e-4)
    assert len(set(history)) > iterations // 2
