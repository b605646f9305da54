# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The stages of "sort and stow", each a task of its own: pick, place, open, stow, close.

A stage begins where the one before may have ended: place and stow with a block in the gripper, stow and close with the
drawer open.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from robot_planner.description import BLOCKS
from robot_planner.simulation.tasks.base import BLOCK_TOLERANCE, TASKS, Episode, SceneState, Verdict, judge
from robot_planner.simulation.tasks.planar import block_distances, scatter_blocks
from robot_planner.simulation.workspace import BLOCK_HIGH, BLOCK_SIZE, TOOL_HIGH, TOOL_LOW

FloatVector = npt.NDArray[np.float64]

BINS = {"a": np.array([0.475, -0.305]), "b": np.array([0.345, -0.305])}
"""Middle of each bin (x, y) [m], as in the description."""
BIN_HALF, BIN_HEIGHT, BIN_FLOOR = 0.054, 0.045, 0.004
"""Half the inner width, the height of the walls and of the floor [m]."""
HANDLE = np.array([0.40, 0.254])
"""The drawer's handle (x, y) while the drawer is shut [m]; it moves along -y."""
DRAWER_MIDDLE, DRAWER_HALF = np.array([0.40, 0.3575]), np.array([0.069, 0.0515])
"""Middle (x, y) of the shut drawer and half its inner size [m]."""
DRAWER_TRAVEL, DRAWER_FLOOR, DRAWER_HEIGHT = 0.11, 0.008, 0.054
OPEN_AT_LEAST, SHUT_AT_MOST = 0.09, 0.01
"""Openings of a drawer that counts as open, and as shut [m]."""
LIFTED = 0.05
"""By how much a picked block must be raised [m]."""
TRAVEL_HEIGHT = 0.15
"""Of the tool point, above all that stands on the table, a block in the gripper included [m]."""
GRASP_HEIGHT = BLOCK_SIZE / 2
GRIP_OPENING = 0.065
"""Of the fingers about a block or in a bin; fully open they would hit the walls [m]."""
CLEAR_OF_DRAWER = np.array([BLOCK_HIGH[0], 0.06])
"""Upper corner (x, y) of the box for blocks where the drawer may stand open [m]."""


def in_drawer(places: FloatVector, opening: float) -> FloatVector:
    """(N, 3) places -> (N,) how far each is outside the drawer's inside, zero within it [m]."""
    middle = DRAWER_MIDDLE - np.array([0.0, opening])
    return _outside(places, middle, DRAWER_HALF, DRAWER_HEIGHT)


def in_bin(places: FloatVector, name: str) -> FloatVector:
    """(N, 3) places -> (N,) how far each is outside the inside of a bin, zero within it [m]."""
    return _outside(places, BINS[name], np.full(2, BIN_HALF), BIN_HEIGHT)


def _outside(places: FloatVector, middle: FloatVector, half: FloatVector, top: float) -> FloatVector:
    sideways = np.maximum(np.abs(places[:, :2] - middle) - half, 0.0)
    return np.linalg.norm(np.column_stack([sideways, np.maximum(places[:, 2] - top, 0.0)]), axis=1)


def hover(rng: np.random.Generator) -> FloatVector:
    """A tool point (3,) at travel height over the plane."""
    return np.append(rng.uniform(TOOL_LOW, TOOL_HIGH), TRAVEL_HEIGHT)


def _in_gripper(state: SceneState, block: int) -> SceneState:
    """The same state with the block between the fingers."""
    blocks = state.blocks.copy()
    blocks[block] = [*state.tool, state.tool_yaw]
    held = tuple(index == block for index in range(len(BLOCKS)))
    return replace(state, blocks=blocks, gripper=BLOCK_SIZE, held=held)


def _others_moved(episode: Episode, state: SceneState, block: int | None) -> dict[str, tuple[float, float]]:
    moved = block_distances(episode, state)
    return {
        f"{color}_block_moved": (float(moved[index]), BLOCK_TOLERANCE)
        for index, color in enumerate(BLOCKS)
        if index != block
    }


@TASKS.register("pick")
class Pick:
    """Grasp one block and lift it; the others stay where they are."""

    name = "pick"

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task."""
        start = SceneState(hover(rng), scatter_blocks(rng), gripper=GRIP_OPENING)
        block = int(rng.integers(len(BLOCKS)))
        x, y, _, yaw = start.blocks[block]
        above = replace(start, tool=np.array([x, y, TRAVEL_HEIGHT]), tool_yaw=float(yaw))
        return Episode(self.name, seed, start, _in_gripper(above, block), {"block": BLOCKS[block]})

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """The block is held and lifted; the others have not moved."""
        block = BLOCKS.index(episode.target["block"])
        missing = max(LIFTED - (state.blocks[block, 2] - episode.start.blocks[block, 2]), 0.0)
        quantities = {"height_missing": (missing, 0.0), "not_held": (1.0 - state.held[block], 0.0)}
        return judge(quantities | _others_moved(episode, state, block), "height_missing")


@TASKS.register("place")
class Place:
    """Lay the held block into one of the bins."""

    name = "place"

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task."""
        block, to = int(rng.integers(len(BLOCKS))), str(rng.choice(list(BINS)))
        yaw = float(rng.uniform(-np.pi / 4, np.pi / 4))
        start = _in_gripper(SceneState(hover(rng), scatter_blocks(rng), tool_yaw=yaw), block)
        blocks = start.blocks.copy()
        blocks[block] = [*BINS[to], BIN_FLOOR + BLOCK_SIZE / 2, 0.0]
        goal = SceneState(np.append(BINS[to], TRAVEL_HEIGHT), blocks, gripper=GRIP_OPENING)
        return Episode(self.name, seed, start, goal, {"block": BLOCKS[block], "bin": to})

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """The block lies in the bin and is let go; the others have not moved."""
        block = BLOCKS.index(episode.target["block"])
        outside = in_bin(state.blocks[:, :3], episode.target["bin"])[block]
        quantities = {"outside_bin": (float(outside), 0.0), "still_held": (float(state.held[block]), 0.0)}
        return judge(quantities | _others_moved(episode, state, block), "outside_bin")


@TASKS.register("open")
class Open:
    """Pull the drawer open by its handle."""

    name = "open"

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task."""
        start = SceneState(hover(rng), scatter_blocks(rng, CLEAR_OF_DRAWER))
        handle = HANDLE - np.array([0.0, DRAWER_TRAVEL])
        goal = replace(start, tool=np.append(handle, TRAVEL_HEIGHT), drawer=DRAWER_TRAVEL)
        return Episode(self.name, seed, start, goal)

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """The drawer is open far enough; no block has moved."""
        quantities = {"opening_missing": (max(OPEN_AT_LEAST - state.drawer, 0.0), 0.0)}
        return judge(quantities | _others_moved(episode, state, None), "opening_missing")


@TASKS.register("stow")
class Stow:
    """Lay the held block into the open drawer."""

    name = "stow"

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task."""
        block, yaw = int(rng.integers(len(BLOCKS))), float(rng.uniform(-np.pi / 4, np.pi / 4))
        opening = float(rng.uniform(OPEN_AT_LEAST + 0.005, DRAWER_TRAVEL))
        lying = scatter_blocks(rng, CLEAR_OF_DRAWER)
        start = _in_gripper(SceneState(hover(rng), lying, drawer=opening, tool_yaw=yaw), block)
        blocks, place = start.blocks.copy(), drop_point(opening)
        blocks[block] = [*place, DRAWER_FLOOR + BLOCK_SIZE / 2, 0.0]
        goal = SceneState(np.append(place, TRAVEL_HEIGHT), blocks, drawer=opening, gripper=GRIP_OPENING)
        return Episode(self.name, seed, start, goal, {"block": BLOCKS[block]})

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """The block lies in the drawer, which is still open, and is let go; the others have not moved."""
        block = BLOCKS.index(episode.target["block"])
        quantities = {
            "outside_drawer": (float(in_drawer(state.blocks[:, :3], state.drawer)[block]), 0.0),
            "still_held": (float(state.held[block]), 0.0),
            "opening_missing": (max(OPEN_AT_LEAST - 0.02 - state.drawer, 0.0), 0.0),
        }
        return judge(quantities | _others_moved(episode, state, block), "outside_drawer")


@TASKS.register("close")
class Close:
    """Push the drawer shut; what lies in it stays in it."""

    name = "close"

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task. In two of three episodes a block lies in the drawer."""
        opening = float(rng.uniform(OPEN_AT_LEAST - 0.02, DRAWER_TRAVEL))
        blocks = scatter_blocks(rng, CLEAR_OF_DRAWER)
        stowed = int(rng.integers(len(BLOCKS))) if rng.random() < 2 / 3 else None
        goal_blocks = blocks.copy()
        if stowed is not None:
            place = drop_point(opening) + rng.uniform(-0.01, 0.01, 2)
            blocks[stowed] = [*place, DRAWER_FLOOR + BLOCK_SIZE / 2, blocks[stowed, 3]]
            goal_blocks[stowed] = blocks[stowed] + [0.0, opening, 0.0, 0.0]
        start = SceneState(hover(rng), blocks, drawer=opening)
        goal = SceneState(np.array([*HANDLE, TRAVEL_HEIGHT]), goal_blocks)
        return Episode(self.name, seed, start, goal, {} if stowed is None else {"stowed": BLOCKS[stowed]})

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """The drawer is shut with what was in it; the other blocks have not moved."""
        color = episode.target.get("stowed")
        stowed = None if color is None else BLOCKS.index(color)
        quantities = {"opening": (state.drawer, SHUT_AT_MOST)}
        if stowed is not None:
            quantities["outside_drawer"] = (float(in_drawer(state.blocks[:, :3], state.drawer)[stowed]), 0.0)
        return judge(quantities | _others_moved(episode, state, stowed), "opening")


def drop_point(opening: float) -> FloatVector:
    """Where to let go of a block (x, y): the middle of what the cabinet leaves uncovered of the drawer [m]."""
    front = DRAWER_MIDDLE[1] - opening - DRAWER_HALF[1]
    mouth = 0.30
    return np.array([DRAWER_MIDDLE[0], (front + min(mouth, front + 2 * DRAWER_HALF[1])) / 2])
