# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The inner loop: a plan is refined, x <- f(x), until it stands still.

Li et al., "Closed-loop long-horizon robotic planning via equilibrium sequence modeling", ICML 2025, arXiv 2410.01440,
iterate to exact equality of two successive plans or a cap. Here a plan that was met before ends the solve too: greedy
refinement would only go round. What then counts is fewest faults, then the model's own score, then which was first met;
the same order chooses at the cap and at the end of a budget, so that never the merely newest plan is returned.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.language_model import DeadlineError, Generation, GenerationCancelledError
from robot_planner.task_planning.plan import PlanSyntaxError, Step, TaskPlan, parse_plan
from robot_planner.task_planning.records import as_record


class Reason(str, Enum):
    """Why a solve ended."""

    FIXED_POINT = "fixed_point"
    """f(x) = x exactly."""
    CYCLE = "cycle"
    """f goes round; the plan is the best of the cycle's members."""
    CAP = "cap"
    """No refinement is left; the plan is the best that was met."""
    STALLED = "stalled"
    """Refinements in a row left as many faults as there were, or more; the plan is the best that was met."""
    BUDGET = "budget"
    """No time or no token is left; the plan is the best that was met."""
    UNPARSABLE = "unparsable"
    """The model failed to write a plan in the same way twice running; the plan is the best that was met."""
    CANCELLED = "cancelled"
    """The caller asked for the end; the plan is the best that was met."""


@dataclass(frozen=True)
class Draft:
    """One iterate: what a refinement made of the draft before."""

    plan: TaskPlan | None
    """None if the text was no plan; the next draft is then the last good one."""
    residual: float
    """Distance to the draft that was refined, see ``distance``; 1 if either was no plan."""
    faults: int = 0
    """Rules that the plan breaks and goals that it is known to leave unmet; 0 of a text that is no plan."""
    error: str = ""
    """Why the text is no plan."""
    generation: Generation = Generation("")

    def rank(self, place: int) -> tuple[int, float, int]:
        """The order among drafts, best least; ``place`` counts as they were met."""
        score = self.generation.log_probability
        return self.faults, math.inf if math.isnan(score) else -score, place


@dataclass(frozen=True)
class Equilibrium:
    """Where a solve ended, and the way there."""

    plan: TaskPlan | None
    """None if no refinement gave a plan and none was there at the start."""
    reason: Reason
    drafts: tuple[Draft, ...]
    """Every refinement in its order; the start is none."""
    faults: int = 0
    """Of ``plan``; see Draft."""
    seconds: float = 0.0
    cycle_length: int = 0
    """Plans in the cycle; 1 at a fixed point, 0 if neither was found."""

    @property
    def converged(self) -> bool:
        """The plan is a fixed point."""
        return self.reason is Reason.FIXED_POINT

    @property
    def iterations(self) -> int:
        """Refinements made."""
        return len(self.drafts)

    @property
    def residuals(self) -> tuple[float, ...]:
        """Of every refinement; 0 is a fixed point."""
        return tuple(draft.residual for draft in self.drafts)

    @property
    def tokens(self) -> int:
        """Tokens written."""
        return sum(draft.generation.new_tokens for draft in self.drafts)

    @property
    def forwards(self) -> int:
        """Calls of the network's decoder."""
        return sum(draft.generation.forwards for draft in self.drafts)

    @property
    def draft_tokens(self) -> int:
        """Of the tokens, those taken over from drafts."""
        return sum(draft.generation.draft_tokens for draft in self.drafts)

    @property
    def prompt_tokens(self) -> int:
        """Tokens of all prompts."""
        return sum(draft.generation.prompt_tokens for draft in self.drafts)

    @property
    def reused_tokens(self) -> int:
        """Of the prompts' tokens, those whose keys and values were still known."""
        return sum(draft.generation.reused_tokens for draft in self.drafts)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        names = ("iterations", "residuals", "tokens", "forwards", "draft_tokens", "prompt_tokens", "reused_tokens")
        return as_record(self) | {name: as_record(getattr(self, name)) for name in names}


class Refine(Protocol):
    """f of one task at fixed feedback: writes a plan, given a draft of it or None for none yet.

    See LanguageModel for what it may raise.
    """

    def __call__(self, draft: TaskPlan | None, max_tokens: int) -> Generation:
        """``max_tokens``: what is left for the text."""
        ...


def distance(one: TaskPlan | None, other: TaskPlan | None) -> float:
    """Edit distance of two plans with steps as symbols, over the longer one's length: 0 if equal, 1 at most."""
    if one is None or other is None:
        return 1.0
    longer = max(len(one.steps), len(other.steps))
    return _edit_distance(one.steps, other.steps) / longer if longer else 0.0


def _edit_distance(one: Sequence[Step], other: Sequence[Step]) -> int:
    row = list(range(len(other) + 1))
    for i, symbol in enumerate(one, 1):
        diagonal, row[0] = row[0], i
        for j, against in enumerate(other, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (symbol != against))
    return row[-1]


def solve_discrete(
    refine: Refine,
    start: TaskPlan | None = None,
    *,
    cap: int = 20,
    patience: int | None = None,
    faults: Callable[[TaskPlan], int] = lambda plan: 0,
    tokens: int = 1_000_000,
    tokens_per_plan: int = 1024,
    deadline: float | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    on_draft: Callable[[Draft], None] = lambda draft: None,
) -> Equilibrium:
    """Refines until the plan stands still.

    Args:
        refine: f; to be ended by the same ``deadline`` and ``cancelled`` between its tokens.
        start: the first draft: any plan (a warm start), or None.
        cap: refinements at most; 1 is a single pass.
        patience: refinements in a row without fewer faults, while there are some, that end the search; None: none do.
        faults: how many a plan has; see Draft.
        tokens: that may be written in all.
        tokens_per_plan: that one text may have.
        deadline: of ``time.monotonic()`` [s].
        cancelled: asked before each refinement.
        on_draft: told of each refinement.

    Raises:
        InvalidInputError: no refinement or no token is allowed.
        LanguageModelError: the model failed.
    """
    if cap < 1 or tokens < 1 or tokens_per_plan < 1:
        raise InvalidInputError(f"cap {cap}, tokens {tokens}, {tokens_per_plan} a plan; allowed: 1 and more of each")
    search = _Search(start, faults, patience)
    begun = time.monotonic()

    def advance() -> Reason | None:
        left = tokens - search.tokens
        if cancelled():
            return Reason.CANCELLED
        if left < 1 or (deadline is not None and time.monotonic() >= deadline):
            return Reason.BUDGET
        if len(search.drafts) >= cap:
            return Reason.CAP
        try:
            generation = refine(search.current, min(left, tokens_per_plan))
        except GenerationCancelledError:
            return Reason.CANCELLED
        except DeadlineError:
            return Reason.BUDGET
        reason = search.take(generation)
        on_draft(search.drafts[-1])
        return reason

    while (reason := advance()) is None:
        pass
    return search.result(reason, time.monotonic() - begun)


class _Search:
    """The drafts met so far."""

    def __init__(self, start: TaskPlan | None, faults: Callable[[TaskPlan], int], patience: int | None) -> None:
        self._faults, self._patience = faults, math.inf if patience is None else patience
        self._fewest, self._idle = math.inf, 0
        self.current, self.drafts, self.tokens = start, list[Draft](), 0
        self._cycle_length = 0
        self._met: dict[TaskPlan, Draft] = {}  # in the order in which f went through them
        if start is not None:
            self._met[start] = Draft(start, 1.0, faults(start))

    def take(self, generation: Generation) -> Reason | None:
        """Enters what a refinement of ``current`` gave; says whether that ends the search."""
        self.tokens += generation.new_tokens
        try:
            plan = parse_plan(generation.text)
        except PlanSyntaxError as error:
            again = bool(self.drafts) and self.drafts[-1].error == str(error)
            self.drafts.append(Draft(None, 1.0, 0, str(error), generation))
            return Reason.UNPARSABLE if again else None
        known = self._met.get(plan)
        count = known.faults if known else self._faults(plan)
        draft = Draft(plan, distance(self.current, plan), count, "", generation)
        self.drafts.append(draft)
        if known is None or draft.rank(0) < known.rank(0):  # a warm start has no score before it is met again
            self._met[plan] = draft
        fixed, self.current = plan == self.current, plan
        self._idle = self._idle + 1 if count >= max(self._fewest, 1) else 0
        self._fewest = min(self._fewest, count)
        if known is None:
            return Reason.STALLED if self._idle >= self._patience else None
        self._cycle_length = len(self._met) - list(self._met).index(plan)
        return Reason.FIXED_POINT if fixed else Reason.CYCLE

    def result(self, reason: Reason, seconds: float) -> Equilibrium:
        """The best of the cycle's members or, where none was found, of all that was met."""
        members = enumerate(list(self._met.values())[-self._cycle_length :])
        best = min(members, key=lambda item: item[1].rank(item[0]), default=(0, Draft(None, 1.0)))[1]
        drafts, length = tuple(self.drafts), self._cycle_length
        return Equilibrium(best.plan, reason, drafts, best.faults, seconds, length)
