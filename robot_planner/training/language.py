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

from robot_planner.arrangement import COLORS, HAND, Arrangement
from robot_planner.language.encoder import DRAWER_CHOICES, PLACE_CHOICES, LanguageConfig, LanguageEncoder, Reading
from robot_planner.language.family import BEYOND, FAMILY
from robot_planner.language.mentions import mismatch
from robot_planner.language.outside import BEYOND_FAMILY, KINDS, outside
from robot_planner.language.phrases import phrase
from robot_planner.language.rules import objection
from robot_planner.language.tokens import check_text, split_words, tokenize
from robot_planner.language.typos import add_typos
from robot_planner.language.words import DEVELOPMENT, TONES, TRAINING, word_set
from robot_planner.training.resumable import run_phase

ARRANGEMENTS, PHRASINGS, OUTSIDE = 28, 2, 40
"""In a batch: arrangements, phrasings of each, texts that are none."""
LEARNING_RATE = 3e-3
INSIDE_WEIGHT = 2.0
"""Of a phrasing against a text that is none, in the loss that tells them apart: unseen wordings look strange."""
CLOSENESS = 1.0
"""Weight of the distance between a phrasing and its arrangement's prototype."""
_SINGLE = tuple(one for one in FAMILY if "," not in str(one))
_STRANGE_KINDS = tuple(kind for kind in KINDS if kind not in (BEYOND_FAMILY, "thing", "tongue", "gibberish"))
"""Of texts outside the family; words refuse the last ones by themselves."""
OBJECTIONABLE = 0.05
"""Share of the texts with words that are refused, of those drawn."""
_INERT = word_set(
    """
    please pls now just also then so too very well right soon quickly slowly carefully robot arm sir mate my your our we
    i me you there here thx hey hi hello yes task only would could may might should must can will shall need want
    sure got make lets that the to
    """
)
"""Words that are added anywhere without changing what is meant."""
_ANYWHERE = tuple(sorted(_INERT))
_VERBS = word_set("take taken keep have put get bring carry move fetch go rise raised held picked grabbed high i want")
_MEANT = word_set(
    """
    red green blue a b bin bina binb open opened opening close closed closing shut push pull slide drawer drawers
    pick lift lifted grab grasp hold raise grip up hand gripper it and out off
    """
) | {tone for tones in TONES.values() for tone in tones}
"""Words that a sentence is not understood without; any other may be left out or be a word never heard."""


def train_language(
    work: Path, seed: int = 0, steps: int = 3000, config: LanguageConfig | None = None
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

        encoder.eval()
        figures = language_figures(encoder, 10_000 + seed, 100, (TRAINING, DEVELOPMENT))
        encoder.train()
        return figures

    run_phase("language", work, {"language": encoder}, optimizer, LEARNING_RATE, steps, loss_of_step, validate)
    from robot_planner.evaluation.language import language_figures

    encoder.eval().requires_grad_(False)
    return encoder, language_figures(encoder, seed=20_000 + seed, count=2000)


def language_loss(encoder: LanguageEncoder, rng: np.random.Generator) -> dict[str, Tensor]:
    """Named losses of one batch, "loss" their sum: meaning, closeness of paraphrases, in the family or not."""
    arrangements = [_draw(rng) for _ in range(ARRANGEMENTS)] * PHRASINGS
    texts = [roughened(one, rng) for one in arrangements]
    others = [strange(rng) for _ in range(OUTSIDE)]
    reading = _read(encoder, texts + others)
    count = len(arrangements)
    places, drawer = targets(arrangements)
    prototypes = encoder.prototypes(arrangements)
    logits = torch.cat([reading.places[:count], encoder.places(prototypes).unflatten(1, (3, len(PLACE_CHOICES)))])
    drawer_logits = torch.cat([reading.drawer[:count], encoder.drawer(prototypes)])
    meaning = F.cross_entropy(logits.flatten(0, 1), places.repeat(2, 1).flatten())
    meaning = meaning + F.cross_entropy(drawer_logits, drawer.repeat(2)) / 3
    inside = torch.zeros(len(reading.family))
    inside[:count] = 1.0
    family = F.binary_cross_entropy_with_logits(reading.family, inside, pos_weight=torch.tensor(INSIDE_WEIGHT))
    hints = word_loss(reading.words, texts, arrangements)
    apart = 1.0 - F.cosine_similarity(reading.embedding[:count], prototypes).mean()
    total = 3 * meaning + family + hints + CLOSENESS * apart
    return {"loss": total, "meaning": meaning, "family": family, "apart": apart, "hints": hints}


def targets(arrangements: Sequence[Arrangement]) -> tuple[Tensor, Tensor]:
    """Arrangements -> classes of the blocks' places (B, 3) and of the drawer (B,)."""
    places = [[PLACE_CHOICES.index(place) for place in one.blocks] for one in arrangements]
    return torch.tensor(places), torch.tensor([DRAWER_CHOICES.index(one.drawer) for one in arrangements])


def _draw(rng: np.random.Generator) -> Arrangement:
    """Of the family, one entry more often than it has of them, or one of those that can be said as well."""
    chance = rng.random()
    source = _SINGLE if chance < 0.25 else BEYOND if chance < 0.45 else FAMILY
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


def roughened(arrangement: Arrangement, rng: np.random.Generator) -> str:
    """A phrase in which, half of the time, words that do not matter are left out, made up, or added; then slips.

    It teaches to read what is meant from colours, places and their order however the rest is said. Where a block is
    to be lifted the verb is all that says so, and only nouns and small words change.
    """
    text, random = phrase(arrangement, rng), Random(int(rng.integers(2**62)))
    if random.random() < 0.6:
        rough = _roughen(text, HAND in arrangement.blocks, random)
        text = text if mismatch(arrangement, split_words(check_text(rough))) else rough
    return add_typos(text, random, _typos(rng))


def _roughen(text: str, lifted: bool, random: Random) -> str:
    rate = random.choice((0.1, 0.25, 0.5))
    spared = _MEANT | _VERBS if lifted else _MEANT

    def change(match: re.Match[str]) -> str:
        chance = random.random()
        if chance > rate or match[0].lower() in spared:
            return match[0]
        if chance < 0.3 * rate:
            return ""
        made_up = " ".join(_any_word(random) for _ in range(random.choice((1, 1, 1, 2))))
        return f"{made_up} {match[0]}" if chance < 0.5 * rate else made_up

    return re.sub(r"[A-Za-z]+(?:'[a-z]+)?", change, text)


def strange(rng: np.random.Generator) -> str:
    """A text that is no instruction though its words are all known: the rules in front see to the others.

    To learn from those as well would teach that a word never heard makes a text strange. In one of three words are
    added: they make no instruction of it.
    """
    random = Random(int(rng.integers(2**62)))
    while True:
        text = outside(rng, TRAINING, random.choice(_STRANGE_KINDS))[1]
        if random.random() < OBJECTIONABLE or objection(split_words(check_text(text))) is None:
            break
    words = add_typos(text, random, _typos(rng)).split(" ")
    if random.random() < 0.35:
        for _ in range(random.randint(1, 3)):
            words.insert(random.randrange(len(words) + 1), _any_word(random))
    return " ".join(words)


def _any_word(random: Random) -> str:
    return random.choice(_ANYWHERE) if random.random() < 0.4 else _made_up(random)


def _made_up(random: Random) -> str:
    pieces = [random.choice("bcdfghklmnprstvwz") + random.choice("aeiou") for _ in range(random.randint(1, 3))]
    return "".join(pieces) + random.choice(("", "n", "ck", "ing", "ed", "le", "t", "st"))
