# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Randomised looks vary within their bounds, never add up, and keep the colours apart."""

import colorsys

import mujoco
import numpy as np
import pytest

from robot_planner.simulation.model import build_model
from robot_planner.simulation.randomization import CAMERA_SHIFT, CAMERA_TURN, Randomizer


@pytest.fixture(scope="module")
def model() -> mujoco.MjModel:
    return build_model()


@pytest.fixture(scope="module")
def randomizer(model) -> Randomizer:
    return Randomizer(model)


def appearance(model) -> np.ndarray:
    parts = [model.geom_rgba, model.light_dir, model.cam_pos, model.cam_quat, model.geom_friction, model.body_mass]
    return np.concatenate([part.ravel().copy() for part in [*parts, model.vis.headlight.ambient]])


def test_nothing_adds_up(model, randomizer):
    randomizer.restore()
    nominal = appearance(model)
    randomizer.apply(np.random.default_rng(1))
    first = appearance(model)
    randomizer.apply(np.random.default_rng(2))
    assert not np.allclose(first, appearance(model))
    randomizer.apply(np.random.default_rng(1))
    np.testing.assert_array_equal(appearance(model), first)
    randomizer.restore()
    np.testing.assert_array_equal(appearance(model), nominal)


def test_hues_stay_apart_and_the_rest_is_grey(model, randomizer):
    for seed in range(100):
        randomizer.apply(np.random.default_rng(seed))
        hues = []
        for color in ("red", "green", "blue"):
            rgb = model.geom_rgba[model.geom(f"{color}_block_visual").id, :3]
            hue, saturation, value = colorsys.rgb_to_hsv(*rgb)
            assert saturation > 0.75 and value > 0.6
            hues.append(hue)
        finger = model.geom_rgba[(model.geom_bodyid == model.body("left_finger_link").id) & (model.geom_group == 1)][0]
        hues.append(colorsys.rgb_to_hsv(*finger[:3])[0])
        apart = np.abs(np.subtract.outer(hues, hues))
        apart = np.minimum(apart, 1 - apart)
        assert apart[np.triu_indices(4, 1)].min() > 0.09
        for body in ("table", "bin_a", "bin_b", "cabinet", "drawer"):
            colors = model.geom_rgba[(model.geom_bodyid == model.body(body).id) & (model.geom_group == 1), :3]
            assert (colors.max(1) - colors.min(1)).max() < 0.12, body


def test_the_camera_moves_by_no_more_than_its_jitter(model, randomizer):
    randomizer.restore()
    camera = model.camera("front").id
    place, turn = model.cam_pos[camera].copy(), model.cam_quat[camera].copy()
    wrist = model.cam_pos[model.camera("wrist").id].copy()
    shifts, turns = [], []
    for seed in range(100):
        randomizer.apply(np.random.default_rng(seed))
        shifts.append(np.abs(model.cam_pos[camera] - place).max())
        turns.append(2 * np.arccos(min(1.0, abs(float(model.cam_quat[camera] @ turn)))))
    assert 0.5 * CAMERA_SHIFT < max(shifts) <= CAMERA_SHIFT <= 0.003
    assert 0.5 * CAMERA_TURN < max(turns) <= CAMERA_TURN * np.sqrt(3) + 1e-6 <= np.radians(0.3)
    np.testing.assert_array_equal(model.cam_pos[model.camera("wrist").id], wrist)
