# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Adam (Kingma and Ba, 2015) on one tensor in place: no object per step, no allocation, nothing read back."""

from math import sqrt

import torch
from torch import Tensor


class Adam:
    """Moments of one tensor; the caller hands the rate of each step, so that schedules cost nothing."""

    def __init__(self, like: Tensor, beta1: float = 0.9, beta2: float = 0.99, epsilon: float = 1e-8) -> None:
        self._beta1, self._beta2, self._epsilon = beta1, beta2, epsilon
        self.mean, self.square = torch.zeros_like(like), torch.zeros_like(like)
        self._step = torch.empty_like(like)
        self._count = 0

    def keep(self, index: list[int]) -> "Adam":
        """The moments of these entries of the second axis."""
        kept = Adam(self.mean[:, index], self._beta1, self._beta2, self._epsilon)
        kept.mean.copy_(self.mean[:, index])
        kept.square.copy_(self.square[:, index])
        kept._count = self._count
        return kept

    def forget(self, mask: Tensor) -> None:
        """Forgets the moments where a mask says; it broadcasts."""
        self.mean.copy_(torch.where(mask, 0.0, self.mean))
        self.square.copy_(torch.where(mask, 0.0, self.square))

    def reset(self) -> None:
        """Forgets the moments."""
        self.mean.zero_()
        self.square.zero_()
        self._count = 0

    def step(self, parameters: Tensor, gradient: Tensor, rate: Tensor, factor: float = 1.0) -> None:
        """Subtracts rate x factor x corrected mean / root of corrected square; ``rate`` broadcasts."""
        self._count += 1
        self.mean.lerp_(gradient, 1.0 - self._beta1)
        self.square.mul_(self._beta2).addcmul_(gradient, gradient, value=1.0 - self._beta2)
        correction = sqrt(1.0 - self._beta2**self._count)
        step = torch.sqrt(self.square, out=self._step).add_(self._epsilon * correction)
        torch.div(self.mean, step, out=step)
        parameters.addcmul_(step, rate, value=-factor * correction / (1.0 - self._beta1**self._count))
