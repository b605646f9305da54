# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained world model of Push-T: latents are states, scaled, or what an encoder takes for them in two pictures.

An action is SKIP steps of the environment.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.comparison_world import WorldKind
from robot_planner.dynamics.ensemble import EnsembleConfig
from robot_planner.dynamics.push import PushDynamics
from robot_planner.perception.motion import VIEWS, MotionNetwork
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
    PushT,
    States,
)
from robot_planner.types import FloatArray
from robot_planner.world import PlanningWorld

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


def pictures(states: States, size: int) -> npt.NDArray[np.uint8]:
    """See PushT.pictures."""
    return PushT().pictures(states, size)


PUSH_T_WORLD = WorldKind(
    kind="push-t",
    place="Push-T",
    build_dynamics=build_dynamics,
    metric=PushDistance,
    latent_dim=8,
    to_latents=to_latents,
    pictures=pictures,
    network=MotionNetwork,  # the agent's velocity is in no single picture
    views=VIEWS,
)
"""Ways begin one step before the first state that is a latent; of what is at rest, with that state itself."""
push_world, save_push_world = PUSH_T_WORLD.world, PUSH_T_WORLD.save


def load_push_world(name_or_path: str | Path = "push-t") -> PlanningWorld:
    """See WorldKind.load."""
    return PUSH_T_WORLD.load(name_or_path)
