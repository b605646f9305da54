# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How simulated time follows the wall clock, and what is due when; imports no ROS."""

import math


class Pacer:
    """Says how many physics steps are due, so that simulated time runs ``factor`` times as fast as steady time.

    A process that was held up catches up at once, but for no more than ``max_lag`` simulated seconds; what is beyond is
    left out and counted, so that being late never makes it later still.
    """

    def __init__(self, step: float, factor: float, max_lag: float = 0.1) -> None:
        self.step, self.factor, self.max_lag = step, factor, max_lag
        self.lost = 0.0
        """Simulated seconds left out so far [s]."""
        self._origin = math.nan
        self._steps = 0

    def start(self, wall: float) -> None:
        """Time runs from ``wall`` (steady seconds) on; also after a pause."""
        self._origin, self._steps = wall, 0

    def due(self, wall: float) -> int:
        """Steps to take now; they count as taken."""
        lag = (wall - self._origin) * self.factor - self._steps * self.step
        if lag > self.max_lag:
            self.lost += lag - self.max_lag
            self._origin += (lag - self.max_lag) / self.factor
            lag = self.max_lag
        steps = max(math.floor(lag / self.step + 1e-9), 0)
        self._steps += steps
        return steps

    def wall(self, behind: int = 0) -> float:
        """Steady time of the state after all steps taken but the last ``behind``."""
        return self._origin + (self._steps - behind) * self.step / self.factor


class Due:
    """A rate in simulated time: says when the next one is due."""

    def __init__(self, rate: float) -> None:
        self._period = 1.0 / rate if rate > 0 else math.inf
        self._next = -math.inf

    def now(self, time: float) -> bool:
        """Whether it is due at ``time`` [s]; True the first time, never for a rate of zero."""
        if math.isinf(self._period) or time < self._next - 1e-9:
            return False
        # On the grid of the rate, unless a whole period was missed.
        self._next = max(self._next + self._period, time) if self._next + self._period > time else time + self._period
        return True

    def reset(self) -> None:
        """The next question is answered with yes."""
        self._next = -math.inf
