# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Domain randomisation: the looks and the physics of an episode, drawn from its seed."""

import colorsys

import mujoco
import numpy as np

from robot_planner import description
from robot_planner.simulation.model import VISUAL_GROUP

CAMERA_SHIFT = 0.002
"""Largest displacement of the front camera along each axis [m]."""
CAMERA_TURN = np.radians(0.15)
"""Largest turn of the front camera about each axis [rad]."""
_HUES = {"red": (-0.015, 0.02), "green": (0.32, 0.39), "blue": (0.60, 0.65)}
"""Of the blocks, in turns: at least 0.2 apart, and away from the fingers' yellow (0.14)."""
_GREYS = {
    "table": 0.07,
    "cabinet": 0.05,
    "drawer": 0.06,
    "bin_a": 0.05,
    "bin_b": 0.04,
}
"""How much the brightness of neutral things varies, either way."""


_VARIED = (
    "geom_rgba",
    "geom_friction",
    "body_mass",
    "body_inertia",
    "cam_pos",
    "cam_quat",
    "light_dir",
    "light_diffuse",
    "dof_frictionloss",
)
"""Arrays of the model that an episode changes."""


class Randomizer:
    """Varies one model about its nominal looks; keeps the nominal values, so that episodes do not add up."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._nominal = {name: getattr(model, name).copy() for name in _VARIED}
        self._headlight = (model.vis.headlight.ambient.copy(), model.vis.headlight.diffuse.copy())

    def restore(self) -> None:
        """Back to the nominal model."""
        for name, value in self._nominal.items():
            getattr(self._model, name)[:] = value
        self._model.vis.headlight.ambient[:], self._model.vis.headlight.diffuse[:] = self._headlight

    def apply(self, rng: np.random.Generator) -> None:
        """Draws colours, light, camera pose, friction and mass; the same draws for the same generator state."""
        self.restore()
        self._color(rng)
        self._light(rng)
        self._jitter_camera(rng)
        self._physics(rng)

    def _visuals(self, body: str) -> np.ndarray:
        of_body = self._model.geom_bodyid == self._model.body(body).id
        return np.flatnonzero(of_body & (self._model.geom_group == VISUAL_GROUP))

    def _color(self, rng: np.random.Generator) -> None:
        rgba = self._model.geom_rgba
        for color in description.BLOCKS:
            hue = rng.uniform(*_HUES[color]) % 1.0
            saturation, value = rng.uniform(0.80, 0.95), rng.uniform(0.62, 0.85)
            rgba[self._visuals(f"{color}_block"), :3] = colorsys.hsv_to_rgb(hue, saturation, value)
        for body, spread in _GREYS.items():
            rgba[self._visuals(body), :3] += rng.uniform(-spread, spread) + rng.uniform(-0.01, 0.01, 3)
        arm = rng.uniform(-0.05, 0.05)
        first, last = self._model.body("base_link").id, self._model.body("gripper_link").id
        on_arm = (self._model.geom_bodyid >= first) & (self._model.geom_bodyid <= last)
        rgba[on_arm, :3] += arm
        np.clip(rgba, 0.0, 1.0, out=rgba)

    def _light(self, rng: np.random.Generator) -> None:
        model = self._model
        direction = np.append(rng.uniform(-0.45, 0.45, 2), -1.0)
        model.light_dir[0] = direction / np.linalg.norm(direction)
        model.light_diffuse[0] = rng.uniform(0.40, 0.60) + rng.uniform(-0.02, 0.02, 3)
        model.vis.headlight.ambient[:] = rng.uniform(0.33, 0.43)
        model.vis.headlight.diffuse[:] = rng.uniform(0.18, 0.30)

    def _jitter_camera(self, rng: np.random.Generator) -> None:
        camera = self._model.camera("front").id
        self._model.cam_pos[camera] += rng.uniform(-CAMERA_SHIFT, CAMERA_SHIFT, 3)
        turn = np.empty(4)
        mujoco.mju_euler2Quat(turn, rng.uniform(-CAMERA_TURN, CAMERA_TURN, 3), "xyz")
        mujoco.mju_mulQuat(self._model.cam_quat[camera], self._nominal["cam_quat"][camera], turn)

    def _physics(self, rng: np.random.Generator) -> None:
        model = self._model
        for color in description.BLOCKS:
            model.geom_friction[model.geom(f"{color}_block").id, 0] = rng.uniform(0.45, 0.75)
            body, factor = model.body(f"{color}_block").id, rng.uniform(0.7, 1.4)
            model.body_mass[body] *= factor
            model.body_inertia[body] *= factor
        drawer = model.joint("drawer_joint").dofadr[0]
        model.dof_frictionloss[drawer] *= rng.uniform(0.6, 1.6)
