# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The policy without ROS: what it follows, what stops it and how fast, and that no input breaks a limit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.policy.controller import PolicyController
from robot_planner.policy.limits import MotionLimits
from robot_planner.policy.reasons import Reason
from robot_planner.policy.schedule import ScheduleConfig
from robot_planner.policy.types import ControllerConfig, PlanInput, State

S, MS = 1_000_000_000, 1_000_000
LIMITS = MotionLimits(np.full(6, -3.0), np.full(6, 3.0), np.full(6, 2.0), np.full(6, 30.0))
CONFIG = ControllerConfig(LIMITS, schedule=ScheduleConfig(height=0.03))
HOME = np.array([0.4, 0.0, 0.03])


class Crane:
    """Three linear axes, 5 rad a metre, and three joints that do nothing; no reach beyond some x."""

    gain = 5.0
    reach = 0.6

    def forward(self, joints):
        return np.asarray(joints)[:3] / self.gain

    def inverse(self, position, seed, yaw=0.0):
        if position[0] > self.reach:
            raise InvalidInputError("out of reach")
        return np.concatenate([position * self.gain, np.asarray(seed)[3:]])


class Bench:
    """A policy, a perfect arm, a camera and a planner, on clocks that the test moves."""

    def __init__(self, config: ControllerConfig = CONFIG, encoder: str = "") -> None:
        self.config, self.crane = config, Crane()
        self.policy = PolicyController(config, self.crane, frame="base_link", encoder=encoder)
        self.arm = self.crane.inverse(HOME, np.zeros(6))
        self.time = 100.0
        self.ros_offset = 0.0
        self.camera = self.joints = self.planner = True
        self.action = np.array([0.02, 0.0])
        self.sent: list = []
        """(steady time, Command) of every command."""
        self.tick_number = 0
        self.follows_commands = True

    @property
    def now(self) -> int:
        return int(round((self.time + self.ros_offset) * S))

    def plan(self, **changes) -> Reason:
        plan = PlanInput(np.tile(self.action, (10, 1)), self.now - 60 * MS, 0.2, "net", "base_link")
        return self.policy.plan(replace(plan, **changes), self.now, self.time)

    def inputs(self) -> None:
        if self.joints:
            self.policy.joint_states(self.arm, self.time)
        if self.tick_number % 3 == 0:
            if self.camera:
                self.policy.latent(self.now - 40 * MS, "net", self.now, self.time)
            if self.planner and self.tick_number > 20:
                self.plan()
        self.tick_number += 1

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / self.config.period)):
            self.time += self.config.period
            self.inputs()
            self.tick()

    def tick(self) -> None:
        command = self.policy.tick(self.now, self.time)
        if command is not None:
            self.sent.append((self.time, command))
            if self.follows_commands:
                self.arm = command.positions.copy()

    def moving(self) -> "Bench":
        """Runs until the arm is well on its way."""
        self.run(1.0)
        assert self.policy.state is State.FOLLOWING and self.sent[-1][1].velocities[0] == pytest.approx(0.5, rel=0.05)
        return self

    def last_motion(self) -> float:
        return max(t for t, c in self.sent if np.any(c.velocities))

    def check_limits(self) -> None:
        """Positions, velocities and accelerations of all that was sent, by the clock."""
        p = np.array([c.positions for _, c in self.sent])
        t = np.array([t for t, _ in self.sent])
        if len(p) < 3:
            return
        assert np.all(np.abs(p) <= 3.0)
        elapsed = np.diff(t)[:, None]
        v = np.array([c.velocities for _, c in self.sent])
        assert np.all(np.abs(np.diff(p, axis=0)) <= 2.0 * elapsed + 1e-9)
        assert np.all(np.abs(v) <= 2.0 + 1e-9)
        assert np.all(np.abs(np.diff(v, axis=0)) <= 30.0 * elapsed + 1e-9)
        # A late command makes the way of two periods at most; one that comes in time makes all of it.
        way, moving = np.abs(np.diff(p, axis=0)), np.any(v[1:] != 0, axis=1)
        in_time = moving & (elapsed[:, 0] < 2.0 * self.config.period)
        np.testing.assert_allclose(way[in_time], np.abs(v[1:] * elapsed)[in_time], atol=1e-9)
        assert np.all(way[moving] <= np.abs(v[1:] * elapsed)[moving] + 1e-9)
        following = np.array([c.image_stamp is not None for _, c in self.sent])[1:]
        assert np.all(way[following] <= 2.0 * 2.0 * self.config.period + 1e-9)


def test_idle_sends_nothing():
    bench = Bench()
    bench.planner = False
    bench.run(2.0)
    assert bench.sent == [] and bench.policy.state is State.IDLE


def test_it_follows_the_commanded_path_by_the_age_of_the_plan():
    bench = Bench()
    bench.planner = False
    bench.run(0.5)
    start = bench.now
    bench.plan(stamp=start - 200 * MS)
    bench.run(0.3)
    tool = bench.sent[-1][1].tool
    np.testing.assert_allclose(tool, HOME + [0.05, 0, 0], atol=1e-3)  # 0.5 s of 0.1 m/s
    assert bench.sent[-1][1].image_stamp == start - 200 * MS
    np.testing.assert_allclose(bench.sent[-1][1].tool_velocity, [0.1, 0, 0], atol=1e-3)


def test_replanning_keeps_the_speed_of_the_plans():
    bench = Bench().moving()
    x0 = bench.sent[-1][1].tool[0]
    bench.action = np.array([-0.02, 0.0])
    bench.run(0.4)
    x1 = bench.sent[-1][1].tool[0]
    bench.run(1.0)
    assert bench.sent[-1][1].tool[0] - x1 == pytest.approx(-0.1, abs=0.001)
    assert x0 > 0.4
    bench.check_limits()


def test_the_first_command_is_where_the_arm_is_measured():
    bench = Bench()
    bench.arm = bench.crane.inverse(np.array([0.3, 0.1, 0.1]), np.zeros(6))
    measured = bench.arm.copy()
    bench.moving()
    first = bench.sent[0][1].positions
    assert np.max(np.abs(first - measured)) <= 30.0 * 0.02**2 + 1e-9
    bench.check_limits()


FAULTS = {
    "camera lost": (lambda b: setattr(b, "camera", False), Reason.LATENT_LOST),
    "planner killed": (lambda b: setattr(b, "planner", False), Reason.PLAN_LOST),
    "joint states lost": (lambda b: setattr(b, "joints", False), Reason.JOINT_STATES_LOST),
    "NaN plan": (lambda b: b.plan(actions=np.full((3, 2), np.nan)), Reason.NOT_FINITE),
    "NaN states": (lambda b: b.plan(finite=False), Reason.NOT_FINITE),
    "stale plan": (lambda b: b.plan(stamp=b.now - 600 * MS), Reason.STALE),
    "plan from the future": (lambda b: b.plan(stamp=b.now + 100 * MS), Reason.FUTURE),
    "wrong encoder": (lambda b: b.plan(encoder="other"), Reason.WRONG_ENCODER),
    "wrong frame": (lambda b: b.plan(frame="map"), Reason.WRONG_FRAME),
    "wrong shape": (lambda b: b.plan(actions=np.zeros((3, 3))), Reason.WRONG_SHAPE),
    "too large actions": (lambda b: b.plan(actions=np.full((3, 2), 0.05)), Reason.OUT_OF_BOUNDS),
    "bad step": (lambda b: b.plan(step_seconds=0.0), Reason.BAD_STEP),
    "emergency stop": (lambda b: b.policy.emergency_stop("pressed", b.time), Reason.EMERGENCY_STOP),
    "deactivate": (lambda b: b.policy.stop(Reason.DEACTIVATED, "", b.time), Reason.DEACTIVATED),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_stops_the_arm_within_a_watchdog_period(name):
    fault, reason = FAULTS[name]
    bench = Bench().moving()
    when = bench.time
    fault(bench)
    if name in ("NaN plan", "stale plan", "wrong encoder") or reason not in (
        Reason.LATENT_LOST, Reason.PLAN_LOST, Reason.JOINT_STATES_LOST,
    ):  # fmt: skip
        bench.planner = False  # a single bad one: no good one comes after it
    bench.run(2.0)
    assert bench.policy.state is State.STOPPED and bench.policy.reason is reason
    assert bench.last_motion() - when <= 0.5
    assert bench.sent[-1][0] - when < 0.7, "once it stands, nothing more is sent"
    np.testing.assert_array_equal(bench.sent[-1][1].velocities, 0.0)
    assert bench.sent[-1][1].image_stamp is None
    bench.check_limits()


@pytest.mark.parametrize("name", [n for n in FAULTS if n not in ("camera lost", "planner killed", "joint states lost")])
def test_what_is_seen_at_once_stops_in_the_time_to_brake(name):
    bench = Bench().moving()
    bench.planner = False
    when = bench.time
    FAULTS[name][0](bench)
    bench.run(1.0)
    assert bench.last_motion() - when <= bench.policy.reaction


def test_an_empty_plan_brakes_and_holds_without_a_fault():
    bench = Bench().moving()
    bench.planner = False
    bench.plan(actions=np.zeros((0, 2)), encoder="", stamp=0)
    when = bench.time
    bench.run(1.0)
    assert bench.policy.state is State.HOLDING and bench.policy.reason is Reason.EMPTY_PLAN
    assert bench.last_motion() - when <= bench.policy.reaction
    assert bench.policy.watchdogs.fault is None


def test_a_finished_plan_is_held_and_then_silent():
    bench = Bench(replace(CONFIG, plan_period=10.0)).moving()
    bench.planner = False
    bench.action = np.array([0.01, 0.0])
    bench.plan()
    bench.run(3.0)
    assert bench.policy.state is State.HOLDING and bench.policy.reason is Reason.PLAN_FINISHED
    np.testing.assert_allclose(bench.sent[-1][1].velocities, 0.0)
    count = len(bench.sent)
    bench.run(1.0)
    assert len(bench.sent) == count


@pytest.mark.parametrize("name", ["camera lost", "joint states lost", "planner killed", "NaN plan"])
def test_the_next_good_plan_starts_it_again_only_when_all_is_alive(name):
    bench = Bench().moving()
    FAULTS[name][0](bench)
    planner, bench.planner = bench.planner, False
    bench.run(1.0)
    if name in ("camera lost", "joint states lost"):
        bench.planner = planner
        bench.run(1.0)
        assert bench.policy.state is State.STOPPED, "plans alone don't start it"
    bench.camera = bench.joints = bench.planner = True
    bench.run(1.0)
    assert bench.policy.state is State.FOLLOWING and bench.policy.reason is Reason.NONE


def test_the_emergency_stop_stays_until_released_and_needs_a_new_plan_then():
    bench = Bench().moving()
    bench.policy.emergency_stop("pressed", bench.time)
    bench.run(2.0)  # with the planner going on
    assert bench.policy.state is State.STOPPED
    assert bench.time - bench.last_motion() > 1.7
    bench.planner = False
    bench.policy.emergency_stop("", bench.time)
    bench.run(1.0)
    assert bench.policy.state is State.STOPPED, "a release alone moves nothing"
    bench.planner = True
    bench.run(0.5)
    assert bench.policy.state is State.FOLLOWING


def test_an_emergency_stop_pressed_before_activation_counts():
    bench = Bench()
    bench.policy.emergency_stop("pressed", bench.time)
    bench.policy.restart()
    bench.run(2.0)
    assert bench.sent == [] and bench.policy.state is State.IDLE and bench.policy.reason is Reason.EMERGENCY_STOP
    bench.policy.emergency_stop("", bench.time)
    bench.run(1.0)
    assert bench.policy.state is State.FOLLOWING


@pytest.mark.parametrize("name", ["camera", "joints"])
def test_a_long_plan_is_not_followed_blindly(name):
    bench = Bench(replace(CONFIG, plan_period=10.0)).moving()
    bench.planner = False
    setattr(bench, name, False)
    when = bench.time
    bench.run(1.5)
    assert bench.policy.reason is {"camera": Reason.LATENT_LOST, "joints": Reason.JOINT_STATES_LOST}[name]
    assert 0.3 < bench.last_motion() - when <= 0.5
    bench.check_limits()


@pytest.mark.parametrize("kind", ["repeated", "old", "future"])
def test_an_image_that_is_not_fresh_is_no_sign_of_life(kind):
    bench = Bench(replace(CONFIG, plan_period=10.0)).moving()
    bench.planner = bench.camera = False
    bench.policy.latent(bench.now, "net", bench.now, bench.time)
    when, stamp = bench.time, bench.now
    for _ in range(50):
        shown = {"repeated": stamp, "old": bench.now - 520 * MS, "future": bench.now + 30 * MS}[kind]
        bench.policy.latent(shown, "net", bench.now, bench.time)
        bench.run(0.02)
    assert bench.policy.reason is Reason.LATENT_LOST
    assert bench.last_motion() - when <= 0.5


def test_latents_of_another_encoder_are_no_sign_of_life_when_one_is_required():
    bench = Bench(encoder="mine")
    bench.run(1.0)
    assert bench.policy.state is State.IDLE and bench.policy.reason is Reason.LATENT_LOST and not bench.sent


def test_joint_states_that_are_not_finite_are_no_sign_of_life():
    bench = Bench().moving()
    bench.joints = False
    for _ in range(50):
        bench.policy.joint_states(np.full(6, np.nan), bench.time)
        bench.run(0.02)
    assert bench.policy.reason is Reason.JOINT_STATES_LOST


def test_out_of_reach_holds_with_a_reason_and_goes_on_when_it_is_reached_again():
    bench = Bench().moving()
    bench.crane.reach = 0.5
    bench.run(1.5)
    assert bench.policy.state is State.HOLDING and bench.policy.reason is Reason.UNREACHABLE
    assert bench.policy.detail == "out of reach"
    assert bench.time - bench.last_motion() > 0.1
    bench.action = np.array([-0.02, 0.0])
    bench.run(1.0)
    assert bench.policy.state is State.FOLLOWING
    bench.check_limits()


def test_inverse_kinematics_that_leaps_is_not_followed():
    bench = Bench().moving()
    inverse = bench.crane.inverse
    bench.crane.inverse = lambda p, s, yaw=0.0: inverse(p, s) + np.array([0, 0, 0, 0, 0, 1.0])
    bench.run(0.5)
    assert bench.policy.state is State.HOLDING and "leaps" in bench.policy.detail
    bench.crane.inverse = lambda p, s, yaw=0.0: inverse(p, s) * np.nan
    bench.run(0.5)
    assert bench.policy.state is State.HOLDING
    bench.check_limits()


def test_the_tool_stays_in_the_box():
    bench = Bench(replace(CONFIG, workspace_upper=(0.45, 0.22, 0.03)))
    bench.action = np.array([0.03, 0.04])
    bench.run(4.0)
    tools = np.array([c.tool for _, c in bench.sent])
    assert np.max(tools[:, 0]) <= 0.45 + 1e-4 and np.max(tools[:, 1]) <= 0.22 + 1e-4
    np.testing.assert_allclose(tools[-1], [0.45, 0.22, 0.03], atol=1e-3)
    assert bench.policy.projections > 10


def test_an_arm_that_is_moved_away_is_not_fought():
    bench = Bench().moving()
    bench.follows_commands = False
    bench.planner = False
    bench.arm = bench.crane.inverse(np.array([0.3, -0.1, 0.03]), np.zeros(6))
    bench.run(0.02)
    assert bench.policy.state is State.STOPPED and bench.policy.reason is Reason.TRACKING_ERROR
    np.testing.assert_allclose(bench.sent[-1][1].positions, bench.arm)
    bench.follows_commands = True
    bench.planner = True
    bench.run(1.0)
    assert bench.policy.state is State.FOLLOWING
    assert bench.sent[-1][1].tool[0] < 0.42, "it goes on from where it was put"


def test_a_standing_arm_goes_on_from_its_command_if_it_is_still_there():
    bench = Bench().moving()
    bench.planner = False
    bench.plan(actions=np.zeros((0, 2)))
    bench.run(1.0)
    held = bench.sent[-1][1].positions
    bench.arm = held - 0.01  # sags
    bench.run(0.5)
    count = len(bench.sent)
    bench.planner = True
    bench.run(0.1)
    assert np.max(np.abs(bench.sent[count][1].positions - held)) < 0.008


def test_a_measured_arm_outside_its_limits_is_not_started():
    bench = Bench()
    bench.arm = np.array([2.0, 0.0, 0.15, 3.5, 0.0, 0.0])
    bench.run(1.0)
    assert not bench.sent and bench.policy.reason is Reason.JOINT_LIMITS
    bench.arm[3] = 0.0
    bench.run(1.0)
    assert bench.policy.state is State.FOLLOWING


def test_a_loop_that_was_held_up_stops_instead_of_catching_up():
    bench = Bench().moving()
    bench.time += 0.45
    bench.inputs()
    bench.policy.latent(bench.now, "net", bench.now, bench.time)
    before = bench.sent[-1][1].positions
    bench.tick()
    assert bench.policy.reason is Reason.OVERRUN
    np.testing.assert_allclose(bench.sent[-1][1].positions, before)
    bench.check_limits()


def test_an_arm_that_waited_for_a_late_command_starts_anew():
    slow = replace(LIMITS, acceleration=np.full(6, 2.0))
    bench = Bench(replace(CONFIG, limits=slow, latent_period=3.0, plan_period=3.0, joint_states_period=3.0,
                          control_period=3.0, tool_acceleration=0.2))  # fmt: skip
    bench.moving()
    speed = bench.sent[-1][1].velocities[0]
    bench.time += 0.2
    bench.tick()
    assert bench.policy.state is State.FOLLOWING
    # Of the 0.2 s it stood still for 0.16 s, and could win back the speed of 0.04 s.
    assert bench.sent[-1][1].velocities[0] <= speed - 2.0 * 0.16 + 2.0 * 0.04 + 1e-9


def test_a_plan_from_before_the_arm_was_put_elsewhere_is_refused():
    bench = Bench().moving()
    bench.planner = False
    bench.plan(actions=np.zeros((0, 2)))
    bench.run(0.5)
    bench.arm = bench.crane.inverse(np.array([0.3, -0.1, 0.03]), np.zeros(6))
    before = bench.now
    bench.run(0.1)
    assert bench.plan(stamp=before) is Reason.UNANCHORED
    assert bench.plan(stamp=bench.now - 20 * MS) is Reason.NONE
    start = len(bench.sent)
    bench.run(0.1)
    assert np.linalg.norm(bench.sent[start][1].tool - [0.3, -0.1, 0.03]) < 5e-3


def test_ros_time_that_goes_back_or_leaps_stops_the_arm():
    for offset, reason in ((-50.0, Reason.CLOCK_JUMP), (50.0, Reason.STALE)):
        bench = Bench().moving()
        bench.planner = False
        bench.ros_offset = offset
        bench.time += 0.02
        bench.tick()
        assert bench.policy.state is State.STOPPED and bench.policy.reason is reason
        bench.planner = True
        bench.run(1.0)
        assert bench.policy.state is State.FOLLOWING, "on the new time it goes on"
        bench.check_limits()


def test_restart_forgets_everything():
    bench = Bench().moving()
    bench.policy.restart()
    assert bench.policy.state is State.IDLE and not bench.policy.engaged
    assert bench.plan() is Reason.LATENT_LOST, "inputs of before the restart don't count"
    count = len(bench.sent)
    bench.planner = False
    bench.run(0.5)
    assert len(bench.sent) == count


@pytest.mark.parametrize("name", ["latent_period", "plan_period", "joint_states_period", "control_period"])
def test_a_watchdog_period_shorter_than_braking_is_refused(name):
    with pytest.raises(InvalidInputError, match="above 0.107 s"):
        PolicyController(replace(CONFIG, **{name: 0.1}), Crane())


events = st.sampled_from(["plan", "bad", "old", "empty", "stop", "release", "camera", "joints", "push", "late", "none"])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_stream_of_plans_and_faults_breaks_a_limit(data):
    bench = Bench()
    bench.planner = False
    bench.run(0.3)
    for _ in range(data.draw(st.integers(1, 12))):
        event = data.draw(events)
        if event == "plan":
            values = data.draw(st.lists(st.sampled_from([-0.04, -0.01, 0.0, 0.02, 0.04]), min_size=2, max_size=12))
            actions = np.array(values[: len(values) // 2 * 2]).reshape(-1, 2)
            age = data.draw(st.integers(0, 400))
            step = data.draw(st.sampled_from([0.05, 0.2]))
            bench.plan(actions=actions, stamp=bench.now - age * MS, step_seconds=step)
        elif event == "bad":
            bench.plan(actions=np.array([[np.inf, 0.0]]))
        elif event == "old":
            bench.plan(stamp=bench.now - 3 * S)
        elif event == "empty":
            bench.plan(actions=np.zeros((0, 2)))
        elif event in ("stop", "release"):
            bench.policy.emergency_stop("pressed" if event == "stop" else "", bench.time)
        elif event == "late":
            bench.time += data.draw(st.floats(0.0, 0.4))
        elif event in ("camera", "joints"):
            setattr(bench, event, not getattr(bench, event))
        bench.run(data.draw(st.sampled_from([0.02, 0.06, 0.3])))
    bench.check_limits()
    tools = np.array([c.tool for _, c in bench.sent]) if bench.sent else np.zeros((0, 3))
    assert np.all(np.abs(tools) < 1.0)
