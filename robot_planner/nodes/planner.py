# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The planner node: latents and a goal to plans, or to subgoals."""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState
from visualization_msgs.msg import MarkerArray

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.interfaces import Acts, Calls, Gives, Quality, Takes
from robot_planner.nodes.messages import latent_from_message
from robot_planner.nodes.parameters import ANY_TIME, parameter
from robot_planner.nodes.planning_models import PlanningModel
from robot_planner.nodes.planning_thread import PlanningThread, Report, Task
from robot_planner.nodes.pursuit import Code, Order
from robot_planner.nodes.reach_goal import ReachGoalServer
from robot_planner.nodes.runner import run
from robot_planner.types import Latent, Plan
from robot_planner_interfaces.action import ReachGoal
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.msg import Plan as PlanMessage
from robot_planner_interfaces.msg import PlannerStatus
from robot_planner_interfaces.msg import Subgoals as SubgoalsMessage
from robot_planner_interfaces.srv import EncodeImage

TICK = 0.02
"""Period of what watches over a pursuit [s]."""


@dataclass(frozen=True)
class PlannerParameters:
    """Parameters of the planner node; each planner's own ones are under its name."""

    model: str = parameter("tabletop", "Name of a shipped model, or path of a model folder.")
    device: str = parameter("cpu", "Torch device that plans, such as cpu or cuda:0.")
    threads: int = parameter(1, "Torch threads.", minimum=1, maximum=64)
    algorithm: str = parameter("grasp", "Planner for goals that name none; with a model of kind lbp only lbp.")
    metric: str = parameter("", "Goal metric of the model; empty: the model's default.")
    text_goals: str = parameter(
        "tabletop-goals",
        "Model that makes goal latents of texts, with a model of kind world of the same encoder; empty: none.",
    )
    tolerance: float = parameter(
        0.015, "Distance that counts as reached, in the metric's unit, for goals that set none.",
        minimum=0.0, maximum=1000.0, changes=ANY_TIME,
    )  # fmt: skip
    time_limit: float = parameter(
        30.0, "For goals that set none; on the node's clock.", unit="s", minimum=0.1, maximum=36000.0, changes=ANY_TIME
    )
    settle_latents: int = parameter(
        3, "Successive latents within the tolerance that make a success.", minimum=1, maximum=100, changes=ANY_TIME
    )
    latent_timeout: float = parameter(
        0.5, "A goal ends after this long without a fresh latent; steady time.",
        unit="s", minimum=0.02, maximum=60.0, changes=ANY_TIME,
    )  # fmt: skip
    max_latent_age: float = parameter(
        0.5, "Latents of images older than this are dropped.", unit="s", minimum=0.01, maximum=60.0, changes=ANY_TIME
    )
    encode_timeout: float = parameter(
        5.0,
        "Time in which perception must encode a goal image.",
        unit="s",
        minimum=0.05,
        maximum=60.0,
        changes=ANY_TIME,
    )
    plan_rate: float = parameter(
        25.0, "Plans per second at most; between two latents the older one is planned from again, but for subgoals.",
        unit="1/s", minimum=0.1, maximum=1000.0, changes=ANY_TIME,
    )  # fmt: skip
    subgoal_depth: int = parameter(
        -1,
        "Subgoals before the final goal, with a model of kind lbp; -1: as many as its policy was trained with.",
        minimum=-1,
        maximum=16,
    )
    plan_deadline: float = parameter(
        0.035, "Time that one plan may take.", unit="s", minimum=0.001, maximum=60.0, changes=ANY_TIME
    )
    rest_deadline: float = parameter(
        0.1, "Time that a plan may take, if that is more, when by the one before it the arm stands still.",
        unit="s", minimum=0.001, maximum=60.0, changes=ANY_TIME,
    )  # fmt: skip
    look_ahead: bool = parameter(
        True, "Plan from where the world model says that the arm will be when the plan comes out; of kind world alone."
    )
    feedback_rate: float = parameter(
        5.0, "Feedback messages of a goal per second.", unit="1/s", minimum=0.1, maximum=50.0, changes=ANY_TIME
    )
    frame: str = parameter("base_link", "Frame of the plans' actions.")
    markers: bool = parameter(False, "Publish plan_markers.")


class PlannerNode(ManagedNode):
    """Plans from the newest latent towards the goal of ``reach_goal``; without a goal it publishes no plans.

    With a model of kind world the goal is an image, a latent or, in a few words, where one thing is to be, and it
    publishes plans of actions; with one of kind lbp the goal is a text and it publishes subgoals, which the policy
    follows.
    """

    node_name = "planner"
    parameters_class = PlannerParameters
    interfaces = (
        Takes("latent", LatentMessage, "What perception sees; of the model's own encoder."),
        Gives(
            "plan",
            PlanMessage,
            "The newest plan, with the stamp of the image it starts from; without actions: hold.",
            when="the model is of kind world",
        ),
        Gives(
            "subgoals",
            SubgoalsMessage,
            "Latents on the way to the goal, planned from each latent, with the stamp of "
            "its image; without latents: hold.",
            when="the model is of kind lbp",
        ),
        Gives("planner_status", PlannerStatus, "On change and once a second.", Quality.LATCHED),
        Gives("plan_markers", MarkerArray, "The tool's path as planned, for RViz.", Quality.NEWEST, "markers is true"),
        Takes("joint_states", JointState, "Where the path of the markers begins.", Quality.SENSOR, "markers is true"),
        Calls("perception/encode_image", EncodeImage, "Encodes goal images."),
        Acts("reach_goal", ReachGoal, "Moves the arm until the scene looks like the goal."),
    )

    def __init__(self, **kwargs: Any) -> None:
        """Takes what rclpy's Node takes; the action is served, and refused with its reason, in every state."""
        self.encoder, self.latent_dim, self.unit = "", 0, ""
        self.model: PlanningModel
        self._status_said = -math.inf
        self._latent_stamp, self._state_said = 0, -1
        self._plan_time = self._plan_age = math.nan
        super().__init__(**kwargs)
        self.reach_goal = ReachGoalServer(self, self._hold, self._publish)

    @classmethod
    def parameter_groups(cls) -> dict[str, type]:
        """The parameters of every planner, under its name."""
        from robot_planner.planning.catalogue import planner_configs

        return planner_configs()

    # --- hooks ---

    def set_up(self) -> None:
        """Loads the model, starts the planning thread, and waits until its planner is prepared."""
        self._load()
        self.model.check_algorithm(self.parameters.algorithm)
        if self.parameters.markers and self.model.topic != "plan":
            raise InvalidInputError(f"parameter 'markers' draws plans of actions; model '{self.model.name}' makes none")
        self._planned = self.advertise(self.model.topic)
        self._status = self.advertise("planner_status")
        self.encoder_client = self.client("perception/encode_image")
        self._markers = self._make_markers() if self.parameters.markers else None
        self.thread = PlanningThread(
            self.model.make_planner,
            self.model.see,
            self._deliver,
            self.parameters.plan_rate,
            self.parameters.plan_deadline,
            warm_up=(
                Task(0, self.parameters.algorithm, self.model.warm_up_goal()),
                Latent(np.zeros(self.latent_dim, np.float32), self.encoder),
            ),
            replans=self.model.replans,
            rests=self.model.rests,
            rest_deadline=self.parameters.rest_deadline,
            now=self.now if self.parameters.look_ahead and self.model.topic == "plan" else None,
        )
        self.thread.wait_warm()
        self.subscribe("latent", self._on_latent)
        self.every(TICK, self._tick, "watch")

    def start(self) -> None:
        """Forgets the latents of an earlier activation."""
        self._latent_stamp = 0
        self.reach_goal.latent_arrival = -math.inf
        self.reach_goal.last_error = ""
        self.status_changed()

    def stop(self, reason: str) -> None:
        """Ends every goal; the arm is told to hold."""
        self.reach_goal.end_all(Code.DEACTIVATED, f"the planner was stopped: {reason}")
        self.status_changed()

    def tear_down(self) -> None:
        """Ends the planning thread."""
        thread = getattr(self, "thread", None)
        if thread is not None and not thread.close():
            self.get_logger().error("the planner did not come back; its thread is left behind")

    def parameters_changed(self) -> None:
        """Rates and limits apply from the next plan on."""
        parameters, thread = self.parameters, self.thread
        thread.rate, thread.deadline = parameters.plan_rate, parameters.plan_deadline
        thread.rest_deadline = parameters.rest_deadline

    @property
    def busy(self) -> bool:
        """Whether a result has still to be sent."""
        return self.reach_goal.pending > 0

    def destroy_node(self) -> None:
        """Ends the action server with the node."""
        if hasattr(self, "reach_goal"):  # a node whose parameters are refused has none
            self.reach_goal.destroy()
        super().destroy_node()

    # --- the model ---

    def load_model(self) -> Any:
        """The World or Lbp that the parameters name; raises ModelError."""
        from robot_planner.nodes.worlds import load_model

        return load_model(self.parameters.model, self.parameters.device, self.parameters.threads)

    def _load(self) -> None:
        from robot_planner.lbp import Lbp
        from robot_planner.nodes.planning_models import LbpPlanning, WorldPlanning

        p, loaded = self.parameters, self.load_model()
        self.model = (
            LbpPlanning(loaded, p.subgoal_depth)
            if isinstance(loaded, Lbp)
            else WorldPlanning(loaded, p.metric, p.device, self.groups, p.text_goals)
        )
        self.encoder, self.latent_dim, self.unit = self.model.encoder, self.model.latent_dim, self.model.unit
        self.model_digest = self.encoder

    @property
    def defaults(self) -> Order:
        """What a goal gets that sets nothing itself."""
        return Order(self.parameters.algorithm, self.parameters.tolerance, self.parameters.time_limit, None)

    # --- latents in, plans out ---

    def _on_latent(self, message: LatentMessage) -> None:
        latent = latent_from_message(message, self.latent_dim, self.encoder)
        age = (self.now() - latent.stamp) * 1e-9
        if abs(age) > self.parameters.max_latent_age:
            raise InvalidInputError(
                f"latent is {age:.3f} s old; allowed: up to {self.parameters.max_latent_age:g} s "
                "(are the clocks, and use_sim_time, the same everywhere?)"
            )
        self._latent_stamp = latent.stamp
        self.reach_goal.on_latent(latent)

    def _deliver(self, report: Report) -> None:
        """On the planning thread."""
        self.call_soon(lambda: self.reach_goal.on_report(report), "report")

    def _publish(self, planned: Any) -> None:
        """Raises InvalidInputError for what no arm should get."""
        message = self.model.message(planned, self.reach_goal.algorithm, self.parameters.frame)
        self._planned.publish(message)
        if isinstance(planned, Plan):
            self.thread.landed((self.now() - planned.begins) * 1e-9)
        self._plan_time, self._plan_age = planned.seconds, self.age_of(message)
        if self._markers is not None:
            self._markers.publish(planned, message.header)

    def _hold(self) -> None:
        self._planned.publish(self.model.hold(self.now(), self.reach_goal.algorithm, self.parameters.frame))

    def _make_markers(self) -> Any:
        from robot_planner.nodes.plan_markers import PlanMarkers

        return PlanMarkers(self, self.advertise("plan_markers"))

    # --- status ---

    def latent_age(self) -> float:
        """Age of the newest good latent [s]; NaN before the first."""
        return (self.now() - self._latent_stamp) * 1e-9 if self._latent_stamp else math.nan

    def plan_rate(self) -> float:
        """Plans published over the last second [1/s]."""
        return self._planned.channel.rate_over(1.0)

    def status_changed(self) -> None:
        """Says at once what the planner is doing; nothing while it isn't set up."""
        if not self.is_set_up:
            return
        self._status_said = time.monotonic()
        current = self.reach_goal.current
        message = PlannerStatus(
            state=self._state_number(),
            algorithm=self.reach_goal.algorithm,
            model=self.model.name,
            encoder=self.encoder,
        )
        message.header.stamp = self.get_clock().now().to_msg()
        message.distance = float(current.distance) if current is not None else math.nan
        message.plan_rate, message.plan_time = float(self.plan_rate()), float(self._plan_time)
        message.latent_age, message.plans = float(self._plan_age), self._planned.channel.count
        message.last_error = self.reach_goal.last_error
        self._state_said = message.state
        self._status.publish(message)

    def _state_number(self) -> int:
        if self.reach_goal.current is None:
            return PlannerStatus.IDLE
        return PlannerStatus.WAITING if self.reach_goal.waiting() else PlannerStatus.PLANNING

    def _tick(self) -> None:
        self.reach_goal.tick()
        if self._state_said != self._state_number() or time.monotonic() - self._status_said >= 1.0:
            self.status_changed()

    def diagnose(self) -> dict[str, str]:
        """What the planner adds to the diagnostics."""
        current = self.reach_goal.current
        values = {"algorithm": self.reach_goal.algorithm, "last error": self.reach_goal.last_error}
        if current is not None:
            values |= {
                f"distance [{self.unit}]": f"{current.distance:.4g}",
                "goal elapsed [s]": f"{current.elapsed:.1f}",
            }
        return values


def main(args: Sequence[str] | None = None) -> int:
    """Runs the node."""
    return run(PlannerNode, args)


if __name__ == "__main__":
    sys.exit(main())
