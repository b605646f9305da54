# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Recorded work: what a GPU would replay as a graph is traced on the CPU, and plans by it are as without.

A trace of PyTorch's operations has what a CUDA graph has: no Python, no choice by values, nothing read back (tracing
fails there); it is replayed for other values of the same shapes. That nothing is copied from one device to another,
which a graph can't have either, is seen on the device "meta".
"""

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from toys import RandomModel, random_problem

from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.dynamics.push import PushDynamics
from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.errors import EnvironmentSetupError
from robot_planner.perception.slots import SlotReadout, Visibility
from robot_planner.planning import objective, recorded
from robot_planner.planning.cem import Cem, CemConfig
from robot_planner.planning.goal_metric import LatentDistance, PositionDistance
from robot_planner.planning.grasp import Grasp, GraspConfig, LiftedPhase
from robot_planner.planning.icem import Icem, IcemConfig
from robot_planner.planning.latco import Latco, LatcoConfig
from robot_planner.planning.lifted import Lifted
from robot_planner.planning.object_metrics import CostToGo, CostToGoNetwork
from robot_planner.planning.objective import Objective
from robot_planner.planning.recorded import KEPT, Recorded
from robot_planner.types import Problem

CPU = torch.device("cpu")
OWN = {
    "grasp": (Grasp, GraspConfig),
    "cem": (Cem, CemConfig),
    "icem": (Icem, IcemConfig),
    "latco": (Latco, LatcoConfig),
}


class Tracer:
    """A Recorder for the CPU, by PyTorch's tracer; counts."""

    def __init__(self):
        self.traces, self.replays = 0, 0

    def __call__(self, work, inputs):
        self.traces += 1

        def traceable(*given):  # no bound method
            return work(*given)

        traced = make_fx(traceable)(*(tensor.detach().clone() for tensor in inputs))

        def replay(*given):
            self.replays += 1
            return tuple(result.clone() for result in traced(*given))

        return replay


@pytest.fixture
def tracer(monkeypatch):
    made = Tracer()
    monkeypatch.setitem(recorded.RECORDERS, "cpu", made)
    monkeypatch.setattr(objective, "check_compiler", lambda: None)  # a tracer needs none
    return made


def test_work_is_recorded_once_for_its_shapes_and_no_longer_after_so_many(tracer):
    work = Recorded(lambda a, b: (a + b, a * b), CPU, 100)
    for size in (2, 3, 2, 3):
        a, b = torch.rand(size), torch.rand(size)
        total, product = work(a, b)
        assert torch.equal(total, a + b) and torch.equal(product, a * b)
    assert (tracer.traces, tracer.replays) == (2, 4)
    for size in range(4, 4 + 2 * KEPT):
        work(torch.rand(size), torch.rand(size))
    assert tracer.traces == KEPT


def test_nothing_is_recorded_beyond_so_many_rows_or_where_the_device_has_no_recorder(tracer):
    work = Recorded(lambda a: (a + 1,), CPU, 2)
    assert work.records(2) and not work.records(3)
    assert work(torch.zeros(3))[0].tolist() == [1.0, 1.0, 1.0] and tracer.traces == 0
    assert work(torch.zeros(2))[0].tolist() == [1.0, 1.0] and tracer.traces == 1
    assert not Recorded(lambda a: (a,), torch.device("meta"), 2).records(1)


def shipped_kind():
    """A model and a goal metric of the shipped kinds, with random weights; and two problems."""
    torch.manual_seed(3)
    model = EnsembleDynamics(EnsembleConfig(hidden=8, members=2)).eval().requires_grad_(False)
    metric = CostToGo(SlotReadout(("hand", "red", "green", "blue"), 8), CostToGoNetwork(), Visibility(32, 3))
    metric.visibility.requires_grad_(False)
    rng = np.random.default_rng(0)
    problems = [Problem(*rng.standard_normal((2, 32)).astype(np.float32), stamp=n * 200_000_000) for n in range(2)]
    return model, metric, problems


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"uncertainty_weight": 0.3, "uncertainty_threshold": 0.1},
        {"sync": "smoothed"},
        {"sync": "cem", "sync_every": 1, "initial_states": "line", "noise": 0.0},
        {"sync": "population"},
        {"sync": "none"},
        {"evaluate_every": 2},
        {"bfloat16": True},
        {"iterations": 5},  # the last phase is not whole
    ],
)
def test_plans_by_recorded_phases_and_rollouts_are_those_without(tracer, changes):
    model, metric, problems = shipped_kind()
    options = {"horizon": 3, "iterations": 4, "sync_every": 2, "restarts": 2, "candidates": 4, "sync_samples": 4}
    options |= {"sync_elites": 2, **changes}
    quick, plain = (Grasp(model, metric, GraspConfig(**options, compiled=most)) for most in (1, 0))
    for problem in problems:  # warm starts, too
        replays = tracer.replays
        found = quick.plan(problem)
        assert tracer.replays > replays
        replays = tracer.replays
        expected = plain.plan(problem)
        assert tracer.replays == replays
        np.testing.assert_allclose(found.actions, expected.actions, rtol=1e-4, atol=1e-5)
        assert found.cost == pytest.approx(expected.cost, rel=1e-4)
        assert found.iterations == expected.iterations == options["iterations"]


def test_batches_are_recorded_and_so_are_what_is_left_of_them(tracer):
    model, metric, problems = shipped_kind()
    options = {"horizon": 3, "iterations": 4, "sync_every": 2, "restarts": 2, "candidates": 4, "patience": 1}
    quick, plain = (Grasp(model, metric, GraspConfig(**options, improvement=0.5, compiled=most)) for most in (2, 0))
    for found, expected in zip(quick.plan_batch(problems), plain.plan_batch(problems), strict=True):
        np.testing.assert_allclose(found.actions, expected.actions, rtol=1e-4, atol=1e-5)
        assert (found.iterations, found.stop_reason) == (expected.iterations, expected.stop_reason)
    assert tracer.replays > 0
    few = Grasp(model, metric, GraspConfig(**options, compiled=1))
    traces = tracer.traces
    few.plan_batch(problems)
    few.plan_batch(problems[:1])
    assert tracer.traces > traces


@pytest.mark.parametrize("name", ["grasp", "cem", "icem", "latco"])
def test_nothing_is_left_to_record_by_a_planner_that_is_prepared_and_its_plans_are_the_same(tracer, name):
    kind, config = OWN[name]
    box = torch.ones(2)
    model = FunctionModel(lambda latents, actions: latents + 0.1 * torch.tanh(actions), 2, -box, box)
    options = {"horizon": 2, "iterations": 12, "tolerance": 1e-3}
    options |= {"samples": 8, "elites": 2} if name in ("cem", "icem") else {"restarts": 2, "candidates": 4}
    prepared, plain = (kind(model, LatentDistance(), config(**options, compiled=1)) for _ in range(2))
    problems = [random_problem(seed, 2, seed * 1_000_000_000) for seed in range(2)]
    prepared.prepare(Problem(problems[0].goal, problems[0].goal))  # to which no plan would take an iteration
    traces = tracer.traces
    found = [prepared.plan(problem) for problem in problems]
    assert tracer.traces == traces > 0
    for ours, expected in zip(found, [plain.plan(problem) for problem in problems], strict=True):
        np.testing.assert_array_equal(ours.actions, expected.actions)


def test_compiled_phases_are_those_that_are_not():
    try:
        recorded.check_compiler()
    except EnvironmentSetupError as error:
        pytest.skip(str(error))
    problems = [random_problem(seed, 3) for seed in range(2)]
    config = GraspConfig(horizon=3, restarts=2, sync_every=2)
    judge = Objective(RandomModel(3, 2, 7, torch.float32), LatentDistance(), config)
    phase, drawn = LiftedPhase(judge, config, Lifted), torch.Generator().manual_seed(1)
    made = Recorded(phase, CPU, 1)
    for problem in problems:  # the first is compiled for, the second one not
        task = judge.task(torch.from_numpy(problem.start)[None], torch.from_numpy(problem.goal)[None])
        shapes = ((4, 1, 2, 3), (3, 1, 2, 2), (1, 2, 2), (2, 1, 2, 3), (2, 1, 2, 3))
        inputs = [torch.randn(shape, generator=drawn) for shape in shapes]
        for found, expected in zip(made(*task, *inputs), phase(*task, *inputs), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_a_compiler_needs_is_said_before_anything_is_planned(monkeypatch, tmp_path):
    model, metric, _ = shipped_kind()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(EnvironmentSetupError, match="'no-such-compiler' is not there.*set compiled to 0"):
        Grasp(model, metric, GraspConfig(compiled=1))
    Grasp(model, metric, GraspConfig())
    monkeypatch.setenv("CXX", "sh")  # is there
    monkeypatch.setattr(recorded.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(EnvironmentSetupError, match="Python's headers"):
        Grasp(model, metric, GraspConfig(compiled=1))


class Crossings(TorchDispatchMode):
    """Operations with a tensor on the CPU."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        result = operation(*args, **(kwargs or {}))
        if any(isinstance(leaf, torch.Tensor) and leaf.device == CPU for leaf in tree_leaves((args, kwargs, result))):
            self.found.append(str(operation))
        return result


class Numbers(TorchFunctionMode):
    """Tensors that are made of Python's numbers, on a GPU by a copy that no operation shows."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.tensor, torch.as_tensor, torch.Tensor.new_tensor):
            self.found.append(function.__name__)
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("changes", [{}, {"uncertainty_weight": 0.1}, {"initial_states": "line"}])
@pytest.mark.parametrize("push", [False, True])
def test_what_is_recorded_stays_on_its_device(push, changes):
    model, metric, _ = shipped_kind()
    networks = [model, metric.network, metric.visibility]
    if push:
        pushed = EnsembleConfig(slots=2, slot_dim=4, hidden=8, members=2, waves=2)
        model, metric = PushDynamics(pushed, (0.0, 0.4), 0.3).eval().requires_grad_(False), PositionDistance()
        networks = [model]
    config, dim = GraspConfig(horizon=3, sync_every=2, **changes), model.latent_dim
    objective = Objective(model, metric, config)
    for network in networks:
        network.to("meta")
    for name, value in vars(objective).items():
        if isinstance(value, torch.Tensor):
            setattr(objective, name, value.to("meta"))

    def given(*shape):
        return torch.zeros(shape, device="meta")

    task, actions = (given(2, dim), given(2, 1, dim), given(2, 1), given(2, 3)), given(3, 2, 4, 2)
    phase = LiftedPhase(objective, config, Lifted)
    with torch.no_grad():
        for warm in (True, False):
            with Crossings() as crossings, Numbers() as numbers:
                objective._evaluation_of(*task, actions)
                objective._gradient_of(*task, actions)
                states, _ = phase(*task, given(4, 2, 4, dim), actions, given(2, 4, 2), *given(2, 2, 2, 4, dim))
            assert states.device.type == "meta"
            if not push or not warm:
                # before it is recorded, work is done once or more; then the read-out's centre crosses
                assert bool(crossings.found) == warm, crossings.found
                assert warm or not numbers.found
