# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The planning thread alone: what it plans from, how often, and that it always answers."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from fakes import DIM, FakeConfig, FakePlanner
from graph import Repeater, wait_for

from robot_planner.errors import EnvironmentSetupError
from robot_planner.nodes.planning_thread import LONGEST_LEAD, PlanningThread, Task
from robot_planner.types import Latent

GOAL = np.ones(DIM, np.float32)


def latent(number):
    return Latent(np.full(DIM, number, np.float32), "e", number)


class Bench:
    def __init__(self, rate=100.0, planner=None, warm_up=None, **others):
        self.reports, self.planner = [], planner or FakePlanner(None, None, FakeConfig())
        self.thread = PlanningThread(
            lambda name: self.planner, self.see, self.reports.append, rate, 0.5, warm_up, **others
        )

    @staticmethod
    def see(latent, goal):
        return latent, float(np.abs(latent - goal).max())

    def plans(self):
        return [report.plan for report in list(self.reports) if report.plan is not None]


@pytest.fixture
def make():
    made = []

    def make(**arguments):
        made.append(Bench(**arguments))
        return made[-1]

    yield make
    for bench in made:
        assert bench.thread.close()


def test_it_plans_on_from_the_newest_latent_until_the_task_ends(make):
    bench = make()
    bench.thread.observe(latent(3))  # without a task: forgotten
    bench.thread.pursue(Task(1, "fake", GOAL))
    bench.thread.observe(latent(5))
    wait_for(lambda: len(bench.plans()) > 2, "plans")
    bench.thread.observe(latent(6))
    wait_for(lambda: bench.plans()[-1].stamp == 6, "a plan from the newer latent")
    bench.thread.pursue(None)
    stamps = [plan.stamp for plan in bench.plans()]
    assert stamps == sorted(stamps) and set(stamps) == {5, 6}
    assert bench.planner.resets == 1


def test_every_latent_is_measured_though_planning_takes_longer(make):
    entered, release = threading.Event(), threading.Event()

    class Slow(FakePlanner):
        def plan(self, problem, deadline=None):
            entered.set()
            release.wait(10.0)
            return super().plan(problem)

    bench = make(planner=Slow(None, None, FakeConfig()))
    bench.thread.pursue(Task(1, "fake", GOAL))
    bench.thread.observe(latent(1))
    assert entered.wait(10.0)
    for number in (2, 3, 4):
        bench.thread.observe(latent(number))
    release.set()
    wait_for(lambda: len([r for r in bench.reports if r.distances]) > 1, "distances")
    assert [d for report in bench.reports for d in report.distances] == [0.0, 1.0, 2.0, 3.0]


def test_the_rate_is_a_limit_however_fast_latents_come(make):
    bench = make(rate=20.0)
    bench.thread.pursue(Task(1, "fake", GOAL))
    begin = time.monotonic()
    with Repeater(lambda: bench.thread.observe(latent(1)), 0.002):
        wait_for(lambda: len(bench.plans()) >= 5, "plans")
    assert time.monotonic() - begin >= 4 / 20.0 - 0.005


def test_the_deadline_is_on_the_monotonic_clock(make):
    seen = []

    class Curious(FakePlanner):
        def plan(self, problem, deadline=None):
            seen.append(deadline - time.monotonic())
            return super().plan(problem)

    bench = make(planner=Curious(None, None, FakeConfig()))
    bench.thread.deadline = 3.0
    bench.thread.pursue(Task(1, "fake", GOAL))
    bench.thread.observe(latent(1))
    wait_for(lambda: seen, "a plan")
    assert 2.0 < seen[0] <= 3.0


def test_a_robot_that_stands_still_gets_longer_thought_until_a_plan_moves_it(make):
    seen = []

    class Resting(FakePlanner):
        def plan(self, problem, deadline=None):
            seen.append((problem.stamp, round(deadline - time.monotonic(), 1), round(problem.lead, 6)))
            plan = super().plan(problem)
            return replace(plan, actions=plan.actions * 0.0) if problem.stamp == 2 else plan

    def planned(stamp, times):
        before = len(seen)
        bench.thread.observe(latent(stamp))
        wait_for(lambda: [row[0] for row in seen[before:]].count(stamp) >= times, "plans")
        return [row[1:] for row in seen[before:] if row[0] == stamp][:times]

    bench = make(
        planner=Resting(None, None, FakeConfig()), now=lambda: 1,
        rests=lambda plan: not plan.actions.any(), rest_deadline=3.0,
    )  # fmt: skip
    moving, resting = (0.5, 0.0), (3.0, LONGEST_LEAD)
    bench.thread.pursue(Task(1, "fake", GOAL))
    assert planned(1, 2) == [moving, moving]
    assert planned(2, 3) == [moving, resting, resting]
    assert planned(3, 2) == [resting, moving]
    planned(2, 2)
    bench.thread.pursue(Task(2, "fake", GOAL))
    assert planned(1, 1) == [moving], "a new goal is not to blame"
    bench.thread.rest_deadline = 0.1
    assert {deadline for deadline, _ in planned(2, 3)} == {0.5}, "never less than for a robot that moves"


def test_a_failure_is_reported_and_the_thread_lives_on(make):
    class Failing(FakePlanner):
        def plan(self, problem, deadline=None):
            if problem.stamp == 1:
                raise ZeroDivisionError("oh")
            return super().plan(problem)

    bench = make(planner=Failing(None, None, FakeConfig()))
    bench.thread.pursue(Task(1, "fake", GOAL))
    bench.thread.observe(latent(1))
    wait_for(lambda: [r for r in bench.reports if r.failure], "the failure")
    failure = [r for r in bench.reports if r.failure][-1]
    assert failure.failure == "ZeroDivisionError: oh" and "Traceback" in failure.details
    bench.thread.pursue(Task(2, "fake", GOAL))
    bench.thread.observe(latent(2))
    wait_for(bench.plans, "a plan")


def test_closing_does_not_wait_for_ever(make):
    release = threading.Event()

    class Stuck(FakePlanner):
        def plan(self, problem, deadline=None):
            release.wait(10.0)
            return super().plan(problem)

    bench = make(planner=Stuck(None, None, FakeConfig()))
    bench.thread.pursue(Task(1, "fake", GOAL))
    bench.thread.observe(latent(1))
    wait_for(lambda: bench.reports, "the distance, before the plan")
    assert not bench.thread.close(timeout=0.05)
    release.set()


def test_the_warm_up_is_not_reported_and_does_not_outlive_its_failure(make):
    class Cold(FakePlanner):
        def plan(self, problem, deadline=None):
            super().plan(problem)
            if len(self.problems) == 1:
                raise ZeroDivisionError("cold")
            return FakePlanner.plan(self, problem)

    bench = make(planner=Cold(None, None, FakeConfig()), warm_up=(Task(0, "fake", 0 * GOAL), latent(0)))
    wait_for(lambda: bench.planner.problems, "the warm-up")
    bench.thread.pursue(Task(1, "fake", GOAL))
    bench.thread.observe(latent(2))
    wait_for(bench.plans, "a plan")
    assert {report.number for report in bench.reports} == {1}
    assert not any(report.failure for report in bench.reports)


def test_the_planner_is_prepared_for_the_models_problems_before_it_plans(make):
    done = []

    class Careful(FakePlanner):
        def prepare(self, problem):
            done.append(("prepared", problem.start.shape, problem.goal.shape))

        def plan(self, problem, deadline=None):
            done.append("planned")
            return super().plan(problem)

    make(planner=Careful(None, None, FakeConfig()), warm_up=(Task(0, "fake", 0 * GOAL), latent(0)))
    wait_for(lambda: len(done) == 2, "the warm-up")
    assert done == [("prepared", (DIM,), (DIM,)), "planned"]


def test_what_a_planner_lacks_is_told_who_waits_for_it_and_other_failures_are_told_later(make):
    class Lacking(FakePlanner):
        def prepare(self, problem):
            raise self.failure

    warm_up = (Task(0, "fake", 0 * GOAL), latent(0))
    Lacking.failure = EnvironmentSetupError("there is no compiler")
    bench = make(planner=Lacking(None, None, FakeConfig()), warm_up=warm_up)
    with pytest.raises(EnvironmentSetupError, match="no compiler"):
        bench.thread.wait_warm()
    Lacking.failure = ZeroDivisionError("cold")
    make(planner=Lacking(None, None, FakeConfig()), warm_up=warm_up).thread.wait_warm()
    make().thread.wait_warm()


def test_plans_are_made_for_the_instant_at_which_they_come_out():
    """By the clock of the stamps, whatever that clock does: here it stands, but for 40 ms that each plan takes."""
    clock, problems = [1_000_000_000], []

    class Curious(FakePlanner):
        def plan(self, problem, deadline=None):
            problems.append(problem)
            clock[0] += 40_000_000
            return super().plan(problem)

    bench = Bench(planner=Curious(None, None, FakeConfig()), now=lambda: clock[0])
    try:
        bench.thread.pursue(Task(1, "fake", GOAL))
        bench.thread.observe(Latent(GOAL, "e", 1_000_000_000 - 60_000_000))
        wait_for(lambda: len(problems) > 2, "plans")
    finally:
        assert bench.thread.close()
    assert [problem.lead for problem in problems[:3]] == pytest.approx([0.06, 0.14, 0.18])
    assert [plan.lead for plan in bench.plans()[:2]] == [problem.lead for problem in problems[:2]]


def test_a_clock_that_leaps_makes_no_lead_without_end():
    clock, problems = [0], []

    class Curious(FakePlanner):
        def plan(self, problem, deadline=None):
            problems.append(problem)
            return super().plan(problem)

    bench = Bench(planner=Curious(None, None, FakeConfig()), now=lambda: clock[0])
    try:
        bench.thread.pursue(Task(1, "fake", GOAL))
        clock[0] = 3600 * 10**9
        bench.thread.observe(Latent(GOAL, "e", 1))
        wait_for(lambda: problems, "a plan")
        clock[0] = 0
        bench.thread.observe(Latent(GOAL, "e", 5 * 10**9))
        wait_for(lambda: problems[-1].stamp == 5 * 10**9, "a plan from an image of the future")
    finally:
        assert bench.thread.close()
    assert all(0.0 <= problem.lead <= LONGEST_LEAD for problem in problems)


def test_what_comes_out_later_than_expected_is_expected_later_the_next_time():
    problems = []

    class Curious(FakePlanner):
        def plan(self, problem, deadline=None):
            problems.append(problem)
            return super().plan(problem)

    bench = Bench(planner=Curious(None, None, FakeConfig()), now=lambda: 10**9)
    try:
        for _ in range(100):  # each plan lands 30 ms late at first, and by what is counted in less from then on
            bench.thread.landed(0.03 - bench.thread._late)
        bench.thread.pursue(Task(1, "fake", GOAL))
        bench.thread.observe(Latent(GOAL, "e", 10**9))
        wait_for(lambda: problems, "a plan")
    finally:
        assert bench.thread.close()
    assert problems[0].lead == pytest.approx(0.03, abs=1e-3)
