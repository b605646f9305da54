# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task planner node: instructions and goals to plans that stand still, and their steps to whoever does them."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.execute_task import POLICIES, REJECT, TaskServer
from robot_planner.nodes.interfaces import Acts, Asks, Gives, Quality, Takes
from robot_planner.nodes.messages import latent_from_message
from robot_planner.nodes.parameters import ANY_TIME, parameter
from robot_planner.nodes.runner import run
from robot_planner.nodes.task_execution import FlatPlace, Place, TablePlace
from robot_planner.nodes.task_models import (
    BACKENDS,
    LOCAL,
    TRANSFORMERS,
    ServerParameters,
    TransformersParameters,
    load_language_model,
)
from robot_planner.nodes.task_order import Code
from robot_planner.nodes.task_thread import Ended, TaskThread
from robot_planner.task_planning.language_model import LanguageModel
from robot_planner.task_planning.nested import Budgets
from robot_planner_interfaces.action import ExecuteTask, ReachGoal
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.msg import TaskPlannerStatus

TICK = 0.05
"""Period of what watches over a task [s]."""
HOUSEHOLD, TABLETOP = "household", "tabletop"


@dataclass(frozen=True)
class TaskPlannerParameters:
    """Parameters of the task planner node; those of the servers and of transformers are under their names."""

    domain: str = parameter(
        HOUSEHOLD, "Where tasks are done: household, a flat simulated in this node; tabletop, by reach_goal.",
        choices=(HOUSEHOLD, TABLETOP),
    )  # fmt: skip
    backend: str = parameter(
        LOCAL, "What writes plans: the small model of our own, one of transformers, a server of OpenAI's protocol.",
        choices=BACKENDS,
    )  # fmt: skip
    model: str = parameter("task_planner", "Shipped model or model folder; of a server, the model's name there.")
    device: str = parameter("cpu", "Torch device that a model in this node runs on.")
    threads: int = parameter(1, "Torch threads.", minimum=1, maximum=64)
    constrained: bool = parameter(True, "Hold the model to the scene's grammar.", changes=ANY_TIME)
    second_goal: str = parameter(
        REJECT, "What becomes of a task that comes while another is under way.", choices=POLICIES, changes=ANY_TIME
    )
    queue_length: int = parameter(
        4, "Tasks that may wait, with second_goal queue.", minimum=1, maximum=100, changes=ANY_TIME
    )
    only_fixed_points: bool = parameter(
        True, "Only a plan that stands still is done: no convergence, no motion.", changes=ANY_TIME
    )
    corrections: int = parameter(
        10, "Rounds after the first: default and upper limit.", minimum=0, maximum=1000, changes=ANY_TIME
    )
    iterations: int = parameter(20, "Refinements of one round.", minimum=1, maximum=1000, changes=ANY_TIME)
    restarts: int = parameter(
        3, "Texts without a draft, of a round that came to a plan with known faults.",
        minimum=0, maximum=100, changes=ANY_TIME,
    )  # fmt: skip
    steps: int = parameter(
        200, "That may be done for a task: default and upper limit.", minimum=0, maximum=100_000, changes=ANY_TIME
    )
    tokens: int = parameter(
        50_000, "That may be written for a task: default and upper limit.",
        minimum=1, maximum=100_000_000, changes=ANY_TIME,
    )  # fmt: skip
    tokens_per_plan: int = parameter(1024, "Of one text.", minimum=1, maximum=100_000, changes=ANY_TIME)
    seconds: float = parameter(
        600.0, "For a task: default and upper limit; steady time.",
        unit="s", minimum=0.1, maximum=36000.0, changes=ANY_TIME,
    )  # fmt: skip
    window: int = parameter(5, "Last answers that the model is told.", minimum=0, maximum=100, changes=ANY_TIME)
    household_seed: int = parameter(1, "Of the flat and what lies where; drawn when the node is configured.", minimum=0)
    household_step_seconds: float = parameter(
        0.0, "What a step in the flat takes.", unit="s", minimum=0.0, maximum=600.0
    )
    tabletop_model: str = parameter(
        "tidy", "Model of kind lbp whose encoder makes the latents that the table is read from."
    )
    place_tolerance: float = parameter(0.005, "Within which a block is in a place.", unit="m", minimum=0.0, maximum=0.1)
    latent_timeout: float = parameter(
        2.0, "The table must be seen within this; steady time.", unit="s", minimum=0.05, maximum=60.0, changes=ANY_TIME
    )
    step_time_limit: float = parameter(
        60.0, "For one attempt of the arm at a step; on the planner node's clock.",
        unit="s", minimum=0.1, maximum=36000.0, changes=ANY_TIME,
    )  # fmt: skip
    step_attempts: int = parameter(
        2, "Attempts of the arm at a step that it does not bring to its end in time.",
        minimum=1, maximum=100, changes=ANY_TIME,
    )  # fmt: skip


class TaskPlannerNode(ManagedNode):
    """Plans tasks by refining a plan until it stands still, does it step by step, and learns from what fails.

    What the checker refuses is never done, and each step is checked once more before it begins. After a failure
    planning goes on from the present state. A flat is simulated in this node, and stays as the tasks leave it; at the
    table each step is one text goal of ``reach_goal``, and what is seen comes from the latents.
    """

    node_name = "task_planner"
    parameters_class = TaskPlannerParameters
    interfaces = (
        Takes("latent", LatentMessage, "What perception sees of the table.", when="domain is tabletop"),
        Gives("task_planner_status", TaskPlannerStatus, "On change and once a second.", Quality.LATCHED),
        Asks("reach_goal", ReachGoal, "Does one step.", when="domain is tabletop"),
        Acts("execute_task", ExecuteTask, "Plans a task and does it; feedback at every refinement and every step."),
    )

    def __init__(self, **kwargs: Any) -> None:
        """Takes what rclpy's Node takes; the action is served, and refused with its reason, in every state."""
        self.model: LanguageModel
        self.place: Place
        self.thread: TaskThread
        self._status_said = 0.0
        super().__init__(**kwargs)
        self.execute_task = TaskServer(self)

    @classmethod
    def parameter_groups(cls) -> dict[str, type]:
        """Those of the backends."""
        return {"server": ServerParameters, TRANSFORMERS: TransformersParameters}

    # --- hooks ---

    def set_up(self) -> None:
        """Loads the model and the place, and starts the planning thread."""
        limits = self.limits
        if limits.tokens_per_plan > limits.tokens:
            raise InvalidInputError(
                f"tokens_per_plan is {limits.tokens_per_plan}; allowed: up to tokens, {limits.tokens}"
            )
        self.model = self.load_language_model()
        self._status = self.advertise("task_planner_status")
        self.place = self.make_place()
        self.thread = TaskThread(self._deliver)
        self.every(TICK, self._tick, "watch")

    def start(self) -> None:
        """Counts anew."""
        self.execute_task.last_error = ""
        self.execute_task.tasks = self.execute_task.successes = 0
        self.status_changed()

    def stop(self, reason: str) -> None:
        """Ends every task; the arm is told to stop."""
        self.execute_task.end_all(Code.DEACTIVATED, f"the task planner was stopped: {reason}")
        self.status_changed()

    def tear_down(self) -> None:
        """Ends the planning thread."""
        thread, place = (vars(self).pop(name, None) for name in ("thread", "place"))  # a set-up that fails has neither
        if thread is not None and not thread.close():
            self.get_logger().error("the model or the executor did not come back; its thread is left behind")
        if place is not None:
            place.close()

    @property
    def busy(self) -> bool:
        """Whether a result has still to be sent."""
        return self.execute_task.pending > 0

    def destroy_node(self) -> None:
        """Ends the action server with the node."""
        if hasattr(self, "execute_task"):  # a node whose parameters are refused has none
            self.execute_task.destroy()
        super().destroy_node()

    # --- what it is made of ---

    def load_language_model(self) -> LanguageModel:
        """The model that the parameters name; raises ModelError, EnvironmentSetupError, InvalidInputError."""
        p = self.parameters
        return load_language_model(
            p.backend, p.model, p.device, p.threads, self.groups["server"], self.groups[TRANSFORMERS]
        )

    def make_place(self) -> Place:
        """The flat, or the table; raises ModelError."""
        p = self.parameters
        if p.domain == HOUSEHOLD:
            return FlatPlace(p.household_seed, p.household_step_seconds)
        from robot_planner.planning.arrangement_distance import ArrangementDistance
        from robot_planner.task_planning.table_reading import TableReader

        lbp = self.load_lbp()
        distance = ArrangementDistance(lbp.readout, lbp.encoder.plan_dim).distance
        place = TablePlace(self, lbp, TableReader(distance, p.place_tolerance))
        self.subscribe(
            "latent", lambda message: place.on_latent(latent_from_message(message, place.latent_dim, place.encoder))
        )
        return place

    def load_lbp(self) -> Any:
        """The Lbp of the table; raises ModelError."""
        import torch

        from robot_planner.lbp import load_lbp

        torch.set_num_threads(self.parameters.threads)
        return load_lbp(self.parameters.tabletop_model)

    @property
    def limits(self) -> Budgets:
        """Defaults and upper limits."""
        p = self.parameters
        names = ("corrections", "iterations", "restarts", "steps", "tokens", "tokens_per_plan", "seconds", "window")
        values = {name: getattr(p, name) for name in names}
        return Budgets(**values, only_fixed_points=p.only_fixed_points)

    def _deliver(self, ended: Ended) -> None:
        """On the task planner's thread."""
        self.call_soon(lambda: self.execute_task.on_ended(ended), "ended")

    # --- status ---

    def status_changed(self) -> None:
        """Says at once what the task planner is doing; nothing while it isn't set up."""
        if not self.is_set_up:
            return
        self._status_said = time.monotonic()
        p, server = self.parameters, self.execute_task
        message = TaskPlannerStatus(
            state=self._state_number(), backend=p.backend, model=self.model.name, domain=p.domain,
            waiting=len(server.waiting), tasks=server.tasks, successes=server.successes, last_error=server.last_error,
        )  # fmt: skip
        message.header.stamp = self.get_clock().now().to_msg()
        if server.current is not None and server.current.order is not None:
            message.instruction = server.current.order.instruction
        scene = self.place.glance()
        message.objects = [f"{thing} {kind}" for thing, kind in scene.objects.items()]
        message.facts = sorted(map(str, scene.visible))
        self._status.publish(message)

    def _state_number(self) -> int:
        if self.execute_task.current is None:
            return int(TaskPlannerStatus.IDLE)
        return int(TaskPlannerStatus.EXECUTING if self.execute_task.executing else TaskPlannerStatus.PLANNING)

    def _tick(self) -> None:
        self.execute_task.tick()
        if time.monotonic() - self._status_said >= 1.0:
            self.status_changed()

    def diagnose(self) -> dict[str, str]:
        """What the task planner adds to the diagnostics."""
        server, p = self.execute_task, self.parameters
        values = {"backend": p.backend, "domain": p.domain, "last error": server.last_error}
        if server.current is not None:
            values["task elapsed [s]"] = f"{server.current.elapsed:.1f}"
        return values


def main(args: Sequence[str] | None = None) -> int:
    """Runs the node."""
    return run(TaskPlannerNode, args)


if __name__ == "__main__":
    sys.exit(main())
