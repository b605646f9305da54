# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The protocol of language models, and what one generation cost."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from robot_planner.errors import RobotPlannerError
from robot_planner.registry import Registry

if TYPE_CHECKING:
    from robot_planner.task_planning.grammar import Grammar

LANGUAGE_MODELS: Registry["LanguageModel"] = Registry("language model")


class LanguageModelError(RobotPlannerError):
    """A model that cannot be reached, or whose answer is of no use."""


class GenerationCancelledError(RobotPlannerError):
    """``cancelled`` said so between two tokens."""


class DeadlineError(RobotPlannerError):
    """The deadline came before the text was whole."""


@dataclass(frozen=True)
class Generation:
    """A text and what it cost."""

    text: str
    prompt_tokens: int = 0
    """Of prefix and suffix; those whose keys and values were reused included."""
    reused_tokens: int = 0
    """Of the prompt, those whose keys and values were still known."""
    new_tokens: int = 0
    """Of the text."""
    forwards: int = 0
    """Calls of the network's decoder; one call verifies a whole draft."""
    draft_tokens: int = 0
    """Of the text, those that were taken over from the draft."""
    seconds: float = 0.0
    first_token_seconds: float = 0.0
    log_probability: float = float("nan")
    """Of the text under the model (natural logarithm, a sum over tokens); NaN if the model does not say."""


class LanguageModel(Protocol):
    """Writes the most probable text (greedy decoding) after a prompt, within a grammar if one is given."""

    name: str

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
        """Continues ``prefix + suffix``.

        Args:
            prefix: what stays the same from call to call; its keys and values may be kept.
            suffix: what changes, such as the draft that is to be refined.
            grammar: what may be written; None: anything.
            draft: a guess of the text; it makes generation quicker and never changes its result.
            temperature: 0 for greedy decoding; above it, samples by ``seed``.
            seed: of the sampling.
            max_tokens: of the text; a text that is not whole by then is returned as it is.
            deadline: of ``time.monotonic()`` [s].
            cancelled: asked between tokens.

        Raises:
            LanguageModelError: the model cannot be reached or answers garbage.
            GenerationCancelledError: ``cancelled`` returned true.
            DeadlineError: the deadline passed.
        """
        ...
