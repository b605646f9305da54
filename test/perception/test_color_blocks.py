# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The colour detector finds blocks to within a centimetre, and says when it does not see one."""

from collections.abc import Iterator

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.perception.color_blocks import detect_blocks
from robot_planner.simulation.tabletop import Tabletop


@pytest.fixture(scope="module")
def tabletop() -> Iterator[Tabletop]:
    with Tabletop(image_size=128) as made:
        yield made


def look(tabletop: Tabletop, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (3, 2), detected and true."""
    image, matrix = tabletop.render("front", size), tabletop.camera_matrix("front", size)
    return detect_blocks(image, matrix, tabletop.camera_pose("front")), tabletop.block_positions[:, :2]


@pytest.mark.parametrize("size", [128, 256])
def test_positions_are_right_under_all_looks(tabletop, size):
    """Randomised colours and light, and a camera that is not quite where the calibration says."""
    errors = []
    for seed in range(100):
        tabletop.reset("push", seed)
        found, true = look(tabletop, size)
        errors.append(np.linalg.norm(found - true, axis=1))
    errors = np.concatenate(errors)
    assert np.isfinite(errors).mean() > 0.85
    assert np.nanmedian(errors) < 0.006
    assert np.nanmax(errors) < 0.025


def test_an_exact_calibration_gives_millimetres(tabletop):
    errors = []
    for seed in range(60):
        tabletop.reset("push", seed)
        tabletop._randomizer.restore()
        tabletop.advance(0.0)
        found, true = look(tabletop, 128)
        errors.append(np.linalg.norm(found - true, axis=1))
    assert np.nanmedian(errors) < 0.004


def test_a_block_that_is_not_there_is_nan(tabletop):
    tabletop.reset("push", 3)
    for gone, joint in enumerate(tabletop._blocks):
        tabletop.reset("push", 3)
        tabletop.data.qpos[joint : joint + 3] = [-3.0, 0.0, 0.02]
        tabletop.advance(0.0)
        found, true = look(tabletop, 128)
        assert np.isnan(found[gone]).all()
        seen = np.isfinite(found).all(1)
        assert np.linalg.norm(found[seen] - true[seen], axis=1).max() < 0.02


def test_a_block_hidden_by_half_is_nan_not_wrong(tabletop):
    """Whatever covers a block, the answer is near the truth or none."""
    for seed in range(20):
        tabletop.reset("push", seed)
        image = tabletop.render("front", 256)
        matrix, pose = tabletop.camera_matrix("front", 256), tabletop.camera_pose("front")
        whole = detect_blocks(image, matrix, pose)
        for index in np.flatnonzero(np.isfinite(whole[:, 0])):
            point = pose[:3, :3].T @ (np.append(whole[index], 0.02) - pose[:3, 3])
            column = round((matrix @ point / point[2])[0])
            covered = image.copy()
            covered[:, column:] = 110
            half = detect_blocks(covered, matrix, pose)[index]
            assert np.isnan(half).all()


def test_a_grey_picture_shows_no_block():
    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1.0, -1.0])
    pose[2, 3] = 1.0
    matrix = np.array([[100.0, 0, 31.5], [0, 100.0, 31.5], [0, 0, 1]])
    for value in (0, 90, 255):
        assert np.isnan(detect_blocks(np.full((64, 64, 3), value, np.uint8), matrix, pose)).all()


def test_a_camera_from_straight_above_and_a_drawn_square():
    """By hand: a red square about pixel (41.5, 21.5) at unit focal distance 100 and depth 0.98 m."""
    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1.0, -1.0])
    pose[:3, 3] = [0.4, 0.1, 1.0]
    matrix = np.array([[100.0, 0, 31.5], [0, 100.0, 31.5], [0, 0, 1]])
    image = np.full((64, 64, 3), 120, np.uint8)
    image[20:24, 40:44] = [200, 20, 20]
    found = detect_blocks(image, matrix, pose)
    np.testing.assert_allclose(found[0], [0.4 + 0.1 * 0.98, 0.1 + 0.1 * 0.98], atol=1e-6)
    assert np.isnan(found[1:]).all()


def test_a_ray_that_misses_the_table_is_nan():
    pose = np.eye(4)  # looks straight up
    matrix = np.array([[100.0, 0, 31.5], [0, 100.0, 31.5], [0, 0, 1]])
    image = np.full((64, 64, 3), 120, np.uint8)
    image[20:30, 40:50] = [20, 200, 20]
    assert np.isnan(detect_blocks(image, matrix, pose)).all()


@pytest.mark.parametrize(
    "image", [np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3), np.float32), np.zeros((64, 64, 4), np.uint8)]
)
def test_other_formats_are_refused(image):
    with pytest.raises(InvalidInputError, match="uint8"):
        detect_blocks(image, np.eye(3), np.eye(4))
