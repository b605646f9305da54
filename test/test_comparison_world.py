# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Worlds to compare planners in: what a world without eyes and one with them make of states, and their folders."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.errors import ModelError
from robot_planner.point_world import ROOM_WORLD, load_point_world, to_latents
from robot_planner.push_t_world import PUSH_T_WORLD, load_push_world
from robot_planner.world import SeeingWorld, load_world

WAYS = np.random.default_rng(0).uniform(20.0, 200.0, (3, 5, 2))
KINDS = {"two-room": (ROOM_WORLD, load_point_world), "push-t": (PUSH_T_WORLD, load_push_world)}


def small(kind):
    return kind.build_dynamics(8, 2, 1), kind.build_encoder(64, 4, 2)


def test_a_world_without_an_encoder_has_states_for_latents():
    world = ROOM_WORLD.world("blind", small(ROOM_WORLD)[0])
    np.testing.assert_array_equal(ROOM_WORLD.see(world, WAYS), to_latents(WAYS))
    assert not isinstance(world, SeeingWorld)


class Watcher:
    """An encoder that keeps what it was shown."""

    image_size, latent_dim = 64, 2

    def __init__(self):
        self.shown = []

    def encode(self, images):
        self.shown.append(images)
        return np.full((len(images), 2), 0.25, np.float32)


def test_a_world_with_an_encoder_has_what_the_encoder_says_of_pictures():
    world = ROOM_WORLD.world("seeing", *small(ROOM_WORLD))
    eyes = Watcher()
    seen = ROOM_WORLD.see(replace(world, encoder=eyes), WAYS)
    assert seen.shape == (3, 5, 2) and (seen == 0.25).all()
    np.testing.assert_array_equal(np.stack(eyes.shown)[:, :, 0], ROOM_WORLD.pictures(WAYS, 64))
    np.testing.assert_allclose(
        ROOM_WORLD.see(world, WAYS), np.stack([world.encoder.encode(shown) for shown in eyes.shown])
    )
    assert world.dynamics.encoder == world.encoder.digest


def test_views_are_the_pictures_now_and_before():
    kind = replace(ROOM_WORLD, views=("now", "before"))
    images, drawn = kind.images(WAYS, 64), ROOM_WORLD.pictures(WAYS, 64)
    assert images.shape == (3, 4, 2, 64, 64, 3)
    np.testing.assert_array_equal(images[:, :, 0], drawn[:, 1:])
    np.testing.assert_array_equal(images[:, :, 1], drawn[:, :-1])
    blind = ROOM_WORLD.world("blind", small(ROOM_WORLD)[0])
    np.testing.assert_array_equal(kind.see(blind, WAYS), to_latents(WAYS[:, 1:]))


@pytest.mark.parametrize("name", KINDS)
def test_folders_with_an_encoder_load_and_others_are_refused(name, tmp_path):
    kind, load = KINDS[name]
    dynamics, encoder = small(kind)
    kind.save(dynamics, tmp_path / "model", "# card", encoder)
    world, images = load(tmp_path / "model"), np.zeros((2, len(kind.views), 64, 64, 3), np.uint8)
    assert isinstance(world, SeeingWorld) and world.encoder.views == kind.views
    np.testing.assert_array_equal(
        world.encoder.encode(images), kind.world("x", dynamics, encoder).encoder.encode(images)
    )
    latents, actions = torch.rand(3, kind.latent_dim), torch.rand(3, dynamics.action_dim)
    torch.testing.assert_close(world.dynamics.step(latents, actions), dynamics.step(latents, actions))
    assert not any(part.requires_grad for net in (world.dynamics, world.encoder.network) for part in net.parameters())
    with pytest.raises(ModelError, match=f"kind '{name}'"):
        load_world(tmp_path / "model")
    (other,) = set(KINDS) - {name}
    with pytest.raises(ModelError, match="no world model of"):
        KINDS[other][1](tmp_path / "model")


@pytest.mark.parametrize(
    "change", [{"encoder": {"image_size": 64, "channels": 8, "keypoints": 2}}, {"encoder": {}}, {"encoder": 3}]
)
def test_encoders_that_do_not_fit_their_configuration_are_refused(change, tmp_path):
    ROOM_WORLD.save(small(ROOM_WORLD)[0], tmp_path / "model", "# card", small(ROOM_WORLD)[1])
    checkpoint = load_checkpoint(tmp_path / "model")
    save_checkpoint(tmp_path / "other", checkpoint.tensors, {**checkpoint.config, **change}, "# card")
    with pytest.raises(ModelError, match="don't fit its configuration"):
        load_point_world(tmp_path / "other")


def test_an_encoder_that_its_configuration_does_not_name_is_refused(tmp_path):
    ROOM_WORLD.save(small(ROOM_WORLD)[0], tmp_path / "model", "# card", small(ROOM_WORLD)[1])
    checkpoint = load_checkpoint(tmp_path / "model")
    config = {key: value for key, value in checkpoint.config.items() if key != "encoder"}
    save_checkpoint(tmp_path / "other", checkpoint.tensors, config, "# card")
    with pytest.raises(ModelError, match="don't fit its configuration"):
        load_point_world(tmp_path / "other")
