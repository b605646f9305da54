# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A transformer over the words of a sentence, with one query for each thing that is asked of it.

Attention is biased by how far apart two words stand (Shaw et al., "Self-Attention with Relative Position
Representations", 2018, in the form of one learned number per head and distance): which place belongs to which block is
told by what stands near what, wherever in the sentence.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REACH = 24
"""Distances beyond this are all one [words]."""


class Layer(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        # heads begin by looking at what stands close by: just before, just behind, and ever wider around
        far = torch.arange(-REACH, REACH + 1.0)
        looks = [(-1.0, 1.0), (1.0, 1.0), (0.0, 0.3), (0.0, 0.05)]
        self.bias = nn.Parameter(torch.stack([-slope * (far - at).abs() for at, slope in (looks * heads)[:heads]]))
        self.forward_part = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor, distances: Tensor, padding: Tensor, queries: int) -> Tensor:
        """X (B, Q+T, width), distances (T, T) in 0..2 REACH, padding (B, Q+T) -> like x."""
        bias = F.pad(self.bias[:, distances], (queries, 0, queries, 0))
        mask = bias[None] + padding[:, None, None].to(x.dtype) * -1e4
        q, k, v = self.mix(self.norm_attention(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(mixed.transpose(1, 2).flatten(2))
        return x + self.forward_part(self.norm_forward(x))


class SentenceNetwork(nn.Module):
    """Word vectors to one vector for each query."""

    def __init__(self, width: int, layers: int, heads: int, queries: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, width) * width**-0.5)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, words: Tensor, padding: Tensor) -> Tensor:
        """Words (B, T, width), padding (B, T) true where there is no word -> (B, queries, width)."""
        count, at = len(self.queries), torch.arange(words.shape[1], device=words.device)
        distances = (at[None] - at[:, None]).clamp(-REACH, REACH) + REACH
        x = torch.cat([self.queries.expand(len(words), -1, -1), words], dim=1)
        padding = F.pad(padding, (count, 0), value=False)
        for layer in self.layers:
            x = layer(x, distances, padding, count)
        return self.norm(x[:, :count])
