# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The protocol of planners: a problem and a deadline to the best plan found."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from robot_planner.registry import Registry
from robot_planner.types import Plan, Problem


@runtime_checkable
class Planner(Protocol):
    """Anytime planning through a world model towards a goal, as a goal metric measures it."""

    name: str

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """Plans one problem; ``deadline`` on the clock of ``time.monotonic`` [s].

        Returns the best plan so far by the cost of its true rollout, at the deadline at the latest (or after one
        iteration more). Warm-starts from its last plan, shifted by the time between where the two begin (stamp and
        lead), until ``reset``.
        """
        ...

    def plan_batch(self, problems: Sequence[Problem], deadline: float | None = None) -> list[Plan]:
        """Plans independent problems in one batch, each as if it were alone; no warm start."""
        ...

    def reset(self) -> None:
        """Forgets the last plan: the next one starts cold. Call it when the goal changes."""
        ...

    def prepare(self, problem: Problem) -> None:
        """Does all that is done once, such as recording or compiling: the next plan of such a problem takes no longer.

        No plan is remembered.
        """
        ...


PLANNERS: Registry[Planner] = Registry("planner")
