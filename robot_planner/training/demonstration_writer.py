# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes demonstrations: one shard of the format that training/demonstrations.py describes, whole or not at all."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.training.demonstration_reader import VIEWS
from robot_planner.training.shards import write_arrays

FRAME_KEYS = (*VIEWS, "proprioception", "commanded", "expert", "objects", "drawer")
"""What an episode has a row of for each frame."""
STEP_SECONDS = 0.1
"""Between two frames."""
EPISODES_PER_SHARD = 50


def png(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The PNG file of an RGB image (S, S, 3)."""
    return np.asarray(cv2.imencode(".png", image[..., ::-1])[1].ravel(), np.uint8)


def write_shard(
    path: Path, episodes: Sequence[Mapping[str, Sequence]], seeds: Sequence[int], instructions: Sequence[str]
) -> Path:
    """Writes episodes, each a mapping of FRAME_KEYS to one row a frame; images are PNG files."""
    joined = {key: [item for episode in episodes for item in episode[key]] for key in FRAME_KEYS}
    arrays: dict[str, npt.NDArray] = {
        "proprioception": np.array(joined["proprioception"], np.float32),
        "commanded": np.array(joined["commanded"], np.float32),
        "expert": np.array(joined["expert"], bool),
        "objects": np.array(joined["objects"], np.float32),
        "drawer": np.array(joined["drawer"], np.float32),
        "lengths": np.array([len(episode["expert"]) for episode in episodes]),
        "seeds": np.array(seeds),
        "instructions": np.array(instructions),
    }
    for view in VIEWS:
        arrays[view] = np.concatenate(joined[view])
        arrays[f"{view}_ends"] = np.cumsum([len(item) for item in joined[view]])
    return write_arrays(path, arrays)
