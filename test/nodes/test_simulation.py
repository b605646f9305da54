# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The simulation node in its own process: it shows itself as an arm and cameras do, and obeys its services."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from policy_graph import Graph, open_graph
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.messages import image_from_message, to_nanoseconds
from robot_planner.simulation.model import TIMESTEP
from robot_planner.simulation.tabletop import Tabletop
from robot_planner_interfaces.srv import EvaluateTask, ResetWorld, StepSimulation

pytestmark = pytest.mark.graph


class Simulation:
    """The node's process, and what was heard of it."""

    def __init__(self, graph: Graph, **parameters: object) -> None:
        self.graph = graph
        self.joints: list[JointState] = []
        self.images: list[Image] = []
        self.infos: list[CameraInfo] = []
        self.times: list[int] = []
        self.dropped: dict[str, int] = {}
        node, sensor = graph.node, Quality.SENSOR.profile()
        node.create_subscription(JointState, "joint_states", self.joints.append, sensor)
        node.create_subscription(Image, "front/image_raw", self.images.append, sensor)
        node.create_subscription(CameraInfo, "front/camera_info", self.infos.append, sensor)
        node.create_subscription(Clock, "/clock", lambda m: self.times.append(to_nanoseconds(m.clock)), sensor)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.trajectories = node.create_publisher(JointTrajectory, "joint_trajectory", Quality.NEWEST.profile())
        self.positions = node.create_publisher(Float64MultiArray, "joint_commands", Quality.NEWEST.profile())
        self.gripper = node.create_publisher(Float64MultiArray, "gripper_commands", Quality.NEWEST.profile())
        self.process = graph.start("-m", "robot_planner.nodes.simulation", autostart=True, **parameters)
        self.wait_for(self.joints, 1)
        for publisher in (self.trajectories, self.positions, self.gripper):
            graph.wait(publisher.get_subscription_count, "the simulation to listen")

    def wait_for(self, heard: list, count: int) -> None:
        self.graph.wait(lambda: len(heard) >= count, f"{count} messages")

    def forget(self) -> None:
        for heard in (self.joints, self.images, self.infos, self.times):
            heard.clear()

    def service(self, kind: type, name: str, **request: object):
        return self.graph.call(kind, f"simulation/{name}", kind.Request(**request))

    def pause(self, paused: bool) -> None:
        assert self.service(SetBool, "set_pause", data=paused).success
        self.forget()

    def follow(self, goal: np.ndarray, seconds: float = 0.5, **changes: object) -> None:
        message = JointTrajectory(joint_names=list(Tabletop.joint_names))
        point = JointTrajectoryPoint(positions=np.asarray(goal, float).tolist())
        point.time_from_start.sec, point.time_from_start.nanosec = int(seconds), round(seconds % 1 * 1e9)
        message.points = [point]
        for name, value in changes.items():
            setattr(message, name, value)
        self.trajectories.publish(message)

    def at(self) -> np.ndarray:
        return np.array(self.joints[-1].position[:6])

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name.endswith("/simulation"):
                self.dropped = {p.key.split()[0]: int(p.value) for p in status.values if p.key.endswith(" dropped")}


@pytest.fixture(scope="module")
def shared():
    with open_graph("watcher") as graph:
        yield Simulation(graph, publish_clock=True, task="push", seed=5)


@pytest.fixture
def simulation(shared):
    shared.pause(False)
    assert shared.service(ResetWorld, "reset_world", task="push", seed=5).success
    shared.forget()
    shared.wait_for(shared.joints, 2)
    return shared


@pytest.fixture(scope="module")
def tabletop():
    with Tabletop() as table:
        table.reset("push", 5)
        yield table


def test_it_shows_itself_as_an_arm_and_a_camera_do(simulation, tabletop):
    simulation.wait_for(simulation.images, 4)
    simulation.wait_for(simulation.joints, 20)
    names = [*Tabletop.joint_names, "left_finger_joint", "right_finger_joint"]
    joint_stamps = [to_nanoseconds(m.header.stamp) for m in simulation.joints]
    assert all(list(m.name) == names for m in simulation.joints)
    assert all(len(m.position) == len(m.velocity) == 8 for m in simulation.joints)
    np.testing.assert_allclose(np.median(np.diff(joint_stamps)), 1e7, atol=4e6)
    image, info = simulation.images[-1], simulation.infos[-1]
    assert image.encoding == "rgb8" and image_from_message(image).shape == (tabletop.image_size, tabletop.image_size, 3)
    assert image.header.frame_id == info.header.frame_id == "front_camera_optical_frame"
    np.testing.assert_allclose(np.reshape(info.k, (3, 3)), tabletop.camera_matrix("front"))
    assert (info.width, info.height) == (tabletop.image_size, tabletop.image_size)
    stamps = {to_nanoseconds(m.header.stamp) for m in simulation.images}
    assert stamps >= {to_nanoseconds(m.header.stamp) for m in simulation.infos[1:-1]}
    simulation.graph.wait(lambda: simulation.times and simulation.times[-1] >= max(joint_stamps), "the clock")
    assert np.all(np.diff(simulation.times) > 0)


def test_an_image_shows_the_instant_of_its_stamp(simulation, tabletop):
    """Paused right after a reset and stepped, the node's image is that of a tabletop that did the same."""
    simulation.pause(True)
    simulation.service(ResetWorld, "reset_world", task="push", seed=5)
    simulation.forget()
    tabletop.reset("push", 5)
    steps = round(0.004 / TIMESTEP)
    assert simulation.service(StepSimulation, "step_simulation", steps=steps).success
    simulation.wait_for(simulation.images, 1)
    tabletop.advance(0.004)
    np.testing.assert_array_equal(image_from_message(simulation.images[0]), tabletop.render("front"))
    assert simulation.images[0].header.stamp == simulation.joints[0].header.stamp


def test_a_trajectory_brings_the_arm_there_in_its_time(simulation):
    goal = simulation.at() + [0.1, -0.1, 0.1, 0.0, 0.1, 0.2]
    simulation.follow(goal)
    simulation.graph.wait(lambda: np.max(np.abs(simulation.at() - goal)) < 5e-3, "the arm to arrive")
    simulation.graph.wait(lambda: np.max(np.abs(simulation.joints[-1].velocity[:6])) < 1e-2, "the arm to stand")
    swift = max(np.max(np.abs(m.velocity[:6])) for m in simulation.joints)
    assert swift < 3 * 0.2 / 0.5, "it leapt"


def test_positions_and_the_gripper_are_taken(simulation):
    goal = simulation.at() + 0.02
    simulation.positions.publish(Float64MultiArray(data=[*goal.tolist(), 0.05]))
    simulation.graph.wait(lambda: np.max(np.abs(simulation.at() - goal)) < 5e-3, "the arm to arrive")
    simulation.graph.wait(lambda: abs(sum(simulation.joints[-1].position[6:]) - 0.05) < 5e-3, "the gripper to open")


def test_the_gripper_is_told_alone_while_the_arm_goes_on(simulation):
    goal = simulation.at() + [0.1, -0.1, 0.1, 0.0, 0.1, 0.2]  # up, away from the table
    simulation.follow(goal)
    simulation.gripper.publish(Float64MultiArray(data=[0.06]))
    simulation.graph.wait(lambda: abs(sum(simulation.joints[-1].position[6:]) - 0.06) < 5e-3, "the gripper to open")
    simulation.graph.wait(lambda: np.max(np.abs(simulation.at() - goal)) < 5e-3, "the arm to arrive")
    before = simulation.dropped.get("gripper_commands", 0)
    for count, data in enumerate(([], [0.01, 0.01], [float("nan")]), 1):
        simulation.gripper.publish(Float64MultiArray(data=data))
        wanted = before + count
        simulation.graph.wait(lambda w=wanted: simulation.dropped.get("gripper_commands", 0) >= w, f"{data} dropped")
    assert sum(simulation.joints[-1].position[6:]) == pytest.approx(0.06, abs=5e-3)


def test_the_last_command_is_held_and_an_empty_trajectory_stops(simulation):
    start = simulation.at()
    simulation.follow(start + 0.4, seconds=8.0)
    simulation.graph.wait(lambda: np.max(np.abs(simulation.at() - start)) > 0.02, "the arm to move")
    simulation.follow(start, points=[])
    simulation.graph.wait(lambda: np.max(np.abs(simulation.joints[-1].velocity[:6])) < 1e-2, "the arm to stand")
    assert np.max(np.abs(simulation.at() - start)) < 0.2


def test_bad_commands_are_dropped_whole(simulation):
    start = simulation.at()
    away = (start + 0.3).tolist()
    old = JointTrajectory().header
    old.stamp.sec = 0
    old.stamp.nanosec = 1
    simulation.graph.wait(lambda: simulation.times and simulation.times[-1] > 2e9, "two simulated seconds")
    names = [n for n in Tabletop.joint_names]
    before = simulation.dropped.get("joint_trajectory", 0), simulation.dropped.get("joint_commands", 0)
    bad = [
        {"joint_names": names[:5]},
        {"joint_names": ["elbow"] * 6},
        {"header": old},
    ]
    for count, changes in enumerate(bad, 1):
        simulation.follow(away, **changes)
        wanted = before[0] + count
        simulation.graph.wait(lambda w=wanted: simulation.dropped.get("joint_trajectory", 0) >= w, f"{changes} dropped")
    for count, data in enumerate(([0.0] * 5, [*away[:5], float("nan")], [*away, float("inf")]), 1):
        simulation.positions.publish(Float64MultiArray(data=data))
        wanted = before[1] + count
        simulation.graph.wait(lambda w=wanted: simulation.dropped.get("joint_commands", 0) >= w, f"{data} dropped")
    assert np.max(np.abs(simulation.at() - start)) < 1e-2


def test_reset_starts_the_episode_that_was_asked_for(simulation, tabletop):
    answer = simulation.service(ResetWorld, "reset_world", task="push", seed=5)
    tabletop.reset("push", 5)
    np.testing.assert_array_equal(image_from_message(answer.goal_image), tabletop.goal_image())
    answer = simulation.service(ResetWorld, "reset_world", task="", seed=-1)
    assert answer.success and answer.message == "push, seed 6"
    tabletop.reset("push", 6)
    np.testing.assert_array_equal(image_from_message(answer.goal_image), tabletop.goal_image())
    time = simulation.times[-1]
    simulation.service(ResetWorld, "reset_world", task="reach", seed=1)
    simulation.forget()
    simulation.wait_for(simulation.times, 1)
    assert simulation.times[0] > time, "the clock goes on through a reset"


def test_an_arrangement_can_be_asked_for(simulation):
    task = "tidy/red=bin_a,drawer=open"
    answer = simulation.service(ResetWorld, "reset_world", task=task, seed=3)
    assert answer.success and answer.message == f"{task}, seed 3"
    detail = json.loads(simulation.service(EvaluateTask, "evaluate_task").detail)
    assert {"red_to_bin_a", "drawer_open"} <= set(detail)
    refused = simulation.service(ResetWorld, "reset_world", task="tidy/red=moon", seed=3)
    assert not refused.success and "a block can't end in 'moon'" in refused.message
    assert simulation.service(ResetWorld, "reset_world", task="", seed=3).message == f"{task}, seed 3"


def test_a_reset_ends_the_command_of_the_episode_before(simulation):
    start = simulation.at()
    simulation.follow(start + 0.4, seconds=2.0)
    simulation.graph.wait(lambda: np.max(np.abs(simulation.at() - start)) > 0.05, "the arm to move")
    simulation.service(ResetWorld, "reset_world", task="push", seed=5)
    simulation.forget()
    simulation.wait_for(simulation.joints, 30)
    np.testing.assert_allclose([m.position[:6] for m in simulation.joints[2:30]], np.tile(start, (28, 1)), atol=5e-3)


def test_an_unknown_task_is_refused_with_the_valid_ones(simulation):
    simulation.pause(True)
    answer = simulation.service(ResetWorld, "reset_world", task="juggle", seed=1)
    assert not answer.success
    assert "unknown task 'juggle'; valid: " in answer.message
    assert {"push", "reach"} <= set(answer.message.split("valid: ")[1].split(", "))
    verdict = simulation.service(EvaluateTask, "evaluate_task")
    assert "red_block_distance" in json.loads(verdict.detail), "the episode before goes on"


def test_the_verdict_is_the_environments(simulation, tabletop):
    simulation.pause(True)
    simulation.service(ResetWorld, "reset_world", task="push", seed=7)
    verdict = simulation.service(EvaluateTask, "evaluate_task")
    tabletop.reset("push", 7)
    expected = tabletop.evaluate()
    assert verdict.success is expected.success and verdict.distance == pytest.approx(expected.distance)
    assert json.loads(verdict.detail) == expected.detail


def test_a_paused_world_moves_by_steps_alone(simulation):
    assert not simulation.service(StepSimulation, "step_simulation", steps=1).success
    simulation.pause(True)
    assert simulation.service(StepSimulation, "step_simulation", steps=1).success
    simulation.wait_for(simulation.times, 1)
    first = simulation.times[-1]
    assert simulation.service(StepSimulation, "step_simulation", steps=101).success
    last = first + round(101 * TIMESTEP * 1e9)
    simulation.graph.wait(lambda: simulation.times[-1] >= last, "the clock")
    assert simulation.times[-1] == last
    for steps in (0, 10_001):
        answer = simulation.service(StepSimulation, "step_simulation", steps=steps)
        assert not answer.success and "1 to 10000" in answer.message
    assert simulation.times[-1] == last
    simulation.pause(False)
    simulation.graph.wait(lambda: simulation.times and simulation.times[-1] > last + 1e8, "time to go on")
    assert simulation.times[0] < last + 1e8, "the time of the pause was made up for"


def test_cameras_and_joint_states_can_be_made_to_fall_silent(simulation):
    graph = simulation.graph
    assert graph.set_parameter("simulation", "camera_enabled", False) == ""
    try:
        simulation.forget()
        simulation.wait_for(simulation.joints, 40)
        assert len(simulation.images) <= 1
    finally:
        assert graph.set_parameter("simulation", "camera_enabled", True) == ""
    simulation.wait_for(simulation.images, 3)
    assert graph.set_parameter("simulation", "joint_states_enabled", False) == ""
    try:
        simulation.forget()
        simulation.wait_for(simulation.images, 5)
        assert len(simulation.joints) <= 2
    finally:
        assert graph.set_parameter("simulation", "joint_states_enabled", True) == ""
    simulation.wait_for(simulation.joints, 3)


def test_it_runs_as_fast_as_it_can_with_both_cameras():
    with open_graph("watcher", "/fast") as graph:
        wrist: list[Image] = []
        graph.node.create_subscription(Image, "wrist/image_raw", wrist.append, Quality.SENSOR.profile())
        simulation = Simulation(graph, real_time_factor=0.0, publish_clock=True, wrist_rate=5.0, image_size=64)
        simulation.wait_for(wrist, 2)
        assert image_from_message(wrist[0]).shape == (64, 64, 3)
        assert wrist[0].header.frame_id == "wrist_camera_optical_frame"
        clock = graph.node.get_clock()
        simulation.forget()
        simulation.wait_for(simulation.times, 1)
        begin, first = clock.now().nanoseconds, simulation.times[-1]
        graph.wait(lambda: simulation.times[-1] > first + 10e9, "ten simulated seconds")
        assert clock.now().nanoseconds - begin < 9e9
        assert simulation.service(EvaluateTask, "evaluate_task").detail, "services are heard meanwhile"
        simulation.process.send_signal(signal.SIGINT)
        graph.wait(lambda: simulation.process.poll() is not None, "the end")
        assert simulation.process.returncode == 0


WRONG = {
    "unknown task": (["task:=juggle"], "unknown task 'juggle'; valid: "),
    "negative seed": (["seed:=-1"], "seed"),
    "too large an image": (["image_size:=5000"], "16..1024"),
    "no display": (["viewer:=true"], "no display"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(name, monkeypatch):
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    settings, expected = WRONG[name]
    command = [sys.executable, "-m", "robot_planner.nodes.simulation", "--ros-args", "-p", "autostart:=true"]
    for setting in settings:
        command += ["-p", setting]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert expected in ended.stderr and "Traceback" not in ended.stderr
