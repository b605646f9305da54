# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What trainings from pictures share: labelled stretches, an encoder that learns from them, latents that are kept."""

import numpy as np
import torch

from robot_planner.point_world import REACH, ROOM_WORLD, to_latents
from robot_planner.training import pictures
from robot_planner.training.pictures import fit_encoder, labelled, see_all, stretches
from robot_planner.training.two_room_pixels import errors

WAYS = np.random.default_rng(0).uniform(20.0, 200.0, (7, 9, 2))


def test_stretches_are_of_single_ways_and_drawn_by_their_seed():
    found = stretches(WAYS, 3, 50, 1)
    assert found.shape == (50, 3, 2)
    starts = [np.argwhere((part[0] == WAYS).all(-1))[0] for part in found]
    for part, (row, first) in zip(found, starts, strict=True):
        np.testing.assert_array_equal(part, WAYS[row, first : first + 3])
    assert {first for _, first in starts} == set(range(7))
    np.testing.assert_array_equal(found, stretches(WAYS, 3, 50, 1))
    assert not np.array_equal(found, stretches(WAYS, 3, 50, 2))


def test_an_encoder_learns_where_the_agent_is_and_a_done_phase_draws_nothing(tmp_path):
    torch.manual_seed(0)
    train, held = (labelled(ROOM_WORLD, stretches(WAYS, 1, count, 0)) for count in (60, 20))
    drawn = []

    def make():
        drawn.append(1)
        return train

    def fitted(steps):
        torch.manual_seed(0)
        encoder = ROOM_WORLD.build_encoder(64, 8, 8)
        return fit_encoder(tmp_path / str(steps), encoder, make, REACH / 2.0, steps, errors, held), encoder

    (after, encoder), (before, _) = fitted(60), fitted(1)
    assert after["seen_px"] < 0.5 * before["seen_px"] and len(drawn) == 2
    again, resumed = fitted(60)
    assert len(drawn) == 2 and again == after
    torch.testing.assert_close(resumed.state_dict(), encoder.state_dict())


def test_what_an_encoder_sees_is_kept_in_pieces_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "PIECE", 3)
    dynamics = ROOM_WORLD.build_dynamics(8, 2, 1)
    np.testing.assert_array_equal(
        see_all(ROOM_WORLD, ROOM_WORLD.world("blind", dynamics), WAYS, tmp_path, "a"), to_latents(WAYS)
    )
    assert not list(tmp_path.iterdir())
    world = ROOM_WORLD.world("seeing", dynamics, ROOM_WORLD.build_encoder(64, 4, 2))
    found = see_all(ROOM_WORLD, world, WAYS, tmp_path, "a")
    np.testing.assert_array_equal(found, ROOM_WORLD.see(world, WAYS))
    made = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(made) == 3
    np.testing.assert_array_equal(see_all(ROOM_WORLD, world, WAYS, tmp_path, "a"), found)
    other = ROOM_WORLD.world("other", dynamics, ROOM_WORLD.build_encoder(64, 4, 2))
    assert not np.array_equal(see_all(ROOM_WORLD, other, WAYS, tmp_path, "a"), found)
    assert all(path.stat().st_mtime_ns == time for path, time in made.items()) and len(list(tmp_path.iterdir())) == 6
