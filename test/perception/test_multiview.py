# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The encoder of two views: its anchored numbers are places, and each view has its own part of the latent."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.perception.multiview import (
    ANCHORS,
    AnchorReadout,
    MultiViewConfig,
    MultiViewEncoder,
    MultiViewNetwork,
    PictureDecoder,
    anchors,
    relative_places,
)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return MultiViewEncoder(MultiViewNetwork(MultiViewConfig(channels=8, keypoints=4)))


def images(seed, size=256):
    return np.random.default_rng(seed).integers(0, 255, (1, 2, size, size, 3), dtype=np.uint8)


@given(st.floats(-3.0, 3.0), st.floats(0.0, 0.08), st.floats(0.0, 0.11), st.integers(0, 1000))
def test_the_read_out_inverts_the_labels(yaw, width, drawer, seed):
    places = np.random.default_rng(seed).uniform(-0.4, 0.6, (4, 3)).astype(np.float32)
    body = np.array([[*places[0], np.sin(yaw), np.cos(yaw), width]], np.float32)
    labels = anchors(body, places[None, 1:], np.array([drawer], np.float32))
    read = AnchorReadout()(torch.from_numpy(labels))
    assert labels.shape == (1, ANCHORS)
    assert np.allclose(read["hand"][0], places[0], atol=1e-5) and np.allclose(read["blocks"][0], places[1:], atol=1e-5)
    assert np.isclose(read["yaw"].item(), yaw, atol=1e-4) and np.isclose(read["gripper"].item(), width, atol=1e-5)
    assert np.isclose(read["drawer"].item(), drawer, atol=1e-5)


def test_relative_places_turn_with_the_tool_and_are_unknown_when_far():
    body = np.array([[0.4, 0.0, 0.1, 1.0, 0.0, 0.05]], np.float32)  # turned by a quarter
    objects = np.array([[[0.4, 0.05, 0.02], [0.45, 0.0, 0.02], [0.4, 0.2, 0.02]]], np.float32)
    places = relative_places(body, objects).reshape(3, 3)
    assert np.allclose(places[0], [1.0, 0.0, -1.6], atol=1e-5)
    assert np.allclose(places[1], [0.0, -1.0, -1.6], atol=1e-5)
    assert np.isnan(places[2]).all()


def test_each_view_has_its_own_part(encoder):
    first, other = images(0), images(1)
    mixed = np.concatenate([first[:, :1], other[:, 1:]], axis=1)
    plan = encoder.plan_dim
    a, b = encoder.encode(first), encoder.encode(mixed)
    assert a.shape == (1, encoder.latent_dim) and np.array_equal(a[:, :plan], b[:, :plan])
    assert not np.allclose(a[:, plan:], b[:, plan:])


def test_larger_images_are_averaged_down_and_small_ones_refused(encoder):
    assert encoder.encode(images(0, 512)).shape == (1, encoder.latent_dim)
    with pytest.raises(InvalidInputError, match="128x128 or larger"):
        encoder.encode(images(0, 100))
    with pytest.raises(InvalidInputError, match="views"):
        encoder.encode(images(0)[:, :1])


def test_the_digest_is_of_the_weights(encoder):
    torch.manual_seed(1)
    other = MultiViewEncoder(MultiViewNetwork(encoder.config))
    same = MultiViewNetwork(encoder.config)
    same.load_state_dict(encoder.network.state_dict())
    assert MultiViewEncoder(same).digest == encoder.digest != other.digest


def test_the_decoder_draws_a_picture(encoder):
    assert PictureDecoder(encoder.plan_dim)(torch.zeros(2, encoder.plan_dim)).shape == (2, 3, 32, 32)
