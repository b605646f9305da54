# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained world as one thing: encoder, dynamics and goal metrics that belong to one latent space."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics
from robot_planner.errors import ModelError, UnknownNameError
from robot_planner.networks import NetworkParts, network_digest
from robot_planner.perception.convolutional import ConvolutionalConfig, ConvolutionalEncoder, ConvolutionalNetwork
from robot_planner.perception.slots import SlotReadout, Visibility
from robot_planner.planning.goal_metric import GoalMetric, LatentDistance
from robot_planner.planning.object_metrics import CostToGo, CostToGoNetwork, ObjectDistance
from robot_planner.types import FloatArray

KIND = "world"
"""What the configuration of such a model folder calls itself; one that says nothing is of this kind."""
ENTITIES = ("hand", "red", "green", "blue")
"""What the read-out locates, in its order."""


@dataclass
class WorldNetworks(NetworkParts):
    """The networks of a world, as training sees them."""

    encoder: ConvolutionalNetwork
    dynamics: EnsembleDynamics
    cost_to_go: CostToGoNetwork
    visibility: Visibility


@dataclass(frozen=True)
class PlanningWorld:
    """Dynamics and goal metrics over one latent space, whatever its latents come from; frozen, for planning."""

    name: str
    dynamics: EnsembleDynamics
    metrics: dict[str, GoalMetric]
    default_metric: str
    config: dict[str, Any]

    def metric(self, name: str = "") -> GoalMetric:
        """The goal metric called ``name``, or the default one; raises UnknownNameError."""
        try:
            return self.metrics[name or self.default_metric]
        except KeyError:
            raise UnknownNameError("goal metric", name, self.metrics) from None

    def goal_distance(self, latent: FloatArray, goal: FloatArray, metric: str = "") -> float:
        """The distance between two latents (D,) by the goal metric called ``metric``, or the default one."""
        with torch.inference_mode():
            return float(self.metric(metric).distance(torch.from_numpy(latent)[None], torch.from_numpy(goal)[None])[0])


@dataclass(frozen=True)
class SeeingWorld(PlanningWorld):
    """A PlanningWorld whose latents an encoder makes of images."""

    encoder: ConvolutionalEncoder


@dataclass(frozen=True)
class World(SeeingWorld):
    """The tabletop's, whose latents have slots of things to read out."""

    readout: SlotReadout


def frozen_encoder(network: ConvolutionalNetwork, device: torch.device | str = "cpu") -> ConvolutionalEncoder:
    """An encoder over a network, frozen; its digest is that of the network."""
    return ConvolutionalEncoder(network, network_digest(network, network.config), device)


def readout_of(config: Mapping[str, Any]) -> SlotReadout:
    """The read-out that belongs to a configuration."""
    return SlotReadout(config.get("entities", ENTITIES), int(config.get("slot_dim", 8)))


def build_networks(config: Mapping[str, Any], seed: int = 0) -> WorldNetworks:
    """Networks of the sizes that ``config`` says, with random weights."""
    torch.manual_seed(seed)
    sizes = dict(config.get("encoder", {}))
    if "crop" in sizes:
        sizes["crop"] = tuple(sizes["crop"])
    entities = tuple(config.get("entities", ENTITIES))
    slot_dim = int(config.get("slot_dim", 8))
    views = tuple(config.get("views", ("front",)))
    encoder = ConvolutionalConfig(views=views, latent_dim=len(entities) * slot_dim, **sizes)
    dynamics = dict(config.get("dynamics", {}))
    for key in ("action_low", "action_high", "hand_low", "hand_high"):
        if key in dynamics:
            dynamics[key] = tuple(dynamics[key])
    return WorldNetworks(
        ConvolutionalNetwork(encoder),
        EnsembleDynamics(EnsembleConfig(slots=len(entities), slot_dim=slot_dim, **dynamics)),
        CostToGoNetwork(),
        Visibility(len(entities) * slot_dim, len(entities) - 1),
    )


def assemble(
    name: str, networks: WorldNetworks, config: Mapping[str, Any] | None = None, device: torch.device | str = "cpu"
) -> World:
    """A World over given networks, frozen."""
    config = dict(config or {})
    for network in vars(networks).values():
        network.to(device).eval().requires_grad_(False)
    encoder = frozen_encoder(networks.encoder, device)
    networks.dynamics.encoder = encoder.digest
    readout = readout_of(config)
    metrics: dict[str, GoalMetric] = {
        "latent": LatentDistance(),
        "objects": ObjectDistance(readout, networks.visibility),
        "cost-to-go": CostToGo(readout, networks.cost_to_go, networks.visibility, **config.get("metric", {})),
    }
    default = str(config.get("default_metric", "cost-to-go"))
    return World(name, networks.dynamics, metrics, default, config, encoder, readout)


def random_world(seed: int = 0, config: Mapping[str, Any] | None = None) -> World:
    """A world of random weights: of the right shapes, of no use but for tests."""
    return assemble("random", build_networks(config or {}, seed), config)


def save_world(networks: WorldNetworks, config: Mapping[str, Any], folder: Path, card: str) -> None:
    """Writes a world as a model folder."""
    save_checkpoint(folder, networks.state_dict(), dict(config), card)


def load_world(name_or_path: str | Path = "tabletop", device: torch.device | str = "cpu") -> World:
    """Loads ``models/<name>`` or a model folder; raises ModelError."""
    checkpoint = load_checkpoint(name_or_path)
    if checkpoint.config.get("kind", KIND) != KIND:
        raise ModelError(f"model {checkpoint.folder} is of kind '{checkpoint.config['kind']}', not '{KIND}'")
    networks = build_networks(checkpoint.config)
    networks.load_state_dict(checkpoint.tensors)
    return assemble(Path(name_or_path).name, networks, checkpoint.config, device)
