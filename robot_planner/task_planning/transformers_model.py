# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Any causal language model in a local folder, through transformers (the extra ``pretrained``); LoRA on demand.

Nothing is fetched, no code of the folder is run, nothing is unpickled. Keys and values are kept from call to call, as
far as the next prompt begins as the last one did. The draft is verified in one call, see ``speculative``.
"""

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, ModelError
from robot_planner.language.adapters import library
from robot_planner.task_planning.language_model import LANGUAGE_MODELS, Generation, LanguageModelError
from robot_planner.task_planning.lora import add_lora
from robot_planner.task_planning.speculative import LOOKAHEAD, Decoded, common_prefix, decode
from robot_planner.task_planning.texts import until_end
from robot_planner.task_planning.token_choice import TokenChoice

if TYPE_CHECKING:
    from robot_planner.task_planning.grammar import Grammar, Vocabulary

TAIL = 24
"""Last tokens that are looked at for the end of a plan."""
REMEMBERED = 64
"""Last texts whose tokens are known, should they come back as drafts."""


@dataclass(frozen=True)
class TransformersConfig:
    """Which model, and how it is run."""

    folder: str
    adapter: str = ""
    """Folder of a LoRA adapter; empty: none."""
    device: str = "cpu"
    dtype: str = ""
    """Such as ``bfloat16``; empty: as it was saved."""
    chat: bool = False
    """Whether the prompt is one message in the model's chat template; without: the text goes on from it."""
    lookahead: int = LOOKAHEAD
    """Tokens of the draft that are tried at once after it has failed."""


@LANGUAGE_MODELS.register("transformers")
class TransformersModel:
    """The LanguageModel protocol over a causal model on disk; calls from several threads wait for each other."""

    def __init__(self, config: TransformersConfig) -> None:
        """Loads the model; raises ModelError, EnvironmentSetupError."""
        self.config, self.name = config, Path(config.folder).name
        self.network, self.tokenizer = _load(config)
        self.decoder = CausalDecoder(self.network)
        self._lock = threading.Lock()
        self._kept: tuple[tuple[int, ...], Any] = ((), None)
        self._written: dict[str, list[int]] = {}
        ends = getattr(self.network.generation_config, "eos_token_id", None) or self.tokenizer.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, (list, tuple)) else [] if ends is None else [ends])
        self._length = int(getattr(self.network.config.get_text_config(), "max_position_embeddings", 2**20))
        self._anchor = self.tokenizer.encode("x", add_special_tokens=False)

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
        """See LanguageModel; a text ends at its first line END. Raises InvalidInputError for a prompt too long."""
        vocabulary, pieces = (None, []) if grammar is None else self._vocabulary
        choice = TokenChoice(grammar, vocabulary, pieces, temperature, seed)
        with self._lock, torch.inference_mode():
            prompt = self._encode_prompt(prefix + suffix)
            room = self._length - len(prompt)
            if room < 1:
                raise InvalidInputError(
                    f"the prompt has {len(prompt)} tokens; allowed by {self.name}: {self._length - 1}"
                )
            guess = self._encode_draft(draft) if draft and self.decoder.can_crop else []
            cache, known = self._take_kept(prompt)
            try:
                done = decode(
                    self.decoder, choice, prompt[known:], cache,
                    ended=lambda tokens: choice.done or tokens[-1] in self._ends or self._at_end(tokens),
                    draft=guess, others=tuple(reversed(self._written.values())) if guess else (),
                    max_tokens=min(max_tokens, room), lookahead=self.config.lookahead, deadline=deadline,
                    cancelled=cancelled,
                )  # fmt: skip
            except torch.cuda.OutOfMemoryError:
                raise LanguageModelError(f"{self.name}: out of memory at a prompt of {len(prompt)} tokens") from None
            if self.decoder.can_crop:
                self._kept = ((*prompt, *done.tokens[: done.cached_tokens]), done.cache)
            return self._generation(done, len(prompt), known)

    def _generation(self, done: Decoded[int], prompt_tokens: int, known: int) -> Generation:
        tokens = [token for token in done.tokens if token not in self._ends]
        text = self._decode(tokens)
        text = until_end(text) or text
        self._written[text] = tokens
        while len(self._written) > REMEMBERED:
            del self._written[next(iter(self._written))]
        return Generation(
            text, prompt_tokens, known, len(done.tokens), done.forwards, done.draft_tokens,
            done.seconds, done.first_token_seconds, done.log_probability,
        )  # fmt: skip

    def _encode_draft(self, draft: str) -> list[int]:
        """Its tokens as they were written, if they were: a grammar may lead to others than the tokenizer's own."""
        known = self._written.get(draft)
        return self.tokenizer.encode(draft, add_special_tokens=False) if known is None else known

    def _take_kept(self, prompt: Sequence[int]) -> tuple[Any, int]:
        """The cache of the longest known beginning of a prompt, all of it but a token at least."""
        (tokens, cache), self._kept = self._kept, ((), None)  # given up if the generation fails midway
        known = min(common_prefix(tokens, prompt), len(prompt) - 1)
        if known == 0:
            return None, 0
        return (self.decoder.crop(cache, len(tokens) - known) if known < len(tokens) else cache), known

    def _encode_prompt(self, text: str) -> list[int]:
        if self.config.chat:
            messages = [{"role": "user", "content": text}]
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        tokens: list[int] = self.tokenizer.encode(text, add_special_tokens=not self.config.chat)
        return tokens or self._anchor

    def _decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens that go on from others; some tokenizers drop a blank that begins a text."""
        options = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
        before = self.tokenizer.decode(self._anchor, **options)
        return str(self.tokenizer.decode([*self._anchor, *tokens], **options))[len(before) :]

    def _at_end(self, tokens: Sequence[int]) -> bool:
        tail = until_end(self._decode(tokens[-TAIL:]), more=True)
        return tail is not None and until_end(self._decode(tokens), more=True) is not None

    @cached_property
    def _vocabulary(self) -> "tuple[Vocabulary, list[str]]":
        from robot_planner.task_planning.grammar import Vocabulary

        special = set(self.tokenizer.all_special_ids)
        pieces = ["" if token in special else self._decode([token]) for token in range(len(self.tokenizer))]
        return Vocabulary(pieces), pieces


class CausalDecoder:
    """The Decoder protocol over a causal model of transformers; rows are logits (V,)."""

    def __init__(self, network: Any) -> None:
        self.network = network
        self._keeps = "logits_to_keep" in inspect.signature(network.forward).parameters
        with torch.inference_mode():
            cache = self.forward([0, 0], None, 1)[1]
        layers = getattr(cache, "layers", [])
        # Windows and recurrent states forget what a crop would have to bring back.
        self.can_crop = hasattr(cache, "crop") and all(type(layer).__name__ == "DynamicLayer" for layer in layers)
        """Whether tokens can be taken back; without, neither drafts nor prefixes are reused."""

    def forward(self, tokens: Sequence[int], cache: Any, keep: int) -> tuple[Sequence[Tensor], Any]:
        """See Decoder."""
        ids = torch.tensor([list(tokens)], device=self.network.device)
        options = {"logits_to_keep": keep} if self._keeps else {}
        output = self.network(input_ids=ids, past_key_values=cache, use_cache=True, **options)
        return list(output.logits[0, -keep:]), output.past_key_values

    def crop(self, cache: Any, drop: int) -> Any:
        """See Decoder."""
        cache.crop(-drop)
        return cache


def _load(config: TransformersConfig) -> tuple[Any, Any]:
    folder = Path(config.folder)
    if not (folder / "config.json").is_file() or not any(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} holds no language model; allowed: a folder with config.json and *.safetensors")
    dtype = getattr(torch, config.dtype, None) if config.dtype else None
    if config.dtype and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
        raise InvalidInputError(f"unknown dtype '{config.dtype}'; allowed: float32, bfloat16, float16, float64")
    transformers = library("transformers")
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        network = transformers.AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True, **local)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
        network = network.to(config.device).to(dtype or network.dtype).eval().requires_grad_(False)
    except EnvironmentSetupError:
        raise
    except Exception as error:  # whatever a foreign library raises for a folder it can't read
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"model {folder} can't be read: {type(error).__name__}: {reason}") from None
    if config.adapter:
        add_lora(network, config.adapter)
    return network, tokenizer
