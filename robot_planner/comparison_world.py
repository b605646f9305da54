# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the worlds to compare planners in share: latents from states or from pictures alone, and model folders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.dynamics.ensemble import EnsembleDynamics
from robot_planner.errors import ModelError
from robot_planner.perception.convolutional import ConvolutionalConfig, ConvolutionalNetwork
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.types import FloatArray
from robot_planner.world import PlanningWorld, SeeingWorld, frozen_encoder

DYNAMICS_SIZES = ("hidden", "members", "waves")
ENCODER_SIZES = ("image_size", "channels", "keypoints")
ENCODER = "encoder."
"""Before the names of an encoder's tensors in a model folder, whose other tensors are the dynamics'."""


@dataclass(frozen=True)
class WorldKind:
    """A world to compare planners in: what its states are as latents and as pictures, and what its models are.

    A model has its latents from states, scaled, or has an encoder, which sees pictures alone: what each number of a
    latent means is the same in both.
    """

    kind: str
    """What the configuration of a model folder calls itself."""
    place: str
    build_dynamics: Callable[[int, int, int], EnsembleDynamics]
    """(hidden, members, waves) -> a model with random weights."""
    metric: Callable[[], GoalMetric]
    latent_dim: int
    to_latents: Callable[[npt.NDArray], FloatArray]
    """States (..., S) -> latents (..., D)."""
    pictures: Callable[[npt.NDArray, int], npt.NDArray[np.uint8]]
    """States (..., S), side [px] -> pictures, RGB (..., side, side, 3)."""
    network: Callable[[ConvolutionalConfig], ConvolutionalNetwork] = ConvolutionalNetwork
    """Of encoders."""
    views: tuple[str, ...] = ("now",)
    """Pictures that an encoder sees at once, each a step of the environment before the one named before it."""

    def images(self, ways: npt.NDArray, size: int) -> npt.NDArray[np.uint8]:
        """What an encoder sees along ways (..., T + views - 1, S), a step from state to state: (..., T, views, ...)."""
        drawn, first, end = self.pictures(ways, size), len(self.views) - 1, ways.shape[-2]
        return np.stack([drawn[..., first - ago : end - ago, :, :, :] for ago in range(len(self.views))], axis=-4)

    def see(self, world: PlanningWorld, ways: npt.NDArray) -> FloatArray:
        """What a world of this kind makes of ways (..., T + views - 1, S): latents (..., T, D), the last T states'.

        This is the one place in which a state becomes a latent: a SeeingWorld has pictures and nothing else.
        """
        if not isinstance(world, SeeingWorld):
            return self.to_latents(ways[..., len(self.views) - 1 :, :])
        flat = ways.reshape(-1, *ways.shape[-2:])
        found = [world.encoder.encode(self.images(way, world.encoder.image_size)) for way in flat]
        return np.stack(found).reshape(*ways.shape[:-2], -1, self.latent_dim)

    def build_encoder(self, image_size: int, channels: int, keypoints: int) -> ConvolutionalNetwork:
        """An encoder of these sizes with random weights."""
        sizes = ConvolutionalConfig(
            self.views, image_size, latent_dim=self.latent_dim, channels=channels, keypoints=keypoints
        )
        return self.network(sizes)

    def world(
        self,
        name: str,
        dynamics: EnsembleDynamics,
        encoder: ConvolutionalNetwork | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> PlanningWorld:
        """A world over a model, frozen; without an encoder its latents are states."""
        metric = self.metric()
        parts = name, dynamics.eval().requires_grad_(False), {metric.name: metric}, metric.name, dict(config or {})
        if encoder is None:
            return PlanningWorld(*parts)
        eyes = frozen_encoder(encoder)
        dynamics.encoder = eyes.digest
        return SeeingWorld(*parts, eyes)

    def save(
        self, dynamics: EnsembleDynamics, folder: str | Path, card: str, encoder: ConvolutionalNetwork | None = None
    ) -> None:
        """Writes a model folder."""
        config: dict[str, Any] = {"kind": self.kind, **{key: getattr(dynamics.config, key) for key in DYNAMICS_SIZES}}
        tensors = dict(dynamics.state_dict())
        if encoder is not None:
            config["encoder"] = {key: getattr(encoder.config, key) for key in ENCODER_SIZES}
            tensors |= {f"{ENCODER}{key}": tensor for key, tensor in encoder.state_dict().items()}
        save_checkpoint(folder, tensors, config, card)

    def load(self, name_or_path: str | Path) -> PlanningWorld:
        """Loads ``models/<name>`` or a model folder; raises ModelError."""
        checkpoint = load_checkpoint(name_or_path)
        config, encoder = checkpoint.config, None
        if config.get("kind") != self.kind:
            raise ModelError(
                f"model {checkpoint.folder} is no world model of {self.place}; see ./run train {self.kind}"
            )
        tensors = dict(checkpoint.tensors)
        try:
            if "encoder" in config:
                encoder = self.build_encoder(*(int(config["encoder"][key]) for key in ENCODER_SIZES))
                own = [key for key in tensors if key.startswith(ENCODER)]
                encoder.load_state_dict({key.removeprefix(ENCODER): tensors.pop(key) for key in own})
            dynamics = self.build_dynamics(*(int(config[key]) for key in DYNAMICS_SIZES))
            dynamics.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"model {checkpoint.folder}: weights don't fit its configuration: {error}") from None
        return self.world(Path(name_or_path).name, dynamics, encoder, config)
