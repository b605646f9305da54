# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The action ``execute_task``: one task at a time; what becomes of a second is a parameter; every end has its code.

All of this runs on the node's thread but ``_work``, which plans and executes on the task planner's. Whatever that does,
a task ends: by what it found, by cancel, by a newer task, by deactivation, or by the node's own clock.
"""

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from rclpy.qos import QoSProfile

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.goal_server import GoalServer, RefusedError
from robot_planner.nodes.task_execution import NoLatentError
from robot_planner.nodes.task_order import Assignment, Code, Order, check_request, verdict
from robot_planner.nodes.task_thread import Ended
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.execution import Execution
from robot_planner.task_planning.language_model import LanguageModelError
from robot_planner.task_planning.nested import Event, Result, Stop
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.plan_task import plan_task
from robot_planner.task_planning.scene import Scene, Task, parse_goals
from robot_planner_interfaces.action import ExecuteTask

if TYPE_CHECKING:
    from robot_planner.nodes.task_planner import TaskPlannerNode

REJECT, QUEUE, PREEMPT = "reject", "queue", "preempt"
POLICIES = (REJECT, QUEUE, PREEMPT)
FEEDBACK_DEPTH = 100
"""Feedback messages kept for a slow network: the refinements of a small model come in bursts."""
LATE = 2.0
"""How long after its budget of seconds a task is ended though its thread has not come back [s]."""


class TaskServer(GoalServer[Assignment]):
    """Serves the action, in every state of the node."""

    _node: "TaskPlannerNode"

    def __init__(self, node: "TaskPlannerNode") -> None:
        self.waiting: deque[Assignment] = deque()
        self.executing = False
        self.tasks = self.successes = 0
        """Ended, and of them those whose goals were met."""
        super().__init__(
            node, ExecuteTask, "execute_task", Assignment, feedback_pub_qos_profile=QoSProfile(depth=FEEDBACK_DEPTH)
        )

    def end_all(self, code: int, message: str) -> None:
        """Ends every task there is."""
        self.waiting.clear()
        super().end_all(code, message)

    # --- the course of a task ---

    def _admit(self, assignment: Assignment) -> None:
        """Begins a task, or lets it wait."""
        node = self._node
        assignment.order = check_request(
            assignment.handle.request, node.limits, node.place.domain, node.place.own_scenes
        )
        self._line_up(assignment)

    def _line_up(self, assignment: Assignment) -> None:
        """A second task is refused, waits, or takes over, as the parameter says; raises RefusedError."""
        policy, most = self._node.parameters.second_goal, self._node.parameters.queue_length
        if self.current is not None and policy == REJECT:
            raise RefusedError(Code.BUSY, "another task is under way")
        if self.current is not None and policy == QUEUE:
            if len(self.waiting) >= most:
                raise RefusedError(Code.BUSY, f"{most} tasks are waiting already")
            self.waiting.append(assignment)
            self._node.status_changed()
            return
        former = [*self.waiting, *([self.current] if self.current else [])]
        self.waiting.clear()
        for other in former:
            self._end(other, Code.PREEMPTED, "a newer task took over")
        self._begin(assignment)

    def _begin(self, assignment: Assignment) -> None:
        self.current, self.executing = assignment, False
        assignment.started = time.monotonic()
        self._node.thread.begin(assignment.number, lambda: self._work(assignment))
        self._node.status_changed()

    def _end(self, assignment: Assignment, code: int, message: str, success: bool = False) -> None:
        """Ends a task; if it was its turn nothing moves before anything else, and the next one begins."""
        if assignment in self.waiting:
            self.waiting.remove(assignment)
        if not assignment.outcome.done():
            self.tasks += 1
            self.successes += success
            assignment.success = success
        self._settle(assignment, code, message)
        if assignment is self.current:
            self.current, self.executing = None, False
            self._node.place.halt()
            if self.waiting:
                self._begin(self.waiting.popleft())
        self._node.status_changed()

    def on_event(self, assignment: Assignment, event: Event, step: int = -1, done: tuple[str, ...] = ()) -> None:
        """Takes what happened; late words on former tasks are ignored."""
        if assignment is not self.current:
            return
        assignment.took(event)
        if step >= 0:
            assignment.tried += 1
            assignment.done = list(done)
        changed = self.executing != (event.stage == "testing")
        self.executing = event.stage == "testing"
        assignment.handle.publish_feedback(assignment.feedback(event, step))
        if changed:
            self._node.status_changed()

    def on_ended(self, ended: Ended) -> None:
        """Takes how a task's work ended."""
        assignment = self.current
        if assignment is None or ended.number != assignment.number:
            return
        if ended.error is not None:
            self._end(assignment, *self._failure(ended.error, ended.details))
            return
        result, done, note = ended.result
        assignment.done, assignment.tried = list(done), result.steps
        code, message = verdict(result)
        self._end(assignment, code, message or note, result.success)

    def _failure(self, error: Exception, details: str) -> tuple[int, str]:
        """Error code and message of what ended the work with an exception."""
        if isinstance(error, RefusedError):
            return error.code, str(error)
        if isinstance(error, NoLatentError):
            return Code.NO_LATENT, str(error)
        if isinstance(error, LanguageModelError):
            return Code.UNREACHABLE_MODEL, str(error)
        if isinstance(error, InvalidInputError):
            return Code.INVALID_GOAL, str(error)
        self._node.get_logger().error(f"execute_task:\n{details}")
        return Code.INTERNAL_ERROR, f"{type(error).__name__}: {' '.join(str(error).split())}"

    def tick(self) -> None:
        """Called every few milliseconds of steady time while the node is active: no task outlasts its budget."""
        current = self.current
        if current is not None and time.monotonic() > current.deadline + LATE:
            self._end(
                current, Code.BUDGET, f"the model or the executor did not come back {LATE:g} s after the deadline"
            )

    # --- on the task planner's thread ---

    def _work(self, assignment: Assignment) -> tuple[Result, list[str], str]:
        """Plans and executes; the result, the steps that were done, and what there is to say of a success."""
        node, order = self._node, assignment.order
        if order is None:
            raise RuntimeError("a task without an order")
        latest: list[Event] = []

        def interrupted() -> bool:
            return assignment.cancelled.is_set() or time.monotonic() >= assignment.deadline

        def tell(event: Event, step: int = -1) -> None:
            event = replace(event, seconds=assignment.elapsed)  # the loop's own clock began a little later
            latest[:] = [event]
            done = tuple(map(str, execution.done))
            node.call_soon(lambda: self.on_event(assignment, event, step, done), "progress")

        def on_step(plan: TaskPlan, step: int) -> None:
            tell(replace(latest[0], stage="testing", plan=plan), step)

        executor = node.place.executor(order.scene)
        scene = executor.scene() if order.scene is None else order.scene
        task = Task(order.instruction, parse_goals(self._goals(order), scene), scene)
        execution = Execution(executor, task.goals, interrupted, on_step)
        left = max(0.0, assignment.deadline - time.monotonic())
        result = plan_task(
            task,
            node.model,
            environment=None if order.plan_only else execution,
            budgets=replace(order.budgets, seconds=left),
            warm_start=order.warm_start,
            constrained=node.parameters.constrained,
            cancelled=assignment.cancelled.is_set,
            on_event=tell,
            observe=None if order.plan_only else executor.scene,
        )
        if order.scene is None and not order.plan_only:
            executor.scene()  # what the status tells from now on
        return result, [str(step) for step in execution.done], _note(result, task, scene)

    def _goals(self, order: Order) -> tuple[str, ...]:
        if order.goals:
            return order.goals
        try:
            return self._node.place.goals_of(order.instruction)
        except InvalidInputError:
            if not order.plan_only:
                raise
            return ()


def _note(result: Result, task: Task, scene: Scene) -> str:
    """What there is to say of a plan that was not tried."""
    if result.stop is not Stop.UNTESTED or result.plan is None:
        return ""
    notes = [] if result.rounds[-1].equilibrium.converged else ["the plan does not stand still"]
    unmet = check(result.plan, scene, goals=task.goals).unmet
    if unmet:
        notes.append(f"goals that it is known not to meet: {', '.join(unmet)}")
    return "; ".join(notes)
