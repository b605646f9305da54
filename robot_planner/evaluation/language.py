# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How well instructions are understood, and what is none refused, on phrases drawn afresh."""

from collections.abc import Sequence

import numpy as np
import torch

from robot_planner.arrangement import Arrangement
from robot_planner.errors import InvalidInputError
from robot_planner.language.encoder import DRAWER_CHOICES, PLACE_CHOICES, LanguageEncoder
from robot_planner.language.family import FAMILY
from robot_planner.language.outside import KINDS, outside
from robot_planner.language.phrases import phrase, sample_arrangement
from robot_planner.language.understanding import Understanding
from robot_planner.language.words import HELD_OUT, TRAINING, Split

BATCH = 256


def language_figures(
    encoder: LanguageEncoder, seed: int, count: int, splits: Sequence[Split] = (TRAINING, HELD_OUT)
) -> dict[str, float]:
    """Shares of ``count`` phrases of each of the ``splits``, in [0, 1].

    exact: understood as meant, nothing refused; network: the same by the network alone, without refusals;
    refused: what should be; false_refusal: what should not; wrong: understood as something else; cosine and nearest:
    the embedding and its prototype. The held-out split is not for choosing by.
    """
    figures: dict[str, float] = {}
    for split in splits:
        name = split.replace("-", "_")
        for typos, suffix in ((0, ""), (2, "_typos")):
            rng = np.random.default_rng([seed, typos, split == HELD_OUT])
            wanted = [sample_arrangement(rng) for _ in range(count)]
            texts = [phrase(one, rng, split, typos) for one in wanted]
            figures.update({f"{key}_{name}{suffix}": x for key, x in _understood(encoder, texts, wanted).items()})
        figures[f"refused_{name}"] = float(np.mean(list(refusals(encoder, seed, count, split).values())))
    return figures


def refusals(encoder: LanguageEncoder, seed: int, count: int, split: Split) -> dict[str, float]:
    """Kind of text outside the family -> share that is refused."""
    found = {}
    for index, kind in enumerate(KINDS):
        rng = np.random.default_rng([seed, 7, index, split == HELD_OUT])
        texts = [outside(rng, split, kind, int(rng.integers(2)))[1] for _ in range(max(1, count // len(KINDS)))]
        found[kind] = float(np.mean([result is None for result in understood(encoder, texts)]))
    return found


def understood(encoder: LanguageEncoder, texts: Sequence[str]) -> list[Understanding | None]:
    """What each text is understood as; None: refused."""
    found: list[Understanding | None] = []
    for text in texts:
        try:
            found.append(encoder.understand(text))
        except InvalidInputError:
            found.append(None)
    return found


def _understood(encoder: LanguageEncoder, texts: list[str], wanted: list[Arrangement]) -> dict[str, float]:
    results = understood(encoder, texts)
    exact = [result is not None and result.arrangement == one for result, one in zip(results, wanted, strict=True)]
    right, cosines, nearest = [], [], []
    with torch.inference_mode():
        prototypes = encoder.prototypes(FAMILY)
    for begin in range(0, len(texts), BATCH):
        reading = encoder.read(texts[begin : begin + BATCH])
        cosine = reading.embedding @ prototypes.T / encoder.embedding_dim
        for row, one in enumerate(wanted[begin : begin + BATCH]):
            blocks = tuple(PLACE_CHOICES[int(choice)] for choice in reading.places[row].argmax(-1))
            right.append(blocks == one.blocks and DRAWER_CHOICES[int(reading.drawer[row].argmax())] == one.drawer)
            cosines.append(cosine[row, FAMILY.index(one)].item())
            nearest.append(FAMILY[int(cosine[row].argmax())] == one)
    return {
        "exact": float(np.mean(exact)),
        "wrong": 1.0 - float(np.mean(exact)) - float(np.mean([result is None for result in results])),
        "network": float(np.mean(right)),
        "false_refusal": float(np.mean([result is None for result in results])),
        "cosine": float(np.mean(cosines)),
        "nearest": float(np.mean(nearest)),
    }
