# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A task in the plane that words ask for: bring one thing to a part of the table.

``bring`` draws the thing and its place from the seed; ``bring/red=left`` names them (see Placement).
"""

from dataclasses import replace

import numpy as np

from robot_planner.description import BLOCKS
from robot_planner.placement import PLACEMENTS, TOOL, Placement, nearest_inside, outside
from robot_planner.simulation.tasks.base import BLOCK_TOLERANCE, TASKS, Episode, FloatVector, SceneState, Verdict, judge
from robot_planner.simulation.tasks.planar import (
    Push,
    block_distances,
    contact_distance,
    distance_to_segment,
    free_tool_point,
    scatter_blocks,
)
from robot_planner.simulation.workspace import BLOCK_HIGH, BLOCK_LOW, TOOL_HEIGHT, TOOL_HIGH, TOOL_LOW

LEAST = 0.04
"""How far outside of its place the thing begins [m]."""
BEHIND = 0.06
"""Of the tool from the block's centre before it pushes [m]."""


@TASKS.register("bring")
class Bring:
    """A placement, from the seed or given."""

    name = "bring"

    def __init__(self, placement: str = "") -> None:
        """``placement`` as text; empty: drawn. Raises InvalidInputError."""
        self._given = Placement.parse(placement) if placement else None

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task. A block can be pushed there in a straight line, from a place that the tool reaches."""
        drawn = PLACEMENTS[int(rng.integers(len(PLACEMENTS)))]
        wanted = self._given or drawn
        while True:
            blocks = scatter_blocks(rng)
            start = SceneState(free_tool_point(rng, blocks), blocks)
            goal = _goal(start, wanted)
            if goal is not None:
                return Episode(self.name, seed, start, goal, {"placement": str(wanted)})

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """The thing is in its place, and no other block has moved."""
        wanted = Placement.parse(episode.target["placement"])
        measured = f"{wanted.entity}_to_{wanted.place}"
        quantities = {measured: (float(outside(_place(state, wanted), wanted.place)), 0.0)}
        for color, moved in zip(BLOCKS, block_distances(replace(episode, goal=episode.start), state), strict=True):
            if color != wanted.entity:
                quantities[f"{color}_block_moved"] = (float(moved), BLOCK_TOLERANCE)
        return judge(quantities, measured)


def _place(state: SceneState, wanted: Placement) -> FloatVector:
    return state.tool[:2] if wanted.entity == TOOL else state.blocks[BLOCKS.index(wanted.entity), :2]


def _goal(start: SceneState, wanted: Placement) -> SceneState | None:
    """The start with the thing in its place; None where that is no task, or can't be done straight."""
    begin = _place(start, wanted)
    if outside(begin, wanted.place) < LEAST:
        return None
    end = nearest_inside(begin, wanted.place)
    if wanted.entity == TOOL:
        is_free = distance_to_segment(start.blocks[:, :2], begin, end).min() >= BEHIND
        return replace(start, tool=np.append(end, TOOL_HEIGHT)) if is_free else None
    block = BLOCKS.index(wanted.entity)
    direction = (end - begin) / np.linalg.norm(end - begin)
    behind, others = begin - BEHIND * direction, np.delete(start.blocks[:, :2], block, axis=0)
    if (
        not ((end >= BLOCK_LOW) & (end <= BLOCK_HIGH) & (behind >= TOOL_LOW) & (behind <= TOOL_HIGH)).all()
        or distance_to_segment(others, behind, end).min() < Push.clearance
    ):
        return None
    blocks = start.blocks.copy()
    blocks[block, :2] = end
    touch = end - (contact_distance(direction, blocks[block, 3]) + 0.002) * direction
    return replace(start, tool=np.append(touch, TOOL_HEIGHT), blocks=blocks)
