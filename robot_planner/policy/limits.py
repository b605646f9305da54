# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The last line of motion safety: joint limits that can always still be kept, and a box for the tool point."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class JointLimits:
    """What each of n joints may do."""

    lower: Vector
    """(n,) smallest position [rad]."""
    upper: Vector
    """(n,) largest position [rad]."""
    velocity: Vector
    """(n,) largest speed [rad/s]."""
    acceleration: Vector
    """(n,) largest acceleration and deceleration [rad/s²]."""

    def __post_init__(self) -> None:
        count = np.asarray(self.lower).size
        for name in ("lower", "upper", "velocity", "acceleration"):
            value = np.array(getattr(self, name), dtype=np.float64).reshape(-1)
            if value.size != count or not np.all(np.isfinite(value)):
                raise InvalidInputError(f"joint limit '{name}' must be {count} finite numbers, got {value.tolist()}")
            object.__setattr__(self, name, value)
        if np.any(self.lower >= self.upper):
            raise InvalidInputError("each joint's lower limit must be below its upper limit")
        if np.any(self.velocity <= 0) or np.any(self.acceleration <= 0):
            raise InvalidInputError("velocity and acceleration limits must be positive")

    @property
    def stopping_time(self) -> float:
        """Time in which the slowest joint stops from its full speed [s]."""
        return float(np.max(self.velocity / self.acceleration))


def closing_speed(room: Vector, acceleration: Vector | float, dt: float) -> Vector:
    """Largest v with v dt + v²/2a <= room: one step at v and then a full stop stay within ``room``."""
    return acceleration * (np.sqrt(dt * dt + 2.0 * room / acceleration) - dt)


class JointLimiter:
    """Follows any sequence of joint targets within position, velocity and acceleration limits.

    Time advances in steps of any length: v' = v + a dt, q' = q + v' dt. A step is taken only if the joint can still
    stop before its position limit afterwards (v' dt + v'²/2a <= room). Braking keeps that condition true, so that a
    feasible step exists always: the limits hold for every sequence of targets, with no case of "too late to brake".

    A target that moves steadily is followed without lag: its speed is fed forward, and the rest of the error is
    closed at the speed from which it can still be closed without overshoot.
    """

    def __init__(self, limits: JointLimits, tolerance: float = 0.02) -> None:
        self.limits = limits
        self.tolerance = tolerance
        """How far outside the position limits a measured start may lie [rad]; sensors are not exact."""
        middle = 0.5 * (limits.lower + limits.upper)
        self.position: Vector = middle
        """(n,) commanded position [rad]."""
        self.velocity: Vector = np.zeros_like(middle)
        """(n,) commanded velocity [rad/s]."""
        self._last_target: Vector | None = None

    @property
    def at_rest(self) -> bool:
        """Whether the commanded velocity is zero."""
        return not np.any(self.velocity)

    def reset(self, position: Vector) -> None:
        """Stands still at ``position`` (n,) from now on; raises InvalidInputError if it lies outside the limits."""
        position = self._checked(position)
        outside = np.maximum(self.limits.lower - position, position - self.limits.upper)
        worst = int(np.argmax(outside))
        if outside[worst] > self.tolerance:
            low, high = self.limits.lower[worst], self.limits.upper[worst]
            raise InvalidInputError(
                f"joint {worst} is at {position[worst]:.3f} rad, outside its limits {low:.3f} to {high:.3f} rad"
            )
        self.position = np.clip(position, self.limits.lower, self.limits.upper)
        self.halt()

    def halt(self) -> None:
        """Takes the arm for standing still, at once: for an arm that nobody commands any more."""
        self.velocity = np.zeros_like(self.position)
        self._last_target = None

    def step(self, target: Vector, dt: float) -> Vector:
        """Moves towards ``target`` (n,) [rad] for ``dt`` [s]; returns the commanded position (n,)."""
        target = np.clip(self._checked(target), self.limits.lower, self.limits.upper)
        if dt <= 0:
            return self.position
        limits = self.limits
        previous = target if self._last_target is None else self._last_target
        self._last_target = target
        feed_forward = np.clip((target - previous) / dt, -limits.velocity, limits.velocity)
        lag = target - feed_forward * dt - self.position
        desired = feed_forward + np.sign(lag) * closing_speed(np.abs(lag), limits.acceleration, dt)
        return self._advance(desired, dt)

    def stop(self, dt: float) -> Vector:
        """Brakes as hard as the limits allow for ``dt`` [s]; returns the commanded position (n,)."""
        self._last_target = None
        if dt <= 0:
            return self.position
        return self._advance(np.zeros_like(self.velocity), dt)

    def wait(self, dt: float) -> None:
        """Time in which no command was sent: the arm stood at the last one, so the velocity is braked, no way made."""
        self._last_target = None
        change = self.limits.acceleration * dt
        self.velocity = np.sign(self.velocity) * np.maximum(np.abs(self.velocity) - change, 0.0)

    def _advance(self, desired: Vector, dt: float) -> Vector:
        limits = self.limits
        change = limits.acceleration * dt
        velocity = np.clip(desired, self.velocity - change, self.velocity + change)
        velocity = np.clip(velocity, -limits.velocity, limits.velocity)
        up = closing_speed(np.maximum(limits.upper - self.position, 0.0), limits.acceleration, dt)
        down = closing_speed(np.maximum(self.position - limits.lower, 0.0), limits.acceleration, dt)
        velocity = np.clip(velocity, -down, up)
        self.position = np.clip(self.position + velocity * dt, limits.lower, limits.upper)
        self.velocity = velocity
        return self.position

    def _checked(self, values: Vector) -> Vector:
        values = np.asarray(values, dtype=np.float64)
        if values.shape != self.limits.lower.shape:
            raise InvalidInputError(f"expected {self.limits.lower.size} joint positions, got shape {values.shape}")
        if not np.all(np.isfinite(values)):
            raise InvalidInputError("joint positions must be finite")
        return values


@dataclass
class WorkspaceBox:
    """Where the tool point may be, in the base frame."""

    lower: Vector
    """(3,) [m]."""
    upper: Vector
    """(3,) [m]."""
    deceleration: float = 1.5
    """With which a wall is approached at most [m/s²]."""
    projections: int = field(default=0)
    """How many points lay outside so far."""

    def __post_init__(self) -> None:
        self.lower, self.upper = (np.array(x, dtype=np.float64).reshape(-1) for x in (self.lower, self.upper))
        if self.lower.shape != (3,) or self.upper.shape != (3,):
            raise InvalidInputError("a workspace box has three lower and three upper bounds")
        if not self.deceleration > 0:
            raise InvalidInputError("the deceleration at the walls of the workspace must be positive")
        if not np.all(self.lower <= self.upper):  # also refuses NaN
            raise InvalidInputError("each lower bound of the workspace box must be at most its upper bound")

    def project(self, point: Vector) -> Vector:
        """The nearest point (3,) of the box; counts the points that lay outside by more than a micrometre."""
        inside = np.clip(point, self.lower, self.upper)
        if np.max(np.abs(inside - point)) > 1e-6:
            self.projections += 1
        return inside

    def approach(self, point: Vector, target: Vector, dt: float) -> Vector:
        """Where to be ``dt`` [s] after ``point`` (3,) on the way to ``target`` (3,), so that no wall is overshot.

        ``target`` lies in the box; from outside the way leads in.
        """
        up = closing_speed(np.maximum(self.upper - point, 0.0), self.deceleration, dt) * dt
        down = closing_speed(np.maximum(point - self.lower, 0.0), self.deceleration, dt) * dt
        return point + np.clip(target - point, -down, up)
