# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Two rooms, a wall between them, a door in the wall: a point agent for which the greedy way is a dead end.

Positions are in pixels of an arena of 224 x 224, as in the worlds of DINO-WM and of stable-worldmodel; the agent's
radius is taken off the free space, so that it is a point here, but in pictures. NumPy, any number of agents at once.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

Positions = npt.NDArray[np.float64]
"""(..., 2) x, y [px]."""

LOW, HIGH = 14.0, 210.0
"""Of the free space, both axes [px]."""
WALL = (100.0, 124.0)
"""x between which there is the wall [px]."""
DOOR = (32.0, 56.0)
"""y between which the wall is open [px]."""
SPEED = 5.0
"""Displacement of an action of one, each axis [px]."""
STEP_SECONDS = 0.1
SUCCESS = 16.0
"""The success test, named "16 px": the agent ends nearer than this to the goal [px]."""
WAY = (0.6, 0.8)
"""Length of a problem's shortest way, as a fraction of what a straight run of the horizon along an axis covers."""

HORIZONS = (8, 100)
"""Horizons for which there are problems."""

SIDE = 224
"""Of the arena [px]."""
RADIUS = 7.0
"""Of the agent in pictures [px]: walls stand so much farther back than the point may go."""
FLOOR, STONE, AGENT = (245, 245, 245), (70, 78, 92), (224, 70, 60)
"""Colours of pictures, RGB."""


def step(positions: Positions, actions: npt.NDArray) -> Positions:
    """Where agents (N, 2) are after actions (N, 2) in [-1, 1]: first along x, then along y; walls let them slide."""
    move = np.clip(np.nan_to_num(actions), -1.0, 1.0) * SPEED
    x, y = positions[..., 0], positions[..., 1]
    in_line = (y >= DOOR[0]) & (y <= DOOR[1])
    to_x = np.clip(x + move[..., 0], LOW, HIGH)
    left, right = ~in_line & (x <= WALL[0]), ~in_line & (x >= WALL[1])
    to_x = np.where(left, np.minimum(to_x, WALL[0]), np.where(right, np.maximum(to_x, WALL[1]), to_x))
    inside = (to_x > WALL[0]) & (to_x < WALL[1])
    to_y = np.clip(y + move[..., 1], np.where(inside, DOOR[0], LOW), np.where(inside, DOOR[1], HIGH))
    return np.stack([to_x, to_y], axis=-1)


def rollout(start: Positions, actions: npt.NDArray) -> Positions:
    """Positions (T+1, N, 2) from starts (N, 2) under actions (T, N, 2)."""
    path = [np.asarray(start, np.float64)]
    for action in actions:
        path.append(step(path[-1], action))
    return np.stack(path)


def success(positions: Positions, goals: Positions) -> npt.NDArray[np.bool_]:
    """The test "16 px" for positions and goals (..., 2)."""
    return np.linalg.norm(positions - goals, axis=-1) < SUCCESS


def is_free(positions: Positions) -> npt.NDArray[np.bool_]:
    """Whether an agent can be there."""
    x, y = positions[..., 0], positions[..., 1]
    in_wall = (x > WALL[0]) & (x < WALL[1]) & ~((y >= DOOR[0]) & (y <= DOOR[1]))
    return ((positions >= LOW) & (positions <= HIGH)).all(-1) & ~in_wall


def way_length(start: Positions, goal: Positions) -> npt.NDArray[np.float64]:
    """Length of the shortest way between free positions (..., 2) in different rooms, through the door [px]."""
    swap = (start[..., 0] > goal[..., 0])[..., None]
    left, right = np.where(swap, goal, start), np.where(swap, start, goal)
    corners = [np.array([x, y]) for x in WALL for y in DOOR]
    points = {"left": left, "right": right, **{str(i): corner for i, corner in enumerate(corners)}}
    ways: list[tuple[str, ...]] = [("left", "right")]
    ways += [("left", str(i), "right") for i in range(4)]
    ways += [("left", str(i), str(j), "right") for i in (0, 1) for j in (2, 3)]
    return np.min([_length([points[name] for name in way]) for way in ways], axis=0)


def _length(way: list[Positions]) -> npt.NDArray[np.float64]:
    """Length of a polyline; infinite where a part of it cuts the wall."""
    total = np.zeros(())
    for a, b in zip(way[:-1], way[1:], strict=True):
        length = np.linalg.norm(b - a, axis=-1)
        along = b[..., 0] - a[..., 0]
        for x in WALL:  # within the wall, the way is open if it is at both faces
            fraction = np.clip((x - a[..., 0]) / np.where(along == 0, 1.0, along), 0.0, 1.0)
            y = a[..., 1] + fraction * (b[..., 1] - a[..., 1])
            crosses = (np.minimum(a[..., 0], b[..., 0]) < x) & (np.maximum(a[..., 0], b[..., 0]) > x)
            closed = crosses & ((y < DOOR[0] - 1e-9) | (y > DOOR[1] + 1e-9))
            length = np.where(closed, np.inf, length)
        total = total + length
    return np.asarray(total)


def pictures(positions: Positions, size: int) -> npt.NDArray[np.uint8]:
    """The arena from above with the agent at positions (..., 2): RGB (..., size, size, 3), averaged down."""
    flat = np.asarray(positions, np.float64).reshape(-1, 2)
    empty, found = _arena(), np.empty((len(flat), size, size, 3), np.uint8)
    for picture, position in zip(found, flat, strict=True):
        full = empty.copy()
        # the middle of the first pixel is at half a pixel; circles are placed by sixteenths of one
        x, y = np.rint((position - 0.5) * 16.0).astype(int).tolist()
        cv2.circle(full, (x, y), round(RADIUS * 16.0), AGENT, cv2.FILLED, cv2.LINE_AA, shift=4)
        picture[:] = cv2.resize(full, (size, size), interpolation=cv2.INTER_AREA)
    return found.reshape(*np.shape(positions)[:-1], size, size, 3)


def _arena() -> npt.NDArray[np.uint8]:
    """The arena without its agent, (SIDE, SIDE, 3)."""
    page = np.full((SIDE, SIDE, 3), STONE, np.uint8)
    low, high = round(LOW - RADIUS), round(HIGH + RADIUS)
    page[low:high, low:high] = FLOOR
    left, right = round(WALL[0] + RADIUS), round(WALL[1] - RADIUS)
    page[:, left:right] = STONE
    page[round(DOOR[0] - RADIUS) : round(DOOR[1] + RADIUS), left:right] = FLOOR
    return page


@dataclass(frozen=True)
class RoomProblem:
    """From one room to the other."""

    start: Positions
    """(2,) [px]."""
    goal: Positions
    """(2,) [px]."""
    seed: int


def sample_problem(seed: int, horizon: int) -> RoomProblem:
    """A start in one room and a goal in the other whose shortest way suits a number of steps (see WAY).

    Raises InvalidInputError for a horizon too short to cross the wall, or longer than any way.
    """
    if not HORIZONS[0] <= horizon <= HORIZONS[1]:
        raise InvalidInputError(f"horizon = {horizon}: two rooms take from {HORIZONS[0]} to {HORIZONS[1]} steps")
    rng = np.random.default_rng([seed, horizon])
    shortest, longest = (fraction * horizon * SPEED for fraction in WAY)
    while True:
        pairs = rng.uniform(LOW, HIGH, (4096, 2, 2))
        x = pairs[..., 0]
        apart = (np.minimum(x[:, 0], x[:, 1]) < WALL[0]) & (np.maximum(x[:, 0], x[:, 1]) > WALL[1])
        pairs = pairs[apart]
        length = way_length(pairs[:, 0], pairs[:, 1])
        fits = np.flatnonzero((length >= shortest) & (length <= longest))
        if len(fits):
            return RoomProblem(pairs[fits[0], 0], pairs[fits[0], 1], seed)
