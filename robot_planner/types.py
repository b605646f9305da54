# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The few nouns that everyone shares. Arrays are float32 NumPy; stamps are ROS time in nanoseconds."""

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


class StopReason(str, Enum):
    """Why a planner returned."""

    CONVERGED = "converged"
    """The distance at the arrival, as a rule the last state's, is within the tolerance, or the cost has stalled."""
    ITERATIONS = "iterations"
    """The iteration budget is used up."""
    DEADLINE = "deadline"
    """The deadline came first; the plan is the best one so far."""
    NOT_FINITE = "not_finite"
    """The world model or the goal metric returned NaN or infinity; the plan is the last one of finite cost."""


@dataclass(frozen=True)
class Latent:
    """What an encoder made of the images of one instant."""

    data: FloatArray
    """(D,)."""
    encoder: str
    """Digest of the encoder's weights; latents of different digests can't be compared."""
    stamp: int = 0
    """Acquisition time of the image [ns]."""


@dataclass(frozen=True)
class Goal:
    """What to reach: a text, an image or a latent; exactly one is set."""

    text: str | None = None
    image: npt.NDArray[np.uint8] | None = None
    """(H, W, 3) RGB."""
    latent: Latent | None = None

    def __post_init__(self) -> None:
        if sum(x is not None for x in (self.text, self.image, self.latent)) != 1:
            raise ValueError("a goal is exactly one of: text, image, latent")


@dataclass(frozen=True)
class Problem:
    """From where to where, in one latent space."""

    start: FloatArray
    """(D,) latent of the present."""
    goal: FloatArray
    """(D,) latent of the goal."""
    stamp: int = 0
    """Acquisition time of the image behind ``start`` [ns]."""
    lead: float = 0.0
    """Time after ``stamp`` at which the plan's first action is to begin [s]."""

    @property
    def begins(self) -> int:
        """When the plan's first action is to begin [ns]."""
        return self.stamp + round(self.lead * 1e9)


@dataclass(frozen=True)
class Plan:
    """Actions and the latents that the world model expects of them."""

    actions: FloatArray
    """(T, A), in the world model's action units."""
    states: FloatArray
    """(T+1, D): the true rollout of ``actions`` from the start, start included."""
    cost: float
    """Objective of that rollout."""
    iterations: int
    seconds: float
    """Time that planning took [s]."""
    stop_reason: StopReason
    stamp: int = 0
    """Acquisition time of the image that the plan starts from [ns]."""
    step_seconds: float = 0.0
    """Duration of one action [s]."""
    uncertainty: float = 0.0
    """Largest uncertainty of the world model along the rollout, in its own unit."""
    cost_history: tuple[float, ...] = field(default=(), repr=False)
    """Best cost so far at each evaluation of the rollout."""
    lead: float = 0.0
    """Time after ``stamp`` at which the first action begins [s]."""

    @property
    def begins(self) -> int:
        """When the first action begins [ns]."""
        return self.stamp + round(self.lead * 1e9)


@dataclass(frozen=True)
class Subgoals:
    """Latents on the way to a goal, nearest first, the goal itself last."""

    latents: FloatArray
    """(N, D)."""
    progress: FloatArray
    """(N,) fraction of the remaining time at which each is expected, in (0, 1]."""
    stamp: int = 0
