# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Episodes that the model plans itself: plans as they are carried out, then scripted behaviour, in shards as others."""

from pathlib import Path

import numpy as np
import pytest

from robot_planner.simulation.tabletop import Tabletop
from robot_planner.training.gather import record_episode
from robot_planner.training.plan_episodes import HORIZON, PlannedBehaviour, gather_planned
from robot_planner.world import load_world, random_world

CROP = (0.11, 0.03, 0.78)
NOWHERE = np.full((3, 2), np.nan)


@pytest.fixture(scope="module")
def tabletop():
    with Tabletop() as made:
        yield made


@pytest.mark.parametrize("every", [1, 3, HORIZON])
def test_a_plan_is_carried_out_for_as_long_as_said(tabletop, every, monkeypatch):
    tabletop.reset("push", 3)
    behaviour = PlannedBehaviour(random_world(1), tabletop.goal_image(), 3, every, 1)
    monkeypatch.setattr(behaviour, "_is_reached", lambda image: False)
    plans, plan = [], behaviour._planner.plan

    def noted(problem):
        plans.append(plan(problem))
        return plans[-1]

    monkeypatch.setattr(behaviour._planner, "plan", noted)
    image = tabletop.render("front")
    actions = [behaviour.act(image, np.zeros(2), NOWHERE) for _ in range(HORIZON + 1)]
    assert len(plans) == HORIZON // every + 1
    carried_out = np.concatenate([found.actions[:every] for found in plans])[: HORIZON + 1]
    np.testing.assert_array_equal(actions, carried_out)


def test_what_is_reached_leaves_the_rest_to_the_script(tabletop):
    tabletop.reset("reach", 4)
    behaviour = PlannedBehaviour(load_world("tabletop"), tabletop.render("front"), 4, 1, 1)  # the goal is the start
    planned = []
    behaviour._planner.plan = planned.append
    record_episode(tabletop, 4, 3, False, CROP, behaviour.act)
    assert behaviour._reached and not planned


def test_shards_are_kept_and_made_by_the_model_in_the_folder(tmp_path: Path):
    first = gather_planned(tmp_path, Path("models/tabletop").resolve(), 1, 3, 6, CROP, workers=1)
    with np.load(first[0]) as shard:
        assert shard["images"].shape == (1, 4, 64, 64, 3) and shard["seeds"].tolist() == [6]
        assert np.abs(shard["actions"]).max() <= 0.04 + 1e-6 and "truth" not in shard
    made = first[0].stat().st_mtime_ns
    (again,) = gather_planned(tmp_path, Path("nowhere"), 1, 3, 6, CROP, workers=1)
    assert again.stat().st_mtime_ns == made
