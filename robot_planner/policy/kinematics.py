# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Inverse and forward kinematics of the arm, tool pointing straight down; damped least squares by mink."""

import mink
import mujoco
import numpy as np
import numpy.typing as npt

from robot_planner import description
from robot_planner.errors import InvalidInputError

FloatVector = npt.NDArray[np.float64]


class UnreachableError(InvalidInputError):
    """A tool position that no joint position within the limits reaches with the tool pointing down."""


class ArmKinematics:
    """Where the tool is for given joints, and which joints bring it to a place; angles in radians, base frame."""

    joint_names = description.ARM_JOINTS

    def __init__(self, position_tolerance: float = 1e-4, rotation_tolerance: float = 1e-3) -> None:
        spec = mujoco.MjSpec.from_string(description.urdf(scene=False))
        for joint in list(spec.joints):
            if joint.name not in self.joint_names:
                spec.delete(joint)
        for geom in list(spec.geoms):
            spec.delete(geom)
        self._model = spec.compile()
        self._tool = self._model.body(description.TOOL_FRAME).id
        self.lower: FloatVector = self._model.jnt_range[:, 0].copy()
        self.upper: FloatVector = self._model.jnt_range[:, 1].copy()
        self._position_tolerance, self._rotation_tolerance = position_tolerance, rotation_tolerance
        self._configuration = mink.Configuration(self._model)
        self._task = mink.FrameTask(description.TOOL_FRAME, "body", position_cost=1.0, orientation_cost=0.3)
        self._limits = [mink.ConfigurationLimit(self._model, gain=0.95)]
        self._data = mujoco.MjData(self._model)

    def forward(self, joints: npt.ArrayLike) -> FloatVector:
        """Joints (6,) -> tool position (3,) [m]."""
        self._data.qpos[:] = joints
        mujoco.mj_kinematics(self._model, self._data)
        return self._data.xpos[self._tool].copy()

    def pose(self, joints: npt.ArrayLike) -> FloatVector:
        """Joints (6,) -> tool x, y, z [m] and turn about the vertical [rad], (4,)."""
        point = self.forward(joints)
        turn = self._data.xmat[self._tool].reshape(3, 3)
        return np.append(point, np.arctan2(turn[1, 0], turn[0, 0]))

    def inverse(self, position: npt.ArrayLike, seed: npt.ArrayLike, yaw: float = 0.0) -> FloatVector:
        """Tool position (3,) [m] and turn about the vertical -> joints (6,), the solution near ``seed`` (6,).

        Raises UnreachableError where the position can't be reached within the joint limits.
        """
        target = np.asarray(position, dtype=np.float64)
        start = np.asarray(seed, dtype=np.float64)
        if target.shape != (3,) or not np.isfinite(target).all() or not np.isfinite(yaw):
            raise UnreachableError(f"a tool position is three finite numbers [m] and a finite yaw, not {position!r}")
        if start.shape != (6,) or not np.isfinite(start).all():
            raise InvalidInputError(f"a seed is six finite joint angles [rad], not {seed!r}")
        # z of the tool frame points out of the gripper, hence the half turn about x.
        rotation = mink.SO3.from_z_radians(yaw) @ mink.SO3.from_x_radians(np.pi)
        self._task.set_target(mink.SE3.from_rotation_and_translation(rotation, target))
        for first, iterations in ((start, 20), (self._home(target, yaw), 60)):
            if self._solve(np.clip(first, self.lower, self.upper), iterations):
                return self._configuration.q.copy()
        where = ", ".join(f"{value:.3f}" for value in target)
        raise UnreachableError(f"the tool can't reach ({where}) m pointing down; it reaches 0.2 to 0.8 m from the base")

    def _solve(self, start: FloatVector, iterations: int) -> bool:
        self._configuration.update(start)
        for _ in range(iterations):
            error = self._task.compute_error(self._configuration)
            if (
                np.abs(error[:3]).max() < self._position_tolerance
                and np.abs(error[3:]).max() < self._rotation_tolerance
            ):
                return True
            velocity = mink.solve_ik(self._configuration, [self._task], 1.0, "daqp", damping=1e-9, limits=self._limits)
            self._configuration.integrate_inplace(velocity, 1.0)
        return False

    @staticmethod
    def _home(target: FloatVector, yaw: float) -> FloatVector:
        """Joints that look towards the target with a bent elbow: a start from which the solver finds its way."""
        pan = np.arctan2(target[1], target[0])
        return np.array([pan, -1.7, 2.2, -0.5, 0.0, (yaw - pan + np.pi) % (2 * np.pi) - np.pi])
