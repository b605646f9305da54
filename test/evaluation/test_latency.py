# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The figures of ``bench latency``, from recordings; and what it refuses."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError, ModelError, RobotPlannerError, UnknownNameError
from robot_planner.evaluation import latency
from robot_planner.evaluation.latency import moving_seconds, per_second, records
from robot_planner.evaluation.processes import Sampler

SECOND = 1_000_000_000


def by_name(table):
    return {record["quantity"]: record for record in table}


@given(st.lists(st.integers(0, 20 * SECOND), max_size=200))
def test_each_whole_second_is_counted_once(times):
    times = sorted(times)
    counts = per_second(times)
    if len(times) < 2:
        assert counts == []
        return
    assert len(counts) == (times[-1] - times[0]) // SECOND
    assert sum(counts) == sum(time - times[0] < len(counts) * SECOND for time in times)


def test_the_records_of_a_run(recordings):
    episodes = [recordings.make_recording(seed, seconds=3.0) for seed in range(2)]
    sampler = Sampler({"planner": 1})
    sampler.cpu["planner"], sampler.memory["planner"] = [80.0, 90.0, 85.0], [300.0]
    table = by_name(records(episodes, sampler, 2))
    rate = table["plans_per_second"]
    assert rate["median"] == 25.0 and rate["samples"] == 4 and rate["met"] is None
    moving = table["plans_per_second_moving"]
    assert moving["median"] == 25.0 and moving["samples"] == 4 and moving["met"] is False
    assert table["image_to_command"]["median"] == pytest.approx(85.0) and table["image_to_command"]["unit"] == "ms"
    assert table["image_to_command"]["max"] == pytest.approx(120.0)
    assert table["image_to_plan"]["median"] == pytest.approx(50.0)
    assert table["image_to_latent"]["median"] == pytest.approx(10.0)
    assert table["planning"]["p99"] == pytest.approx(30.0)
    assert table["control_jitter"]["median"] == pytest.approx(1.0)
    assert table["cpu.planner"]["median"] == 85.0 and table["memory.planner"]["max"] == 300.0
    assert table["goals"]["median"] == 2 and table["cores"]["median"] == 2
    assert len({tuple(record) for record in table.values()}) == 1


@pytest.mark.parametrize(("plans", "met"), [(60, True), (50, True), (49, False), (0, False)])
def test_the_bar_is_on_the_median_of_plans_a_second(recordings, plans, met):
    episode = recordings.make_recording(seconds=3.0)
    entry = episode.plans[0]
    times = [episode.began + int(index * SECOND / plans) for index in range(3 * plans + 1)] if plans else []
    episode.plans = [replace(entry, stamp=time, arrival=time) for time in times]
    assert by_name(records([episode], Sampler({}), 2))["plans_per_second_moving"]["met"] is met


def test_seconds_in_which_the_arm_stands_still_do_not_count_as_moving(recordings):
    entry = recordings.make_recording().plans[0]
    moving, still = (replace(entry, actions=np.full((3, 2), size, np.float32)) for size in (0.01, 0.001))
    times = [*range(0, 1000, 20), *range(1000, 2000, 100), *range(2000, 4001, 20)]
    plans = [replace(still if 1000 <= time < 2000 else moving, arrival=time * SECOND // 1000) for time in times]
    assert per_second([plan.arrival for plan in plans]) == [50, 10, 50, 50]
    assert moving_seconds(plans) == [50, 50], "the one after the rest may have been waited for"
    assert moving_seconds([]) == []


def test_nothing_measured_is_null_not_zero():
    table = by_name(records([], Sampler({"planner": 1}), 2))
    assert table["image_to_command"]["median"] is None and table["cpu.planner"]["max"] is None
    assert table["plans_per_second_moving"]["met"] is False


@pytest.mark.parametrize(
    ("option", "error", "words"),
    [
        (["--task", "fly"], UnknownNameError, "valid: around, push, reach"),
        (["--planner", "x"], UnknownNameError, "cem"),
        (["--seconds", "0"], InvalidInputError, "2 to 86400"),
        (["--seconds", "nan"], InvalidInputError, "2 to 86400"),
        (["--seed", "-4"], InvalidInputError, "0 and above"),
        (["--model", "no such"], ModelError, "valid:"),
        (["--cores", "0"], InvalidInputError, "1 and above"),
        (["-p", "plan_rate=50"], InvalidInputError, "NODE.PARAMETER:=VALUE"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(option, error, words, tmp_path):
    parser = argparse.ArgumentParser()
    latency.add_arguments(parser)
    model = tmp_path / "model"
    model.mkdir()
    (model / "manifest.yaml").touch()
    with pytest.raises(error, match=words) as caught:
        latency.run(parser.parse_args(["--model", str(model), *option]))
    assert isinstance(caught.value, RobotPlannerError) and "\n" not in str(caught.value)
