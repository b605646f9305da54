# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The small model of our own behind the protocol of language models: prompt in, plan out, a whole step a token.

What may be written is narrowed twice: by the grammar, and by what the robot sees and has seen. Passed over for the next
best is a step whose requirements are KNOWN not to hold after the steps before it, one that failed after these very
steps, one that leads back to where the plan has been, and an end at which a goal is known to be unmet; what is unknown
may be tried. Keys and values of the scene, of the answers and of the draft are kept from call to call, and the draft of
a plan is verified in one call of the network (``speculative.py``).
"""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.language_model import LANGUAGE_MODELS, Generation, LanguageModelError
from robot_planner.task_planning.network import Cache, StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import ObjectRef, PlanSyntaxError, Step, TaskPlan, parse_plan
from robot_planner.task_planning.speculative import decode
from robot_planner.task_planning.tokens import BEGIN, END_WORD, Kind, PromptReader, Token, WordList, name_pieces

KIND = "task_planner"
Written = tuple[int, int, int]
"""A step as it is written: word, first and second thing."""
PATIENCE = 40
"""Steps that are passed over in one place; a model to which nothing better occurs ends its plan there."""
KEPT = 32
"""Blocks whose keys and values are kept."""
REMEMBERED = 16
"""Texts of a scene in which the continuation of a draft is sought."""


@dataclass(frozen=True)
class Past:
    """Keys and values of the tokens so far."""

    layers: Cache
    length: int
    plan_tokens: int = 0

    def crop(self, drop: int) -> "Past":
        """Without the last ``drop`` tokens of the plan."""
        end = self.length - drop
        layers = [(keys[:, :, :end], values[:, :, :end]) for keys, values in self.layers]
        return Past(layers, end, self.plan_tokens - drop)


@dataclass(frozen=True)
class Seen:
    """A scene as the network has read it."""

    numbers: dict[ObjectRef, int]
    things: Tensor
    """(1, O + 1, W)."""
    keys: Tensor
    """(1, O, W): what arguments are pointed at by."""
    past: Past
    written: deque[tuple[Written, ...]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """The last texts of this scene: what a new one goes on with where it has left its draft."""


class LocalModel:
    """Writes plans by a StepNetwork; see LanguageModel."""

    def __init__(
        self, network: StepNetwork, words: WordList, name: str = "local", careful: bool = True, device: str = "cpu"
    ) -> None:
        """``careful``: pass over what is known not to do; see the module's docstring."""
        self.name, self.words, self.careful = name, words, careful
        self.network = network.to(device).eval().requires_grad_(False)
        self.device = device
        self.reader = PromptReader(words)
        self._kept: OrderedDict[str, Any] = OrderedDict()

    def generate(
        self,
        prefix: str,
        suffix: str = "",
        *,
        grammar: Grammar | None = None,
        draft: str | None = None,
        temperature: float = 0.0,
        seed: int = 0,
        max_tokens: int = 1024,
        deadline: float | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generation:
        """See LanguageModel; a token is a whole step. Needs a grammar, of the scene that the prompt tells of."""
        if grammar is None:
            raise LanguageModelError(f"'{self.name}' writes within a grammar only; give the grammar of the scene")
        begun = time.monotonic()
        with torch.inference_mode():
            seen, past, tokens, reused = self._read(prefix, suffix)
            if tuple(seen.numbers) != grammar.objects:
                raise InvalidInputError("the grammar is of another scene than the prompt's")
            choice = _Choice(self, grammar, seen, temperature, seed, max_tokens)
            written = decode(
                _Decoder(self, seen), choice.next, [(self.words[BEGIN], 0, 0)], past,
                ended=lambda row: row[-1][0] == choice.end, draft=self._written(draft, seen),
                others=tuple(reversed(seen.written)) if draft else (), max_tokens=max_tokens, deadline=deadline,
                cancelled=cancelled,
            )  # fmt: skip
        seen.written.append(written.tokens)
        plan = str(TaskPlan(tuple(choice.steps)))
        text = plan if written.whole else plan.removesuffix(f"\n{END_WORD}")
        return Generation(
            text, tokens, reused, len(written.tokens), written.forwards, written.draft_tokens,
            time.monotonic() - begun, written.first_token_seconds, written.log_probability,
        )  # fmt: skip

    def _written(self, draft: str | None, seen: Seen) -> list[Written]:
        """A draft as it would be written; none if it is no plan."""
        try:
            steps = parse_plan(draft).steps if draft else None
        except PlanSyntaxError:
            steps = None
        if steps is None:
            return []
        row = [self.reader.step(step, seen.numbers, Kind.STEP, 0)[1:4] for step in steps]
        return [*row, (self.words[END_WORD], 0, 0)]

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self, prefix: str, suffix: str) -> tuple[Seen, Past, int, int]:
        """The scene, all keys and values of the prompt, its tokens, and how many of these were known already."""
        scene_text, answer_text = self.reader.split(prefix)
        seen, reused = self._recall(f"{scene_text}\n", lambda: self._see(scene_text))
        past, known = seen.past, reused * seen.past.length
        if answer_text:
            before = past
            answers = self.reader.answers(answer_text, seen.numbers)
            past, reused = self._recall(prefix, lambda: self._extend(before, answers, seen))
            known += reused * len(answers)
        if suffix:
            before, rows = past, self.reader.draft(suffix, seen.numbers)
            past, reused = self._recall(f"{prefix}\n{suffix}", lambda: self._extend(before, rows, seen))
            known += reused * len(rows)
        return seen, past, past.length, known

    def _recall(self, key: str, make: Callable[[], Any]) -> tuple[Any, bool]:
        known = key in self._kept
        if not known:
            self._kept[key] = make()
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key], known

    def _see(self, text: str) -> Seen:
        scene = self.reader.scene(text)
        config = self.network.config
        if len(scene.things) > config.things:
            raise InvalidInputError(
                f"the scene has {len(scene.things)} things; '{self.name}' takes {config.things} at most"
            )
        names = [name_pieces(thing.name, config.pieces, config.pieces_per_name) for thing in scene.things]
        pieces = torch.tensor(names, device=self.device).view(1, -1, config.pieces_per_name)
        things = self.network.things(pieces, torch.arange(1, len(names) + 1, device=self.device).unsqueeze(0))
        rows = self.network.embed(self._tensor(scene.tokens), things)
        hidden, layers = self.network(rows, None)
        keys = self.network.keys(hidden[:, 1 : 1 + len(names)])
        return Seen(dict(scene.number), things, keys, Past(layers, len(scene.tokens)))

    def _extend(self, past: Past, tokens: Sequence[Token], seen: Seen) -> Past:
        rows = self.network.embed(self._tensor(tokens), seen.things)
        return Past(self.network(rows, None, past.layers)[1], past.length + len(tokens))

    def _tensor(self, tokens: Sequence[Token]) -> Tensor:
        return torch.tensor(tokens, device=self.device).unsqueeze(0)


class _Decoder:
    """The plan's tokens, from left to right; see speculative.Decoder."""

    def __init__(self, model: LocalModel, seen: Seen) -> None:
        self._model, self._seen = model, seen

    def forward(self, tokens: Sequence[Written], cache: Past, keep: int) -> tuple[Sequence[Tensor], Past]:
        """Rows (W,), ``keep`` of them: what the network thinks after each of the last tokens."""
        count = len(tokens)
        places = range(cache.plan_tokens, cache.plan_tokens + count)
        rows = [(Kind.STEP, *token, place, 0) for token, place in zip(tokens, places, strict=True)]
        mask = None
        if count > 1:
            mask = torch.ones(count, cache.length + count, dtype=torch.bool, device=self._model.device)
            mask = mask.tril(cache.length).view(1, 1, count, -1)
        embedded = self._model.network.embed(self._model._tensor(rows), self._seen.things)
        hidden, layers = self._model.network(embedded, mask, cache.layers)
        return hidden[0, -keep:].unbind(0), Past(layers, cache.length + count, cache.plan_tokens + count)

    def crop(self, cache: Past, drop: int) -> Past:
        """See speculative.Decoder."""
        return cache.crop(drop)


class _Choice:
    """Which step comes next: the likeliest action, then the likeliest things, of what may be written."""

    def __init__(
        self, model: LocalModel, grammar: Grammar, seen: Seen, temperature: float, seed: int, longest: int
    ) -> None:
        self._network, self._seen, self._careful = model.network, seen, model.careful
        self._temperature = temperature
        self._generator = torch.Generator(model.device).manual_seed(seed)
        scene, words = grammar.scene, model.words
        self.end = words[END_WORD]
        self.steps: list[Step] = []
        self._grammar, self._longest = grammar, longest
        self._passed = {grammar.forecast.knowledge.digest} if model.careful else set()
        self._candidates: dict[int, tuple[str, list[Tensor]]] = {}
        for at in grammar.mask(grammar.start()).nonzero()[0]:
            if at != grammar.end:
                name = grammar.actions[at]
                columns = [[seen.numbers[thing] for thing in column] for column in scene.candidates(name)]
                if len(columns) > 2:
                    raise InvalidInputError(f"[{name}] takes {len(columns)} things; '{model.name}' writes two at most")
                if words[name]:  # an action that the model was not taught can't be written
                    self._candidates[words[name]] = name, [torch.tensor(c, device=model.device) for c in columns]
        self._words = torch.tensor([self.end, *self._candidates], device=model.device)
        self._things = tuple(seen.numbers)

    def next(self, hidden: Tensor) -> tuple[Written, float]:
        """What the network thinks (W,) -> the step, which is taken as written, and the logarithm of its probability."""
        left = PATIENCE
        for word, chance in self._ranked(self._network.action_logits(hidden), self._words):
            if word == self.end:
                if (
                    self._careful
                    and self._grammar.ends_short(tuple(self.steps))
                    and len(self.steps) + 1 < self._longest
                ):
                    continue
                return (word, 0, 0), chance
            name, columns = self._candidates[word]
            for things, more in self._arguments(hidden, word, columns):
                if left == 0:
                    break
                left -= 1
                step = Step(name, tuple(self._things[number - 1] for number in things))
                if self._possible(step):
                    self._take(step)
                    first, second = (*things, 0, 0)[:2]
                    return (word, first, second), chance + more
        return (self.end, 0, 0), 0.0  # it will not do, but there is nothing better to write

    def _arguments(self, hidden: Tensor, word: int, columns: list[Tensor]) -> Iterator[tuple[tuple[int, ...], float]]:
        """Things for an action, the likeliest first of the first, then of the second."""
        if not columns:
            yield (), 0.0
            return
        row, action = hidden.view(1, 1, -1), torch.tensor([[word]], device=hidden.device)
        logits = self._network.argument_logits(row, self._seen.keys, action)[0, 0]
        for first, chance in self._ranked(logits, columns[0], 1):
            if len(columns) == 1:
                yield (first,), chance
                continue
            given = torch.tensor([[first]], device=hidden.device)
            second_logits = self._network.argument_logits(row, self._seen.keys, action, given)[0, 0]
            for second, more in self._ranked(second_logits, columns[1], 1):
                yield (first, second), chance + more

    def _ranked(self, logits: Tensor, allowed: Tensor, offset: int = 0) -> Iterator[tuple[int, float]]:
        """Allowed indices (counted from ``offset``), likeliest first, and the logarithm of each one's probability.

        With a temperature they come in the order in which they would be drawn (Gumbel noise).
        """
        chances = torch.log_softmax(logits[allowed - offset].float(), 0)
        order = chances
        if self._temperature > 0.0:
            uniform = torch.rand(len(chances), generator=self._generator, device=chances.device).clamp_min(1e-30)
            order = chances / self._temperature - (-uniform.log()).log()
        for at in order.argsort(descending=True).tolist():
            yield int(allowed[at]), float(chances[at])

    def _possible(self, step: Step) -> bool:
        """Whether nothing that is known speaks against the step, and it does not lead back to where the plan was."""
        if not self._careful:
            return True
        steps = (*self.steps, step)
        if steps in self._grammar.vain or len(steps) == self._longest:
            return False
        outlook = self._grammar.forecast.after(steps)
        return outlook.reason is None and outlook.knowledge.digest not in self._passed

    def _take(self, step: Step) -> None:
        self.steps.append(step)
        if self._careful:
            self._passed.add(self._grammar.forecast.after(tuple(self.steps)).knowledge.digest)


def save_local_model(network: StepNetwork, words: WordList, folder: Path, card: str) -> None:
    """Writes a model folder; weights in half precision: half of the size, and far finer than what is learned."""
    config = {"kind": KIND, "network": vars(network.config), "words": list(words.words)}
    save_checkpoint(folder, {name: tensor.half() for name, tensor in network.state_dict().items()}, config, card)


@LANGUAGE_MODELS.register("local")
def load_local_model(name_or_path: str | Path = "task_planner", device: str = "cpu") -> LocalModel:
    """Loads ``models/<name>`` or a model folder; raises ModelError."""
    checkpoint = load_checkpoint(name_or_path)
    if checkpoint.config.get("kind") != KIND:
        raise ModelError(f"model '{name_or_path}' is of kind '{checkpoint.config.get('kind')}'; allowed here: '{KIND}'")
    try:
        network = StepNetwork(StepNetworkConfig(**checkpoint.config["network"]))
        network.load_state_dict(checkpoint.tensors)
        return LocalModel(network, WordList(checkpoint.config["words"]), Path(name_or_path).name, device=device)
    except (TypeError, KeyError, RuntimeError, InvalidInputError) as error:
        raise ModelError(f"the configuration of model '{name_or_path}' is not valid: {error}") from None
