# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the demo shows on a terminal and in a log, and the small parts of it that need no graph."""

import argparse
import io
import math
import os
import re
import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from robot_planner.nodes import demo_view
from robot_planner.nodes.demo_interrupts import InterruptedByUser, Interrupts
from robot_planner.nodes.demo_options import TIME_LIMITS, add_arguments, planner_names
from robot_planner.nodes.demo_thumbnail import SIDE, Thumbnail
from robot_planner.nodes.demo_view import BARS, LiveView, PlainView, Snapshot, spark_line

NUMBERS = st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), max_size=80)


def snapshot(**changes):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    made = Snapshot(
        "push", 1_000_003, "grasp", 2, 5, 1, "planning and moving", {"planner": "active"}, 6.25, 30.0,
        [0.2, 0.1, 0.05], [9.0, 4.5], {"image": 25.0, "latent": 24.0, "plan": 23.0, "command": 50.0}, 0.061, 0.033, 12,
        picture, picture,
    )  # fmt: skip
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def console(**options):
    return Console(file=io.StringIO(), **{"width": 110, "height": 40, "highlight": False} | options)


def shown(view, what):
    """Text of what the live view draws."""
    plain = Console(file=io.StringIO(), width=110, color_system=None)
    plain.print(view._panel(what))
    return plain.file.getvalue()


@pytest.mark.parametrize("options", [{}, {"width": 70}, {"color_system": None}, {"height": 18}])
def test_the_live_view_tells_how_things_stand(options):
    view = LiveView(console(**{"force_terminal": True, "color_system": "truecolor"} | options))
    text = shown(view, snapshot())
    for words in ("push · seed 1000003 · grasp", "planning and moving", "6.2 of 30 s", "0.050", "4.500",
                  "23/s, 33 ms each", "25/s → latents 24/s", "50/s", "61 ms", "1 of 1 succeeded"):  # fmt: skip
        assert words in text
    assert max(map(len, text.splitlines())) <= view._width
    assert ("▀" in text) == (not options)  # pictures where there is room and colour


@pytest.mark.parametrize("changes", [{"distances": []}, {"costs": [math.nan], "image_age": math.nan}, {"rates": {}},
                                     {"camera": None}, {"goal": None}, {"distances": [0.0, 0.0]}])  # fmt: skip
def test_the_live_view_does_without_what_is_not_known_yet(changes):
    assert "seed 1000003" in shown(
        LiveView(console(force_terminal=True, color_system="truecolor")), snapshot(**changes)
    )


def test_the_live_view_names_the_nodes_that_start():
    view = LiveView(console(force_terminal=True))
    text = shown(view, Snapshot(stage="starting", episodes=3, nodes={"planner": "active", "policy": "starting"}))
    assert "● " in text and "○ " in text and "policy" in text and "3 to do" in text


def test_the_live_view_draws_a_few_times_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(demo_view.time, "monotonic", lambda: now[0])
    drawn = []
    view = LiveView(console(force_terminal=True))
    monkeypatch.setattr(view, "_panel", lambda what: drawn.append(what) or "")
    with view:
        for _ in range(100):
            now[0] += 0.01
            view.show(snapshot())
    assert 4 <= len(drawn) <= 6


def test_plain_lines_come_at_each_stage_and_every_few_seconds(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(demo_view.time, "monotonic", lambda: now[0])
    out = console()
    with PlainView(out) as view:
        view.show(Snapshot(stage="starting", nodes={"planner": "starting", "policy": "starting"}))
        for _ in range(50):
            now[0] += 0.1
            view.show(snapshot())
        view.work("writing the video", 1, 9)
        view.work("writing the video", 2, 9)
    first, stage, one, two, work = out.file.getvalue().splitlines()
    assert first == "starting: planner, policy" and stage == "push 2/5, seed 1000003: planning and moving"
    assert one == two
    assert one.endswith("6.2 of 30 s, distance 0.050, cost 4.500, 23 plans/s, image age 61 ms")
    assert work == "writing the video ..."


def test_words_in_brackets_are_no_mark_up():
    out = console()
    PlainView(out).say("bad [/value] of [bold]")
    assert out.file.getvalue() == "bad [/value] of [bold]\n"


@given(NUMBERS, st.integers(1, 40))
def test_a_spark_line_has_its_length_and_its_peak(values, length):
    line = spark_line(values, length)
    finite = [value for value in values if math.isfinite(value)]
    assert len(line) == min(length, len(finite)) and set(line) <= set(BARS)
    if 0 < len(finite) <= length and max(finite) > 1e-6:
        assert line[finite.index(max(finite))] == BARS[-1]


@given(NUMBERS, st.integers(0, 9))
def test_progress_stays_within_its_episode(distances, episode):
    progress = snapshot(distances=distances, episode=episode, episodes=9).progress
    first = max(episode - 1, 0) / 9
    assert first <= progress < first + 1 / 9


def test_progress_follows_the_distance():
    way = [snapshot(distances=[0.2, distance], episode=1, episodes=1).progress for distance in (0.2, 0.15, 0.05)]
    assert way == pytest.approx([0.0, 0.25, 0.75])


def test_a_thumbnail_is_the_picture_in_half_blocks():
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[:, 50:] = (255, 0, 0)
    out = console(force_terminal=True, color_system="truecolor")
    thumbnail = Thumbnail().of(picture)
    lines = out.render_lines(thumbnail, pad=False)
    assert len(lines) == SIDE // 2 and all("".join(part.text for part in line) == "▀" * SIDE for line in lines)
    colors = [tuple(part.style.color.get_truecolor()) for part in lines[3]]
    assert colors[0] == (0, 0, 0) and colors[-1] == (255, 0, 0)
    assert thumbnail.of(picture)._segments is thumbnail._segments
    assert "▀" not in "".join(part.text for part in Thumbnail().of(None)._segments)


def test_the_names_of_planners_are_those_that_are_registered():
    from robot_planner.planning.catalogue import planner_configs

    assert set(planner_names()) <= set(planner_configs())  # other tests register planners of theirs
    assert {"cem", "grasp"} <= set(planner_names())


def test_the_help_names_every_task_and_every_planner():
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = set(re.findall(r"[\w+]+", parser.format_help()))
    assert {*TIME_LIMITS, *planner_names()} <= words


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_counts_and_is_raised_where_it_is_looked_for(number):
    former = signal.getsignal(number)
    with Interrupts() as interrupts:
        interrupts.check()
        assert interrupts.status == 0
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(InterruptedByUser):
            interrupts.check()
        assert interrupts.status == 128 + number
    assert signal.getsignal(number) is former
