# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Fits the language encoder to phrasings of arrangements and texts that are none."""

import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robot_planner.arrangement import COLORS, Arrangement
from robot_planner.language.encoder import DRAWER_CHOICES, PLACE_CHOICES, LanguageConfig, LanguageEncoder, Reading
from robot_planner.language.family import BEYOND, FAMILY
from robot_planner.language.outside import BEYOND_FAMILY, KINDS, outside
from robot_planner.language.phrases import phrase
from robot_planner.language.tokens import check_text, split_words, tokenize
from robot_planner.language.words import SLOTS, TRAINING
from robot_planner.training.resumable import run_phase

ARRANGEMENTS, PHRASINGS, OUTSIDE = 24, 2, 40
"""In a batch: arrangements, phrasings of each, texts that are none."""
LEARNING_RATE = 3e-3
CLOSENESS = 1.0
"""Weight of the distance between a phrasing and its arrangement's prototype."""
_STRANGE_KINDS = tuple(kind for kind in KINDS if kind != BEYOND_FAMILY)
_SWAPPABLE = frozenset(
    word
    for slot in ("put", "putting", "placed", "noun", "can")
    for text in SLOTS[slot][TRAINING]
    for word in text.split()
) | {"please", "can", "you", "could", "i", "want", "the", "should", "goes", "belongs", "make", "sure", "now", "take"}
"""Words in whose place a reader can understand the sentence without knowing the word."""


def train_language(
    work: Path, seed: int = 0, steps: int = 2500, config: LanguageConfig | None = None
) -> tuple[LanguageEncoder, dict[str, float]]:
    """Trains, or goes on with the training in ``work``; returns the encoder and its figures on fresh phrases.

    Raises ModelError if ``work`` holds a training with other sizes.
    """
    torch.manual_seed(seed)
    encoder = LanguageEncoder(config)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=LEARNING_RATE, weight_decay=0.01)

    def loss_of_step(step: int) -> dict[str, Tensor]:
        return language_loss(encoder, np.random.default_rng([seed, step]))

    def validate() -> dict[str, float]:
        from robot_planner.evaluation.language import language_figures

        return language_figures(encoder, seed=10_000 + seed, count=100)

    run_phase("language", work, {"language": encoder}, optimizer, LEARNING_RATE, steps, loss_of_step, validate)
    from robot_planner.evaluation.language import language_figures

    encoder.eval().requires_grad_(False)
    return encoder, language_figures(encoder, seed=20_000 + seed, count=2000)


def language_loss(encoder: LanguageEncoder, rng: np.random.Generator) -> dict[str, Tensor]:
    """Named losses of one batch, "loss" their sum: meaning, closeness of paraphrases, in the family or not."""
    arrangements = [_draw(rng) for _ in range(ARRANGEMENTS)] * PHRASINGS
    texts = [_roughen(phrase(one, rng, TRAINING, _typos(rng)), rng) for one in arrangements]
    strange = [
        outside(rng, TRAINING, _STRANGE_KINDS[rng.integers(len(_STRANGE_KINDS))], _typos(rng))[1]
        for _ in range(OUTSIDE)
    ]
    reading = _read(encoder, texts + strange)
    count = len(arrangements)
    places, drawer = targets(arrangements)
    prototypes = encoder.prototypes(arrangements)
    logits = torch.cat([reading.places[:count], encoder.places(prototypes).unflatten(1, (3, len(PLACE_CHOICES)))])
    drawer_logits = torch.cat([reading.drawer[:count], encoder.drawer(prototypes)])
    meaning = F.cross_entropy(logits.flatten(0, 1), places.repeat(2, 1).flatten())
    meaning = meaning + F.cross_entropy(drawer_logits, drawer.repeat(2)) / 3
    inside = torch.zeros(len(reading.family))
    inside[:count] = 1.0
    family = F.binary_cross_entropy_with_logits(reading.family, inside)
    hints = word_loss(reading.words, texts, arrangements)
    apart = 1.0 - F.cosine_similarity(reading.embedding[:count], prototypes).mean()
    total = 3 * meaning + family + hints + CLOSENESS * apart
    return {"loss": total, "meaning": meaning, "family": family, "apart": apart, "hints": hints}


def targets(arrangements: Sequence[Arrangement]) -> tuple[Tensor, Tensor]:
    """Arrangements -> classes of the blocks' places (B, 3) and of the drawer (B,)."""
    places = [[PLACE_CHOICES.index(place) for place in one.blocks] for one in arrangements]
    return torch.tensor(places), torch.tensor([DRAWER_CHOICES.index(one.drawer) for one in arrangements])


def _draw(rng: np.random.Generator) -> Arrangement:
    """Of the family, or one of those that can be said as well."""
    source = FAMILY if rng.random() < 0.85 else BEYOND
    return source[int(rng.integers(len(source)))]


def _typos(rng: np.random.Generator) -> int:
    return int(rng.choice(4, p=(0.5, 0.25, 0.15, 0.1)))


def _read(encoder: LanguageEncoder, texts: Sequence[str]) -> Reading:
    """The network's reading, short and long texts in batches of their own so that little is padded."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    parts = []
    for part in np.array_split(order, 3):
        tokens = tokenize([texts[index] for index in part], encoder.config.buckets)
        parts.append(encoder(tokens))
    longest = max(part.words.shape[1] for part in parts)
    parts = [part._replace(words=F.pad(part.words, (0, 0, 0, longest - part.words.shape[1]))) for part in parts]
    back = torch.from_numpy(np.argsort(order))
    return Reading(*(torch.cat(values)[back] for values in zip(*parts, strict=True)))


def word_loss(words: Tensor, texts: Sequence[str], arrangements: Sequence[Arrangement]) -> Tensor:
    """Cross-entropy of the place that each word which names a colour tells of its block.

    The embedding alone would have to discover which place belongs to which block from the sentence's one target.
    """
    rows, columns, wanted = [], [], []
    for row, (text, arrangement) in enumerate(zip(texts, arrangements, strict=True)):
        for column, word in enumerate(split_words(check_text(text))):
            if word in COLORS:
                rows.append(row)
                columns.append(column)
                wanted.append(PLACE_CHOICES.index(arrangement.blocks[COLORS.index(word)]))
    return F.cross_entropy(words[rows, columns], torch.tensor(wanted)) if rows else words.sum() * 0.0


def _roughen(text: str, rng: np.random.Generator) -> str:
    """A text in which, one time in three, words that do not matter are left out or made up."""
    random = Random(int(rng.integers(2**62)))
    if random.random() > 0.35:
        return text
    rate = random.choice((0.1, 0.25, 0.5))

    def change(match: re.Match[str]) -> str:
        if match[0].lower() not in _SWAPPABLE or random.random() > rate:
            return match[0]
        return "" if match[0].lower() == "the" else _made_up(random)

    return re.sub(r"[A-Za-z']+", change, text)


def _made_up(random: Random) -> str:
    pieces = [random.choice("bcdfghklmnprstvwz") + random.choice("aeiou") for _ in range(random.randint(1, 3))]
    return "".join(pieces) + random.choice(("", "n", "ck", "ing", "ed", "le", "t", "st"))
