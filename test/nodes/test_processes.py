# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Graph and ``robot-planner up``: processes started, watched and ended without a trace."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from graph import PATIENCE, wait_for

from robot_planner.nodes import graph as graph_module
from robot_planner.nodes.graph import Graph, GraphError
from robot_planner.nodes.shared_memory import FOLDER, families_of, remove_unused
from robot_planner.nodes.table import NodeEntry

pytestmark = pytest.mark.graph
HERE = Path(__file__).parent
ACTORS = tuple(NodeEntry(name, "compute", "for tests", module="actor") for name in ("one", "two"))


@pytest.fixture(autouse=True)
def actors(monkeypatch):
    path = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    # the table's own names are checked; these are not in it
    monkeypatch.setattr("robot_planner.nodes.table.NODES", ACTORS)


def left(families):
    """Those whose files are there, though neither this process nor another living one uses them."""
    return [family for family in families - families_of(os.getpid()) if (FOLDER / family).exists()]


def make(lines=None, **overrides):
    return Graph(
        {"namespace": "ns"},
        {key.replace("__", "."): value for key, value in overrides.items()},
        ACTORS,
        on_line=(lambda name, line: lines.append((name, line))) if lines is not None else (lambda name, line: None),
    )


def test_a_graph_becomes_active_and_leaves_nothing_behind():
    lines = []
    with make(lines) as graph:
        graph.wait_active(PATIENCE)
        processes = [child.process.pid for child in graph.children.values()]
        memory = {family for pid in processes for family in families_of(pid)}
        assert memory and all((FOLDER / family).exists() for family in memory)
        wait_for(lambda: lines.count(("one", "started")) == 1 and ("two", "started") in lines, "their output")
    for pid in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert ("one", "stopped: SIGINT") in lines
    assert left({family for family in memory if "port" not in family}) == []
    assert graph.stop() == {"one": 0, "two": 0}


def test_shared_memory_of_a_killed_node_is_removed():
    with make() as graph:
        graph.wait_active(PATIENCE)
        child = graph.children["one"]
        wait_for(lambda: child.shared_memory, "the first look")
        graph.kill("one")
        wait_for(lambda: not child.alive, "its death")
        segments = {family for family in child.shared_memory if "port" not in family}
        assert all((FOLDER / family).exists() for family in segments)
        other = {family for family in families_of(graph.children["two"].process.pid) if "port" not in family}
        assert remove_unused(other) == []  # what lives is not touched
    assert left(segments | other) == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [("die", "'two' was killed by SIGKILL"), ("exit", "'two' ended with status 3"), ("set_up", "no such model 'x'")],
)
def test_a_node_that_is_lost_is_named(fault, words):
    with make(two__fault=fault) as graph, pytest.raises(GraphError, match=words):
        with contextlib.suppress(GraphError):
            graph.wait_active(PATIENCE)
        (lost,) = wait_for(graph.died, "the death")
        assert fault == "set_up" or any("port" not in family for family in lost.shared_memory)
        graph.check()


def test_a_wrong_parameter_is_told_by_the_node_itself():
    with make(one__fault="dance") as graph, pytest.raises(GraphError, match="status 2: actor: parameter 'fault'"):
        graph.wait_active(PATIENCE)


def test_waiting_has_an_end():
    graph = Graph({"autostart": "false"}, {}, ACTORS)
    with graph, pytest.raises(GraphError, match="not active within 0.5 s: 'one'"):
        graph.wait_active(0.5)


def test_a_deaf_node_is_killed(monkeypatch):
    monkeypatch.setattr(
        graph_module, "GRACE", ((signal.SIGINT, 5.0), (signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0))
    )  # fmt: skip
    with make(one__fault="deaf") as graph:
        graph.wait_active(PATIENCE)
        statuses = graph.stop()
    assert statuses == {"one": -signal.SIGKILL, "two": 0}


class Up:
    """``robot-planner up`` over the actors."""

    def __init__(self, *arguments):
        code = (
            "import sys\n"
            "from robot_planner.nodes import table\n"
            "from robot_planner.nodes.table import NodeEntry\n"
            "actors = tuple(NodeEntry(n, 'compute', '', module='actor') for n in ('one', 'two'))\n"
            "table.NODES = actors\n"
            "from robot_planner.nodes import graph\n"
            "graph.Graph.__init__.__defaults__ = (None, None, actors, *graph.Graph.__init__.__defaults__[3:])\n"
            "from robot_planner import cli\n"
            "sys.exit(cli.main(sys.argv[1:]))\n"
        )
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "up", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._reader = threading.Thread(target=lambda: self.lines.extend(self._lines()), daemon=True)
        self._reader.start()

    def _lines(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
        return []

    def wait(self):
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def saw(self, text):
        return any(text in line for line in self.lines)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_forwards_signals_and_ends_with_success(number):
    with Up() as up:
        wait_for(lambda: up.saw("active: one, two"), "activity")
        up.process.send_signal(number)
        assert up.wait() == 0
    assert up.saw(f"one        | stopped: {number.name}") or up.saw(f"| stopped: {number.name}")


@pytest.mark.parametrize("fault", ["die", "exit", "set_up"])
def test_up_announces_a_lost_node_and_ends_all(fault):
    with Up("-p", f"one.fault:={fault}") as up:
        assert up.wait() == 1
    assert up.saw("node 'one'") and up.saw("ending all")


def test_up_that_is_killed_takes_its_nodes_along():
    with Up() as up:
        wait_for(lambda: up.saw("active: one, two"), "activity")
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(up.process.pid)], capture_output=True, text=True)
        nodes = [int(pid) for pid in found.stdout.split()]
        assert len(nodes) == 2
        up.process.kill()
        up.process.wait()
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in nodes), "the nodes' end")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-p", "one.fault"], "write NODE.PARAMETER:=VALUE"),
        (["-p", "three.fault:=die"], "unknown node 'three'; valid: one, two"),
        (["--log-level", "loud"], "invalid choice: 'loud'"),
        (["-p", "one.fault:=[1"], "no YAML value"),
    ],
)
def test_what_the_user_of_up_did_wrong_is_one_line(arguments, words):
    with Up(*arguments) as up:
        assert up.wait() == 2
    assert up.saw(words) and not up.saw("Traceback")


def test_nodes_that_are_stopped_while_they_still_import_end_cleanly():
    lines = []
    with make(lines) as graph:
        statuses = graph.stop()
    assert statuses == {"one": 0, "two": 0}
    assert not any("Traceback" in line or "KeyboardInterrupt" in line for _, line in lines)
