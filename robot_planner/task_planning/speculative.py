# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Decoding with a draft: the text that is expected is verified in one call of the network instead of one call a token.

A refinement mostly repeats the plan that it refines, so the previous plan is the draft of the next. One call evaluates
the draft's tokens side by side; what the model itself would have chosen after each is then compared from left to right,
and the first that differs takes the draft's place. The result is that of decoding token by token, whatever the draft
is: each token is chosen from the same row, in the same order, by the same choice (a grammar's state and a generator
included). Leviathan et al., "Fast inference from transformers via speculative decoding", 2023, with the draft given.

A token is whatever a model writes at once: a piece of a word, or a whole step of a plan.
"""

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.language_model import DeadlineError, GenerationCancelledError

T = TypeVar("T", bound=Hashable)
Fed_contra = TypeVar("Fed_contra", contravariant=True)  # what goes into the network
LOOKAHEAD = 32
"""Tokens of the draft that are tried at once after the draft has failed; the first try takes it whole."""
CONTEXT = 8
"""Tokens by which the place in the draft is found again."""


class Decoder(Protocol[Fed_contra]):
    """A causal network with a cache of keys and values; rows are what ``Choose`` takes, such as logits."""

    def forward(self, tokens: Sequence[Fed_contra], cache: Any, keep: int) -> tuple[Sequence[Any], Any]:
        """One call of the network: tokens that follow those in ``cache`` -> rows after the last ``keep`` of them, and
        the cache with all of them.
        """
        ...

    def crop(self, cache: Any, drop: int) -> Any:
        """The cache without its last ``drop`` tokens."""
        ...


Choose = Callable[[Any], tuple[T, float]]
"""Row -> the next token and the logarithm of its probability; called once for each token, in their order."""


@dataclass(frozen=True)
class Decoded(Generic[T]):
    """A text as tokens, and what it cost."""

    tokens: tuple[T, ...]
    """The last one is what ``ended`` ended, if it did."""
    cache: Any
    cached_tokens: int
    """Of ``tokens``, those that the cache holds besides the prompt."""
    forwards: int
    draft_tokens: int
    """Of ``tokens``, those that the draft had foretold."""
    log_probability: float
    seconds: float
    first_token_seconds: float
    whole: bool
    """``ended`` said so; false where ``max_tokens`` came first."""


def decode(
    decoder: Decoder[T],
    choose: Choose[T],
    prompt: Sequence[T],
    cache: Any = None,
    *,
    ended: Callable[[Sequence[T]], bool],
    draft: Sequence[T] = (),
    others: Sequence[Sequence[T]] = (),
    max_tokens: int = 1024,
    lookahead: int = LOOKAHEAD,
    deadline: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Decoded[T]:
    """Writes tokens until ``ended`` of all tokens so far.

    Args:
        decoder: the network.
        choose: how the next token follows from a row.
        prompt: the tokens, one at least, that follow what ``cache`` holds.
        cache: of the prompt's beginning; None for nothing. It may be changed in place.
        ended: whether the text is whole.
        draft: a guess of the text; empty for plain decoding.
        others: texts in which the continuation is sought, too, once the text has left the draft.
        max_tokens: of the text.
        lookahead: tokens of the draft that are tried at once after it has failed.
        deadline: of ``time.monotonic()`` [s].
        cancelled: asked before each call of the network.

    Raises:
        GenerationCancelledError, DeadlineError: between two calls; the cache must then be given up.
    """
    if not prompt or max_tokens < 1:
        raise InvalidInputError(f"prompt of {len(prompt)} tokens, {max_tokens} to write; allowed: 1 and more of each")
    begun = time.monotonic()
    tokens: list[T] = []
    drafts = [draft, *others]
    feed, proposal, source, place = list(prompt), list(draft[: max_tokens - 1]), 0, 0
    forwards = taken = 0
    total, first = 0.0, 0.0
    while True:
        _check(cancelled, deadline)
        rows, cache = decoder.forward([*feed, *proposal], cache, len(proposal) + 1)
        forwards += 1
        agreed, whole = 0, False
        for row in rows:
            token, log_probability = choose(row)
            tokens.append(token)
            total += log_probability
            whole = ended(tokens)
            matches = agreed < len(proposal) and token == proposal[agreed]
            agreed += matches
            if whole or len(tokens) == max_tokens or not matches:
                break
        first = first or time.monotonic() - begun
        taken += agreed
        if agreed < len(proposal):
            cache = decoder.crop(cache, len(proposal) - agreed)
        if whole or len(tokens) == max_tokens:
            # The last token is in the cache only if the draft had brought it there.
            cached = len(tokens) - (0 if matches else 1)
            seconds = time.monotonic() - begun
            return Decoded(tuple(tokens), cache, cached, forwards, taken, total, seconds, first, whole)
        feed = tokens[-1:]
        source, place = realign(drafts, tokens, source, place + agreed + 1)
        proposal = list(drafts[source][place : place + min(lookahead, max_tokens - len(tokens) - 1)])


def realign(drafts: Sequence[Sequence[T]], tokens: Sequence[T], source: int, expected: int) -> tuple[int, int]:
    """Which of the drafts the text goes on with, and where in it, after it has left ``drafts[source]``.

    It is after the longest piece of a draft that the text ends with: of pieces of one length one of the present
    draft's, the nearest to ``expected``, or else the first in the other drafts. It is ``expected`` in the present one,
    as if one token had taken the place of another, where the last token is in no draft at all.
    """
    best, found = 0, (source, min(expected, len(drafts[source])))
    for number in (source, *(other for other in range(len(drafts)) if other != source)):
        draft = drafts[number]
        for end in range(1, len(draft) + 1):
            length = 0
            while length < min(CONTEXT, end, len(tokens)) and draft[end - 1 - length] == tokens[-1 - length]:
                length += 1
            nearer = length == best > 0 and number == source and abs(end - expected) < abs(found[1] - expected)
            if length > best or nearer:
                best, found = length, (number, end)
    return found


def common_prefix(one: Sequence[T], other: Sequence[T]) -> int:
    """How many first tokens two sequences share."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _check(cancelled: Callable[[], bool], deadline: float | None) -> None:
    if cancelled():
        raise GenerationCancelledError("the generation was cancelled")
    if deadline is not None and time.monotonic() >= deadline:
        raise DeadlineError("the deadline came before the text was whole")
