# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Recorded work: what a GPU would replay as a graph is traced on the CPU, and plans by it as without.

A trace of PyTorch's operations has what a CUDA graph has: no Python, no choice by values, nothing read back (tracing
fails there); it is replayed for other values of the same shapes. That nothing is copied from one device to another,
which a graph can't have either, is seen on the device "meta".
"""

import numpy as np
import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.perception.slots import SlotReadout, Visibility
from robot_planner.planning import recorded
from robot_planner.planning.grasp import Grasp, GraspConfig, LiftedPhase
from robot_planner.planning.lifted import Lifted
from robot_planner.planning.object_metrics import CostToGo, CostToGoNetwork
from robot_planner.planning.objective import Objective
from robot_planner.planning.recorded import KEPT, Recorded
from robot_planner.types import Problem

CPU = torch.device("cpu")


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
    return made


def test_work_is_recorded_once_for_its_shapes_and_no_longer_after_so_many(tracer):
    work = Recorded(lambda a, b: (a + b, a * b), CPU)
    for size in (2, 3, 2, 3):
        a, b = torch.rand(size), torch.rand(size)
        total, product = work(a, b)
        assert torch.equal(total, a + b) and torch.equal(product, a * b)
    assert (tracer.traces, tracer.replays) == (2, 4)
    for size in range(4, 4 + 2 * KEPT):
        work(torch.rand(size), torch.rand(size))
    assert tracer.traces == KEPT


def test_nothing_is_recorded_where_it_is_not_wanted_or_the_device_has_no_recorder(tracer):
    work = Recorded(lambda a: (a + 1,), CPU, wanted=False)
    assert not work.records and work(torch.zeros(2))[0].tolist() == [1.0, 1.0]
    assert not Recorded(lambda a: (a,), torch.device("meta")).records
    assert tracer.traces == 0


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
        {"iterations": 5},  # the last phase is not whole
    ],
)
def test_plans_by_recorded_phases_and_rollouts_are_those_without(tracer, changes):
    model, metric, problems = shipped_kind()
    options = {"horizon": 3, "iterations": 4, "sync_every": 2, "restarts": 2, "candidates": 4, "sync_samples": 4}
    options |= {"sync_elites": 2, **changes}
    quick, plain = (Grasp(model, metric, GraspConfig(**options, cuda_graphs=graphs)) for graphs in (True, False))
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
    quick, plain = (
        Grasp(model, metric, GraspConfig(**options, improvement=0.5, cuda_graphs=graphs)) for graphs in (True, False)
    )
    for found, expected in zip(quick.plan_batch(problems), plain.plan_batch(problems), strict=True):
        np.testing.assert_allclose(found.actions, expected.actions, rtol=1e-4, atol=1e-5)
        assert (found.iterations, found.stop_reason) == (expected.iterations, expected.stop_reason)


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


@pytest.mark.parametrize("changes", [{}, {"uncertainty_weight": 0.1}, {"initial_states": "line"}])
def test_what_is_recorded_stays_on_its_device(changes):
    model, metric, _ = shipped_kind()
    config = GraspConfig(horizon=3, sync_every=2, **changes)
    objective = Objective(model, metric, config)
    for network in (model, metric.network, metric.visibility):
        network.to("meta")
    for name, value in vars(objective).items():
        if isinstance(value, torch.Tensor):
            setattr(objective, name, value.to("meta"))

    def given(*shape):
        return torch.zeros(shape, device="meta")

    task, actions = (given(2, 32), given(2, 1, 32), given(2, 1)), given(3, 2, 4, 2)
    phase = LiftedPhase(objective, config, Lifted)
    with torch.no_grad():
        for warm in (True, False):
            with Crossings() as crossings:
                objective._evaluation_of(*task, actions)
                objective._gradient_of(*task, actions)
                states, _ = phase(*task, given(4, 2, 4, 32), actions, given(2, 4, 2), *given(2, 2, 2, 4, 32))
            assert states.device.type == "meta"
            assert bool(crossings.found) == warm, crossings.found  # before it is recorded, work is done once or more
