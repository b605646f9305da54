# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The policy that follows latent subgoals: latents, proprioception, instruction and fused goal -> action chunk.

As LBP's low-level policy (arXiv 2505.06861), it is trained on PREDICTED subgoals; it starts from the encoder's latents
instead of pixels, and its head is a flow of few steps by default.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robot_planner.errors import InvalidInputError
from robot_planner.planning.parameters import parameter
from robot_planner.policy.chunk_heads import CHUNK_HEADS, ChunkTrunk
from robot_planner.policy.fusion import FUSIONS, FusionConfig

GOALS = ("language", "image")


@dataclass(frozen=True)
class SubgoalPolicyConfig(FusionConfig):
    """Sizes and parts of the policy."""

    latent_dim: int = parameter(80, "numbers of a whole latent", 1, 65_536)
    plan_dim: int = parameter(48, "numbers of the latent that planning uses, its first ones", 1, 65_536)
    language_dim: int = parameter(64, "numbers of the instruction's embedding", 1, 65_536)
    proprioception_dim: int = parameter(6, "numbers of the proprioception", 1, 1024)
    chunk_length: int = parameter(8, "actions of a chunk", 1, 1024)
    action_dim: int = parameter(5, "numbers of an action", 1, 1024)
    hidden: int = parameter(384, "width of the trunk", 1, 65_536)
    blocks: int = parameter(3, "residual blocks of the trunk", 1, 64)
    head: str = parameter("flow", "how a chunk is made")
    steps: int = parameter(0, "evaluations of the trunk per chunk; 0: the head's default", 0, 1000)
    depth: int = parameter(2, "subgoals before the final goal that the policy follows", 0, 16)
    goals: str = parameter("language", "where the final goal comes from: language, or image (a goal image alone)")
    dropout: float = parameter(0.0, "dropout on the condition in training", 0.0, 0.9)

    def __post_init__(self) -> None:
        super().__post_init__()
        CHUNK_HEADS.factory(self.head)
        if self.goals not in GOALS:
            raise InvalidInputError(f"goals = '{self.goals}'; allowed: {', '.join(GOALS)}")
        if self.plan_dim > self.latent_dim:
            raise InvalidInputError(f"plan_dim = {self.plan_dim}: must be at most latent_dim ({self.latent_dim})")


class SubgoalPolicy(nn.Module):
    """Chunks of actions in raw units; inputs and outputs are normalised inside, by ``fit_statistics``."""

    latent_mean: Tensor
    latent_std: Tensor
    proprioception_mean: Tensor
    proprioception_std: Tensor
    chunk_mean: Tensor
    chunk_std: Tensor

    def __init__(self, config: SubgoalPolicyConfig) -> None:
        super().__init__()
        self.config, self.head = config, CHUNK_HEADS.make(config.head)
        for name, shape in (
            ("latent", (config.latent_dim,)),
            ("proprioception", (config.proprioception_dim,)),
            ("chunk", (config.chunk_length, config.action_dim)),
        ):
            self.register_buffer(f"{name}_mean", torch.zeros(shape))
            self.register_buffer(f"{name}_std", torch.ones(shape))
        self.fusion = FUSIONS.make(config.fusion, config.plan_dim, config.language_dim, config)
        inputs = config.latent_dim + config.proprioception_dim + config.language_dim + config.width
        self.condition = nn.Sequential(
            nn.Linear(inputs, config.hidden),
            nn.LayerNorm(config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, config.hidden),
        )
        self.trunk = ChunkTrunk(config.chunk_length * config.action_dim, config.hidden, config.blocks)

    @torch.no_grad()
    def fit_statistics(
        self, latents: Tensor, proprioception: Tensor, chunks: Tensor, mask: Tensor | None = None
    ) -> None:
        """Sets the normalisation from data: latents (M, D), proprioception (M, P), chunks (M, K, A), mask (M, K)."""
        if mask is None:
            mask = torch.ones(chunks.shape[:2], device=chunks.device)
        self._check(latents, proprioception)
        self._check_chunks(chunks, mask, len(latents))
        valid = mask.bool()
        if len(latents) < 2 or not valid.any(0).all():
            raise InvalidInputError("statistics need two observations and, for each step of a chunk, one valid action")
        for name, values in (("latent", latents), ("proprioception", proprioception), ("chunk", chunks)):
            weights = valid.double().unsqueeze(-1) if name == "chunk" else torch.ones_like(values, dtype=torch.double)
            clean = torch.where(weights > 0, values.double(), 0.0)
            if not torch.isfinite(clean).all():
                raise InvalidInputError(f"statistics need finite numbers; some of the {name}s are not")
            mean = clean.sum(0) / weights.sum(0)
            std = ((weights * (clean - mean).square()).sum(0) / weights.sum(0)).sqrt()
            # An input that never varied is only centred; an output that never varied (a yaw that nobody turned) must
            # come out as that constant, not as the network's error at unit scale.
            std = std.clamp_min(1e-4) if name == "chunk" else torch.where(std > 1e-6, std, 1.0)
            getattr(self, f"{name}_mean").copy_(mean)
            getattr(self, f"{name}_std").copy_(std)

    def act(
        self,
        latents: Tensor,
        proprioception: Tensor,
        language: Tensor,
        subgoals: Tensor,
        generator: torch.Generator | None = None,
        steps: int | None = None,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Latents (B, D), proprioception (B, P), embeddings (B, L), subgoals (B, N, D_plan) -> chunks (B, K, A).

        ``steps``: evaluations of the trunk, as configured by default. The noise that chunks are made from is drawn by
        ``generator`` unless it is given, (B, K * A). Raises InvalidInputError for wrong shapes.
        """
        steps = self.config.steps or self.head.default_steps if steps is None else steps
        if steps < 1:
            raise InvalidInputError(f"steps = {steps}: must be at least 1")
        condition = self._condition(latents, proprioception, language, subgoals)
        shape = (len(latents), self.trunk.size)
        if noise is None:
            noise = torch.randn(shape, generator=generator, dtype=latents.dtype, device=latents.device)
        elif noise.shape != shape:
            raise InvalidInputError(f"noise has shape {tuple(noise.shape)}; allowed: {shape}")
        chunks = self.head.sample(self.trunk, condition, noise, steps)
        return chunks.view(-1, *self.chunk_mean.shape) * self.chunk_std + self.chunk_mean

    def loss(
        self,
        latents: Tensor,
        proprioception: Tensor,
        language: Tensor,
        subgoals: Tensor,
        chunks: Tensor,
        mask: Tensor,
        generator: torch.Generator | None = None,
    ) -> dict[str, Tensor]:
        """The head's error on normalised chunks (B, K, A), mean over the actions whose ``mask`` (B, K) is not 0.

        Returns ``loss`` and, without gradients, ``action_0`` to ``action_{A-1}``: the same per number of an action.
        """
        self._check_chunks(chunks, mask, len(latents))
        valid = mask.bool().unsqueeze(-1)
        # What is masked must not reach the trunk either: a head of noise sees the whole chunk.
        normalised = torch.where(valid, (chunks - self.chunk_mean) / self.chunk_std, 0.0)
        condition = self._condition(latents, proprioception, language, subgoals)
        error = self.head.error(self.trunk, condition, normalised.flatten(1), generator).view_as(chunks)
        each = (error * valid).sum((0, 1)) / valid.sum().clamp_min(1)
        return {"loss": each.mean()} | {f"action_{i}": value.detach() for i, value in enumerate(each)}

    def _condition(self, latents: Tensor, proprioception: Tensor, language: Tensor, subgoals: Tensor) -> Tensor:
        """All that is known -> (B, H)."""
        config, batch = self.config, len(latents)
        self._check(latents, proprioception)
        if language.shape != (batch, config.language_dim):
            raise InvalidInputError(
                f"language has shape {tuple(language.shape)}; allowed: {(batch, config.language_dim)}"
            )
        if subgoals.ndim != 3 or (len(subgoals), subgoals.shape[2]) != (batch, config.plan_dim):
            raise InvalidInputError(
                f"subgoals have shape {tuple(subgoals.shape)}; allowed: ({batch}, N, {config.plan_dim})"
            )
        width = config.plan_dim
        present = (latents - self.latent_mean) / self.latent_std
        goals = (subgoals - self.latent_mean[:width]) / self.latent_std[:width]
        body = (proprioception - self.proprioception_mean) / self.proprioception_std
        fused = self.fusion(present[:, :width], goals, language)
        condition: Tensor = self.condition(torch.cat([present, body, language, fused], dim=1))
        return condition

    def _check(self, latents: Tensor, proprioception: Tensor) -> None:
        for name, value, width in (
            ("latents", latents, self.config.latent_dim),
            ("proprioception", proprioception, self.config.proprioception_dim),
        ):
            if value.shape != (len(latents), width):
                raise InvalidInputError(f"{name} has shape {tuple(value.shape)}; allowed: ({len(latents)}, {width})")

    def _check_chunks(self, chunks: Tensor, mask: Tensor, batch: int) -> None:
        wanted = (batch, *self.chunk_mean.shape)
        if chunks.shape != wanted or mask.shape != wanted[:2]:
            raise InvalidInputError(
                f"chunks and mask have shapes {tuple(chunks.shape)} and {tuple(mask.shape)}; "
                f"allowed: {wanted} and {wanted[:2]}"
            )
