# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained world model of the two rooms: latents are positions, scaled to [-1, 1], or what an encoder takes for them.

For comparing planners.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from robot_planner.comparison_world import WorldKind
from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.planning.goal_metric import PositionDistance
from robot_planner.simulation.two_room import HIGH, LOW, STEP_SECONDS, pictures
from robot_planner.types import FloatArray
from robot_planner.world import PlanningWorld

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


def distance() -> PositionDistance:
    """The goal metric: the distance of positions [px]."""
    return PositionDistance(REACH, "px")


ROOM_WORLD = WorldKind(
    kind="two-room",
    place="the two rooms",
    build_dynamics=build_dynamics,
    metric=distance,
    latent_dim=2,
    to_latents=to_latents,
    pictures=pictures,
)
point_world, save_point_world = ROOM_WORLD.world, ROOM_WORLD.save


def load_point_world(name_or_path: str | Path = "two-room") -> PlanningWorld:
    """See WorldKind.load."""
    return ROOM_WORLD.load(name_or_path)
