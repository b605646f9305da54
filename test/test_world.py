# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Worlds as model folders."""

from pathlib import Path

import numpy as np
import pytest
import torch

from robot_planner.errors import ModelError, UnknownNameError
from robot_planner.world import build_networks, load_world, random_world, save_world


def test_a_saved_world_is_loaded_as_it_was(tmp_path: Path) -> None:
    networks = build_networks({}, seed=3)
    save_world(networks, {"default_metric": "objects"}, tmp_path / "mine", "# card")
    world = load_world(tmp_path / "mine")
    images = np.random.default_rng(0).integers(0, 256, (1, 1, 64, 64, 3), dtype=np.uint8)
    fresh = random_world(3)
    np.testing.assert_array_equal(world.encoder.encode(images), fresh.encoder.encode(images))
    assert world.encoder.digest == fresh.encoder.digest
    assert world.metric().name == "objects" and world.name == "mine"
    latents, actions = torch.randn(2, 32), torch.zeros(2, 2)
    torch.testing.assert_close(world.dynamics.step(latents, actions), fresh.dynamics.step(latents, actions))


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    save_world(build_networks({}), {"slot_dim": 6}, tmp_path / "odd", "# card")
    with pytest.raises(ModelError, match="don't fit"):
        load_world(tmp_path / "odd")


def test_an_unknown_metric_lists_the_valid_ones() -> None:
    with pytest.raises(UnknownNameError, match="cost-to-go, latent, objects"):
        random_world().metric("euclid")


def test_nothing_of_a_loaded_world_asks_for_gradients() -> None:
    world = random_world()
    assert not any(p.requires_grad for p in world.dynamics.parameters())
    assert not any(p.requires_grad for p in world.encoder.network.parameters())
