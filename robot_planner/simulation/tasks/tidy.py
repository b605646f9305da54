# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks of one to five stages, each an arrangement: blocks into bins or the drawer, the drawer open or shut.

``tidy`` draws the arrangement from the seed; ``tidy/red=bin_a,drawer=open`` names it (see Arrangement).
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from robot_planner.arrangement import BIN_A, BIN_B, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.description import BLOCKS
from robot_planner.simulation.tasks.base import BLOCK_TOLERANCE, TASKS, Episode, SceneState, Verdict
from robot_planner.simulation.tasks.manipulation import (
    BIN_FLOOR,
    BINS,
    CLEAR_OF_DRAWER,
    DRAWER_FLOOR,
    DRAWER_TRAVEL,
    GRIP_OPENING,
    HANDLE,
    LIFTED,
    OPEN_AT_LEAST,
    SHUT_AT_MOST,
    TRAVEL_HEIGHT,
    drop_point,
    hover,
    in_bin,
    in_drawer,
)
from robot_planner.simulation.tasks.planar import block_distances, scatter_blocks
from robot_planner.simulation.workspace import BLOCK_HIGH, BLOCK_SIZE

FloatVector = npt.NDArray[np.float64]
BIN_NAMES = {BIN_A: "a", BIN_B: "b"}
_KINDS = ("hand", "drawer", "bin", "stow", "two bins", "bin and drawer", "bin and stow")
_ODDS = (0.14, 0.14, 0.18, 0.20, 0.10, 0.08, 0.16)


def sample_by_kind(rng: np.random.Generator) -> Arrangement:
    """One of those that take one to five stages."""
    kind = str(rng.choice(_KINDS, p=_ODDS))
    one, two = (int(x) for x in rng.permutation(len(BLOCKS))[:2])
    bins = [str(x) for x in rng.permutation([BIN_A, BIN_B])]
    drawer = str(rng.choice([OPEN, SHUT])) if kind in ("drawer", "bin and drawer") else None
    places: list[str | None] = [None, None, None]
    if kind == "hand":
        places[one] = HAND
    if kind in ("bin", "two bins", "bin and drawer", "bin and stow"):
        places[one] = bins[0]
    if kind == "two bins":
        places[two] = bins[1]
    if kind in ("stow", "bin and stow"):
        places[two] = DRAWER
        drawer = [None, OPEN, SHUT][int(rng.choice(3, p=(0.4, 0.2, 0.4)))]
    return Arrangement((places[0], places[1], places[2]), drawer)


def fulfilled(arrangement: Arrangement, state: SceneState, episode: Episode | None = None) -> dict[str, bool]:
    """Entry of the arrangement -> whether ``state`` fulfils it; a block in the hand has to be lifted."""
    done = {}
    for index, place in enumerate(arrangement.blocks):
        if place is not None:
            done[BLOCKS[index]] = _missing(state, index, place) == 0.0
    if arrangement.drawer is not None:
        done[DRAWER] = _drawer_missing(state, arrangement.drawer) == 0.0
    return done


def _missing(state: SceneState, block: int, place: str) -> float:
    """How far a block is from where it is to be [m]; what only has to be let go, or gripped, counts a centimetre."""
    if place == HAND:
        height = max(LIFTED + BLOCK_SIZE / 2 - float(state.blocks[block, 2]), 0.0)
        return height if state.held[block] else max(height, 0.01)
    lies = state.blocks[:, :3]
    outside = in_drawer(lies, state.drawer) if place == DRAWER else in_bin(lies, BIN_NAMES[place])
    return max(float(outside[block]), 0.01 if state.held[block] else 0.0)


def _drawer_missing(state: SceneState, wanted: str) -> float:
    if wanted == OPEN:
        return max(OPEN_AT_LEAST - state.drawer, 0.0)
    return max(state.drawer - SHUT_AT_MOST, 0.0)


def stages(episode: Episode, state: SceneState) -> tuple[int, int]:
    """Stages that ``state`` shows as done, and stages of the whole episode: open, pick, place or stow, close."""
    arrangement, start = arrangement_of(episode), episode.start
    done = total = 0
    for index, place in enumerate(arrangement.blocks):
        if place is None:
            continue
        lies = _missing(state, index, place) == 0.0
        lifted = state.held[index] and state.blocks[index, 2] >= LIFTED + BLOCK_SIZE / 2
        total += 1 if place == HAND else 2
        done += (2 if place != HAND else 1) if lies else int(lifted)
    stowing = DRAWER in arrangement.blocks
    stowed = stowing and _missing(state, arrangement.blocks.index(DRAWER), DRAWER) == 0.0
    starts_open = _drawer_missing(start, OPEN) == 0.0
    if not starts_open and (stowing or arrangement.drawer == OPEN):
        total += 1
        done += stowed or _drawer_missing(state, OPEN) == 0.0
    if arrangement.drawer == SHUT:
        total += 1
        done += _drawer_missing(state, SHUT) == 0.0 and (stowed or not stowing)
    return int(done), total


def arrangement_of(episode: Episode) -> Arrangement:
    """What an episode of any manipulation task asks for."""
    target = episode.target
    if "arrangement" in target:
        return Arrangement.parse(target["arrangement"])
    places: list[str | None] = [None, None, None]
    if "block" in target:
        where = {"pick": HAND, "stow": DRAWER, "place": f"bin_{target.get('bin')}"}[episode.task]
        places[BLOCKS.index(target["block"])] = where
    return Arrangement((places[0], places[1], places[2]), {"open": OPEN, "close": SHUT}.get(episode.task))


@TASKS.register("tidy")
class Tidy:
    """An arrangement, from the seed or given."""

    name = "tidy"

    def __init__(self, arrangement: str = "") -> None:
        """``arrangement`` as text; empty: drawn. Raises InvalidInputError."""
        self._given = Arrangement.parse(arrangement) if arrangement else None

    def sample(self, rng: np.random.Generator, seed: int) -> Episode:
        """See Task. Nothing of the arrangement is fulfilled at the start."""
        drawn = sample_by_kind(rng)
        wanted = self._given or drawn
        stowing = DRAWER in wanted.blocks
        if wanted.drawer is not None and not stowing:
            begins_open = wanted.drawer == SHUT
        else:
            begins_open = bool(rng.random() < (0.3 if stowing else 0.15))
            others = any(place in BIN_NAMES for place in wanted.blocks)
            begins_open |= stowing and others and wanted.drawer == SHUT  # six stages otherwise
        opening = float(rng.uniform(OPEN_AT_LEAST + 0.003, DRAWER_TRAVEL)) if begins_open else 0.0
        uses_drawer = begins_open or stowing or wanted.drawer is not None
        blocks = scatter_blocks(rng, CLEAR_OF_DRAWER if uses_drawer else BLOCK_HIGH)
        target: dict[str, str] = {"arrangement": str(wanted)}
        free = [index for index, place in enumerate(wanted.blocks) if place is None]
        if begins_open and not stowing and free and rng.random() < 0.5:
            stowed = int(rng.choice(free))
            blocks[stowed, :2] = drop_point(opening) + rng.uniform(-0.01, 0.01, 2)
            blocks[stowed, 2] = DRAWER_FLOOR + BLOCK_SIZE / 2
            target["stowed"] = BLOCKS[stowed]
        gripper = float(rng.choice([GRIP_OPENING, rng.uniform(0.0, 0.08)]))
        start = SceneState(hover(rng), blocks, drawer=opening, gripper=gripper)
        return Episode(self.name, seed, start, _goal(start, wanted, target.get("stowed")), target)

    def evaluate(self, episode: Episode, state: SceneState) -> Verdict:
        """Every entry is fulfilled, and no block that it does not name has moved."""
        arrangement = arrangement_of(episode)
        detail = {}
        for index, place in enumerate(arrangement.blocks):
            if place is not None:
                detail[f"{BLOCKS[index]}_to_{place}"] = (_missing(state, index, place), 0.0)
        if arrangement.drawer is not None:
            detail[f"drawer_{arrangement.drawer}"] = (_drawer_missing(state, arrangement.drawer), 0.0)
        moved = block_distances(replace(episode, goal=episode.start), state)
        for index, place in enumerate(arrangement.blocks):
            if place is None and episode.target.get("stowed") == BLOCKS[index]:
                outside = float(in_drawer(state.blocks[:, :3], state.drawer)[index])
                detail[f"{BLOCKS[index]}_outside_drawer"] = (outside, 0.0)
            elif place is None:
                detail[f"{BLOCKS[index]}_moved"] = (float(moved[index]), BLOCK_TOLERANCE)
        entries = {name: {"value": float(value), "limit": float(limit)} for name, (value, limit) in detail.items()}
        success = all(entry["value"] <= entry["limit"] for entry in entries.values())
        return Verdict(success, max(value for value, limit in detail.values() if limit == 0.0), entries)


def _goal(start: SceneState, wanted: Arrangement, stowed: str | None) -> SceneState:
    """The start with the arrangement made, the tool above what was done last."""
    blocks, tool, drawer, gripper, held = start.blocks.copy(), start.tool.copy(), start.drawer, GRIP_OPENING, start.held
    if DRAWER in wanted.blocks or wanted.drawer == OPEN:
        drawer = max(drawer, DRAWER_TRAVEL)
    for index, place in enumerate(wanted.blocks):
        if place in BIN_NAMES:
            blocks[index] = [*BINS[BIN_NAMES[place]], BIN_FLOOR + BLOCK_SIZE / 2, 0.0]
            tool = np.append(BINS[BIN_NAMES[place]], TRAVEL_HEIGHT)
        elif place == DRAWER:
            blocks[index] = [*drop_point(drawer), DRAWER_FLOOR + BLOCK_SIZE / 2, 0.0]
        elif place == HAND:
            tool = np.append(blocks[index, :2], TRAVEL_HEIGHT)
            blocks[index, 2], gripper = TRAVEL_HEIGHT, BLOCK_SIZE
            held = tuple(other == index for other in range(len(BLOCKS)))
    if wanted.drawer == SHUT:
        inside = {wanted.blocks.index(DRAWER)} if DRAWER in wanted.blocks else set()
        inside |= {BLOCKS.index(stowed)} if stowed else set()
        for index in inside:
            blocks[index, 1] += drawer
        drawer = 0.0
    if wanted.drawer is not None or DRAWER in wanted.blocks:
        tool = np.array([HANDLE[0], HANDLE[1] - drawer, TRAVEL_HEIGHT])
    yaw = float(blocks[list(wanted.blocks).index(HAND), 3]) if HAND in wanted.blocks else 0.0
    return SceneState(tool, blocks, drawer=drawer, gripper=gripper, tool_yaw=yaw, held=held)
