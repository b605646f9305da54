# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained world model of the two rooms: latents are positions, scaled to [-1, 1]; for comparing planners."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.errors import ModelError
from robot_planner.planning.goal_metric import PositionDistance
from robot_planner.simulation.two_room import HIGH, LOW, STEP_SECONDS
from robot_planner.types import FloatArray
from robot_planner.world import PlanningWorld

KIND = "two-room"
"""What the configuration of such a model folder calls itself."""
MIDDLE, REACH = (LOW + HIGH) / 2, (HIGH - LOW) / 2
"""Latents are (position - MIDDLE) / REACH."""


def to_latents(positions: npt.NDArray) -> FloatArray:
    """Positions [px] -> latents, (..., 2)."""
    return ((np.asarray(positions) - MIDDLE) / REACH).astype(np.float32)


def build_dynamics(hidden: int, members: int, waves: int, seed: int = 0) -> EnsembleDynamics:
    """A model of these sizes with random weights."""
    torch.manual_seed(seed)
    return EnsembleDynamics(
        EnsembleConfig(
            slots=1,
            slot_dim=2,
            action_low=(-1.0, -1.0),
            action_high=(1.0, 1.0),
            step_seconds=STEP_SECONDS,
            hand_low=(-1.0, -1.0),
            hand_high=(1.0, 1.0),
            hidden=hidden,
            members=members,
            waves=waves,
        )
    )


def point_world(name: str, dynamics: EnsembleDynamics, config: Mapping[str, Any] | None = None) -> PlanningWorld:
    """A world over a model, frozen."""
    metric = PositionDistance(REACH, "px")
    return PlanningWorld(
        name, dynamics.eval().requires_grad_(False), {metric.name: metric}, metric.name, dict(config or {})
    )


def save_point_world(dynamics: EnsembleDynamics, folder: str | Path, card: str) -> None:
    """Writes a model folder."""
    sizes = dynamics.config
    config = {"kind": KIND, "hidden": sizes.hidden, "members": sizes.members, "waves": sizes.waves}
    save_checkpoint(folder, dynamics.state_dict(), config, card)


def load_point_world(name_or_path: str | Path = "two-room") -> PlanningWorld:
    """Loads ``models/<name>`` or a model folder; raises ModelError."""
    checkpoint = load_checkpoint(name_or_path)
    if checkpoint.config.get("kind") != KIND:
        raise ModelError(f"model {checkpoint.folder} is no world model of the two rooms; see ./run train two-room")
    try:
        dynamics = build_dynamics(*(int(checkpoint.config[key]) for key in ("hidden", "members", "waves")))
        dynamics.load_state_dict(checkpoint.tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"model {checkpoint.folder}: weights don't fit its configuration: {error}") from None
    return point_world(Path(name_or_path).name, dynamics, checkpoint.config)
