# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""OGBench's "scene" (Park et al., ICLR 2025; package ``ogbench``) in LBP's terms: latents, tool poses, goals.

A UR5e at a cube, a drawer, a window and two buttons, which lock and unlock drawer and window. The latent is the
environment's own vector of the state, what does not move in a single instant first: planning uses that part alone.
"""

import importlib.util
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from robot_planner.errors import EnvironmentSetupError
from robot_planner.types import FloatArray

Vector = npt.NDArray[np.float64]
Task = int | dict[str, Any]
"""One of the environment's five, from 1 on; or a start and a goal, as the environment's own list of tasks has them."""

TASKS = 5
MAX_STEPS = 750
"""The environment's own limit."""
STEP_SECONDS = 0.05
FINGERS = 0.085
"""Width of the open gripper [m]."""
PLACES = np.r_[0:6, 12:18, 19:31, 32:35, 36, 38]
"""Of the observation: joints, tool, gripper, cube, buttons, drawer, window."""
RATES = np.r_[6:12, 18, 31, 35, 37, 39]
"""Of the observation: velocities and the force on a finger."""
PLAN_DIM, LATENT_DIM = len(PLACES), len(PLACES) + len(RATES)
CUBE = slice(12, 15)
"""The cube's place within a latent, in units of 0.1 m."""
GOAL_DIM = 32
IN_DRAWER = np.array([0.33, -0.356, 0.066])
"""The cube in the shut drawer [m], as the environment's tasks have it."""
DRAWER_OPEN, WINDOW_OPEN = -0.16, 0.2
TABLE = np.array([[0.3, -0.07], [0.45, 0.18]])
"""Where the cube lies on the table: lowest and highest x, y [m]."""


@dataclass(frozen=True)
class Look:
    """What is seen after a step."""

    latent: FloatArray
    """(LATENT_DIM,)."""
    body: FloatArray
    """(6,) tool x, y, z [m], sine and cosine of its yaw, width of the gripper [m]."""
    state: Mapping[str, Any]
    """All that the environment says."""
    success: bool
    """The environment's own test of the goal."""
    over: bool = False
    """The environment's limit of steps is reached."""


class OgbenchScene:
    """The environment; a context manager. Raises EnvironmentSetupError without the package."""

    def __init__(self) -> None:
        require_ogbench()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of gymnasium, about the precision of the environment's own limits
            import gymnasium
            import ogbench  # noqa: F401 - registers the environment

            self.environment = gymnasium.make("scene-v0")
        self.inner: Any = self.environment.unwrapped

    def reset(self, task: Task, seed: int) -> Look:
        """Begins an episode; ``seed`` draws where exactly everything stands."""
        options = {"task_id": task} if isinstance(task, int) else {"task_info": task}
        observation, state = self.environment.reset(seed=seed, options=options)
        return self._look(observation, state, success=False)

    @property
    def task(self) -> dict[str, Any]:
        """Start and goal of the present episode, but for where exactly everything was put at its reset."""
        task: dict[str, Any] = self.inner.cur_task_info
        return task

    def goal_name(self, task: int) -> str:
        """What the environment calls one of its tasks."""
        return str(self.inner.task_infos[task - 1]["task_name"])

    def site(self, name: str) -> Vector:
        """Place (3,) of a named point [m]."""
        return np.array(self.inner.data.site(name).xpos)

    def target(self, look: Look, action: Vector) -> Vector:
        """What an action (5,) in [-1, 1] asks for: tool x, y, z [m], yaw [rad], width of the gripper [m]."""
        return _pose(look) + self.inner.unnormalize_action(action) * [1, 1, 1, 1, -FINGERS]

    def action(self, look: Look, target: Vector) -> Vector:
        """Inverse of ``target``, clipped to [-1, 1]."""
        difference = np.asarray(target, np.float64) - _pose(look)
        difference[3] = (difference[3] + np.pi) % (2 * np.pi) - np.pi
        action: Vector = self.inner.normalize_action(difference / [1, 1, 1, 1, -FINGERS])
        return action

    def step(self, action: Vector) -> Look:
        """One step of STEP_SECONDS under an action (5,) in [-1, 1]."""
        observation, _, success, over, state = self.environment.step(np.asarray(action, np.float32))
        return self._look(observation, state, success=bool(success), over=bool(over))

    def __enter__(self) -> "OgbenchScene":
        return self

    def __exit__(self, *_: object) -> None:
        self.environment.close()

    @staticmethod
    def _look(observation: Vector, state: Mapping[str, Any], success: bool, over: bool = False) -> Look:
        latent = observation[np.r_[PLACES, RATES]].astype(np.float32)
        yaw = state["proprio/effector_yaw"][0]
        width = FINGERS * (1 - state["proprio/gripper_opening"][0])  # theirs is 0 where the fingers are open
        body = np.array([*state["proprio/effector_pos"], np.sin(yaw), np.cos(yaw), width], np.float32)
        return Look(latent, body, state, success, over)


def require_ogbench() -> None:
    """Raises EnvironmentSetupError without the package."""
    if importlib.util.find_spec("ogbench") is None:
        raise EnvironmentSetupError("this needs the package 'ogbench': pip install 'robot_planner[ogbench]'")


def _pose(look: Look) -> Vector:
    state = look.state
    width = FINGERS * (1 - state["proprio/gripper_opening"][0])
    return np.array([*state["proprio/effector_pos"], state["proprio/effector_yaw"][0], width])


def embed_task(task: Mapping[str, Any]) -> FloatArray:
    """(GOAL_DIM,) for a task: what is asked for, by a fixed random matrix.

    It stands where an instruction's embedding stands, since these tasks come without sentences. As an instruction
    would, it says whether the cube stays, goes into the drawer or to which place, and how buttons, drawer and window
    should be; nothing of where things are, where the arm will end, or how to get there.
    """
    goal, was = task["goal"], np.asarray(task["init"]["block_xyzs"])[0]
    cube = np.asarray(goal["block_xyzs"])[0]
    stow = stows(goal)
    move = not stow and np.linalg.norm(cube - was) > 0.04  # what the environment takes for the same place
    place = (cube[:2] - TABLE.mean(0)) / np.ptp(TABLE, axis=0) * 2 if move else np.zeros(2)
    buttons = 2.0 * np.asarray(goal["button_states"]) - 1
    slides = [2 * goal["drawer_pos"] / DRAWER_OPEN - 1, 2 * goal["window_pos"] / WINDOW_OPEN - 1]
    asked = np.concatenate([[float(stow), float(move)], place, buttons, slides])
    matrix = np.random.default_rng(0).normal(size=(len(asked), GOAL_DIM))
    return (asked @ matrix / np.sqrt(len(asked))).astype(np.float32)


def stows(goal: Mapping[str, Any]) -> bool:
    """Whether a goal has the cube in the drawer."""
    return bool(np.asarray(goal["block_xyzs"])[0, 1] < -0.3)


def random_task(rng: np.random.Generator) -> dict[str, Any]:
    """A start and a goal drawn at random: each thing changes or not. None of the five tasks is favoured."""

    def place() -> Vector:
        return np.array([*rng.uniform(*TABLE), 0.02])

    start: dict[str, Any] = {
        "block_xyzs": place()[None],
        "button_states": rng.integers(0, 2, 2),
        "drawer_pos": float(rng.choice([0.0, DRAWER_OPEN])),
        "window_pos": float(rng.choice([0.0, WINDOW_OPEN])),
    }
    goal: dict[str, Any] = {
        "block_xyzs": start["block_xyzs"].copy(),
        "button_states": rng.integers(0, 2, 2),
        "drawer_pos": float(rng.choice([0.0, DRAWER_OPEN])),
        "window_pos": float(rng.choice([0.0, WINDOW_OPEN])),
    }
    change = rng.choice(["stay", "move", "stow"], p=[0.4, 0.25, 0.35])
    if change == "move":
        goal["block_xyzs"] = place()[None]
    elif change == "stow":
        goal["block_xyzs"], goal["drawer_pos"] = IN_DRAWER[None].copy(), 0.0
    return {"task_name": "random", "init": start, "goal": goal}
