# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A thread beside the node's executor that works on what it is handed, until it is closed; no ROS inside."""

import threading
from abc import ABC, abstractmethod


class WorkerThread(ABC):
    """Subclasses hand work over under ``_changed``, and wait there for work or for ``_closing`` in ``_run``."""

    def __init__(self, name: str) -> None:
        """Call ``_begin`` when all that ``_run`` needs is there."""
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _begin(self) -> None:
        self._thread.start()

    def close(self, timeout: float = 5.0) -> bool:
        """Ends the thread; False if its work still holds it after ``timeout`` [s]."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @abstractmethod
    def _run(self) -> None:
        """The thread: returns soon after ``_closing`` was set."""
