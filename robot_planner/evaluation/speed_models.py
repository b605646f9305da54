# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""World models of random weights on which planning speed is measured: two MLPs and a small transformer."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LATENT_DIM, ACTION_DIM = 64, 2


class MlpModel(nn.Module):
    """z' = z + MLP(z, a) with two hidden layers."""

    def __init__(self, hidden: int = 384) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(LATENT_DIM + ACTION_DIM, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, LATENT_DIM),
        )

    def forward(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Latents (N, D), actions (N, A) -> next latents (N, D)."""
        change: Tensor = self.layers(torch.cat([latents, actions], dim=-1))
        return latents + 0.1 * change


class Block(nn.Module):
    """One pre-norm layer of a transformer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.mix, self.merge = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm_wide = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (N, S, width) -> the same."""
        query, key, value = self.mix(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value)
        x = x + self.merge(attended.transpose(1, 2).flatten(2))
        widened: Tensor = self.narrow(F.gelu(self.widen(self.norm_wide(x))))
        return x + widened


class TransformerModel(nn.Module):
    """z' = z + transformer(z as tokens, a as one token more): two pre-norm layers of width 64, four heads."""

    def __init__(self, tokens: int = 8, width: int = 64, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.tokens = tokens
        self.embed, self.embed_action = nn.Linear(LATENT_DIM // tokens, width), nn.Linear(ACTION_DIM, width)
        self.place = nn.Parameter(0.02 * torch.randn(tokens + 1, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.read = nn.Linear(width, LATENT_DIM // tokens)

    def forward(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Latents (N, D), actions (N, A) -> next latents (N, D)."""
        rows = latents.shape[0]
        x = torch.cat([self.embed(latents.view(rows, self.tokens, -1)), self.embed_action(actions).unsqueeze(1)], dim=1)
        x = x + self.place
        for block in self.blocks:
            x = block(x)
        change: Tensor = self.read(x[:, :-1]).flatten(1)
        return latents + 0.1 * change


MODELS: dict[str, Callable[[], nn.Module]] = {
    "mlp-128": partial(MlpModel, 128),
    "mlp": MlpModel,
    "transformer": TransformerModel,
}
"""The first is as wide as the shipped models' networks are."""


def speed_models(seed: int = 0) -> dict[str, nn.Module]:
    """The models by name, frozen."""
    torch.manual_seed(seed)
    return {name: made().eval().requires_grad_(False) for name, made in MODELS.items()}
