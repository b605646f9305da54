# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Closed loop of an LBP policy on the tabletop without ROS: camera frames in, the environment's verdict out."""

from collections.abc import Callable
from dataclasses import dataclass

from robot_planner.lbp import Act
from robot_planner.policy.chunks import ChunkConfig
from robot_planner.simulation.observation import look, proprioception
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks.tidy import stages
from robot_planner.simulation.tool_driver import ChunkFollower


@dataclass(frozen=True)
class Outcome:
    """What became of an episode."""

    success: bool
    stages_done: int
    """Most that the episode had shown as done at any one time."""
    stages: int
    seconds: float
    """Simulated [s]."""


def roll_out(
    tabletop: Tabletop,
    act: Act,
    seconds: float,
    rows: int = 2,
    watch: Callable[[Tabletop], None] | None = None,
    chunks: ChunkConfig | None = None,
) -> Outcome:
    """Drives the present episode until it is done or the time is up; ``rows`` of each chunk are executed.

    ``watch`` is called before each chunk; ``chunks`` says whether the last ones are averaged.
    """
    follower, best, total = ChunkFollower(tabletop, chunks), 0, stages(tabletop.episode, tabletop.state)[1]
    while tabletop.time < seconds:
        if watch is not None:
            watch(tabletop)
        images, body = look(tabletop), proprioception(tabletop)
        follower.follow(act(images["front"], images["wrist"], body), body, rows)
        best = max(best, stages(tabletop.episode, tabletop.state)[0])
        if tabletop.evaluate().success:
            return Outcome(True, total, total, tabletop.time)
    return Outcome(False, min(best, total), total, tabletop.time)


def time_limit(episode_stages: int) -> float:
    """Simulated seconds that an episode may take: about three times what the expert needs."""
    return 6.0 + 8.0 * episode_stages
