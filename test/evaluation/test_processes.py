# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Processor time and memory of processes whose load is known, and the cores that they share."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from robot_planner.evaluation import processes
from robot_planner.evaluation.processes import Sampler, busy_ticks, cores, cpu_ticks, resident_megabytes


def test_processor_time_of_a_process_and_its_threads():
    busy = "import threading\nfor _ in range(2): threading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()"
    with subprocess.Popen([sys.executable, "-c", busy]) as child:
        try:
            sampler = Sampler({"busy": child.pid, "idle": os.getppid()}, period=0.3)
            deadline = time.monotonic() + 30.0
            while len(sampler.cpu["busy"]) < 2 and time.monotonic() < deadline:
                sampler.sample()
                time.sleep(0.02)
            assert max(sampler.cpu["busy"]) > 5.0 and max(sampler.cpu["busy"]) > max(sampler.cpu["idle"])
            with cores(1):  # of all that goes on there, the busy process is one part
                assert 0 < busy_ticks(os.sched_getaffinity(0)) < busy_ticks(range(1024))
            assert 1.0 < sampler.memory["busy"][0] < 1000.0
        finally:
            child.kill()


def test_time_before_a_pause_does_not_count(monkeypatch):
    now, ticks = [0.0], [0]
    monkeypatch.setattr(processes.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(processes, "cpu_ticks", lambda process: ticks[0])
    monkeypatch.setattr(processes, "busy_ticks", lambda cores: 2 * ticks[0])
    sampler = Sampler({"one": 1})

    def at(when, used):
        now[0], ticks[0] = when, used
        sampler.sample()

    at(0.0, 0)
    at(0.5, 5 * processes.TICKS)  # too early for a sample
    sampler.pause()
    at(10.0, 9 * processes.TICKS)
    at(11.0, 9 * processes.TICKS + processes.TICKS // 2)
    assert sampler.cpu["one"] == [pytest.approx(50.0)] and sampler.cpu["others"] == [pytest.approx(50.0)]


def test_a_process_that_has_gone_is_left_out():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises(OSError):
        cpu_ticks(child.pid)
    assert np.isnan(resident_megabytes(child.pid))
    sampler = Sampler({"gone": child.pid}, period=0.0)
    sampler.sample()
    sampler.sample()
    assert sampler.cpu["gone"] == []


def test_cores_are_given_back():
    before = os.sched_getaffinity(0)
    with cores(1) as count:
        assert count == len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
