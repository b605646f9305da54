# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A real graph with the policy in its own process: every fault stops the arm's command within a watchdog period.

When things happened is read from stamps, and that nothing more happens is read from the policy's own count of control
periods, which goes on while it is silent.
"""

import signal
from pathlib import Path

import numpy as np
import pytest
from lifecycle_msgs.msg import Transition
from policy_actors import ACCELERATION, MS, Surroundings, check_limits
from policy_graph import Graph, open_graph
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Bool

from robot_planner.nodes.interfaces import Quality

pytestmark = pytest.mark.graph
ACTORS = str(Path(__file__).with_name("policy_actors.py"))
PERIOD = 0.5
"""Watchdog period of every input, the nodes' default [s]."""
SLACK = 0.15
"""For messages and processes that two busy cores hold up [s]; what moves on unguarded does so for two seconds."""
QUIET = 0.5
"""Seconds of silence that are waited for, with the control loop seen to run on."""


class Policy:
    """The policy's process, and the actors around it."""

    def __init__(self, graph: Graph, **parameters: object) -> None:
        self.graph = graph
        self.world = Surroundings(graph.node)
        self.process = graph.start("-m", "robot_planner.nodes.policy", autostart=True, **parameters)
        graph.wait(lambda: self.world.state == "idle", "the policy to be idle")

    def fresh(self) -> "Policy":
        """Back to idle, everything alive, nobody planning."""
        self.world.reset()
        if self.world.state or self.process.poll() is None:
            assert self.graph.transition("policy", Transition.TRANSITION_DEACTIVATE)
            assert self.graph.transition("policy", Transition.TRANSITION_ACTIVATE)
        self.world.reset()
        return self

    def moving(self) -> "Policy":
        """The arm well on its way."""
        self.world.planner = True
        self.until_moving()
        return self

    def until_moving(self) -> None:
        count = len(self.world.commands)

        def fast() -> bool:
            new = self.world.commands[count:]
            return len(new) > 15 and np.max(np.abs(new[-1].velocities)) > 0.2

        self.graph.wait(fast, "the arm to move")

    def let_pass(self, seconds: float) -> None:
        """Waits until the policy's control loop has run for so long from now on."""
        since = self.world.now
        self.graph.wait(lambda: self.world.diagnosed >= since + seconds * 1e9, "the policy's diagnostics")

    def last_motion(self) -> int:
        return max((c.stamp for c in self.world.commands if np.any(c.velocities)), default=0)

    def check_stopped(self, state: str, reason: str, since: int, within: float = PERIOD) -> None:
        """It stands, for good, and stood still in time; no command broke a limit."""
        world, graph = self.world, self.graph
        wanted = (state, reason)
        graph.wait(lambda: (world.state, world.reason) == wanted, f"{wanted}, not {world.states[-1:]}")
        graph.wait(lambda: not np.any(world.commands[-1].velocities), "a command to stand still")
        self.let_pass(QUIET)
        assert self.last_motion() > since - 0.1e9, "it did not move before the fault"
        assert (self.last_motion() - since) * 1e-9 <= within + SLACK
        final = world.commands[-1]
        assert not np.any(final.velocities)
        assert (final.stamp - self.last_motion()) * 1e-9 < QUIET, "it goes on sending"
        assert (world.state, world.reason) == (state, reason)
        check_limits(world.commands)


@pytest.fixture(scope="module")
def shared():
    with open_graph("surroundings") as graph:
        yield Policy(graph)


@pytest.fixture
def policy(shared):
    return shared.fresh()


def test_nothing_is_sent_without_a_plan(policy):
    world = policy.world
    policy.let_pass(QUIET)
    assert world.commands == [] and world.state in ("idle", "")


def test_it_follows_and_measures_the_age_of_images(policy):
    world = policy.moving().world
    policy.graph.wait(lambda: len(world.timing) > 30, "timing")
    image, command, age, period, computing, jump = np.array(world.timing[5:]).T
    np.testing.assert_allclose(command - image, age, atol=1e-5)
    assert np.all(age >= 0.01) and np.all(computing >= 0)
    assert np.median(period) == pytest.approx(0.02, abs=0.005)
    tools = np.array([world.kinematics.forward(c.positions) for c in world.commands])
    assert np.max(np.abs(tools[:, 2] - 0.03)) < 1e-3, "the tool keeps its height"
    policy.world.planner = False
    policy.check_stopped("stopped", "plan_lost", world.lives["planner"])


def test_the_gap_of_a_plan_is_told_once_with_the_first_command_that_follows_it(policy):
    world = policy.moving().world
    world.timing.clear()
    policy.graph.wait(lambda: len(world.timing) > 40, "timing")
    image, jump = np.array(world.timing).T[[0, 5]]
    assert np.array_equal(np.isfinite(jump[1:]), np.diff(image) != 0.0)
    assert 2 <= np.isfinite(jump).sum() < 0.7 * len(jump), "plans come at 20 Hz, commands at 50 Hz"


SILENCES = {"camera": "latent_lost", "planner": "plan_lost", "arm": "joint_states_lost"}


@pytest.mark.parametrize("who", SILENCES)
def test_silence_stops_the_arm(policy, who):
    world = policy.moving().world
    setattr(world, who, False)
    policy.check_stopped("stopped", SILENCES[who], world.lives[who])


def test_a_long_plan_is_not_followed_blindly():
    """No plan comes that could be refused: the watchdogs alone stop the arm."""
    with open_graph("surroundings", "/solo") as graph:
        policy = Policy(graph, plan_period=10.0)
        world = policy.world
        for who, reason in (("camera", "latent_lost"), ("arm", "joint_states_lost")):
            policy.fresh()
            graph.wait(lambda: world.seen, "the camera")
            policy.let_pass(0.2)
            world.plan(np.tile([0.0, 0.02], (10, 1)))
            policy.until_moving()
            setattr(world, who, False)
            policy.check_stopped("stopped", reason, world.lives[who])


def test_a_killed_planner_stops_the_arm(policy):
    planner = policy.graph.start(ACTORS, "planner")
    policy.until_moving()
    planner.send_signal(signal.SIGKILL)
    planner.wait()
    policy.check_stopped("stopped", "plan_lost", policy.world.now)


def nan(world: Surroundings) -> None:
    actions = np.full((10, 2), 0.01)
    actions[4, 1] = np.nan
    world.plan(actions)


BAD_PLANS = {
    "NaN": ("plan_not_finite", nan),
    "NaN states": ("plan_not_finite", lambda w: w.plan(cost=float("nan"))),
    "stale": ("stale_plan", lambda w: w.plan(age=700 * MS)),
    "future": ("plan_from_the_future", lambda w: w.plan(age=-300 * MS)),
    "wrong encoder": ("wrong_encoder", lambda w: w.plan(encoder="another net")),
    "wrong dimension": ("wrong_plan_shape", lambda w: w.plan(np.zeros((6, 2)), action_dim=3)),
    "wrong states": ("wrong_plan_shape", lambda w: w.plan(latent_dim=4)),
    "out of bounds": ("action_out_of_bounds", lambda w: w.plan(np.full((4, 2), 0.05))),
    "no duration": ("bad_step_duration", lambda w: w.plan(step_duration=0.0)),
    "another frame": ("wrong_frame", lambda w: setattr(w, "planner", False) or w.plans.publish(other_frame(w))),
}


def other_frame(world: Surroundings):
    from policy_actors import make_plan

    plan = make_plan(np.full((5, 2), 0.01), world.seen)
    plan.header.frame_id = "map"
    return plan


@pytest.mark.parametrize("kind", BAD_PLANS)
def test_a_bad_plan_stops_the_arm(policy, kind):
    reason, publish = BAD_PLANS[kind]
    world = policy.moving().world
    world.planner = False
    since = world.now
    publish(world)
    policy.check_stopped("stopped", reason, since, within=0.2)
    assert world.states[-1]["detail"]
    policy.moving()  # and a good one starts it again
    assert world.state == "following"


def test_an_empty_plan_cancels(policy):
    world = policy.moving().world
    world.planner = False
    since = world.now
    world.plan(np.zeros((0, 2)))
    policy.check_stopped("holding", "empty_plan", since, within=0.2)


QUALITIES = {
    "latched": Quality.LATCHED.profile(),
    "volatile": QoSProfile(depth=1),
    "best effort": QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT, durability=DurabilityPolicy.VOLATILE),
}


@pytest.mark.parametrize("quality", QUALITIES)
def test_the_emergency_stop_holds_until_it_is_released_and_a_new_plan_comes(policy, quality):
    world, graph = policy.world, policy.graph
    button = graph.node.create_publisher(Bool, "emergency_stop", QUALITIES[quality])
    try:
        matches = 2 if quality == "latched" else 1
        graph.wait(lambda: button.get_subscription_count() >= matches, "the policy to listen")
        policy.moving()
        world.planner = False  # no plan comes that could be refused: the button alone stops the arm
        since = world.now
        button.publish(Bool(data=True))
        policy.check_stopped("stopped", "emergency_stop", since, within=0.2)
        stopped = policy.last_motion()
        world.planner = True
        policy.let_pass(QUIET)
        assert policy.last_motion() == stopped and world.state == "stopped", "a plan got past the button"
        world.planner = False
        policy.let_pass(0.2)
        button.publish(Bool(data=False))
        policy.let_pass(QUIET)
        assert policy.last_motion() == stopped and world.state == "stopped", "the release alone moved it"
        world.planner = True
        policy.until_moving()
    finally:
        button.publish(Bool(data=False))
        graph.wait(lambda: world.state == "following", "release")
        graph.node.destroy_publisher(button)


def test_deactivation_returns_with_the_arm_stopped(policy):
    world = policy.moving().world
    since = world.now
    assert policy.graph.transition("policy", Transition.TRANSITION_DEACTIVATE)
    answered = world.now
    policy.graph.wait(lambda: world.reason == "deactivated", "the last word")
    policy.graph.wait(lambda: not np.any(world.commands[-1].velocities), "a command to stand still")
    count = len(world.commands)
    world.plan()
    assert policy.graph.transition("policy", Transition.TRANSITION_ACTIVATE)
    policy.graph.wait(lambda: world.state == "idle", "idle")
    assert len(world.commands) == count, "an inactive policy sent something"
    assert world.commands[-1].stamp <= answered
    assert (policy.last_motion() - since) * 1e-9 <= 0.2 + SLACK
    check_limits(world.commands)


def test_no_stream_of_plans_breaks_a_limit(policy):
    rng = np.random.default_rng(7)
    world = policy.world
    policy.let_pass(0.2)
    for _ in range(60):
        steps = int(rng.integers(1, 12))
        actions = rng.choice([-0.04, -0.02, 0.0, 0.03, 0.04], (steps, 2))
        changes = {"step_duration": float(rng.choice([0.05, 0.2]))}
        if rng.random() < 0.15:
            actions[rng.integers(steps)] = rng.choice([np.nan, np.inf, 0.5, -7.0])
        if rng.random() < 0.1:
            changes["encoder"] = "another net"
        count = len(world.commands) + int(rng.integers(1, 8))
        world.plan(actions, age=int(rng.integers(0, 700)) * MS if rng.random() < 0.5 else 0, **changes)
        first = world.now
        policy.graph.wait(lambda c=count, f=first: len(world.commands) >= c or world.now > f + 200 * MS, "commands")
    assert len(world.commands) > 100
    check_limits(world.commands)
    tools = np.array([world.kinematics.forward(c.positions) for c in world.commands])
    assert np.all(tools > [0.249, -0.221, 0.028]) and np.all(tools < [0.551, 0.221, 0.032])


def test_the_first_command_is_where_the_arm_is(policy):
    world = policy.world
    world.joints = world.kinematics.inverse(np.array([0.5, -0.15, 0.05]), world.home)
    measured = world.joints.copy()
    world.commands.clear()
    policy.let_pass(0.2)
    policy.moving()
    assert np.max(np.abs(world.commands[0].positions - measured)) <= ACCELERATION * 0.02**2 + 1e-6
    check_limits(world.commands)


def test_a_lost_button_counts_as_pressed_where_one_is_required():
    with open_graph("surroundings", "/solo") as graph:
        policy = Policy(graph, emergency_stop_lease=0.4)
        world = policy.world
        world.planner = True
        graph.wait(lambda: world.reason == "emergency_stop", "refusals")
        policy.let_pass(QUIET)
        assert world.commands == [], "it moved without a button"
        button = graph.start(ACTORS, "button")
        policy.until_moving()
        button.send_signal(signal.SIGKILL)
        button.wait()
        policy.check_stopped("stopped", "emergency_stop", world.now, within=0.4 + 0.2)


def test_a_terminated_policy_leaves_the_arm_stopped():
    with open_graph("surroundings", "/solo") as graph:
        policy = Policy(graph).moving()
        since = policy.world.now
        policy.process.terminate()
        graph.wait(lambda: policy.process.poll() is not None, "the end")
        graph.wait(lambda: not np.any(policy.world.commands[-1].velocities), "a command to stand still")
        assert policy.process.returncode == 0
        assert (policy.last_motion() - since) * 1e-9 <= 0.2 + SLACK
        check_limits(policy.world.commands)


def test_the_plan_begins_where_the_arm_was_commanded_when_the_image_was_taken(policy):
    policy.world.delay = 150 * MS  # of sensing and planning
    world = policy.moving().world
    policy.graph.wait(lambda: len(world.timing) > 40, "timing")
    assert np.median([t[2] for t in world.timing]) > 0.15
    times = np.array([c.stamp for c in world.commands[10:]]) * 1e-9
    y = np.array([world.kinematics.forward(c.positions)[1] for c in world.commands[10:]])
    # From where it is commanded now, each plan would leap ahead by its age: to the tool's highest speed, 0.3 m/s.
    assert np.sum(np.abs(np.diff(y))) / (times[-1] - times[0]) == pytest.approx(0.15, rel=0.3), "the plans' speed"
