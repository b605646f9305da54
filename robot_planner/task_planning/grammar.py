# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Which plans may be written in a scene, symbol by symbol or in pieces of text, for masks over a model's tokens.

A plan is a row of symbols: an action, then a thing for each of its parameters, then a line break; END at the last. What
fits where is ``Scene.candidates``: the scene's things of the right type, without those that can never do. Texts are
canonical, as ``str`` of a plan writes them; ``grammar_export`` has the same language for servers.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.checker import Forecast
from robot_planner.task_planning.conditions import Condition
from robot_planner.task_planning.feedback import Feedback, learned
from robot_planner.task_planning.plan import END, LONGEST_PLAN, Step, TaskPlan
from robot_planner.task_planning.scene import Scene

Mask = npt.NDArray[np.bool_]
NEW_LINE = "\n"


@dataclass(frozen=True)
class Writing:
    """Where in a plan the writing stands."""

    steps: int = 0
    """Lines that are complete."""
    action: int = -1
    """Symbol of the action of the present line; -1 at its beginning."""
    args: int = 0
    """Things written after it."""
    done: bool = False
    """END is written."""
    within: str = ""
    """What is written of the next symbol; always empty where whole symbols are written."""

    @property
    def kind(self) -> tuple[int, int, bool, bool]:
        """What the allowed symbols depend on."""
        return self.action, self.args, self.done, self.steps >= LONGEST_PLAN


class Grammar:
    """The plans that may be written in a scene.

    Symbols are numbered: the domain's actions, then the scene's things, then line break and END (``symbols``).
    """

    def __init__(self, scene: Scene, goals: Sequence[Condition] = ()) -> None:
        """``goals``: what is to hold at the end; plans that miss them may be written, but see ``ends_short``."""
        self.scene = scene
        self._goals = tuple(scene.domain.expand(goal) for goal in goals)
        self.forecast = Forecast(scene)
        """What is known of plans. The grammar does not depend on it; a careful model looks at it."""
        self.vain: frozenset[tuple[Step | None, ...]] = frozenset()
        """Beginnings of plans that were tried in vain, with the step that could not be done, or None for the end."""
        self.actions = tuple(scene.domain.actions)
        self.objects = tuple(scene.objects)
        self.new_line = len(self.actions) + len(self.objects)
        self.end = self.new_line + 1
        self.symbols: tuple[str, ...] = (
            *(f"[{name}]" for name in self.actions),
            *(f" {thing}" for thing in self.objects),
            *(NEW_LINE, END),
        )
        self._position = {thing: len(self.actions) + at for at, thing in enumerate(self.objects)}
        self._masks: dict[tuple[int, int, bool, bool], Mask] = {}
        self._tries: dict[tuple[int, int, bool, bool], _Trie] = {}

    def after(self, attempts: Sequence[tuple[TaskPlan, Feedback]]) -> "Grammar":
        """The same grammar where plans were tried from the scene as it is: a careful model looks at what came back.

        Raises DomainError for facts in an answer that can't be.
        """
        other = copy.copy(self)
        other.forecast = Forecast(self.scene, self.scene.knowing(learned(feedback for _, feedback in attempts)))
        ends = ((plan.steps, feedback.failed_step) for plan, feedback in attempts if not feedback.success)
        other.vain = frozenset((*steps, None) if at is None else steps[: at + 1] for steps, at in ends)
        return other

    def ends_short(self, steps: tuple[Step, ...]) -> bool:
        """Whether a plan of these steps, which can be done, is known to leave a goal unmet, or was tried in vain."""
        known = self.forecast.after(steps).knowledge
        return (*steps, None) in self.vain or any(goal.evaluate(known, {}) is False for goal in self._goals)

    def start(self) -> Writing:
        """Nothing is written."""
        return Writing()

    def mask(self, state: Writing) -> Mask:
        """(symbols,) bool, read-only: which may come next; none do after END."""
        if state.kind not in self._masks:
            mask = np.zeros(len(self.symbols), bool)
            mask[list(self._allowed(state))] = True
            mask.setflags(write=False)
            self._masks[state.kind] = mask
        return self._masks[state.kind]

    def _allowed(self, state: Writing) -> Iterator[int]:
        if state.done:
            return
        if state.action < 0:
            yield self.end
            if state.steps < LONGEST_PLAN:
                yield from self._usable
            return
        candidates = self.scene.candidates(self.actions[state.action])
        if state.args == len(candidates):
            yield self.new_line
        else:
            yield from (self._position[thing] for thing in candidates[state.args])

    @cached_property
    def _usable(self) -> tuple[int, ...]:
        """Actions with at least one candidate for each parameter."""
        return tuple(at for at, name in enumerate(self.actions) if all(self.scene.candidates(name)))

    def advance(self, state: Writing, symbol: int) -> Writing:
        """The state after one more symbol; raises InvalidInputError if it may not come there."""
        if not 0 <= symbol < len(self.symbols) or not self.mask(state)[symbol]:
            shown = self.symbols[symbol].strip() if 0 <= symbol < len(self.symbols) else str(symbol)
            raise InvalidInputError(f"'{shown or 'line break'}' may not come after {state}")
        if symbol == self.end:
            return Writing(state.steps, done=True)
        if symbol == self.new_line:
            return Writing(state.steps + 1)
        if symbol < len(self.actions):
            return Writing(state.steps, symbol)
        return Writing(state.steps, state.action, state.args + 1)

    def encode(self, plan: TaskPlan) -> list[int]:
        """A plan's symbols, END included; raises InvalidInputError for one that may not be written here."""
        row: list[int] = []
        for step in plan.steps:
            reason = self.scene.misfit(step)
            if reason is not None:
                raise InvalidInputError(f"'{step}': {reason}")
            row += [self.actions.index(step.action), *(self._position[thing] for thing in step.objects), self.new_line]
        return [*row, self.end]

    def decode(self, row: Sequence[int]) -> TaskPlan:
        """The plan that symbols write; raises InvalidInputError if they are none."""
        state, steps, line = self.start(), [], [0]
        for symbol in row:
            state = self.advance(state, symbol)
            if symbol == self.new_line:
                things = tuple(self.objects[at - len(self.actions)] for at in line[1:])
                steps.append(Step(self.actions[line[0]], things))
            line = [symbol] if symbol < len(self.actions) else [*line, symbol]
        if not state.done:
            raise InvalidInputError(f"the symbols do not end with {END}")
        return TaskPlan(tuple(steps))

    # -- pieces of text ----------------------------------------------------------------------------------------------

    def feed(self, state: Writing, piece: str) -> Writing | None:
        """The state after a piece of text of any length; None if no plan goes on like that."""
        trie = self._trie(state)
        node = trie.follow(state.within)
        within = state.within
        for letter in piece:
            if node is None or letter not in node.next:
                return None
            node, within = node.next[letter], within + letter
            if node.symbol is not None:
                state = self.advance(Writing(state.steps, state.action, state.args, state.done), node.symbol)
                node, within = self._trie(state), ""
        return Writing(state.steps, state.action, state.args, state.done, within)

    def allowed(self, state: Writing, vocabulary: "Vocabulary") -> Mask:
        """(pieces,) bool: which pieces of a vocabulary may come next; empty pieces never."""
        mask = np.zeros(len(vocabulary), bool)
        node = self._trie(state).follow(state.within)
        if node is not None:
            self._walk(vocabulary.root, node, state, mask)
        return mask

    def _walk(self, pieces: "_Trie", node: "_Trie", state: Writing, mask: Mask) -> None:
        """Goes down the vocabulary's tree and the grammar's at once; only shared branches are visited."""
        if len(pieces.next) > len(node.next):
            shared = [letter for letter in node.next if letter in pieces.next]
        else:
            shared = [letter for letter in pieces.next if letter in node.next]
        for letter in shared:
            below, after, next_state = pieces.next[letter], node.next[letter], state
            if after.symbol is not None:
                next_state = self.advance(Writing(state.steps, state.action, state.args, state.done), after.symbol)
                after = self._trie(next_state)
            mask[below.tokens] = True
            self._walk(below, after, next_state, mask)

    def _trie(self, state: Writing) -> "_Trie":
        if state.kind not in self._tries:
            trie = _Trie()
            for symbol in np.flatnonzero(self.mask(state)):
                trie.enter(self.symbols[symbol]).symbol = int(symbol)
            self._tries[state.kind] = trie
        return self._tries[state.kind]


class Vocabulary:
    """A model's tokens as pieces of text, in the order of their numbers; made once for a model."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self._length = len(pieces)
        self.root = _Trie()
        for token, piece in enumerate(pieces):
            if piece:
                self.root.enter(piece).tokens.append(token)

    def __len__(self) -> int:
        return self._length


class _Trie:
    __slots__ = ("next", "symbol", "tokens")

    def __init__(self) -> None:
        self.next: dict[str, _Trie] = {}
        self.symbol: int | None = None
        self.tokens: list[int] = []

    def enter(self, text: str) -> "_Trie":
        node = self
        for letter in text:
            node = node.next.setdefault(letter, _Trie())
        return node

    def follow(self, text: str) -> "_Trie | None":
        node: _Trie | None = self
        for letter in text:
            node = node.next.get(letter) if node is not None else None
        return node
