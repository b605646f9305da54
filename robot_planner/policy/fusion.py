# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Fusions: present latent, subgoals and instruction -> one vector that tells the policy where to go.

``token``: a learnable token attends over {w_n .. w_1, z_g, phi}, as in the paper (arXiv 2505.06861);
``query``: the present latent attends over the predicted goals alone, as in the authors' released code; ``mean``: the
mean of what the token attends over, the paper's ablation; ``none``: the instruction alone.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.errors import InvalidInputError
from robot_planner.planning.parameters import Parameters, parameter
from robot_planner.registry import Registry


@dataclass(frozen=True)
class FusionConfig(Parameters):
    """Which fusion, and its sizes."""

    fusion: str = parameter("token", "how subgoals and instruction become one vector")
    width: int = parameter(128, "numbers of the fused goal", 1, 4096)
    layers: int = parameter(2, "cross-attention layers of 'token' and 'query'", 1, 16)
    heads: int = parameter(4, "attention heads", 1, 64)
    levels: int = parameter(0, "subgoals that carry an embedding of their place; 0: none does", 0, 100)

    def __post_init__(self) -> None:
        super().__post_init__()
        FUSIONS.factory(self.fusion)
        if self.width % self.heads:
            raise InvalidInputError(f"heads = {self.heads}: must divide the width of {self.width}")


class CrossAttention(nn.Module):
    """One pre-norm block: a query (B, W) attends over a memory (B, N, W), then an MLP; both residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.mlp = _mlp(width)

    def forward(self, query: Tensor, memory: Tensor) -> Tensor:
        """(B, W), (B, N, W) -> (B, W)."""
        batch, count, width = memory.shape
        heads = (self.heads, width // self.heads)
        q = self.query(self.query_norm(query)).view(batch, 1, *heads).transpose(1, 2)
        key_value = self.key_value(memory).view(batch, count, 2, *heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, key_value[0], key_value[1])
        query = query + self.out(attended.reshape(batch, width))
        return cast(Tensor, query + self.mlp(self.mlp_norm(query)))


class Fusion(nn.Module):
    """The signature all fusions share; ``width`` is F, the size of the answer.

    Levels are counted from the goal, so that one level means the same whatever the number of subgoals.
    """

    def __init__(self, latent_dim: int, language_dim: int, config: FusionConfig) -> None:
        super().__init__()
        self.latent_dim, self.width = latent_dim, config.width
        self.goals, self.words = nn.Linear(latent_dim, config.width), nn.Linear(language_dim, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.level = nn.Embedding(config.levels, config.width) if config.levels else None

    def forward(self, present: Tensor, subgoals: Tensor, language: Tensor) -> Tensor:
        """Standardised z_t (B, D), subgoals (B, N, D) nearest first, embedding (B, L) -> (B, F)."""
        raise NotImplementedError

    def embed(self, subgoals: Tensor) -> Tensor:
        """Subgoals (B, N, D) -> (B, N, F), each marked with its level if levels are embedded."""
        embedded = self.goals(subgoals)
        if self.level is not None:
            count = subgoals.shape[1]
            if count > self.level.num_embeddings:
                raise InvalidInputError(f"{count} subgoals; this fusion knows {self.level.num_embeddings} levels")
            embedded = embedded + self.level.weight[:count].flip(0)  # z_g, the last one, is level 0
        return cast(Tensor, embedded)

    def memory(self, subgoals: Tensor, language: Tensor) -> Tensor:
        """{w_n .. w_1, z_g, phi}, normalised: (B, N + 1, F)."""
        words = self.words(language).unsqueeze(1)
        return cast(Tensor, self.norm(torch.cat([self.embed(subgoals), words], dim=1)))


FUSIONS: Registry[Fusion] = Registry("fusion")


@FUSIONS.register("token")
class TokenFusion(Fusion):
    """The paper's: a learnable token attends over subgoals and instruction."""

    def __init__(self, latent_dim: int, language_dim: int, config: FusionConfig) -> None:
        super().__init__(latent_dim, language_dim, config)
        self.token, self.blocks = nn.Parameter(torch.randn(self.width)), _blocks(config)

    def forward(self, present: Tensor, subgoals: Tensor, language: Tensor) -> Tensor:
        """See Fusion."""
        memory, query = self.memory(subgoals, language), self.token.expand(len(language), -1)
        for block in self.blocks:
            query = block(query, memory)
        return query


@FUSIONS.register("query")
class QueryFusion(Fusion):
    """The released code's: the present latent attends over the predicted goals; the instruction is not looked at."""

    def __init__(self, latent_dim: int, language_dim: int, config: FusionConfig) -> None:
        super().__init__(latent_dim, language_dim, config)
        del self.words
        self.present, self.blocks = nn.Linear(self.latent_dim, self.width), _blocks(config)

    def forward(self, present: Tensor, subgoals: Tensor, language: Tensor) -> Tensor:
        """See Fusion; raises InvalidInputError without a subgoal."""
        if not subgoals.shape[1]:
            raise InvalidInputError("fusion 'query' needs at least one subgoal; without any, use 'none'")
        memory, query = self.norm(self.embed(subgoals)), self.present(present)
        for block in self.blocks:
            query = block(query, memory)
        return cast(Tensor, query)


@FUSIONS.register("mean")
class MeanFusion(Fusion):
    """The mean of the embedded subgoals and the instruction, through an MLP."""

    def __init__(self, latent_dim: int, language_dim: int, config: FusionConfig) -> None:
        super().__init__(latent_dim, language_dim, config)
        self.mlp = _mlp(config.width)

    def forward(self, present: Tensor, subgoals: Tensor, language: Tensor) -> Tensor:
        """See Fusion."""
        return cast(Tensor, self.mlp(self.memory(subgoals, language).mean(1)))


@FUSIONS.register("none")
class NoFusion(Fusion):
    """The instruction alone; subgoals are ignored."""

    def __init__(self, latent_dim: int, language_dim: int, config: FusionConfig) -> None:
        super().__init__(latent_dim, language_dim, config)
        del self.goals, self.level
        self.mlp = _mlp(config.width)

    def forward(self, present: Tensor, subgoals: Tensor, language: Tensor) -> Tensor:
        """See Fusion."""
        return cast(Tensor, self.mlp(self.norm(self.words(language))))


def _blocks(config: FusionConfig) -> nn.ModuleList:
    return nn.ModuleList(CrossAttention(config.width, config.heads) for _ in range(config.layers))


def _mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
