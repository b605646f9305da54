# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task that words ask for in the plane: how it begins, what its goal is, and when it is done."""

from dataclasses import replace

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.placement import ENTITIES, PLACEMENTS, TOOL, Placement, outside
from robot_planner.simulation.tasks import BLOCK_TOLERANCE, make_task
from robot_planner.simulation.tasks.bring import LEAST


def sample(name, seed):
    return make_task(name).sample(np.random.default_rng(seed), seed)


def place(state, entity):
    return state.tool[:2] if entity == TOOL else state.blocks[ENTITIES.index(entity) - 1, :2]


@pytest.mark.parametrize("wanted", PLACEMENTS, ids=str)
def test_nothing_is_done_at_the_start_and_all_of_it_in_the_goal(wanted):
    task, episode = make_task(f"bring/{wanted}"), sample(f"bring/{wanted}", 3)
    assert episode.target["placement"] == str(wanted)
    assert outside(place(episode.start, wanted.entity), wanted.place) >= LEAST
    assert not task.evaluate(episode, episode.start).success
    verdict = task.evaluate(episode, episode.goal)
    assert verdict.success and verdict.distance == 0.0


def test_a_seed_draws_the_placement_and_gives_the_same_episode_again():
    drawn = {sample("bring", seed).target["placement"] for seed in range(60)}
    assert len(drawn) > 15
    assert np.array_equal(sample("bring", 5).start.blocks, sample("bring", 5).start.blocks)


def test_other_blocks_have_to_stay_but_may_be_nudged():
    task, episode = make_task("bring/red=left"), sample("bring/red=left", 1)
    for far, success in ((0.9 * BLOCK_TOLERANCE, True), (1.1 * BLOCK_TOLERANCE, False)):
        blocks = episode.goal.blocks.copy()
        blocks[2, 0] += far
        assert task.evaluate(episode, replace(episode.goal, blocks=blocks)).success is success


def test_where_the_hand_is_matters_only_if_it_was_named():
    task, episode = make_task("bring/red=left"), sample("bring/red=left", 1)
    assert task.evaluate(episode, replace(episode.goal, tool=np.array([0.3, -0.2, 0.03]))).success
    task, episode = make_task("bring/tool=left"), sample("bring/tool=left", 1)
    assert not task.evaluate(episode, replace(episode.goal, tool=np.array([0.3, -0.2, 0.03]))).success


def test_what_is_no_placement_is_refused():
    with pytest.raises(InvalidInputError, match="no placement"):
        make_task("bring/red=bin_a")
    with pytest.raises(UnknownNameError, match="unknown task with an argument 'push'; valid: bring, tidy"):
        make_task("push/red")
    assert Placement.parse("tool=far").entity == TOOL
