# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Watchdogs on steady time: what falls silent stops the arm, and what never spoke never starts it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from robot_planner.errors import InvalidInputError
from robot_planner.policy.reasons import Reason


@dataclass(frozen=True)
class Fault:
    """The first thing that went wrong."""

    reason: Reason
    detail: str
    time: float
    """Steady time at which it was noticed [s]."""


class Watchdogs:
    """A table of inputs that must stay alive, with the first fault latched.

    - Each input has a period: that long after its last sign of life the arm stands still. So braking begins
      ``reaction`` seconds earlier: the time to brake plus the time between two checks.
    - Deny by default: an input that never spoke is silent.
    - The first fault stays until ``reset``; later faults don't replace it.
    - ``reset`` clears it only while every input named in the call is alive.
    Times are steady seconds, given by the caller: ROS time may stand still when its source dies.
    """

    def __init__(self, periods: Mapping[Reason, float], reaction: float) -> None:
        for reason, period in periods.items():
            if not math.isfinite(period) or period <= reaction:
                raise InvalidInputError(
                    f"watchdog period of '{reason.value}' is {period} s; it must be finite and above {reaction:.3f} s, "
                    "the time to notice and to brake"
                )
        self._timeouts = {reason: period - reaction for reason, period in periods.items()}
        self._fed: dict[Reason, float] = {}
        self.fault: Fault | None = None

    def feed(self, reason: Reason, now: float) -> None:
        """A sign of life of the input whose loss is ``reason``."""
        if reason not in self._timeouts:
            raise KeyError(reason)
        self._fed[reason] = now

    def forget(self, *reasons: Reason) -> None:
        """Treats these inputs as never heard of."""
        for reason in reasons:
            self._fed.pop(reason, None)

    def age(self, reason: Reason, now: float) -> float:
        """Time since the last sign of life [s]; infinite if there was none."""
        return now - self._fed.get(reason, -math.inf)

    def silent(self, now: float, *reasons: Reason) -> list[Reason]:
        """Which of ``reasons`` (default: all) have been silent for too long."""
        return [r for r in (reasons or self._timeouts) if not self.age(r, now) <= self._timeouts[r]]

    def check(self, now: float, *reasons: Reason) -> Fault | None:
        """The latched fault; latches the first silent one of ``reasons`` (default: all)."""
        if self.fault is None:
            for reason in self.silent(now, *reasons):
                age = self.age(reason, now)
                detail = f"silent for {age:.3f} s" if math.isfinite(age) else "never heard"
                return self.trip(reason, detail, now)
        return self.fault

    def trip(self, reason: Reason, detail: str, now: float) -> Fault:
        """Latches a fault that was noticed elsewhere, unless one is latched already; returns the latched one."""
        if self.fault is None:
            self.fault = Fault(reason, detail, now)
        return self.fault

    def reset(self, now: float, *needed: Reason) -> bool:
        """Clears the fault if every one of ``needed`` (default: all) is alive; says whether none is latched now."""
        if not self.silent(now, *needed):
            self.fault = None
        return self.fault is None
