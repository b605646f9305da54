# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A ROS graph for tests: nodes in processes of their own, and one node in the test that waits for what happens."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import rclpy
from graph import fresh_domain
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

PATIENCE = 30.0
"""Seconds that any single thing may take on a busy machine."""


class Graph:
    """One test's node, and the processes that it started."""

    def __init__(self, name: str, domain: int, namespace: str = "") -> None:
        self.namespace, self.domain = namespace, domain
        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain)
        self.node = Node(name, context=self.context, namespace=namespace)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.processes: list[subprocess.Popen] = []

    def start(self, *command: str, **parameters: object) -> subprocess.Popen:
        """Starts a Python module (``-m name``) or script with ROS parameters."""
        line = [sys.executable, *command, "--ros-args"]
        if self.namespace:
            line += ["-r", f"__ns:={self.namespace}"]
        for name, value in parameters.items():
            line += ["-p", f"{name}:={str(value).lower() if isinstance(value, bool) else value}"]
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path, "ROS_DOMAIN_ID": str(self.domain)}
        process = subprocess.Popen(line, env=environment, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Lets the graph run until ``condition``; fails after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {PATIENCE:.0f} s in vain for: {what}")
            for process in self.processes:
                code = process.poll()
                if code not in (None, 0, -signal.SIGKILL, -signal.SIGTERM):
                    raise AssertionError(f"{process.args} ended with status {code} while waiting for: {what}")
            self.executor.spin_once(timeout_sec=0.05)

    def call(self, kind: type, name: str, request: object) -> object:
        """Calls a service and returns its answer."""
        client = self.node.create_client(kind, name)
        try:
            self.wait(client.service_is_ready, f"service {name}")
            future = client.call_async(request)
            self.wait(future.done, f"answer of {name}")
            return future.result()
        finally:
            self.node.destroy_client(client)

    def transition(self, node: str, transition: int) -> bool:
        """Asks a lifecycle node for a transition."""
        request = ChangeState.Request()
        request.transition.id = transition
        return self.call(ChangeState, f"{node}/change_state", request).success

    def set_parameter(self, node: str, name: str, value: object) -> str:
        """Sets a parameter; what was said against it, or the empty string."""
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        result = self.call(SetParameters, f"{node}/set_parameters", request).results[0]
        return "" if result.successful else result.reason

    def close(self) -> None:
        """Ends every process and the node."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()
        self.executor.shutdown()
        self.node.destroy_node()
        rclpy.try_shutdown(context=self.context)


@contextlib.contextmanager
def open_graph(name: str, namespace: str = "") -> Iterator[Graph]:
    """A graph that is closed whatever happens; it may serve many tests, in a domain of its own."""
    with fresh_domain() as domain, contextlib.closing(Graph(name, domain, namespace)) as graph:
        yield graph
