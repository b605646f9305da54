# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What an instruction asks for: the network's reading of it, between rules that refuse rather than guess.

In front, words that are not known or say what not to do are refused; behind, a reading that does not name what the
words name. So the network need only tell apart what is said with the same words.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from robot_planner.arrangement import Arrangement
from robot_planner.errors import InvalidInputError
from robot_planner.language.family import ALLOWED, FAMILY, describe
from robot_planner.language.mentions import mismatch
from robot_planner.language.rules import objection
from robot_planner.language.tokens import check_text, split_words
from robot_planner.types import FloatArray

if TYPE_CHECKING:
    from robot_planner.language.encoder import LanguageEncoder

LEAST_CONFIDENCE = 0.5
"""Of the reading."""
LEAST_FAMILY = 0.02
"""Probability of being an instruction below which a text is refused; the words themselves are checked as well. On the
phrases kept for such choices the least that still refuses 98 % of what is to be refused."""


@dataclass(frozen=True)
class Understanding:
    """An instruction as it was understood."""

    arrangement: Arrangement
    confidence: float
    """Probability that the network gives this arrangement, and that the text asks for one at all; in (0, 1]."""
    sentence: str
    """The arrangement in plain words."""
    embedding: FloatArray
    """(L,), as ``encode`` gives it."""


class NotUnderstoodError(InvalidInputError):
    """An instruction outside the family of tasks; says what was understood, what was not, and what is allowed."""

    def __init__(self, reason: str, understood: str = "") -> None:
        self.reason, self.understood = reason, understood
        heard = f" (understood so far: {understood})" if understood else ""
        super().__init__(f"instruction not understood: {reason}{heard}; allowed: {ALLOWED}")


def understand(encoder: "LanguageEncoder", text: str) -> Understanding:
    """What one instruction asks for.

    Raises InvalidInputError for what can't be an instruction (empty, too long, control characters), NotUnderstoodError
    for unknown words, a negation, a contradiction, things that are not there, or a reading that is not sure.
    """
    words = split_words(check_text(text))
    reading = encoder.read([text])
    blocks, chances = [], [torch.sigmoid(reading.family[0]).item()]
    from robot_planner.language.encoder import DRAWER_CHOICES, PLACE_CHOICES

    for logits in reading.places[0]:
        chance, choice = torch.softmax(logits, -1).max(-1)
        blocks.append(PLACE_CHOICES[int(choice)])
        chances.append(chance.item())
    chance, choice = torch.softmax(reading.drawer[0], -1).max(-1)
    chances.append(chance.item())
    red, green, blue = blocks
    try:
        arrangement = Arrangement((red, green, blue), DRAWER_CHOICES[int(choice)])
        sentence = describe(arrangement)
    except InvalidInputError as error:
        arrangement, sentence, contradiction = None, "", str(error)
    confidence = float(torch.tensor(chances).prod())
    sureness = float(torch.tensor(chances[1:]).prod())
    reason = objection(words)
    if reason is not None:
        raise NotUnderstoodError(reason, sentence if chances[0] >= LEAST_FAMILY else "")
    if chances[0] < LEAST_FAMILY:
        raise NotUnderstoodError(
            "it does not ask for an arrangement of the blocks and the drawer, or contradicts itself"
        )
    if arrangement is None:
        raise NotUnderstoodError(contradiction)
    if sureness < LEAST_CONFIDENCE:
        raise NotUnderstoodError("it can be read in more than one way", sentence)
    if arrangement not in FAMILY:
        raise NotUnderstoodError("it asks for more than one task", sentence)
    unclear = mismatch(arrangement, words)
    if unclear is not None:
        raise NotUnderstoodError(unclear, sentence)
    return Understanding(arrangement, confidence, sentence, reading.embedding[0].cpu().numpy())
