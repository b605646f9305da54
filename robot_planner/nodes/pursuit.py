# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One ``reach_goal`` from acceptance to result: what was asked for, how it stands, how it ended."""

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rclpy.task import Future

from robot_planner.errors import UnknownNameError
from robot_planner.nodes.goal_server import Accepted, RefusedError
from robot_planner_interfaces.action import ReachGoal

if TYPE_CHECKING:
    from robot_planner.nodes.planning_models import PlanningModel

Code = ReachGoal.Result
"""Where the error codes are."""


@dataclass(frozen=True)
class Order:
    """A checked request."""

    algorithm: str
    tolerance: float
    time_limit: float
    goal: Any
    """As the model reads it; None where it is an image that has still to be encoded."""


@dataclass(eq=False)
class Pursuit(Accepted):
    """A goal of ``reach_goal`` that has not got its result yet."""

    started: float = field(default_factory=time.monotonic)
    """Steady time [s] of acceptance, and later of the begin of planning."""
    order: Order | None = None
    encoding: Future | None = None
    """The call that encodes the goal image."""
    elapsed: float = 0.0
    """Time on the node's clock since acceptance [s]; a clock that is set back doesn't count."""
    distance: float = math.nan
    cost: float = math.nan
    near: int = 0
    """Successive latents within the tolerance, up to the newest."""
    plans: int = 0

    def measured(self, distance: float) -> None:
        """Takes the distance of one more latent."""
        self.distance = distance
        is_near = self.order is not None and distance <= self.order.tolerance
        self.near = self.near + 1 if is_near else 0

    def result(self, code: int, message: str) -> ReachGoal.Result:
        """The action's result."""
        return ReachGoal.Result(
            error_code=code,
            error_msg=message,
            distance=float(self.distance),
            duration=float(self.elapsed),
            plans=self.plans,
        )


def check_request(request: ReachGoal.Goal, defaults: Order, model: "PlanningModel") -> Order:
    """What a request asks for, ``defaults`` filled in; raises RefusedError."""
    algorithm = request.algorithm or defaults.algorithm
    try:
        model.check_algorithm(algorithm)
    except UnknownNameError as error:
        raise RefusedError(Code.UNKNOWN_ALGORITHM, str(error)) from None
    for name in ("tolerance", "time_limit"):
        value = getattr(request, name)
        if not (math.isfinite(value) and value >= 0.0):
            raise RefusedError(Code.INVALID_GOAL, f"{name} is {value}; allowed: above 0, or 0 for the node's default")
    kinds = (ReachGoal.Goal.TEXT, ReachGoal.Goal.IMAGE, ReachGoal.Goal.LATENT)
    if request.goal_type not in kinds:
        raise RefusedError(
            Code.INVALID_GOAL, f"goal_type is {request.goal_type}; allowed: text (0), image (1), latent (2)"
        )
    return Order(
        algorithm,
        request.tolerance or defaults.tolerance,
        request.time_limit or defaults.time_limit,
        model.read_goal(request),
    )
