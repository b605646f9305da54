# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo of whole tasks: how the plan is refined, line by line, and the steps as the arm does them."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rclpy.action import ActionClient

from robot_planner.evaluation.recording import Recording
from robot_planner.nodes.client import Attempt, Outcome
from robot_planner.nodes.demo_session import Session
from robot_planner.nodes.graph import Graph
from robot_planner.task_planning.texts import edits
from robot_planner.types import Goal
from robot_planner_interfaces.action import ExecuteTask

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ERRORS = {
    value: name
    for name in dir(ExecuteTask.Result)
    if name.isupper() and isinstance(value := getattr(ExecuteTask.Result, name), int)
}
"""Error code -> its name, such as 304 -> BUDGET."""
BAR = 20
"""Characters of a residual of 1."""
STYLES = {"+": "green", "-": "red", " ": ""}


@dataclass(frozen=True)
class TaskOutcome(Outcome):
    """How a task ended; ``plans`` are the refinements."""

    plan: str = ""
    done: str = ""
    rounds: int = 0
    tokens: int = 0

    @property
    def error(self) -> str:
        """Name of the error code: NONE if the goals are met."""
        return ERRORS.get(self.error_code, str(self.error_code))


class TaskAttempt(Attempt):
    """One task that was sent."""

    def _read(self, result: Any) -> Outcome:
        return TaskOutcome(
            int(result.error_code), result.error_msg, math.nan, float(result.seconds), int(result.iterations),
            result.plan, result.done, int(result.rounds), int(result.tokens),
        )  # fmt: skip


@dataclass
class Course:
    """What was heard of a task: told line by line as it comes, kept for the figure."""

    say: Callable[[str, str], None]
    """Line and style."""
    residuals: list[tuple[int, float]] = field(default_factory=list)
    """Round and residual of each refinement."""
    stage: str = ""
    _plan: str = ""

    def hear(self, feedback: Any) -> None:
        """Takes the action's feedback."""
        kinds = ExecuteTask.Feedback
        if feedback.stage == kinds.REFINING:
            self.residuals.append((int(feedback.outer), float(feedback.residual)))
            filled = round(BAR * min(max(feedback.residual, 0.0), 1.0)) if math.isfinite(feedback.residual) else 0
            self.stage = f"refining, round {feedback.outer + 1}"
            self.say(
                f"round {feedback.outer + 1}, refinement {feedback.inner}: residual {feedback.residual:.2f} "
                f"{'█' * filled}{'░' * (BAR - filled)} {feedback.tokens} tokens, {feedback.seconds:.1f} s",
                "bold" if feedback.residual == 0.0 else "",
            )
            if feedback.residual != 0.0:
                for sign, line in edits(self._plan, feedback.plan):
                    self.say(f"  {sign} {line}", STYLES[sign])
            self._plan = feedback.plan
        elif feedback.stage == kinds.EXECUTING and feedback.step >= 0:
            steps = feedback.plan.splitlines()
            self.stage = f"step {feedback.step + 1} of {len(steps) - 1}: {steps[feedback.step]}"
            self.say(self.stage, "cyan")
        elif feedback.stage == kinds.ANSWERED:
            self.say(f"answer: {feedback.last_feedback}", "yellow")


class TaskSession(Session):
    """A session whose goals are tasks of the task planner."""

    def __init__(self, graph: Graph, pulse: Callable[[], None], course: Course, frames: bool = True) -> None:
        """See Session."""
        super().__init__(graph, pulse, frames)
        self.course = course

    def __enter__(self) -> "TaskSession":
        super().__enter__()
        self._tasks: ActionClient = ActionClient(self.node, ExecuteTask, "execute_task")
        return self

    def __exit__(self, *exception: object) -> None:
        """See Session."""
        self._tasks.destroy()
        super().__exit__(*exception)

    def wait_active(self, timeout: float) -> None:
        """See Session."""
        super().wait_active(timeout)
        self.wait(self._tasks.server_is_ready, "the action 'execute_task'")

    def _send(self, recording: Recording, goal: Goal) -> Attempt:
        attempt = TaskAttempt(self._hear)
        message = ExecuteTask.Goal(instruction=goal.text or "", seconds=float(recording.time_limit))
        self._tasks.send_goal_async(message, feedback_callback=attempt.hear).add_done_callback(attempt.accepted)
        return attempt

    def _hear(self, feedback: Any) -> None:
        self.course.hear(feedback)
        self.stage = self.course.stage or self.stage


def write_residuals(folder: Path, residuals: list[tuple[int, float]]) -> Path:
    """Writes residual.png: the residual of each refinement, a colour a round; raises EnvironmentSetupError."""
    from matplotlib.ticker import MaxNLocator

    from robot_planner.evaluation.report import COLORS, write_figure

    def draw(axes: "Axes") -> None:
        for number in sorted({outer for outer, _ in residuals}):
            points = [(at, value) for at, (outer, value) in enumerate(residuals, 1) if outer == number]
            axes.plot(*zip(*points, strict=True), "o-", color=COLORS[number % len(COLORS)], label=f"round {number + 1}")
        axes.set(xlabel="refinement", ylabel="residual", ylim=(-0.05, 1.05), title="The plan stands still at 0")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if residuals:
            axes.legend()

    return write_figure(folder / "residual.png", draw)
