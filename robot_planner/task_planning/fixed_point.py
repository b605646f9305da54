# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Fixed points x = f(x) of batches: Picard iteration, Anderson acceleration and Broyden's method.

The rows of a batch are independent problems: each has its own residual, its own history of steps and its own end. All
methods are update rules of one loop, which counts evaluations, keeps each row's best iterate and stops the rows that
are done. With g(x) = f(x) - x, the residual of a row is the root mean square of g over its D numbers.

Walker and Ni, "Anderson acceleration for fixed-point iterations", 2011; Broyden, "A class of methods for solving
nonlinear simultaneous equations", 1965; Bai, Kolter and Koltun, "Deep equilibrium models", 2019.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.registry import Registry

Function = Callable[[Tensor], Tensor]
"""(B, D) -> (B, D); a row of the result depends on the same row of the argument alone."""


@dataclass(frozen=True)
class FixedPoint:
    """What a solver found."""

    x: Tensor
    """(B, D): each row's iterate of least residual."""
    residual: Tensor
    """(B,): of ``x``; infinite where f was never finite."""
    converged: Tensor
    """(B,) bool: the residual is at most the tolerance."""
    finite: Tensor
    """(B,) bool: false where f returned NaN or infinity, which ends the row."""
    evaluations: int
    """Calls of f, each with the whole batch."""
    row_evaluations: Tensor
    """(B,) int: of those, how many a row had need of."""
    residuals: Tensor
    """(evaluations, B): residual of every iterate; a row that has ended keeps its last."""

    def record(self) -> dict[str, object]:
        """Plain numbers for JSON; what is not finite is None."""
        return {
            "evaluations": self.evaluations,
            "row_evaluations": self.row_evaluations.tolist(),
            "converged": self.converged.tolist(),
            "residuals": [[r if math.isfinite(r) else None for r in row] for row in self.residuals.tolist()],
        }


class Rule(Protocol):
    """Where to evaluate next; one object serves one solve."""

    def next(self, x: Tensor, g: Tensor) -> Tensor:
        """Iterate (B, D) and f(x) - x (B, D), both finite -> the next iterate (B, D)."""
        ...


RULES: Registry[Rule] = Registry("fixed-point solver")


@RULES.register("picard")
class Picard:
    """x + damping (f(x) - x); the plain iteration at damping 1."""

    def __init__(self, damping: float = 1.0) -> None:
        self.damping = _inside("damping", damping, 0.0, 1.0)

    def next(self, x: Tensor, g: Tensor) -> Tensor:
        """See Rule."""
        return x + self.damping * g


@RULES.register("anderson")
class Anderson:
    """Type-II Anderson acceleration: the mix of the last iterates whose linearised residual is least.

    Args:
        memory: differences of iterates that are kept, m.
        beta: how far to go along the mixed residual.
        regularisation: Tikhonov term of the least squares, relative to its largest diagonal entry.
    """

    def __init__(self, memory: int = 5, beta: float = 1.0, regularisation: float = 1e-10) -> None:
        self.beta, self.regularisation = _inside("beta", beta, 0.0, 2.0), regularisation
        self._pairs = _Differences(memory)

    def next(self, x: Tensor, g: Tensor) -> Tensor:
        """See Rule."""
        pairs = self._pairs.add(x, g)
        if not pairs:
            return x + self.beta * g
        dx, dg = (torch.stack(side, dim=-1).double() for side in zip(*pairs, strict=True))  # (B, D, m)
        # Columns of length one: differences shrink by magnitudes as the solve goes on, and float64 has room for the
        # squared condition that the normal equations then keep.
        scale = dg.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
        dx, dg = dx / scale, dg / scale
        gram = dg.mT @ dg
        identity = torch.eye(len(pairs), dtype=gram.dtype, device=gram.device)
        weights = torch.linalg.solve(gram + self.regularisation * identity, dg.mT @ g.double().unsqueeze(-1))
        mixed = x.double() + self.beta * g.double() - ((dx + self.beta * dg) @ weights).squeeze(-1)
        return mixed.to(x.dtype)


@RULES.register("broyden")
class Broyden:
    """Good Broyden on g(x) = 0: an approximate inverse Jacobian that starts from -1 and learns from the last steps.

    Args:
        memory: steps that are kept; the inverse is built anew from these, so that forgetting leaves no trace.
    """

    def __init__(self, memory: int = 20) -> None:
        self._pairs = _Differences(memory)

    def next(self, x: Tensor, g: Tensor) -> Tensor:
        """See Rule."""
        left: list[Tensor] = []
        right: list[Tensor] = []

        def apply(vector: Tensor, rows: list[Tensor], columns: list[Tensor]) -> Tensor:
            result = -vector  # B = -1 + sum of columns rows^T
            for row, column in zip(rows, columns, strict=True):
                result = result + column * (row * vector).sum(-1, keepdim=True)
            return result

        for dx, dg in self._pairs.add(x, g):
            row = apply(dx, left, right)  # dx^T B, by the transposed sum
            change = apply(dg, right, left)  # B dg
            divisor = (dx * change).sum(-1, keepdim=True)
            # Where a row stands still, or the update would be singular, the inverse stays as it is.
            floor = 1e-12 * dx.norm(dim=-1, keepdim=True) * change.norm(dim=-1, keepdim=True)
            sound = divisor.abs() > floor
            left.append((dx - change) / torch.where(sound, divisor, 1.0) * sound)
            right.append(row)
        return x - apply(g, right, left)


class _Differences:
    """The last differences of iterates and of residuals; zero in rows that did not move."""

    def __init__(self, memory: int) -> None:
        if memory < 1:
            raise InvalidInputError(f"memory is {memory}; allowed: 1 and more")
        self._kept: deque[tuple[Tensor, Tensor]] = deque(maxlen=memory)
        self._last: tuple[Tensor, Tensor] | None = None

    def add(self, x: Tensor, g: Tensor) -> list[tuple[Tensor, Tensor]]:
        if self._last is not None:
            self._kept.append((x - self._last[0], g - self._last[1]))
        self._last = (x, g)
        return list(self._kept)


def solve(
    f: Function,
    start: Tensor,
    rule: Rule | str = "anderson",
    *,
    tolerance: float = 1e-6,
    cap: int = 100,
    deadline: float | None = None,
) -> FixedPoint:
    """Solves x = f(x) from ``start`` (B, D) without recording gradients.

    Args:
        f: called with the whole batch; rows that have ended are handed in as they ended. What it raises passes through.
        start: the first iterate; a warm start is nothing else.
        rule: a Rule of its own for this solve, or the name of one in ``RULES``.
        tolerance: root mean square of f(x) - x at which a row is done.
        cap: evaluations at most.
        deadline: of ``time.monotonic()`` [s]; at it the best iterates so far are returned.

    Raises:
        InvalidInputError: a shape, tolerance or cap that can't be.
        UnknownNameError: no rule has this name.
    """
    if start.ndim != 2 or not start.is_floating_point():
        raise InvalidInputError(f"start is {start.dtype} of shape {tuple(start.shape)}; allowed: floating point (B, D)")
    if cap < 1 or not tolerance >= 0.0:
        raise InvalidInputError(f"cap {cap}, tolerance {tolerance}; allowed: 1 and more, 0 and more")
    rule = RULES.make(rule) if isinstance(rule, str) else rule
    with torch.no_grad():
        return _iterate(f, start.detach().clone(), rule, tolerance, cap, deadline)


def _iterate(f: Function, x: Tensor, rule: Rule, tolerance: float, cap: int, deadline: float | None) -> FixedPoint:
    rows = x.shape[0]
    best, least = x.clone(), torch.full((rows,), math.inf, dtype=x.dtype, device=x.device)
    last = least.clone()
    finite = torch.ones(rows, dtype=torch.bool, device=x.device)
    active, needed = finite.clone(), torch.zeros(rows, dtype=torch.long, device=x.device)
    g = torch.zeros_like(x)
    history: list[Tensor] = []
    while len(history) < cap:
        value = f(x)
        if value.shape != x.shape:
            raise InvalidInputError(f"f returned shape {tuple(value.shape)}; allowed: {tuple(x.shape)}")
        good = torch.isfinite(value).all(-1)
        finite, needed = finite & (good | ~active), needed + active
        g = torch.where((active & good).unsqueeze(-1), value - x, g)
        residual = torch.where(active, torch.where(good, g.square().mean(-1).sqrt(), math.inf), last)
        history.append(residual)
        better = active & (residual < least)
        best, least = torch.where(better.unsqueeze(-1), x, best), torch.where(better, residual, least)
        last, active = residual, active & good & (residual > tolerance)
        if not bool(active.any()) or (deadline is not None and time.monotonic() >= deadline):
            break
        # A row that has ended stands still, so that its differences are zero and its history can't spoil the update.
        proposed = rule.next(x, g)
        sound = torch.isfinite(proposed).all(-1, keepdim=True)
        x = torch.where(active.unsqueeze(-1), torch.where(sound, proposed, x + g), x)
    return FixedPoint(best, least, least <= tolerance, finite, len(history), needed, torch.stack(history))


def _inside(name: str, value: float, low: float, high: float) -> float:
    if not low < value <= high:
        raise InvalidInputError(f"{name} is {value}; allowed: above {low}, {high} at most")
    return value
