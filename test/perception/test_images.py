# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The rule for camera images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.perception.images import to_square, to_square_batch


@given(st.integers(64, 200), st.integers(0, 255))
def test_any_square_size_keeps_a_uniform_image_uniform(side: int, value: int) -> None:
    small = to_square(np.full((side, side, 3), value, np.uint8), 64)
    assert small.shape == (64, 64, 3) and (small == value).all()


def test_area_average_of_whole_blocks_is_exact() -> None:
    image = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    mean = image.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.abs(to_square(image, 64).astype(float) - mean).max() <= 0.5


def test_the_crop_is_the_same_region_at_every_size() -> None:
    small, large = np.zeros((100, 100, 3), np.uint8), np.zeros((200, 200, 3), np.uint8)
    small[25:75, 50:100] = 255
    large[50:150, 100:200] = 255
    crop = (0.5, 0.25, 0.5)
    assert (to_square(small, 50, crop) == 255).all() and (to_square(large, 50, crop) == 255).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((63, 63, 3), np.uint8),
        np.zeros((64, 128, 3), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 3), np.float32),
    ],
)
def test_other_images_are_refused_in_one_line(image: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="allowed") as caught:
        to_square(image, 64)
    assert "\n" not in str(caught.value)


def test_a_batch_is_its_images_one_by_one() -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 3, 96, 96, 3), dtype=np.uint8)
    batch = to_square_batch(images, 32)
    assert batch.shape == (2, 3, 32, 32, 3)
    assert (batch[1, 2] == to_square(images[1, 2], 32)).all()
