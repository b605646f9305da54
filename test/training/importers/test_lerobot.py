# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Small LeRobot datasets, of both layouts, become demonstrations; what is broken is left out whole and named."""

import argparse
import functools
import importlib.util
import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.training.demonstration_reader import read_demonstrations
from robot_planner.training.importers import lerobot, lerobot_files

RATE, LENGTHS = 20, (41, 31, 52)
TASK = "put the red block in bin A"
FRONT, WRIST = "observation.images.front", "observation.images.wrist"
LEVEL = 4
"""How much brighter each frame is than the one before."""
needs_pyarrow = pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None, reason="the extra 'lerobot' is not installed"
)


class Tables:
    """Tables that are written as parquet files, or kept in memory where pyarrow isn't installed."""

    def __init__(self, monkeypatch, in_memory):
        self.kept = {} if in_memory else None
        if in_memory:
            monkeypatch.setattr(lerobot_files, "read_parquet", self.read)

    def write(self, path, columns):
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.kept is not None:
            self.kept[path] = columns
            path.touch()
            return
        import pyarrow
        from pyarrow import parquet

        arrays = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in columns.items()}
        parquet.write_table(pyarrow.table(arrays), path)

    def read(self, path, wanted):
        if path not in self.kept:
            raise InvalidInputError(f"{path}: not a readable table")
        return {name: column for name, column in self.kept[path].items() if wanted(name)}


@pytest.fixture(params=["in memory", pytest.param("parquet", marks=needs_pyarrow)])
def tables(request, monkeypatch):
    return Tables(monkeypatch, request.param == "in memory")


def numbers(episode, length):
    """Columns of an episode: the tool goes ahead and turns, the gripper shuts; commands are ahead by ten frames."""
    at = np.arange(length)
    state = np.column_stack([0.3 + 0.001 * at, 0.01 * episode + 0 * at, 0.1 + 0 * at, 0.01 * at, 100.0 - at])
    action = state + [0.010, 0.0, 0.0, 0.1, -10.0]
    return {
        "observation.state": state.astype(np.float32),
        "action": action.astype(np.float32),
        "episode_index": np.full(length, episode),
        "frame_index": at,
        "task_index": np.zeros(length, int),
    }


@functools.cache
def pictures(length, width, height):
    """Grey frames, each brighter than the one before; on the left a stripe that the square in the middle lacks."""
    frames = np.zeros((length, height, width, 3), np.uint8)
    frames[:] = (20 + LEVEL * np.arange(length))[:, None, None, None]
    frames[:, :, : (width - height) // 2] = 255
    return frames


@functools.cache
def encoded(lengths, width, height, codec):
    """The bytes of a video of ``pictures``, one after the other."""
    frames = np.concatenate([pictures(length, width, height) for length in lengths])
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    words += ["-s", f"{width}x{height}", "-r", str(RATE), "-i", "-", "-c:v", *codec, "-g", "12", "-pix_fmt", "yuv420p"]
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        quiet = {**os.environ, "SVT_LOG": "1"}
        subprocess.run([*words, file.name], input=frames.tobytes(), check=True, env=quiet)
        return Path(file.name).read_bytes()


def write_video(path, lengths, size, codec=("libx264", "-qp", "0")):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(tuple(lengths), *size, codec))


SIZES = {FRONT: (160, 128), WRIST: (64, 64)}


def write_dataset(folder, layout, tables, tasks=(TASK, TASK, TASK), images="video"):
    """A dataset of three episodes; returns its folder."""
    v3 = layout == "v3.0"
    (folder / "meta").mkdir(parents=True)
    shapes = {"observation.state": [5], "action": [5], "episode_index": [1], "frame_index": [1], "task_index": [1]}
    features = {name: {"dtype": "float32", "shape": shape} for name, shape in shapes.items()}
    features |= {name: {"dtype": images, "shape": [*size[::-1], 3]} for name, size in SIZES.items()}
    info = {"codebase_version": layout, "fps": RATE, "chunks_size": 2, "features": features}
    if v3:
        info["data_path"] = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
        info["video_path"] = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    else:
        info["data_path"] = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
        info["video_path"] = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    (folder / "meta" / "info.json").write_text(json.dumps(info))
    parts = [numbers(episode, length) for episode, length in enumerate(LENGTHS)]
    if images == "image":
        for episode, part in enumerate(parts):
            for name, size in SIZES.items():
                shown = pictures(LENGTHS[episode], *size)
                part[name] = [{"bytes": cv2.imencode(".png", one)[1].tobytes(), "path": None} for one in shown]
    if v3:
        write_v3(folder, tables, parts, tasks, images)
    else:
        write_v2(folder, tables, parts, tasks, images)
    return folder


def write_v2(folder, tables, parts, tasks, images):
    rows = []
    for episode, part in enumerate(parts):
        chunk = f"chunk-{episode // 2:03d}"
        tables.write(folder / "data" / chunk / f"episode_{episode:06d}.parquet", part)
        rows.append({"episode_index": episode, "tasks": [tasks[episode]], "length": LENGTHS[episode]})
        for name, size in SIZES.items() if images == "video" else ():
            path = folder / "videos" / chunk / name / f"episode_{episode:06d}.mp4"
            write_video(path, [LENGTHS[episode]], size)
    (folder / "meta" / "episodes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_v3(folder, tables, parts, tasks, images):
    def joined(columns):
        if isinstance(columns[0], np.ndarray):
            return np.concatenate(columns)
        return [item for column in columns for item in column]

    tables.write(
        folder / "data" / "chunk-000" / "file-000.parquet",
        {name: joined([part[name] for part in parts]) for name in parts[0]},
    )
    count = len(LENGTHS)
    rows = {"episode_index": np.arange(count), "length": np.array(LENGTHS), "tasks": [[task] for task in tasks]}
    rows |= {"data/chunk_index": np.zeros(count, int), "data/file_index": np.zeros(count, int)}
    rows["stats/action/mean"] = np.zeros((count, 5))
    ends = np.cumsum(LENGTHS) / RATE
    for name, size in SIZES.items() if images == "video" else ():
        rows |= {f"videos/{name}/chunk_index": np.zeros(count, int), f"videos/{name}/file_index": np.zeros(count, int)}
        rows |= {f"videos/{name}/from_timestamp": ends - np.array(LENGTHS) / RATE}
        path = folder / "videos" / name / "chunk-000" / "file-000.mp4"
        write_video(path, LENGTHS, size, ("libsvtav1", "-preset", "11", "-crf", "10"))
    tables.write(folder / "meta" / "episodes" / "chunk-000" / "file-000.parquet", rows)


def options(folder, out, *words):
    parser = argparse.ArgumentParser()
    lerobot.add_arguments(parser)
    given = ["--front", FRONT, "--wrist", WRIST, "--position", "observation.state[0:3]"]
    given += ["--yaw", "observation.state[3]", "--width", "observation.state[4]", "--width-range", "0", "100", "0.08"]
    given += ["--target-position", "action[0,1,2]", "--target-yaw", "action[3]", "--target-width", "action[4]"]
    return parser.parse_args([str(folder), "--out", str(out), *given, *words])


def converted(folder, out, *words):
    record = lerobot.run(options(folder, out, *words))
    return record[0], read_demonstrations(sorted(out.glob("*.npz")))


@pytest.mark.parametrize("layout", ["v2.1", "v3.0"])
def test_both_layouts_become_the_same_demonstrations(tmp_path, tables, layout):
    record, data = converted(write_dataset(tmp_path / "set", layout, tables), tmp_path / "out")
    assert record == {"episodes": 3, "left_out": 0, "frames": 21 + 16 + 26, "shards": 1}
    assert data.instructions == [TASK] * 3 and data.seeds.tolist() == [0, 1, 2]
    assert np.diff(np.unique(data.first)).tolist() == [21, 16]
    body, commanded = data.arrays["proprioception"], data.arrays["commanded"]
    # every second frame of the 20 a second; the third episode begins at row 37
    assert np.allclose(body[37 + 5, :3], [0.31, 0.02, 0.1])
    assert np.allclose(body[37 + 5, 3:5], [np.sin(0.1), np.cos(0.1)]) and np.isclose(body[37 + 5, 5], 0.9 * 0.08)
    # what stands commanded there was sent one frame of the dataset before, which is row 9 of it
    assert np.allclose(commanded[37 + 5], [0.319, 0.02, 0.1, 0.19, (100 - 9 - 10) / 100 * 0.08])
    assert np.allclose(commanded[37, :3], body[37, :3])  # nothing had been sent
    assert data.arrays["expert"].all()
    assert np.isnan(data.arrays["objects"]).all() and np.isnan(data.arrays["drawer"]).all()
    for view, side in (("front", 128), ("wrist", 64)):
        images = data.images(view, [0, 5, 21, 37, 37 + 25])
        assert images.shape == (5, side, side, 3)
        brightness = 20 + LEVEL * np.array([0, 10, 0, 0, 50])
        assert np.allclose(images.mean((1, 2, 3)), brightness, atol=LEVEL / 2), "not the frames of these times"
        assert images.std((1, 2)).max() < 6, "not the middle of the image"


def test_images_may_stand_in_the_tables(tmp_path, tables):
    _, data = converted(write_dataset(tmp_path / "set", "v2.1", tables, images="image"), tmp_path / "out")
    assert np.allclose(data.images("front", [5]).mean(), 20 + LEVEL * 10)


def test_without_targets_the_tool_is_where_it_was_sent(tmp_path, tables):
    args = options(write_dataset(tmp_path / "set", "v2.1", tables), tmp_path / "out")
    args.target_position = args.target_yaw = args.target_width = None
    lerobot.run(args)
    data = read_demonstrations(sorted((tmp_path / "out").glob("*.npz")))
    chunks, mask = data.chunks(3)
    assert mask.all()
    assert np.allclose(
        chunks[4], [[0.002 * k, 0, 0, 0.02 * k, (100 - 8 - 2 * k) * 0.0008] for k in (1, 2, 3)], atol=1e-5
    )


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("video cut short", "observation.images.wrist: .*mp4 ends, or is damaged, after 0 of 31 frames"),
        ("frames missing", "observation.images.front: .*ends, or is damaged, after 20 of 31 frames"),
        ("no video", "there is no video .*episode_000001.mp4"),
        ("nan", "action.* holds NaN or infinity"),
        ("shape", r"action\[0,1,2\] is beyond its 2 numbers"),
        ("column", "lacks action; it has"),
        ("rows", "has 29 frames of it; its metadata says 31"),
        ("table", "not a readable table"),
        ("metres", "observation.state.* reaches 300; allowed: up to 5 m"),
        ("task", "'wash the car': words 'wash', 'car' are unknown.*--say"),
    ],
)
def test_a_broken_episode_is_left_out_whole_and_named(tmp_path, tables, capsys, damage, says):
    tasks = (TASK, "wash the car" if damage == "task" else TASK, TASK)
    folder = write_dataset(tmp_path / "set", "v2.1", tables, tasks)
    name, chunk = "episode_000001", folder / "videos" / "chunk-000"
    table = folder / "data" / "chunk-000" / f"{name}.parquet"
    columns = numbers(1, 31)
    if damage == "video cut short":
        path = chunk / WRIST / f"{name}.mp4"
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "frames missing":
        write_video(chunk / FRONT / f"{name}.mp4", [20], SIZES[FRONT])
    elif damage == "no video":
        (chunk / FRONT / f"{name}.mp4").unlink()
    elif damage == "nan":
        columns["action"][7, 2] = np.nan
    elif damage == "shape":
        columns["action"] = columns["action"][:, :2]
    elif damage == "column":
        del columns["action"]
    elif damage == "rows":
        columns = {key: value[:29] for key, value in columns.items()}
    elif damage == "metres":
        columns["observation.state"][:, 0] = 300.0
    if damage == "table":
        if tables.kept is not None:
            del tables.kept[table]
        else:
            table.write_bytes(table.read_bytes()[:100])
    else:
        tables.write(table, columns)
    record, data = converted(folder, tmp_path / "out")
    assert record["episodes"] == 2 and record["left_out"] == 1
    assert data.seeds.tolist() == [0, 2]
    said = capsys.readouterr().err
    assert said.startswith("left out: episode 1: ") and said.count("\n") == 1
    assert re.search(says, said), said


def test_a_table_of_all_episodes_that_lacks_rows_costs_only_their_episode(tmp_path, tables, capsys):
    folder = write_dataset(tmp_path / "set", "v3.0", tables)
    parts = [numbers(episode, length) for episode, length in enumerate(LENGTHS)]
    parts[2] = {key: value[:-3] for key, value in parts[2].items()}
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    tables.write(folder / "data" / "chunk-000" / "file-000.parquet", whole)
    assert converted(folder, tmp_path / "out")[1].seeds.tolist() == [0, 1]
    assert "episode 2" in capsys.readouterr().err


def test_words_can_be_replaced_and_episodes_chosen(tmp_path, tables):
    folder = write_dataset(tmp_path / "set", "v2.1", tables, ("wash the car", TASK, TASK))
    record, data = converted(folder, tmp_path / "out", "--episodes", ":2", "--say", "wash the car", "open the drawer")
    assert data.instructions == ["open the drawer", TASK]
    assert record["left_out"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--front", "observation.images.top"], "has no 'observation.images.top'; it has observation.state, action"),
        (["--wrist", "action"], "'action' is no camera"),
        (["--width-range", "1", "1", "0.08"], "--width-range is .* two different values"),
        (["--episodes", "7:9"], "no sound episode among the 0 asked for"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, tables, words, says):
    folder = write_dataset(tmp_path / "set", "v2.1", tables)
    with pytest.raises(InvalidInputError, match=says):
        lerobot.run(options(folder, tmp_path / "out", *words))
    assert not list(tmp_path.glob("out/*"))


@pytest.mark.parametrize("text", ["action[", "[3]", "action[a]", "action[3:]", ""])
def test_a_field_that_makes_no_sense_is_refused(text):
    with pytest.raises(InvalidInputError, match="is no field; allowed: such as action"):
        lerobot.Field(text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"codebase_version": "v1.6"}, "is of version v1.6; allowed: v2.x and v3.x"),
        ({"fps": 5}, "has 5 frames a second; allowed: 10 or more"),
        ({"fps": "often"}, "info.json lacks, or has no sensible"),
    ],
)
def test_a_dataset_that_can_not_be_read_is_refused(tmp_path, tables, change, says):
    folder = write_dataset(tmp_path / "set", "v2.1", tables)
    info = json.loads((folder / "meta" / "info.json").read_text())
    (folder / "meta" / "info.json").write_text(json.dumps(info | change))
    with pytest.raises(InvalidInputError, match=says):
        lerobot.run(options(folder, tmp_path / "out"))
    with pytest.raises(InvalidInputError, match="info.json: No such file"):
        lerobot.run(options(tmp_path, tmp_path / "out"))


def test_files_outside_the_dataset_are_not_read(tmp_path, tables, capsys):
    folder = write_dataset(tmp_path / "set", "v2.1", tables)
    info = json.loads((folder / "meta" / "info.json").read_text())
    (folder / "meta" / "info.json").write_text(json.dumps(info | {"data_path": "../{episode_index}.parquet"}))
    with pytest.raises(InvalidInputError, match="no sound episode"):
        lerobot.run(options(folder, tmp_path / "out"))
    assert capsys.readouterr().err.count("lies outside the dataset") == 3


def test_demonstrations_that_are_there_are_not_mixed_with_others(tmp_path, tables):
    folder = write_dataset(tmp_path / "set", "v2.1", tables)
    lerobot.run(options(folder, tmp_path / "out"))
    with pytest.raises(InvalidInputError, match="holds demonstrations already"):
        lerobot.run(options(folder, tmp_path / "out"))


def test_turns_are_read_from_angles_rotation_vectors_and_quaternions():
    yaw = np.array([-2.0, 0.3, 1.5])
    half = yaw / 2
    upright = np.column_stack([0 * yaw, 0 * yaw, np.sin(half), np.cos(half)])
    downward = np.column_stack([np.cos(half), np.sin(half), 0 * yaw, 0 * yaw])  # turned about x by pi, then about z
    vectors = np.pi * downward[:, :3]
    for values in (yaw[:, None], upright, downward, vectors, np.column_stack([0 * yaw, 0 * yaw, yaw])):
        assert np.allclose(lerobot.turn(values)[:, 0], yaw), values.shape
    assert np.allclose(lerobot.turn(np.degrees(yaw)[:, None], degrees=True)[:, 0], yaw)
