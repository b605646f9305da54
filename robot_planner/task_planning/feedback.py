# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What comes back when a plan is tried, and who can try it."""

from dataclasses import dataclass
from typing import Protocol

from robot_planner.task_planning.plan import TaskPlan


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
    source: str = "environment"
    """``environment`` or ``world model``."""


class Tester(Protocol):
    """What a plan can be tried on: the environment, or a learned model of what it would answer."""

    def test(self, plan: TaskPlan) -> Feedback:
        """Tries a whole plan from the task's initial state."""
        ...
