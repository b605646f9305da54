# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Any server that speaks OpenAI's protocol: vLLM, llama.cpp, Ollama, OpenAI itself.

Answers are streamed; a cancel closes the connection at once. What the server says is data: it is bounded, and whatever
does not fit the protocol is one LanguageModelError. A request is tried again, later and later, while the server is busy
or can't be reached, but never once a token of its answer was taken. The key comes from an environment variable at each
request; it is neither kept nor shown.
"""

import contextlib
import email.utils
import json
import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.http_stream import End, HttpStream, Line, Status, check_url
from robot_planner.task_planning.language_model import (
    LANGUAGE_MODELS,
    DeadlineError,
    Generation,
    GenerationCancelledError,
    LanguageModelError,
)
from robot_planner.task_planning.server_answer import Answer
from robot_planner.task_planning.server_request import ENDPOINTS, FORMATS, Request, request_format

if TYPE_CHECKING:
    from robot_planner.task_planning.grammar import Grammar

POLL = 0.02
"""How often a cancel is asked for [s]."""
GRACE = 1.0
"""How long the counts of a finished text are waited for [s]."""
BUSY = (408, 429, 500, 502, 503, 504)
"""Status codes after which a request is tried again."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerConfig:
    """Which server, and how long it may take."""

    url: str = "http://localhost:8000/v1"
    """Up to and with the version."""
    model: str = "default"
    kind: str = "openai"
    """``openai``, ``vllm``, ``llama.cpp`` or ``ollama``: how grammars are told."""
    endpoint: str = "chat"
    """``chat``, or ``completion``: the prompt as it is, without a chat template."""
    grammar_format: str = "auto"
    """``gbnf``, ``json_schema``, ``regex``, ``none``, or ``auto``: the best that the kind understands."""
    key_variable: str = ""
    """The environment variable that holds the key; empty: none is sent."""
    log_probabilities: bool = True
    """Whether to ask for them; some servers refuse."""
    predict_draft: bool = False
    """Whether to send the draft as OpenAI's ``prediction``; other servers find drafts of their own."""
    connect_seconds: float = 10.0
    first_token_seconds: float = 60.0
    """From a request to its first token; reading the prompt takes its time."""
    seconds: float = 600.0
    """For all, retries included."""
    retries: int = 4
    backoff_seconds: float = 0.5
    """Before the first retry; doubles each time. What the server asks for goes before."""
    max_bytes: int = 2**22
    """Of an answer as it comes over the line."""

    def __post_init__(self) -> None:
        check_url(self.url)
        for name, allowed in (("kind", tuple(FORMATS)), ("endpoint", tuple(ENDPOINTS))):
            if getattr(self, name) not in allowed:
                raise InvalidInputError(f"unknown {name} '{getattr(self, name)}'; allowed: {', '.join(allowed)}")
        request_format(self.kind, self.grammar_format)
        for name in ("connect_seconds", "first_token_seconds", "seconds", "max_bytes"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; allowed: above 0")
        if self.retries < 0 or not self.backoff_seconds >= 0:
            raise InvalidInputError(f"retries {self.retries}, backoff {self.backoff_seconds} s; allowed: 0 and more")


class _BusyError(Exception):
    """Not now; ``wait`` [s] is what the server asks for, None if it says nothing."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@LANGUAGE_MODELS.register("openai-server")
class OpenAiServer:
    """The LanguageModel protocol over a server."""

    def __init__(self, config: ServerConfig | None = None) -> None:
        self.config = config or ServerConfig()
        self.name = f"{self.config.model} at {self.config.url}"

    def generate(
        self,
        prefix: str,
        suffix: str = "",
        *,
        grammar: "Grammar | None" = None,
        draft: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        max_tokens: int = 1024,
        deadline: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generation:
        """See LanguageModel; ``forwards`` is 0, for servers do not tell."""
        config = self.config
        request = Request(config.model, config.kind, config.endpoint, config.grammar_format, config.log_probabilities)
        prediction = draft if config.predict_draft else None
        body = request.body(prefix + suffix, grammar, prediction, temperature, seed, max_tokens)
        limits = _Limits(time.monotonic(), config.seconds, deadline, cancelled)
        key = self._key()
        for attempt in range(config.retries + 1):
            try:
                return self._once(body, grammar is not None, key, limits)
            except _BusyError as busy:
                reason = self._shown(str(busy), key)
                if attempt == config.retries:
                    raise LanguageModelError(f"{self.name}: {reason}; tried {attempt + 1} times") from None
                wait = config.backoff_seconds * 2**attempt if busy.wait is None else busy.wait
                if wait >= limits.left():
                    raise LanguageModelError(
                        f"{self.name}: {reason}; to wait {wait:.3g} s is longer than there is time"
                    ) from None
                _LOG.warning("%s: %s; trying again in %.3g s", self.name, reason, wait)
                limits.pause(wait)
            except LanguageModelError as error:
                raise LanguageModelError(f"{self.name}: {self._shown(str(error), key)}") from None
        raise AssertionError  # the loop returns or raises

    def _once(self, body: bytes, by_grammar: bool, key: str, limits: "_Limits") -> Generation:
        config, begun = self.config, time.monotonic()
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream", "Connection": "close"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        answer = Answer(by_grammar, request_format(config.kind, config.grammar_format))
        status: Status | None = None
        said: list[bytes] = []  # by a server that gives no answer
        stream = HttpStream(
            check_url(config.url) + ENDPOINTS[config.endpoint], body, headers, config.connect_seconds, config.max_bytes
        )
        try:
            while True:
                limits.check()
                arrival = stream.next(POLL)
                now = time.monotonic()
                if not answer.begun and now - begun > config.first_token_seconds:
                    raise LanguageModelError(f"no token came within {config.first_token_seconds:g} s")
                if isinstance(arrival, Status):
                    status = arrival
                    if status.code == 200 and not status.content_type.startswith("text/event-stream"):
                        raise LanguageModelError(f"'{status.content_type}' came instead of a stream of events")
                elif isinstance(arrival, Line) and (status is None or status.code != 200):
                    said.append(arrival.data[:500])
                elif isinstance(arrival, Line):
                    answer.take(arrival.data)
                elif isinstance(arrival, End) and status is not None and status.code != 200:
                    raise _refused(status, b" ".join(said[:20]))
                elif isinstance(arrival, End) and not answer.finished:
                    reason = arrival.failure or "the connection closed before the answer was whole"
                    if answer.begun or arrival.hopeless:
                        raise LanguageModelError(f"{reason} (after {answer.chunks} tokens)")
                    raise _BusyError(reason)
                if answer.whole or (answer.finished and (isinstance(arrival, End) or now - answer.at > GRACE)):
                    return answer.generation(begun)
        finally:
            stream.close()

    def _key(self) -> str:
        name = self.config.key_variable
        key = os.environ.get(name, "") if name else ""
        if name and not (key and key.isascii() and key.isprintable()):
            raise LanguageModelError(f"the environment variable {name} holds no key; allowed: printable ASCII")
        return key

    @staticmethod
    def _shown(text: str, key: str) -> str:
        """Server's words in one line, without the key should they repeat it."""
        plain = "".join(letter if letter.isprintable() else " " for letter in text)
        return " ".join((plain.replace(key, "***") if key else plain).split())[:400]


class _Limits:
    """What ends a generation from outside."""

    def __init__(self, begun: float, seconds: float, deadline: float | None, cancelled: Callable[[], bool]) -> None:
        self._seconds, self._deadline, self._cancelled = seconds, deadline, cancelled
        self._end = begun + seconds

    def left(self) -> float:
        """Time left [s]."""
        ends = [self._end] if self._deadline is None else [self._end, self._deadline]
        return min(ends) - time.monotonic()

    def check(self) -> None:
        """Raises what ends the generation."""
        if self._cancelled():
            raise GenerationCancelledError("the generation was cancelled")
        now = time.monotonic()
        if self._deadline is not None and now >= self._deadline:
            raise DeadlineError("the deadline came before the text was whole")
        if now >= self._end:
            raise LanguageModelError(f"the answer was not whole within {self._seconds:g} s")

    def pause(self, seconds: float) -> None:
        """Waits, and still ends when asked to."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, POLL))


def _refused(status: Status, said: bytes) -> Exception:
    """What a status other than 200 means."""
    text = said.decode("utf-8", "replace")
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        text = str(json.loads(text)["error"]["message"])
    reason = f"HTTP {status.code}: {text[:200]}" if text.strip() else f"HTTP {status.code}"
    if status.code in BUSY:
        return _BusyError(reason, _seconds_to_wait(status.retry_after))
    if 300 <= status.code < 400:
        return LanguageModelError(f"HTTP {status.code}: redirects are refused; give the address that it leads to")
    return LanguageModelError(reason)


def _seconds_to_wait(retry_after: str) -> float | None:
    """Of a Retry-After header: seconds or a date."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
