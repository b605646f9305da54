# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The tabletop: physics, cameras and tasks behind one class that knows no ROS."""

from typing import Any

import mujoco
import numpy as np
import numpy.typing as npt

from robot_planner.description import ARM_JOINTS, BLOCKS, CAMERAS, FINGER_JOINTS, TOOL_FRAME
from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.policy.kinematics import ArmKinematics
from robot_planner.simulation.model import build_model
from robot_planner.simulation.randomization import Randomizer
from robot_planner.simulation.rendering import Image, Renderer
from robot_planner.simulation.tasks import Episode, SceneState, Task, Verdict, make_task

FloatVector = npt.NDArray[np.float64]
MAX_OPENING = 0.08
"""Of the gripper [m]."""
_SETTLE_SECONDS = 0.1


class Tabletop:
    """One arm, its table and an episode on it. Deterministic: the same seed and commands give the same states."""

    joint_names = ARM_JOINTS

    def __init__(self, image_size: int = 256) -> None:
        self.image_size = image_size
        self.model = build_model()
        self.data = mujoco.MjData(self.model)
        self.kinematics = ArmKinematics()
        self._goal_data = mujoco.MjData(self.model)
        self._nominal = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self._nominal)
        self._randomizer = Randomizer(self.model)
        self._renderers: dict[int, Renderer] = {}
        self._arm = np.array([self.model.joint(name).qposadr[0] for name in ARM_JOINTS])
        self._arm_dofs = np.array([self.model.joint(name).dofadr[0] for name in ARM_JOINTS])
        self._fingers = np.array([self.model.joint(name).qposadr[0] for name in FINGER_JOINTS])
        self._arm_motors = np.array([self.model.actuator(name).id for name in ARM_JOINTS])
        self._finger_motors = np.array([self.model.actuator(name).id for name in FINGER_JOINTS])
        self._blocks = [self.model.joint(f"{color}_block_joint").qposadr[0] for color in BLOCKS]
        self._drawer = self.model.joint("drawer_joint").qposadr[0]
        self._block_bodies = [self.model.body(f"{color}_block").id for color in BLOCKS]
        self._finger_bodies = [self.model.body(name.replace("_joint", "_link")).id for name in FINGER_JOINTS]
        self._tool = self.model.body(TOOL_FRAME).id
        self._task: Task
        self.episode: Episode
        self.reset("reach", 0)

    def reset(self, task: str, seed: int) -> None:
        """Starts the episode that ``seed`` makes of ``task``; raises UnknownNameError, InvalidInputError."""
        made = make_task(task)
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
            raise InvalidInputError(f"a seed is an integer of 0 or more, not {seed!r}")
        layout, looks = np.random.SeedSequence(int(seed)).spawn(2)
        self._task = made
        self.episode = made.sample(np.random.default_rng(layout), int(seed))
        self._randomizer.apply(np.random.default_rng(looks))
        mujoco.mj_resetData(self.model, self.data)
        self._place(self.data, self.episode.start)
        self.data.ctrl[self._arm_motors] = self.data.qpos[self._arm]
        # Fingers that hold a block press on; others stay as they are.
        held = any(self.episode.start.held)
        self.data.ctrl[self._finger_motors] = 0.0 if held else self.data.qpos[self._fingers]
        self.advance(_SETTLE_SECONDS)
        self.data.time = 0.0

    @property
    def joint_positions(self) -> FloatVector:
        """(6,) of the arm, in the order of ``joint_names`` [rad]."""
        return self.data.qpos[self._arm].copy()

    @property
    def joint_velocities(self) -> FloatVector:
        """(6,) [rad/s]."""
        return self.data.qvel[self._arm_dofs].copy()

    @property
    def commanded_joints(self) -> FloatVector:
        """(6,) last joint command [rad]."""
        return self.data.ctrl[self._arm_motors].copy()

    @property
    def commanded_gripper(self) -> float:
        """Last opening commanded to the fingers [m]."""
        return float(self.data.ctrl[self._finger_motors].sum())

    @property
    def gripper_width(self) -> float:
        """How far the fingers are apart, as measured [m]."""
        return float(self.data.qpos[self._fingers].sum())

    @property
    def tool_position(self) -> FloatVector:
        """(3,) [m], as measured."""
        return self.data.xpos[self._tool].copy()

    @property
    def tool_yaw(self) -> float:
        """Turn of the tool about the vertical [rad], as measured."""
        turn = self.data.xmat[self._tool].reshape(3, 3)
        return float(np.arctan2(turn[1, 0], turn[0, 0]))

    @property
    def time(self) -> float:
        """Since the reset [s]."""
        return float(self.data.time)

    @property
    def block_positions(self) -> FloatVector:
        """(3, 3) centres of the red, green and blue block [m]."""
        return np.stack([self.data.qpos[start : start + 3] for start in self._blocks])

    @property
    def drawer_opening(self) -> float:
        """How far the drawer is open [m]."""
        return float(self.data.qpos[self._drawer])

    @property
    def state(self) -> SceneState:
        """Everything that tasks judge: the simulator's truth."""
        poses = [self.data.qpos[start : start + 7] for start in self._blocks]
        blocks = np.stack([[*pose[:3], _yaw(pose[3:])] for pose in poses])
        return SceneState(
            tool=self.tool_position,
            blocks=blocks,
            drawer=self.drawer_opening,
            gripper=self.gripper_width,
            tool_yaw=self.tool_yaw,
            held=self._held(),
        )

    def command(self, joints: npt.ArrayLike, gripper: float | None = None) -> None:
        """Sets what the servos hold from now on: joints (6,) [rad] and the fingers' opening [m]; clipped to the limits.

        Raises InvalidInputError, and keeps the last command, if a number is missing or not finite.
        """
        targets = np.asarray(joints, dtype=np.float64)
        if targets.shape != (len(ARM_JOINTS),) or not np.isfinite(targets).all():
            raise InvalidInputError(f"a joint command is {len(ARM_JOINTS)} finite angles [rad], not {joints!r}")
        if gripper is not None and not np.isfinite(gripper):
            raise InvalidInputError(f"a gripper command is an opening of 0 to {MAX_OPENING} m, not {gripper}")
        self.data.ctrl[self._arm_motors] = np.clip(targets, self.kinematics.lower, self.kinematics.upper)
        if gripper is not None:
            self.data.ctrl[self._finger_motors] = np.clip(gripper, 0.0, MAX_OPENING) / 2

    def advance(self, seconds: float) -> None:
        """Lets time pass, in whole physics steps."""
        steps = round(seconds / self.model.opt.timestep)
        mujoco.mj_step(self.model, self.data, nstep=max(steps, 0))
        # Poses of bodies and cameras belong to the state before the last step; bring them up to date.
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)

    def render(self, camera: str, size: int | None = None) -> Image:
        """(size, size, 3) RGB of the front or the wrist camera, without shadows and multisampling."""
        view = self._camera(camera)
        side = self.image_size if size is None else size
        return self._renderer(side).render(self.data, view)

    def goal_image(self, camera: str = "front") -> Image:
        """What the camera would see with the task done, in this episode's looks; the state stays untouched."""
        data = self._goal_data
        mujoco.mj_resetData(self.model, data)
        self._place(data, self.episode.goal)
        return self._renderer(self.image_size).render(data, self._camera(camera))

    def evaluate(self) -> Verdict:
        """The environment's verdict, from the simulator's truth."""
        return self._task.evaluate(self.episode, self.state)

    def camera_matrix(self, camera: str, size: int | None = None) -> FloatVector:
        """(3, 3) intrinsics of the square image in pixels, OpenCV's convention."""
        side = self.image_size if size is None else size
        angle = np.radians(self.model.cam_fovy[self._camera(camera).fixedcamid])
        focal = side / 2 / np.tan(angle / 2)
        centre = (side - 1) / 2
        return np.array([[focal, 0.0, centre], [0.0, focal, centre], [0.0, 0.0, 1.0]])

    def camera_pose(self, camera: str) -> FloatVector:
        """(4, 4) pose of the optical frame (x right, y down, z ahead) in the base frame: the nominal calibration.

        Of the front camera it leaves out the episode's jitter, which nobody outside would know; of the wrist
        camera it follows the joints.
        """
        self._camera(camera)
        body = self.model.body(f"{camera}_camera_optical_frame").id
        pose = np.eye(4)
        pose[:3, :3] = self.data.xmat[body].reshape(3, 3)
        pose[:3, 3] = self.data.xpos[body]
        return pose

    def close(self) -> None:
        """Frees the renderers; may be called twice."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()

    def __enter__(self) -> "Tabletop":
        return self

    def __exit__(self, *_: Any) -> None:  # noqa: ANN401
        self.close()

    def _place(self, data: mujoco.MjData, state: SceneState) -> None:
        data.qpos[self._arm] = self.kinematics.inverse(state.tool, np.zeros(len(ARM_JOINTS)), state.tool_yaw)
        data.qpos[self._fingers] = state.gripper / 2
        data.qpos[self._drawer] = state.drawer
        for start, (x, y, z, yaw) in zip(self._blocks, state.blocks, strict=True):
            data.qpos[start : start + 7] = [x, y, z, np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2)]
        mujoco.mj_forward(self.model, data)

    def _held(self) -> tuple[bool, ...]:
        """Which blocks both fingers touch."""
        bodies = self.model.geom_bodyid[self.data.contact.geom]
        pairs = {frozenset(pair) for pair in bodies.tolist()}
        return tuple(
            all(frozenset((block, finger)) in pairs for finger in self._finger_bodies) for block in self._block_bodies
        )

    def _camera(self, name: str) -> mujoco.MjvCamera:
        if name not in CAMERAS:
            raise UnknownNameError("camera", name, CAMERAS)
        view = mujoco.MjvCamera()
        view.type = mujoco.mjtCamera.mjCAMERA_FIXED.value
        view.fixedcamid = self.model.camera(name).id
        return view

    def _renderer(self, side: int) -> Renderer:
        if side not in self._renderers:
            self._renderers[side] = Renderer(self.model, side, side)
        return self._renderers[side]


def _yaw(quaternion: FloatVector) -> float:
    w, x, y, z = quaternion
    return float(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
