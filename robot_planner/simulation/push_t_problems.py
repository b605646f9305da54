# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Scripted pushing, and problems of Push-T that it poses: be, after so many steps, where it was."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.simulation.push_t import (
    AGENT,
    ANGLE,
    BLOCK,
    CENTRE,
    HIGH,
    LOW,
    REACH,
    SIZE,
    SKIP,
    PushT,
    States,
    distances,
    rotated,
)

HORIZONS = (SKIP, 200)
"""Horizons for which there are problems [steps of the environment]."""
MOVED = (30.0, np.pi / 6)
"""Within a problem's way the block has moved or turned at least so much [px], [rad]."""
INSIDE = (90.0, SIZE - 90.0)
"""Where the block's centre is at a problem's start and goal, both axes [px]: clear of the walls, whatever its angle."""
LEAD = (20, 60)
"""Steps of the script before a problem's start."""


class Pusher:
    """Pushes through the block from random sides, with noise: goes beside it, then across, and again."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._queue, self._noise = rng, list[npt.NDArray](), np.zeros(2)
        self._speed, self._spread, self._left = 1.0, 0.0, 0

    def action(self, state: States) -> npt.NDArray[np.float64]:
        """The next action (2,) in [-1, 1]."""
        if not self._queue:
            self._aim(state)
        way = self._queue[0] - state[AGENT]
        self._left -= 1
        if np.linalg.norm(way) < 12.0 or self._left < 0:
            self._queue.pop(0)
            self._left = 25
        length = max(float(np.linalg.norm(way)), 1e-9)
        self._noise = 0.7 * self._noise + self._spread * self._rng.standard_normal(2)
        return np.clip(way / length * min(self._speed, length / REACH) + self._noise, -1.0, 1.0)

    def _aim(self, state: States) -> None:
        rng, centre = self._rng, centres(state)
        target = state[BLOCK] + rotated(rng.uniform([-60.0, 0.0], [60.0, 120.0]), state[ANGLE])
        heading = rng.uniform(0.0, 2.0 * np.pi)
        inwards = SIZE / 2 - centre
        # the farther the block is out, the more likely it is pushed back to the middle
        if rng.random() < np.linalg.norm(inwards) / 160.0:
            heading = np.arctan2(inwards[1], inwards[0]) + rng.normal(0.0, 0.5)
        ahead = np.array([np.cos(heading), np.sin(heading)])
        begin = np.clip(target - ahead * rng.uniform(70.0, 130.0), LOW, HIGH)
        end = np.clip(target + ahead * rng.uniform(-10.0, 90.0), LOW, HIGH)
        self._queue, self._left = [end], 25
        if np.linalg.norm(begin - state[AGENT]) > 20.0:
            # round the block rather than through it
            side = state[AGENT] - centre
            outer = centre + (side / max(float(np.linalg.norm(side)), 1e-9) - ahead) * 75.0
            self._queue = [np.clip(outer, LOW, HIGH), begin, end]
        self._speed, self._spread = rng.uniform(0.4, 1.0), rng.choice([0.0, 0.1, 0.3])


def centres(states: States) -> npt.NDArray[np.float64]:
    """The block's centre of gravity, (..., 7) -> (..., 2) [px]."""
    cosine, sine = np.cos(states[..., ANGLE]), np.sin(states[..., ANGLE])
    return states[..., BLOCK] + np.stack([-sine, cosine], -1) * CENTRE[1]


def random_state(rng: np.random.Generator) -> States:
    """All at rest: the block anywhere clear of the walls, the agent anywhere beside it."""
    while True:
        centre, angle = rng.uniform(INSIDE[0] + 20.0, INSIDE[1] - 20.0, 2), rng.uniform(-np.pi, np.pi)
        agent = rng.uniform(LOW, HIGH, 2)
        if np.linalg.norm(agent - centre) > 100.0:  # the block reaches 81 px, the agent 15 px
            return np.array([*agent, 0.0, 0.0, *(centre - rotated(CENTRE, angle)), angle])


@dataclass(frozen=True)
class PushProblem:
    """From a state of a scripted way to the one so many steps later."""

    start: States
    """(7,)."""
    goal: States
    """(7,)."""
    before: States
    """(7,) one step of the environment before the start."""
    seed: int
    actions: npt.NDArray[np.float64]
    """(H, 2) of the script: they lead from start to goal exactly. No planner may see them."""


def sample_problem(seed: int, horizon: int) -> PushProblem:
    """A problem ``horizon`` steps of the environment long, in which the block is moved (see MOVED).

    Raises InvalidInputError for a horizon that is no whole number of the world model's steps, or too long.
    """
    if horizon % SKIP or not HORIZONS[0] <= horizon <= HORIZONS[1]:
        raise InvalidInputError(
            f"horizon = {horizon}: Push-T takes multiples of {SKIP} from {HORIZONS[0]} to {HORIZONS[1]} steps"
        )
    rng, environment = np.random.default_rng([seed, horizon, 7]), PushT()
    while True:
        pusher, state = Pusher(rng), random_state(rng)
        environment.reset(state)
        for _ in range(rng.integers(*LEAD)):
            before, state = state, environment.step(pusher.action(state))
        # from a state as a reset makes it, so that the script's own actions lead to the goal exactly
        environment.reset(state)
        start, actions = state, []
        for _ in range(horizon):
            actions.append(pusher.action(state))
            state = environment.step(actions[-1])
        moved, turned = np.linalg.norm(state[BLOCK] - start[BLOCK]), distances(state, start)[1]
        ends = centres(np.stack([start, state]))
        if (moved >= MOVED[0] or turned >= MOVED[1]) and ((ends > INSIDE[0]) & (ends < INSIDE[1])).all():
            return PushProblem(start, state, before, seed, np.stack(actions))
