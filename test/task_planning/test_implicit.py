# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Gradients at a fixed point: against finite differences, against unrolling, in flat memory."""

import gc
import weakref

import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.implicit import GRADIENTS, SolverConfig, differentiable_point

TIGHT = SolverConfig(tolerance=1e-12, cap=400)


class Layer:
    """f(x) = tanh(W x + U c), a contraction of contexts c."""

    def __init__(self, slope=0.7, rows=3, dim=4):
        generator = torch.Generator().manual_seed(0)
        weight = torch.randn(dim, dim, generator=generator, dtype=torch.float64)
        self.weight = (slope * weight / torch.linalg.matrix_norm(weight, 2)).requires_grad_()
        self.mix = torch.randn(dim, 2, generator=generator, dtype=torch.float64).requires_grad_()
        self.context = torch.randn(rows, 2, generator=generator, dtype=torch.float64)
        self.start = torch.zeros(rows, dim, dtype=torch.float64)
        self.target = torch.randn(rows, dim, generator=generator, dtype=torch.float64)

    def __call__(self, x):
        return torch.tanh(x @ self.weight.T + self.context @ self.mix.T)

    def loss(self, gradient, **options):
        options = {"forward": TIGHT, "backward": TIGHT} | options
        point = differentiable_point(self, self.start, gradient, **options)
        return (point.x - self.target).square().sum(), point

    def gradients(self, gradient, **options):
        loss, _ = self.loss(gradient, **options)
        return torch.autograd.grad(loss, [self.weight, self.mix])


def finite_differences(layer, parameter, step=1e-6):
    result = torch.zeros_like(parameter)
    for index in range(parameter.numel()):
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter.view(-1)[index] += sign * step
                values.append(layer.loss("implicit")[0])
                parameter.view(-1)[index] -= sign * step
        result.view(-1)[index] = (values[0] - values[1]) / (2 * step)
    return result


@pytest.mark.parametrize("rule", ["picard", "anderson", "broyden"])
def test_the_implicit_gradient_is_that_of_finite_differences(rule):
    layer = Layer()
    config = SolverConfig(rule, tolerance=1e-12, cap=400)
    found = layer.gradients("implicit", forward=config, backward=config)
    for gradient, parameter in zip(found, [layer.weight, layer.mix], strict=True):
        assert torch.allclose(gradient, finite_differences(layer, parameter), atol=1e-7)


def test_the_implicit_gradient_is_that_of_a_long_unrolling():
    layer = Layer()
    for exact, unrolled in zip(layer.gradients("implicit"), layer.gradients("unrolled", unroll=150), strict=True):
        assert torch.allclose(exact, unrolled, atol=1e-10)


def test_a_small_loss_is_solved_for_as_well_as_a_large_one():
    """As that of a mean over a batch of plans is: its gradient alone is far below any sensible tolerance."""
    layer, loose = Layer(), SolverConfig(tolerance=1e-3, cap=400)
    loss, point = layer.loss("implicit", backward=loose)
    (small,) = torch.autograd.grad(1e-9 * loss, layer.weight)
    assert point.backward[0].evaluations > 3
    exact, _ = layer.gradients("implicit")
    assert torch.allclose(1e9 * small, exact, rtol=1e-2, atol=1e-2)


def test_the_one_step_gradient_is_the_jacobian_free_one():
    layer = Layer()
    _, point = layer.loss("one_step")
    loss = (layer(point.forward.x) - layer.target).square().sum()
    wanted = torch.autograd.grad(loss, [layer.weight, layer.mix])
    exact = layer.gradients("implicit")
    for one, reference, full in zip(layer.gradients("one_step"), wanted, exact, strict=True):
        assert torch.equal(one, reference)
        assert not torch.allclose(one, full, atol=1e-3)
        assert (one * full).sum() > 0  # a descent direction all the same


def test_gradients_with_respect_to_inputs_flow_too():
    layer = Layer()
    layer.context.requires_grad_()
    loss, _ = layer.loss("implicit")
    unrolled, _ = layer.loss("unrolled", unroll=150)
    found, wanted = (torch.autograd.grad(x, layer.context)[0] for x in (loss, unrolled))
    assert torch.allclose(found, wanted, atol=1e-10)


def saved_tensors(layer, gradient, cap, unroll):
    """How many tensors autograd keeps for the backward pass."""
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x.numel()) or x, lambda x: x):
        layer.loss(gradient, forward=SolverConfig("picard", 0.0, cap), unroll=unroll)
    return len(kept)


@pytest.mark.parametrize("gradient", ["implicit", "one_step"])
def test_memory_is_flat_in_the_number_of_iterations(gradient):
    layer = Layer()
    assert 0 < saved_tensors(layer, gradient, 2, 1) == saved_tensors(layer, gradient, 80, 1)
    assert saved_tensors(layer, "unrolled", 2, 80) > 20 * saved_tensors(layer, gradient, 80, 1)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_the_graph_is_freed_without_the_garbage_collector(gradient):
    layer = Layer()
    loss, point = layer.loss(gradient)
    loss.backward()
    alive = weakref.ref(point.x)
    gc.disable()
    try:
        del loss, point
        assert alive() is None
    finally:
        gc.enable()


def test_both_solves_are_reported():
    layer = Layer()
    loss, point = layer.loss("implicit")
    assert point.forward.converged.all() and not point.backward
    loss.backward()
    (solved,) = point.backward
    assert solved.converged.all() and 1 < solved.evaluations < 60


def test_without_gradients_nothing_is_recorded():
    layer = Layer()
    with torch.no_grad():
        _, point = layer.loss("implicit")
    assert not point.x.requires_grad and torch.allclose(point.x, point.forward.x, atol=1e-10)


def test_an_unknown_gradient_is_refused():
    with pytest.raises(InvalidInputError, match="implicit, one_step, unrolled"):
        differentiable_point(lambda x: x, torch.zeros(1, 1), "magic")
