# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The encoder of two pictures: what is still has no velocity, and what moves has one the way it moves."""

import torch

from robot_planner.perception.convolutional import ConvolutionalConfig
from robot_planner.perception.motion import VIEWS, MotionNetwork


def network():
    torch.manual_seed(0)
    return MotionNetwork(ConvolutionalConfig(VIEWS, latent_dim=8, channels=8, keypoints=4))


def test_the_same_picture_twice_is_rest_and_pictures_swapped_are_the_way_back():
    eyes, now, before = network(), torch.rand(3, 3, 64, 64), torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        rest, way, back = (eyes(torch.cat(pair, 1)) for pair in ((now, now), (now, before), (before, now)))
    assert rest.shape == (3, 8) and (rest[:, 2:4].abs() < 1e-6).all()
    torch.testing.assert_close(way[:, 2:4], -back[:, 2:4])
    torch.testing.assert_close(way[:, 2:4], way[:, :2] - back[:, :2])
    # but for the velocity, what is now is all that counts
    torch.testing.assert_close(way[:, [0, 1, 4, 5, 6, 7]], rest[:, [0, 1, 4, 5, 6, 7]])


def test_all_its_weights_learn():
    eyes = network()
    eyes(torch.rand(4, 6, 64, 64)).square().mean().backward()
    assert all(part.grad is not None and part.grad.abs().sum() > 0.0 for part in eyes.parameters())
