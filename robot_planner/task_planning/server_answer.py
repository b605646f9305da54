# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What servers of OpenAI's protocol answer: server-sent events with a piece of text each."""

import json
import math
import time
from contextlib import suppress
from typing import Any

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.language_model import Generation, LanguageModelError
from robot_planner.task_planning.texts import until_end

_FIELDS = (b"event:", b"id:", b"retry:", b":")


class Answer:
    """One answer as it comes, line by line."""

    def __init__(self, by_grammar: bool, grammar_format: str) -> None:
        """``by_grammar``: the text is held to a grammar, told in this format."""
        self._json = by_grammar and grammar_format == "json_schema"
        self.chunks = 0
        """Pieces of text taken; a server sends one for each token."""
        self.begun = False
        """Something was written, be it thoughts that are no part of the text."""
        self.finished = False
        """The server said that the text ends here; counts may follow."""
        self.whole = False
        """Nothing more is needed."""
        self.at = 0.0
        """When the last event came; of ``time.monotonic()``."""
        self._text, self._log_probability, self._scored = "", 0.0, 0
        self._usage: dict[str, Any] = {}
        self._first = 0.0

    def take(self, line: bytes) -> None:
        """One line of the stream; raises LanguageModelError."""
        if not line.strip() or line.startswith(_FIELDS):
            return
        if not line.startswith(b"data:"):
            raise LanguageModelError(f"the stream holds a line that is no event: {line[:60]!r}")
        self.at = time.monotonic()
        data = line[5:].strip()
        if data == b"[DONE]":
            self.finished = self.whole = True
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise LanguageModelError(f"the stream holds an event that is no JSON: {data[:60]!r}") from None
        try:
            self._event(event)
        except (TypeError, KeyError, AttributeError, ValueError):
            raise LanguageModelError(f"the stream holds an event of another protocol: {data[:60]!r}") from None
        if not self._json and not self.finished and until_end(self._text, more=True) is not None:
            self.finished = self.whole = True  # models that are not held to a grammar like to go on talking

    def _event(self, event: dict[str, Any]) -> None:
        if event.get("error"):
            error = event["error"]
            raise LanguageModelError(
                f"the server says: {error.get('message', error) if isinstance(error, dict) else error}"
            )
        self._usage = event.get("usage") or self._usage
        for choice in event["choices"][:1]:
            part = choice.get("delta", choice)
            piece = part.get("content", part.get("text")) or ""
            if not isinstance(piece, str):
                raise TypeError
            if piece or part.get("reasoning_content") or part.get("reasoning"):
                self._first = self._first or time.monotonic()
                self.begun = True
            if piece:
                self.chunks += 1
                self._text += piece
            self._score(choice.get("logprobs"))
            self.finished = self.finished or choice.get("finish_reason") is not None

    def _score(self, scores: dict[str, Any] | None) -> None:
        if not scores:
            return
        values = scores.get("token_logprobs") or [entry["logprob"] for entry in scores.get("content") or []]
        for value in values:
            if value is not None:
                self._log_probability += float(value)
                self._scored += 1

    def generation(self, begun: float) -> Generation:
        """The answer; ``begun``: of ``time.monotonic()``, when it was asked for."""
        text = self._text
        if self._json:
            from robot_planner.task_planning.grammar_export import plan_from_json

            with suppress(InvalidInputError):  # a text that was cut short is returned as it is
                text = str(plan_from_json(text))
        else:
            text = until_end(text) or text

        def count(*path: str) -> int:
            value: Any = self._usage
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            return value if isinstance(value, int) and value >= 0 else 0

        return Generation(
            text,
            prompt_tokens=count("prompt_tokens"),
            reused_tokens=count("prompt_tokens_details", "cached_tokens"),
            new_tokens=count("completion_tokens") or self.chunks,
            draft_tokens=count("completion_tokens_details", "accepted_prediction_tokens"),
            seconds=time.monotonic() - begun,
            first_token_seconds=self._first - begun if self._first else 0.0,
            log_probability=self._log_probability if self._scored else math.nan,
        )
