# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The policy node following subgoals in a real graph: what chunks are made of, where the arm goes, what stops it."""

import array
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from policy_actors import MS, Surroundings, check_limits, stamp
from policy_graph import open_graph
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import Bool, Float64MultiArray

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.policy import PolicyNode
from robot_planner.nodes.policy_parameters import PolicyParameters
from robot_planner_interfaces.msg import Latent, Subgoals

pytestmark = pytest.mark.graph
DIGEST, DIM, PLAN_DIM, LANGUAGE = "d" * 64, 5, 3, 2
BOX = {"workspace_lower": [0.2, -0.38, 0.012], "workspace_upper": [0.6, 0.32, 0.22]}
BOUNDS = {"action_low": [-0.3, -0.3, -0.2, -2.0, -0.02], "action_high": [0.3, 0.3, 0.2, 2.0, 0.1]}


def rows(end, opening=0.05):
    """A chunk on a straight line to a displacement (4,)."""
    return np.column_stack([np.arange(1, 9)[:, None] / 8 * np.asarray(end, float), np.full(8, opening)]).astype("f4")


class ScriptedLbp(SimpleNamespace):
    """Chunks as the test wants them; remembers what they were asked for with."""

    def __init__(self):
        super().__init__(
            encoder=SimpleNamespace(digest=DIGEST, latent_dim=DIM, plan_dim=PLAN_DIM),
            language=SimpleNamespace(embedding_dim=LANGUAGE),
            policy=SimpleNamespace(config=SimpleNamespace(depth=1)),
        )
        self.chunk, self.asked, self.failure = None, [], None
        self.direction = 1.0
        self.threads = set()
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def act(self, latent, proprioception, language, subgoals):
        self.asked.append((latent, proprioception, language, subgoals))
        self.threads.add(threading.get_ident())
        self.entered.set()
        self.gate.wait(60.0)
        if self.failure:
            raise self.failure
        if self.chunk is not None:
            return self.chunk
        if abs(proprioception[1]) > 0.1:  # to and fro
            self.direction = -float(np.sign(proprioception[1]))
        return rows([0.0, 0.15 * self.direction, 0.0, 0.0])


class World(Surroundings):
    """The same surroundings with fingers, latents of this model, and a planner of subgoals."""

    width = 0.046

    def __init__(self, node):
        super().__init__(node)
        self.home = self.kinematics.inverse(np.array([0.4, -0.05, 0.1]), np.zeros(6), 0.3)
        self.joints = self.home.copy()
        self.subgoals = node.create_publisher(Subgoals, "subgoals", Quality.NEWEST.profile())
        self.openings = []
        queued = Quality.QUEUED.profile()
        node.create_subscription(Float64MultiArray, "gripper_commands", self._on_gripper, queued)

    def _on_gripper(self, message):
        self.openings.append(list(message.data))

    def plan(self, **changes):
        message = Subgoals(encoder=DIGEST, algorithm="lbp", latent_dim=PLAN_DIM)
        message.header.stamp, message.header.frame_id = stamp(self.seen), "base_link"
        message.latents, message.progress = array.array("f", range(6)), array.array("f", [0.5, 1.0])
        message.language = array.array("f", [7.0, 8.0])
        for name, value in changes.items():
            setattr(message, name, value)
        self.subgoals.publish(message)

    def _move(self):
        if self.arm:
            names = [*self.kinematics.joint_names, "left_finger_joint", "right_finger_joint"]
            message = JointState(name=names, position=[*self.joints.tolist(), self.width / 2, self.width / 2])
            message.header.stamp = stamp(self.now)
            self.joint_states.publish(message)

    def _see(self):
        if self.camera:
            self.seen = self.now - 10 * MS
            message = Latent(encoder=DIGEST, data=array.array("f", range(DIM)))
            message.header.stamp = stamp(self.seen)
            self.latents.publish(message)
        if self.planner:
            self.plan()


class Here:
    """The policy node in the test's own process, on the test's own executor."""

    def __init__(self, graph):
        self.graph, self.world, self.lbp = graph, World(graph.node), ScriptedLbp()
        kind = type("Node", (PolicyNode,), {"load_policy": lambda node: self.lbp})
        parameters = {"autostart": True, "subgoal_model": "scripted", **BOX, **BOUNDS}
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        self.node = kind(context=graph.context, parameter_overrides=overrides, use_global_arguments=False)
        graph.executor.add_node(self.node)
        graph.wait(lambda: self.node.active, "activation")
        graph.wait(lambda: self.node.controller.measured is not None and self.node.controller._latent_stamp, "inputs")

    def moving(self):
        self.world.planner = True
        self.graph.wait(
            lambda: self.world.commands[15:] and np.max(np.abs(self.world.commands[-1].velocities)) > 0.1, "motion"
        )
        return self

    def stands(self, state, reason):
        world, wanted = self.world, (state, reason)
        self.graph.wait(lambda: (world.state, world.reason) == wanted, f"{wanted}; {world.states[-1:]}")
        self.graph.wait(lambda: not np.any(world.commands[-1].velocities), "a command to stand still")
        check_limits(world.commands)

    def close(self):
        self.lbp.gate.set()
        self.node.finish("test over")
        self.graph.executor.remove_node(self.node)
        self.node.destroy_node()


@pytest.fixture
def here():
    with open_graph("surroundings") as graph:
        made = Here(graph)
        yield made
        made.close()


def test_chunks_are_made_of_the_newest_latent_the_measured_arm_and_the_subgoals(here):
    world, lbp = here.world, here.lbp
    lbp.chunk = rows(np.zeros(4))
    lbp.asked.clear()  # the warm-up
    lbp.threads.clear()
    before = world.kinematics.pose(world.joints)
    world.planner = True
    here.graph.wait(lambda: lbp.asked, "a chunk to be asked for")
    latent, body, language, subgoals = lbp.asked[0]
    np.testing.assert_array_equal(latent, range(DIM))
    expected = [*before[:3], np.sin(before[3]), np.cos(before[3]), world.width]
    np.testing.assert_allclose(body, expected, atol=1e-3)
    np.testing.assert_array_equal(language, [7.0, 8.0])
    np.testing.assert_array_equal(subgoals, np.arange(6).reshape(2, 3))
    assert body.dtype == np.float32 and threading.get_ident() not in lbp.threads


def test_the_arm_goes_where_the_chunk_says_turns_and_tells_the_gripper(here):
    world = here.world
    end = world.kinematics.pose(world.joints) + [0.03, 0.02, 0.02, 0.2]

    def act(latent, proprioception, language, subgoals):
        pose = np.append(proprioception[:3], np.arctan2(proprioception[3], proprioception[4]))
        return rows(np.zeros(4), opening=0.03) + np.append(np.clip(end - pose, -0.05, 0.05), 0.0).astype("f4")

    here.lbp.act = act
    world.planner = True
    here.graph.wait(
        lambda: np.allclose(world.kinematics.pose(world.joints), end, atol=3e-3), "the arm to be where it was sent"
    )
    here.graph.wait(lambda: world.openings, "a command to the gripper")
    assert world.openings[-1] == [pytest.approx(0.03, abs=1e-6)]
    check_limits(world.commands)
    ages = np.array([message[2] for message in world.timing])
    assert np.all(ages > 0.0) and np.all(ages < 1.0)


def test_subgoals_without_latents_hold_the_arm_and_a_chunk_under_way_does_not_move_it_again(here):
    here.moving()
    world, lbp = here.world, here.lbp
    world.planner = False
    lbp.entered.clear()
    lbp.gate.clear()
    world.plan()
    here.graph.wait(lbp.entered.is_set, "a chunk under way")
    world.plan(latents=array.array("f"), progress=array.array("f"))
    here.stands("holding", "empty_plan")
    count = here.node.channel("chunk").count
    lbp.gate.set()
    here.graph.wait(lambda: here.node.channel("chunk").count > count, "the late chunk")
    assert world.state == "holding"
    assert not np.any(world.commands[-1].velocities)


NAN = float("nan")
REFUSED = [
    ("wrong_encoder", {"encoder": "e" * 64}),
    ("plan_not_finite", {"latents": array.array("f", [NAN] * 6)}),
    ("plan_not_finite", {"language": array.array("f", [1.0, NAN])}),
    ("wrong_plan_shape", {"latents": array.array("f", range(4)), "latent_dim": 2}),
    ("wrong_plan_shape", {"progress": array.array("f", [1.0])}),
    ("stale_plan", {"age": 700 * MS}),
]


def test_bad_subgoals_stop_the_arm_at_once_and_good_ones_start_it_again(here):
    world = here.world
    for number, (reason, changes) in enumerate(REFUSED):
        world.commands.clear()
        here.moving()
        world.planner = False
        fields = dict(changes)
        world.seen -= fields.pop("age", 0)
        dropped = here.node.channel("subgoals").dropped
        world.plan(**fields)
        here.stands("stopped", reason)
        assert here.node.channel("subgoals").dropped == dropped + 1, number
        opened = len(world.openings)
        world.planner = True
        here.graph.wait(lambda: world.state == "following", "the arm to go on")
        here.graph.wait(lambda opened=opened: len(world.openings) > opened, "the gripper's commands to go on")


def test_a_chunk_that_no_arm_should_follow_stops_it(here):
    here.moving()
    here.lbp.chunk = rows([NAN, 0, 0, 0])
    here.stands("stopped", "plan_not_finite")


def test_a_policy_that_fails_stops_the_node(here):
    here.moving()
    here.lbp.failure = ZeroDivisionError("nothing to divide by")
    here.graph.wait(lambda: not here.node.active, "the fault")
    assert "nothing to divide by" in here.node.failure
    here.graph.wait(lambda: not np.any(here.world.commands[-1].velocities), "a standstill")


def test_a_planner_that_falls_silent_stops_the_arm_in_time(here):
    here.moving()
    since = here.world.now
    here.world.planner = False
    here.stands("stopped", "plan_lost")
    last = max(c.stamp for c in here.world.commands if np.any(c.velocities))
    assert (last - since) * 1e-9 < 0.65


def test_the_emergency_stop_wins_and_leaves_the_gripper_as_it_is(here):
    here.moving()
    button = here.graph.node.create_publisher(Bool, "emergency_stop", Quality.LATCHED.profile())
    button.publish(Bool(data=True))
    # A machine that stumbles may stop the arm for its own reason first; the emergency stop holds all the same.
    here.graph.wait(lambda: here.world.state == "stopped" and here.node.controller.emergency, "the arm to stop")
    asked = len(here.lbp.asked)
    here.graph.wait(lambda: len(here.lbp.asked) > asked + 5, "what was sent before to arrive")
    opened, asked = len(here.world.openings), len(here.lbp.asked)
    here.graph.wait(lambda: len(here.lbp.asked) > asked + 5, "further subgoals")
    assert len(here.world.openings) == opened and here.world.state == "stopped"
    button.publish(Bool(data=False))
    here.graph.wait(lambda: here.world.state == "following", "the arm to go on")


def test_inference_does_not_delay_the_control_loop(here):
    here.moving()
    here.lbp.gate.clear()
    before = here.node.channel("control").count
    here.graph.wait(lambda: here.node.channel("control").count > before + 10, "the control loop")
    here.lbp.gate.set()


def test_a_gripper_without_fingers_is_no_sign_of_life(here):
    here.world.arm = False
    dropped = here.node.channel("joint_states").dropped
    message = JointState(name=list(here.world.kinematics.joint_names), position=here.world.joints.tolist())
    here.world.joint_states.publish(message)
    here.graph.wait(lambda: here.node.channel("joint_states").dropped > dropped, "the drop")
    assert "left_finger_joint" in here.node.channel("joint_states").last_reason


def test_bounds_must_fit_what_is_followed():
    kinematics = SimpleNamespace(lower=np.full(6, -3.0), upper=np.full(6, 3.0))
    with pytest.raises(InvalidInputError, match="five numbers"):
        PolicyParameters(subgoal_model="tidy").config(kinematics)
    with pytest.raises(InvalidInputError, match="two or three"):
        PolicyParameters(action_low=(-1.0,) * 5, action_high=(1.0,) * 5).config(kinematics)


def test_a_world_has_no_policy():
    node = type("Node", (), {"parameters": SimpleNamespace(subgoal_model="tabletop")})()
    with pytest.raises(Exception, match="has no policy; allowed: a model of kind lbp"):
        PolicyNode.load_policy(node)
