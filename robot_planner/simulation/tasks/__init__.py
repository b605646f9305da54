# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks of the tabletop: how an episode begins, what its goal looks like, and when it counts as done.

Seeds: trainings draw from TRAINING_SEEDS, evaluations from HELD_OUT_SEEDS, searches for settings from TUNING_SEEDS.
"""

from robot_planner.errors import UnknownNameError
from robot_planner.simulation.tasks import bring, manipulation, planar, tidy
from robot_planner.simulation.tasks.base import (
    BLOCK_TOLERANCE,
    HELD_OUT_SEEDS,
    TASKS,
    TRAINING_SEEDS,
    TUNING_SEEDS,
    Episode,
    SceneState,
    Task,
    Verdict,
)

__all__ = [
    "BLOCK_TOLERANCE",
    "HELD_OUT_SEEDS",
    "TASKS",
    "TRAINING_SEEDS",
    "TUNING_SEEDS",
    "Episode",
    "SceneState",
    "Task",
    "Verdict",
    "bring",
    "make_task",
    "manipulation",
    "planar",
    "tidy",
]


WITH_ARGUMENT: dict[str, type[tidy.Tidy] | type[bring.Bring]] = {"bring": bring.Bring, "tidy": tidy.Tidy}
"""Tasks that take one."""


def make_task(text: str) -> Task:
    """The task that ``text`` names, such as "reach" or "tidy/red=bin_a"; raises UnknownNameError, InvalidInputError."""
    name, separator, argument = text.partition("/")
    if not separator:
        return TASKS.make(name)
    TASKS.factory(name)  # a task that isn't there at all is told as such
    if name not in WITH_ARGUMENT:
        raise UnknownNameError("task with an argument", name, WITH_ARGUMENT)
    return WITH_ARGUMENT[name](argument)
