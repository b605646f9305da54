# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Plans begin where the plans before them have brought the robot by the time they land."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.planning import Grasp, GraspConfig, LatentDistance
from robot_planner.planning.look_ahead import LookAhead, Motion
from robot_planner.types import Plan, Problem, StopReason

STEP = 0.2
SECOND = 1_000_000_000
LIMIT = torch.full((2,), 0.04)


def shift_model(low=-LIMIT, high=LIMIT):
    return FunctionModel(lambda latents, actions: latents + actions, 2, low, high, STEP)


class Scripted:
    """Hands out plans of random displacements, and keeps what it was asked."""

    def __init__(self, seed=0, steps=5):
        self.numbers, self.steps, self.problems = np.random.default_rng(seed), steps, []

    def plan(self, problem, deadline=None):
        self.problems.append(problem)
        actions = self.numbers.uniform(-0.04, 0.04, (self.steps, 2)).astype(np.float32)
        states = problem.start + np.concatenate([np.zeros((1, 2)), actions.cumsum(0)])
        return Plan(actions, states.astype(np.float32), 1.0, 1, 0.01, StopReason.DEADLINE, problem.stamp, STEP,
                    lead=problem.lead)  # fmt: skip

    def reset(self):
        self.problems.clear()


def problem(stamp, start=(0.0, 0.0), lead=0.0):
    return Problem(np.array(start, np.float32), np.ones(2, np.float32), stamp, lead)


@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(10, 300), st.integers(0, 350)), min_size=1, max_size=8))
def test_the_start_is_where_the_plans_so_far_lead(seed, rounds):
    """A robot that does what it is told, exactly: where it is at each plan's first action is what was predicted."""
    scripted, model = Scripted(seed), shift_model()
    planner = LookAhead(scripted, model)
    told, now = [], 10 * SECOND

    def position(time):
        """By integration of what was told in steps of a millisecond, apart from the code under test."""
        at, place = 10 * SECOND, np.zeros(2)
        while at < time:
            doing = [plan for plan in told if plan.begins <= at]
            if doing:
                step = int((at - doing[-1].begins) / SECOND / STEP + 1e-9)
                if step < len(doing[-1].actions):
                    place = place + doing[-1].actions[step] * 0.001 / STEP
            at += SECOND // 1000
        return place

    for wait, lead in rounds:
        now += wait * 1_000_000
        asked = problem(now, position(now), lead / 1000.0)
        if told and asked.begins <= told[-1].begins:
            continue
        plan = planner.plan(asked)
        np.testing.assert_allclose(scripted.problems[-1].start, position(asked.begins), atol=1e-4)
        told.append(plan)
        assert plan.begins == asked.begins and plan.stamp == now


def test_without_a_lead_and_before_the_first_plan_nothing_is_foretold():
    def refuse(latents, actions):
        raise AssertionError("the model was asked")

    scripted = Scripted()
    planner = LookAhead(scripted, FunctionModel(refuse, 2, -LIMIT, LIMIT, STEP))
    planner.plan(problem(SECOND, (3.0, 4.0), 0.1))  # the robot stands still
    planner.plan(problem(SECOND, (1.0, 2.0)))  # it moves, but the plan begins where it was seen
    assert [list(asked.start) for asked in scripted.problems] == [[3.0, 4.0], [1.0, 2.0]]


LATER = SECOND + SECOND // 10
AHEAD = 0.1 / STEP
"""Part of an action that is done in the lead of a plan from LATER."""


def test_a_reset_is_for_the_planner_and_the_robot_moves_on_until_it_is_held():
    scripted = Scripted()
    planner = LookAhead(scripted, shift_model())
    told = planner.plan(problem(SECOND)).actions[0]
    planner.reset()
    planner.plan(problem(LATER, (1.0, 2.0), 0.1))
    np.testing.assert_allclose(scripted.problems[-1].start, [1.0, 2.0] + AHEAD * told, atol=1e-6)
    planner.motion.forget()
    planner.plan(problem(LATER, (1.0, 2.0), 0.1))
    assert list(scripted.problems[-1].start) == [1.0, 2.0]


def test_planners_of_one_robot_share_what_it_was_told_and_count_what_is_being_sent():
    """The newest plan counts before it is out; if it never comes out, it doesn't after the reset that follows."""
    model = shift_model()
    motion, first, second = Motion.through(model), Scripted(1), Scripted(2)
    one, other = LookAhead(first, model, motion), LookAhead(second, model, motion)
    sent = one.plan(problem(SECOND))
    one.plan(problem(LATER, lead=0.1))
    np.testing.assert_allclose(first.problems[-1].start, AHEAD * sent.actions[0], atol=1e-6)
    motion.follow(sent)
    one.plan(problem(LATER))  # begins at LATER; it is never sent
    for planner, scripted in ((one, first), (other, second)):
        planner.reset()
        planner.plan(problem(LATER, lead=0.1))
        np.testing.assert_allclose(scripted.problems[-1].start, AHEAD * sent.actions[0], atol=1e-6)


def test_a_long_lead_is_gone_in_steps_of_the_model_within_its_bounds():
    seen = []

    def step(latents, actions):
        seen.append(actions[0].tolist())
        return latents + actions

    planner = LookAhead(Scripted(), FunctionModel(step, 2, -LIMIT, LIMIT, STEP))
    motion = np.full((5, 2), 0.04, np.float32)
    planner.motion.follow(Plan(motion, np.zeros((6, 2), np.float32), 0, 1, 0, StopReason.DEADLINE, SECOND, STEP))
    predicted = planner.predict(problem(SECOND, lead=0.5))
    np.testing.assert_allclose(predicted, [0.1, 0.1], atol=1e-6)
    np.testing.assert_allclose(seen, [[0.04, 0.04], [0.04, 0.04], [0.02, 0.02]], atol=1e-6)


def test_standing_still_is_the_neutral_action():
    """Bounds that leave zero out: the nearest admissible action is rest, and its fractions are none of a motion."""
    motion = Motion(np.array([0.5], np.float32))
    actions = np.full((2, 1), 0.5, np.float32)
    motion.follow(Plan(actions, np.zeros((3, 1), np.float32), 0, 1, 0, StopReason.DEADLINE, 0, STEP))
    assert motion.between(0, SECOND // 10) == pytest.approx([0.5])


def test_grasp_goes_on_from_its_last_plan_by_when_they_begin():
    """Two plans of one state and no motion between: the warm start is moved by the time between their first actions."""
    config = GraspConfig(horizon=6, restarts=1, candidates=1, iterations=1, sync="none", noise=0.0)
    planner = Grasp(shift_model(), LatentDistance(), config)
    first = planner.plan(problem(SECOND, lead=0.05))
    asked = replace(problem(SECOND + SECOND // 10, lead=0.15), start=first.states[1])  # 0.2 s, a step, later
    warm, _ = planner._shifted(asked)
    np.testing.assert_allclose(warm[:-1].numpy(), first.actions[1:], atol=1e-6)
