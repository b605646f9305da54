# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained world model of Push-T: latents are states, scaled; an action is SKIP steps of the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.dynamics.ensemble import EnsembleConfig
from robot_planner.dynamics.push import PushDynamics
from robot_planner.errors import ModelError
from robot_planner.planning.goal_metric import DifferentiableMetric
from robot_planner.simulation.push_t import (
    AGENT,
    ANGLE,
    BLOCK,
    CENTRE,
    HIGH,
    LOW,
    NEAR,
    SKIP,
    STEP_SECONDS,
    TURN,
    VELOCITY,
    States,
)
from robot_planner.types import FloatArray
from robot_planner.world import PlanningWorld

KIND = "push-t"
"""What the configuration of such a model folder calls itself."""
SIZES = ("hidden", "members", "waves")
MIDDLE, SCALE = (LOW + HIGH) / 2, (HIGH - LOW) / 2
"""Latents' places are (place - MIDDLE) / SCALE."""
FAST = 150.0
"""Latents' velocities are velocities / FAST: what the agent comes to under the largest action along an axis [px/s]."""
CONTACT = 60.0
"""Size of the block, about [px]."""


def to_latents(states: States) -> FloatArray:
    """States (..., 7) -> latents (..., 8): agent x, y, its velocity, block x, y, cosine and sine of its angle."""
    states = np.asarray(states)
    angle = states[..., ANGLE, None]
    places = [(states[..., part] - MIDDLE) / SCALE for part in (AGENT, BLOCK)]
    parts = [places[0], states[..., VELOCITY] / FAST, places[1], np.cos(angle), np.sin(angle)]
    return np.concatenate(parts, -1).astype(np.float32)


def to_steps(actions: npt.NDArray) -> FloatArray:
    """The model's actions (T, SKIP * 2) -> those of the environment, (T * SKIP, 2)."""
    return np.asarray(actions, np.float32).reshape(-1, 2)


class PushDistance(DifferentiableMetric):
    """Places of agent and block, and the block's angle, in units of what the success test "DINO-WM" allows.

    Distances below 1 are success. The cost is the sum of both squares; the angle counts by its chord, which is smooth.
    """

    name = "push-t"
    unit = "limits"

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """See GoalMetric."""
        apart, chord = self._parts(latents, goals)
        return apart.square().sum(-1) + chord.square().sum(-1)

    def distance(self, latents: Tensor, goals: Tensor) -> Tensor:
        """The larger of both parts, (..., 8) x 2 -> (...); the angle's own size, not its chord."""
        apart, chord = self._parts(latents, goals)
        half = (chord.norm(dim=-1) * np.sin(TURN / 2)).clamp_max(1.0)
        return torch.maximum(apart.norm(dim=-1), torch.asin(half) * (2.0 / TURN))

    @staticmethod
    def _parts(latents: Tensor, goals: Tensor) -> tuple[Tensor, Tensor]:
        difference = latents - goals
        places = torch.cat([difference[..., 0:2], difference[..., 4:6]], -1) * (SCALE / NEAR)
        return places, difference[..., 6:8] * (0.5 / np.sin(TURN / 2))


def build_dynamics(hidden: int, members: int, waves: int, seed: int = 0) -> PushDynamics:
    """A model of these sizes with random weights."""
    torch.manual_seed(seed)
    config = EnsembleConfig(
        slots=2,
        slot_dim=4,
        action_low=(-1.0,) * (2 * SKIP),
        action_high=(1.0,) * (2 * SKIP),
        step_seconds=SKIP * STEP_SECONDS,
        hand_low=(-1.0, -1.0),
        hand_high=(1.0, 1.0),
        hidden=hidden,
        members=members,
        waves=waves,
    )
    return PushDynamics(config, (CENTRE[0] / SCALE, CENTRE[1] / SCALE), CONTACT / SCALE)


def push_world(name: str, dynamics: PushDynamics, config: Mapping[str, Any] | None = None) -> PlanningWorld:
    """A world over a model, frozen."""
    metric = PushDistance()
    frozen = dynamics.eval().requires_grad_(False)
    return PlanningWorld(name, frozen, {metric.name: metric}, metric.name, dict(config or {}))


def save_push_world(dynamics: PushDynamics, folder: str | Path, card: str) -> None:
    """Writes a model folder."""
    sizes = {key: getattr(dynamics.config, key) for key in SIZES}
    save_checkpoint(folder, dynamics.state_dict(), {"kind": KIND, **sizes}, card)


def load_push_world(name_or_path: str | Path = "push-t") -> PlanningWorld:
    """Loads ``models/<name>`` or a model folder; raises ModelError."""
    checkpoint = load_checkpoint(name_or_path)
    if checkpoint.config.get("kind") != KIND:
        raise ModelError(f"model {checkpoint.folder} is no world model of Push-T; see ./run train push-t")
    try:
        dynamics = build_dynamics(*(int(checkpoint.config[key]) for key in SIZES))
        dynamics.load_state_dict(checkpoint.tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"model {checkpoint.folder}: weights don't fit its configuration: {error}") from None
    return push_world(Path(name_or_path).name, dynamics, checkpoint.config)
