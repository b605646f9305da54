# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the robot does while it gathers data: pushes blocks about, wanders, and errs on purpose.

Everything here acts on what the robot perceives (its own kinematics and a colour detector), never on the
simulator's truth. Positions are (x, y) in metres in the base frame.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

BEHIND = 0.055
"""Distance behind a block's centre from which a push begins [m]."""
CLEARANCE = 0.07
"""Distance from a block's centre inside which the hand goes round instead of through [m]."""


@dataclass
class Behaviour:
    """One episode's way of acting: ``act(tool, blocks)`` gives the next displacement (2,) [m]."""

    rng: np.random.Generator
    low: Array
    high: Array
    step_length: float = 0.04
    kind: str = ""
    noise: float = 0.0
    speed: float = 1.0
    _target: int = -1
    _goal: Array = field(default_factory=lambda: np.zeros(2))
    _aim: Array = field(default_factory=lambda: np.zeros(2))
    _pushing: bool = False
    _left: int = 0

    def __post_init__(self) -> None:
        kinds, odds = ("push", "push-clumsy", "wander", "jitter"), (0.45, 0.3, 0.15, 0.1)
        self.kind = self.kind or str(self.rng.choice(kinds, p=odds))
        self.noise = {"push": 0.004, "push-clumsy": 0.013, "wander": 0.006, "jitter": 0.02}[self.kind]
        self.speed = float(self.rng.uniform(0.55, 1.0))

    def act(self, tool: Array, blocks: Array) -> Array:
        """Tool (2,), blocks (3, 2) with NaN where never seen -> displacement (2,) within the step's bounds."""
        move = self._push(tool, blocks) if self.kind.startswith("push") else self._wander(tool, blocks)
        if self.rng.random() < 0.05:
            self._left = 0
        move = move * self.speed + self.rng.normal(0.0, self.noise, 2)
        return np.clip(move, -self.step_length, self.step_length)

    def _towards(self, tool: Array, point: Array, blocks: Array, ignore: int = -1) -> Array:
        """A step to ``point`` that slides round the blocks' clearance circles."""
        move = point - tool
        length = float(np.linalg.norm(move))
        move = move * min(1.0, self.step_length / max(length, 1e-9))
        for index, block in enumerate(blocks):
            if index == ignore or not np.isfinite(block).all():
                continue
            away = tool - block
            gap = np.linalg.norm(away)
            if gap < CLEARANCE + self.step_length and move @ away < 0.0 and length > 0.5 * gap:
                normal = away / max(gap, 1e-9)
                tangent = np.array([-normal[1], normal[0]])
                tangent *= 1.0 if tangent @ (point - tool) >= 0.0 else -1.0
                pull = 0.5 * (CLEARANCE - gap) / CLEARANCE if gap < CLEARANCE else 0.0
                move = self.step_length * (0.9 * tangent + pull * normal)
        return move

    def _new_push(self, blocks: Array) -> None:
        seen = [i for i in range(len(blocks)) if np.isfinite(blocks[i]).all()]
        if not seen:
            self._target, self._left = -1, 5
            return
        self._target = int(self.rng.choice(seen))
        start = blocks[self._target]
        for _ in range(20):
            angle = self.rng.uniform(-np.pi, np.pi)
            direction = np.array([np.cos(angle), np.sin(angle)])
            self._goal = start + direction * self.rng.uniform(0.04, 0.16)
            behind = start - direction * BEHIND
            if ((self._goal > self.low + 0.02) & (self._goal < self.high - 0.02)).all() and (
                (behind > self.low) & (behind < self.high)
            ).all():
                break
        self._aim = self.rng.normal(0.0, 0.012 if self.kind == "push-clumsy" else 0.003, 2)
        self._pushing, self._left = False, int(self.rng.integers(14, 30))

    def _push(self, tool: Array, blocks: Array) -> Array:
        self._left -= 1
        if self._target < 0 or self._left <= 0:
            self._new_push(blocks)
        block = blocks[self._target] if self._target >= 0 else np.full(2, np.nan)
        if not np.isfinite(block).all():
            self._target = -1
            return self._wander(tool, blocks)
        to_goal = self._goal - block
        remaining = float(np.linalg.norm(to_goal))
        if remaining < 0.008:
            self._left = 0
            return (tool - block) * 0.3
        direction = to_goal / remaining
        behind = block - direction * BEHIND + self._aim
        offset = tool - block
        lateral = abs(offset[0] * direction[1] - offset[1] * direction[0])
        if self._pushing and (lateral > 0.03 or offset @ direction > 0.0):
            self._pushing = False
        if not self._pushing:
            if np.linalg.norm(behind - tool) < 0.014:
                self._pushing = True
            else:
                return self._towards(tool, behind, blocks)
        contact = block - direction * 0.03 + 0.5 * self._aim
        step = contact + direction * min(remaining, self.step_length) - tool
        return step * min(1.0, self.step_length / max(float(np.linalg.norm(step)), 1e-9))

    def _wander(self, tool: Array, blocks: Array) -> Array:
        self._left -= 1
        if self._left <= 0 or np.linalg.norm(self._goal - tool) < 0.02:
            self._goal = self.rng.uniform(self.low, self.high)
            if self.kind == "jitter" and np.isfinite(blocks).all(axis=1).any():
                visible = blocks[np.isfinite(blocks).all(axis=1)]
                self._goal = visible[self.rng.integers(len(visible))] + self.rng.normal(0.0, 0.06, 2)
            self._left = int(self.rng.integers(3, 12))
        if self.kind == "jitter":
            return np.clip(self._goal - tool, -self.step_length, self.step_length)
        return self._towards(tool, self._goal, blocks) if self.rng.random() < 0.8 else self._goal - tool
