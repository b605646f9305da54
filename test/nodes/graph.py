# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""ROS graphs for tests: a domain of one's own, nodes spun in the background, a probe that sends and listens."""

import contextlib
import itertools
import socket
import threading
import time
import traceback

import numpy as np
import rclpy
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from robot_planner import environment
from robot_planner.nodes.interfaces import Quality

PATIENCE = 15.0
"""Seconds to wait for what must come; discovery alone takes up to 3 s on a busy machine."""
TRANSITIONS = {"configure": 1, "cleanup": 2, "activate": 3, "deactivate": 4}
_domains = itertools.cycle(range(1, environment.DOMAINS[0]))


@contextlib.contextmanager
def fresh_domain():
    """A ROS domain for one test: what an earlier one left behind is not discovered in it.

    rclpy frees a graph's participant when Python collects it, maybe in the middle of the next test. There, a service
    of which one of two endpoints is seen to go would never count as available again.
    """
    for number in itertools.islice(_domains, environment.DOMAINS[0]):
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as claim:
            try:
                claim.bind(f"\0robot_planner-test-domain-{number}")
            except OSError:
                continue
            yield number
            return
    raise RuntimeError("no free ROS domain")


def wait_for(condition, what="it", timeout=PATIENCE):
    """Waits until ``condition()`` is true, and returns what it returned."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {timeout} s for {what}")


class Spinner:
    """An executor in a thread."""

    def __init__(self, context):
        self.executor = SingleThreadedExecutor(context=context)
        self.failure = None
        self._running = True
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self):
        try:
            while self._running:
                self.executor.spin_once(timeout_sec=0.05)
        except Exception:
            self.failure = traceback.format_exc()

    def close(self):
        self._running = False
        self._thread.join(10.0)
        self.executor.shutdown()


class TestGraph:
    """Nodes in this process; ``probe`` is a plain node of the test's own."""

    __test__ = False

    def __enter__(self):
        self.context = Context()
        rclpy.init(context=self.context, signal_handler_options=SignalHandlerOptions.NO)
        self.probe = rclpy.create_node("probe", context=self.context)
        self._spinners, self.nodes = [Spinner(self.context), Spinner(self.context)], []
        self._spinners[1].executor.add_node(self.probe)
        self._sent, self._clients = {}, {}
        return self

    def __exit__(self, *exception):
        failures = [spinner.failure for spinner in self._spinners]
        for spinner in self._spinners:
            spinner.close()
        for node in [*self.nodes, self.probe]:
            with contextlib.suppress(Exception):
                node.tear_down()
            node.destroy_node()
        self.context.try_shutdown()
        assert not any(failures), "\n".join(filter(None, failures))

    def start(self, node_class, active=True, **parameters):
        """Makes a node with these parameters and brings it up."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = node_class(context=self.context, parameter_overrides=overrides, use_global_arguments=False)
        self.nodes.append(node)
        self._spinners[0].executor.add_node(node)
        if active:
            self.change(node, "configure")
            self.change(node, "activate")
        return node

    def separate(self, name):
        """A plain node with an executor of its own, whose callbacks may block."""
        node = rclpy.create_node(name, context=self.context)
        self._spinners.append(Spinner(self.context))
        self._spinners[-1].executor.add_node(node)
        self.nodes.append(node)
        return node

    def change(self, node, transition):
        """Asks for a lifecycle transition; fails if the node refuses."""
        request = ChangeState.Request()
        request.transition.id = TRANSITIONS[transition]
        assert self.call(ChangeState, f"{node.get_name()}/change_state", request).success, node.failure

    def call(self, kind, name, request):
        """Calls a service."""
        # kept: destroying it here, while the probe spins in its thread, would now and then kill that thread
        if name not in self._clients:
            self._clients[name] = self.probe.create_client(kind, name)
        client = self._clients[name]
        assert client.wait_for_service(PATIENCE), f"no service {name}"
        self._wait_until_known(client.service_name)
        future = client.call_async(request)
        wait_for(future.done, f"an answer from {name}")
        return future.result()

    def listen(self, kind, topic, quality=Quality.QUEUED):
        """A list that fills with what comes on a topic, once somebody publishes there."""
        heard = []
        subscription = self.probe.create_subscription(kind, topic, heard.append, quality.profile())
        wait_for(lambda: self.probe.count_publishers(topic), f"a publisher of {topic}")
        wait_for(subscription.get_publisher_count, f"a match on {topic}")
        return heard

    def send(self, topic, message, quality=Quality.NEWEST):
        """Publishes one message, once somebody listens."""
        if topic not in self._sent:
            publisher = self._sent[topic] = self.probe.create_publisher(type(message), topic, quality.profile())
            wait_for(publisher.get_subscription_count, f"a subscriber of {topic}")
        self._sent[topic].publish(message)

    def action(self, kind, name):
        """A connected action client."""
        # Made on the probe's own thread: rclpy enters a client into the node before it is whole, and a thread that
        # spins the node meanwhile would fall over it.
        made = self._spinners[1].executor.create_task(ActionClient, self.probe, kind, name)
        wait_for(made.done, f"a client of {name}")
        client = made.result()
        assert client.wait_for_server(PATIENCE)
        for service in ("send_goal", "get_result", "cancel_goal"):
            self._wait_until_known(f"/{name}/_action/{service}")
        return client

    def _wait_until_known(self, service):
        """Waits until the server knows its client too: an answer to a client not yet known is lost."""
        for node in self.nodes:
            if node.count_services(service):
                wait_for(lambda node=node: node.count_clients(service), f"{node.get_name()} to know us")

    def now(self):
        """The probe's time [ns]."""
        return self.probe.get_clock().now().nanoseconds


class Repeater:
    """Calls ``action`` every ``period`` seconds in a thread, as a camera or a perception node would."""

    def __init__(self, action, period=0.02):
        self._action, self._period = action, period
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        self._thread.join(5.0)

    def _run(self):
        while not self._stop.wait(self._period):
            self._action()


def noise_image(seed=0, size=96):
    """A random RGB image."""
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
