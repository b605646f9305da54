# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Which point of which plan to be at now: plans are followed by the clock, from the instant for which they were made.

A plan of actions a_0..a_{T-1}, each a displacement over ``step_seconds``, made for the instant s (that of its image,
or a lead later), is the path p(t) = c(s) + integral of the actions from s to t, where c(s) is the tool point that was
commanded at s; one that comes before its instant begins at once. Whatever time sensing and planning took, the path is
joined where it should be by now.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.policy.reasons import PlanRefusedError, Reason

if TYPE_CHECKING:
    from robot_planner.policy.types import PlanInput

Vector = npt.NDArray[np.float64]

NANOSECONDS = 1_000_000_000
MAX_STEPS = 10_000
MAX_STEP_SECONDS = 10.0


class CommandHistory:
    """The commanded tool point of the last seconds, by ROS time [ns]."""

    def __init__(self, seconds: float) -> None:
        self._span = int(seconds * NANOSECONDS)
        self._times: list[int] = []
        self._points: list[Vector] = []

    def record(self, now: int, point: Vector) -> None:
        """Enters the commanded tool point (3,) [m] of ``now``; a clock that went back erases the past."""
        if self._times and now < self._times[-1]:
            self.clear()
        self._times.append(now)
        self._points.append(np.array(point, dtype=np.float64))
        # One entry older than the span stays, so that the whole span can be looked up.
        surplus = bisect_right(self._times, now - self._span) - 1
        if surplus > 0:
            del self._times[:surplus], self._points[:surplus]

    def clear(self) -> None:
        """Forgets everything."""
        self._times.clear()
        self._points.clear()

    @property
    def last(self) -> Vector | None:
        """The newest point (3,)."""
        return self._points[-1] if self._points else None

    def at(self, stamp: int) -> Vector | None:
        """The point (3,) at ``stamp``, between two entries by their times; None before the first entry."""
        index = bisect_right(self._times, stamp)
        if index == 0:
            return None
        if index == len(self._times):
            return self._points[-1]
        t0, t1 = self._times[index - 1], self._times[index]
        fraction = (stamp - t0) / (t1 - t0)
        return (1.0 - fraction) * self._points[index - 1] + fraction * self._points[index]


@dataclass(frozen=True)
class _Path:
    corners: Vector
    """(T+1, 3) [m]."""
    stamp: int
    """Of the image behind it [ns]."""
    begins: int
    """When its first action begins [ns]."""
    step: float

    def at(self, now: int) -> tuple[Vector, Vector]:
        """Point (3,) and velocity (3,) at ``now``."""
        steps = (now - self.begins) / NANOSECONDS / self.step
        count = len(self.corners) - 1
        if steps >= count:
            return self.corners[-1], np.zeros(3)
        index = max(int(steps), 0)
        difference = self.corners[index + 1] - self.corners[index]
        return self.corners[index] + max(steps - index, 0.0) * difference, difference / self.step


@dataclass(frozen=True)
class _Seam:
    """What the old path had over the new one, faded out by a cubic that starts with that offset and that slope."""

    start: int
    seconds: float
    offset: Vector
    slope: Vector

    def at(self, now: int) -> tuple[Vector, Vector]:
        x = max((now - self.start) / NANOSECONDS, 0.0) / self.seconds
        if x >= 1.0:
            return np.zeros(3), np.zeros(3)
        value = (2 * x**3 - 3 * x**2 + 1) * self.offset + (x**3 - 2 * x**2 + x) * self.seconds * self.slope
        rate = (6 * x**2 - 6 * x) * self.offset / self.seconds + (3 * x**2 - 4 * x + 1) * self.slope
        return value, rate


@dataclass(frozen=True)
class ScheduleConfig:
    """What a plan must be to be followed, and how it is joined."""

    action_low: tuple[float, ...] = (-0.04, -0.04)
    """Smallest displacement per action [m]; as many numbers as an action has, 2 (x, y) or 3 (x, y, z)."""
    action_high: tuple[float, ...] = (0.04, 0.04)
    max_plan_age: float = 0.5
    """Oldest image that a plan may come from [s]."""
    max_future: float = 0.02
    """How far the stamp may lie ahead of the clock [s]: clocks of two machines differ."""
    blend_seconds: float = 0.1
    """Time in which the old path turns into the new one [s]."""
    blend_speed: float = 0.2
    """Speed at which a gap between the two may be closed at most [m/s]; a wide gap takes longer."""
    height: float | None = None
    """Height that plans of two numbers are followed at [m]; None: the height of the arm."""
    history_seconds: float = 2.0

    def __post_init__(self) -> None:
        low, high = np.asarray(self.action_low), np.asarray(self.action_high)
        if low.shape != high.shape or low.shape not in ((2,), (3,)) or not np.all(low < high):
            raise InvalidInputError("action bounds must be two or three numbers each, the low below the high")
        for name in ("max_plan_age", "blend_seconds", "blend_speed"):
            if not getattr(self, name) > 0:
                raise InvalidInputError(f"{name} must be positive")
        if self.history_seconds < self.max_plan_age:
            raise InvalidInputError("history_seconds must not be shorter than max_plan_age")


class PlanSchedule:
    """Turns plans and the clock into the tool point to be at; all times are ROS time [ns], given by the caller."""

    axes = 3
    """x, y, z [m]."""

    def __init__(self, config: ScheduleConfig) -> None:
        self.config = config
        self.history = CommandHistory(config.history_seconds)
        self._path: _Path | None = None
        self._seam: _Seam | None = None
        self.jump = 0.0
        """How far the newest plan's path was from the one before it where they were joined [m]."""

    @property
    def active(self) -> bool:
        """Whether there is a plan to follow."""
        return self._path is not None

    @property
    def stamp(self) -> int | None:
        """Acquisition time of the image behind the plan being followed [ns]."""
        return None if self._path is None else self._path.stamp

    def clear(self) -> None:
        """Drops the plan: there is nothing to follow. What is known of the past motion stays."""
        self._path = self._seam = None

    def follow(self, plan: "PlanInput", now: int) -> None:
        """Follows a plan as it arrived; see ``accept``."""
        self.accept(plan.actions, plan.stamp, plan.step_seconds, now, plan.lead)

    def record(self, now: int, point: Vector) -> None:
        """Takes the commanded tool point (3,) of ``now``."""
        self.history.record(now, point)

    def forget(self) -> None:
        """Forgets the past motion."""
        self.history.clear()

    @property
    def last(self) -> Vector | None:
        """The newest commanded tool point (3,)."""
        return self.history.last

    def opening(self, now: int) -> float | None:
        """None: plans in the plane leave the gripper as it is."""
        return None

    def accept(self, actions: npt.ArrayLike, stamp: int, step_seconds: float, now: int, lead: float = 0.0) -> bool:
        """Follows a plan from ``now`` on; False for a plan without actions, which means: hold.

        ``actions`` (T, A) in metres, the first of which begins ``lead`` [s] after ``stamp``. Raises
        PlanRefusedError, with the plan before it untouched.
        """
        displacements = np.asarray(actions, dtype=np.float64)
        if displacements.size == 0:
            self.clear()
            return False
        self._check(displacements, stamp, step_seconds, now, lead)
        # A plan that came early begins now: where the arm was told to be is known, its limits included, and a guess at
        # where it will be told to be would run away from an arm that its limits hold back.
        begins = min(stamp + round(lead * NANOSECONDS), now)
        anchor = self.history.at(begins)
        if anchor is None:
            raise PlanRefusedError(Reason.UNANCHORED, "plan begins before the arm's motion is known")
        corners = np.tile(anchor, (len(displacements) + 1, 1))
        corners[1:, : displacements.shape[1]] += np.cumsum(displacements, axis=0)
        if displacements.shape[1] == 2 and self.config.height is not None:
            corners[:, 2] = self.config.height
        path = _Path(corners, stamp, begins, step_seconds)

        old = self.target(now)
        if old is None:
            last = self.history.last
            old = (anchor if last is None else last), np.zeros(3)
        new = path.at(now)
        gap = old[0] - new[0]
        self.jump = float(np.linalg.norm(gap))
        # A smoothstep's steepest slope is 1.5 times its mean one.
        seconds = max(self.config.blend_seconds, 1.5 * self.jump / self.config.blend_speed)
        self._path, self._seam = path, _Seam(now, seconds, gap, old[1] - new[1])
        return True

    def target(self, now: int) -> tuple[Vector, Vector] | None:
        """Point (3,) [m] and velocity (3,) [m/s] to be at ``now``; None without a plan. Holds the plan's end."""
        if self._path is None or self._seam is None:
            return None
        point, velocity = self._path.at(now)
        offset, rate = self._seam.at(now)
        return point + offset, velocity + rate

    def finished(self, now: int) -> bool:
        """Whether the plan's end is reached, seam included."""
        if self._path is None or self._seam is None:
            return True
        path_end = self._path.begins + int((len(self._path.corners) - 1) * self._path.step * NANOSECONDS)
        return now >= path_end and now >= self._seam.start + int(self._seam.seconds * NANOSECONDS)

    def _check(self, displacements: Vector, stamp: int, step_seconds: float, now: int, lead: float) -> None:
        config = self.config
        dimension = len(config.action_low)
        if displacements.ndim != 2 or displacements.shape[1] != dimension or len(displacements) > MAX_STEPS:
            raise PlanRefusedError(
                Reason.WRONG_SHAPE,
                f"plan has actions of shape {displacements.shape}; allowed: (1 to {MAX_STEPS}, {dimension})",
            )
        if not np.all(np.isfinite(displacements)):
            raise PlanRefusedError(Reason.NOT_FINITE, "plan has actions that are NaN or infinite")
        if not 0.0 < step_seconds <= MAX_STEP_SECONDS:  # also refuses NaN
            raise PlanRefusedError(
                Reason.BAD_STEP, f"plan has actions of {step_seconds} s; allowed: above 0, up to {MAX_STEP_SECONDS} s"
            )
        low, high = np.asarray(config.action_low), np.asarray(config.action_high)
        slack = 1e-5 * (high - low)  # actions travel as float32
        if np.any(displacements < low - slack) or np.any(displacements > high + slack):
            raise PlanRefusedError(
                Reason.OUT_OF_BOUNDS,
                f"plan has actions from {displacements.min():.4g} to {displacements.max():.4g} m; "
                f"allowed: {low.tolist()} to {high.tolist()}",
            )
        age = (now - stamp) / NANOSECONDS
        if age > config.max_plan_age:
            raise PlanRefusedError(
                Reason.STALE, f"plan is from an image {age:.3f} s old; allowed: up to {config.max_plan_age} s"
            )
        if age < -config.max_future:
            raise PlanRefusedError(Reason.FUTURE, f"plan is from an image {-age:.3f} s ahead of the clock")
        if not 0.0 <= lead <= config.max_plan_age:  # also refuses NaN
            raise PlanRefusedError(
                Reason.FUTURE, f"plan begins {lead} s after its image; allowed: 0 to {config.max_plan_age} s"
            )
        if self._path is not None and stamp < self._path.stamp:
            raise PlanRefusedError(Reason.OUT_OF_ORDER, "plan is older than the one being followed")
