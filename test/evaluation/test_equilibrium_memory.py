# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The bench of memory: processes of their own, so many refinements, and what is called flat."""

import argparse

import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation import equilibrium_memory as bench

SIZES = bench.Sizes(width=32, layers=1, plan_steps=30, batch=4)


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lessons")
    bench.write_lessons(folder, training=3, held=1)
    return folder


def test_unrolling_takes_more_memory_the_more_is_unrolled_and_one_step_does_not(lessons):
    cases = [("unrolled", 2), ("unrolled", 40), ("one_step", 40)]
    found = bench.in_fresh_processes([bench.Job(name, count, 1, 0, SIZES, lessons) for name, count in cases])
    few, many, one_step = (figures["growth_mib"] for figures in found)
    grown = many - few  # what libraries take at their first call is the same in all
    assert grown > 15.0 and abs(one_step - few) < 0.5 * grown
    assert all(figures["peak_mib"] > figures["growth_mib"] for figures in found)


@pytest.mark.parametrize(("gradient", "calls"), [("one_step", 6 + 1), ("implicit", 6 + 2), ("unrolled", 1 + 6)])
def test_exactly_so_many_refinements_are_made(lessons, monkeypatch, gradient, calls):
    from robot_planner.task_planning.soft_refiner import SoftRefiner

    made, refine = [], SoftRefiner.refine
    monkeypatch.setattr(SoftRefiner, "refine", lambda *args: made.append(1) or refine(*args))
    threads = torch.get_num_threads()
    bench.measure(bench.Job(gradient, 6, 1, 0, SIZES, lessons))
    torch.set_num_threads(threads)
    assert len(made) == calls


def test_quality_is_judged_on_what_is_held_out(lessons):
    figures = bench.measure(bench.Job("one_step", 3, 2, 0, SIZES, lessons))
    assert figures["held_loss"] > 0 and 0.0 <= figures["held_right"] <= 1.0


def test_records_say_what_is_flat_and_the_figure_is_written(tmp_path, monkeypatch):
    def made_up(jobs):
        return [{"growth_mib": 10.0 * (job.refinements if job.gradient == "implicit" else 1)} for job in jobs]

    monkeypatch.setattr(bench, "in_fresh_processes", made_up)
    monkeypatch.setattr(bench, "write_lessons", lambda folder: None)
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    records = bench.run(parser.parse_args(["--refinements", "4", "2", "--out", str(tmp_path / "out")]))
    assert (tmp_path / "out" / "memory.png").stat().st_size > 0
    flat = {r["gradient"]: (r["most_over_fewest"], r["passed"]) for r in records if r["part"] == "flatness"}
    assert flat == {"implicit": (2.0, False), "one_step": (1.0, True), "unrolled": (1.0, None)}
    assert [r["steps"] for r in records if r["part"] == "quality"] == [600, 600, 600]
    with pytest.raises(InvalidInputError, match="two positive numbers"):
        bench.run(parser.parse_args(["--refinements", "4"]))
