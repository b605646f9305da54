# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Fixed-point solvers: known solutions, fewer evaluations than plain iteration, rows that do not touch each other."""

import json
import math
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.task_planning.fixed_point import RULES, Anderson, Broyden, Picard, solve

SOLVERS = sorted(RULES)
QUICK = settings(max_examples=12, deadline=None)


def contraction(seed, rows=3, dim=6, slope=0.6, slowest=None, dtype=torch.float64):
    """A linear contraction f(x) = A x + b of every row, and its solution; eigenvalues up to ``slowest``."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(rows, dim, dim, generator=generator, dtype=torch.float64)).Q
    values = torch.rand(rows, dim, generator=generator, dtype=torch.float64) * 2 * slope - slope
    if slowest is not None:
        values = torch.linspace(-slope, slowest, dim, dtype=torch.float64).expand(rows, dim)
    matrix = basis @ torch.diag_embed(values) @ basis.mT
    offset = torch.randn(rows, dim, generator=generator, dtype=torch.float64)
    solution = torch.linalg.solve(torch.eye(dim, dtype=torch.float64) - matrix, offset.unsqueeze(-1)).squeeze(-1)
    matrix, offset = matrix.to(dtype), offset.to(dtype)
    return lambda x: (matrix @ x.unsqueeze(-1)).squeeze(-1) + offset, solution


@pytest.mark.parametrize("name", SOLVERS)
@QUICK
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 5), dim=st.integers(1, 8), slope=st.floats(0.0, 0.8))
def test_a_linear_contraction_is_solved(name, seed, rows, dim, slope):
    f, solution = contraction(seed, rows, dim, slope)
    found = solve(f, torch.zeros_like(solution), name, tolerance=1e-9, cap=300)
    assert found.converged.all() and found.finite.all()
    assert torch.allclose(found.x, solution, atol=1e-7 * (1 + solution.abs().max()))


@pytest.mark.parametrize("name", SOLVERS)
@QUICK
@given(seed=st.integers(0, 10_000))
def test_a_contraction_that_is_not_linear_is_solved_alike_by_all(name, seed):
    linear, _ = contraction(seed, slope=0.8)

    def f(x):
        return torch.tanh(linear(x))

    reference = torch.zeros(3, 6, dtype=torch.float64)
    for _ in range(400):
        reference = f(reference)
    found = solve(f, torch.zeros_like(reference), name, tolerance=1e-10, cap=400)
    assert found.converged.all()
    assert torch.allclose(found.x, reference, atol=1e-8)


@pytest.mark.parametrize("name", ["anderson", "broyden"])
@QUICK
@given(seed=st.integers(0, 10_000))
def test_a_stiff_contraction_needs_fewer_evaluations_than_plain_iteration(name, seed):
    f, solution = contraction(seed, rows=2, dim=6, slope=0.9, slowest=0.995)
    start = torch.zeros_like(solution)
    plain = solve(f, start, "picard", tolerance=1e-6, cap=10_000)
    quick = solve(f, start, name, tolerance=1e-6, cap=10_000)
    assert plain.converged.all() and quick.converged.all()
    assert 5 * int(quick.row_evaluations.max()) < int(plain.row_evaluations.min())


@pytest.mark.parametrize("name", SOLVERS)
@QUICK
@given(seed=st.integers(0, 10_000))
def test_a_row_is_solved_as_if_it_were_alone(name, seed):
    f, solution = contraction(seed, rows=3, slope=0.8)
    start = torch.zeros_like(solution)
    together = solve(f, start, name, tolerance=1e-8, cap=300)
    for row in range(3):
        alone = solve(lambda x, row=row: f(x.expand(3, -1))[row : row + 1], start[:1], name, tolerance=1e-8, cap=300)
        assert alone.evaluations == together.row_evaluations[row]
        assert torch.allclose(alone.x[0], together.x[row], atol=1e-9)
        length = alone.evaluations
        assert torch.allclose(alone.residuals[:, 0], together.residuals[:length, row], atol=1e-9)


@pytest.mark.parametrize("name", SOLVERS)
def test_single_precision_is_enough_for_its_own_tolerance(name):
    f, solution = contraction(1, slope=0.9, dtype=torch.float32)
    found = solve(f, torch.zeros(3, 6), name, tolerance=1e-5, cap=300)
    assert found.converged.all() and found.x.dtype == torch.float32
    assert torch.allclose(found.x.double(), solution, atol=2e-3)


@pytest.mark.parametrize("name", SOLVERS)
def test_rows_that_are_not_finite_end_and_keep_their_best(name):
    calls = []

    def f(x):
        calls.append(x.clone())
        value = torch.cos(x * slopes) + 0.5 * x
        if len(calls) == 4:
            value[1] = math.nan
        return value

    slopes = torch.tensor([0.3, 0.7, -0.9], dtype=torch.float64)
    found = solve(f, torch.zeros(2, 3, dtype=torch.float64), name, tolerance=1e-30, cap=8)
    assert found.finite.tolist() == [True, False]
    assert found.row_evaluations[1] == 4 and found.residuals[3, 1] == math.inf
    assert torch.isfinite(found.x).all() and torch.isfinite(found.residual).all()
    assert found.residual[1] == found.residuals[:3, 1].min()
    assert all(torch.equal(call[1], calls[3][1]) for call in calls[4:])  # the ended row stands still
    json.dumps(found.record(), allow_nan=False)


def test_the_best_iterate_is_returned_not_the_newest():
    steps = iter([3.0, 0.5, 7.0])  # residuals of the successive iterates
    found = solve(lambda x: x + next(steps), torch.zeros(1, 1), "picard", tolerance=0.1, cap=3)
    assert found.residuals[:, 0].tolist() == [3.0, 0.5, 7.0]
    assert found.x.item() == 3.0 and found.residual.item() == 0.5 and not found.converged.any()


def test_a_start_that_is_the_solution_costs_one_evaluation():
    f, solution = contraction(3)
    found = solve(f, solution, tolerance=1e-9)
    assert found.evaluations == 1 and found.converged.all()


def test_damping_solves_what_plain_iteration_does_not():
    start = torch.ones(1, 2)
    assert not solve(lambda x: -1.5 * x + 1.0, start, "picard", cap=60).converged.any()
    damped = solve(lambda x: -1.5 * x + 1.0, start, Picard(damping=0.5), cap=60)
    assert damped.converged.all() and torch.allclose(damped.x, torch.full((1, 2), 0.4))


def test_a_deadline_that_has_passed_leaves_one_evaluation():
    found = solve(lambda x: 0.9 * x + 1.0, torch.zeros(1, 2), deadline=time.monotonic() - 1.0)
    assert found.evaluations == 1 and torch.isfinite(found.x).all()


def test_no_gradient_is_recorded():
    weight = torch.tensor(0.5, requires_grad=True)
    assert not solve(lambda x: weight * x + 1.0, torch.zeros(1, 2)).x.requires_grad


@pytest.mark.parametrize("rule", [lambda: Anderson(memory=0), lambda: Broyden(memory=0), lambda: Picard(damping=1.5)])
def test_parameters_out_of_range_are_refused(rule):
    with pytest.raises(InvalidInputError, match="allowed"):
        rule()


def test_bad_arguments_are_refused():
    with pytest.raises(InvalidInputError, match=r"\(B, D\)"):
        solve(lambda x: x, torch.zeros(3))
    with pytest.raises(InvalidInputError, match="cap 0"):
        solve(lambda x: x, torch.zeros(1, 1), cap=0)
    with pytest.raises(InvalidInputError, match=r"returned shape \(1, 2\)"):
        solve(lambda x: x[:, :2], torch.zeros(1, 3))
    with pytest.raises(UnknownNameError, match="anderson, broyden, picard"):
        solve(lambda x: x, torch.zeros(1, 1), "newton")
