# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One node as a process: its parameters, signals, end and exit status."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from graph import PATIENCE, wait_for

from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.notify import SUPERVISED
from robot_planner_interfaces.msg import Latent as LatentMessage

pytestmark = pytest.mark.graph
HERE = Path(__file__).parent


class Process:
    """``python -m actor``."""

    def __init__(self, *ros_args, autostart=True, **environment):
        words = [f"autostart:={str(autostart).lower()}", *ros_args]
        command = [sys.executable, "-m", "actor", "--ros-args"]
        path = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            command + [part for word in words for part in ("-p", word)],
            env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.communicate()

    def started(self):
        assert self.process.stdout.readline() == "started\n"

    def ended(self):
        """Exit status, output, errors."""
        out, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("executor", ["single", "events"])
def test_a_signal_ends_it_cleanly(number, executor):
    with Process(f"executor:={executor}") as actor:
        actor.started()
        actor.process.send_signal(number)
        status, out, errors = actor.ended()
    assert status == 0
    assert out == f"stopped: {number.name}\n"
    assert "Traceback" not in errors


def test_further_signals_do_not_cut_the_end_short():
    with Process("fault:=slow_stop") as actor:
        actor.started()
        for _ in range(20):
            actor.process.send_signal(signal.SIGINT)
            actor.process.send_signal(signal.SIGTERM)
        status, out, errors = actor.ended()
    assert (status, out.count("stopped")) == (0, 1)
    assert "Traceback" not in errors and "KeyboardInterrupt" not in errors


def test_the_last_word_leaves_before_the_process_does(graph):
    with Process("mark:=hello") as actor:
        heard = graph.listen(LatentMessage, "mark", Quality.LATCHED)
        wait_for(lambda: heard and heard[-1].encoder == "hello", "the mark")
        actor.process.send_signal(signal.SIGINT)
        assert actor.ended()[0] == 0
        wait_for(lambda: heard[-1].encoder == "stopped: SIGINT", "the last word")


def test_it_ends_when_its_starter_has_gone():
    with Process(**{SUPERVISED: "1"}) as actor:
        actor.started()
        actor.process.stdin.close()
        actor.process.stdin = None
        status, out, _ = actor.ended()
    assert status == 0
    assert "has ended" in out


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["fault:=sleep"], 2, "actor: parameter 'fault' is 'sleep'; allowed: "),
        (["executor:=1"], 2, "actor: parameter 'executor' is 1; allowed: single, events"),
        (["falt:=die"], 2, "unknown parameter 'falt'; did you mean fault?"),
        (["=x"], 2, "Couldn't parse"),
        (["fault:=set_up"], 1, "no such model 'x'; there are: y"),
    ],
)
def test_what_the_user_did_wrong_is_one_line_and_a_status(arguments, status, words):
    with Process(*arguments) as actor:
        code, _, errors = actor.ended()
    assert code == status
    assert "Traceback" not in errors
    ours = [line for line in errors.splitlines() if words in line]
    assert len(ours) == 1


def test_a_missing_parameter_file_is_one_line():
    command = [sys.executable, "-m", "actor", "--ros-args", "--params-file", "/no/such.yaml"]
    done = subprocess.run(
        command, cwd=HERE, env=os.environ | {"PYTHONPATH": str(HERE.parents[1])}, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "/no/such.yaml" in done.stderr and "Traceback" not in done.stderr
