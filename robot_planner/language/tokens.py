# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Text to tokens: words as bags of hashed character n-grams, so that a misspelt or unseen word still looks like itself.

The idea is fastText's (Bojanowski et al., "Enriching Word Vectors with Subword Information", 2017); single letters are
in the bag as well, since they outlive two letters that are swapped.
"""

import functools
import re
import unicodedata
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError

MAX_CHARACTERS = 400
MAX_TOKENS = 120
_TOKEN = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[^\w\s]")
_SPACES = "\t\n\r"
_APOSTROPHES = dict.fromkeys(map(ord, "\u2018\u2019\u00b4`"), "'")


class Tokens(NamedTuple):
    """A batch of texts."""

    grams: Tensor
    """(G,) buckets of all n-grams, word after word."""
    offsets: Tensor
    """(W,) where each word begins in ``grams``."""
    words: Tensor
    """(B, T) index of each text's words, 1 and up; 0 pads."""


def check_text(text: object) -> str:
    """The text in plain small letters without accents; raises InvalidInputError for what can't be an instruction."""
    if not isinstance(text, str):
        raise InvalidInputError(f"an instruction is a text, not {type(text).__name__}")
    if not text.strip():
        raise InvalidInputError("the instruction is empty; allowed: such as 'put the red block in bin A'")
    if len(text) > MAX_CHARACTERS:
        raise InvalidInputError(f"the instruction has {len(text)} characters; allowed: at most {MAX_CHARACTERS}")
    bad = next((c for c in text if unicodedata.category(c)[0] == "C" and c not in _SPACES), None)
    if bad is not None:
        raise InvalidInputError(f"the instruction holds the control character U+{ord(bad):04X}; allowed: plain text")
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    count = len(_TOKEN.findall(plain))
    if count == 0:
        raise InvalidInputError("the instruction holds no word; allowed: such as 'put the red block in bin A'")
    if count > MAX_TOKENS:
        raise InvalidInputError(f"the instruction has {count} words and signs; allowed: at most {MAX_TOKENS}")
    return plain


def split_words(plain: str) -> list[str]:
    """Words and signs of a text that ``check_text`` has returned."""
    return _TOKEN.findall(plain)


@functools.lru_cache(maxsize=65536)
def word_grams(word: str, buckets: int) -> tuple[int, ...]:
    """Buckets of a word: the word as a whole, and its parts of one to four letters, with its ends marked."""
    marked = f"<{word}>"
    grams = [f"={word}", *(f"1{letter}" for letter in word)]
    grams += [marked[i : i + n] for n in (2, 3, 4) for i in range(len(marked) - n + 1)]
    return tuple(zlib.crc32(gram.encode()) % buckets for gram in grams)


def tokenize(texts: Sequence[str], buckets: int, device: torch.device | str = "cpu") -> Tokens:
    """Texts to a padded batch; raises InvalidInputError for what can't be an instruction."""
    split = [split_words(check_text(text)) for text in texts]
    grams: list[int] = []
    offsets: list[int] = []
    words = torch.zeros(len(split), max(map(len, split), default=1), dtype=torch.long)
    for row, tokens in enumerate(split):
        words[row, : len(tokens)] = torch.arange(len(offsets) + 1, len(offsets) + len(tokens) + 1)
        for token in tokens:
            offsets.append(len(grams))
            grams.extend(word_grams(token, buckets))
    return Tokens(
        torch.tensor(grams, dtype=torch.long, device=device),
        torch.tensor(offsets, dtype=torch.long, device=device),
        words.to(device),
    )
