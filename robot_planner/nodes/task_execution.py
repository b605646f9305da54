# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Where the task planner's steps are done: in a simulated flat, or by the arm, each step one goal of ``reach_goal``.

Executors run on the task planner's own thread; whatever touches ROS is handed to the node's.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from robot_planner.errors import InvalidInputError, RobotPlannerError
from robot_planner.nodes.client import Attempt, ReachGoalClient
from robot_planner.nodes.client import Outcome as Arrival
from robot_planner.task_planning.conditions import Condition
from robot_planner.task_planning.domain import Domain
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.execution import Executor, WorldExecutor
from robot_planner.task_planning.households import furnish, sample_layout
from robot_planner.task_planning.plan import Step
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.skills import OBJECTS, goals_of, text_goal, without_heading
from robot_planner.task_planning.table_reading import TableReader, unmet_in
from robot_planner.task_planning.world import Outcome, SymbolicWorld
from robot_planner.types import Goal, Latent
from robot_planner_interfaces.action import ReachGoal

if TYPE_CHECKING:
    from robot_planner.lbp import Lbp
    from robot_planner.nodes.task_planner import TaskPlannerNode

POLL = 0.01
"""How often the arm's course is looked at [s]."""
HALTING = 1.0
"""In which the arm's action must answer a cancel [s]."""
LOST = 5.0
"""After which an action without a server counts as lost [s]."""
AGAIN = (ReachGoal.Result.TIMEOUT, ReachGoal.Result.NO_VALID_PLAN)
"""Ways to end after which the same step is worth another attempt."""


class NoLatentError(RobotPlannerError):
    """Nothing can be seen."""


class Place(Protocol):
    """Where tasks are done."""

    domain: Domain
    own_scenes: bool
    """Whether steps can be done in a scene that the client gives."""

    def glance(self) -> Scene:
        """What is seen now, without waiting for it; may be nothing. On the node's thread."""
        ...

    def executor(self, given: Scene | None) -> Executor:
        """Who does the steps, in the scene that the client gave or the place's own."""
        ...

    def goals_of(self, instruction: str) -> tuple[str, ...]:
        """The goals that an instruction declares; none where words are for the language model alone.

        Raises InvalidInputError where nothing may be done for words that are not understood.
        """
        ...

    def halt(self) -> None:
        """Stops what moves, at once; on the node's thread."""
        ...

    def close(self) -> None:
        """Frees what it holds."""
        ...


class FlatPlace:
    """A flat drawn by a seed; it stays as the tasks leave it."""

    own_scenes = True

    def __init__(self, seed: int, step_seconds: float) -> None:
        self.domain = load_domain("household")
        random = Random(seed)
        self._executor = _Flat(furnish(sample_layout(random), random).world(), step_seconds)

    def glance(self) -> Scene:
        """See Place."""
        return self._executor.seen

    def executor(self, given: Scene | None) -> Executor:
        """See Place."""
        if given is None:
            return self._executor
        return _Flat(SymbolicWorld(self.domain, given.objects, given.visible), self._executor.step_seconds)

    def goals_of(self, instruction: str) -> tuple[str, ...]:
        """See Place."""
        return ()

    def halt(self) -> None:
        """See Place; nothing moves."""

    def close(self) -> None:
        """See Place; there is nothing to free."""


@dataclass
class _Flat(WorldExecutor):
    """Keeps what was seen last: the world itself is for the planner's thread alone."""

    def __post_init__(self) -> None:
        self.seen = self.world.scene()

    def scene(self) -> Scene:
        self.seen = super().scene()
        return self.seen


class TablePlace:
    """The table of the arm: seen by latents, changed by ``reach_goal``."""

    own_scenes = False

    def __init__(self, node: "TaskPlannerNode", lbp: "Lbp", reader: TableReader) -> None:
        """``lbp``: the model whose encoder makes the latents, and which understands the instructions."""
        self.domain = load_domain("tabletop")
        self.encoder, self.latent_dim = lbp.encoder.digest, lbp.encoder.latent_dim
        self._node, self._reader, self._language = node, reader, lbp.language
        self._client = ReachGoalClient(node)
        self._attempt: Attempt | None = None
        self._newest: Latent | None = None
        self._came = threading.Condition()

    def on_latent(self, latent: Latent) -> None:
        """Takes what perception saw."""
        with self._came:
            self._newest = latent
            self._came.notify_all()

    def glance(self) -> Scene:
        """See Place."""
        latent, oldest = self._newest, self._node.now() - int(1e9 * self._node.parameters.latent_timeout)
        if latent is None or latent.stamp < oldest:
            return Scene(self.domain, OBJECTS)
        return self._reader.scene(latent.data)

    def executor(self, given: Scene | None) -> Executor:
        """See Place."""
        return _Arm(self)

    def goals_of(self, instruction: str) -> tuple[str, ...]:
        """See Place: an arm is not moved for words of which nobody could say when they are done."""
        return tuple(goals_of(self._language.understand(without_heading(instruction)).arrangement))

    def halt(self) -> None:
        """See Place."""
        if self._attempt is not None:
            self._attempt.cancel()

    def close(self) -> None:
        """See Place."""
        self._client.close()

    def look(self) -> Scene:
        """What is seen from now on; raises NoLatentError."""
        asked, limit = self._node.now(), self._node.parameters.latent_timeout
        with self._came:
            if not self._came.wait_for(lambda: self._newest is not None and self._newest.stamp >= asked, limit):
                dropped = self._node.channel("latent").last_reason
                why = f"; the last one was dropped: {dropped}" if dropped else ""
                raise NoLatentError(f"no fresh latent within {limit:g} s{why}")
            latent = self._newest
        if latent is None:
            raise NoLatentError("no latent")
        return self._reader.scene(latent.data)

    def reach(self, text: str, interrupted: Callable[[], bool]) -> Arrival | str:
        """Asks the arm for one text goal; how it ended, or why it did not come to that."""
        sent: list[Attempt] = []
        limit = self._node.parameters.step_time_limit

        def send() -> None:
            self._attempt = self._client.send(Goal(text=text), time_limit=limit)
            sent.append(self._attempt)
            if interrupted():  # between the asking and the sending
                self._attempt.cancel()

        if not self._wait(lambda: self._client.ready, LOST, interrupted):
            return f"nobody serves the action 'reach_goal' within {LOST:g} s"
        self._node.call_soon(send, "reach_goal")
        seen = time.monotonic()
        while not (sent and sent[0].outcome is not None):
            if interrupted():
                self._node.call_soon(self.halt, "reach_goal")
                self._wait(lambda: bool(sent) and sent[0].outcome is not None, HALTING, lambda: False)
                return "stopped"
            seen = time.monotonic() if self._client.ready else seen
            if time.monotonic() - seen > LOST:
                return "the server of 'reach_goal' has gone"
            time.sleep(POLL)
        return sent[0].outcome

    @staticmethod
    def _wait(condition: Callable[[], bool], seconds: float, interrupted: Callable[[], bool]) -> bool:
        until = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > until or interrupted():
                return False
            time.sleep(POLL)
        return True

    def read(self, goals: Sequence[Condition]) -> tuple[str, ...]:
        """Goals that are not known to hold, by what is seen from now on."""
        return unmet_in(self.look(), goals)

    @property
    def attempts(self) -> int:
        """Of one step."""
        return self._node.parameters.step_attempts


@dataclass(frozen=True)
class _Arm:
    """The executor over the arm."""

    place: TablePlace

    def scene(self) -> Scene:
        return self.place.look()

    def perform(self, step: Step, interrupted: Callable[[], bool]) -> Outcome:
        try:
            text = text_goal(step)
        except InvalidInputError as error:
            return Outcome(False, str(error))
        why = ""
        for _ in range(self.place.attempts):
            arrival = self.place.reach(text, interrupted)
            if isinstance(arrival, str):
                return Outcome(False, arrival)
            if arrival.reached:
                return Outcome(True)
            why = f"the arm did not {text}: {arrival.error.lower().replace('_', ' ')}, {arrival.message}"
            if arrival.error_code not in AGAIN or interrupted():
                break
        return Outcome(False, " ".join(why.split()))

    def unmet(self, goals: Sequence[Condition]) -> tuple[str, ...]:
        return self.place.read(goals)
