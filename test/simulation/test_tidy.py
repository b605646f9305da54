# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks of one to five stages: what the words mean, when they count as done, and that the expert does them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.arrangement import COLORS, PLACES, Arrangement
from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.simulation.expert import ScriptedExpert, ToolCommand
from robot_planner.simulation.tasks import TUNING_SEEDS, make_task
from robot_planner.simulation.tasks.tidy import arrangement_of, fulfilled, sample_by_kind, stages


@st.composite
def arrangements(draw):
    places = draw(st.permutations([None, None, *PLACES]).map(lambda x: x[:3]))
    drawer = draw(st.sampled_from([None, "open", "shut"]))
    return places, drawer


@given(arrangements())
def test_an_arrangement_is_read_back_as_it_is_written(parts):
    places, drawer = parts
    if not any(places) and drawer is None:
        with pytest.raises(InvalidInputError, match="at least one"):
            Arrangement(tuple(places), drawer)
    else:
        arrangement = Arrangement(tuple(places), drawer)
        assert Arrangement.parse(str(arrangement)) == arrangement


@pytest.mark.parametrize(
    "text",
    ["", "red", "red=", "red=bin_c", "yellow=bin_a", "red=bin_a,red=bin_b", "red=bin_a,blue=bin_a", "drawer=ajar"],
)
def test_what_cannot_be_is_refused(text):
    with pytest.raises(InvalidInputError):
        Arrangement.parse(text)


def test_only_tidy_takes_an_argument():
    with pytest.raises(UnknownNameError, match="tidy"):
        make_task("push/red=bin_a")
    with pytest.raises(UnknownNameError, match="tidy"):
        make_task("tidyy")


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_fulfilled_at_the_start_and_all_is_at_the_goal(seed):
    episode = make_task("tidy").sample(np.random.default_rng(seed), seed)
    arrangement = arrangement_of(episode)
    begun = fulfilled(arrangement, episode.start)  # a drawer that is filled and shut again may begin shut
    assert not any(value for name, value in begun.items() if name != "drawer") and not all(begun.values())
    assert all(fulfilled(arrangement, episode.goal).values())
    done, total = stages(episode, episode.start)
    assert done == 0 and 1 <= total <= 5
    assert stages(episode, episode.goal) == (total, total)
    task = make_task("tidy")
    assert task.evaluate(episode, episode.goal).success and not task.evaluate(episode, episode.start).success


def test_every_kind_of_arrangement_is_drawn():
    drawn = {str(sample_by_kind(np.random.default_rng(seed))) for seed in range(400)}
    assert {"red=hand", "drawer=open", "drawer=shut", "green=bin_b"} <= drawn
    assert any("drawer,drawer=shut" in text for text in drawn)


def test_a_block_that_nobody_named_must_stay():
    episode = make_task("tidy/red=bin_a").sample(np.random.default_rng(3), 3)
    blocks = episode.goal.blocks.copy()
    blocks[1, 0] += 0.03
    verdict = make_task("tidy").evaluate(episode, replace(episode.goal, blocks=blocks))
    assert not verdict.success and verdict.detail["green_moved"]["value"] == pytest.approx(0.03)


def test_a_given_arrangement_is_the_episodes(tabletop):
    tabletop.reset("tidy/blue=drawer,drawer=shut", 5)
    assert tabletop.episode.target["arrangement"] == "blue=drawer,drawer=shut"


def test_the_expert_does_them_all(tabletop):
    failed = []
    for seed in TUNING_SEEDS[:12]:
        tabletop.reset("tidy", seed)
        ScriptedExpert(tabletop).run()
        if not tabletop.evaluate().success:
            failed.append(seed)
    assert len(failed) <= 1, failed


@pytest.mark.parametrize("wrong", ["drop", "shove", "push the block away"])
def test_the_expert_recovers(tabletop, wrong):
    """Errors in the middle of a task are made good."""
    color = COLORS.index("red")
    for seed in TUNING_SEEDS[:4]:
        tabletop.reset("tidy/red=bin_a", seed)
        expert, happened = ScriptedExpert(tabletop), False
        for _ in range(1500):
            expert.step()
            state = tabletop.state
            if not happened and (state.held[color] if wrong != "push the block away" else state.tool[2] < 0.08):
                if state.tool[2] < 0.09 and wrong == "drop":
                    continue
                happened = True
                shift = {"drop": [0, 0, 0], "shove": [0.05, 0.05, 0.02]}.get(wrong, [0.03, 0.0, -0.03])
                aside = expert.position + shift
                gripper = 0.08 if wrong == "drop" else expert.gripper
                for _ in range(15):
                    expert.drive(ToolCommand(np.asarray(aside), expert.yaw, gripper))
            if fulfilled(arrangement_of(tabletop.episode), tabletop.state)["red"]:
                break
        assert happened
        assert fulfilled(arrangement_of(tabletop.episode), tabletop.state)["red"], seed
