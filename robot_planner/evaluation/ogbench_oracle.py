# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations in OGBench's scene: its own scripted oracles, one stage after the other, with errors and noise."""

import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.evaluation.ogbench_scene import (
    DRAWER_OPEN,
    IN_DRAWER,
    PLAN_DIM,
    Look,
    OgbenchScene,
    Vector,
    embed_task,
    random_task,
    stows,
)
from robot_planner.training.demonstration_reader import Demonstrations
from robot_planner.training.lbp_fitting import LatentFrames

Stage = tuple[str, Any]
"""("cube", where to [m]), ("button", which), ("drawer", where to [m]) or ("window", where to [m])."""
MAX_STEPS = 400
EPISODES_PER_SHARD = 50
DROP = np.array([0.33, -0.24, 0.066])
"""Where the oracle lets the cube fall into the open drawer [m]."""
CLEAR = {"cube": 0.11, "button": 0.16, "drawer": 0.17, "window": 0.27}
"""Height from which on the tool is out of the way after a stage [m]."""
MIN_NORM = 0.2
"""Of the oracles: the least length of their steps."""
ARRAYS = ("latents", "proprioception", "commanded", "expert", "language", "lengths", "seeds")


def next_stage(state: Mapping[str, Any], goal: Mapping[str, Any]) -> Stage | None:
    """What to do next for a goal, from any state; None: nothing is left."""
    cube, wanted = state["privileged/block_0_pos"], goal["block_xyzs"][0]
    locked = [not bool(pressed) for pressed in state["button_states"]]
    drawer, window = state["privileged/drawer_pos"][0], state["privileged/window_pos"][0]
    if stows(goal):
        if not _in_drawer(state):
            if drawer > 0.75 * DRAWER_OPEN:
                return ("button", 0) if locked[0] else ("drawer", DRAWER_OPEN)
            return "cube", DROP
    elif np.linalg.norm(cube - wanted) > 0.03:
        return "cube", wanted
    if abs(drawer - goal["drawer_pos"]) > 0.02:
        return ("button", 0) if locked[0] else ("drawer", goal["drawer_pos"])
    if locked[0] == bool(goal["button_states"][0]):
        return "button", 0
    if abs(window - goal["window_pos"]) > 0.02:
        return ("button", 1) if locked[1] else ("window", goal["window_pos"])
    return ("button", 1) if locked[1] == bool(goal["button_states"][1]) else None


def _in_drawer(state: Mapping[str, Any]) -> bool:
    x, y, z = state["privileged/block_0_pos"]
    handle = state["privileged/drawer_handle_pos"][1]
    return bool(abs(x - IN_DRAWER[0]) < 0.12 and handle - 0.27 <= y <= handle - 0.07 and z < 0.15)


class StagedOracle:
    """Chooses the stage, and lets the environment's oracle for it act."""

    def __init__(self, scene: OgbenchScene) -> None:
        from ogbench.manipspace.oracles.markov.button_markov import ButtonMarkovOracle
        from ogbench.manipspace.oracles.markov.cube_markov import CubeMarkovOracle
        from ogbench.manipspace.oracles.markov.drawer_markov import DrawerMarkovOracle
        from ogbench.manipspace.oracles.markov.window_markov import WindowMarkovOracle

        kinds = {
            "cube": CubeMarkovOracle, "button": ButtonMarkovOracle, "drawer": DrawerMarkovOracle,
            "window": WindowMarkovOracle,
        }  # fmt: skip
        self._scene = scene
        self._stage: Stage | None = None
        self._targets: dict[str, Any] = {}
        self._oracles: dict[str, Any] = {
            name: kind(env=scene.environment, min_norm=MIN_NORM) for name, kind in kinds.items()
        }

    def act(self, look: Look) -> Vector:
        """Action (5,) in [-1, 1]; zeros where nothing is left to do."""
        reached = self._stage is None or self._reached(look)
        if self._stage is None or self._oracles[self._stage[0]].done or (reached and self._clear(look)):
            self._begin(look)
            if self._stage is None:
                return np.zeros(5)
            reached = False
        action: Vector = self._oracles[self._stage[0]].select_action(None, {**look.state, **self._targets})
        if reached:
            action[3] = 0.0  # the oracle would turn towards a place of rest of its own choice, which is no part of it
        return action

    def _begin(self, look: Look) -> None:
        self._stage = next_stage(look.state, self._scene.task["goal"])
        if self._stage is None:
            return
        name, value = self._stage
        state = look.state
        targets: dict[str, Any] = {"privileged/target_block": 0}
        if name == "cube":
            targets |= {"privileged/target_block_pos": value, "privileged/target_block_yaw": np.zeros(1)}
        elif name == "button":
            targets |= {
                "privileged/target_button": value,
                "privileged/target_button_state": 1 - state["button_states"][value],
                "privileged/target_button_top_pos": self._scene.site(f"btntop_{value}"),
            }
        else:
            # the drawer's axis points against y, the window's along x
            way = value - state[f"privileged/{name}_pos"][0]
            move = np.array([0, -way, 0]) if name == "drawer" else np.array([way, 0, 0])
            targets[f"privileged/target_{name}_handle_pos"] = state[f"privileged/{name}_handle_pos"] + move
        self._targets = targets
        self._oracles[name].reset(None, {**state, **targets})

    def _reached(self, look: Look) -> bool:
        state, (name, value) = look.state, self._stage or ("", None)
        if name == "button":
            return bool(state["button_states"][value] == self._targets["privileged/target_button_state"])
        if name == "cube":
            near = np.linalg.norm(state["privileged/block_0_pos"] - value) <= 0.03
            return _in_drawer(state) if value is DROP else bool(near)
        return bool(abs(state[f"privileged/{name}_pos"][0] - value) <= 0.02)

    def _clear(self, look: Look) -> bool:
        name = self._stage[0] if self._stage else ""
        opened = name == "button" or look.state["proprio/gripper_opening"][0] < 0.15
        return bool(look.state["proprio/effector_pos"][2] > CLEAR[name] and opened)


class Disturbance:
    """Noise on every action, and now and then a few steps of a random one in place of the oracle's."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._left = rng, 0
        self._noise, self._rate = float(rng.uniform(0.0, 0.3)), float(rng.choice([0.0, 0.02, 0.04]))
        self._action = np.zeros(5)

    def disturb(self, action: Vector) -> tuple[Vector, bool]:
        """What to do instead of an action (5,), and whether that is still the oracle's will."""
        if self._left == 0 and self._rng.random() < self._rate:
            self._left, self._action = int(self._rng.integers(3, 8)), self._rng.uniform(-1, 1, 5)
        if self._left:
            self._left -= 1
            return self._action, False
        return np.clip(action + self._noise * self._rng.normal(size=5), -1, 1), True


def gather_episode(scene: OgbenchScene, seed: int) -> dict[str, npt.NDArray] | None:
    """One demonstration of a random task; None if the environment's test is not passed.

    ``commanded`` is what the oracle wanted before noise, as a target in the base frame. The oracles draw from NumPy's
    global random state, which is seeded here.
    """
    rng = np.random.default_rng(seed)
    np.random.seed(seed % 2**32)
    look = scene.reset(random_task(rng), seed)
    if next_stage(look.state, scene.task["goal"]) is None:
        return None
    oracle, disturbance = StagedOracle(scene), Disturbance(rng)
    looks, expert = [look], []
    commanded = [scene.target(look, np.zeros(5))]
    while not look.success and len(looks) <= MAX_STEPS:
        wanted = oracle.act(look)
        action, willed = disturbance.disturb(wanted)
        commanded.append(scene.target(look, wanted if willed else action))
        expert.append(willed)
        look = scene.step(action)
        looks.append(look)
    if not look.success:
        return None
    return {
        "latents": np.stack([each.latent for each in looks]),
        "proprioception": np.stack([each.body for each in looks]),
        "commanded": np.array(commanded, np.float32),
        "expert": np.array([*expert, True]),
        "language": embed_task(scene.task)[None],
        "lengths": np.array([len(looks)]),
        "seeds": np.array([seed]),
    }


def gather(
    folder: Path, episodes: int, first_seed: int, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Tries ``episodes`` demonstrations and keeps those that succeed; shards that are there are kept as they are.

    ``progress(done, total)`` is called after each shard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, episodes, EPISODES_PER_SHARD)
    counts = [min(EPISODES_PER_SHARD, episodes - start) for start in starts]
    paths = [
        folder / f"seeds_{first_seed + start:08d}_{count}.npz" for start, count in zip(starts, counts, strict=True)
    ]
    if all(path.exists() for path in paths):
        return paths
    with OgbenchScene() as scene:
        for index, (path, start, count) in enumerate(zip(paths, starts, counts, strict=True)):
            if not path.exists():
                rows = [gather_episode(scene, first_seed + start + offset) for offset in range(count)]
                _write(path, [row for row in rows if row is not None])
            if progress:
                progress(index + 1, len(paths))
    return paths


def _write(path: Path, episodes: Sequence[Mapping[str, npt.NDArray]]) -> None:
    """Writes one shard, whole or not at all."""
    if not episodes:
        raise InvalidInputError(f"none of the demonstrations of {path.name} succeeded; ask for more episodes")
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        np.savez_compressed(file, **{key: np.concatenate([row[key] for row in episodes]) for key in ARRAYS})  # type: ignore[arg-type]
    os.replace(file.name, path)


def read_frames(paths: Sequence[Path], length: int) -> LatentFrames:
    """All demonstrations as what planner and policy are fitted to; ``length`` of a chunk. Raises InvalidInputError."""
    shards = []
    for path in paths:
        try:
            with np.load(path, allow_pickle=False) as file:
                shards.append({key: file[key] for key in ARRAYS})
        except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise InvalidInputError(
                f"{path}: no readable demonstrations ({error}); delete it to have them anew"
            ) from None
    arrays = {key: np.concatenate([shard[key] for shard in shards]) for key in ARRAYS}
    lengths, count = arrays["lengths"], len(arrays["seeds"])
    ends = np.cumsum(lengths)
    body = {key: arrays[key] for key in ("proprioception", "commanded", "expert")}
    first, last = np.repeat(ends - lengths, lengths), np.repeat(ends - 1, lengths)
    data = Demonstrations(body, {}, first, last, ["random"] * count, arrays["seeds"])
    latents, language = torch.from_numpy(arrays["latents"]), torch.from_numpy(arrays["language"])
    return LatentFrames.of(data, latents, language, PLAN_DIM, length)
