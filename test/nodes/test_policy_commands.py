# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The policy's commands in each form, its parameters, what it makes of odd messages, and the arm of the simulation."""

import array
import subprocess
import sys

import numpy as np
import pytest
from geometry_msgs.msg import PointStamped, TwistStamped
from policy_actors import Surroundings, check_limits, make_plan, nanoseconds
from policy_graph import open_graph
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Float64MultiArray
from trajectory_msgs.msg import JointTrajectory

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.policy import PolicyNode
from robot_planner.nodes.policy_parameters import PolicyParameters
from robot_planner_interfaces.msg import Latent, Plan

pytestmark = pytest.mark.graph


class Here:
    """The policy node in the test's own process, on the test's own executor."""

    def __init__(self, graph, node_class=PolicyNode, **parameters) -> None:
        self.graph = graph
        self.world = Surroundings(graph.node)
        overrides = [Parameter(name, value=value) for name, value in {"autostart": True, **parameters}.items()]
        self.node = node_class(context=graph.context, parameter_overrides=overrides, use_global_arguments=False)
        graph.executor.add_node(self.node)
        graph.wait(lambda: self.node.active, "activation")

    def close(self) -> None:
        self.node.finish("test over")
        self.graph.executor.remove_node(self.node)
        self.node.destroy_node()


@pytest.fixture
def make():
    made = []
    with open_graph("surroundings") as graph:

        def start(node_class=PolicyNode, **parameters) -> Here:
            made.append(Here(graph, node_class, **parameters))
            return made[-1]

        yield start
        for here in made:
            here.close()


def test_joint_positions_are_those_of_the_trajectory(make):
    here = make(command_type="joint_positions")
    heard = []
    here.graph.node.create_subscription(Float64MultiArray, "joint_commands", heard.append, Quality.QUEUED.profile())
    here.graph.node.create_subscription(
        Float64MultiArray, "joint_commands", lambda m: setattr(here.world, "joints", np.array(m.data)), 1
    )
    here.world.planner = True
    here.graph.wait(lambda: len(heard) > 30, "commands")
    assert here.world.commands == [], "one kind of command alone"
    path = np.array([m.data for m in heard])
    assert path.shape[1] == 6
    np.testing.assert_allclose(path[0], here.world.home, atol=0.02)
    tools = np.array([here.world.kinematics.forward(p) for p in path])
    assert abs(tools[-1, 1] - tools[0, 1]) > 0.02 and np.ptp(tools[:, 2]) < 1e-3


def test_a_twist_is_the_velocity_of_the_commanded_tool_and_ends_in_zero(make):
    here = make(command_type="twist", max_tracking_error=6.0)
    heard, points = [], []
    node, queued = here.graph.node, Quality.QUEUED.profile()
    node.create_subscription(TwistStamped, "twist_commands", heard.append, queued)
    node.create_subscription(PointStamped, "tool_point", points.append, queued)
    here.world.planner = True
    here.graph.wait(lambda: len(heard) > 30, "commands")
    here.world.planner = False
    here.world.plan(np.zeros((0, 2)))
    here.graph.wait(lambda: here.world.state == "holding" and heard[-1].twist.linear.y == 0.0, "standing still")
    speed = np.array([[m.twist.linear.x, m.twist.linear.y, m.twist.linear.z] for m in heard])
    assert heard[0].header.frame_id == "base_link"
    assert np.median(np.abs(speed[10:30, 1])) == pytest.approx(0.15, rel=0.1)
    assert np.max(np.abs(speed[:, [0, 2]])) < 0.03  # a late tick blends over a longer step
    by_stamp = {nanoseconds(m.header.stamp): [m.point.x, m.point.y, m.point.z] for m in points}
    way = np.array([by_stamp[t] for t in sorted(by_stamp)])
    np.testing.assert_allclose(np.sum(speed, axis=0) * 0.02, way[-1] - way[0], atol=0.01)


@pytest.mark.parametrize(
    ("method", "error"),
    [("inverse", ZeroDivisionError), ("forward", ZeroDivisionError), ("forward", InvalidInputError)],
)
def test_a_mistake_in_the_control_loop_stops_the_arm_and_the_node(make, method, error):
    """Whatever breaks down while it moves: it brakes all the same."""
    here = make()
    here.world.planner = True
    here.graph.wait(lambda: len(here.world.commands) > 30, "the arm to move")

    def broken(*args):
        raise error("a mistake of ours")

    setattr(here.node.kinematics, method, broken)
    here.graph.wait(lambda: not here.node.active, "the node to deactivate itself")
    here.graph.wait(lambda: here.world.reason == "deactivated", "the last word")
    assert "a mistake of ours" in here.node.failure
    here.graph.wait(lambda: here.world.commands and not np.any(here.world.commands[-1].velocities), "standing still")
    check_limits(here.world.commands)


def test_joint_states_of_others_are_passed_over_and_broken_ones_dropped(make):
    here = make()
    world, graph, channel = here.world, here.graph, here.node.channel("joint_states")
    graph.wait(lambda: channel.count > 10, "joint states")
    dropped = channel.dropped
    assert dropped == 0
    names = list(world.kinematics.joint_names)
    world.arm = False

    def send(name, position):
        count = channel.count
        world.joint_states.publish(JointState(name=name, position=position))
        graph.wait(lambda: channel.count > count, "the message")

    send(["gripper"], [1.0])
    assert channel.dropped == dropped
    for broken in ((names[:4], [0.0] * 4), (names, [0.0] * 5), (names, [float("nan")] * 6)):
        send(*broken)
        dropped += 1
        assert channel.dropped == dropped, broken
    # In another order, among others: taken.
    send([*reversed(names), "extra"], [*world.home[::-1].tolist(), 9.0])
    assert channel.dropped == dropped
    np.testing.assert_allclose(here.node.controller.measured, world.home)


def test_refused_plans_are_counted_with_their_reason(make):
    here = make()
    here.graph.wait(lambda: here.node.controller.measured is not None and here.world.seen, "inputs")
    control, channel = here.node.channel("control"), here.node.channel("plan")
    count = control.count
    here.graph.wait(lambda: control.count > count + 5, "control periods")
    here.world.plan(encoder="another net")
    here.graph.wait(lambda: channel.dropped == 1, "the refusal")
    assert "wrong_encoder" in channel.last_reason
    assert here.node.diagnose()["refused: wrong_encoder"] == "1"


WRONG = {
    "five limits": (["max_velocity:=[1.0,1.0,1.0,1.0,1.0]"], "'max_velocity' has 5 numbers; allowed: 6"),
    "integer": (["rate:=50"], "'rate' is 50; allowed: a double in 5..500 1/s (write 50.0)"),
    "unknown command": (["command_type:=torque"], "joint_trajectory, joint_positions, twist"),
    "no time to brake": (["latent_period:=0.06"], "time to notice and to brake"),
    "box inside out": (["workspace_lower:=[0.6,0.0,0.0]"], "lower limit"),
    "bounds of four": (["action_low:=[0.0,0.0,0.0,0.0]"], "action bounds"),
    "misspelt": (["max_velocty:=[1.0]"], "max_velocity"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_one_line(name):
    settings, expected = WRONG[name]
    command = [sys.executable, "-m", "robot_planner.nodes.policy", "--ros-args", "-p", "autostart:=true"]
    for setting in settings:
        command += ["-p", setting]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert expected in ended.stderr and "Traceback" not in ended.stderr


def test_the_defaults_suit_the_simulation():
    from robot_planner.simulation import workspace

    defaults = PolicyParameters()
    assert defaults.workspace_lower == (*workspace.TOOL_LOW, workspace.TOOL_HEIGHT)
    assert defaults.workspace_upper == (*workspace.TOOL_HIGH, workspace.TOOL_HEIGHT)
    assert defaults.action_high == (workspace.MAX_ACTION,) * 2 == tuple(-x for x in defaults.action_low)
    assert 1.0 / defaults.rate == workspace.CONTROL_SECONDS and defaults.tool_height == workspace.TOOL_HEIGHT


@pytest.mark.parametrize("sim_time", [False, True])
def test_a_lost_camera_stops_the_arm_of_the_simulation(sim_time):
    """Simulation and policy in processes of their own; the test is perception and planner."""
    with open_graph("eyes", "/sim_time" if sim_time else "/wall_time") as graph:
        newest, reliable = Quality.SENSOR.profile(), Quality.NEWEST.profile()
        latents = graph.node.create_publisher(Latent, "latent", reliable)
        plans = graph.node.create_publisher(Plan, "plan", reliable)
        images, speeds, commands = [], [], []

        def see(image: Image) -> None:
            images.append(nanoseconds(image.header.stamp))
            if not sim_time:
                assert images[-1] <= graph.node.get_clock().now().nanoseconds, "an image of the future"
            latent = Latent(encoder="net", data=array.array("f", [1.0]))
            latent.header = image.header
            latents.publish(latent)
            step = 0.02 if len(images) // 20 % 2 else -0.02
            plans.publish(make_plan(np.tile([0.0, step], (10, 1)), images[-1]))

        def feel(message: JointState) -> None:
            speeds.append((nanoseconds(message.header.stamp), np.max(np.abs(message.velocity[:6]))))

        graph.node.create_subscription(Image, "front/image_raw", see, newest)
        graph.node.create_subscription(JointState, "joint_states", feel, newest)
        graph.node.create_subscription(JointTrajectory, "joint_trajectory", commands.append, reliable)
        graph.start("-m", "robot_planner.nodes.simulation", autostart=True, publish_clock=sim_time)
        graph.start("-m", "robot_planner.nodes.policy", autostart=True, use_sim_time=sim_time)
        graph.wait(lambda: len(commands) > 20 and speeds[-1][1] > 0.1, "the arm to move")
        assert graph.set_parameter("simulation", "camera_enabled", False) == ""
        last = len(speeds)
        graph.wait(lambda: speeds[-1][0] > images[-1] + 2e9 and len(speeds) > last, "two seconds without images")
        moved = max(time for time, speed in speeds if speed > 0.02)
        assert moved > images[-1], "it moved until then"
        # The period, the servos' lag, and what two busy cores hold up; the plan would have gone on for two seconds.
        assert (moved - images[-1]) * 1e-9 < 0.5 + 0.15 + 0.2
        assert not np.any(commands[-1].points[0].velocities)
