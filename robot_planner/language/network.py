# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A transformer over the words of a sentence, and queries that read one thing each from the words in their context.

Attention is biased by how far apart two words stand (Shaw et al., "Self-Attention with Relative Position
Representations", 2018, in the form of one learned number per head and distance): which place belongs to which block is
told by what stands near what, wherever in the sentence.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

REACH = 24
"""Distances beyond this are all one [words]."""
DROPOUT = 0.1


class Layer(nn.Module):
    """Pre-norm attention, of words to each other or of queries to words, and feed-forward."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_source, self.norm_forward = (nn.LayerNorm(width) for _ in range(3))
        self.query, self.source, self.out = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(width, width),
        )
        self.forward_part = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor, source: Tensor, mask: Tensor) -> Tensor:
        """Vectors x (B, N, width) attend to source (B, T, width); the mask (B or 1, heads or 1, N or 1, T) is added."""
        q = self.query(self.norm(x)).unflatten(2, (self.heads, -1)).transpose(1, 2)
        k, v = self.source(self.norm_source(source)).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.drop(self.out(mixed.transpose(1, 2).flatten(2)))
        return x + self.drop(self.forward_part(self.norm_forward(x)))


class SentenceNetwork(nn.Module):
    """Word vectors to one vector for each query, and for each word in its sentence."""

    def __init__(self, width: int, layers: int, heads: int, queries: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        # heads begin by looking at what stands close by: just before, just behind, and ever wider around
        far = torch.arange(-REACH, REACH + 1.0)
        looks = [(-1.0, 1.0), (1.0, 1.0), (0.0, 0.3), (0.0, 0.05)]
        bias = torch.stack([-slope * (far - at).abs() for at, slope in (looks * heads)[:heads]])
        self.bias = nn.Parameter(bias.repeat(layers, 1, 1))
        self.queries = nn.Parameter(torch.randn(queries, width) * width**-0.5)
        self.reader = Layer(width, heads)
        self.norm = nn.LayerNorm(width)

    def forward(self, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Words (B, T, width), padding (B, T) true where there is no word -> (B, queries, width), (B, T, width)."""
        at = torch.arange(words.shape[1], device=words.device)
        distances = (at[None] - at[:, None]).clamp(-REACH, REACH) + REACH
        hidden = padding[:, None, None].to(words.dtype) * -1e4
        for layer, bias in zip(self.layers, self.bias, strict=True):
            words = layer(words, words, bias[:, distances] + hidden)
        answers = self.reader(self.queries.expand(len(words), -1, -1), words, hidden)
        return self.norm(answers), words
