# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The one thread in which the task planner plans and executes, one job after the other; no ROS inside.

A language model that holds the interpreter, or never comes back, keeps the node from answering neither a cancel nor the
next goal: the node ends a task by its own clock, and what comes late from here is ignored.
"""

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robot_planner.nodes.worker_thread import WorkerThread

Job = Callable[[], Any]


@dataclass(frozen=True)
class Ended:
    """A job that has ended: with what it returned, or with an exception."""

    number: int
    result: Any = None
    error: Exception | None = None
    details: str = ""
    """Traceback."""


class TaskThread(WorkerThread):
    """Runs jobs in their order; the running one is to have been told to come back before it is closed."""

    def __init__(self, deliver: Callable[[Ended], None]) -> None:
        """``deliver`` is called from the thread."""
        super().__init__("task planning")
        self._deliver = deliver
        self._jobs: deque[tuple[int, Job]] = deque()
        self._begin()

    def begin(self, number: int, job: Job) -> None:
        """Runs a job as soon as those before it have ended."""
        with self._changed:
            self._jobs.append((number, job))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._closing:
                    self._changed.wait()
                if self._closing:
                    return
                number, job = self._jobs.popleft()
            try:
                ended = Ended(number, job())
            except Exception as error:
                ended = Ended(number, None, error, traceback.format_exc())
            self._deliver(ended)
