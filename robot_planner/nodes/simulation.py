# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The simulation node: the tabletop as a ros2_control arm and ROS cameras show themselves."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.nodes.arm_commands import Trajectory, read_points
from robot_planner.nodes.base import ManagedNode, Output
from robot_planner.nodes.interfaces import Gives, Quality, Serves, Takes
from robot_planner.nodes.messages import image_to_message, to_nanoseconds, to_stamp
from robot_planner.nodes.pacing import Due, Pacer
from robot_planner.nodes.parameters import ANY_TIME, parameter
from robot_planner.nodes.runner import run
from robot_planner_interfaces.srv import EvaluateTask, ResetWorld, StepSimulation

CAMERAS = ("front", "wrist")
LOOP_SECONDS = 0.005
"""Period of the loop that lets time pass, when time is paced."""
RUSH_SECONDS = 0.02
"""How long a loop that isn't paced steps before it looks after commands and services."""
SLICE_SECONDS = 0.004
"""Simulated time between two looks at the command and at what is due."""
VIEWER_RATE = 30.0
MAX_STEPS = 10_000


@dataclass(frozen=True)
class SimulationParameters:
    """Parameters of the simulation node."""

    task: str = parameter("reach", "Task of the first episode.")
    seed: int = parameter(0, "Seed of the first episode.", minimum=0)
    image_size: int = parameter(
        256, "Side of the camera images; shipped models were trained on 256.", unit="pixel", minimum=16, maximum=1024
    )
    front_rate: float = parameter(20.0, "Images of the front camera; 0: off.", unit="1/s", minimum=0.0, maximum=250.0)
    wrist_rate: float = parameter(0.0, "Images of the wrist camera; 0: off.", unit="1/s", minimum=0.0, maximum=250.0)
    joint_state_rate: float = parameter(100.0, "Joint states.", unit="1/s", minimum=1.0, maximum=250.0)
    real_time_factor: float = parameter(
        1.0, "Simulated seconds per second; 0: as fast as it can.", minimum=0.0, maximum=100.0
    )
    max_lag: float = parameter(
        0.1, "Simulated time that is caught up after a hold-up; more is left out.", unit="s", minimum=0.01, maximum=10.0
    )
    publish_clock: bool = parameter(
        False, "Publish /clock; stamps are then simulated time, which goes on through resets, else the node's time."
    )
    max_command_age: float = parameter(
        0.5, "Trajectories that ended longer ago are dropped.", unit="s", minimum=0.01, maximum=60.0
    )
    viewer: bool = parameter(False, "Open MuJoCo's viewer; needs a display.")
    camera_enabled: bool = parameter(True, "False: the cameras fall silent, as if lost.", changes=ANY_TIME)
    joint_states_enabled: bool = parameter(True, "False: the joint states fall silent, as if lost.", changes=ANY_TIME)


class SimulationNode(ManagedNode):
    """Lets the tabletop's time pass, shows its joints and cameras, and takes commands for its arm."""

    node_name = "simulation"
    parameters_class = SimulationParameters
    interfaces = (
        Takes("joint_trajectory", JointTrajectory, "Arm command: all joints of the arm, the fingers if wanted. "
              "No points: hold."),
        Takes("joint_commands", Float64MultiArray,
              "Arm command: the arm's joint positions [rad], and the gripper's opening [m] if wanted."),
        Takes("gripper_commands", Float64MultiArray, "Opening of the gripper [m]."),
        Gives("joint_states", JointState, "Arm and fingers, as measured.", Quality.SENSOR),
        Gives("{camera}/image_raw", Image, "rgb8; the stamp is the instant that it shows. One for each camera.",
              Quality.SENSOR, "the camera's rate is above 0"),
        Gives("{camera}/camera_info", CameraInfo, "True intrinsics, with the stamp of the image.", Quality.SENSOR,
              "the camera's rate is above 0"),
        Gives("/clock", Clock, "Simulated time.", Quality.SENSOR, "publish_clock is true"),
        Serves("~/reset_world", ResetWorld, "Starts an episode: a task, randomised by a seed."),
        Serves("~/set_pause", SetBool, "True: time stands still."),
        Serves("~/step_simulation", StepSimulation, "Takes physics steps while paused."),
        Serves("~/evaluate_task", EvaluateTask, "The environment's own verdict on the episode."),
    )  # fmt: skip

    def set_up(self) -> None:
        """Builds the world and resets it to the first episode."""
        # MuJoCo late, so that a wrong parameter is refused at once.
        from robot_planner.description import FINGER_JOINTS
        from robot_planner.simulation.model import TIMESTEP
        from robot_planner.simulation.tabletop import Tabletop

        p = self.parameters
        self._viewer: Any = None
        self.tabletop = Tabletop(p.image_size)
        self.tabletop.reset(p.task, p.seed)
        self._task, self._seed = p.task, p.seed
        self._timestep, self._fingers = TIMESTEP, FINGER_JOINTS
        self._slice = max(round(SLICE_SECONDS / TIMESTEP), 1)
        self._steps = 0
        self._paused = False
        self._trajectory: Trajectory | None = None
        self._pacer = Pacer(TIMESTEP, p.real_time_factor or 1.0, p.max_lag)
        self._joint_states = self.advertise("joint_states")
        self._joint_due, self._viewer_due = Due(p.joint_state_rate), Due(VIEWER_RATE)
        self._cameras: dict[str, tuple[Due, Output, Output]] = {}
        for camera, rate in zip(CAMERAS, (p.front_rate, p.wrist_rate), strict=True):
            if rate > 0:
                image = self.advertise("{camera}/image_raw", camera=camera)
                info = self.advertise("{camera}/camera_info", camera=camera)
                self._cameras[camera] = (Due(rate), image, info)
                self.tabletop.render(camera)  # no EGL: say so now
        self._clock_output = self.advertise("/clock") if p.publish_clock else None
        self.subscribe("joint_trajectory", self._on_trajectory)
        self.subscribe("joint_commands", self._on_positions)
        self.subscribe("gripper_commands", self._on_gripper)
        self.serve("~/reset_world", self._reset_world)
        self.serve("~/set_pause", self._set_pause)
        self.serve("~/step_simulation", self._step_simulation)
        self.serve("~/evaluate_task", self._evaluate_task)
        if p.viewer:
            self._open_viewer()
        self.every(LOOP_SECONDS if p.real_time_factor > 0 else 0.001, self._loop, "time")

    def start(self) -> None:
        """Time runs from now on."""
        self._pacer.start(time.monotonic())

    def stop(self, reason: str) -> None:
        """Time stands still; the arm holds where it was told to be."""
        self._trajectory = None

    def tear_down(self) -> None:
        """Closes the viewer and frees the renderers."""
        if getattr(self, "_viewer", None) is not None:
            self._viewer.close()
            self._viewer = None
        if getattr(self, "tabletop", None) is not None:
            self.tabletop.close()
            self.tabletop = None  # type: ignore[assignment]

    def diagnose(self) -> Mapping[str, str]:
        """Episode, simulated time, and how much of it was left out."""
        if not self._is_set_up:
            return {}
        return {
            "task": self._task,
            "seed": str(self._seed),
            "paused": str(self._paused),
            "simulated time [s]": f"{self._steps * self._timestep:.3f}",
            "simulated time left out [s]": f"{self._pacer.lost:.3f}",
        }

    # --- time

    def _loop(self) -> None:
        if self._paused:
            return
        if self.parameters.real_time_factor > 0:
            left = self._pacer.due(time.monotonic())
            while left > 0:
                count = min(left, self._slice)
                left -= count
                self._step(count, left)
        else:
            end = time.monotonic() + RUSH_SECONDS
            while time.monotonic() < end:
                self._step(self._slice)

    def _step(self, count: int, behind: int | None = None) -> None:
        """Some physics steps and what is due after them; ``behind`` paced steps of this loop are still to come."""
        if self._trajectory is not None:
            self.tabletop.command(self._trajectory.at(self._now(behind)))
        with self._viewer.lock() if self._viewer is not None else contextlib.nullcontext():
            self.tabletop.advance(count * self._timestep)
        self._steps += count
        seconds, stamp = self._steps * self._timestep, self._now(behind)
        if self._clock_output is not None:
            self._clock_output.publish(Clock(clock=to_stamp(stamp)))
        if self._joint_due.now(seconds) and self.parameters.joint_states_enabled:
            self._publish_joint_states(stamp)
        for camera, (due, image, info) in self._cameras.items():
            if due.now(seconds) and self.parameters.camera_enabled:
                frame = f"{camera}_camera_optical_frame"
                image.publish(image_to_message(self.tabletop.render(camera), stamp, frame))
                info.publish(self._camera_info(camera, stamp, frame))
        if self._viewer is not None and self._viewer_due.now(seconds):
            self._viewer.sync() if self._viewer.is_running() else self._close_viewer()

    def _now(self, behind: int | None = None) -> int:
        """Stamp of the present state [ns]: simulated time with a clock, else the node's time of that instant."""
        if self._clock_output is not None:
            return round(self._steps * self._timestep * 1e9)
        now = self.now()
        return now if behind is None else now - int((time.monotonic() - self._pacer.wall(behind)) * 1e9)

    # --- what is shown

    def _publish_joint_states(self, stamp: int) -> None:
        table = self.tabletop
        fingers = [table.data.joint(name) for name in self._fingers]
        message = JointState(name=[*table.joint_names, *self._fingers])
        message.header.stamp, message.header.frame_id = to_stamp(stamp), "base_link"
        message.position = [*table.joint_positions.tolist(), *(float(finger.qpos[0]) for finger in fingers)]
        message.velocity = [*table.joint_velocities.tolist(), *(float(finger.qvel[0]) for finger in fingers)]
        self._joint_states.publish(message)

    def _camera_info(self, camera: str, stamp: int, frame: str) -> CameraInfo:
        size = self.tabletop.image_size
        matrix: npt.NDArray[np.float64] = self.tabletop.camera_matrix(camera)
        message = CameraInfo(width=size, height=size, distortion_model="plumb_bob", d=[0.0] * 5)
        message.header.stamp, message.header.frame_id = to_stamp(stamp), frame
        message.k, message.r = matrix.reshape(-1).tolist(), np.eye(3).reshape(-1).tolist()
        message.p = np.hstack([matrix, np.zeros((3, 1))]).reshape(-1).tolist()
        return message

    # --- commands

    def _on_trajectory(self, message: JointTrajectory) -> None:
        times, points, opening = read_points(message, self.tabletop.joint_names, self._fingers)
        held = self.tabletop.commanded_joints
        if not times:
            self._trajectory = None
            return
        now = self._now()
        start = to_nanoseconds(message.header.stamp) or now
        late = (now - start - times[-1]) * 1e-9
        if late > self.parameters.max_command_age:
            raise InvalidInputError(
                f"trajectory ended {late:.3f} s ago; allowed: up to {self.parameters.max_command_age:g} s "
                "(are the clocks, and use_sim_time, the same everywhere?)"
            )
        if late < -MAX_AHEAD:
            raise InvalidInputError(f"trajectory ends in {-late:.0f} s; allowed: up to {MAX_AHEAD:.0f} s")
        self._trajectory = Trajectory(now, held, [start + time for time in times], points)
        if opening is not None:
            self.tabletop.command(held, opening)

    def _on_positions(self, message: Float64MultiArray) -> None:
        count = len(self.tabletop.joint_names)
        if len(message.data) not in (count, count + 1):
            raise InvalidInputError(
                f"joint command has {len(message.data)} numbers; allowed: {count}, or {count + 1} with the gripper"
            )
        values = list(message.data)
        self.tabletop.command(values[:count], values[count] if len(values) > count else None)
        self._trajectory = None

    def _on_gripper(self, message: Float64MultiArray) -> None:
        if len(message.data) != 1:
            raise InvalidInputError(f"gripper command has {len(message.data)} numbers; allowed: 1, the opening [m]")
        self.tabletop.command(self.tabletop.commanded_joints, message.data[0])

    # --- services

    def _reset_world(self, request: ResetWorld.Request, response: ResetWorld.Response) -> ResetWorld.Response:
        task = request.task or self._task
        seed = request.seed if request.seed >= 0 else self._seed + 1
        self.tabletop.reset(task, seed)  # raises before it changes anything
        self._task, self._seed, self._trajectory = task, seed, None
        for due in (self._joint_due, *(camera[0] for camera in self._cameras.values())):
            due.reset()
        self._pacer.start(time.monotonic())
        goal = self.tabletop.goal_image()
        response.goal_image = image_to_message(goal, self._now(), f"{CAMERAS[0]}_camera_optical_frame")
        response.success, response.message = True, f"{task}, seed {seed}"
        return response

    def _set_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        if self._paused and not request.data:
            self._pacer.start(time.monotonic())
        self._paused = bool(request.data)
        response.success, response.message = True, "paused" if self._paused else "running"
        return response

    def _step_simulation(
        self, request: StepSimulation.Request, response: StepSimulation.Response
    ) -> StepSimulation.Response:
        if not self._paused:
            raise InvalidInputError("the simulation runs; pause it before stepping")
        if not 0 < request.steps <= MAX_STEPS:
            raise InvalidInputError(f"{request.steps} steps; allowed: 1 to {MAX_STEPS}")
        for first in range(0, request.steps, self._slice):
            self._step(min(self._slice, request.steps - first))
        response.success = True
        return response

    def _evaluate_task(self, request: EvaluateTask.Request, response: EvaluateTask.Response) -> EvaluateTask.Response:
        verdict = self.tabletop.evaluate()
        response.success, response.distance = bool(verdict.success), float(verdict.distance)
        response.detail = json.dumps(verdict.detail)
        return response

    # --- viewer

    def _open_viewer(self) -> None:
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise EnvironmentSetupError("parameter 'viewer' is true, but there is no display; allowed: false")
        import mujoco.viewer

        self._viewer = mujoco.viewer.launch_passive(
            self.tabletop.model, self.tabletop.data, show_left_ui=False, show_right_ui=False
        )

    def _close_viewer(self) -> None:
        self._viewer.close()
        self._viewer = None


MAX_AHEAD = 600.0
"""How long a trajectory may go on [s]."""


def main(args: Sequence[str] | None = None) -> int:
    """Runs the node."""
    return run(SimulationNode, args)


if __name__ == "__main__":
    sys.exit(main())
