# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes demonstrations of a LeRobot dataset on disk, of the layouts v2.x and v3.x.

What is measured and commanded there is told by options such as ``--position 'observation.state[0:3]'``. An episode
that is damaged, or has other shapes, NaN, or words that ask for nothing here, is left out whole and named.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.language.rules import objection
from robot_planner.language.tokens import check_text, split_words
from robot_planner.perception.images import to_square
from robot_planner.simulation.observation import IMAGE_SIZES
from robot_planner.training.demonstration_writer import EPISODES_PER_SHARD, STEP_SECONDS, png, write_shard
from robot_planner.training.importers.lerobot_fields import Field, Vector, metres, opening, turn
from robot_planner.training.importers.lerobot_files import Episode, Image, LeRobotFolder, picture

FIELDS = {
    "position": "measured tool point x, y, z [m], such as 'observation.state[0:3]'",
    "yaw": "measured turn of the tool [rad], its rotation vector (3) or quaternion x, y, z, w; without it 0",
    "width": "measured width of the gripper [m]; see --width-range",
    "target-position": "commanded tool point; without it: where the tool then is",
    "target-yaw": "commanded turn; likewise",
    "target-width": "commanded opening of the gripper; likewise",
    "objects": "places of the red, green and blue block, 9 numbers [m]; without it unknown",
    "drawer": "opening of the drawer [m]; without it unknown",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("folder", type=Path, help="the dataset: what holds meta/info.json")
    parser.add_argument("--out", type=Path, required=True, help="new folder for the demonstrations")
    for view in IMAGE_SIZES:
        parser.add_argument(f"--{view}", required=True, metavar="CAMERA", help=f"feature that is the {view} view")
    for name, what in FIELDS.items():
        parser.add_argument(f"--{name}", type=Field, metavar="FIELD", required=name in ("position", "width"), help=what)
    for name, default in (("width", "metres"), ("target-width", "that of --width")):
        parser.add_argument(
            f"--{name}-range", type=float, nargs=3, metavar=("SHUT", "OPEN", "METRES"),
            help=f"values of shut and of open fingers, and how far those are apart then (default: {default})",
        )  # fmt: skip
    parser.add_argument("--degrees", action="store_true", help="turns are in degrees")
    parser.add_argument(
        "--say", nargs=2, action="append", default=[], metavar=("TASK", "INSTRUCTION"),
        help="what the dataset calls a task, and the instruction to put in its place",
    )  # fmt: skip
    parser.add_argument("--episodes", type=_range, metavar="A:B", help="those from A up to before B (default: all)")


def _range(text: str) -> range:
    begin, colon, end = text.partition(":")
    if not colon or not (begin or "0").isdecimal() or not (end or "0").isdecimal():
        raise InvalidInputError(f"--episodes is '{text}'; allowed: such as 0:45")
    return range(int(begin or 0), int(end or sys.maxsize))


class Converter:
    """Episodes of a dataset to frames of demonstrations, as the options say."""

    def __init__(self, dataset: LeRobotFolder, args: argparse.Namespace) -> None:
        """Raises InvalidInputError for a feature that the dataset doesn't have, and for too few frames a second."""
        self._dataset, self._degrees, self._say = dataset, args.degrees, dict(args.say)
        self._cameras = {view: str(getattr(args, view)) for view in IMAGE_SIZES}
        self._ranges = {"width": args.width_range, "target-width": args.target_width_range or args.width_range}
        given = {name: getattr(args, name.replace("-", "_")) for name in FIELDS}
        self._fields: dict[str, Field] = {name: field for name, field in given.items() if field is not None}
        for feature in (*self._cameras.values(), *(field.feature for field in self._fields.values())):
            if feature not in dataset.features:
                raise InvalidInputError(f"{dataset.folder} has no '{feature}'; it has {', '.join(dataset.features)}")
        for feature in self._cameras.values():
            if dataset.features[feature].get("dtype") not in ("video", "image"):
                raise InvalidInputError(f"'{feature}' is no camera of {dataset.folder}")
        for name, limits in self._ranges.items():
            if limits is not None and (limits[0] == limits[1] or not limits[2] > 0.0):
                raise InvalidInputError(f"--{name}-range is {limits}; allowed: two different values, and above 0 m")
        if not dataset.rate * STEP_SECONDS > 0.999:
            raise InvalidInputError(
                f"{dataset.folder} has {dataset.rate:g} frames a second; allowed: {1.0 / STEP_SECONDS:g} or more"
            )
        tabled = [feature for feature in self._cameras.values() if not dataset.is_video(feature)]
        self._columns = list(dict.fromkeys([*(field.feature for field in self._fields.values()), *tabled]))

    def instruction(self, episode: Episode) -> str:
        """What an episode shows, in words of this family; raises InvalidInputError."""
        if len(episode.tasks) != 1:
            raise InvalidInputError(f"it has {len(episode.tasks)} tasks; allowed: one")
        text = self._say.get(episode.tasks[0], episode.tasks[0])
        if reason := objection(split_words(check_text(text))):
            raise InvalidInputError(f"'{text}': {reason}; --say puts another instruction in its place")
        return text

    def frames(self, episode: Episode) -> dict[str, Any]:
        """One row a STEP_SECONDS of all that a demonstration records; raises InvalidInputError."""
        columns = self._dataset.columns(episode, self._columns)
        rows = np.rint(np.arange(0.0, episode.length, self._dataset.rate * STEP_SECONDS)).astype(int)
        rows = rows[rows < episode.length]
        if len(rows) < 2:
            raise InvalidInputError(f"it has {episode.length} frames; allowed: more than {STEP_SECONDS:g} s of them")
        body, commanded = [], []
        for name in ("position", "yaw", "width"):
            values = self._read(name, columns, episode.length)
            body.append(values[rows])
            commanded.append(values[rows])
            if f"target-{name}" in self._fields:  # what stands commanded at a frame was sent at the one before it
                sent = self._read(f"target-{name}", columns, episode.length)
                commanded[-1] = np.concatenate([values[:1], sent[rows[1:] - 1]])
        position, yaw, width = body
        return {
            **{view: self._images(view, episode, columns, rows) for view in IMAGE_SIZES},
            "proprioception": np.concatenate([position, np.sin(yaw), np.cos(yaw), width], axis=1),
            "commanded": np.concatenate(commanded, axis=1),
            "expert": np.ones(len(rows), bool),
            "objects": self._read("objects", columns, episode.length)[rows].reshape(-1, 3, 3),
            "drawer": self._read("drawer", columns, episode.length)[rows, 0],
        }

    def _read(self, name: str, columns: dict[str, Any], length: int) -> Vector:
        """Numbers (length, K) of one of FIELDS, in our units."""
        if name not in self._fields:
            return np.zeros((length, 1)) if name == "yaw" else np.full((length, 9 if name == "objects" else 1), np.nan)
        what, field = name.removeprefix("target-"), self._fields[name]
        values = field.of(columns, what)
        if what == "yaw":
            return turn(values, self._degrees)
        if what == "width":
            values = opening(values, self._ranges[name])
        return metres(values, what, field.text) if what in ("position", "width") else values

    def _images(
        self, view: str, episode: Episode, columns: dict[str, Any], rows: npt.NDArray[np.int64]
    ) -> list[npt.NDArray[np.uint8]]:
        """PNG files of a view."""
        feature = self._cameras[view]
        try:
            if self._dataset.is_video(feature):
                images = self._dataset.video(episode, feature, rows.tolist())
            else:
                images = (picture(columns[feature][row]) for row in rows)
            return [png(to_square(middle(image), IMAGE_SIZES[view])) for image in images]
        except InvalidInputError as error:
            raise InvalidInputError(f"{feature}: {error}") from None


def middle(image: Image) -> Image:
    """The largest square in the middle of an image (H, W, 3)."""
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return image[top : top + side, left : left + side]


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Writes shards of all episodes that are sound; one record of how many. Raises InvalidInputError if none is."""
    if any(args.out.glob("*.npz")):
        raise InvalidInputError(f"{args.out} holds demonstrations already; allowed: a new folder")
    dataset = LeRobotFolder(args.folder)
    converter = Converter(dataset, args)
    chosen = [episode for episode in dataset.episodes if args.episodes is None or episode.index in args.episodes]
    frames = kept = 0
    shards: list[Path] = []
    args.out.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(chosen), EPISODES_PER_SHARD):
        sound: list[tuple[int, str, dict[str, Any]]] = []
        for episode in chosen[start : start + EPISODES_PER_SHARD]:
            try:
                sound.append((episode.index, converter.instruction(episode), converter.frames(episode)))
            except InvalidInputError as error:
                print(f"left out: episode {episode.index}: {error}", file=sys.stderr)
        if sound:
            path = args.out / f"episodes_{sound[0][0]:08d}_{len(sound)}.npz"
            numbers, texts, rows = zip(*sound, strict=True)
            shards.append(write_shard(path, rows, numbers, texts))
            frames, kept = frames + sum(len(row["expert"]) for row in rows), kept + len(sound)
        print(f"episodes {min(start + EPISODES_PER_SHARD, len(chosen))}/{len(chosen)}", flush=True)
    if not kept:
        raise InvalidInputError(f"{args.folder} has no sound episode among the {len(chosen)} asked for")
    return [{"episodes": kept, "left_out": len(chosen) - kept, "frames": frames, "shards": len(shards)}]
