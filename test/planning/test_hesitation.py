# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A robot stands still until its planner knows a way, and no longer than it may."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from toys import point_mass, random_problem

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.errors import InvalidInputError
from robot_planner.planning import Cem, CemConfig, LatentDistance
from robot_planner.planning.goal_metric import PositionDistance
from robot_planner.planning.hesitation import Hesitant
from robot_planner.planning.members import MembersApart
from robot_planner.planning.planner import Planner
from robot_planner.types import Plan, Problem, StopReason

GOAL, REST = np.array([1.0, 0.0], np.float32), np.array([0.5, -0.25], np.float32)
LOW, HIGH = torch.tensor([0.5, -1.0]), torch.tensor([1.0, -0.25])
MODEL = FunctionModel(lambda latents, actions: latents + actions, 2, LOW, HIGH)
"""Of a robot that can't but move: REST is the least that it may do."""
SECOND = 10**9


class Told:
    """A planner whose n-th plan comes so near to the goal as it is told, half-way."""

    name = "told"

    def __init__(self, *distances):
        self.distances, self.asked, self.resets, self.prepared = list(distances), [], 0, 0

    def plan(self, problem, deadline=None):
        self.asked.append((problem, deadline))
        states = np.tile(problem.start, (4, 1))
        states[2] = problem.goal + [0.0, self.distances[len(self.asked) - 1]]
        actions = np.arange(6, dtype=np.float32).reshape(3, 2)
        return Plan(actions, states, 1.0, 1, 0.0, StopReason.DEADLINE, problem.stamp, 0.5, lead=problem.lead)

    def plan_batch(self, problems, deadline=None):
        return [self.plan(problem, deadline) for problem in problems]

    def reset(self):
        self.resets += 1

    def prepare(self, problem):
        self.prepared += 1


def asked(seconds, lead=0.0):
    return Problem(np.zeros(2, np.float32), GOAL, stamp=round(seconds * SECOND), lead=lead)


def hesitant(told, patience=10.0, near=0.2):
    metric = PositionDistance()
    return Hesitant(told, MODEL, metric, near, patience)


def test_it_rests_until_a_plan_comes_near_and_the_planners_time_stands_still():
    told = Told(0.5, 0.3, 0.1, 0.9)
    planner = hesitant(told)
    assert isinstance(planner, Planner) and planner.name == "told"
    plans = [planner.plan(asked(seconds, lead=0.25), 7.0) for seconds in (1.0, 1.5, 3.0, 3.5)]
    for plan, seconds in zip(plans[:2], (1.0, 1.5), strict=True):
        np.testing.assert_array_equal(plan.actions, [REST, [0, 1], [2, 3]])
        assert plan.states.shape == (4, 2) and not plan.states[:2].any() and plan.states[3, 0] == 1.0
        assert (plan.stamp, plan.lead) == (seconds * SECOND, 0.25)
    np.testing.assert_array_equal(plans[2].actions, [[0, 1], [2, 3], [4, 5]])
    assert plans[2].stamp == 3 * SECOND
    # of the 1.5 s until the third plan the first step, 0.5 s, was the rest
    assert [problem.stamp for problem, _ in told.asked] == [SECOND, SECOND, 2 * SECOND, 5 * SECOND // 2]
    assert all(deadline == 7.0 for _, deadline in told.asked)
    np.testing.assert_array_equal(plans[3].actions[0], REST)


def test_it_rests_no_longer_in_all_than_it_may():
    told = Told(*[9.0] * 8)
    planner = hesitant(told, patience=1.0)

    def rests(seconds):
        return bool((planner.plan(asked(seconds)).actions[0] == REST).all())

    assert [rests(0.5 * n) for n in range(4)] == [True, True, False, False]
    planner.reset()
    assert told.resets == 1 and rests(2.0)
    assert told.asked[-1][0].stamp == 2 * SECOND


def test_the_planners_time_stands_still_for_the_first_action_whatever_the_lead():
    told = Told(9.0, 9.0, 9.0, 9.0)
    planner = hesitant(told)
    for seconds, lead in ((1.0, 0.25), (1.5, 0.125), (2.0, 0.25), (2.125, 0.0)):
        planner.plan(asked(seconds, lead))
    begins = [problem.begins / SECOND for problem, _ in told.asked]
    # after 0.375 s the first rest, of 0.5 s, is not over; after 0.625 s the second one is; the third has not begun
    assert begins == [1.25, 1.25, 1.375, 1.25]


def test_around_members_apart_all_of_them_have_to_come_near():
    class Two:
        latent_dim, action_dim, members, step_seconds = 2, 2, 2, 0.5
        action_low, action_high = LOW, HIGH

        def step_members(self, latents, actions):
            return latents + actions

    beside = np.array([0.0, 0.4], np.float32)
    for off, rests in ((beside, True), (0.2 * beside, False)):

        class Split(Told):
            """A planner of both members, whose mean is at the goal."""

            def plan(self, problem, deadline=None, off=off):
                states = np.tile(np.concatenate([GOAL + off, GOAL - off]), (4, 1))
                actions = np.ones((3, 2), np.float32)
                return Plan(actions, states, 1.0, 1, 0.0, StopReason.DEADLINE, problem.stamp, 0.5)

        planner = MembersApart(
            Two(), PositionDistance(), lambda model, metric: Hesitant(Split(), model, metric, 0.2, 1.0)
        )
        assert bool((planner.plan(asked(0.0)).actions[0] == REST).all()) == rests


def test_without_patience_it_is_the_planner_itself():
    config = CemConfig(4, samples=16, elites=4, iterations=3)
    problems = [replace(random_problem(seed, 2), stamp=seed * SECOND // 10) for seed in range(2)]
    model, metric = point_mass(), LatentDistance()
    plain, wrapped = Cem(model, metric, config), Cem(model, metric, config)
    patient = Hesitant(wrapped, model, metric, 1e-6, 0.0)
    for problem in problems:
        np.testing.assert_array_equal(patient.plan(problem).actions, plain.plan(problem).actions)
    batches = patient.plan_batch(problems), plain.plan_batch(problems)
    for one, other in zip(*batches, strict=True):
        np.testing.assert_array_equal(one.actions, other.actions)


def test_what_is_prepared_is_the_planner():
    told = Told()
    hesitant(told).prepare(asked(0.0))
    assert told.prepared == 1


@pytest.mark.parametrize(("near", "patience"), [(0.0, 1.0), (-1.0, 1.0), (0.1, -1.0)])
def test_limits_that_make_no_sense_are_refused(near, patience):
    with pytest.raises(InvalidInputError, match="near"):
        hesitant(Told(), patience, near)
