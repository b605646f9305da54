# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The base class: transitions, the gate, faults, bad messages, services, diagnostics."""

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from graph import Repeater, wait_for

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.interfaces import Gives, Serves, Takes
from robot_planner.nodes.messages import latent_from_message, latent_to_message
from robot_planner.types import Latent
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.srv import StepSimulation


class EchoNode(ManagedNode):
    """Passes latents on; remembers which hooks were called."""

    node_name = "echo"
    interfaces = (
        Takes("latent", LatentMessage, "In."),
        Gives("echo", LatentMessage, "Out."),
        Serves("~/step", StepSimulation, "For tests."),
    )

    def __init__(self, **kwargs):
        self.calls, self.fail_in, self.ticks = [], {}, 0
        super().__init__(**kwargs)

    def _hook(self, name):
        self.calls.append(name)
        if name in self.fail_in:
            raise self.fail_in[name]

    def set_up(self):
        self.echo = self.advertise("echo")
        self.subscribe("latent", self.on_latent)
        self.serve("~/step", self.on_step)
        self.every(0.02, self.tick, "tick")
        self._hook("set_up")

    def start(self):
        self._hook("start")

    def stop(self, reason):
        self.stop_reason = reason
        self.echo.publish(LatentMessage(encoder="last word"))
        self._hook("stop")

    def tear_down(self):
        self._hook("tear_down")

    def on_latent(self, message):
        latent_from_message(message)
        if message.encoder == "bug":
            raise ZeroDivisionError("a bug")
        self.echo.publish(message)

    def on_step(self, request, response):
        if request.steps == 0:
            raise InvalidInputError("steps is 0; allowed: 1 and more")
        if request.steps == 13:
            raise ZeroDivisionError("a bug")
        response.success = True
        return response

    def tick(self):
        self.ticks += 1

    def diagnose(self):
        return {"ticks": str(self.ticks)}


def latent(encoder="e", value=1.0):
    return latent_to_message(Latent(np.full(3, value, np.float32), encoder))


def test_the_hooks_follow_the_lifecycle_and_everything_is_made_anew(graph):
    node = graph.start(EchoNode)
    for _ in range(3):
        heard = graph.listen(LatentMessage, "echo")
        graph.send("latent", latent())
        wait_for(lambda heard=heard: heard, "an echo")
        for transition in ("deactivate", "cleanup", "configure", "activate"):
            graph.change(node, transition)
        wait_for(lambda: graph.probe.count_subscribers("latent") == 1, "one subscription")
    assert node.calls == ["set_up", "start"] + ["stop", "tear_down", "set_up", "start"] * 3


def test_callbacks_run_only_while_the_node_is_active(graph):
    node = graph.start(EchoNode, active=False)
    graph.change(node, "configure")
    heard = graph.listen(LatentMessage, "echo")
    with Repeater(lambda: graph.send("latent", latent())):
        wait_for(lambda: node.channel("latent").ignored > 3, "ignored messages")
        assert (heard, node.ticks) == ([], 0)
        graph.change(node, "activate")
        wait_for(lambda: heard and node.ticks, "work")
        graph.change(node, "deactivate")
        done = node.channel("latent").count
        ignored = node.channel("latent").ignored
        wait_for(lambda: node.channel("latent").ignored > ignored + 3, "ignored messages")
        assert node.channel("latent").count == done


def test_the_last_word_of_stop_is_published(graph):
    node = graph.start(EchoNode)
    heard = graph.listen(LatentMessage, "echo")
    graph.change(node, "deactivate")
    wait_for(lambda: heard and heard[-1].encoder == "last word", "the last word")
    assert node.stop_reason == "deactivated"


def test_bad_messages_are_dropped_whole_counted_and_warned_of_once(graph):
    node = graph.start(EchoNode)
    heard = graph.listen(LatentMessage, "echo")
    warnings = []
    node.get_logger().warning = warnings.append
    for count in (1, 2, 3):
        graph.send("latent", latent(value=np.nan))
        wait_for(lambda count=count: node.channel("latent").dropped == count, "the drop")
    graph.send("latent", latent("good"))
    wait_for(lambda: heard, "the good one")
    assert [message.encoder for message in heard] == ["good"]
    assert node.active
    assert len(warnings) == 1 and "NaN" in warnings[0]
    assert "NaN" in node.channel("latent").last_reason


def test_a_bug_in_a_callback_stops_the_node_and_its_reason_is_latched(graph):
    node = graph.start(EchoNode)
    heard = graph.listen(LatentMessage, "echo")
    graph.send("latent", latent("bug"))
    wait_for(lambda: heard and heard[-1].encoder == "last word", "the last word")
    wait_for(lambda: node.state == "inactive", "the deactivation")
    assert "ZeroDivisionError: a bug" in node.failure
    assert "a bug" in node.stop_reason
    graph.change(node, "activate")
    assert node.failure == ""
    graph.send("latent", latent("good"))
    wait_for(lambda: heard[-1].encoder == "good", "work again")


@pytest.mark.parametrize(
    ("hook", "error", "calls", "state"),
    [
        ("set_up", ModelError("no such model"), ["set_up", "tear_down"], "unconfigured"),
        ("set_up", ZeroDivisionError("a bug"), ["set_up", "tear_down"], "unconfigured"),
        ("start", ZeroDivisionError("a bug"), ["set_up", "start", "stop"], "inactive"),
    ],
)
def test_a_failed_way_up_is_undone_and_its_reason_latched(graph, hook, error, calls, state):
    node = graph.start(EchoNode, active=False)
    node.fail_in[hook] = error
    node.trigger_configure()
    if hook == "start":
        node.trigger_activate()
    assert node.calls == calls
    assert node.state == state
    assert str(error) in node.failure
    assert not node.active


@pytest.mark.parametrize("hook", ["stop", "tear_down"])
def test_a_failed_way_down_still_ends_unconfigured_and_can_be_taken_again(graph, hook):
    node = graph.start(EchoNode)
    node.fail_in[hook] = ZeroDivisionError("a bug")
    node.trigger_deactivate()
    if hook == "tear_down":
        node.trigger_cleanup()
    assert node.state == "unconfigured"
    assert not node.active
    assert node.calls[-1] == "tear_down"
    assert "a bug" in node.failure
    node.fail_in.clear()
    graph.change(node, "configure")
    graph.change(node, "activate")


def test_finish_stops_and_tears_down_from_any_state(graph):
    node = graph.start(EchoNode)
    node.finish("SIGTERM")
    assert node.calls == ["set_up", "start", "stop", "tear_down"]
    assert node.stop_reason == "SIGTERM"
    assert node.state == "finalized"
    node.finish("again")
    idle = graph.start(EchoNode, active=False)
    idle.finish("SIGINT")
    assert idle.calls == []


def test_autostart_needs_no_lifecycle_manager(graph):
    node = graph.start(EchoNode, active=False, autostart=True)
    wait_for(lambda: node.active, "activity")


class BrokenNode(EchoNode):
    """Can't be set up."""

    def set_up(self):
        raise ModelError("no such model")


def test_an_autostart_that_fails_ends_the_process(graph):
    ended = []

    class Watched(BrokenNode):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.on_exit = ended.append

    node = graph.start(Watched, active=False, autostart=True)
    wait_for(lambda: ended, "the end")
    assert ended == ["it could not become active"]
    assert node.failure == "no such model"
    assert node.exit_status == 1


def test_services_answer_with_a_reason_for_what_they_refuse(graph):
    node = graph.start(EchoNode, active=False)
    graph.change(node, "configure")

    def step(number):
        return graph.call(StepSimulation, "echo/step", StepSimulation.Request(steps=number))

    assert "not active, it is inactive" in step(1).message
    graph.change(node, "activate")
    assert step(1).success
    refused = step(0)
    assert (refused.success, refused.message) == (False, "steps is 0; allowed: 1 and more")
    assert node.active
    broken = step(13)
    assert not broken.success and "internal error" in broken.message
    assert not node.active


def test_only_listed_interfaces_can_be_made(graph):
    node = graph.start(EchoNode)
    with pytest.raises(KeyError, match="lists no Gives"):
        node.advertise("secret")


def test_diagnostics_tell_state_rates_drops_and_failures(graph):
    node = graph.start(EchoNode)
    node.model_digest = "abc"
    heard = graph.listen(DiagnosticArray, "/diagnostics")

    def last():
        return heard[-1].status[0] if heard else None

    with Repeater(lambda: graph.send("latent", latent())):
        status = wait_for(lambda: last() if last() and float(values(last()).get("latent rate [1/s]", 0)) > 5 else None)
    assert status.name == "/echo"
    assert status.level == DiagnosticStatus.OK
    found = values(status)
    assert found["state"] == "active"
    assert found["model"] == "abc"
    assert int(found["ticks"]) > 0
    assert float(found["memory [MB]"]) > 10
    graph.send("latent", latent(value=np.nan))
    wait_for(lambda: last().level == DiagnosticStatus.WARN, "a warning")
    assert "1 bad messages" in last().message
    wait_for(lambda: last().level == DiagnosticStatus.OK, "calm")
    node.warning = "too dark"
    wait_for(lambda: last().message == "too dark", "the node's own warning")
    graph.send("latent", latent("bug"))
    wait_for(lambda: last().level == DiagnosticStatus.ERROR, "an error")
    assert "a bug" in last().message


def values(status):
    return {pair.key: pair.value for pair in status.values}


def test_late_and_long_timer_calls_count_as_overruns(graph):
    class Slow(EchoNode):
        def tick(self):
            super().tick()
            if self.ticks == 3:
                wait_for(lambda: self.get_clock().now().nanoseconds > self.begin + 60_000_000)
            self.begin = self.get_clock().now().nanoseconds

    node = graph.start(Slow)
    wait_for(lambda: node.channel("tick").overruns >= 1, "an overrun")
