# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One ``execute_task`` from acceptance to result: what was asked for, within which limits, and how it ended."""

import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.goal_server import Accepted, RefusedError
from robot_planner.task_planning.condition_text import parse_fact
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain import Domain
from robot_planner.task_planning.feedback import CHECKER, Feedback
from robot_planner.task_planning.nested import Budgets, Event, Result, Stop
from robot_planner.task_planning.plan import ObjectRef, PlanSyntaxError, TaskPlan, parse_plan, parse_step
from robot_planner.task_planning.prompt import describe_feedback
from robot_planner.task_planning.scene import LONGEST_INSTRUCTION, MOST_GOALS, MOST_OBJECTS, Scene
from robot_planner_interfaces.action import ExecuteTask

Code = ExecuteTask.Result
"""Where the error codes are."""
LONGEST_PLAN_TEXT = 50_000
"""Characters."""
MOST_FACTS = 20_000
LONGEST_SCENE = 1_000_000
"""Characters of all that tells of a scene or of goals."""
CODES = {
    Stop.SUCCESS: Code.NONE,
    Stop.PREDICTED_SUCCESS: Code.NONE,
    Stop.UNTESTED: Code.NONE,
    Stop.EQUAL_EQUILIBRIA: Code.EXECUTION_FAILED,
    Stop.REFUSED: Code.UNSAFE_PLAN,
    Stop.NO_PLAN: Code.NO_PLAN,
    Stop.NOT_CONVERGED: Code.NOT_CONVERGED,
    Stop.CYCLE: Code.CYCLE,
    Stop.CORRECTIONS: Code.BUDGET,
    Stop.STEPS: Code.BUDGET,
    Stop.TOKENS: Code.BUDGET,
    Stop.SECONDS: Code.BUDGET,
    Stop.CANCELLED: Code.CANCELLED,
}
"""Why the loop ended -> error code."""
REASONS = {
    Stop.EQUAL_EQUILIBRIA: "the plan does not change any more, and does not meet the goals",
    Stop.REFUSED: "the checker refuses the plan, and it does not change any more",
    Stop.NO_PLAN: "the model wrote nothing that is a plan",
    Stop.NOT_CONVERGED: "no plan stood still",
    Stop.CYCLE: "the refinement goes round",
    Stop.CORRECTIONS: "no correction is left",
    Stop.STEPS: "the plan has more steps than are left",
    Stop.TOKENS: "no token is left",
    Stop.SECONDS: "no time is left",
    Stop.CANCELLED: "cancelled",
}


@dataclass(frozen=True)
class Order:
    """A checked request; what depends on the scene is checked when its turn has come."""

    instruction: str
    goals: tuple[str, ...]
    scene: Scene | None
    """Given by the client; None: the executor's own."""
    plan_only: bool
    warm_start: TaskPlan | None
    budgets: Budgets


@dataclass(eq=False)
class Assignment(Accepted):
    """A task that was accepted and has not got its result yet."""

    order: Order | None = None
    started: float = math.nan
    """Steady time at which it became its turn [s]."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    event: Event | None = None
    """The newest."""
    refinements: int = 0
    success: bool = False
    done: list[str] = field(default_factory=list)
    tried: int = 0
    """Steps that were begun."""

    def end(self, code: int, message: str = "") -> None:
        """Sets the outcome, unless there is one, and stops what is done for it."""
        self.cancelled.set()
        super().end(code, message)

    @property
    def deadline(self) -> float:
        """Steady time at which its budget is spent [s]; infinite before its turn."""
        return math.inf if self.order is None or math.isnan(self.started) else self.started + self.order.budgets.seconds

    @property
    def elapsed(self) -> float:
        """Time since it became its turn [s]."""
        return 0.0 if math.isnan(self.started) else time.monotonic() - self.started

    def took(self, event: Event) -> None:
        """Takes what happened."""
        self.refinements += event.stage == "refining"
        self.event = event

    def result(self, code: int, message: str) -> ExecuteTask.Result:
        """The action's result."""
        event = self.event
        return ExecuteTask.Result(
            error_code=code,
            error_msg=message,
            success=self.success,
            plan=_text(event.plan if event else None),
            done="\n".join(self.done),
            rounds=event.outer + 1 if event else 0,
            iterations=self.refinements,
            steps=self.tried,
            tokens=event.tokens if event else 0,
            seconds=float(self.elapsed),
        )

    def feedback(self, event: Event, step: int = -1) -> ExecuteTask.Feedback:
        """The action's feedback."""
        stages = ExecuteTask.Feedback
        numbers = {"refining": stages.REFINING, "testing": stages.EXECUTING, "feedback": stages.ANSWERED}
        return ExecuteTask.Feedback(
            stage=numbers.get(event.stage, stages.ENDING),
            outer=event.outer,
            inner=event.inner,
            residual=float(event.residual),
            plan=_text(event.plan),
            step=step,
            last_feedback=describe_feedback(event.feedback) if event.feedback else "",
            tokens=event.tokens,
            seconds=float(event.seconds),
        )


def _text(plan: TaskPlan | None) -> str:
    return "" if plan is None else str(plan)


def verdict(result: Result) -> tuple[int, str]:
    """Error code and message of a loop that has ended."""
    answers = [feedback for entry in result.rounds for feedback in entry.feedback]
    last: Feedback | None = answers[-1] if answers else None
    code = CODES[result.stop]
    if result.stop is Stop.CORRECTIONS and last is not None and last.source == CHECKER:
        code = Code.UNSAFE_PLAN
    message = REASONS.get(result.stop, "")
    if result.stop is Stop.NO_PLAN and result.rounds and result.rounds[-1].equilibrium.drafts:
        message += f": {result.rounds[-1].equilibrium.drafts[-1].error}"
    elif message and last is not None:
        message += f"; the last answer: {describe_feedback(last)}"
    return code, message


def check_request(request: ExecuteTask.Goal, limits: Budgets, domain: Domain, own_scenes: bool) -> Order:
    """What a request asks for, the node's limits filled in; raises RefusedError.

    ``own_scenes``: whether what is done can be done in a scene that the client gives.
    """
    try:
        _check_sizes(request)
        scene = given_scene(domain, request.objects, request.facts)
        if scene is not None and not (own_scenes or request.plan_only):
            raise InvalidInputError("objects and facts are given; on the table only what is seen counts (or plan_only)")
        warm_start = parse_plan(request.warm_start) if request.warm_start.strip() else None
        budgets = _budgets(request, limits)
    except InvalidInputError as error:
        raise RefusedError(Code.INVALID_GOAL, str(error)) from None
    return Order(request.instruction, tuple(request.goals), scene, request.plan_only, warm_start, budgets)


def _check_sizes(request: ExecuteTask.Goal) -> None:
    """Before anything is read: a huge request must not cost time."""
    for name, size, most, unit in (
        ("instruction", len(request.instruction), LONGEST_INSTRUCTION, "characters"),
        ("goals", len(request.goals), MOST_GOALS, "conditions"),
        ("objects", len(request.objects), MOST_OBJECTS, "things"),
        ("facts", len(request.facts), MOST_FACTS, "facts"),
        *(
            (name, sum(map(len, getattr(request, name))), LONGEST_SCENE, "characters")
            for name in ("goals", "objects", "facts")
        ),
        ("warm_start", len(request.warm_start), LONGEST_PLAN_TEXT, "characters"),
    ):
        if size > most:
            raise InvalidInputError(f"{name} has {size} {unit}; allowed: up to {most}")
    if not (request.instruction.strip() or request.goals):
        raise InvalidInputError("neither an instruction nor goals are given; allowed: one of the two, or both")


def _budgets(request: ExecuteTask.Goal, limits: Budgets) -> Budgets:
    asked = {"steps": request.steps, "tokens": request.tokens, "seconds": request.seconds}
    chosen: dict[str, Any] = {name: value for name, value in asked.items() if value != 0}
    if request.corrections >= 0:
        chosen["corrections"] = request.corrections
    for name, value in chosen.items():
        if not 0 <= value <= getattr(limits, name):
            raise InvalidInputError(
                f"{name} is {value:g}; allowed: up to {getattr(limits, name):g}, or none of its own"
            )
    return Budgets(**{**vars(limits), **chosen})


def given_scene(domain: Domain, objects: list[str], facts: list[str]) -> Scene | None:
    """The scene that a request gives; None if it gives none. Raises InvalidInputError."""
    if not objects and facts:
        raise InvalidInputError("facts are given without objects; give both")
    if not objects:
        return None
    things: dict[ObjectRef, str] = {}
    for text in objects:
        written, _, kind = text.strip().rpartition(" ")
        try:
            thing = parse_step(f"[IT] {written}").objects
        except PlanSyntaxError:
            thing = ()
        if len(thing) != 1 or not kind:
            raise InvalidInputError(f"'{text[:80]}' is no thing with its type; allowed: such as <apple> (3) food")
        if thing[0] in things:
            raise InvalidInputError(f"{thing[0]} is listed twice")
        things[thing[0]] = kind
    known: set[Fact] = {parse_fact(text) for text in facts}
    return Scene(domain, things, frozenset(known))
