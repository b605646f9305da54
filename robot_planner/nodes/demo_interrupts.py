# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C as a flag that is looked at where a stop is safe; imports no ROS."""

import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedByUser(KeyboardInterrupt):
    """Ctrl-C, or another signal that asks to end."""


class Interrupts:
    """Keeps the first signal; later ones change nothing, so that they can't cut an orderly end short."""

    def __init__(self) -> None:
        self.number = 0
        self._former: dict[int, Any] = {}

    def __enter__(self) -> "Interrupts":
        self._former = {number: signal.signal(number, self._on_signal) for number in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises InterruptedByUser if a signal came."""
        if self.number:
            raise InterruptedByUser(signal.Signals(self.number).name)

    @property
    def status(self) -> int:
        """Exit status by the shell's convention: 130 for Ctrl-C; 0 without a signal."""
        return 128 + self.number if self.number else 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.number = self.number or number
