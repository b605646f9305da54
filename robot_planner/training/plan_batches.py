# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Prompts and the plans that should answer them, as tensors for the plan-writing network."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.network import (
    ANSWERS,
    DRAFT,
    FIELDS,
    PLAN,
    SCENE,
    SECOND,
    WORD,
    StepNetwork,
    StepNetworkConfig,
    visibility,
)
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.soft_refiner import SoftContext
from robot_planner.task_planning.tokens import BEGIN, END_WORD, Kind, PromptReader, name_pieces

LONGEST_ROW = 256
"""Tokens of a row of lessons, if they have a choice."""


@dataclass(frozen=True)
class PlanExample:
    """A prompt and its answer, as small arrays."""

    tokens: np.ndarray
    """(N, 6) int16: all blocks, the plan's beginning and its steps last."""
    lengths: tuple[int, int, int, int]
    """Tokens of scene, answers, draft and plan."""
    names: np.ndarray
    """(O, pieces) int16."""
    targets: np.ndarray
    """(P, 3) int16: word, first and second thing of what follows each token of the plan; things from 1, 0 for none.

    The word is 0 of what is not taught.
    """
    words: np.ndarray
    """(A + 1,) int16: words that may be written, END among them."""
    allowed: np.ndarray
    """(P, 2, O) bool: things that fit the target's action as its first and its second argument."""


class ExampleMaker:
    """Prompts and plans to examples."""

    def __init__(self, reader: PromptReader, config: StepNetworkConfig) -> None:
        self._reader, self._config = reader, config

    def example(
        self, prefix: str, suffix: str, plan: TaskPlan, scene: Scene, mistakes: range = range(0)
    ) -> PlanExample:
        """``scene``: what the prefix tells of; ``mistakes``: steps that are not taught.

        Raises InvalidInputError for a plan that the scene has no room for.
        """
        reader, words = self._reader, self._reader.words
        scene_text, answer_text = reader.split(prefix)
        read = reader.scene(scene_text)
        number, config = read.number, self._config
        if len(read.things) > config.things:
            raise InvalidInputError(f"{len(read.things)} things; the network takes {config.things} at most")
        answers = reader.answers(answer_text, number) if answer_text else ()
        draft = reader.draft(suffix, number)
        steps = [reader.step(step, number, Kind.STEP, at) for at, step in enumerate(plan.steps, 1)]
        if any(not words[step.action] or scene.misfit(step) for step in plan.steps):
            raise InvalidInputError("a step of the plan can't be written in this scene")
        begin = (Kind.STEP, words[BEGIN], 0, 0, 0, 0)
        rows = [*read.tokens, *answers, *draft, begin, *steps]
        targets = [(0, 0, 0) if at in mistakes else step[1:4] for at, step in enumerate(steps)]
        targets.append((words[END_WORD], 0, 0))
        names = [name_pieces(thing.name, config.pieces, config.pieces_per_name) for thing in read.things]
        usable = [words[name] for name in scene.domain.actions if words[name] and all(scene.candidates(name))]
        allowed = np.zeros((len(targets), 2, len(read.things)), bool)
        for at, step in enumerate(plan.steps):
            for argument, column in enumerate(scene.candidates(step.action)[:2]):
                allowed[at, argument, [number[thing] - 1 for thing in column]] = True
        return PlanExample(
            np.array(rows, np.int16),
            (len(read.tokens), len(answers), len(draft), len(steps) + 1),
            np.array(names, np.int16).reshape(-1, config.pieces_per_name),
            np.array(targets, np.int16),
            np.array([words[END_WORD], *usable], np.int16),
            allowed,
        )


def by_scene(examples: Iterable[PlanExample], longest: int = LONGEST_ROW) -> list[list[PlanExample]]:
    """Neighbours of one scene together, in rows of up to ``longest`` tokens if they have a choice.

    ``collate`` writes the scene once for all lessons of a row; but everything looks at everything within it.
    """

    def scene(example: PlanExample) -> tuple[bytes, bytes]:
        return example.tokens[: example.lengths[0]].tobytes(), example.names.tobytes()

    rows = []
    for _, group in itertools.groupby(examples, scene):
        row: list[PlanExample] = []
        for lesson in group:
            if row and sum(len(part) for part, *_ in _blocks([*row, lesson])) > longest:
                rows.append(row)
                row = []
            row.append(lesson)
        rows.append(row)
    return rows


def _blocks(lessons: Sequence[PlanExample]) -> Iterator[tuple[np.ndarray, int, int, int]]:
    """Tokens of one scene's lessons: tokens, block, which answers, which draft; the last two from 1, 0 for all."""
    scene = lessons[0].lengths[0]
    yield lessons[0].tokens[:scene], SCENE, 0, 0
    told: dict[bytes, int] = {}
    for number, lesson in enumerate(lessons, 1):
        answers, draft, plan = np.split(lesson.tokens[scene:], np.cumsum(lesson.lengths[1:3]))
        known = len(told)
        place = told.setdefault(answers.tobytes(), known + 1)
        if place > known:
            yield answers, ANSWERS, place, 0
        yield draft, DRAFT, place, number
        yield plan, PLAN, place, number


@dataclass(frozen=True)
class PlanBatch:
    """Lessons side by side, those of one scene in one row, filled up with nothing."""

    tokens: Tensor
    """(B, N, 6) int64; P is the number of all targets of a row."""
    mask: Tensor
    """(B, 1, N, N) bool: who sees whom."""
    names: Tensor
    """(B, O, pieces)."""
    slots: Tensor
    """(B, O): the things' numbers, 0 where there is none."""
    places: Tensor
    """(B, P): where in ``tokens`` the plan stands."""
    targets: Tensor
    """(B, P, 3)."""
    counted: Tensor
    """(B, P) bool: which places have a target."""
    words: Tensor
    """(B, W) bool: words that may be written."""
    allowed: Tensor
    """(B, P, 2, O) bool."""


def _rounded(count: int, unit: int) -> int:
    return -(-count // unit) * unit


def collate(scenes: Sequence[Sequence[PlanExample]], words: int) -> PlanBatch:
    """Lessons of scenes, one scene a row. ``words``: that the network knows.

    What belongs to a scene, and what belongs to answers, is written and computed once for all drafts and plans.
    """
    batch = len(scenes)
    rows = [list(_blocks(lessons)) for lessons in scenes]
    # Few sizes: oneDNN compiles and keeps a kernel for each size that it meets, gigabytes of them.
    things = _rounded(max(1, *(len(lessons[0].names) for lessons in scenes)), 16)
    longest = _rounded(max(1 + things, *(sum(len(part) for part, *_ in row) for row in rows)), 64)
    steps = _rounded(max(sum(len(e.targets) for e in lessons) for lessons in scenes), 32)
    tokens, blocks = np.zeros((batch, longest, FIELDS), np.int64), np.zeros((batch, longest), np.int64)
    branches, valid = np.zeros((batch, 2, longest), np.int64), np.zeros((batch, longest), bool)
    names = np.zeros((batch, things, scenes[0][0].names.shape[1]), np.int64)
    slots, places = np.zeros((batch, things), np.int64), np.zeros((batch, steps), np.int64)
    targets, counted = np.zeros((batch, steps, 3), np.int64), np.zeros((batch, steps), bool)
    usable, allowed = np.zeros((batch, words), bool), np.zeros((batch, steps, 2, things), bool)
    for row, (parts, lessons) in enumerate(zip(rows, scenes, strict=True)):
        count, own = sum(len(part) for part, *_ in parts), len(lessons[0].names)
        tokens[row, :count], valid[row, :count] = np.concatenate([part for part, *_ in parts]), True
        lengths = [len(part) for part, *_ in parts]
        blocks[row, :count] = np.repeat([block for _, block, _, _ in parts], lengths)
        branches[row, :, :count] = np.repeat([branch for _, _, *branch in parts], lengths, axis=0).T
        names[row, :own], slots[row, :own] = lessons[0].names, np.arange(1, own + 1)
        where = np.flatnonzero(valid[row] & (blocks[row] == PLAN))
        plan = len(where)
        places[row, :plan], counted[row, :plan] = where, True
        targets[row, :plan] = np.concatenate([e.targets for e in lessons])
        allowed[row, :plan, :, :own] = np.concatenate([e.allowed for e in lessons])
        usable[row, lessons[0].words] = True
    see = visibility(*map(torch.from_numpy, (blocks, valid, branches)))
    arrays = (names, slots, places, targets, counted, usable, allowed)
    return PlanBatch(torch.from_numpy(tokens), see, *map(torch.from_numpy, arrays))


def soft_context(network: StepNetwork, examples: Sequence[PlanExample]) -> SoftContext:
    """Scene and answers of examples, as the parallel refiner reads them; drafts and plans are left away."""
    told = [
        replace(
            e,
            tokens=e.tokens[: sum(e.lengths[:2])],
            lengths=(*e.lengths[:2], 0, 0),
            targets=e.targets[:0],
            allowed=e.allowed[:0],
        )
        for e in examples
    ]
    batch = collate([[e] for e in told], network.config.words)
    things = network.things(batch.names, batch.slots)
    hidden, past = network(network.embed(batch.tokens, things), batch.mask)
    words = np.zeros((len(examples), max(len(e.words) for e in examples)), np.int64)
    usable = np.zeros(words.shape, bool)
    for row, e in enumerate(examples):
        words[row, : len(e.words)], usable[row, : len(e.words)] = e.words, True
    lengths = torch.tensor([len(e.tokens) for e in told])
    seen = torch.arange(batch.tokens.shape[1]) < lengths.unsqueeze(1)
    keys = network.keys(hidden[:, 1 : 1 + batch.names.shape[1]])
    return SoftContext(things, keys, past, seen, torch.from_numpy(words), torch.from_numpy(usable), batch.slots > 0)


def soft_plans(examples: Sequence[PlanExample], steps: int) -> tuple[Tensor, Tensor]:
    """Plans (B, L, 3) as SoftRefiner takes them, and which steps are the plan's own (B, L), its end included.

    After the end stands the end: what nobody teaches would wander, and a plan that wanders has no fixed point. Raises
    InvalidInputError for a plan that is longer.
    """
    longest = max(len(e.targets) for e in examples)
    if longest > steps:
        raise InvalidInputError(f"a plan of {longest - 1} steps; allowed: {steps - 1}")
    lengths = torch.tensor([len(e.targets) for e in examples])
    return _soft_rows(examples, [e.targets for e in examples], steps), torch.arange(steps) < lengths.unsqueeze(1)


def soft_drafts(examples: Sequence[PlanExample], steps: int) -> tuple[Tensor, Tensor]:
    """Drafts (B, L, 3) as ``soft_plans`` has plans, cut where they are longer, and which examples have one (B,)."""
    drafts = [e.tokens[sum(e.lengths[:2]) : sum(e.lengths[:3]), WORD : SECOND + 1] for e in examples]
    given = torch.tensor([bool(draft[0, 0]) for draft in drafts])  # one that there is not is the unknown word
    return _soft_rows(examples, drafts, steps), given


def _soft_rows(examples: Sequence[PlanExample], rows: Sequence[np.ndarray], steps: int) -> Tensor:
    plans = np.zeros((len(examples), steps, 3), np.int64)
    for at, (e, row) in enumerate(zip(examples, rows, strict=True)):
        place = {int(word): number for number, word in enumerate(e.words)}  # the end is word 0 of each example
        for step, (word, first, second) in enumerate(row[:steps].tolist()):
            plans[at, step] = place.get(word, 0), first, second
    return torch.from_numpy(plans)


def plan_loss(network: StepNetwork, batch: PlanBatch) -> dict[str, Tensor]:
    """Mean over steps of the negative log-likelihood of action and things, within what may be written.

    Also, without gradients, ``right``: the share of steps of which all parts were the likeliest.
    """
    things = network.things(batch.names, batch.slots)
    hidden, _ = network(network.embed(batch.tokens, things), batch.mask)
    count = batch.names.shape[1]
    keys = network.keys(hidden[:, 1 : 1 + count])  # shorter scenes have other rows there; nothing points at them
    rows = hidden.gather(1, batch.places.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
    word, first, second = batch.targets.unbind(-1)
    counted = batch.counted & (word > 0)
    logits = network.action_logits(rows).masked_fill(~batch.words.unsqueeze(1), -torch.inf)
    loss, right = _choice(logits, word, counted)
    for at, thing in enumerate((first, second)):
        given = first if at else None
        logits = network.argument_logits(rows, keys, word, given)
        present = counted & (thing > 0)
        more, also = _choice(_within(logits, batch.allowed[:, :, at], present), thing - 1, present)
        loss, right = loss + more, right & also
    steps = counted.sum()
    return {"loss": loss.sum() / steps, "right": (right & counted).sum().detach() / steps}


def _within(logits: Tensor, allowed: Tensor, present: Tensor) -> Tensor:
    """Nothing outside of ``allowed``; rows without a target keep all, so that no row is empty."""
    return logits.masked_fill(~(allowed | ~present.unsqueeze(-1)), -torch.inf)


def _choice(logits: Tensor, target: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood (B, P), zero where there is no target, and whether the target is the likeliest."""
    wanted = torch.where(counted, target, 0)
    loss = F.cross_entropy(logits.float().transpose(1, 2), wanted, reduction="none")
    return torch.where(counted, loss, 0.0), (logits.argmax(-1) == target) | ~counted
