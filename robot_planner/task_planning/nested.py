# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The outer loop: the plan that stands still is tried, and what comes back is told to the model that refines it.

One round: solve the inner equilibrium at fixed feedback, from the last round's; let the checker see it; try it. The
loop ends with success, with two successive equal equilibria that all have answered, or with a budget, each by its name.
With a world model and an environment the rounds take turns, the world model first, and what it said is dropped from the
prompt once the environment has spoken (Li et al., arXiv 2410.01440, section 4.3).
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.equilibrium import Draft, Equilibrium, Reason, Refine, solve_discrete
from robot_planner.task_planning.feedback import CHECKER, ENVIRONMENT, WORLD_MODEL, Feedback, Tester
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.records import as_record

PATIENCE = 2
"""Refinements in a row that leave as many known faults as there were; more of them would hardly help."""


class Stop(str, Enum):
    """Why the outer loop ended."""

    SUCCESS = "success"
    """The environment says that every declared goal is met."""
    PREDICTED_SUCCESS = "predicted_success"
    """The world model says so, and there is no environment to ask."""
    UNTESTED = "untested"
    """There is nothing to try plans on; the checker accepts the plan."""
    EQUAL_EQUILIBRIA = "equal_equilibria"
    """Whoever can be asked has answered this plan, and it does not change any more."""
    REFUSED = "refused"
    """The checker refuses the plan, and it does not change any more."""
    NO_PLAN = "no_plan"
    """The model wrote nothing that is a plan."""
    NOT_CONVERGED = "not_converged"
    """No fixed point was found, and only fixed points may be tried."""
    CYCLE = "cycle"
    """The refinement goes round, and only fixed points may be tried."""
    CORRECTIONS = "corrections"
    STEPS = "steps"
    TOKENS = "tokens"
    SECONDS = "seconds"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Budgets:
    """How much one task may take."""

    corrections: int = 10
    """Rounds after the first."""
    iterations: int = 20
    """Refinements of one round; 1: a single pass."""
    steps: int = 100_000
    """That may be executed in the environment, over all rounds."""
    tokens: int = 1_000_000
    """That may be written, over all rounds."""
    tokens_per_plan: int = 1024
    """Of one text."""
    seconds: float = 3600.0
    window: int = 5
    """Last plans and answers that the model is told; what was seen is told of all."""
    restarts: int = 3
    """Of a round that came to a plan with known faults, without a draft: the first greedy, the others sampled."""
    only_fixed_points: bool = False
    """A plan that does not stand still is never tried."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            least = 1 if entry.name in ("iterations", "tokens", "tokens_per_plan") else 0
            if not value >= least:
                raise InvalidInputError(f"{entry.name} is {value}; allowed: {least} and more")


@dataclass(frozen=True)
class Round:
    """One equilibrium and what came back."""

    equilibrium: Equilibrium
    feedback: tuple[Feedback, ...] = ()
    """Empty where the loop ended first; two where the world model's approval went before the environment's answer."""


@dataclass(frozen=True)
class Event:
    """What has just happened, for whoever watches."""

    stage: str
    """``refining``, ``testing``, ``feedback`` or ``done``."""
    outer: int
    """Rounds begun before this one."""
    inner: int
    """Refinements made in this round."""
    residual: float
    """Of the last refinement."""
    plan: TaskPlan | None
    feedback: Feedback | None
    """The last one, of this round or one before."""
    tokens: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """How a task ended."""

    plan: TaskPlan | None
    """Of the last round that has one; where the world is not reset, what is left of it."""
    stop: Stop
    rounds: tuple[Round, ...]
    steps: int = 0
    """Executed in the environment."""
    seconds: float = 0.0

    @property
    def success(self) -> bool:
        """The environment said so; a prediction is none."""
        return self.stop is Stop.SUCCESS

    @property
    def tokens(self) -> int:
        """Tokens written."""
        return sum(entry.equilibrium.tokens for entry in self.rounds)

    @property
    def forwards(self) -> int:
        """Calls of the network's decoder."""
        return sum(entry.equilibrium.forwards for entry in self.rounds)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        rounds = [{"equilibrium": r.equilibrium.record(), "feedback": as_record(r.feedback)} for r in self.rounds]
        totals = {"success": self.success, "tokens": self.tokens, "forwards": self.forwards}
        return as_record({"plan": self.plan, "stop": self.stop, "steps": self.steps, "seconds": self.seconds}) | (
            totals | {"rounds": rounds}
        )


Attempts = Sequence[tuple[TaskPlan, Feedback]]
"""Plans and what came back, oldest first."""


@dataclass
class NestedLoop:
    """The outer loop for one task."""

    refine_after: Callable[[Attempts, int], Refine]
    """f at fixed feedback, and the restart for which it is asked: 0 for none."""
    refusal: Callable[[TaskPlan], Feedback | None] = lambda plan: None
    """The checker's answer to a plan that must not be tried; None if it may."""
    faults: Callable[[TaskPlan], int] = lambda plan: 0
    """How many faults the checker finds; see ``CheckResult``."""
    environment: Tester | None = None
    world_model: Tester | None = None
    budgets: Budgets = field(default_factory=Budgets)
    cancelled: Callable[[], bool] = lambda: False
    """Asked between any two pieces of work; to be given to the model as well."""
    on_event: Callable[[Event], None] = lambda event: None
    still_to_do: Callable[[TaskPlan, Feedback], TaskPlan] = lambda plan, feedback: plan
    """What is left of a plan that the environment could not finish: all, where each trial begins anew."""

    def __post_init__(self) -> None:
        self._begun = time.monotonic()
        self._rounds: list[Round] = []
        self._attempts: list[tuple[TaskPlan, Feedback]] = []
        self._answered: set[str] = set()  # who has answered the last plan since it stopped changing
        self._steps = self._spent = 0
        self._drafts: list[Draft] = []
        self._plan: TaskPlan | None = None

    @property
    def deadline(self) -> float:
        """Of ``time.monotonic()`` [s]; to be given to the model as well."""
        return self._begun + self.budgets.seconds

    def run(self, start: TaskPlan | None = None) -> Result:
        """Plans until the loop ends; raises what the model and the testers raise.

        Args:
            start: the first round's first draft; a warm start.
        """
        self._plan = start
        while (stop := self._round()) is None:
            pass
        self._tell("done", self._plan)
        return Result(self._plan, stop, tuple(self._rounds), self._steps, time.monotonic() - self._begun)

    def _round(self) -> Stop | None:
        previous = self._plan
        found = self._solve()
        self._rounds.append(Round(found))
        if found.plan != previous:
            self._answered.clear()
        self._plan = found.plan or self._plan
        if (stop := self._unfit(found)) is not None or found.plan is None:
            return stop or Stop.NO_PLAN
        if (stop := self._ask(found.plan)) is not None:
            return stop
        if len(self._rounds) > self.budgets.corrections:
            return Stop.CORRECTIONS
        return Stop.TOKENS if self._spent >= self.budgets.tokens else self._interrupted()

    def _solve(self) -> Equilibrium:
        """From the last plan; where that leads to one that is known not to do, from texts without a draft."""
        self._drafts = []
        found = self._solve_from(self._plan, 0, self.budgets.iterations)
        for restart in range(1 + (self._plan is None), 1 + self.budgets.restarts):
            if self._ended(found) or not self._wanting(found):
                break
            other = self._solve_from(None, restart, 1)
            if self.budgets.iterations > 1 and not self._ended(other) and not self._wanting(other):
                other = self._better(other, self._solve_from(other.plan, 0, self.budgets.iterations))
            found = self._better(found, other)
        return found

    def _ended(self, found: Equilibrium) -> bool:
        """Whether a solve was interrupted, or nothing more may be written."""
        return found.reason in (Reason.CANCELLED, Reason.BUDGET) or self._spent >= self.budgets.tokens

    def _wanting(self, found: Equilibrium) -> bool:
        """Whether something is known to be wrong with a plan, or it was answered already."""
        return found.plan is None or found.faults > 0 or self._failed(found.plan)

    def _rank(self, found: Equilibrium) -> tuple[bool, bool, bool, int]:
        moving = self.budgets.only_fixed_points and not found.converged
        return found.plan is None, moving, self._failed(found.plan), found.faults

    def _failed(self, plan: TaskPlan | None) -> bool:
        return any(plan == tried for tried, _ in self._attempts)

    def _better(self, one: Equilibrium, other: Equilibrium) -> Equilibrium:
        """The one with which less is wrong, the first where nothing tells them apart; with the drafts of both."""
        interrupted = other.reason in (Reason.CANCELLED, Reason.BUDGET)
        best = other if interrupted else min(one, other, key=self._rank)
        return replace(best, drafts=(*one.drafts, *other.drafts), seconds=one.seconds + other.seconds)

    def _solve_from(self, start: TaskPlan | None, restart: int, cap: int) -> Equilibrium:
        def on_draft(draft: Draft) -> None:
            self._drafts.append(draft)
            self._spent += draft.generation.new_tokens
            self._tell("refining", draft.plan)

        return solve_discrete(
            self.refine_after(tuple(self._attempts), restart),
            start,
            cap=cap,
            patience=PATIENCE,
            faults=self.faults,
            tokens=self.budgets.tokens - self._spent,
            tokens_per_plan=self.budgets.tokens_per_plan,
            deadline=self.deadline,
            cancelled=self.cancelled,
            on_draft=on_draft,
        )

    def _unfit(self, found: Equilibrium) -> Stop | None:
        """Why what was found is not to be tried."""
        if found.reason is Reason.CANCELLED:
            return Stop.CANCELLED
        if found.reason is Reason.BUDGET:
            return Stop.TOKENS if self._spent >= self.budgets.tokens else Stop.SECONDS
        if found.plan is None:
            return Stop.NO_PLAN
        if self.budgets.only_fixed_points and not found.converged:
            return Stop.CYCLE if found.reason is Reason.CYCLE else Stop.NOT_CONVERGED
        return self._interrupted()

    def _interrupted(self) -> Stop | None:
        """What ends the loop between any two pieces of work."""
        if self.cancelled():
            return Stop.CANCELLED
        return Stop.SECONDS if time.monotonic() >= self.deadline else None

    def _ask(self, plan: TaskPlan) -> Stop | None:
        """Checker, then whoever's turn it is; None if the answer is to be learnt from."""
        refusal = self.refusal(plan)
        if refusal is not None:
            if CHECKER in self._answered:
                return Stop.REFUSED
            self._learn(plan, replace(refusal, success=False, source=CHECKER))
            return None
        present = self._present()
        if not present:
            return Stop.UNTESTED
        waiting = [name for name in present if name not in self._answered]
        if not waiting:
            return Stop.EQUAL_EQUILIBRIA
        for name in waiting:
            if name == ENVIRONMENT and len(plan.steps) > self.budgets.steps - self._steps:
                return Stop.STEPS
            self._tell("testing", plan)
            feedback = replace(present[name].test(plan), source=name)
            if name == ENVIRONMENT:
                failed = feedback.failed_step
                self._steps += len(plan.steps) if failed is None else failed + 1
            self._learn(plan, feedback)
            if not feedback.success:
                if name == ENVIRONMENT:
                    self._plan = self.still_to_do(plan, feedback)
                return None
            if name == ENVIRONMENT:
                return Stop.SUCCESS
            if (stop := self._interrupted()) is not None:
                return stop
        return Stop.PREDICTED_SUCCESS

    def _present(self) -> dict[str, Tester]:
        """Whom there is to ask, who spoke last at the end."""
        testers = {WORLD_MODEL: self.world_model, ENVIRONMENT: self.environment}
        spoke = [feedback.source for _, feedback in self._attempts if feedback.source in testers][-1:]
        order = sorted(testers, key=lambda name: name in spoke)
        return {name: tester for name in order if (tester := testers[name]) is not None}

    def _learn(self, plan: TaskPlan, feedback: Feedback) -> None:
        if feedback.source == ENVIRONMENT:
            self._attempts = [entry for entry in self._attempts if entry[1].source != WORLD_MODEL]
        self._attempts.append((plan, feedback))
        self._answered.add(feedback.source)
        last = self._rounds[-1]
        self._rounds[-1] = replace(last, feedback=(*last.feedback, feedback))
        self._tell("feedback", plan, feedback)

    def _tell(self, stage: str, plan: TaskPlan | None, feedback: Feedback | None = None) -> None:
        last = self._attempts[-1][1] if self._attempts else None
        residual = self._drafts[-1].residual if self._drafts else math.nan
        outer = max(0, len(self._rounds) - (stage != "refining"))
        seconds = time.monotonic() - self._begun
        event = Event(stage, outer, len(self._drafts), residual, plan, feedback or last, self._spent, seconds)
        self.on_event(event)
