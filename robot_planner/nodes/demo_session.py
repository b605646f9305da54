# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A running graph as its user sees it: reset the world, send a goal, wait for the outcome, ask for the verdict."""

import json
import os
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation.recording import Recording
from robot_planner.nodes.client import Attempt, ReachGoalClient
from robot_planner.nodes.demo_recorder import Recorder
from robot_planner.nodes.graph import Graph, GraphError
from robot_planner.nodes.messages import image_from_message
from robot_planner.nodes.shared_memory import families_of, remove_unused
from robot_planner.types import Goal
from robot_planner_interfaces.srv import EvaluateTask, ResetWorld

PERIOD = 0.04
"""How long callbacks run between two looks at the nodes and at Ctrl-C [s]."""
PATIENCE = 30.0
"""For what should take a moment [s]."""
ASK_AGAIN = 8.0
"""After which a request without an answer is put again [s]."""
STOPPING = 2.0
"""In which the arm must have come to rest [s]."""
SETTLING = 0.4
"""After which an arm that was told to stand still does [s]."""
STANDING = ("", "idle", "holding", "stopped")
"""States of the policy in which the arm is told to stand still."""


class Session:
    """A client of the whole graph, on a node of its own; its ``pulse`` is called many times a second."""

    def __init__(self, graph: Graph, pulse: Callable[[], None], frames: bool = True) -> None:
        """``graph`` has been started; ``pulse`` may raise, such as InterruptedByUser. ``frames``: see Recorder."""
        self.graph, self.pulse, self._frames = graph, pulse, frames
        self.stage = ""
        """What is going on, in words."""

    def __enter__(self) -> "Session":
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("demo", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.recorder = Recorder(self.node, self._frames)
        self.client = ReachGoalClient(self.node, self._spin)
        self._reset: Any = self.node.create_client(ResetWorld, "simulation/reset_world")
        self._evaluate: Any = self.node.create_client(EvaluateTask, "simulation/evaluate_task")
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends the nodes while ours is still there, then ours, and removes what all of them left."""
        families = families_of(os.getpid())
        self.graph.stop()
        families |= families_of(os.getpid())
        self.client.close()
        self._executor.shutdown()
        self.node.destroy_node()
        self._context.try_shutdown()
        families = families.union(*(child.shared_memory for child in self.graph.children.values()))
        remove_unused(families, besides={os.getpid()})

    def wait_active(self, timeout: float) -> None:
        """Returns when all nodes are active; raises GraphError."""
        deadline = time.monotonic() + timeout
        while not all(child.active for child in self.graph.children.values()):
            if time.monotonic() > deadline:
                self.graph.wait_active(0.0)
            self._spin(PERIOD)
            self.graph.check()
            self.pulse()
        self.stage = "connecting"
        self.wait(lambda: self.client.ready, "the action 'reach_goal'")
        for service in (self._reset, self._evaluate):
            self.wait(service.service_is_ready, f"the service {service.srv_name}")

    def wait(self, condition: Callable[[], Any], what: str, timeout: float = PATIENCE) -> None:
        """Until a condition holds; raises GraphError if a node is lost or it takes longer than ``timeout`` [s]."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise GraphError(f"waited {timeout:g} s for {what}")
            self._spin(PERIOD)
            self.check()
            self.pulse()

    def check(self) -> None:
        """Raises GraphError if a node has died, or has stopped by itself."""
        self.graph.check()
        for child in self.graph.children.values():
            if not child.active:
                raise GraphError(f"node '{child.name}' is no longer active: {child.last_words}")

    def episode(self, recording: Recording) -> None:
        """Runs one episode of ``recording``'s task and seed and fills it; raises GraphError, EnvironmentSetupError."""
        self.stage = "resetting the world"
        goal = self.reset(recording.task, recording.seed)
        self.recorder.begin(recording)
        recording.goal = None if recording.words else goal
        began = self.recorder.now()
        self.stage = "waiting for the camera"
        self.wait(lambda: self.recorder.latent_stamp > began, "an image of the new episode")
        recording.camera_matrix = self.recorder.camera_matrix
        self.stage = "planning and moving"
        self._pursue(recording, Goal(text=recording.words) if recording.words else Goal(image=goal))
        self.stage = "asking the environment"
        recording.verdict = self.evaluate()
        self.recorder.begin(None)
        self.stage = "done"

    def reset(self, task: str, seed: int) -> Any:
        """Starts an episode of the simulation; the goal image (H, W, 3). Raises GraphError."""
        response = self._call(self._reset, ResetWorld.Request(task=task, seed=seed))
        if not response.success:
            raise GraphError(f"the simulation did not reset: {response.message}")
        return image_from_message(response.goal_image)

    def evaluate(self) -> dict[str, Any]:
        """The environment's verdict; to be asked only when no goal is pursued."""
        response = self._call(self._evaluate, EvaluateTask.Request())
        if not response.detail:
            raise GraphError("the simulation gave no verdict")
        detail = json.loads(response.detail)
        return {"success": bool(response.success), "distance": float(response.distance), "detail": detail}

    def _pursue(self, recording: Recording, goal: Goal) -> None:
        recording.began = self.recorder.now()
        attempt = self._send(recording, goal)
        try:
            self.wait(lambda: attempt.outcome is not None, "the outcome", recording.time_limit + PATIENCE)
            recording.ended = self.recorder.now()
            self.wait(lambda: self.recorder.policy_state in STANDING, "the arm to stand still")
            settled = time.monotonic() + SETTLING
            self.wait(lambda: time.monotonic() > settled, "the arm to settle")
        except BaseException:
            self._stop(attempt)
            raise
        outcome = attempt.outcome
        if outcome is None:  # for the type checker: the wait above has seen to it
            raise EnvironmentSetupError("no outcome")
        recording.outcome = {
            "error_code": outcome.error_code,
            "error": outcome.error,
            "message": outcome.message,
            "distance": outcome.distance,
            "duration": outcome.duration,
            "plans": outcome.plans,
        }

    def _send(self, recording: Recording, goal: Goal) -> Attempt:
        return self.client.send(
            goal,
            recording.planner,
            time_limit=recording.time_limit,
            on_feedback=self.recorder.on_feedback,
        )

    def _stop(self, attempt: Attempt) -> None:
        """Cancels a goal and waits, not for long, until the arm stands still."""
        attempt.cancel()
        deadline = time.monotonic() + STOPPING
        while time.monotonic() < deadline and not self.graph.died():
            self._spin(PERIOD)
            if attempt.outcome is not None and self.recorder.policy_state in STANDING:
                return

    def _call(self, client: Any, request: Any) -> Any:
        """The answer to a request that may be put twice; put again after a while, for an answer may be lost.

        One that a server sends before it knows its client is.
        """
        asked: list[Any] = []
        deadline = time.monotonic() + PATIENCE

        def answered() -> bool:
            return any(future.done() for future in asked)

        while not answered():
            asked.append(client.call_async(request))
            again = time.monotonic() + ASK_AGAIN

            def turn(again: float = again) -> bool:
                return answered() or again <= time.monotonic() < deadline

            self.wait(turn, f"an answer of {client.srv_name}", max(deadline - time.monotonic(), 0.0))
        return next(future for future in asked if future.done()).result()

    def _spin(self, seconds: float) -> None:
        """Lets callbacks run for a while."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)
