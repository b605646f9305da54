# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What servers of OpenAI's protocol are asked, each kind in its own words for grammars."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robot_planner.errors import InvalidInputError

if TYPE_CHECKING:
    from robot_planner.task_planning.grammar import Grammar

FORMATS = {
    "openai": ("json_schema",),
    "vllm": ("gbnf", "regex", "json_schema"),
    "llama.cpp": ("gbnf", "json_schema"),
    "ollama": ("json_schema",),
}
"""Formats of grammars that each kind of server understands, best first."""
ENDPOINTS = {"chat": "/chat/completions", "completion": "/completions"}
SYSTEM = (
    "You plan for a robot. Answer with the plan alone: one step a line, written [ACTION] <object> (number), "
    "with the objects of the task, and END as the last line."
)


def request_format(kind: str, wanted: str) -> str:
    """The format of grammars that a kind of server is told; raises InvalidInputError for one it does not know."""
    allowed = FORMATS[kind]
    if wanted not in ("auto", "none", *allowed):
        raise InvalidInputError(f"{kind} takes no grammar as '{wanted}'; allowed: auto, none, {', '.join(allowed)}")
    return allowed[0] if wanted == "auto" else wanted


@dataclass(frozen=True)
class Request:
    """What is the same in all requests to one server."""

    model: str
    kind: str
    endpoint: str
    grammar_format: str
    log_probabilities: bool

    def body(
        self,
        prompt: str,
        grammar: "Grammar | None",
        prediction: str | None,
        temperature: float,
        seed: int,
        max_tokens: int,
    ) -> bytes:
        """The request as JSON."""
        usage = {"include_usage": True} | ({"continuous_usage_stats": True} if self.kind == "vllm" else {})
        asked: dict[str, Any] = {
            "model": self.model, "stream": True, "stream_options": usage,
            "temperature": temperature, "seed": seed, "max_tokens": max_tokens,
        }  # fmt: skip
        if self.endpoint == "chat":
            asked["messages"] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}]
        else:
            asked["prompt"] = prompt
        if self.log_probabilities:
            asked["logprobs"] = True if self.endpoint == "chat" else 1
        if prediction is not None:
            asked["prediction"] = {"type": "content", "content": prediction}
        if grammar is not None:
            asked |= self._constraint(grammar)
        return json.dumps(asked).encode()

    def _constraint(self, grammar: "Grammar") -> dict[str, Any]:
        from robot_planner.task_planning.grammar_export import to_gbnf, to_json_schema, to_regex

        kind = request_format(self.kind, self.grammar_format)
        if kind == "none":
            return {}
        if kind == "gbnf":
            text = to_gbnf(grammar)
            return {"grammar": text} if self.kind == "llama.cpp" else {"structured_outputs": {"grammar": text}}
        if kind == "regex":
            return {"structured_outputs": {"regex": to_regex(grammar)}}
        schema = to_json_schema(grammar)
        if self.kind == "vllm":
            return {"structured_outputs": {"json": schema}}
        if self.kind == "llama.cpp":
            return {"json_schema": schema}
        return {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "plan", "schema": schema, "strict": True},
            }
        }
