# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The small network that writes plans: a transformer over one token a thing, a fact, a goal, an answer or a step.

A token is six integers (see ``tokens.py``): its kind, a word, up to two things of the scene, a place in a plan, and how
many answers ago. Things have no word of their own on the way out: a step's arguments are POINTED at, by attention over
the scene's list of things, so that a scene may hold things of any name and number.

Tokens come in blocks: scene, answers of the world, draft, plan. A token sees the blocks before its own and all of its
own, but for the plan, which is written from left to right. The keys and values of a block therefore never depend on
what follows, and are kept from call to call.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.planning.parameters import Parameters, parameter

FIELDS = 6
"""Of a token; see ``tokens.Token``."""
WORD, SECOND = 1, 3
"""The word's place among them, and the second thing's."""
SCENE, ANSWERS, DRAFT, PLAN = range(4)
"""Blocks, in their order."""

Cache = list[tuple[Tensor, Tensor]]
"""Of each layer: keys and values (B, H, N, W / H) of the tokens before."""


@dataclass(frozen=True)
class StepNetworkConfig(Parameters):
    """Sizes."""

    words: int = parameter(512, "words: actions, relations, types, words of instructions", 2, 65_536)
    kinds: int = parameter(24, "kinds of tokens", 2, 256)
    pieces: int = parameter(1024, "hash buckets of the pieces of things' names", 2, 1_000_000)
    pieces_per_name: int = parameter(3, "pieces of a name that are looked at", 1, 16)
    things: int = parameter(128, "things that a scene may hold", 1, 4096)
    places: int = parameter(256, "places in a plan that are told apart", 2, 4096)
    rounds: int = parameter(16, "answers of the world that are told apart", 2, 256)
    width: int = parameter(192, "numbers of a token", 8, 4096)
    layers: int = parameter(8, "transformer layers", 1, 64)
    heads: int = parameter(4, "attention heads; on a CPU the scores of each take longer than all linear layers", 1, 64)


class Block(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(
        self, rows: Tensor, bias: Tensor | None, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, N, W), bias (B H, N, M + N) -> (B, N, W) and the keys and values of all M + N tokens."""
        batch, count, width = rows.shape
        split = self.query_key_value(self.attention_norm(rows)).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        attended = _attend(query, key, value, bias)
        rows = rows + self.out(attended.transpose(1, 2).reshape(batch, count, width))
        return rows + self.mlp(self.mlp_norm(rows)), (key, value)


def _attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None) -> Tensor:
    """Attention (B, H, N, D) over keys and values (B, H, M, D).

    Written out: on a CPU PyTorch's own takes two to four times as long, forth and back, for heads and rows of our sizes
    under a mask.
    """
    batch, heads, count, size = query.shape
    query, key, value = (part.reshape(batch * heads, -1, size) for part in (query, key, value))
    if bias is None:
        scores = torch.bmm(query * size**-0.5, key.mT)
    else:
        scores = torch.baddbmm(bias, query, key.mT, alpha=size**-0.5)
    return torch.bmm(torch.softmax(scores, dim=-1), value).view(batch, heads, count, size)


class StepNetwork(nn.Module):
    """Tokens to the next step: which action, on which things."""

    def __init__(self, config: StepNetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.kinds, self.words = nn.Embedding(config.kinds, width), nn.Embedding(config.words, width)
        self.places, self.rounds = nn.Embedding(config.places, width), nn.Embedding(config.rounds, width)
        self.pieces = nn.Embedding(config.pieces, width, padding_idx=0)
        self.slots = nn.Embedding(config.things + 1, width, padding_idx=0)
        self.as_first, self.as_second = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.thing_keys = nn.Linear(width, width)
        self.actions = nn.Linear(width, config.words)
        self.pointers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)) for _ in range(2)
        )
        for embedding in (self.kinds, self.words, self.places, self.rounds, self.pieces, self.slots):
            nn.init.normal_(embedding.weight, std=0.05)
        with torch.no_grad():
            self.pieces.weight[0], self.slots.weight[0] = 0.0, 0.0

    def things(self, names: Tensor, slots: Tensor) -> Tensor:
        """Name pieces (B, O, P) and slots (B, O), both 0 where there is nothing -> (B, O + 1, W); row 0 is nothing."""
        rows = self.pieces(names).sum(2) + self.slots(slots)
        return F.pad(rows, (0, 0, 1, 0))

    def embed(self, tokens: Tensor, things: Tensor) -> Tensor:
        """(B, N, 6) and (B, O + 1, W) -> (B, N, W); a thing's number counts from 1 in the scene's list."""
        kind, word, first, second, place, ago = tokens.unbind(-1)
        rows = self.kinds(kind) + self.words(word) + self.places(place.clamp(max=self.config.places - 1))
        rows = rows + self.rounds(ago.clamp(max=self.config.rounds - 1))
        rows = rows + self.as_first(gather_rows(things, first)) + self.as_second(gather_rows(things, second))
        return cast(Tensor, rows)

    def forward(self, rows: Tensor, mask: Tensor | None, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """(B, N, W) after what ``cache`` holds -> hidden (B, N, W), normalised, and the cache with these tokens."""
        kept: Cache = []
        bias = None if mask is None else self._bias(rows, mask)
        for index, block in enumerate(self.blocks):
            rows, pair = block(rows, bias, cache[index] if cache else None)
            kept.append(pair)
        return self.norm(rows), kept

    def _bias(self, rows: Tensor, mask: Tensor) -> Tensor:
        """What is added to the scores of all layers, once for all heads: 0 where the mask lets see, else -inf."""
        kind = rows.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else rows.dtype
        bias = torch.zeros(mask.shape, dtype=dtype, device=rows.device).masked_fill_(~mask, -torch.inf)
        batch, (count, seen) = rows.shape[0], (rows.shape[1], mask.shape[-1])
        return bias.expand(batch, self.config.heads, count, seen).reshape(-1, count, seen)

    def keys(self, hidden: Tensor) -> Tensor:
        """Hidden rows (B, O, W) of the scene's things -> what arguments are pointed at by (B, O, W)."""
        return cast(Tensor, self.thing_keys(hidden))

    def action_logits(self, hidden: Tensor) -> Tensor:
        """(..., W) -> (..., words); only actions and the end are ever taken."""
        return cast(Tensor, self.actions(hidden))

    def argument_logits(self, hidden: Tensor, keys: Tensor, action: Tensor, first: Tensor | None = None) -> Tensor:
        """Which thing is the first argument or, given the ``first``, the second.

        (B, N, W), keys (B, O, W), action words (B, N), first things (B, N) from 1 -> (B, N, O).
        """
        query = hidden + self.words(action)
        if first is not None:
            query = query + gather_rows(F.pad(keys, (0, 0, 1, 0)), first)
        query = self.pointers[0 if first is None else 1](query)
        return query @ keys.transpose(1, 2) / self.config.width**0.5


def gather_rows(table: Tensor, index: Tensor) -> Tensor:
    """Rows (B, N, W) of a table (B, M, W) by index (B, N)."""
    return table.gather(1, index.unsqueeze(-1).expand(-1, -1, table.shape[-1]))


def visibility(blocks: Tensor, valid: Tensor, branches: Tensor | None = None) -> Tensor:
    """Who sees whom: block numbers (B, N) and which tokens are real (B, N) -> bool (B, 1, N, N).

    ``branches`` (B, 2, N): which answers and which draft a token belongs to, 0 for what belongs to all; so that many
    drafts of one scene, under many answers, stand in one row and do not see each other. Without it, one of each.
    """
    asking, asked = blocks.unsqueeze(2), blocks.unsqueeze(1)
    order = torch.arange(blocks.shape[1], device=blocks.device)
    before = order.unsqueeze(1) >= order.unsqueeze(0)
    same = (asking == asked) & ((asking != PLAN) | before)
    seen = ((asked < asking) | same) & valid.unsqueeze(1)
    if branches is not None:
        own, other = branches.unsqueeze(3), branches.unsqueeze(2)
        seen = seen & ((other == 0) | (other == own)).all(1)
    return (seen | torch.eye(blocks.shape[1], dtype=torch.bool, device=blocks.device)).unsqueeze(1)
