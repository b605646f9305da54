# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks of the tabletop: how an episode begins, what its goal looks like, and when it counts as done.

Seeds: trainings draw from TRAINING_SEEDS, evaluations from HELD_OUT_SEEDS, searches for settings from TUNING_SEEDS.
"""

from robot_planner.errors import UnknownNameError
from robot_planner.simulation.tasks import manipulation, planar, tidy
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
    "make_task",
    "manipulation",
    "planar",
    "tidy",
]


def make_task(text: str) -> Task:
    """The task that ``text`` names, such as "reach" or "tidy/red=bin_a"; raises UnknownNameError, InvalidInputError."""
    name, separator, argument = text.partition("/")
    if not separator:
        return TASKS.make(name)
    if TASKS.factory(name) is not tidy.Tidy:
        raise UnknownNameError("task with an argument", name, [tidy.Tidy.name])
    return tidy.Tidy(argument)
