# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The nouns of tasks: scene state, episode, verdict, and the protocol and table of tasks."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from robot_planner.registry import Registry

FloatVector = npt.NDArray[np.float64]

TRAINING_SEEDS = range(0, 1_000_000)
HELD_OUT_SEEDS = range(1_000_000, 2_000_000)
TUNING_SEEDS = range(2_000_000, 3_000_000)

BLOCK_TOLERANCE = 0.025
"""How far from its place a block may lie [m]."""


@dataclass(frozen=True)
class SceneState:
    """Where everything is; metres and radians in the base frame."""

    tool: FloatVector
    """(3,) tool point, the tool pointing down."""
    blocks: FloatVector
    """(3, 4): x, y, z of the centre and yaw, of the red, green and blue block."""
    drawer: float = 0.0
    """How far the drawer is open."""
    gripper: float = 0.0
    """How far the fingers are open."""
    tool_yaw: float = 0.0
    """Turn of the tool about the vertical; at zero the fingers open along y."""
    held: tuple[bool, ...] = (False, False, False)
    """Which blocks both fingers touch."""


@dataclass(frozen=True)
class Episode:
    """What a seed makes of a task."""

    task: str
    seed: int
    start: SceneState
    goal: SceneState
    """What the goal image shows."""
    target: dict[str, Any] = field(default_factory=dict)
    """What the task is about, such as the block to push."""


@dataclass(frozen=True)
class Verdict:
    """The environment's judgement of the present state; never an input of a planner."""

    success: bool
    distance: float
    """[m] of what the task measures: the largest of the distances that have to become small."""
    detail: dict[str, Any]
    """Every quantity of the test: name -> {"value", "limit"}; values in metres unless the name says otherwise."""


def judge(quantities: dict[str, tuple[float, float]], measured: str) -> Verdict:
    """Success if every quantity (value, limit) is at or below its limit; ``measured`` names the distance."""
    detail = {name: {"value": float(value), "limit": float(limit)} for name, (value, limit) in quantities.items()}
    success = all(entry["value"] <= entry["limit"] for entry in detail.values())
    return Verdict(success, detail[measured]["value"], detail)


class Task(Protocol):
    """One kind of episode."""

    name: str

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """An episode; the same for the same generator state."""
        ...

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """Whether ``state`` fulfils the task."""
        ...


TASKS: Registry[Task] = Registry("task")
