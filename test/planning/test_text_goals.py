# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Goal latents of placements: what moves in them and what stays, when they are asked for again, and what is done."""

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.perception.slots import SlotReadout
from robot_planner.placement import EMBEDDING_DIM, ENTITIES, INNER, PLACES, Placement, outside
from robot_planner.planning.grasp_lbp import save_subgoals
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.planning.object_metrics import ObjectDistance
from robot_planner.planning.text_goals import (
    KIND,
    STRAYED,
    TOUCH,
    PlacedGoal,
    TextGoals,
    arrivals,
    load_text_goals,
)

READOUT = SlotReadout(ENTITIES, 3)
START = np.array([[0.5, 0.2], [0.40, 0.0], [0.35, -0.1], [0.45, 0.1]])


def latent(places=START, hidden=()):
    """(12,) everything at ``places``; the third number of a slot says whether the camera sees it."""
    rows = np.column_stack([(places - READOUT.centre.numpy()) / READOUT.scale, np.ones(4)])
    rows[list(hidden), 2] = -1.0
    return rows.astype(np.float32).ravel()


def visibility(latents):
    return latents.unflatten(-1, (4, 3))[..., 1:, 2]


class WellInside(BackwardPlanner):
    """An f_g that puts the named thing 10 cm to the left, and all else anywhere."""

    def plan(self, latents, language, depth=None):
        assert depth == 0
        goal = latents + 7.0
        named = int(language[0, :4].argmax()) * 3
        goal[0, named] = latents[0, named]
        goal[0, named + 1] = latents[0, named + 1] + 0.12 / READOUT.scale
        return goal[:, None]


@pytest.fixture
def goals():
    return TextGoals(
        WellInside(LbpConfig(latent_dim=12, language_dim=EMBEDDING_DIM, depth=0)), ObjectDistance(READOUT, visibility)
    )


def goal_latent(goals, named, *latents):
    """z_g of "NAMED to the left", after these latents."""
    goal = PlacedGoal(Placement(named, "left"))
    for seen in latents:
        goals.see(goal, seen)
    return goal.latent


def places(latent):
    return READOUT(torch.from_numpy(latent)).numpy()


def test_only_the_named_block_and_the_hand_behind_it_move(goals):
    found = places(goal_latent(goals, "red", latent()))
    assert np.allclose(found[1], [0.40, 0.12], atol=1e-6)
    assert np.allclose(found[2:], START[2:])
    assert np.allclose(found[0], [0.40, 0.12 - TOUCH], atol=1e-6)


def test_a_predicted_place_that_falls_short_is_moved_into_what_the_words_mean(goals):
    found = places(goal_latent(goals, "green", latent()))
    assert np.allclose(found[2], [0.35, 0.08 + INNER], atol=1e-6)


def test_only_the_hand_moves_when_it_is_what_the_words_name(goals):
    found = places(goal_latent(goals, "tool", latent()))  # it is there already
    assert np.allclose(found[0], START[0] + [0, 0.12], atol=1e-6) and np.allclose(found[1:], START[1:])


def test_the_goal_stays_once_the_named_thing_was_seen(goals):
    goal = PlacedGoal(Placement("red", "left"))
    wrong = START + [[0, 0], [0.05, 0], [0, 0], [0, 0]]
    first, second, third = (
        (goals.see(goal, seen), goal.latent)[1] for seen in (latent(wrong, hidden=[1]), latent(), latent(START + 0.03))
    )
    assert np.allclose(places(first)[1], [0.45, 0.12]) and np.allclose(places(second)[1], [0.40, 0.12])
    assert third is second


def test_done_is_the_named_thing_well_inside_and_the_others_where_they_were(goals):
    goal = PlacedGoal(Placement("red", "left"))
    goals.see(goal, latent())
    there, strayed = START.copy(), START.copy()
    there[1] = strayed[1] = [0.3, 0.08 + INNER]
    strayed[2] += [0.0, STRAYED + 0.04]
    handled = there.copy()
    handled[0] = [0.25, -0.2]
    found = goals.distance(np.stack([latent(x) for x in (START, there, strayed, handled)]), goal)
    assert np.allclose(found, [0.08 + INNER, 0.0, 0.04, 0.0], atol=1e-6)


def test_what_was_hidden_at_first_has_not_strayed_when_it_appears(goals):
    goal = PlacedGoal(Placement("red", "left"))
    elsewhere = START + [[0, 0], [0, 0], [0.1, 0], [0, 0]]
    goals.see(goal, latent(elsewhere, hidden=[2]))
    goals.see(goal, latent())
    goals.see(goal, latent(elsewhere))
    there = START.copy()
    there[1] = [0.3, 0.2]
    assert goals.distance(latent(there)[None], goal)[0] == 0.0


def test_the_named_block_counts_however_hidden_and_the_others_once_they_were_seen(goals):
    metric, hidden = ObjectDistance(READOUT, visibility), latent(hidden=[1, 3])
    now = torch.from_numpy(latent(START + 0.01))[None]

    def wanted(named, *latents):
        return metric.arrangements(now, torch.from_numpy(goal_latent(goals, named, *latents))[None])[1][0].numpy()

    free = READOUT(now)[0].numpy()
    at_first = wanted("red", hidden)
    assert np.allclose(at_first[1], [0.40, 0.12]) and np.allclose(at_first[3], free[3])
    assert np.allclose(at_first[2], START[2]), "the camera saw the green block: it is to stay"
    later = wanted("red", hidden, latent(hidden=[1]))
    assert np.allclose(later[3], START[3]) and np.allclose(later[1], at_first[1])
    assert np.allclose(wanted("tool", hidden)[1], free[1])


def test_a_thing_that_the_arm_hides_on_the_way_is_where_it_was_seen_last(goals):
    goal = PlacedGoal(Placement("red", "left"))
    goals.see(goal, latent())
    astray = START + [[0, 0], [0, 0], [0.1, 0], [0, 0]]
    seen = goals.see(goal, latent(astray, hidden=[2]))
    assert np.allclose(places(seen), START) and goals.distance(seen[None], goal)[0] == pytest.approx(0.11, abs=1e-6)


def test_recorded_ways_end_where_the_thing_is_first_seen_in_its_place():
    track = torch.tensor(START, dtype=torch.float32).repeat(2, 6, 1, 1)
    track[0, :, 1, 1] = torch.tensor([0.0, 0.05, 0.09, 0.12, 0.13, 0.14])
    visible = torch.ones(2, 6, 3, dtype=torch.bool)
    visible[0, 3, 0] = False
    rows = arrivals(track, visible)
    red = rows[(rows[:, 3] == 1) & (rows[:, 4] == PLACES.index("left")) & (rows[:, 0] == 0)]
    assert red[:, :3].tolist() == [[0, 1, 4], [0, 0, 4]]
    for episode, begin, end, entity, place in rows.tolist():
        assert outside(track[episode, end, entity], PLACES[place], INNER) == 0.0
        assert outside(track[episode, begin, entity], PLACES[place], INNER) > INNER and begin < end
    near = arrivals(track, visible, longest=3)
    assert [0, 0, 4, 1, 0] not in near.tolist() and [0, 1, 4, 1, 0] in near.tolist()


def test_goals_of_another_kind_or_encoder_are_refused(tmp_path):
    planner = BackwardPlanner(LbpConfig(latent_dim=12, language_dim=EMBEDDING_DIM, depth=0, hidden=8))
    save_subgoals(planner, "a" * 64, tmp_path / "goals", "# card", KIND)
    save_subgoals(planner, "a" * 64, tmp_path / "subgoals", "# card")

    class World:
        class encoder:  # noqa: N801
            digest, device = "a" * 64, "cpu"

        readout = READOUT

        @staticmethod
        def metric(name):
            return ObjectDistance(READOUT, visibility)

    assert load_text_goals(tmp_path / "goals", World).planner.config == planner.config
    with pytest.raises(ModelError, match="plans no text goals.*train lbp-planar-goals"):
        load_text_goals(tmp_path / "subgoals", World)
    World.encoder.digest = "b" * 64
    with pytest.raises(ModelError, match="text goals of .* encoder aaaa.*bbbb"):
        load_text_goals(tmp_path / "goals", World)
    with pytest.raises(InvalidInputError, match="f_g takes 4 numbers; allowed: 9"):
        TextGoals(BackwardPlanner(LbpConfig(latent_dim=12, language_dim=4)), ObjectDistance(READOUT, visibility))
