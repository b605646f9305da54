# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Gradients at a fixed point x* = f(x*, theta), whatever path the solver took to it.

By the implicit function theorem dx*/dtheta = (1 - J)^-1 df/dtheta, with J = df/dx at x*. So the gradient g that arrives
at x* is turned into u = J^T u + g, itself a fixed point in vector-Jacobian products, and u goes on through one more
evaluation of f. Memory is that of two evaluations, however many the solver took.

- ``implicit``: u is solved for, the exact gradient.
- ``one_step``: u = g, the Jacobian-free gradient; a descent direction where f contracts enough (Fung et al., 2022).
- ``unrolled``: the ordinary gradient through ``unroll`` evaluations after the solve; for comparison: its memory grows.

f must be deterministic (no dropout), and parameters that its gradient is wanted of are simply those it uses.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.fixed_point import FixedPoint, Function, solve

GRADIENTS = ("implicit", "one_step", "unrolled")


@dataclass
class DifferentiablePoint:
    """A fixed point that gradients run through."""

    x: Tensor
    """(B, D): f at the solver's fixed point; of rows that did not converge the gradient means nothing."""
    forward: FixedPoint
    backward: list[FixedPoint] = field(default_factory=list)
    """One solve of the implicit gradient for every backward pass that has been made."""


@dataclass(frozen=True)
class SolverConfig:
    """How one of the two solves is made; see ``fixed_point.solve``.

    The tolerance of the backward solve is relative to the root mean square of each row's gradient.
    """

    rule: str = "anderson"
    tolerance: float = 1e-6
    cap: int = 100


def differentiable_point(
    f: Function,
    start: Tensor,
    gradient: str = "implicit",
    *,
    forward: SolverConfig | None = None,
    backward: SolverConfig | None = None,
    unroll: int = 10,
) -> DifferentiablePoint:
    """Solves x = f(x) from ``start`` (B, D) and attaches the gradient.

    Raises InvalidInputError for an unknown kind of gradient or what ``solve`` refuses.
    """
    if gradient not in GRADIENTS:
        raise InvalidInputError(f"unknown gradient '{gradient}'; allowed: {', '.join(GRADIENTS)}")
    there, back = forward or SolverConfig(), backward or SolverConfig()
    found = solve(f, start, there.rule, tolerance=there.tolerance, cap=there.cap)
    point = DifferentiablePoint(found.x, found)
    if not torch.is_grad_enabled():
        point.x = f(found.x)
    elif gradient == "unrolled":
        for _ in range(unroll):
            point.x = f(point.x)
    elif gradient == "one_step":
        point.x = f(found.x)
    else:
        here = found.x.detach().requires_grad_()
        value = f(here)  # a graph of its own for J: the one below leads to the loss, and must not hold itself
        solves = point.backward

        def solve_back(incoming: Tensor) -> Tensor:
            # The gradient of a mean over many numbers is tiny: its size must not pass for being solved.
            size = incoming.square().mean(-1, keepdim=True).sqrt().clamp_min(torch.finfo(incoming.dtype).tiny)
            unit = incoming / size

            def transposed(u: Tensor) -> Tensor:
                with torch.enable_grad():
                    (product,) = torch.autograd.grad(value, here, u, retain_graph=True, materialize_grads=True)
                return product + unit

            solved = solve(transposed, unit, back.rule, tolerance=back.tolerance, cap=back.cap)
            solves.append(solved)
            return solved.x * size

        point.x = _Implicit.apply(f(found.x), solve_back)
    return point


class _Implicit(torch.autograd.Function):
    """Passes a value on; turns the gradient that comes back by ``solve_back``."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, solve_back: Function) -> Tensor:
        ctx.solve_back = solve_back
        return value.view_as(value)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor, None]:
        return ctx.solve_back(incoming.contiguous()), None
