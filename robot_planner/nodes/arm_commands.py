# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What a simulated arm does with trajectories, as a joint_trajectory_controller would."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

Vector = npt.NDArray[np.float64]


class Trajectory:
    """Joint positions over time, linear between points, from what is held at ``now`` on; the last point is held.

    Times are nanoseconds of one clock.
    """

    def __init__(self, now: int, held: Vector, times: Sequence[int], points: Vector) -> None:
        later = [index for index, time in enumerate(times) if time > now]
        first = later[0] if later else len(times) - 1
        self._origin = now
        self._times = np.array([0, *(times[index] - now for index in range(first, len(times)))], dtype=np.float64)
        self._points = np.vstack([held, points[first:]])

    def at(self, now: int) -> Vector:
        """Joint positions (n,) at ``now``."""
        elapsed = float(now - self._origin)
        if elapsed >= self._times[-1]:
            return self._points[-1]
        return np.array([np.interp(elapsed, self._times, column) for column in self._points.T])


def read_points(message: Any, joints: Sequence[str], fingers: Sequence[str]) -> tuple[list[int], Vector, float | None]:
    """A JointTrajectory's times from its start [ns], points (N, n) [rad], and last opening of the fingers [m].

    ``joints`` must all be there, in any order; ``fingers`` may. Raises InvalidInputError.
    """
    names = list(message.joint_names)
    missing, unknown = [n for n in joints if n not in names], [n for n in names if n not in (*joints, *fingers)]
    if missing or unknown or len(set(names)) != len(names):
        raise InvalidInputError(
            f"trajectory is for the joints {', '.join(names) or '(none)'}; needed: {', '.join(joints)}; "
            f"allowed besides: {', '.join(fingers)}"
        )
    times, rows = [], []
    for point in message.points:
        if len(point.positions) != len(names):
            raise InvalidInputError(f"trajectory point has {len(point.positions)} positions for {len(names)} joints")
        rows.append(point.positions)
        times.append(point.time_from_start.sec * 1_000_000_000 + point.time_from_start.nanosec)
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    if not np.all(np.isfinite(values)):
        raise InvalidInputError("trajectory holds NaN or infinity")
    if any(b <= a for a, b in zip(times, times[1:], strict=False)):
        raise InvalidInputError("the times of a trajectory's points must increase")
    finger = [names.index(name) for name in fingers if name in names]
    opening = 2.0 * float(values[-1, finger].mean()) if finger and len(values) else None
    return times, values[:, [names.index(name) for name in joints]], opening
