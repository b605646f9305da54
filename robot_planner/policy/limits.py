# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The last line of motion safety: limits of joints and of the tool point that can always still be kept."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MotionLimits:
    """What each of n axes may do; radians for joints, metres for the tool point."""

    lower: Vector
    """(n,) smallest position."""
    upper: Vector
    """(n,) largest position; equal to the lower one for an axis that stands still."""
    velocity: Vector
    """(n,) largest speed [1/s]."""
    acceleration: Vector
    """(n,) largest acceleration and deceleration [1/s²]."""

    def __post_init__(self) -> None:
        count = np.asarray(self.lower).size
        for name in ("lower", "upper", "velocity", "acceleration"):
            value = np.array(getattr(self, name), dtype=np.float64).reshape(-1)
            if value.size != count or not np.all(np.isfinite(value)):
                raise InvalidInputError(f"motion limit '{name}' must be {count} finite numbers, got {value.tolist()}")
            object.__setattr__(self, name, value)
        if np.any(self.lower > self.upper):
            raise InvalidInputError("each axis' lower limit must be at most its upper limit")
        if np.any(self.velocity <= 0) or np.any(self.acceleration <= 0):
            raise InvalidInputError("velocity and acceleration limits must be positive")

    @property
    def stopping_time(self) -> float:
        """Time in which the slowest axis stops from its full speed [s]."""
        return float(np.max(self.velocity / self.acceleration))


def closing_speed(room: Vector, acceleration: Vector | float, dt: float) -> Vector:
    """Largest v with v dt + v²/2a <= room: one step at v and then a full stop stay within ``room``."""
    return acceleration * (np.sqrt(dt * dt + 2.0 * room / acceleration) - dt)


class MotionLimiter:
    """Follows any sequence of targets within position, velocity and acceleration limits.

    Time advances in steps of any length: v' = v + a dt, q' = q + v' dt. A step is taken only if the axis can still
    stop before its position limit afterwards (v' dt + v'²/2a <= room). Braking keeps that condition true, so that a
    feasible step exists always: the limits hold for every sequence of targets, with no case of "too late to brake".
    An axis that starts outside its position limits moves inwards only.

    A target that moves steadily is followed without lag: its speed is fed forward, and the rest of the error is
    closed at the speed from which it can still be closed without overshoot.
    """

    def __init__(self, limits: MotionLimits) -> None:
        self.limits = limits
        middle = 0.5 * (limits.lower + limits.upper)
        self.position: Vector = middle
        """(n,) commanded position."""
        self.velocity: Vector = np.zeros_like(middle)
        """(n,) commanded velocity [1/s]."""
        self._last_target: Vector | None = None

    @property
    def at_rest(self) -> bool:
        """Whether the commanded velocity is zero."""
        return not np.any(self.velocity)

    def reset(self, position: Vector, velocity: Vector | None = None) -> None:
        """Is at ``position`` (n,) from now on, standing still unless a ``velocity`` (n,) is given."""
        self.position = self._checked(position).copy()
        self.halt()
        if velocity is not None:
            self.velocity = np.clip(self._checked(velocity), -self.limits.velocity, self.limits.velocity)

    def halt(self) -> None:
        """Stands still at once: for what nobody commands any more."""
        self.velocity = np.zeros_like(self.position)
        self._last_target = None

    def step(self, target: Vector, dt: float) -> Vector:
        """Moves towards ``target`` (n,) for ``dt`` [s]; returns the commanded position (n,)."""
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
        """Brakes for ``dt`` [s], all axes to stand still together as soon as the limits allow; returns the position.

        Braking together keeps the arm near the line it was on.
        """
        self._last_target = None
        if dt <= 0:
            return self.position
        needed = float(np.max(np.abs(self.velocity) / self.limits.acceleration))
        return self._advance(self.velocity * max(1.0 - dt / needed, 0.0) if needed > 0 else self.velocity, dt)

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
        low, high = np.minimum(limits.lower, self.position), np.maximum(limits.upper, self.position)
        self.position = np.clip(self.position + velocity * dt, low, high)
        self.velocity = velocity
        return self.position

    def _checked(self, values: Vector) -> Vector:
        values = np.asarray(values, dtype=np.float64)
        if values.shape != self.limits.lower.shape:
            raise InvalidInputError(f"expected {self.limits.lower.size} numbers, got shape {values.shape}")
        if not np.all(np.isfinite(values)):
            raise InvalidInputError("positions and velocities must be finite")
        return values


class JointLimiter(MotionLimiter):
    """A MotionLimiter for joints: it starts only from within the position limits."""

    def __init__(self, limits: MotionLimits, tolerance: float = 0.02) -> None:
        super().__init__(limits)
        self.tolerance = tolerance
        """How far outside the position limits a measured start may lie [rad]; sensors are not exact."""

    def reset(self, position: Vector, velocity: Vector | None = None) -> None:
        """See MotionLimiter; raises InvalidInputError for a position outside the limits."""
        position = self._checked(position)
        outside = np.maximum(self.limits.lower - position, position - self.limits.upper)
        worst = int(np.argmax(outside))
        if outside[worst] > self.tolerance:
            low, high = self.limits.lower[worst], self.limits.upper[worst]
            raise InvalidInputError(
                f"joint {worst} is at {position[worst]:.3f} rad, outside its limits {low:.3f} to {high:.3f} rad"
            )
        super().reset(np.clip(position, self.limits.lower, self.limits.upper), velocity)
