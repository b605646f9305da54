# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Counts what passes through a node, for its diagnostics: rates, ages, drops, overruns, memory."""

import os
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

if TYPE_CHECKING:
    from robot_planner.nodes.base import ManagedNode

PAGE = os.sysconf("SC_PAGE_SIZE")
WINDOW = 2.0
"""Seconds over which rates and ages are taken."""


class Channel:
    """One subscription, publisher or timer of a node, as it is counted."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.dropped = 0
        """Bad messages."""
        self.ignored = 0
        """Messages that came while the node wasn't active."""
        self.overruns = 0
        self.last_reason = ""
        """Why the last message was dropped."""
        self.warned = False
        self._recent: deque[tuple[float, float]] = deque(maxlen=4096)

    def passed(self, age: float = float("nan")) -> None:
        """Counts one message of this age [s]."""
        self.count += 1
        self._recent.append((time.monotonic(), age))

    def drop(self, reason: str) -> bool:
        """Counts a bad message; True if it is the first one, to be warned of."""
        self.dropped += 1
        self.last_reason = reason
        first, self.warned = not self.warned, True
        return first

    def _window(self) -> list[tuple[float, float]]:
        start = time.monotonic() - WINDOW
        while self._recent and self._recent[0][0] < start:
            self._recent.popleft()
        return list(self._recent)

    @property
    def rate(self) -> float:
        """Messages per second over the window."""
        return self.rate_over(WINDOW)

    def rate_over(self, seconds: float) -> float:
        """Messages per second over the last ``seconds``, at most the window."""
        start = time.monotonic() - seconds
        return sum(when >= start for when, _ in self._window()) / seconds

    @property
    def age(self) -> float:
        """Largest age over the window [s]; NaN when there was none."""
        return max((age for _, age in self._window() if age == age), default=float("nan"))

    def values(self) -> dict[str, str]:
        """What diagnostics say of this channel."""
        values = {f"{self.name} rate [1/s]": f"{self.rate:.1f}", f"{self.name} count": str(self.count)}
        if self.age == self.age:
            values[f"{self.name} age [s]"] = f"{self.age:.3f}"
        for key, number in (("dropped", self.dropped), ("ignored", self.ignored), ("overruns", self.overruns)):
            if number:
                values[f"{self.name} {key}"] = str(number)
        if self.last_reason:
            values[f"{self.name} last dropped for"] = self.last_reason
        return values


def memory_megabytes() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


class DiagnosticsReport:
    """What a node says of itself on ``/diagnostics``."""

    def __init__(self, node: "ManagedNode") -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._dropped = 0

    def publish(self) -> None:
        """Publishes one status; never raises."""
        message = DiagnosticArray(status=[self.status()])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)

    def status(self) -> DiagnosticStatus:
        """ERROR while a failure is latched, WARN while messages are being dropped or the node warns of something."""
        node = self._node
        dropped = sum(channel.dropped for channel in node.channels.values())
        level, text = DiagnosticStatus.OK, node.state
        if node.failure:
            level, text = DiagnosticStatus.ERROR, node.failure
        elif node.warning:
            level, text = DiagnosticStatus.WARN, node.warning
        elif dropped > self._dropped:
            level, text = DiagnosticStatus.WARN, f"{dropped - self._dropped} bad messages dropped in the last second"
        self._dropped = dropped
        times = os.times()
        values = {
            "state": node.state,
            "memory [MB]": f"{memory_megabytes():.0f}",
            "processor time [s]": f"{times.user + times.system:.2f}",
            "model": node.model_digest,
        }
        for channel in node.channels.values():
            values |= channel.values()
        try:
            values |= node.diagnose()
        except Exception as error:
            values["diagnostics failed"] = f"{type(error).__name__}: {error}"
        pairs = [KeyValue(key=key, value=str(value)) for key, value in values.items()]
        return DiagnosticStatus(
            level=level, name=node.get_fully_qualified_name(), message=text, hardware_id="robot_planner", values=pairs
        )
