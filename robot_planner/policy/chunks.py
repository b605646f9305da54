# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Which target of which action chunk to be at now: chunks are followed by the age of the image they came from.

Row k of a chunk made from the image of time s is the target of time s + (k + 1) * step. Whatever time sensing,
planning and inference took, a chunk is joined where the clock says it should be by now (measured consumption), never
at a row that an estimated delay points to. All times are ROS time [ns], given by the caller.

Temporal ensembling averages what the last chunks say of the same instant, with weights exp(-decay * i). As in ACT
(Zhao et al., 2023) and in LBP's released code (decay 0.25), i = 0 is the OLDEST of them unless ``newest_first``.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.policy.reasons import PlanRefusedError, Reason

Vector = npt.NDArray[np.float64]

NANOSECONDS = 1_000_000_000
POSE, YAW, GRIPPER = slice(0, 4), 3, 4
"""A target is x, y, z [m], yaw [rad], gripper opening [m]."""


@dataclass(frozen=True)
class ChunkConfig:
    """How chunks are timed, joined and averaged; raises InvalidInputError for what makes no sense."""

    step_seconds: float = 0.1
    max_age: float = 0.5
    """Oldest image that a chunk may come from [s]."""
    max_future: float = 0.02
    """How far the stamp may lie ahead of the clock [s]: clocks of two machines differ."""
    blend_seconds: float = 0.0
    """Time in which the old target turns into the new chunk's [s]; 0: at once."""
    ensemble: bool = False
    """Average the last chunks instead of following the newest alone."""
    decay: float = 0.25
    newest_first: bool = False
    ensemble_chunks: int = 8
    """Chunks averaged at most."""

    def __post_init__(self) -> None:
        for name in ("step_seconds", "max_age"):
            if not 0 < getattr(self, name) < np.inf:
                raise InvalidInputError(f"{name} = {getattr(self, name)}: must be positive and finite")
        for name in ("max_future", "blend_seconds", "decay"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InvalidInputError(f"{name} = {getattr(self, name)}: must be finite and not negative")
        if self.ensemble_chunks < 1:
            raise InvalidInputError(f"ensemble_chunks = {self.ensemble_chunks}: must be at least 1")


@dataclass(frozen=True)
class _Chunk:
    corners: Vector
    """(K + 1, 5): the measured pose at the image, then the targets."""
    stamp: int
    step: float

    @property
    def end(self) -> int:
        return self.stamp + round((len(self.corners) - 1) * self.step * NANOSECONDS)

    def at(self, now: int) -> Vector:
        """Target (5,) at ``now``: the pose between two corners, the opening of the row that is under way."""
        # A microsecond is far below any clock that matters, and keeps the end of a row in that row.
        steps = min(max((now - self.stamp) / NANOSECONDS / self.step, 0.0), len(self.corners) - 1.0)
        row = min(max(int(np.ceil(steps - 1e-6)), 1), len(self.corners) - 1)
        target = self.corners[row] + (steps - row) * (self.corners[row] - self.corners[row - 1])
        target[GRIPPER] = self.corners[row, GRIPPER]
        return target


def absolute_targets(chunk: npt.ArrayLike, pose: npt.ArrayLike) -> Vector:
    """Chunk (K, 5), displacements from ``pose`` and openings -> targets (K, 5) in the base frame.

    ``pose`` (4,): measured tool x, y, z [m] and yaw [rad] when the image was taken.
    """
    targets = np.array(chunk, dtype=np.float64)
    targets[:, POSE] += np.asarray(pose, dtype=np.float64)
    return targets


class ChunkSchedule:
    """Turns chunks and the clock into the target to be at."""

    def __init__(self, config: ChunkConfig | None = None) -> None:
        self.config = config or ChunkConfig()
        self._chunks: deque[_Chunk] = deque(maxlen=self.config.ensemble_chunks if self.config.ensemble else 1)
        self._seam_start, self._seam = 0, np.zeros(4)

    @property
    def active(self) -> bool:
        """Whether there is a chunk to follow."""
        return bool(self._chunks)

    @property
    def stamp(self) -> int | None:
        """Acquisition time of the image behind the newest chunk [ns]."""
        return self._chunks[-1].stamp if self._chunks else None

    def clear(self) -> None:
        """Drops all chunks: there is nothing to follow."""
        self._chunks.clear()
        self._seam = np.zeros(4)

    def accept(self, chunk: npt.ArrayLike, pose: npt.ArrayLike, stamp: int, now: int) -> int:
        """Follows a chunk (K, 5) from ``now`` on; returns how many of its rows were over already and are dropped.

        ``pose`` (4,): measured tool x, y, z, yaw at ``stamp``. Raises PlanRefusedError, with what was followed
        before it untouched.
        """
        rows, start = np.asarray(chunk, dtype=np.float64), np.asarray(pose, dtype=np.float64)
        self._check(rows, start, stamp, now)
        before = self.target(now)
        targets = absolute_targets(rows, start)
        self._chunks.append(
            _Chunk(np.vstack([[*start, targets[0, GRIPPER]], targets]), stamp, self.config.step_seconds)
        )
        if before is not None and self.config.blend_seconds > 0:
            self._seam_start, self._seam = now, _difference(before[POSE], self._wanted(now)[POSE])
        return max(int((now - stamp) / NANOSECONDS / self.config.step_seconds + 1e-6), 0)

    def target(self, now: int) -> Vector | None:
        """Target x, y, z [m], yaw [rad, in (-pi, pi]], opening [m] at ``now``; None without a chunk.

        Holds the newest chunk's last row once its end is reached.
        """
        if not self._chunks:
            return None
        target = self._wanted(now)
        if self.config.blend_seconds > 0:
            x = min(max((now - self._seam_start) / NANOSECONDS / self.config.blend_seconds, 0.0), 1.0)
            target[POSE] += (1.0 - x * x * (3.0 - 2.0 * x)) * self._seam
        target[YAW] = wrapped(target[YAW])
        return target

    def finished(self, now: int) -> bool:
        """Whether the newest chunk is used up, so that its last row is held."""
        return not self._chunks or now >= self._chunks[-1].end

    def _wanted(self, now: int) -> Vector:
        """Target (5,) of the newest chunk, or the average of those that still reach ``now``."""
        newest = self._chunks[-1].at(now)
        alive = [chunk for chunk in self._chunks if now <= chunk.end]
        if len(alive) < 2:
            return newest
        targets = np.stack([chunk.at(now) for chunk in alive])  # oldest first
        age = np.arange(len(alive))[:: -1 if self.config.newest_first else 1]
        weights = np.exp(-self.config.decay * age)
        weights /= weights.sum()
        target = newest
        target[POSE] += weights @ _difference(targets[:, POSE], newest[POSE])
        # A mean of open and shut would be neither: the opening is the one nearest to the mean, a vote.
        openings = targets[:, GRIPPER]
        target[GRIPPER] = openings[np.argmin(np.abs(openings - weights @ openings))]
        return target

    def _check(self, rows: Vector, pose: Vector, stamp: int, now: int) -> None:
        config = self.config
        if rows.ndim != 2 or rows.shape[1] != 5 or not len(rows) or pose.shape != (4,):
            raise PlanRefusedError(
                Reason.WRONG_SHAPE,
                f"chunk and pose have shapes {rows.shape} and {pose.shape}; allowed: (1 or more, 5) and (4,)",
            )
        if not (np.isfinite(rows).all() and np.isfinite(pose).all()):
            raise PlanRefusedError(Reason.NOT_FINITE, "chunk or pose has numbers that are NaN or infinite")
        age = (now - stamp) / NANOSECONDS
        if age > config.max_age:
            raise PlanRefusedError(
                Reason.STALE, f"chunk is from an image {age:.3f} s old; allowed: up to {config.max_age} s"
            )
        if age >= len(rows) * config.step_seconds:
            raise PlanRefusedError(Reason.STALE, f"all {len(rows)} actions of the chunk are over")
        if age < -config.max_future:
            raise PlanRefusedError(Reason.FUTURE, f"chunk is from an image {-age:.3f} s ahead of the clock")
        if self._chunks and stamp < self._chunks[-1].stamp:
            raise PlanRefusedError(Reason.OUT_OF_ORDER, "chunk is older than the one being followed")


def wrapped(angle: float) -> float:
    """The same angle in (-pi, pi]."""
    return float(np.pi - (np.pi - angle) % (2 * np.pi))


def _difference(poses: Vector, reference: Vector) -> Vector:
    """Poses (..., 4) minus ``reference`` (4,), the yaws by the shorter way round."""
    difference = poses - reference
    difference[..., YAW] = np.pi - (np.pi - difference[..., YAW]) % (2 * np.pi)
    return difference
