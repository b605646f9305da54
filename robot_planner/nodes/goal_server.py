# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the servers of ``reach_goal`` and ``execute_task`` share: every goal is accepted, every end has its error code.

All of this runs on the executor's thread. A goal's coroutine waits for one future, the goal's outcome, which is set by
whatever comes first; a goal that can't be pursued is ended at once, for a refusal by the middleware could not say why.
"""

import traceback
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.task import Future

from robot_planner.errors import RobotPlannerError


class RefusedError(RobotPlannerError):
    """A goal that isn't pursued, with the error code that says why."""

    def __init__(self, code: int, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(eq=False)
class Accepted:
    """A goal that was accepted and has not got its result yet."""

    handle: Any
    number: int
    """Counts the goals in the order of their acceptance."""
    outcome: Future = field(default_factory=Future)
    """(error code, message)."""

    def end(self, code: int, message: str = "") -> None:
        """Sets the outcome, unless there is one."""
        if not self.outcome.done():
            self.outcome.set_result((code, message))

    def result(self, code: int, message: str) -> Any:
        """The action's result."""
        raise NotImplementedError


G = TypeVar("G", bound=Accepted)


class GoalServer(Generic[G]):
    """Serves an action in every state of its node. Subclasses say how a goal begins and what goes with its end."""

    def __init__(self, node: Any, action: Any, name: str, accepted: type[G], **options: Any) -> None:
        """``accepted``: what is made of each goal; ``options``: more for the action server."""
        self._node, self._name, self._accepted, self._codes = node, name, accepted, action.Result
        self.current: G | None = None
        """The goal that is pursued."""
        self.last_error = ""
        self._pending: set[G] = set()
        self._number = 0
        self._server = ActionServer(
            node,
            action,
            name,
            self._execute,
            goal_callback=lambda request: GoalResponse.ACCEPT,
            cancel_callback=self._on_cancel,
            **options,
        )

    @property
    def pending(self) -> int:
        """Goals whose result has still to be sent."""
        return len(self._pending)

    def destroy(self) -> None:
        """Ends the action server."""
        self._server.destroy()

    def end_all(self, code: int, message: str) -> None:
        """Ends every goal there is."""
        for goal in list(self._pending):
            self._end(goal, code, message)

    # --- hooks ---

    def _admit(self, goal: G) -> None:
        """Checks a goal's request, then begins with it or lets it wait; raises RefusedError. The node is active."""
        raise NotImplementedError

    def _end(self, goal: G, code: int, message: str) -> None:
        """Ends a goal, by ``_settle``; if it was the current one the arm is held before anything else."""
        raise NotImplementedError

    def _broke(self, what: str) -> None:
        """A bug of ours has ended a goal before it began; that it was logged and told to the client may be enough."""

    # --- what is done for every goal ---

    async def _execute(self, handle: Any) -> Any:
        self._number += 1
        goal = self._accepted(handle, self._number)
        self._pending.add(goal)
        try:
            if handle.is_cancel_requested:
                goal.end(self._codes.CANCELLED, "cancelled before it began")
            else:
                self._receive(goal)
            code, message = await goal.outcome  # type: ignore[misc]
        finally:
            self._pending.discard(goal)
        if code == self._codes.NONE:
            handle.succeed()
        elif code == self._codes.CANCELLED and handle.is_cancel_requested:
            handle.canceled()
        else:
            handle.abort()
        return goal.result(code, message)

    def _receive(self, goal: G) -> None:
        node = self._node
        try:
            if not node.active:
                raise RefusedError(
                    self._codes.NOT_ACTIVE, f"{node.get_fully_qualified_name()} is not active, it is {node.state}"
                )
            self._admit(goal)
        except RefusedError as error:
            self._end(goal, error.code, str(error))
        except Exception as error:  # a bug: the action server would print it and forget the goal
            node.get_logger().error(f"{self._name}:\n{traceback.format_exc()}")
            self._end(goal, self._codes.INTERNAL_ERROR, f"{type(error).__name__}; see the node's log")
            self._broke(f"{type(error).__name__}: {error}")

    def _on_cancel(self, handle: Any) -> CancelResponse:
        for goal in list(self._pending):
            if goal.handle == handle:
                self._end(goal, self._codes.CANCELLED, "cancelled by the client")
        return CancelResponse.ACCEPT

    def _settle(self, goal: G, code: int, message: str) -> None:
        """Sets a goal's outcome, unless there is one; a failure is logged and kept."""
        wanted = (self._codes.NONE, self._codes.CANCELLED, self._codes.PREEMPTED)
        if code not in wanted and not goal.outcome.done():
            self.last_error = message
            self._node.get_logger().warning(f"{self._name} ended with {code}: {message}")
        goal.end(code, message)
