# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The base class of every node: a lifecycle node whose subclasses write set-up and tear-down only.

    @dataclass(frozen=True)
    class EchoParameters:
        gain: float = parameter(1.0, "Factor on what passes.", minimum=0.0, maximum=10.0)

    class EchoNode(ManagedNode):
        '''Passes latents on.'''                       # its first line goes into docs/nodes.md

        node_name = "echo"
        parameters_class = EchoParameters              # self.parameters: EchoParameters, read anew at set-up
        interfaces = (                                 # what isn't listed here can't be created below
            Takes("latent", Latent, "What perception saw.", Quality.NEWEST),
            Gives("echo", Latent, "The same, louder.", Quality.NEWEST),
        )

        def set_up(self):                              # configure: models, publishers, subscriptions, timers
            self.echo = self.advertise("echo")
            self.subscribe("latent", self.on_latent)
            self.every(0.1, self.check, "check")       # on steady time

        def start(self): ...                           # activate
        def stop(self, reason): self.hold()            # deactivate, fault, shutdown: make safe, publish the last word
        def tear_down(self): ...                       # drop what set_up made, even half of it

        def on_latent(self, message):
            latent = latent_from_message(message)      # InvalidInputError: dropped whole, counted, warned once
            self.echo.publish(message)                 # any other exception: traceback, latched fault, deactivated

    def main(args=None) -> int:
        return run(EchoNode, args)                     # from robot_planner.nodes.runner

Callbacks run only while the node is active; subscriptions, timers, services and publishers are destroyed by the base
class after ``tear_down``. ``self.active``, ``self.failure`` (latched until the next activation), ``self.warning`` (set
or clear it), ``self.model_digest`` and ``diagnose()`` go to ``/diagnostics`` once a second. ``fault(reason)`` stops the
node from inside. ``stop`` runs before the publishers go, so its messages still leave.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.client import Client
from rclpy.duration import Duration
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher

from robot_planner.errors import InvalidInputError, RobotPlannerError
from robot_planner.nodes.diagnostics import Channel, DiagnosticsReport
from robot_planner.nodes.interfaces import Calls, Gives, Interface, Serves, Takes
from robot_planner.nodes.lifecycle import STEADY, HookedLifecycleNode
from robot_planner.nodes.messages import to_nanoseconds
from robot_planner.nodes.parameters import (
    ANY_TIME,
    AT_START,
    ParameterSpec,
    declare,
    parameter,
    read,
    refuse_unknown,
)

SETTLE = Duration(seconds=0.2)
"""How long a node that shuts down waits for its last messages to be acknowledged."""


@dataclass(frozen=True)
class CommonParameters:
    """Parameters of every node."""

    autostart: bool = parameter(
        False,
        "Become active without a lifecycle manager; the process ends with status 1 if that fails.",
        changes=AT_START,
    )
    executor: str = parameter(
        "single",
        "What runs the callbacks; events takes less processor time, but more where an action is served (planner).",
        choices=("single", "events"),
        changes=AT_START,
    )


@dataclass(frozen=True)
class NoParameters:
    """For nodes that have none of their own."""


class Output:
    """A publisher that counts."""

    def __init__(self, node: "ManagedNode", publisher: Publisher, channel: Channel) -> None:
        self._node, self.publisher, self.channel = node, publisher, channel

    def publish(self, message: Any) -> None:
        """Publishes; the age of a stamped message goes to the diagnostics."""
        self.publisher.publish(message)
        self.channel.passed(self._node.age_of(message))


class ManagedNode(HookedLifecycleNode):
    """See the module's docstring."""

    node_name: ClassVar[str]
    parameters_class: ClassVar[type] = NoParameters
    interfaces: ClassVar[tuple[Interface, ...]] = ()

    def __init__(self, **kwargs: Any) -> None:
        """Takes what rclpy's Node takes; raises InvalidInputError for a parameter that isn't allowed."""
        super().__init__(self.node_name, **kwargs)
        self.channels: dict[str, Channel] = {}
        self.warning, self.model_digest = "", ""
        self._owned: list[tuple[Callable[[Any], Any], Any]] = []
        self._outputs: list[Output] = []
        self._specs: dict[str, ParameterSpec] = {}
        self.groups: dict[str, Any] = {}
        """Dataclass instances of ``parameter_groups``, by prefix."""
        # two dataclasses share the empty prefix: the common ones and the node's own
        own = [("", CommonParameters), ("", self.parameters_class)]
        for prefix, config_class in [*own, *self.parameter_groups().items()]:
            self._specs |= {spec.name: spec for spec in declare(self, config_class, prefix)}
        refuse_unknown(self)
        self.common = read(self, CommonParameters)
        self.read_parameters()
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._report = DiagnosticsReport(self)
        self._report_timer = self.create_timer(1.0, self._report.publish, clock=STEADY)
        if self.common.autostart:
            self.start_by_itself()

    # --- what subclasses write ---

    # set_up, start, stop, tear_down: see HookedLifecycleNode

    @classmethod
    def parameter_groups(cls) -> dict[str, type]:
        """Further dataclasses of parameters, by the prefix of their names; instances are in ``self.groups``."""
        return {}

    def diagnose(self) -> Mapping[str, str]:
        """Further values for the diagnostics."""
        return {}

    def parameters_changed(self) -> None:
        """A parameter that may change at any time has changed; ``self.parameters`` is new."""

    # --- what subclasses use ---

    def now(self) -> int:
        """The node's time (ROS time) [ns]."""
        return self.get_clock().now().nanoseconds

    def age_of(self, message: Any) -> float:
        """Age of a stamped message on the node's clock [s]; NaN if it bears no stamp."""
        header = getattr(message, "header", None)
        stamp = to_nanoseconds(header.stamp) if header is not None else 0
        return (self.now() - stamp) * 1e-9 if stamp else float("nan")

    def channel(self, name: str) -> Channel:
        """The counters under ``name``."""
        return self.channels.setdefault(name, Channel(name))

    def subscribe(self, name: str, callback: Callable[[Any], None], **fields: str) -> None:
        """Subscribes to a declared topic; ``fields`` fill the braces of its name."""
        interface, topic = self._interface(Takes, name, fields)
        channel = self.channel(topic)

        def receive(message: Any) -> None:
            if not self._active:
                channel.ignored += 1
                return
            channel.passed(self.age_of(message))
            self._guard(channel, callback, message)

        subscription = self.create_subscription(interface.type, topic, receive, interface.quality.profile())
        self._owned.append((self.destroy_subscription, subscription))

    def advertise(self, name: str, **fields: str) -> Output:
        """A publisher of a declared topic."""
        interface, topic = self._interface(Gives, name, fields)
        publisher = self.create_publisher(interface.type, topic, interface.quality.profile())
        output = Output(self, publisher, self.channel(topic))
        self._outputs.append(output)
        self._owned.append((self.destroy_publisher, publisher))
        return output

    def every(self, period: float, callback: Callable[[], None], name: str) -> None:
        """Calls back every ``period`` seconds of STEADY time; a call that takes or comes longer counts as overrun."""
        channel = self.channel(name)
        last = [0]

        def tick() -> None:
            if not self._active:
                last[0] = 0
                return
            begin = STEADY.now().nanoseconds
            late = last[0] and begin - last[0] > 2e9 * period
            channel.passed()
            self._guard(channel, callback)
            channel.overruns += bool(late or STEADY.now().nanoseconds - begin > 1e9 * period)
            last[0] = begin

        self._owned.append((self.destroy_timer, self.create_timer(period, tick, clock=STEADY)))

    def serve(self, name: str, callback: Callable[[Any, Any], Any], always: bool = False) -> None:
        """Offers a declared service; while the node isn't active it answers ``success`` false, unless ``always``."""
        interface, topic = self._interface(Serves, name, {})
        channel = self.channel(topic)

        def answer(request: Any, response: Any) -> Any:
            channel.passed()
            if not (self._active or always):
                return self._refuse(response, f"{self.get_fully_qualified_name()} is not active, it is {self.state}")
            answers: list[Any] = []
            problem = self._guard(channel, lambda: answers.append(callback(request, response)))
            return self._refuse(response, problem) if problem else answers[0]

        self._owned.append((self.destroy_service, self.create_service(interface.type, topic, answer)))

    def client(self, name: str) -> Client:
        """A client of a declared service."""
        interface, topic = self._interface(Calls, name, {})
        client: Client = self.create_client(interface.type, topic)
        self._owned.append((self.destroy_client, client))
        return client

    def call_soon(self, callback: Callable[[], None], name: str = "handover") -> None:
        """Runs a callback on the executor's thread; may be called from any thread. Runs in every state."""
        channel = self.channel(name)

        def work() -> None:
            channel.passed()
            self._guard(channel, callback)

        if self.executor is not None:  # None while the process ends
            self.executor.create_task(work)

    def drop(self, channel: Channel, error: RobotPlannerError) -> None:
        """Counts a bad message, and warns of the first one."""
        if channel.drop(str(error)):
            self.get_logger().warning(f"{channel.name}: dropped: {error} (more are counted in /diagnostics only)")

    def _guard(self, channel: Channel, callback: Callable[..., None], *args: Any) -> str:
        """Runs a callback; what went wrong, or the empty string."""
        try:
            callback(*args)
        except RobotPlannerError as error:
            self.drop(channel, error)
            return str(error)
        except Exception as error:
            self.get_logger().error(f"{channel.name}:\n{traceback.format_exc()}")
            self.fault(f"{channel.name}: {type(error).__name__}: {error}")
            return "internal error; see the node's log"
        return ""

    def _refuse(self, response: Any, reason: str) -> Any:
        response = type(response)()
        for field, value in (("success", False), ("message", reason)):
            if hasattr(response, field):
                setattr(response, field, value)
        return response

    def _interface(self, kind: type, name: str, fields: Mapping[str, str]) -> tuple[Interface, str]:
        for interface in self.interfaces:
            if isinstance(interface, kind) and interface.name == name:
                return interface, name.format(**fields)
        raise KeyError(f"{type(self).__name__}.interfaces lists no {kind.__name__}('{name}')")

    # --- inside ---

    def reset_counters(self) -> None:
        """Warns anew after each activation."""
        self.warning = ""
        for channel in self.channels.values():
            channel.warned, channel.last_reason = False, ""

    def flush(self) -> None:
        """Waits a little for the last messages to be acknowledged."""
        for output in self._outputs:
            output.publisher.wait_for_all_acked(SETTLE)

    def release(self) -> None:
        """Destroys subscriptions, timers, services, clients and publishers."""
        owned, self._owned, self._outputs = self._owned, [], []
        for destroy, entity in reversed(owned):
            destroy(entity)

    def read_parameters(self, changes: dict[str, Any] | None = None) -> None:
        """Reads all parameters into ``self.parameters`` and ``self.groups``; raises InvalidInputError."""
        own: Any = read(self, self.parameters_class, changes=changes)
        groups: dict[str, Any] = {
            prefix: read(self, kind, prefix, changes) for prefix, kind in self.parameter_groups().items()
        }
        self.parameters, self.groups = own, groups

    def _on_set_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        ours = {p.name: p.value for p in parameters if p.name in self._specs}
        former = self.parameters, self.groups
        try:
            for name in ours:
                if self._specs[name].changes != ANY_TIME and self.state != "unconfigured":
                    when = self._specs[name].changes
                    raise InvalidInputError(f"parameter '{name}' changes only {when}; the node is {self.state}")
            self.read_parameters(ours)
            if ours and self.is_set_up:
                self.parameters_changed()
        except RobotPlannerError as error:
            self.parameters, self.groups = former
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
