# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Push-T: a round agent pushes a T-shaped block over a table (package ``gym-pusht``).

A state is seven numbers: the agent's x, y [px] and velocity [px/s], the block's x, y [px] and angle [rad]. The agent
takes no notice of what it hits and is driven towards a target; an action says how far the target is from it. The
block stops when nothing pushes it, so that its velocity is no part of the state (docs/grasp.md has what that costs).
"""

import importlib.util
import warnings
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.errors import EnvironmentSetupError, InvalidInputError

States = npt.NDArray[np.float64]
"""(..., 7) agent x, y [px], its velocity x, y [px/s], block x, y [px], its angle [rad]."""

AGENT, VELOCITY, BLOCK, ANGLE = slice(0, 2), slice(2, 4), slice(4, 6), 6
"""Parts of a state; the block's place is where its stem and bar would be joined by a draughtsman: its bar's middle."""
SIZE = 512.0
"""Of the arena, both axes [px]; its walls stand 5 to 7 px within."""
LOW, HIGH = 20.0, 491.0
"""Of the agent's target, both axes [px]: farther out, it would press the block into the walls."""
REACH = 30.0
"""Distance of the target from the agent for an action of one, each axis [px]."""
SKIP = 5
"""Steps of the environment to an action of the world model, which is as many actions one after the other."""
STEP_SECONDS = 0.1
"""Of a step of the environment."""
CENTRE = np.array([0.0, 45.0])
"""The block's centre of gravity in its own frame [px]."""
NEAR, TURN = 20.0, np.pi / 9
"""The success test "DINO-WM": places of agent and block together nearer than this [px], and the angle [rad]."""
COVERAGE = 0.95
"""The success test "coverage > 0.95": that share of the goal is covered."""
SUCCESS_TESTS = ("coverage > 0.95", "DINO-WM")
PACKAGE = "gym-pusht==0.1.8"


class PushT:
    """The environment. Raises EnvironmentSetupError without the packages."""

    def __init__(self) -> None:
        require_push_t()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what only its pictures need
            from gym_pusht.envs.pusht import PushTEnv

            self._inner: Any = PushTEnv()
        self._covered = self._inner._get_coverage
        # it would be computed after every step, in two thirds of the step's time
        self._inner._get_coverage = lambda: 0.0

    def reset(self, state: States) -> None:
        """Puts all where a state (7,) has it; the block is at rest. Raises InvalidInputError."""
        state = np.asarray(state, np.float64)
        if state.shape != (7,) or not np.isfinite(state).all():
            raise InvalidInputError(f"a state of Push-T is seven finite numbers, not {state}")
        # the environment turns the block about its centre after it has put it down: put it where that leads to ours
        put = state[BLOCK] - CENTRE + rotated(CENTRE, state[ANGLE])
        self._inner.reset(options={"reset_to_state": [*state[AGENT], *put, state[ANGLE]]})
        # where things overlap, that reset has moved them already
        self._put(state)

    def _put(self, state: States) -> None:
        agent, block = self._inner.agent, self._inner.block
        agent.position, agent.velocity = tuple(state[AGENT]), tuple(state[VELOCITY])
        block.angle, block.velocity, block.angular_velocity = float(state[ANGLE]), (0.0, 0.0), 0.0
        block.position = tuple(state[BLOCK])
        self._inner.space.reindex_shapes_for_body(block)

    @property
    def state(self) -> States:
        """The present state, (7,); the angle is not wrapped."""
        agent, block = self._inner.agent, self._inner.block
        return np.array([*agent.position, *agent.velocity, *block.position, block.angle])

    def step(self, action: npt.NDArray) -> States:
        """The state (7,) after a step of the environment under an action (2,) in [-1, 1]."""
        move = REACH * np.clip(np.nan_to_num(np.asarray(action, np.float64)), -1.0, 1.0)
        self._inner.step(np.clip(np.array(self._inner.agent.position) + move, LOW, HIGH))
        return self.state

    def rollout(self, start: States, actions: npt.NDArray) -> States:
        """States (T+1, 7) from a state (7,) under actions (T, 2)."""
        self.reset(start)
        return np.stack([np.asarray(start, np.float64), *(self.step(action) for action in actions)])

    def coverage(self, goal: States) -> float:
        """Share of the block at a goal's (7,) place that the block covers now, as the environment computes it."""
        self._inner.goal_pose = np.asarray(goal, np.float64)[[4, 5, 6]]
        return float(self._covered())

    def pictures(self, states: States, size: int) -> npt.NDArray[np.uint8]:
        """States (..., 7) as a camera above would show them: RGB (..., size, size, 3).

        Drawn as the environment draws itself, less the goal, and averaged down; afterwards the environment is at the
        last of the states.
        """
        import pygame
        import pymunk
        from gym_pusht.envs.pymunk_override import DrawOptions

        flat, side = np.asarray(states, np.float64).reshape(-1, 7), int(SIZE)
        found = np.empty((len(flat), size, size, 3), np.uint8)
        # of four bytes, the first three are red, green and blue
        screen = pygame.Surface((side, side), depth=32, masks=(0xFF, 0xFF00, 0xFF0000, 0))
        options = DrawOptions(screen)
        options.flags = pymunk.SpaceDebugDrawOptions.DRAW_SHAPES  # not where things touch
        self.reset(flat[-1])
        space = self._inner.space
        for picture, state in zip(found, flat, strict=True):
            self._put(state)
            space.reindex_shapes_for_body(self._inner.agent)
            screen.fill((255, 255, 255))
            space.debug_draw(options)
            seen = np.frombuffer(screen.get_buffer(), np.uint8).reshape(side, side, 4)
            picture[:] = cv2.resize(seen, (size, size), interpolation=cv2.INTER_AREA)[..., :3]
        return found.reshape(*np.shape(states)[:-1], size, size, 3)


def distances(states: States, goals: States) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How far states and goals (..., 7) are apart: places of agent and block as one vector [px], and angle [rad]."""
    places = np.r_[AGENT, BLOCK]
    turn = states[..., ANGLE] - goals[..., ANGLE]
    apart = np.linalg.norm(states[..., places] - goals[..., places], axis=-1)
    return apart, np.abs((turn + np.pi) % (2.0 * np.pi) - np.pi)


def is_near(states: States, goals: States) -> npt.NDArray[np.bool_]:
    """The test "DINO-WM" for states and goals (..., 7)."""
    apart, turn = distances(states, goals)
    return (apart < NEAR) & (turn < TURN)


def judged(environment: PushT, goal: States) -> dict[str, bool]:
    """Both success tests of what the environment has come to, by name."""
    verdicts = environment.coverage(goal) > COVERAGE, bool(is_near(environment.state, goal))
    return dict(zip(SUCCESS_TESTS, verdicts, strict=True))


def require_push_t() -> None:
    """Raises EnvironmentSetupError without the packages."""
    missing = [
        name
        for name in ("gymnasium", "pygame", "pymunk", "shapely", "gym_pusht")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise EnvironmentSetupError(
            f"this needs the package '{missing[0]}': pip install 'robot_planner[pusht]', then "
            f"pip install --no-deps {PACKAGE}"
        )


def rotated(vector: npt.NDArray, angle: float) -> npt.NDArray[np.float64]:
    """A vector (2,) turned by an angle [rad]."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([cosine * vector[0] - sine * vector[1], sine * vector[0] + cosine * vector[1]])
