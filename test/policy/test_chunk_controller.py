# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The policy without ROS following chunks of tool poses and openings: where it goes, and that no limit is broken."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_planner.errors import InvalidInputError
from robot_planner.policy.chunk_following import ChunkLimits
from robot_planner.policy.controller import PolicyController
from robot_planner.policy.limits import MotionLimits
from robot_planner.policy.reasons import Reason
from robot_planner.policy.types import ControllerConfig, PlanInput, State

S, MS = 1_000_000_000, 1_000_000
LIMITS = MotionLimits(np.full(6, -3.0), np.full(6, 3.0), np.full(6, 2.0), np.full(6, 30.0))
LOWER, UPPER = (0.2, -0.38, 0.012), (0.6, 0.32, 0.22)
CONFIG = ControllerConfig(LIMITS, workspace_lower=LOWER, workspace_upper=UPPER, schedule=ChunkLimits())
HOME = np.array([0.4, 0.0, 0.1, 0.3])


class Crane:
    """Four linear axes, 5 rad a metre and 1 rad a radian of yaw, and two joints that do nothing."""

    gains = np.array([5.0, 5.0, 5.0, 1.0])

    def forward(self, joints):
        return self.pose(joints)[:3]

    def pose(self, joints):
        return np.asarray(joints)[:4] / self.gains

    def inverse(self, position, seed, yaw=0.0):
        return np.concatenate([np.append(position, yaw) * self.gains, np.asarray(seed)[4:]])


def chunk(pose_at_end, opening=0.065, rows=8):
    """Rows on a straight line to a displacement (4,) at the end."""
    way = np.arange(1, rows + 1)[:, None] / rows * np.asarray(pose_at_end, float)
    return np.column_stack([way, np.full(rows, opening)])


class Bench:
    """A policy, a perfect arm, a camera and a planner of chunks, on a clock that the test moves."""

    def __init__(self) -> None:
        self.crane = Crane()
        self.policy = PolicyController(CONFIG, self.crane, frame="base_link", encoder="net")
        self.arm = self.crane.inverse(HOME[:3], np.zeros(6), HOME[3])
        self.time, self.count, self.sent = 100.0, 0, []
        self.camera = True
        self.planned = None
        """Rows that are sent with each image; None: no planner."""

    @property
    def now(self) -> int:
        return int(round(self.time * S))

    def plan(self, rows, age=60 * MS, **changes) -> Reason:
        plan = PlanInput(rows, self.now - age, 0.1, "net", "base_link", pose=self.crane.pose(self.arm))
        return self.policy.plan(replace(plan, **changes), self.now, self.time)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / CONFIG.period)):
            self.time += CONFIG.period
            self.policy.joint_states(self.arm, self.time)
            if self.count % 3 == 0 and self.camera:
                self.policy.latent(self.now - 40 * MS, "net", self.now, self.time)
                if self.planned is not None:
                    self.plan(self.planned)
            self.count += 1
            command = self.policy.tick(self.now, self.time)
            if command is not None:
                self.sent.append(command)
                self.arm = command.positions.copy()

    def ready(self) -> "Bench":
        self.run(0.5)
        return self

    def check_limits(self) -> None:
        p, v = (np.array([getattr(c, name) for c in self.sent]) for name in ("positions", "velocities"))
        assert np.all(np.abs(v) <= 2.0 + 1e-9)
        assert np.all(np.abs(np.diff(v, axis=0)) <= 30.0 * CONFIG.period + 1e-9)
        assert np.all(np.abs(np.diff(p, axis=0)) <= 2.0 * CONFIG.period + 1e-9)
        tools = np.array([c.tool for c in self.sent])
        assert np.all(tools >= np.array(LOWER) - 2e-3) and np.all(tools <= np.array(UPPER) + 2e-3)
        assert np.all(np.abs(p[:, 3]) <= CONFIG.max_turn + 5e-3)


def test_it_reaches_the_pose_that_the_chunk_ends_at_and_holds():
    bench = Bench().ready()
    goal = np.array([0.04, -0.03, 0.03, 0.3])
    assert bench.plan(chunk(goal, rows=2)) is Reason.NONE
    bench.run(0.38)
    np.testing.assert_allclose(bench.crane.pose(bench.arm), HOME + goal, atol=2e-3)
    assert (bench.policy.state, bench.policy.reason) == (State.HOLDING, Reason.PLAN_FINISHED)
    bench.check_limits()


def test_a_chunk_is_joined_by_the_age_of_its_image():
    late, early = Bench().ready(), Bench().ready()
    late.plan(chunk([0.08, 0, 0, 0.4]), age=400 * MS)
    early.plan(chunk([0.08, 0, 0, 0.4]), age=0)
    for bench in (late, early):
        bench.run(0.3)
    assert late.sent[-1].tool[0] - early.sent[-1].tool[0] == pytest.approx(0.04, abs=0.012)
    assert late.sent[-1].image_stamp is not None


def test_the_opening_is_that_of_the_row_under_way_within_what_the_gripper_can():
    bench = Bench().ready()
    rows = chunk(np.zeros(4))
    rows[:2, 4], rows[2:, 4] = 0.09, -0.01
    bench.plan(rows, age=0)
    bench.run(0.16)
    assert {c.gripper for c in bench.sent} == {0.08}
    bench.run(0.1)
    assert bench.sent[-1].gripper == 0.0


STOPS = {
    "emergency stop": (lambda b: b.policy.emergency_stop("pressed", b.time), Reason.EMERGENCY_STOP),
    "NaN": (lambda b: b.plan(chunk([np.nan, 0, 0, 0])), Reason.NOT_FINITE),
    "NaN pose": (lambda b: b.plan(chunk(np.zeros(4)), pose=HOME * np.nan), Reason.NOT_FINITE),
    "no pose": (lambda b: b.plan(chunk(np.zeros(4)), pose=None), Reason.WRONG_SHAPE),
    "a plan in the plane": (lambda b: b.plan(np.zeros((8, 2))), Reason.WRONG_SHAPE),
    "too far": (lambda b: b.plan(chunk([0.5, 0, 0, 0])), Reason.OUT_OF_BOUNDS),
    "opening of a door": (lambda b: b.plan(chunk(np.zeros(4), opening=0.5)), Reason.OUT_OF_BOUNDS),
    "stale": (lambda b: b.plan(chunk(np.zeros(4)), age=600 * MS), Reason.STALE),
    "from the future": (lambda b: b.plan(chunk(np.zeros(4)), age=-100 * MS), Reason.FUTURE),
    "wrong encoder": (lambda b: b.plan(chunk(np.zeros(4)), encoder="other"), Reason.WRONG_ENCODER),
    "planner lost": (lambda b: setattr(b, "planned", None), Reason.PLAN_LOST),
    "camera lost": (lambda b: setattr(b, "camera", False), Reason.LATENT_LOST),
}


@pytest.mark.parametrize("name", STOPS)
def test_whatever_goes_wrong_stops_the_arm_and_leaves_the_gripper_as_it_is(name):
    act, reason = STOPS[name]
    bench = Bench().ready()
    bench.planned = chunk([0.0, 0.15, 0.0, 0.0])
    bench.run(0.4)
    assert bench.policy.state is State.FOLLOWING and np.any(bench.sent[-1].velocities)
    act(bench)
    if reason not in (Reason.PLAN_LOST, Reason.LATENT_LOST):
        bench.planned = None
    count = len(bench.sent)
    bench.run(0.6)
    assert (bench.policy.state, bench.policy.reason) == (State.STOPPED, reason)
    assert not np.any(bench.sent[-1].velocities)
    stopped = [c for c in bench.sent[count:] if c.image_stamp is None]
    assert stopped and all(c.gripper is None for c in stopped)
    bench.check_limits()


def test_a_chunk_older_than_the_one_followed_is_refused_and_the_motion_goes_on():
    bench = Bench().ready()
    bench.plan(chunk([0.05, 0, 0, 0]), age=60 * MS)
    assert bench.plan(chunk([-0.05, 0, 0, 0]), age=100 * MS) is Reason.OUT_OF_ORDER
    bench.run(0.3)
    assert bench.policy.state is State.FOLLOWING and bench.sent[-1].tool[0] > HOME[0]


def test_an_arm_turned_further_than_allowed_is_turned_back_only():
    bench = Bench()
    bench.arm = bench.crane.inverse(HOME[:3], np.zeros(6), 2.6)
    bench.ready()
    bench.plan(chunk([0, 0, 0, 1.0]))
    bench.run(0.5)
    turns = [c.positions[3] for c in bench.sent]
    assert np.all(np.diff(turns) <= 1e-9) and turns[-1] < 2.3


@pytest.mark.parametrize("changes", [{"action_low": (0.0,) * 4}, {"action_low": (0.2,) * 5, "action_high": (0.1,) * 5},
                                     {"opening_low": 0.1}])  # fmt: skip
def test_bounds_that_make_no_sense_are_refused(changes):
    with pytest.raises(InvalidInputError):
        ChunkLimits(**changes)


ROWS = arrays(np.float64, (8, 5), elements=st.floats(-1.0, 1.0))
SCALE = np.array([0.3, 0.3, 0.2, 2.0, 0.02])


@settings(max_examples=25, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_no_sequence_of_chunks_breaks_a_limit(chunks):
    bench = Bench().ready()
    for rows in chunks:
        bench.planned = rows * SCALE
        bench.run(0.3)
    bench.planned = None
    bench.run(1.0)
    bench.check_limits()
    assert not np.any(bench.sent[-1].velocities)
