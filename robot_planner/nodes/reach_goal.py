# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The action ``reach_goal``: one goal at a time, the newest; every way to end has its error code.

All of this runs on the executor's thread. A pursuit ends by whatever comes first: arrival, time limit, lost latents, a
failed planner, cancel, a newer goal, deactivation.
"""

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy.task import Future

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.goal_server import GoalServer
from robot_planner.nodes.messages import latent_from_message, short
from robot_planner.nodes.planning_thread import Report, Task
from robot_planner.nodes.pursuit import Code, Order, Pursuit, check_request
from robot_planner.types import Latent
from robot_planner_interfaces.action import ReachGoal
from robot_planner_interfaces.srv import EncodeImage

if TYPE_CHECKING:
    from robot_planner.nodes.planner import PlannerNode


class ReachGoalServer(GoalServer[Pursuit]):
    """Serves the action, in every state of the node; a bug stops the node."""

    _node: "PlannerNode"

    def __init__(self, node: "PlannerNode", hold: Callable[[], None], publish: Callable[[Any], None]) -> None:
        """``hold`` publishes what says hold, ``publish`` what was planned for the current pursuit."""
        self._hold, self._publish = hold, publish
        self.latent_arrival = -math.inf
        """Steady time at which the newest good latent came [s]."""
        self._last_tick = 0
        self._last_feedback = 0.0
        super().__init__(node, ReachGoal, "reach_goal", Pursuit)

    # --- the course of a pursuit ---

    def _admit(self, pursuit: Pursuit) -> None:
        """Begins a pursuit, or waits for its goal image to be encoded first."""
        pursuit.order = check_request(pursuit.handle.request, self._node.defaults, self._node.model)
        if pursuit.order.goal is not None:
            self._begin(pursuit, pursuit.order.goal)

    def _broke(self, what: str) -> None:
        self._node.fault(f"reach_goal: {what}")

    def _begin(self, pursuit: Pursuit, goal: Any) -> None:
        if self.current is not None and self.current.number > pursuit.number:
            self._end(pursuit, Code.PREEMPTED, "a newer goal took over")
            return
        former, self.current = self.current, pursuit
        if former is not None:  # no hold between the two: the arm goes on until the first plan for the new goal
            former.end(Code.PREEMPTED, "a newer goal took over")
        pursuit.started = time.monotonic()
        order: Order = pursuit.order  # type: ignore[assignment]
        self._node.thread.pursue(Task(pursuit.number, order.algorithm, goal))
        self._node.status_changed()

    def _end(self, pursuit: Pursuit, code: int, message: str) -> None:
        """Ends a pursuit; if it was the current one the arm is told to hold before anything else."""
        if pursuit is self.current:
            self.current = None
            self._node.thread.pursue(None)
            self._hold()
        self._settle(pursuit, code, message)
        self._node.status_changed()

    def on_latent(self, latent: Latent) -> None:
        """Takes a good, fresh latent."""
        self.latent_arrival = time.monotonic()
        self._node.thread.observe(latent)

    def on_report(self, report: Report) -> None:
        """Takes what the planning thread found; late words on former goals are ignored."""
        pursuit = self.current
        if pursuit is None or report.number != pursuit.number:
            return
        if report.failure:
            if report.details:
                self._node.get_logger().error(f"planner '{self.algorithm}' failed:\n{report.details}")
            self._end(pursuit, Code.NO_VALID_PLAN, f"planner '{self.algorithm}' failed: {report.failure}")
            return
        for distance in report.distances:
            pursuit.measured(distance)
            if pursuit.near >= self._node.parameters.settle_latents:
                self._end(pursuit, Code.NONE, "")
                return
        if report.plan is not None:
            try:
                self._publish(report.plan)
            except InvalidInputError as error:
                self._end(pursuit, Code.NO_VALID_PLAN, f"planner '{self.algorithm}' made no valid plan: {error}")
                return
            pursuit.plans += 1
            pursuit.cost = report.plan.cost

    @property
    def algorithm(self) -> str:
        """The planner in use."""
        if self.current is not None and self.current.order is not None:
            return self.current.order.algorithm
        return self._node.parameters.algorithm

    def waiting(self) -> bool:
        """Whether a goal is pursued, but no fresh latent arrives."""
        return self.current is not None and self._silence(self.current) > 0.5 * self._node.parameters.latent_timeout

    def _silence(self, pursuit: Pursuit) -> float:
        """Steady time without a latent since planning began [s]."""
        return time.monotonic() - max(self.latent_arrival, pursuit.started)

    # --- the clock ---

    def tick(self) -> None:
        """Called every few milliseconds of steady time while the node is active."""
        now = self._node.now()
        step, self._last_tick = max(0.0, (now - self._last_tick) * 1e-9) if self._last_tick else 0.0, now
        for pursuit in list(self._pending):
            pursuit.elapsed += step
            if pursuit is not self.current and pursuit.order is not None and not pursuit.outcome.done():
                self._attend_encoding(pursuit)
            if pursuit.outcome.done() or pursuit.order is None:
                continue
            if pursuit.elapsed > pursuit.order.time_limit:
                where = "" if math.isnan(pursuit.distance) else f", {pursuit.distance:.4g} from the goal"
                self._end(pursuit, Code.TIMEOUT, f"not reached within {pursuit.order.time_limit:g} s{where}")
        if self.current is not None:
            self._attend(self.current)

    def _attend(self, pursuit: Pursuit) -> None:
        parameters = self._node.parameters
        if self._silence(pursuit) > parameters.latent_timeout:
            dropped = self._node.channel("latent").last_reason
            why = f"; the last one was dropped: {dropped}" if dropped else ""
            self._end(pursuit, Code.NO_LATENT, f"no fresh latent for {parameters.latent_timeout:g} s{why}")
            return
        if time.monotonic() - self._last_feedback >= 1.0 / parameters.feedback_rate:
            self._last_feedback = time.monotonic()
            feedback = ReachGoal.Feedback(distance=float(pursuit.distance), cost=float(pursuit.cost))
            feedback.elapsed, feedback.latent_age = float(pursuit.elapsed), float(self._node.latent_age())
            feedback.plan_rate = float(self._node.plan_rate())
            pursuit.handle.publish_feedback(feedback)

    def _attend_encoding(self, pursuit: Pursuit) -> None:
        """Calls the perception node as soon as it is there; takes its answer or gives up."""
        client, limit = self._node.encoder_client, self._node.parameters.encode_timeout
        if pursuit.encoding is None and client.service_is_ready():
            pursuit.encoding = client.call_async(EncodeImage.Request(image=pursuit.handle.request.image))
        if pursuit.encoding is not None and pursuit.encoding.done():
            self._encoded(pursuit, pursuit.encoding)
        elif time.monotonic() - pursuit.started > limit:
            there = "gave no answer" if pursuit.encoding is not None else "is not there"
            if pursuit.encoding is not None:
                client.remove_pending_request(pursuit.encoding)
            self._end(pursuit, Code.ENCODE_FAILED, f"service {client.srv_name} {there} within {limit:g} s")

    def _encoded(self, pursuit: Pursuit, answer: Future) -> None:
        response = answer.result()
        if response is None or not response.success:
            reason = response.message if response is not None else "no answer"
            self._end(pursuit, Code.ENCODE_FAILED, f"goal image not encoded: {reason}")
            return
        if response.latent.encoder != self._node.encoder:
            theirs, ours = short(response.latent.encoder), short(self._node.encoder)
            self._end(pursuit, Code.WRONG_ENCODER, f"perception encodes with {theirs}; this model's encoder is {ours}")
            return
        try:
            latent = latent_from_message(response.latent, self._node.latent_dim)
            self._begin(pursuit, self._node.model.latent_goal(latent.data))
        except InvalidInputError as error:
            self._end(pursuit, Code.ENCODE_FAILED, f"goal {error}")
