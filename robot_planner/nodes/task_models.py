# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The language models of the task planner node, made of its parameters."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from robot_planner.nodes.parameters import parameter

if TYPE_CHECKING:
    from robot_planner.task_planning.language_model import LanguageModel

LOCAL, TRANSFORMERS, SERVER = "local", "transformers", "openai-server"
BACKENDS = (LOCAL, TRANSFORMERS, SERVER)


@dataclass(frozen=True)
class ServerParameters:
    """A server that speaks OpenAI's protocol; see task_planning.openai_server."""

    url: str = parameter("http://localhost:8000/v1", "Address, up to and with the version.")
    kind: str = parameter(
        "openai", "What serves: it decides how grammars are told.", choices=("openai", "vllm", "llama.cpp", "ollama")
    )
    endpoint: str = parameter(
        "chat", "Whether prompts are messages or texts that go on.", choices=("chat", "completion")
    )
    grammar_format: str = parameter(
        "auto", "How the grammar is told; auto: the best that the kind understands.",
        choices=("auto", "gbnf", "json_schema", "regex", "none"),
    )  # fmt: skip
    key_variable: str = parameter("", "Environment variable that holds the key, which is never shown; empty: no key.")
    connect_seconds: float = parameter(10.0, "For the connection.", unit="s", minimum=0.1, maximum=600.0)
    first_token_seconds: float = parameter(
        60.0, "From a request to its first token.", unit="s", minimum=0.1, maximum=3600.0
    )
    seconds: float = parameter(
        600.0, "For a whole text, with all that is tried again.", unit="s", minimum=0.1, maximum=36000.0
    )
    retries: int = parameter(4, "How often a request is tried again while the server is busy.", minimum=0, maximum=100)
    backoff_seconds: float = parameter(
        0.5, "Before the first of these; doubles each time.", unit="s", minimum=0.0, maximum=600.0
    )


@dataclass(frozen=True)
class TransformersParameters:
    """A causal model on disk; see task_planning.transformers_model."""

    adapter: str = parameter("", "Folder of a LoRA adapter; empty: none.")
    dtype: str = parameter("", "Number format, such as bfloat16; empty: as the model was saved.")
    chat: bool = parameter(False, "Put the prompt into the model's chat template.")


def load_language_model(
    backend: str, model: str, device: str, threads: int, server: ServerParameters, transformers: TransformersParameters
) -> "LanguageModel":
    """The model that the parameters name; raises ModelError, EnvironmentSetupError, InvalidInputError.

    A server is not asked before there is something to write.
    """
    if backend == SERVER:
        from robot_planner.task_planning.openai_server import OpenAiServer, ServerConfig

        return OpenAiServer(ServerConfig(model=model, **vars(server)))
    import torch

    torch.set_num_threads(threads)
    if backend == LOCAL:
        from robot_planner.task_planning.local_model import load_local_model

        return load_local_model(model, device)
    from robot_planner.task_planning.transformers_model import TransformersConfig, TransformersModel

    options: dict[str, Any] = vars(transformers)
    return TransformersModel(TransformersConfig(model, device=device, **options))
