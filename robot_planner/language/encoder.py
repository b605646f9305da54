# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The shipped language encoder: a small transformer over words, trained from scratch on phrasings of arrangements.

The embedding alone tells the arrangement (linear heads read it), and it lies close to a prototype that is a sum of one
vector for each entry of the arrangement: paraphrases fall together, arrangements that share an entry share a direction.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robot_planner.arrangement import COLORS, OPEN, PLACES, SHUT, Arrangement
from robot_planner.language.network import SentenceNetwork
from robot_planner.language.tokens import Tokens, tokenize
from robot_planner.types import FloatArray

if TYPE_CHECKING:
    from robot_planner.language.understanding import Understanding

PLACE_CHOICES = (None, *PLACES)
DRAWER_CHOICES = (None, OPEN, SHUT)
_QUERIES = 2 + len(COLORS)
"""Of the network: is it an instruction, each block, the drawer."""


@runtime_checkable
class TextEncoder(Protocol):
    """Texts to embeddings: what planners and policies are conditioned on."""

    name: str
    digest: str
    """SHA-256 of the weights: says which encoder made an embedding."""
    embedding_dim: int

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Texts to embeddings float32 (B, L)."""
        ...


@dataclass(frozen=True)
class LanguageConfig:
    """Sizes of the network."""

    embedding_dim: int = 64
    width: int = 64
    layers: int = 3
    heads: int = 4
    buckets: int = 4096


class Reading(NamedTuple):
    """What the network makes of a batch of texts."""

    embedding: Tensor
    """(B, L), of length sqrt(L): numbers of size one."""
    places: Tensor
    """(B, blocks, 5) logits over PLACE_CHOICES."""
    drawer: Tensor
    """(B, 3) logits over DRAWER_CHOICES."""
    family: Tensor
    """(B,) logit that the text is an instruction for an arrangement."""
    words: Tensor
    """(B, T, 5) logits over PLACE_CHOICES: where the block goes that a word names; a lesson of the training alone."""


class LanguageEncoder(nn.Module):
    """Texts to embeddings and arrangements."""

    entries: Tensor

    name = "phrases"

    def __init__(self, config: LanguageConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or LanguageConfig()
        self.embedding_dim = c.embedding_dim
        self.grams = nn.EmbeddingBag(c.buckets, c.width, mode="mean")
        nn.init.normal_(self.grams.weight, std=0.3)
        self.body = SentenceNetwork(c.width, c.layers, c.heads, _QUERIES)
        self.embed = nn.Sequential(
            nn.Linear((_QUERIES - 1) * c.width, c.width), nn.GELU(), nn.Linear(c.width, c.embedding_dim)
        )
        self.places = nn.Linear(c.embedding_dim, len(COLORS) * len(PLACE_CHOICES))
        self.drawer = nn.Linear(c.embedding_dim, len(DRAWER_CHOICES))
        self.word_places = nn.Linear(c.width, len(PLACE_CHOICES))
        self.family = nn.Sequential(nn.Linear(_QUERIES * c.width, c.width), nn.GELU(), nn.Linear(c.width, 1))
        # Fixed, not learned: what is conditioned on prototypes need not be fitted again when the words are.
        entries, seeded = len(COLORS) * len(PLACES) + len(DRAWER_CHOICES) - 1, torch.Generator().manual_seed(0)
        directions = torch.linalg.qr(torch.randn(c.embedding_dim, entries, generator=seeded))[0]
        self.register_buffer("entries", directions.T.contiguous())

    @property
    def digest(self) -> str:
        """SHA-256 over the weights."""
        total = hashlib.sha256(repr(self.config).encode())
        for name, value in sorted(self.state_dict().items()):
            total.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()

    def forward(self, tokens: Tokens) -> Reading:
        """Tokens -> Reading."""
        of_words = F.pad(self.grams(tokens.grams, tokens.offsets), (0, 0, 1, 0))
        answers, words = self.body(of_words[tokens.words], tokens.words == 0)
        embedding = self._scale(self.embed(answers[:, 1:].flatten(1)))
        places = self.places(embedding).unflatten(1, (len(COLORS), len(PLACE_CHOICES)))
        family = self.family(answers.flatten(1)).squeeze(1)
        return Reading(embedding, places, self.drawer(embedding), family, self.word_places(words))

    def prototypes(self, arrangements: Sequence[Arrangement]) -> Tensor:
        """Arrangements -> (B, L): where their phrasings lie."""
        rows = torch.zeros(len(arrangements), len(self.entries), device=self.entries.device)
        for row, arrangement in zip(rows, arrangements, strict=True):
            for index, place in enumerate(arrangement.blocks):
                if place is not None:
                    row[index * len(PLACES) + PLACES.index(place)] = 1.0
            if arrangement.drawer is not None:
                row[len(COLORS) * len(PLACES) + (arrangement.drawer == SHUT)] = 1.0
        return self._scale(rows @ self.entries)

    def _scale(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=-1) * self.embedding_dim**0.5

    def read(self, texts: Sequence[str]) -> Reading:
        """What the network makes of texts; raises InvalidInputError for what can't be an instruction."""
        with torch.inference_mode():
            return self(tokenize(texts, self.config.buckets, self.entries.device))

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Texts -> embeddings float32 (B, L) of length sqrt(L), whatever the texts mean; see ``understand``.

        Raises InvalidInputError for what can't be an instruction: empty, too long, control characters.
        """
        return self.read(texts).embedding.cpu().numpy()

    def understand(self, text: str) -> "Understanding":
        """What one instruction asks for; raises NotUnderstoodError, see ``understanding.understand``."""
        from robot_planner.language.understanding import understand

        return understand(self, text)
