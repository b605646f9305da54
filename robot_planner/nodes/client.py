# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A client of the action ``reach_goal``, for scripts and for nodes.

from robot_planner.nodes.client import ReachGoalClient
from robot_planner.types import Goal

with ReachGoalClient() as client:
    outcome = client.reach(Goal(image=picture), time_limit=20.0)
print(outcome.error, outcome.distance)
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rclpy
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from robot_planner.environment import prepare_environment
from robot_planner.errors import EnvironmentSetupError
from robot_planner.nodes.messages import image_to_message, latent_to_message
from robot_planner.types import Goal
from robot_planner_interfaces.action import ReachGoal

ERRORS = {
    value: name
    for name in dir(ReachGoal.Result)
    if name.isupper() and isinstance(value := getattr(ReachGoal.Result, name), int)
}
"""Error code -> its name, such as 200 -> TIMEOUT."""
PERIOD = 0.05
"""How long callbacks run between two looks at whether it is over [s]."""
ASK_AGAIN = 5.0
"""A goal that nobody has answered for so long is sent again [s, steady time]: a server loses its answer if it sends one
before it knows its client. The planner takes the newer goal for the older one's successor."""


@dataclass(frozen=True)
class Outcome:
    """How a goal ended."""

    error_code: int
    """Zero if the goal was reached, as the model reads the camera."""
    message: str
    distance: float
    """From the goal at the end, in the unit of the goal metric."""
    duration: float
    """[s]."""
    plans: int

    @property
    def reached(self) -> bool:
        """Whether the planner says that the goal was reached."""
        return self.error_code == ReachGoal.Result.NONE

    @property
    def error(self) -> str:
        """Name of the error code: NONE if the goal was reached."""
        return ERRORS.get(self.error_code, str(self.error_code))


class Attempt:
    """One goal that was sent; its callbacks run where its client's node is spun."""

    def __init__(self, on_feedback: Callable[[Any], None] | None) -> None:
        self.feedback: Any = None
        """The newest feedback message; None before the first."""
        self.outcome: Outcome | None = None
        """None until it has ended."""
        self._on_feedback = on_feedback
        self._handle: Any = None
        self._cancelled = False
        self._asked = 0

    @property
    def waiting(self) -> bool:
        """Nobody has answered yet, and the goal is still wanted."""
        return self._handle is None and not self._cancelled

    def asking(self) -> Callable[[Future], None]:
        """What is to take the server's answer, unless the goal is sent again before."""
        self._asked += 1
        number = self._asked
        return lambda accepting: self.accepted(accepting) if number == self._asked else None

    def cancel(self) -> None:
        """Asks the planner to stop; the outcome follows."""
        self._cancelled = True
        if self._handle is not None:
            self._handle.cancel_goal_async()

    def hear(self, message: Any) -> None:
        """Takes feedback."""
        self.feedback = message.feedback
        if self._on_feedback is not None:
            self._on_feedback(message.feedback)

    def accepted(self, accepting: Future) -> None:
        """Takes the server's answer."""
        handle: Any = accepting.result()
        self._handle = handle
        if not handle.accepted:  # ours accepts all goals and says why it can't pursue one; another may not
            self.outcome = Outcome(ReachGoal.Result.INVALID_GOAL, "the server refused the goal", math.nan, 0.0, 0)
            return
        handle.get_result_async().add_done_callback(self._ended)
        if self._cancelled:
            handle.cancel_goal_async()

    def _ended(self, future: Future) -> None:
        answer: Any = future.result()
        self.outcome = self._read(answer.result)

    def _read(self, result: Any) -> Outcome:
        return Outcome(
            int(result.error_code), result.error_msg, float(result.distance), float(result.duration), int(result.plans)
        )


class ReachGoalClient:
    """Sends goals; with a node of its own, or with yours, which you spin in another thread or by ``spin``."""

    def __init__(
        self, node: Node | None = None, spin: Callable[[float], None] = time.sleep, action: str = "reach_goal"
    ) -> None:
        """``spin`` lets the callbacks of ``node`` run for so many seconds at most."""
        self._context: Context | None = None
        if node is None:
            prepare_environment()
            self._context = Context()
            rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
            node = rclpy.create_node("reach_goal_client", context=self._context)
            executor = SingleThreadedExecutor(context=self._context)
            executor.add_node(node)
            self._executor, spin = executor, executor.spin_once
        self.node, self._spin = node, spin
        self._client: ActionClient = ActionClient(node, ReachGoal, action)
        self._action = action
        self._timers: list[Any] = []

    def __enter__(self) -> "ReachGoalClient":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Frees what it made; your node stays."""
        for timer in self._timers:
            self.node.destroy_timer(timer)
        self._timers.clear()
        self._client.destroy()
        if self._context is not None:
            self._executor.shutdown()
            self.node.destroy_node()
            self._context.try_shutdown()

    @property
    def ready(self) -> bool:
        """Whether there is a server."""
        return bool(self._client.server_is_ready())

    def wait(self, timeout: float = 10.0) -> None:
        """Returns when there is a server; raises EnvironmentSetupError after ``timeout`` [s]."""
        deadline = time.monotonic() + timeout
        while not self.ready:
            if time.monotonic() > deadline:
                raise EnvironmentSetupError(
                    f"nobody serves the action '{self._action}' within {timeout:g} s: is the planner up, and is "
                    "ROS_DOMAIN_ID the same?"
                )
            self._spin(PERIOD)

    def send(
        self,
        goal: Goal,
        algorithm: str = "",
        tolerance: float = 0.0,
        time_limit: float = 0.0,
        on_feedback: Callable[[Any], None] | None = None,
    ) -> Attempt:
        """Sends a goal and returns at once; what is empty or zero is left to the planner's parameters."""
        message = ReachGoal.Goal(algorithm=algorithm, tolerance=float(tolerance), time_limit=float(time_limit))
        if goal.image is not None:
            message.goal_type = ReachGoal.Goal.IMAGE
            message.image = image_to_message(goal.image, self.node.get_clock().now().nanoseconds)
        elif goal.latent is not None:
            message.goal_type, message.latent = ReachGoal.Goal.LATENT, latent_to_message(goal.latent)
        else:
            message.goal_type, message.text = ReachGoal.Goal.TEXT, goal.text or ""
        attempt = Attempt(on_feedback)

        def put() -> None:
            asked = self._client.send_goal_async(message, feedback_callback=attempt.hear)
            asked.add_done_callback(attempt.asking())

        def look() -> None:
            if attempt.waiting:
                put()
            else:
                self._timers.remove(timer)
                self.node.destroy_timer(timer)

        put()
        timer = self.node.create_timer(ASK_AGAIN, look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._timers.append(timer)
        return attempt

    def reach(self, goal: Goal, *args: Any, timeout: float = 10.0, **kwargs: Any) -> Outcome:
        """Sends a goal, as ``send`` does, and waits for its outcome; an exception, such as Ctrl-C, cancels it.

        Raises EnvironmentSetupError if there is no server within ``timeout`` [s], or if it is lost for so long.
        """
        self.wait(timeout)
        attempt = self.send(goal, *args, **kwargs)
        seen = time.monotonic()
        try:
            while attempt.outcome is None:
                self._spin(PERIOD)
                seen = time.monotonic() if self.ready else seen
                if time.monotonic() - seen > timeout:
                    raise EnvironmentSetupError(f"the server of '{self._action}' has gone")
        except BaseException:
            attempt.cancel()
            self._spin(PERIOD)
            raise
        return attempt.outcome
