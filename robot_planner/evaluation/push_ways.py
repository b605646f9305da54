# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Pushes whose way is once, twice and four times as long, for planners of once, twice and four times the horizon."""

import numpy as np

from robot_planner.description import BLOCKS
from robot_planner.simulation.tasks.base import TASKS, Episode
from robot_planner.simulation.tasks.planar import Push, distance_to_segment
from robot_planner.simulation.workspace import BLOCK_SIZE, MAX_ACTION

SHORTEST_WAY, LONGEST_WAY = 3.0, 6.0
"""Of the simple push, in actions of full length."""
HORIZON = 8
"""Of plans for the simple push: its longest way and a third."""
BEHIND = 0.06
"""Of the tool from the block's centre before it pushes [m]."""
LENGTHS = {1: (0.06, 0.10), 2: (0.10, 0.20), 4: (0.20, 0.34)}
"""How far the block is pushed [m], by the factor."""


def way_in_actions(episode: Episode) -> float:
    """Length of a push's way for the tool: to behind the block, round it where it is in the way, and along the push."""
    block = BLOCKS.index(episode.target["block"])
    begin, end = episode.start.blocks[block, :2], episode.goal.blocks[block, :2]
    direction = (end - begin) / np.linalg.norm(end - begin)
    tool, behind = episode.start.tool[:2], begin - BEHIND * direction
    detour = np.pi / 2 * BEHIND if distance_to_segment(begin[None], tool, behind)[0] < BLOCK_SIZE else 0.0
    length = np.linalg.norm(behind - tool) + detour + np.linalg.norm(episode.goal.tool[:2] - behind)
    return float(length / MAX_ACTION)


class ScaledPush(Push):
    """A push whose way is ``factor`` times as long."""

    def __init__(self, factor: int) -> None:
        self.name, self.distances = task_name(factor), LENGTHS[factor]
        self.factor = factor

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task."""
        while True:
            episode = super().sample(rng, seed)
            if SHORTEST_WAY <= way_in_actions(episode) / self.factor < LONGEST_WAY:
                return episode


def task_name(factor: int) -> str:
    """What the task of a factor is called."""
    return f"push-{factor}x"


for _factor in LENGTHS:
    TASKS.register(task_name(_factor))(lambda factor=_factor: ScaledPush(factor))
