# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The nodes of the table as child processes: started together, watched, and ended without a trace. Imports no ROS.

    with Graph({"simulation": "true"}) as graph:
        graph.wait_active()
        ...                       # graph.check() raises as soon as a node has died

Each child tells by sd_notify when it is active; it ends when we end, however we do (its standard input closes).
"""

import contextlib
import os
import secrets
import selectors
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from robot_planner.errors import RobotPlannerError
from robot_planner.nodes.notify import STOPPING, SUPERVISED
from robot_planner.nodes.shared_memory import families_of, remove_unused
from robot_planner.nodes.table import NODES, NodeEntry, NodeStart, resolve

GRACE = ((signal.SIGINT, 5.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 5.0))
"""Signals that end the nodes, and the seconds that each is given."""
SAMPLING = 0.5
"""Seconds between two looks at which shared memory the children use."""


class GraphError(RobotPlannerError):
    """A node that died, failed, or did not become active in time."""


class Child:
    """One node's process, as we see it."""

    def __init__(self, start: NodeStart, environment: Mapping[str, str]) -> None:
        self.name = start.node.name
        self.active = False
        self.status = "starting"
        """What it said of itself last."""
        self.lines: deque[str] = deque(maxlen=200)
        """Its newest lines of output."""
        self.shared_memory: set[str] = set()
        self.rest = b""
        # an abstract address: no file to leave behind, and no path that could be too long
        address = f"robot_planner-{os.getpid()}-{secrets.token_hex(8)}-{self.name}"
        self.notifications = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notifications.bind(f"\0{address}")
        self.notifications.setblocking(False)
        # The child inherits the mask: a signal that comes while it still imports waits until its handlers are there.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            self.process = subprocess.Popen(
                start.command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # a group of its own: Ctrl-C at the terminal reaches us alone, and we pass it on once
                start_new_session=True,
                env={**environment, "NOTIFY_SOCKET": f"@{address}", SUPERVISED: "1", "PYTHONUNBUFFERED": "1"},
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    @property
    def last_words(self) -> str:
        """Why it is as it is, in one line."""
        said = [line for line in self.lines if line.strip()]
        if self.status.startswith("failed: "):
            return self.status.removeprefix("failed: ")
        return said[-1] if said else self.status

    def send(self, number: int) -> None:
        """Sends a signal, if it still lives."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def close(self) -> None:
        """Frees what we hold of an ended process."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self.notifications.close()


class Graph:
    """A context manager around the processes; see the module's docstring."""

    def __init__(
        self,
        values: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
        nodes: Iterable[NodeEntry] = NODES,
        on_line: Callable[[str, str], None] = lambda name, line: None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Takes what ``resolve`` takes; ``on_line(node, line)`` gets the nodes' output, from a thread of the graph.

        Raises UnknownNameError, InvalidInputError.
        """
        self._starts = resolve(values, overrides, nodes)
        self._environment = dict(os.environ if environment is None else environment)
        self._on_line = on_line
        self.children: dict[str, Child] = {}
        self._changed = threading.Condition()
        self._ending = False
        self._closing = threading.Event()

    def __enter__(self) -> "Graph":
        try:
            for start in self._starts:
                self.children[start.node.name] = Child(start, self._environment)
        except BaseException:
            self.stop()
            raise
        self._watcher = threading.Thread(target=self._watch, name="graph", daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # --- what is going on ---

    def died(self) -> list[Child]:
        """Children that have ended though nobody asked them to."""
        return [] if self._ending else [child for child in self.children.values() if not child.alive]

    def check(self) -> None:
        """Raises GraphError if a node has died."""
        for child in self.died():
            raise GraphError(f"node '{child.name}' {ending(child.process.returncode)}: {child.last_words}")

    def wait_active(self, timeout: float = 60.0) -> None:
        """Returns when every node is active; raises GraphError if one dies, fails, or takes longer [s]."""
        deadline = time.monotonic() + timeout
        while True:
            self.check()
            waiting = [child for child in self.children.values() if not child.active]
            if not waiting:
                return
            if time.monotonic() > deadline:
                names = ", ".join(f"'{child.name}' ({child.last_words})" for child in waiting)
                raise GraphError(f"not active within {timeout:g} s: {names}")
            with self._changed:
                self._changed.wait(0.1)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Sends a node a signal."""
        self.children[name].send(number)

    # --- the end ---

    def stop(self, first: int = signal.SIGINT) -> dict[str, int]:
        """Ends all nodes, gently first; their exit statuses. Leaves no process and no shared memory behind."""
        self._ending = True
        children = list(self.children.values())
        for number, seconds in GRACE:
            for child in children:
                if child.alive:
                    self._sample(child)
                    child.send(first if number == signal.SIGINT else number)
            deadline = time.monotonic() + seconds
            while (living := [child for child in children if child.alive]) and time.monotonic() < deadline:
                for child in living:
                    self._sample(child)  # one that ends may open a port yet
                time.sleep(0.01)
        self._closing.set()
        watcher = getattr(self, "_watcher", None)
        if watcher is not None and watcher.is_alive():
            watcher.join(2.0)
        for child in children:
            child.close()
        remove_unused({family for child in children for family in child.shared_memory})
        return {child.name: child.process.returncode for child in children}

    # --- the thread that listens to the children ---

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            for child in self.children.values():
                selector.register(
                    child.process.stdout,  # type: ignore[arg-type]
                    selectors.EVENT_READ,
                    (self._read, child),
                )
                selector.register(child.notifications, selectors.EVENT_READ, (self._hear, child))
            sampled = 0.0
            while True:
                closing = self._closing.is_set()
                events = selector.select(0.0 if closing else 0.1)
                for key, _ in events:
                    take, child = key.data
                    if not take(child):
                        selector.unregister(key.fileobj)
                if closing and not events:
                    return
                if time.monotonic() - sampled > SAMPLING:
                    sampled = time.monotonic()
                    for child in self.children.values():
                        self._sample(child)

    def _sample(self, child: Child) -> None:
        child.shared_memory |= families_of(child.process.pid)

    def _read(self, child: Child) -> bool:
        """Takes output; False at its end."""
        data = os.read(child.process.stdout.fileno(), 65536)  # type: ignore[union-attr]
        *lines, child.rest = (child.rest + data).split(b"\n")
        if not data and child.rest:
            lines, child.rest = [child.rest], b""
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            child.lines.append(text)
            self._on_line(child.name, text)
        return bool(data)

    def _hear(self, child: Child) -> bool:
        """Takes a notification."""
        for line in child.notifications.recv(65536).decode(errors="replace").splitlines():
            key, _, value = line.partition("=")
            if key == "READY":
                child.active = value == "1"
            elif key == "STATUS":
                child.status = value
                child.active = child.active and value == "active"
        self._sample(child)  # at once: it may be killed before the next look
        with self._changed:
            self._changed.notify_all()
        return True


def ending(status: int) -> str:
    """An exit status in words."""
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
