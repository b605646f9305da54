# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""LBP as one thing: encoder, language, planner and policy that belong to one latent space."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.errors import InvalidInputError, ModelError, RobotPlannerError
from robot_planner.language.encoder import LanguageConfig, LanguageEncoder
from robot_planner.networks import NetworkParts
from robot_planner.perception.multiview import (
    AnchorReadout,
    MultiViewConfig,
    MultiViewEncoder,
    MultiViewNetwork,
    PictureDecoder,
)
from robot_planner.planning.lbp import LbpConfig
from robot_planner.planning.subgoal_peers import SUBGOAL_PLANNERS
from robot_planner.planning.subgoal_planner import SubgoalPlanner
from robot_planner.policy.subgoal_policy import SubgoalPolicy, SubgoalPolicyConfig
from robot_planner.types import FloatArray, Latent, Subgoals

Image = npt.NDArray[np.uint8]
Act = Callable[[Image, Image, FloatArray], FloatArray]
"""Front image (S, S, 3), wrist image (W, W, 3), proprioception (6,) -> chunk (K, 5)."""
KIND = "lbp"
"""What the configuration of such a model folder calls itself."""


@dataclass
class LbpNetworks(NetworkParts):
    """The networks, as training sees them."""

    encoder: MultiViewNetwork
    decoder: PictureDecoder
    language: LanguageEncoder
    planner: SubgoalPlanner
    policy: SubgoalPolicy

    @property
    def config(self) -> dict[str, Any]:
        """Every size, as ``build_networks`` takes it."""
        kind = next(name for name in SUBGOAL_PLANNERS if SUBGOAL_PLANNERS.factory(name) is type(self.planner))
        return {
            "kind": KIND,
            "encoder": asdict(self.encoder.config),
            "language": asdict(self.language.config),
            "planner": {"name": kind, **asdict(self.planner.config)},
            "policy": asdict(self.policy.config),
        }


@dataclass(frozen=True)
class Lbp:
    """From camera images and an instruction to action chunks; frozen."""

    name: str
    encoder: MultiViewEncoder
    decoder: PictureDecoder
    language: LanguageEncoder
    planner: SubgoalPlanner
    policy: SubgoalPolicy
    readout: AnchorReadout = field(default_factory=AnchorReadout)
    config: dict[str, Any] = field(default_factory=dict)
    device: torch.device | str = "cpu"

    def embed(self, text: str) -> FloatArray:
        """An instruction -> (L,), see ``quantised``; raises NotUnderstoodError for what is none of this family."""
        return quantised(self.language, text)

    def actor(self, instruction: str, goal: FloatArray | None = None) -> Act:
        """What to do for an instruction or, of a model of goal images, for the front part (D_plan,) of one's latent.

        Raises NotUnderstoodError.
        """
        by_image = self.policy.config.goals == "image"
        language = np.zeros(self.language.embedding_dim, np.float32) if by_image else self.embed(instruction)

        def act(front: Image, wrist: Image, body: FloatArray) -> FloatArray:
            latent = self.encoder.encode_views(front[None], wrist[None])[0]
            subgoals = self.plan(Latent(latent, ""), language).latents if goal is None else goal[None]
            return self.act(latent, body, language, subgoals)

        return act

    def plan(self, latent: Latent, language: FloatArray, depth: int | None = None) -> Subgoals:
        """Subgoals from the first D_plan numbers of a latent and an embedding (L,), with the stamp of the image.

        ``depth``: subgoals before the final goal; as many as the policy follows if not given. Raises InvalidInputError
        for latents of another encoder (an unnamed one isn't checked), wrong sizes, numbers that are not finite, and a
        depth beyond the trained one.
        """
        width, digest = self.encoder.plan_dim, self.encoder.digest
        if latent.encoder not in ("", digest):
            raise InvalidInputError(f"the latent is of encoder {latent.encoder[:12]}; allowed: {digest[:12]}")
        if latent.data.ndim != 1 or latent.data.size < width:
            raise InvalidInputError(f"the latent has shape {latent.data.shape}; allowed: ({width} or more,)")
        if not (np.isfinite(latent.data[:width]).all() and np.isfinite(language).all()):
            raise InvalidInputError("latent and language must be finite numbers")
        depth = self.policy.config.depth if depth is None else depth
        with torch.inference_mode():
            rows = self._rows(latent.data[:width]), self._rows(language)
            points = self.planner.plan(*rows, depth)[0].cpu().numpy()
        return Subgoals(points, torch.tensor(self.planner.progress(depth)).numpy(), latent.stamp)

    def act(
        self,
        latent: FloatArray,
        proprioception: FloatArray,
        language: FloatArray,
        subgoals: FloatArray,
        noise: FloatArray | None = None,
        steps: int | None = None,
    ) -> FloatArray:
        """Latent (D,), proprioception (6,), embedding (L,), subgoals (N, D_plan) -> chunk (K, 5).

        Without ``noise`` (K * 5,) the flow starts from zero, the middle of what is likely: deterministic.
        """
        with torch.inference_mode():
            size = self.policy.config.chunk_length * self.policy.config.action_dim
            start = torch.zeros(1, size, device=self.device) if noise is None else self._rows(noise)
            rows = self._rows(latent), self._rows(proprioception), self._rows(language), self._rows(subgoals)
            chunk: FloatArray = self.policy.act(*rows, steps=steps, noise=start)[0].cpu().numpy()
        return chunk

    def _rows(self, array: FloatArray) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self.device).unsqueeze(0)


def quantised(language: LanguageEncoder, text: str) -> FloatArray:
    """The prototype (L,) of what an instruction was understood to ask for; raises NotUnderstoodError.

    Planner and policy are conditioned on it instead of the text's own embedding: a phrasing that is understood at all
    then leads to the same plan as any other.
    """
    arrangement = language.understand(text).arrangement
    with torch.inference_mode():
        prototype: FloatArray = language.prototypes([arrangement])[0].cpu().numpy()
    return prototype


def build_networks(config: Mapping[str, Any] | None = None, seed: int = 0) -> LbpNetworks:
    """Networks of the sizes that ``config`` says, with random weights; sizes that must agree are made to agree."""
    torch.manual_seed(seed)
    config = dict(config or {})
    encoder = MultiViewConfig(**config.get("encoder", {}))
    language = LanguageConfig(**config.get("language", {}))
    planner = dict(config.get("planner", {}))
    kind = str(planner.pop("name", "backward"))
    planner |= {"latent_dim": encoder.plan_dim, "language_dim": language.embedding_dim}
    policy = dict(config.get("policy", {})) | {
        "latent_dim": encoder.latent_dim, "plan_dim": encoder.plan_dim, "language_dim": language.embedding_dim
    }  # fmt: skip
    return LbpNetworks(
        MultiViewNetwork(encoder),
        PictureDecoder(encoder.plan_dim),
        LanguageEncoder(language),
        SUBGOAL_PLANNERS.make(kind, LbpConfig(**planner)),
        SubgoalPolicy(SubgoalPolicyConfig(**policy)),
    )


def assemble(name: str, networks: LbpNetworks, device: torch.device | str = "cpu") -> Lbp:
    """An Lbp over given networks, frozen."""
    for network in vars(networks).values():
        network.to(device).eval().requires_grad_(False)
    encoder = MultiViewEncoder(networks.encoder, device)
    others = (networks.decoder, networks.language, networks.planner, networks.policy)
    return Lbp(name, encoder, *others, config=networks.config, device=device)


def random_lbp(seed: int = 0, config: Mapping[str, Any] | None = None) -> Lbp:
    """An Lbp of random weights: of the right shapes, of no use but for tests."""
    return assemble("random", build_networks(config, seed))


def save_lbp(networks: LbpNetworks, folder: Path, card: str) -> None:
    """Writes a model folder."""
    save_checkpoint(folder, networks.state_dict(), networks.config, card)


def load_lbp(name_or_path: str | Path = "tidy", device: torch.device | str = "cpu") -> Lbp:
    """Loads ``models/<name>`` or a model folder; raises ModelError."""
    checkpoint = load_checkpoint(name_or_path)
    if checkpoint.config.get("kind") != KIND:
        raise ModelError(f"model '{name_or_path}' is of kind '{checkpoint.config.get('kind')}'; allowed here: '{KIND}'")
    try:
        networks = build_networks(checkpoint.config)
    except (TypeError, RobotPlannerError) as error:
        raise ModelError(f"the configuration of model '{name_or_path}' is not valid: {error}") from None
    networks.load_state_dict(checkpoint.tensors)
    return assemble(Path(name_or_path).name, networks, device)
