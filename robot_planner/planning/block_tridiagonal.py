# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Batched solution of symmetric positive definite block-tridiagonal systems, in time linear in the number of blocks."""

import torch
from torch import Tensor


def solve_block_tridiagonal(diagonal: Tensor, lower: Tensor, right: Tensor) -> Tensor:
    """Solves H x = right by block Cholesky factors.

    ``diagonal`` (T, ..., n, n) and ``lower`` (T-1, ..., n, n), whose block t stands in row t+1 and column t of H; its
    transpose stands above. ``right`` (T, ..., n) -> x (T, ..., n); NaN where H is not positive definite.
    """
    factors, couplings, forward = [], [], []
    block, side = diagonal[0], right[0]
    for step in range(len(diagonal)):
        factor, failed = torch.linalg.cholesky_ex(block)
        factor = torch.where(failed[..., None, None] > 0, torch.nan, factor)
        solved = torch.cholesky_solve(side.unsqueeze(-1), factor).squeeze(-1)
        factors.append(factor)
        forward.append(solved)
        if step + 1 < len(diagonal):
            coupling = torch.cholesky_solve(lower[step].mT, factor)
            couplings.append(coupling)
            block = diagonal[step + 1] - lower[step] @ coupling
            side = right[step + 1] - (lower[step] @ solved.unsqueeze(-1)).squeeze(-1)
    solution = [forward[-1]]
    for coupling, solved in zip(reversed(couplings), reversed(forward[:-1]), strict=True):
        solution.append(solved - (coupling @ solution[-1].unsqueeze(-1)).squeeze(-1))
    return torch.stack(solution[::-1])
