# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What comes back when a plan is tried, and who can try it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from robot_planner.task_planning.condition_text import parse_literal
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.plan import TaskPlan

ENVIRONMENT, WORLD_MODEL, CHECKER = "environment", "world model", "checker"
"""Sources of feedback."""


@dataclass(frozen=True)
class Feedback:
    """The world's answer to a plan: the executor's own reason, and which DECLARED goals are unmet.

    Never a difference to a plan or a state that somebody knew to be right.
    """

    success: bool
    """Every declared goal is met."""
    failed_step: int | None = None
    """Index of the first step that could not be done; None if all were."""
    reason: str = ""
    """Why it could not, in the executor's words."""
    unmet: tuple[str, ...] = ()
    """Declared goals that do not hold at the end, as the domain writes them."""
    source: str = ENVIRONMENT
    """Who says so: ``environment``, ``world model``, or ``checker``, which refused the plan before it was tried."""
    seen: tuple[str, ...] = ()
    """Facts of the initial state that were not visible then and were seen on the way, as the domain writes them.

    With ``not`` before it, what was seen not to hold of a thing that goals name: where it was looked for in vain.
    """


def learned(feedbacks: Iterable[Feedback]) -> set[tuple[Fact, bool]]:
    """What trials have shown of the initial state: facts, and whether they hold."""
    return {parse_literal(text) for feedback in feedbacks for text in feedback.seen}


class Tester(Protocol):
    """What a plan can be tried on: the environment, or a learned model of what it would answer."""

    def test(self, plan: TaskPlan) -> Feedback:
        """Tries a whole plan from the task's initial state."""
        ...
