# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Off-screen rendering by EGL (or OSMesa, where MUJOCO_GL says so), without what takes time: shadows, smooth edges.

An OpenGL context belongs to the thread that draws: render and close in one thread.
"""

import os
import weakref
from typing import Any

import mujoco
import numpy as np
import numpy.typing as npt

from robot_planner.errors import EnvironmentSetupError
from robot_planner.simulation.model import VISUAL_GROUP

# Mesa's software rasteriser is quicker without threads of its own: measured +50 % at these image sizes.
os.environ.setdefault("LP_NUM_THREADS", "0")
os.environ.setdefault("MUJOCO_GL", "egl")

Image = npt.NDArray[np.uint8]
_NO_EGL = (
    "no off-screen OpenGL: EGL could not be started ({reason}); "
    "install it with: apt-get install -y libegl1 libegl-mesa0 libgl1-mesa-dri"
)
_LEFT_OUT = tuple(
    getattr(mujoco.mjtRndFlag, f"mjRND_{name}") for name in ("SHADOW", "REFLECTION", "SKYBOX", "HAZE", "FOG")
)


def _make_context(width: int, height: int) -> Any:  # noqa: ANN401 - the context classes share no base
    """An OpenGL context of its own; chosen here, not at the import of mujoco, which may have come earlier."""
    try:
        if os.environ.get("MUJOCO_GL") == "osmesa":
            from mujoco.osmesa import GLContext
        else:
            from mujoco.egl import GLContext
        context = GLContext(width, height)
        context.make_current()
    except Exception as error:  # PyOpenGL raises what it likes, AttributeError among it, where a library lacks
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise EnvironmentSetupError(_NO_EGL.format(reason=reason)) from error
    return context


def _free(gl: Any, context: mujoco.MjrContext) -> None:  # noqa: ANN401
    gl.make_current()
    context.free()
    gl.free()


class Renderer:
    """Draws one model at one size."""

    def __init__(self, model: mujoco.MjModel, width: int, height: int) -> None:
        self._model = model
        self._viewport = mujoco.MjrRect(0, 0, width, height)
        self._pixels = np.empty((height, width, 3), dtype=np.uint8)
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[VISUAL_GROUP] = 1
        self._scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 50)
        for flag in _LEFT_OUT:
            self._scene.flags[flag] = 0
        self._gl = _make_context(width, height)
        quality, screen = model.vis.quality, model.vis.global_
        # The context takes its buffers' sizes from the model; smaller buffers are cleared sooner.
        quality.offsamples, quality.shadowsize = 0, 0
        screen.offwidth, screen.offheight = width, height
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._context)
        # At the end of the process at the latest, while the OpenGL library can still be called.
        self._free = weakref.finalize(self, _free, self._gl, self._context)

    def render(self, data: mujoco.MjData, camera: mujoco.MjvCamera) -> Image:
        """(height, width, 3) RGB; needs the kinematics and camera poses of ``data`` to be up to date."""
        self._gl.make_current()
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, camera, mujoco.mjtCatBit.mjCAT_ALL.value, self._scene
        )
        mujoco.mjr_render(self._viewport, self._scene, self._context)
        mujoco.mjr_readPixels(self._pixels, None, self._viewport, self._context)
        return np.ascontiguousarray(self._pixels[::-1])

    def close(self) -> None:
        """Frees the buffers and the context; may be called twice."""
        self._free()
