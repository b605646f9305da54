# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads demonstrations back: checked shard by shard, a broken one left out whole and named."""

import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.types import FloatArray

SHAPES = {
    "proprioception": (6,),
    "commanded": (5,),
    "expert": (),
    "objects": (3, 3),
    "drawer": (),
    "front_ends": (),
    "wrist_ends": (),
}
"""Arrays with one row a frame, and the shape of a row."""
MAY_BE_UNKNOWN = ("objects", "drawer")
VIEWS = ("front", "wrist")


@dataclass(frozen=True)
class Demonstrations:
    """All frames of a set of demonstrations, one episode after the other; see training/demonstrations.py."""

    arrays: dict[str, npt.NDArray]
    """Arrays of SHAPES over all N frames."""
    files: dict[str, list[npt.NDArray[np.uint8]]]
    """View -> the PNG files."""
    first: npt.NDArray[np.int64]
    """(N,) first frame of each frame's episode."""
    last: npt.NDArray[np.int64]
    """(N,) last frame of each frame's episode."""
    instructions: list[str]
    seeds: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    @property
    def episodes(self) -> int:
        """How many."""
        return len(self.instructions)

    @property
    def episode_of(self) -> npt.NDArray[np.int64]:
        """(N,) number of each frame's episode."""
        return np.unique(self.first, return_inverse=True)[1]

    def only(self, kept: npt.NDArray[np.bool_]) -> "Demonstrations":
        """The episodes for which ``kept`` (E,) is true."""
        frames = kept[self.episode_of]
        rows, numbers = np.flatnonzero(frames), np.cumsum(frames) - 1
        return Demonstrations(
            {key: array[rows] for key, array in self.arrays.items()},
            {view: [files[row] for row in rows] for view, files in self.files.items()},
            numbers[self.first[rows]],
            numbers[self.last[rows]],
            [text for text, keep in zip(self.instructions, kept, strict=True) if keep],
            self.seeds[kept],
        )

    def images(self, view: str, frames: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """RGB (len(frames), S, S, 3) of a view."""
        files = self.files[view]
        decoded = []
        for frame in frames:
            image = cv2.imdecode(files[frame], cv2.IMREAD_COLOR_RGB)
            if image is None:
                raise InvalidInputError(f"the {view} image of frame {frame} is no picture")
            decoded.append(np.asarray(image, np.uint8))
        return np.stack(decoded)

    def chunks(self, length: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """What the expert commands after each frame -> chunks (N, K, 5), mask (N, K).

        A row is a target relative to the measured tool: dx, dy, dz [m], dyaw [rad], and the gripper's opening [m].
        Masked are commands from the first error on that was made on purpose. After the episode's end the last
        command stands.
        """
        body, commanded, expert = (self.arrays[key] for key in ("proprioception", "commanded", "expert"))
        frames = np.arange(len(self))
        ahead = frames[:, None] + np.arange(1, length + 1)
        good = np.minimum(ahead - 1, self.last[:, None])
        mask = np.logical_and.accumulate(expert[good], axis=1)
        targets = commanded[np.minimum(ahead, self.last[:, None])]
        chunks = targets.copy()
        chunks[..., :3] -= body[:, None, :3]
        turn = targets[..., 3] - np.arctan2(body[:, 3], body[:, 4])[:, None]
        chunks[..., 3] = (turn + np.pi) % (2 * np.pi) - np.pi
        return chunks.astype(np.float32), mask

    def ahead(self, fractions: Sequence[float]) -> npt.NDArray[np.int64]:
        """(N, len(fractions)) frames at these fractions of the way from each frame to its episode's end."""
        left = (self.last - np.arange(len(self)))[:, None]
        return np.arange(len(self))[:, None] + np.rint(left * np.asarray(fractions)).astype(np.int64)


def read_shard(path: Path) -> dict[str, npt.NDArray]:
    """One shard, checked; raises InvalidInputError, which names the file and what is wrong with it."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidInputError(f"{path}: not a readable shard of demonstrations ({error})") from None
    needed = {*SHAPES, *VIEWS, "lengths", "seeds", "instructions"}
    if missing := needed - arrays.keys():
        raise InvalidInputError(f"{path}: lacks {', '.join(sorted(missing))}")
    count = int(arrays["lengths"].sum())
    for key, shape in SHAPES.items():
        if arrays[key].shape != (count, *shape):
            raise InvalidInputError(f"{path}: {key} has shape {arrays[key].shape}; allowed: {(count, *shape)}")
        floating = arrays[key].dtype.kind == "f"
        if floating and key not in MAY_BE_UNKNOWN and not np.isfinite(arrays[key]).all():
            raise InvalidInputError(f"{path}: {key} holds NaN or infinity")
    for view in VIEWS:
        ends = arrays[f"{view}_ends"]
        if np.any(np.diff(ends, prepend=0) <= 0) or ends[-1] != arrays[view].size:
            raise InvalidInputError(f"{path}: the {view} images are cut short")
    if len(arrays["instructions"]) != len(arrays["lengths"]) or (arrays["lengths"] < 2).any():
        raise InvalidInputError(f"{path}: lengths and instructions don't fit each other")
    return arrays


def read_demonstrations(paths: Sequence[Path]) -> Demonstrations:
    """All shards that are sound; each other one is named on stderr. Raises InvalidInputError if none is left."""
    shards = []
    for path in paths:
        try:
            shards.append(read_shard(path))
        except InvalidInputError as error:
            print(f"left out: {error}", file=sys.stderr)
    if not shards:
        raise InvalidInputError("there is no sound shard of demonstrations")
    lengths = np.concatenate([shard["lengths"] for shard in shards])
    ends = np.cumsum(lengths)
    files = {
        view: [part for shard in shards for part in np.split(shard[view], shard[f"{view}_ends"][:-1])] for view in VIEWS
    }
    return Demonstrations(
        {key: np.concatenate([shard[key] for shard in shards]) for key in SHAPES if not key.endswith("_ends")},
        files,
        np.repeat(ends - lengths, lengths),
        np.repeat(ends - 1, lengths),
        [str(text) for shard in shards for text in shard["instructions"]],
        np.concatenate([shard["seeds"] for shard in shards]),
    )
