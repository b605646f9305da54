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

from collections.abc import Callable
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

IMAGE_SIZE = 64
EPISODES_PER_SHARD = 25


def gather_episode(tabletop: Tabletop, seed: int, steps: int, truth: bool, crop: Crop) -> dict[str, npt.NDArray]:
    """One episode of ``steps`` actions as the arrays of a shard without their first axis."""
    tabletop.reset("push", seed)
    stepper = PlanarStepper(tabletop)
    rng = np.random.default_rng([seed, 7])
    behaviour = Behaviour(rng, TOOL_LOW, TOOL_HIGH)
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
            stepper.step(behaviour.act(before, believed))
            actions[step] = stepper.commanded - before
    episode = {"images": images, "actions": actions, "hand": hand, "blocks": blocks, "seeds": np.int64(seed)}
    return {**episode, "truth": true} if truth else episode


def gather_shard(path: Path, first_seed: int, episodes: int, steps: int, truth: bool, crop: Crop) -> Path:
    """Writes one shard, whole or not at all."""
    tabletop = Tabletop()
    try:
        rows = [gather_episode(tabletop, first_seed + index, steps, truth, crop) for index in range(episodes)]
    finally:
        tabletop.close()
    arrays = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    return write_arrays(path, arrays, compressed=True)


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
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob("*.part"):
        leftover.unlink()
    jobs = []
    for start in range(0, episodes, EPISODES_PER_SHARD):
        count = min(EPISODES_PER_SHARD, episodes - start)
        path = folder / f"seeds_{first_seed + start:08d}_{count}x{steps}.npz"
        jobs.append((path, first_seed + start, count, steps, truth, crop))
    return make_missing(gather_shard, jobs, workers, progress)


def load_shards(paths: list[Path]) -> dict[str, npt.NDArray]:
    """Shards joined along the episodes."""
    shards = [dict(np.load(path, allow_pickle=False)) for path in paths]
    return {key: np.concatenate([shard[key] for shard in shards]) for key in shards[0]}
