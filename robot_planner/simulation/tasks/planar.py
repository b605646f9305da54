# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The tasks in the plane, for planners of small displacements: reach, around and push."""

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.description import BLOCKS
from robot_planner.simulation.tasks.base import BLOCK_TOLERANCE, TASKS, Episode, SceneState, Verdict, judge
from robot_planner.simulation.workspace import BLOCK_HIGH, BLOCK_LOW, BLOCK_SIZE, TOOL_HEIGHT, TOOL_HIGH, TOOL_LOW

FloatVector = npt.NDArray[np.float64]

TOOL_TOLERANCE = 0.02
"""How far from the goal the tool may be, in the plane [m]."""
MIN_BLOCK_DISTANCE = 0.07
"""Between the centres of two blocks [m]."""
MIN_TOOL_DISTANCE = 0.06
"""Of the starting (and, in `reach`, the final) tool point from every block's centre [m]."""
FRONT_CAMERA = np.array([1.20, 0.0])
"""Where the front camera stands, in the plane [m]."""
HIDING_WIDTH = 0.03
"""Offset from the line of sight within which the fingers cover a good part of a block [m]."""
GRID = 0.01
"""Of the search for a way round [m]."""
_PADDLE = np.array([0.016, 0.012])
"""Half the size of the closed fingers (x, y)."""


def scatter_blocks(rng: np.random.Generator, high: FloatVector = BLOCK_HIGH) -> FloatVector:
    """(3, 4) blocks lying in the box of the planar tasks, or up to ``high`` (x, y), far enough from each other."""
    while True:
        places = rng.uniform(BLOCK_LOW, high, (len(BLOCKS), 2))
        gaps = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(len(BLOCKS), 1)]
        if gaps.min() >= MIN_BLOCK_DISTANCE:
            yaw = rng.uniform(-np.pi / 4, np.pi / 4, len(BLOCKS))
            return np.column_stack([places, np.full(len(BLOCKS), BLOCK_SIZE / 2), yaw])


def free_tool_point(rng: np.random.Generator, blocks: FloatVector) -> FloatVector:
    """(3,) a point of the plane away from all blocks (3, 4)."""
    while True:
        point = rng.uniform(TOOL_LOW, TOOL_HIGH)
        if np.linalg.norm(blocks[:, :2] - point, axis=1).min() >= MIN_TOOL_DISTANCE:
            return np.append(point, TOOL_HEIGHT)


def distance_to_segment(points: FloatVector, begin: FloatVector, end: FloatVector) -> FloatVector:
    """Points (N, 2) and the segment from ``begin`` to ``end`` (2,) -> distances (N,)."""
    along = end - begin
    fraction = np.clip((points - begin) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    return np.linalg.norm(points - begin - fraction[:, None] * along, axis=1)


def way_exists(points: FloatVector, begin: FloatVector, end: FloatVector, clearance: float) -> bool:
    """Whether the tool can go from ``begin`` to ``end`` (2,) and stay this far [m] from points (N, 2); on a grid."""
    axes = [np.arange(low, high + 1e-9, GRID) for low, high in zip(TOOL_LOW, TOOL_HIGH, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    free = (np.linalg.norm(grid[:, :, None] - points, axis=-1) >= clearance).all(-1)
    _, labels = cv2.connectedComponents(free.astype(np.uint8), connectivity=4)
    found = [labels[tuple(np.round((point - TOOL_LOW) / GRID).astype(int))] for point in (begin, end)]
    return bool(found[0] == found[1] != 0)


def hides(tool: FloatVector, point: FloatVector) -> bool:
    """Whether the fingers at ``tool`` (2,) stand between a block at ``point`` (2,) and the front camera."""
    sight = FRONT_CAMERA - point
    sight = sight / np.linalg.norm(sight)
    offset = tool - point
    return bool(offset @ sight > 0.0 and abs(offset[0] * sight[1] - offset[1] * sight[0]) < HIDING_WIDTH)


def contact_distance(direction: FloatVector, yaw: float) -> float:
    """How far the tool point is from the centre of a block turned by ``yaw`` that it touches from behind [m]."""
    turned = abs(np.cos(yaw) * direction[0] + np.sin(yaw) * direction[1])
    across = abs(-np.sin(yaw) * direction[0] + np.cos(yaw) * direction[1])
    return float(BLOCK_SIZE / 2 * (turned + across) + np.abs(direction) @ _PADDLE)


def block_distances(episode: Episode, state: SceneState) -> FloatVector:
    """(3,) from each block to its place in the goal; in the plane, but off the table counts too."""
    return np.linalg.norm(state.blocks[:, :3] - episode.goal.blocks[:, :3], axis=1)


@TASKS.register("reach")
class Reach:
    """Bring the tool to another point of the plane and leave the blocks alone."""

    name = "reach"
    min_distance = 0.10

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task. The straight way to the goal is free of blocks."""
        while True:
            blocks = scatter_blocks(rng)
            tool = free_tool_point(rng, blocks)
            for _ in range(20):
                goal = free_tool_point(rng, blocks)
                clearance = distance_to_segment(blocks[:, :2], tool[:2], goal[:2]).min()
                if np.linalg.norm(goal - tool) >= self.min_distance and clearance >= MIN_TOOL_DISTANCE - 0.01:
                    start = SceneState(tool, blocks)
                    return Episode(self.name, seed, start, replace(start, tool=goal))

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """Tool at the goal, in the plane, and no block moved."""
        distance = np.linalg.norm(state.tool[:2] - episode.goal.tool[:2])
        quantities = {"tool_distance": (float(distance), TOOL_TOLERANCE)}
        for color, moved in zip(BLOCKS, block_distances(episode, state), strict=True):
            quantities[f"{color}_block_moved"] = (float(moved), BLOCK_TOLERANCE)
        return judge(quantities, "tool_distance")


@TASKS.register("around")
class Around(Reach):
    """As reach, but blocks stand in the straight way: the tool has to go round them."""

    name = "around"
    blocked = 0.02
    """How near the straight way a block's centre is, at most [m]."""
    clearance = MIN_TOOL_DISTANCE - 0.01
    """Of some way round from all blocks [m]."""

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task."""
        while True:
            blocks = scatter_blocks(rng)
            tool, goal = free_tool_point(rng, blocks), free_tool_point(rng, blocks)
            in_the_way = distance_to_segment(blocks[:, :2], tool[:2], goal[:2]).min() <= self.blocked
            if (
                in_the_way
                and np.linalg.norm(goal - tool) >= self.min_distance
                and way_exists(blocks[:, :2], tool[:2], goal[:2], self.clearance)
            ):
                start = SceneState(tool, blocks)
                return Episode(self.name, seed, start, replace(start, tool=goal))


@TASKS.register("push")
class Push:
    """Push one block to a free place; the others stay where they are."""

    name = "push"
    distances = (0.06, 0.14)
    clearance = 0.075
    """Of the other blocks from the way of the tool and of the pushed block [m]."""

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task. The block can be pushed to its goal in a straight line, from a place that the tool reaches.

        The goal image shows the pushed block.
        """
        while True:
            blocks = scatter_blocks(rng)
            tool = free_tool_point(rng, blocks)
            moved = int(rng.integers(len(BLOCKS)))
            begin, yaw = blocks[moved, :2], blocks[moved, 3]
            for _ in range(20):
                angle, length = rng.uniform(-np.pi, np.pi), rng.uniform(*self.distances)
                direction = np.array([np.cos(angle), np.sin(angle)])
                end, behind = begin + length * direction, begin - 0.06 * direction
                others = np.delete(blocks[:, :2], moved, axis=0)
                if (
                    ((end >= BLOCK_LOW) & (end <= BLOCK_HIGH)).all()
                    and ((behind >= TOOL_LOW) & (behind <= TOOL_HIGH)).all()
                    and distance_to_segment(others, behind, end).min() >= self.clearance
                ):
                    goal_blocks = blocks.copy()
                    goal_blocks[moved, :2] = end
                    touch = end - (contact_distance(direction, yaw) + 0.002) * direction
                    if hides(touch, end):
                        continue  # a goal image that does not show the pushed block states no goal
                    goal = SceneState(np.append(touch, TOOL_HEIGHT), goal_blocks)
                    target = {"block": BLOCKS[moved], "push_length": float(length)}
                    return Episode(self.name, seed, SceneState(tool, blocks), goal, target)

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """Every block at its place in the goal."""
        distances = block_distances(episode, state)
        quantities = {
            f"{color}_block_distance": (float(value), BLOCK_TOLERANCE)
            for color, value in zip(BLOCKS, distances, strict=True)
        }
        return judge(quantities, f"{BLOCKS[int(distances.argmax())]}_block_distance")
