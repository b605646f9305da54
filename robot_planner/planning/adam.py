# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Adam (Kingma and Ba, 2015) on one tensor in place: four small operations a step, nothing read back.

Moments are sums of gradients that are weighted up, in place of sums that decay: what decays is a number.
"""

from math import sqrt

import torch
from torch import Tensor

PERIOD = 64
"""Steps after which the weights begin anew, before they leave the range of a float."""


class Adam:
    """Moments of one tensor; the caller hands the rate of each step, so that schedules cost nothing."""

    def __init__(self, like: Tensor, beta1: float = 0.9, beta2: float = 0.99, epsilon: float = 1e-8) -> None:
        """``epsilon``: size of a gradient that counts as none."""
        self._beta1, self._beta2, self._least = beta1, beta2, epsilon**2
        self._way, self._square = torch.empty_like(like), torch.empty_like(like)
        self._root = torch.empty_like(like)
        self.reset()

    def keep(self, index: list[int]) -> "Adam":
        """The moments of these entries of the second axis."""
        kept = Adam(self._way[:, index], self._beta1, self._beta2, sqrt(self._least))
        kept._way.copy_(self._way[:, index])
        kept._square.copy_(self._square[:, index])
        kept._count, kept._weighted = self._count, self._weighted
        return kept

    def forget(self, mask: Tensor) -> None:
        """Forgets the moments where a mask says; it broadcasts."""
        self._way.copy_(torch.where(mask, 0.0, self._way))
        self._square.copy_(torch.where(mask, self._least, self._square))

    def reset(self) -> None:
        """Forgets the moments."""
        self._way.zero_()
        self._square.fill_(self._least)
        self._count = self._weighted = 0

    def step(self, parameters: Tensor, gradient: Tensor, rate: Tensor, factor: float = 1.0) -> None:
        """Subtracts factor x corrected mean of rate x gradient / root of the corrected mean square.

        ``rate`` broadcasts; it is that of this gradient, wherever it still counts, ``factor`` that of this step.
        """
        if self._weighted == PERIOD:
            self._way.mul_(self._beta1**PERIOD)
            self._square.mul_(self._beta2**PERIOD).clamp_min_(self._least)
            self._weighted = 0
        self._count += 1
        self._weighted += 1
        first, second = self._beta1**self._weighted, self._beta2**self._weighted
        self._way.addcmul_(gradient, rate, value=(1.0 - self._beta1) / first)
        self._square.addcmul_(gradient, gradient, value=(1.0 - self._beta2) / second)
        first /= 1.0 - self._beta1**self._count
        second /= 1.0 - self._beta2**self._count
        torch.sqrt(self._square, out=self._root)
        parameters.addcdiv_(self._way, self._root, value=-factor * first / sqrt(second))
