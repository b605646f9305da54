# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads LeRobot datasets from a folder, of the layouts v2.x (a file an episode) and v3.x (many episodes a file).

    v2: meta/{info.json, episodes.jsonl}, data/chunk-000/episode_000000.parquet,
        videos/chunk-000/<feature>/episode_000000.mp4
    v3: meta/{info.json, episodes/chunk-000/file-000.parquet}, data/chunk-000/file-000.parquet,
        videos/<feature>/chunk-000/file-000.mp4

Where files lie is told by ``data_path`` and ``video_path`` in info.json, and each frame's numbers by the columns that
its ``features`` name. Whatever is wrong raises InvalidInputError, which names the file.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError

Image = npt.NDArray[np.uint8]
DIGITS = re.compile(rb"\d+")


@dataclass(frozen=True)
class Episode:
    """Where one episode is."""

    index: int
    length: int
    tasks: tuple[str, ...]
    """What was asked for, in words."""
    place: dict[str, Any] = field(repr=False)
    """Row of the episode's metadata."""


class LeRobotFolder:
    """A dataset; see the module's docstring."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        info = _json(folder / "meta" / "info.json")
        try:
            version = str(info["codebase_version"])
            self.features: dict[str, dict[str, Any]] = dict(info["features"])
            self.rate = float(info["fps"])
            self._data_path = str(info["data_path"])
            self._video_path = str(info.get("video_path") or "")
            self._chunk = int(info.get("chunks_size", 1000))
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"{folder}/meta/info.json lacks, or has no sensible, {error}") from None
        if version[:3] not in ("v2.", "v3."):
            raise InvalidInputError(f"{folder} is of version {version}; allowed: v2.x and v3.x")
        self.is_v3 = version.startswith("v3.")
        self.episodes = self._episodes()
        self._table: tuple[Any, dict[str, Any]] = None, {}

    def _episodes(self) -> list[Episode]:
        meta = self.folder / "meta"
        if self.is_v3:
            tables = [read_parquet(path, _is_place) for path in sorted((meta / "episodes").glob("*/*.parquet"))]
            rows = [dict(zip(table, row, strict=True)) for table in tables for row in zip(*table.values(), strict=True)]
        else:
            path = meta / "episodes.jsonl"
            rows = [_parsed(line, path) for line in _text(path).splitlines() if line.strip()]
        try:
            found = [
                Episode(int(row["episode_index"]), int(row["length"]), tuple(map(str, row["tasks"])), row)
                for row in rows
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"{meta}: an episode's metadata lacks, or has no sensible, {error}") from None
        return sorted(found, key=lambda episode: episode.index)

    def _path(self, template: str, episode: Episode, prefix: str, **names: Any) -> Path:
        """The file of an episode that a template of info.json names."""
        names |= {"episode_index": episode.index, "episode_chunk": episode.index // self._chunk}
        try:
            if self.is_v3:
                names |= {name: int(episode.place[f"{prefix}/{name}"]) for name in ("chunk_index", "file_index")}
            path = self.folder / template.format(**names)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise InvalidInputError(f"its metadata doesn't tell which file is its {prefix} ({error})") from None
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise InvalidInputError(f"{path} lies outside the dataset")
        return path

    def columns(self, episode: Episode, names: Sequence[str]) -> dict[str, Any]:
        """Columns of an episode's frames, numbers as arrays (length, ...); raises InvalidInputError."""
        path, wanted = self._path(self._data_path, episode, "data"), {*names, "episode_index"}
        if self._table[0] != (path, wanted):
            self._table = None, {}  # not two large tables at once
            self._table = (path, wanted), read_parquet(path, wanted.__contains__)
        table = self._table[1]
        if missing := [name for name in names if name not in table]:
            raise InvalidInputError(f"{path} lacks {', '.join(missing)}; it has {', '.join(sorted(table))}")
        rows = np.arange(len(next(iter(table.values()), ())))
        if "episode_index" in table:
            rows = rows[np.asarray(table["episode_index"]).reshape(len(rows)) == episode.index]
        if len(rows) != episode.length:
            raise InvalidInputError(f"{path} has {len(rows)} frames of it; its metadata says {episode.length}")
        return {
            name: table[name][rows] if isinstance(table[name], np.ndarray) else [table[name][row] for row in rows]
            for name in names
        }

    def is_video(self, feature: str) -> bool:
        """Whether a camera's images are a video, and no column of the table."""
        return bool(self.features[feature].get("dtype") == "video")

    def video(self, episode: Episode, feature: str, frames: Sequence[int]) -> Iterator[Image]:
        """RGB images (H, W, 3) of a video at increasing ``frames``; raises InvalidInputError."""
        path = self._path(self._video_path, episode, f"videos/{feature}", video_key=feature)
        begin, wanted = float(episode.place.get(f"videos/{feature}/from_timestamp", 0.0)), set(frames)
        for number, image in enumerate(video_frames(path, begin, episode.length, self.rate)):
            if number in wanted:
                yield image


def video_frames(path: Path, begin: float, count: int, rate: float) -> Iterator[Image]:
    """``count`` RGB frames of a video from the time ``begin`` [s] on; raises InvalidInputError if there are fewer.

    By ffmpeg, which also reads AV1, in a process of its own.
    """
    import imageio_ffmpeg

    if not path.is_file():
        raise InvalidInputError(f"there is no video {path}")
    seek = ["-ss", f"{begin - 0.5 / rate:.6f}"] if begin > 0.0 else []
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *seek, "-i", f"file:{path}", "-an"]
    words += ["-frames:v", str(count), "-fps_mode", "passthrough", "-f", "image2pipe", "-c:v", "ppm", "-"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            for number in range(count):
                image = _portable_pixmap(process.stdout)  # type: ignore[arg-type]
                if image is None:
                    raise InvalidInputError(f"{path} ends, or is damaged, after {number} of {count} frames")
                yield image
        finally:
            process.kill()


def _portable_pixmap(stream: IO[bytes]) -> Image | None:
    """The next image of a stream of PPM files; None at its end."""
    head = [stream.readline() for _ in range(3)]
    size = [int(number) for number in DIGITS.findall(head[1])]
    if head[0].strip() != b"P6" or len(size) != 2:
        return None
    data = stream.read(size[0] * size[1] * 3)
    return np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3) if len(data) == size[0] * size[1] * 3 else None


def picture(row: Any) -> Image:
    """An RGB image (H, W, 3) that stands in the table itself, as a file; raises InvalidInputError."""
    data = row.get("bytes") if isinstance(row, dict) else None
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB) if data else None
    if image is None:
        raise InvalidInputError("a row of it is no picture")
    return np.asarray(image, np.uint8)


def read_parquet(path: Path, wanted: Any) -> dict[str, Any]:
    """The columns of a file whose names are ``wanted(name)``; raises InvalidInputError.

    Numbers are an array (N,), lists of one length an array (N, length), all else a list.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            table = file.read(columns=[name for name in file.schema_arrow.names if wanted(name)])
        return {name: _column(table.column(name).combine_chunks()) for name in table.column_names}
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InvalidInputError(f"{path}: not a readable table ({reason})") from None


def _column(column: Any) -> Any:
    from pyarrow import types

    kind, depth = column.type, 0
    while types.is_list(kind) or types.is_fixed_size_list(kind) or types.is_large_list(kind):
        kind, depth = kind.value_type, depth + 1
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    if not is_number:
        return column.to_pylist()
    return np.asarray(column.to_pylist() if depth else column.to_numpy(zero_copy_only=False))


def _is_place(name: str) -> bool:
    """Of the metadata of an episode: statistics are no use here."""
    return not name.startswith("stats/")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise InvalidInputError(f"{path} holds no object")
    return value


def _json(path: Path) -> dict[str, Any]:
    return _parsed(_text(path), path)
