# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One episode through the ROS graph as it was heard from outside, and the flat record that is made of it; no ROS.

Times are ROS time [ns]: stamps of images, and instants at which messages arrived.
"""

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.evaluation.statistics import median_and_p99

Image = npt.NDArray[np.uint8]
Vector = npt.NDArray[np.float64]
JPEG_QUALITY = 95


@dataclass(frozen=True)
class Frame:
    """A camera image."""

    stamp: int
    jpeg: bytes
    """An episode's images as they are would be a hundred megabytes."""

    @staticmethod
    def of(image: Image, stamp: int) -> "Frame":
        """Compresses an RGB image (H, W, 3)."""
        _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return Frame(stamp, data.tobytes())

    @property
    def image(self) -> Image:
        """(H, W, 3) RGB."""
        decoded: Any = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        return np.ascontiguousarray(decoded[:, :, ::-1]).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class PlanEntry:
    """A plan that was published."""

    stamp: int
    """Of the image that it starts from."""
    arrival: int
    actions: npt.NDArray[np.float32]
    """(T, A) [m]."""
    step_seconds: float
    cost: float
    iterations: int
    seconds: float
    """Time that planning took [s]."""
    begins: int
    """When its first action begins [ns]."""


@dataclass(frozen=True)
class SubgoalsEntry:
    """Subgoals that were published."""

    stamp: int
    """Of the image that they start from."""
    arrival: int
    latents: npt.NDArray[np.float32]
    """(N, D_plan), nearest first."""
    progress: npt.NDArray[np.float32]
    """(N,)."""


@dataclass
class Recording:
    """What was seen, planned and commanded in one episode."""

    task: str
    seed: int
    planner: str = ""
    model: str = ""
    goal: Image | None = None
    """What the planner was given; None where that was words."""
    words: str = ""
    """What the planner was given; empty where that was an image."""
    camera_matrix: Vector | None = None
    """(3, 3) intrinsics of the frames."""
    time_limit: float = 0.0
    began: int = 0
    """When the goal was sent; zero before."""
    ended: int = 0
    frames: list[Frame] = field(default_factory=list)
    plans: list[PlanEntry] = field(default_factory=list)
    subgoals: list[SubgoalsEntry] = field(default_factory=list)
    tool_points: list[tuple[int, Vector]] = field(default_factory=list)
    """Commanded tool points (3,) [m]."""
    distances: list[tuple[int, float]] = field(default_factory=list)
    """From the goal, as the model reads the camera, in the unit of the goal metric."""
    image_ages: list[float] = field(default_factory=list)
    """From an image to a command that follows from it [s]."""
    jumps: list[float] = field(default_factory=list)
    """Of each plan that was followed, how far its path was from the one before it where they were joined [m]."""
    periods: list[float] = field(default_factory=list)
    """Between one such command and the next [s]."""
    latent_ages: list[float] = field(default_factory=list)
    """From an image to the arrival of its latent [s]."""
    outcome: dict[str, Any] = field(default_factory=dict)
    """What the planner said in the end: error_code, error, message, distance, duration, plans."""
    verdict: dict[str, Any] = field(default_factory=dict)
    """What the environment says: success, distance [m], detail."""

    @property
    def success(self) -> bool:
        """By the environment."""
        return bool(self.verdict.get("success", False))

    def elapsed(self, stamp: int) -> float:
        """Seconds since the goal was sent."""
        return (stamp - self.began) * 1e-9

    @property
    def planning_seconds(self) -> float:
        """From the arrival of the first plan, or of the first subgoals, to the last one's [s]."""
        planned = self.plans or self.subgoals
        return (planned[-1].arrival - planned[0].arrival) * 1e-9 if planned else 0.0

    def plan_rate(self) -> float:
        """Plans, or subgoals, per second, from the first to the last; NaN for fewer than two."""
        return (
            (len(self.plans or self.subgoals) - 1) / self.planning_seconds
            if self.planning_seconds > 0
            else float("nan")
        )

    def record(self) -> dict[str, Any]:
        """A flat record of the episode, units in the names."""
        age, age_p99 = median_and_p99(self.image_ages)
        planning, planning_p99 = median_and_p99([plan.seconds for plan in self.plans])
        outcome, verdict = self.outcome, self.verdict
        return {
            "task": self.task,
            **({"goal": self.words} if self.words else {}),
            "seed": self.seed,
            "planner": self.planner,
            "model": self.model,
            "success": self.success,
            "distance_m": verdict.get("distance"),
            "error_code": outcome.get("error_code"),
            "error": outcome.get("error"),
            "message": outcome.get("message"),
            "duration_s": outcome.get("duration"),
            "time_limit_s": self.time_limit,
            "model_success": outcome.get("error_code") == 0,
            "model_distance": outcome.get("distance"),
            "plans": outcome.get("plans"),
            "plans_per_second": self.plan_rate(),
            "planning_ms_median": 1e3 * planning,
            "planning_ms_p99": 1e3 * planning_p99,
            "iterations_median": float(np.median([plan.iterations for plan in self.plans])) if self.plans else None,
            "cost_first": self.plans[0].cost if self.plans else None,
            "cost_last": self.plans[-1].cost if self.plans else None,
            "image_age_ms_median": 1e3 * age,
            "image_age_ms_p99": 1e3 * age_p99,
            "image_age_ms_max": 1e3 * max(self.image_ages, default=float("nan")),
            **{f"verdict.{name}_m": entry["value"] for name, entry in verdict.get("detail", {}).items()},
        }
