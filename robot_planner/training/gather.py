# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Gathers the episodes that world models learn from, in shards that can be read back and resumed.

A shard is one compressed ``.npz`` of E episodes of T steps:

- images uint8 (E, T+1, 64, 64, 3): the front camera's region of interest at every step's beginning and at the end
- actions float32 (E, T, 2): displacement of the commanded tool point [m], as executed (after clipping to the box)
- hand float32 (E, T+1, 2): tool point by forward kinematics of the measured joints [m]
- blocks float32 (E, T+1, 3, 2): red, green, blue by the colour detector [m], NaN where not visible
- seeds int64 (E,)
- truth float32 (E, T+1, 4, 2): hand and blocks by the simulator; in held-out shards only, for evaluation
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from robot_planner.perception.color_blocks import detect_blocks
from robot_planner.perception.images import Crop, to_square
from robot_planner.simulation.stepping import PlanarStepper
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.workspace import TOOL_HIGH, TOOL_LOW
from robot_planner.training.behaviour import Behaviour
from robot_planner.training.shards import make_missing, write_arrays

Places = npt.NDArray[np.float64]

IMAGE_SIZE = 64
EPISODES_PER_SHARD = 25


Act = Callable[[npt.NDArray[np.uint8], Places, Places], npt.NDArray]
"""(camera image, commanded tool point (2,), blocks as last seen (3, 2)) -> the next displacement (2,) [m]."""


def gather_episode(tabletop: Tabletop, seed: int, steps: int, truth: bool, crop: Crop) -> dict[str, npt.NDArray]:
    """One episode of scripted behaviour, see ``record_episode``."""
    tabletop.reset("push", seed)
    behaviour = Behaviour(np.random.default_rng([seed, 7]), TOOL_LOW, TOOL_HIGH)
    return record_episode(tabletop, seed, steps, truth, crop, lambda _, tool, blocks: behaviour.act(tool, blocks))


def record_episode(
    tabletop: Tabletop, seed: int, steps: int, truth: bool, crop: Crop, act: Act
) -> dict[str, npt.NDArray]:
    """``steps`` actions from where the tabletop is, as the arrays of a shard without their first axis."""
    stepper = PlanarStepper(tabletop)
    camera, size = "front", tabletop.image_size
    matrix, pose = tabletop.camera_matrix(camera, size), tabletop.camera_pose(camera)
    images = np.zeros((steps + 1, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    actions = np.zeros((steps, 2), np.float32)
    hand = np.zeros((steps + 1, 2), np.float32)
    blocks = np.zeros((steps + 1, 3, 2), np.float32)
    true = np.zeros((steps + 1, 4, 2), np.float32)
    believed = np.full((3, 2), np.nan)
    for step in range(steps + 1):
        image = tabletop.render(camera)
        images[step] = to_square(image, IMAGE_SIZE, crop)
        hand[step] = tabletop.tool_position[:2]
        blocks[step] = detect_blocks(image, matrix, pose)
        true[step, 0], true[step, 1:] = tabletop.tool_position[:2], tabletop.block_positions[:, :2]
        believed = np.where(np.isfinite(blocks[step]), blocks[step], believed)
        if step < steps:
            before = stepper.commanded.copy()
            stepper.step(act(image, before, believed))
            actions[step] = stepper.commanded - before
    episode = {"images": images, "actions": actions, "hand": hand, "blocks": blocks, "seeds": np.int64(seed)}
    return {**episode, "truth": true} if truth else episode


def gather_shard(path: Path, first_seed: int, episodes: int, steps: int, truth: bool, crop: Crop) -> Path:
    """Writes one shard, whole or not at all."""
    with Tabletop() as tabletop:
        seeds = range(first_seed, first_seed + episodes)
        return write_episodes(path, [gather_episode(tabletop, seed, steps, truth, crop) for seed in seeds])


def write_episodes(path: Path, episodes: Sequence[Mapping[str, npt.NDArray]]) -> Path:
    """Writes episodes as one shard, whole or not at all."""
    arrays = {key: np.stack([episode[key] for episode in episodes]) for key in episodes[0]}
    return write_arrays(path, arrays, compressed=True)


def shard_jobs(folder: Path, episodes: int, steps: int, first_seed: int) -> list[tuple[Path, int, int]]:
    """(path, first seed, episodes) of the shards that ``episodes`` episodes are kept in; the folder is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob("*.part"):
        leftover.unlink()
    jobs = []
    for start in range(0, episodes, EPISODES_PER_SHARD):
        count, seed = min(EPISODES_PER_SHARD, episodes - start), first_seed + start
        jobs.append((folder / f"seeds_{seed:08d}_{count}x{steps}.npz", seed, count))
    return jobs


def gather(
    folder: Path,
    episodes: int,
    steps: int,
    first_seed: int,
    crop: Crop,
    truth: bool = False,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Gathers what is missing of ``episodes`` episodes into ``folder``; existing shards are kept.

    ``progress(done, total)`` is called after each shard.
    """
    jobs = [(*job, steps, truth, crop) for job in shard_jobs(folder, episodes, steps, first_seed)]
    return make_missing(gather_shard, jobs, workers, progress)


def load_shards(paths: list[Path]) -> dict[str, npt.NDArray]:
    """Shards joined along the episodes."""
    shards = [dict(np.load(path, allow_pickle=False)) for path in paths]
    return {key: np.concatenate([shard[key] for shard in shards]) for key in shards[0]}
