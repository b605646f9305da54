# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The small network that foretells what a world answers: it reads a prompt as the one that writes plans, then a plan.

The plan stands in the last block: its beginning, its steps, its end; then what became of it (one token, as answers tell
it), and the goals once more. After each step stands the chance that it cannot be done though all before it could, the
reason, and the thing that stands in the way, which is pointed at; after each goal the chance that it is unmet. Of the
world it knows what the planner is told: task, scene, answers so far.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from torch import Tensor, nn

from robot_planner.task_planning.conditions import Variable
from robot_planner.task_planning.domain import Action, Domain
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import NAME, NUMBER, ObjectRef, Step, TaskPlan
from robot_planner.task_planning.tokens import BEGIN, END_WORD, Kind, PromptReader, Token, reason_word

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
UNNAMED = "something"
"""What an executor says for a thing that it cannot name."""
_THING = rf"(?:<(?:{NAME})> \((?:{NUMBER})\)|{UNNAMED})"
_OBSTACLE = rf"(?:<(?P<name>{NAME})> \((?P<number>{NUMBER})\)|{UNNAMED})"


class FeedbackNetwork(nn.Module):
    """A StepNetwork's trunk with heads for what a world answers."""

    def __init__(self, config: StepNetworkConfig) -> None:
        super().__init__()
        self.trunk = StepNetwork(config)
        self.step_head, self.goal_head = nn.Linear(config.width, 1), nn.Linear(config.width, 1)

    def fails(self, hidden: Tensor) -> Tensor:
        """(..., W) after a step -> logit that it can't be done if all before it could."""
        return cast(Tensor, self.step_head(hidden).squeeze(-1))

    def unmet(self, hidden: Tensor) -> Tensor:
        """(..., W) after a goal -> logit that it does not hold in the end."""
        return cast(Tensor, self.goal_head(hidden).squeeze(-1))


@dataclass(frozen=True)
class ReasonForm:
    """A reason that an action can fail for, before its things have names."""

    text: str
    """Such as "{x} is inside the closed {c}"."""
    own: frozenset[str]
    """Names of the action's parameters."""

    @cached_property
    def word(self) -> str:
        """Its word, see ``tokens.reason_word``."""
        return reason_word(_PLACE.sub("_", self.text))

    @cached_property
    def obstacle(self) -> str | None:
        """Name of the thing that stands in the way, if the reason tells of one."""
        return next((name for name in _PLACE.findall(self.text) if name not in self.own), None)

    def write(self, step: Step, action: Action, obstacle: ObjectRef | None) -> str:
        """The reason in the executor's words."""
        named: dict[Variable, ObjectRef] = dict(action.bind(step.objects))
        if obstacle is not None and self.obstacle is not None:
            named[Variable(self.obstacle)] = obstacle
        return _PLACE.sub(lambda match: str(named.get(Variable(match[1]), UNNAMED)), self.text)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = _PLACE.split(self.text)
        at = parts.index(self.obstacle) if self.obstacle is not None else -1
        parts[1::2] = [_OBSTACLE if place == at else _THING for place in range(1, len(parts), 2)]
        parts[::2] = map(re.escape, parts[::2])
        return re.compile("".join(parts))

    def fits(self, text: str) -> bool:
        """Whether an executor's reason is of this form."""
        return self._pattern.fullmatch(text) is not None

    def read(self, text: str) -> ObjectRef | None:
        """The obstacle that a text of this form names."""
        match = self._pattern.fullmatch(text)
        if match is None or self.obstacle is None or match["name"] is None:
            return None
        return ObjectRef(match["name"], int(match["number"]))


def reason_forms(domain: Domain, action: str) -> tuple[ReasonForm, ...]:
    """The reasons that an action can fail for, each form once."""
    entry = domain.actions[action]
    own = frozenset(str.__str__(variable) for variable, _ in entry.parameters)
    return tuple(dict.fromkeys(ReasonForm(requirement.reason, own) for requirement in entry.requires))


class FeedbackReader:
    """Prompts and plans to the network's tokens."""

    def __init__(self, reader: PromptReader) -> None:
        self.reader = reader

    def plan(self, plan: TaskPlan, number: Mapping[ObjectRef, int]) -> tuple[Token, ...]:
        """The beginning, the steps, the end."""
        words = self.reader.words
        steps = [self.reader.step(step, number, Kind.STEP, at) for at, step in enumerate(plan.steps, 1)]
        end: Token = (Kind.STEP, words[END_WORD], 0, 0, len(steps) + 1, 0)
        return (Kind.STEP, words[BEGIN], 0, 0, 0, 0), *steps, end

    def outcome(self, failed_step: int | None, word: str, step: Step | None, number: Mapping[ObjectRef, int]) -> Token:
        """What became of the plan: which step failed for which reason; None: all were done."""
        if failed_step is None or step is None:
            return (Kind.FAILED, self.reader.words[END_WORD], 0, 0, 0, 0)
        first, second = (*(number.get(thing, 0) for thing in step.objects[:2]), 0, 0)[:2]
        return (Kind.FAILED, self.reader.words[word], first, second, failed_step + 1, 0)

    def goals(self, scene_text: str, number: Mapping[ObjectRef, int]) -> tuple[tuple[Token, ...], ...]:
        """The goals once more, to be judged after the last token of each; ``scene_text``: see PromptReader.split."""
        text = scene_text.split("\n")[1].partition(": ")[2]
        return tuple(
            goal or ((Kind.GOAL, 0, 0, 0, at, 0),) for at, goal in enumerate(self.reader.goals(text, number), 1)
        )
