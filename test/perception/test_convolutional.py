# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The shipped encoder's contract, with random weights."""

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.networks import network_digest
from robot_planner.perception.encoder import Encoder
from robot_planner.world import build_networks, random_world

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 1, 96, 96, 3), dtype=np.uint8)


def test_it_is_an_encoder_of_the_stated_shape() -> None:
    encoder = random_world().encoder
    latents = encoder.encode(IMAGES)
    assert isinstance(encoder, Encoder)
    assert latents.shape == (3, encoder.latent_dim) and latents.dtype == np.float32 and np.isfinite(latents).all()


def test_a_batch_is_its_images_one_by_one() -> None:
    encoder = random_world().encoder
    one_by_one = np.concatenate([encoder.encode(image[None]) for image in IMAGES])
    np.testing.assert_allclose(encoder.encode(IMAGES), one_by_one, atol=1e-4)


def test_wrong_number_of_views_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="allowed"):
        random_world().encoder.encode(np.zeros((1, 2, 96, 96, 3), np.uint8))


def test_the_digest_follows_the_weights_and_the_settings() -> None:
    first, second = build_networks({}, 0).encoder, build_networks({}, 0).encoder
    assert network_digest(first, first.config) == network_digest(second, second.config)
    other = build_networks({}, 1).encoder
    assert network_digest(other, other.config) != network_digest(first, first.config)
    cropped = build_networks({"encoder": {"crop": [0.0, 0.0, 0.5]}}, 0).encoder
    assert network_digest(cropped, cropped.config) != network_digest(first, first.config)
