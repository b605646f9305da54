# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Which token comes next: the most probable one, or a sampled one, that the grammar allows."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.language_model import LanguageModelError

if TYPE_CHECKING:
    from robot_planner.task_planning.grammar import Grammar, Vocabulary


class TokenChoice:
    """The choice of one text's tokens from rows of logits (V,), called once a token in their order by ``speculative``.

    Args:
        grammar: what may be written; None: anything.
        vocabulary: the tokens' texts, by which a grammar knows them; a token without text is never written then.
        pieces: the same texts, by the tokens' numbers.
        temperature: 0: the most probable token. Above: a sample, by noise that is drawn for every token whatever is
            written, so that a draft does not change it.
        seed: of the noise.
    """

    def __init__(
        self,
        grammar: "Grammar | None" = None,
        vocabulary: "Vocabulary | None" = None,
        pieces: Sequence[str] = (),
        temperature: float = 0.0,
        seed: int = 0,
    ) -> None:
        if not 0.0 <= temperature < math.inf:
            raise InvalidInputError(f"temperature {temperature}; allowed: 0 and more")
        self._grammar, self._vocabulary, self._pieces = grammar, vocabulary, pieces
        self._temperature, self._noise = temperature, torch.Generator().manual_seed(seed)
        self._state = None if grammar is None else grammar.start()
        self._masks: dict[object, Tensor] = {}

    @property
    def done(self) -> bool:
        """The grammar allows nothing more."""
        return self._state is not None and self._state.done

    def __call__(self, row: Tensor) -> tuple[int, float]:
        """Logits (V,) -> the token, and the logarithm of its probability under the model, grammar or not.

        Raises LanguageModelError where the grammar allows none of the model's tokens.
        """
        scores = row.float() if row.dtype in (torch.float16, torch.bfloat16) else row
        token_scores = scores
        if self._temperature > 0:
            uniform = torch.rand(row.shape[0], generator=self._noise, dtype=torch.float64).clamp_min(1e-300)
            token_scores = scores / self._temperature - (-uniform.log()).log().to(scores)  # Gumbel's trick
        forbidden = self._forbidden(row)
        if forbidden is not None:
            token_scores = token_scores.masked_fill(forbidden, -math.inf)
        best = token_scores.max(dim=0)
        if not bool(best.values > -math.inf):  # NaN as well
            raise LanguageModelError("no token may be written here, or the model's logits are not numbers")
        token = int(best.indices)
        if self._grammar is not None and self._state is not None:
            self._state = self._grammar.feed(self._state, self._pieces[token])
        return token, float(torch.log_softmax(scores, dim=0)[token])

    def _forbidden(self, row: Tensor) -> Tensor | None:
        if self._grammar is None or self._state is None or self._vocabulary is None:
            return None
        key = (self._state.kind, self._state.within)
        if key not in self._masks:
            known = torch.from_numpy(self._grammar.allowed(self._state, self._vocabulary))
            forbidden = torch.ones(row.shape[0], dtype=torch.bool)
            forbidden[: len(known)] = ~known  # rows may be padded beyond the vocabulary
            self._masks[key] = forbidden.to(row.device)
        return self._masks[key]
