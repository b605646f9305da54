# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs one node as a process: executor, signals, an orderly end, one clear line for what the user did wrong."""

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence

import rclpy
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions

from robot_planner.errors import InvalidInputError, RobotPlannerError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.notify import STOPPING, SUPERVISED

GRACE = 1.0
"""Seconds for results that must still be sent when the node ends."""
LINGER = 0.2
"""Seconds for the last of them to arrive."""
USER_ERROR = 2


class StopRequests:
    """SIGINT, SIGTERM and the starter's death as one flag that wakes the executor at once.

    rclpy's own handlers shut its context down inside the handler, so that a node can't publish its last word. A
    second signal (a terminal and a launcher both send one) finds the flag set and changes nothing.
    """

    def __init__(self) -> None:
        self.reason = ""
        self.wake: Callable[[], None] = lambda: None
        self._read, self._write = socket.socketpair()
        self._thread = threading.Thread(target=self._watch, name="stop-requests", daemon=True)

    def __enter__(self) -> "StopRequests":
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in STOPPING:
            signal.signal(number, lambda *_: None)  # Python's C handler writes the number to the wake-up socket
        self._thread.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
        return self

    def __exit__(self, *exception: object) -> None:
        # signals stay without effect to the end of the process: a second one must not cut the teardown short
        signal.set_wakeup_fd(-1)
        self._write.close()
        self._thread.join(timeout=1.0)

    def stop(self, reason: str) -> None:
        """Asks for the end; the first reason counts."""
        self.reason = self.reason or reason
        with contextlib.suppress(Exception):  # the node may be half destroyed already
            self.wake()

    def _watch(self) -> None:
        sources: list[socket.socket | int] = [self._read]
        if os.environ.get(SUPERVISED):
            sources.append(0)
        while True:
            ready, _, _ = select.select(sources, [], [])
            if self._read in ready:
                numbers = self._read.recv(16)
                if not numbers:
                    return
                for number in set(numbers) & STOPPING:
                    self.stop(signal.Signals(number).name)
            if 0 in ready and not os.read(0, 4096):
                sources.remove(0)
                self.stop("the process that started this one has ended")


def run(node_class: type[ManagedNode], args: Sequence[str] | None = None) -> int:
    """Runs a node until it is asked to end; the exit status: 0, 1 after a failure, 2 for a user's mistake."""
    with StopRequests() as requests:
        node = None
        try:
            try:
                rclpy.init(args=None if args is None else list(args), signal_handler_options=SignalHandlerOptions.NO)
                node = node_class()
                executor = make_executor(node.common.executor)
            except (RobotPlannerError, *_ARGUMENT_ERRORS) as error:
                print(f"{node_class.node_name}: {' '.join(str(error).split())}", file=sys.stderr)
                return USER_ERROR
            _spin(node, executor, requests)
            return node.exit_status
        except ExternalShutdownException:
            return 0
        except Exception:
            traceback.print_exc()
            return 1
        finally:
            if node is not None:
                with contextlib.suppress(Exception):
                    node.destroy_node()
            rclpy.try_shutdown()


def make_executor(name: str) -> Executor:
    """The executor called ``single`` or ``events``; raises InvalidInputError if this rclpy lacks it."""
    if name == "single":
        return SingleThreadedExecutor()
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        raise InvalidInputError(f"executor '{name}' is not in this rclpy; allowed: single") from None
    return EventsExecutor()


def _spin(node: ManagedNode, executor: Executor, requests: StopRequests) -> None:
    executor.add_node(node)
    # a task, for the events executor knows no guard conditions
    requests.wake = lambda: node.call_soon(lambda: None)
    node.on_exit = requests.stop
    # spin() of the events executor spins without rest and ignores SIGTERM; spin_once does neither
    while not requests.reason and rclpy.ok():
        executor.spin_once(timeout_sec=0.5)
    node.get_logger().info(f"ending: {requests.reason or 'shut down'}")
    if rclpy.ok():
        node.finish(requests.reason)
        deadline = time.monotonic() + (GRACE if node.busy else 0.0)
        while time.monotonic() < deadline and rclpy.ok():
            if not node.busy:  # sent; services have no wait_for_all_acked
                deadline = min(deadline, time.monotonic() + LINGER)
            executor.spin_once(timeout_sec=0.02)
    executor.remove_node(node)


_ARGUMENT_ERRORS = tuple(
    getattr(rclpy_implementation, name)
    for name in ("RCLInvalidROSArgsError", "UnknownROSArgsError", "NodeNameNonExistentError", "RCLError")
    if hasattr(rclpy_implementation, name)
)
