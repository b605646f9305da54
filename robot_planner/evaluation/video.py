# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The film of recorded episodes: what the camera saw with the plan drawn over it, the goal beside it; no ROS."""

import bisect
import contextlib
import itertools
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import cv2
import imageio_ffmpeg
import numpy as np

from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation.drawing import (
    Image,
    Vector,
    disc,
    enlarged,
    hex_color,
    polyline,
    project,
    text,
    text_width,
)
from robot_planner.evaluation.recording import PlanEntry, Recording
from robot_planner.simulation.workspace import TOOL_HIGH, TOOL_LOW

WIDTH, HEIGHT = 992, 720
MARGIN, TOP, CAMERA, SIDE = 24, 64, 584, 336
RIGHT = MARGIN + CAMERA + MARGIN
CHART = (RIGHT, TOP + SIDE + 64, SIDE, CAMERA - SIDE - 64)
"""Left, top, width and height of the chart of the distance."""
BACKGROUND, PANEL, INK, FAINT = map(hex_color, ("#11151c", "#1b222d", "#eef2f7", "#8b98a9"))
PATH, TRAIL, GOOD, BAD = map(hex_color, ("#29d3ff", "#ffffff", "#3ddc84", "#ff5d5d"))
RATE = 25
"""Frames per second of the film."""
LEAD, TAIL, HOLD = 0.4, 0.4, 1.4
"""Seconds that are shown before the goal is sent, after its end, and of the last picture with the verdict."""


class EpisodeFilm:
    """Makes the pictures of one recorded episode."""

    def __init__(self, recording: Recording, camera_pose: Vector) -> None:
        """``camera_pose`` (4, 4): the optical frame in the base frame, as calibrated."""
        self.recording, self._pose = recording, camera_pose
        shown = recording.began - int(LEAD * 1e9), recording.ended + int(TAIL * 1e9)
        self._frames = [frame for frame in recording.frames if shown[0] <= frame.stamp <= shown[1]]
        self._tool_times = [stamp for stamp, _ in recording.tool_points]
        self._plan_times = [plan.arrival for plan in recording.plans]
        highest = max((value for _, value in recording.distances if np.isfinite(value)), default=0.0)
        self._scale = max(highest, 1e-6) * 1.1
        self._page = self._make_page()

    def __len__(self) -> int:
        return len(self._times()) + int(HOLD * RATE) if self._frames else 0

    def pictures(self) -> Iterator[Image]:
        """(HEIGHT, WIDTH, 3) RGB each, at RATE; the last one stays with the verdict."""
        if not self._frames:
            return
        stamps = [frame.stamp for frame in self._frames]
        for at in self._times():
            yield self.picture(max(bisect.bisect_right(stamps, at) - 1, 0))
        last = self.picture(len(stamps) - 1, verdict=True)
        yield from itertools.repeat(last, int(HOLD * RATE))

    def picture(self, index: int, verdict: bool = False) -> Image:
        """The picture with camera image ``index``."""
        frame = self._frames[index]
        page = self._page.copy()
        camera = enlarged(frame.image, CAMERA)
        plan = self._draw_plan(camera, frame.stamp)
        page[TOP : TOP + CAMERA, MARGIN : MARGIN + CAMERA] = camera
        self._draw_chart(page, frame.stamp)
        self._write_state(page, frame.stamp, plan)
        if verdict:
            self._write_verdict(page)
        return page

    def _times(self) -> list[int]:
        """Instants of the film's pictures [ns]."""
        first, last = self._frames[0].stamp, self._frames[-1].stamp
        return list(range(first, last + 1, round(1e9 / RATE)))

    # --- the parts of a picture

    def _make_page(self) -> Image:
        """What stays the same through the episode."""
        page: Image = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
        text(page, (MARGIN, 40), "robot_planner", 24, INK, bold=True)
        text(page, (WIDTH - MARGIN, 40), self._title(), 18, FAINT, "rs")
        self._draw_goal(page)
        x, y, width, height = CHART
        text(page, (x, y - 12), "distance to the goal, as the model reads the camera", 12, FAINT)
        page[y : y + height, x : x + width] = PANEL
        return page

    def _title(self) -> str:
        return f"{self.recording.task}  ·  seed {self.recording.seed}  ·  {self.recording.planner}"

    def _draw_goal(self, page: Image) -> None:
        """What stands beside the camera."""
        if self.recording.goal is not None:
            page[TOP : TOP + SIDE, RIGHT : RIGHT + SIDE] = enlarged(self.recording.goal, SIDE)
        label(page, (RIGHT, TOP), "goal image")

    def _draw_trail(self, camera: Image, now: int) -> Vector | None:
        """The path that the tool went; the matrix (3, 3) of the enlarged camera image."""
        recording = self.recording
        if recording.camera_matrix is None or not self._tool_times:
            return None
        scale = CAMERA / self._frames[0].image.shape[0]
        enlarge = np.diag([scale, scale, 1.0])
        enlarge[:2, 2] = 0.5 * scale - 0.5  # pixel centres lie at whole numbers
        matrix = enlarge @ recording.camera_matrix
        gone = [point for stamp, point in recording.tool_points if recording.began <= stamp <= now]
        if len(gone) > 1:
            polyline(camera, project(gone, matrix, self._pose), TRAIL, 1)
        return matrix

    def _draw_plan(self, camera: Image, now: int) -> PlanEntry | None:
        """The path that the tool went and the one that it is to go; the plan in force."""
        recording = self.recording
        label(camera, (0, 0), "camera, and the plan")
        matrix = self._draw_trail(camera, now)
        if matrix is None:
            return None
        index = bisect.bisect_right(self._plan_times, now) - 1
        if index < 0 or now > recording.ended:
            return recording.plans[index] if index >= 0 else None
        plan = recording.plans[index]
        pixels = project(self._path(plan, now), matrix, self._pose)
        polyline(camera, pixels, (0, 0, 0), 6)
        for step in range(len(pixels) - 1):  # fades with the time ahead
            ahead = step / max(len(plan.actions), 1)
            color = tuple(int(round((1 - 0.6 * ahead) * value)) for value in PATH)
            polyline(camera, pixels[step : step + 2], color, 3)  # type: ignore[arg-type]
            disc(camera, pixels[step + 1], 4.0, color)  # type: ignore[arg-type]
        disc(camera, pixels[0], 6.5, (0, 0, 0))
        disc(camera, pixels[0], 5.0, TRAIL)
        return plan

    def _path(self, plan: PlanEntry, now: int) -> Vector:
        """(N, 3) where the plan leads from ``now`` on [m]: now, then the end of each step that is not over."""
        anchor = self._tool_at(plan.begins)
        corners = np.tile(anchor, (len(plan.actions) + 1, 1))
        dimension = min(plan.actions.shape[1], 3) if len(plan.actions) else 0
        corners[1:, :dimension] += np.cumsum(plan.actions[:, :dimension], axis=0)
        corners[:, :2] = np.clip(corners[:, :2], TOOL_LOW, TOOL_HIGH)  # as the policy does
        steps = np.clip((now - plan.begins) * 1e-9 / plan.step_seconds, 0.0, len(plan.actions))
        whole = min(int(steps), max(len(plan.actions) - 1, 0))
        after = corners[min(whole + 1, len(corners) - 1)]
        here = corners[whole] + (steps - whole) * (after - corners[whole])
        return np.vstack([here[None], corners[whole + 1 :]])

    def _tool_at(self, stamp: int) -> Vector:
        """Commanded tool point nearest to ``stamp``; before the first command the arm stood where that begins."""
        index = min(bisect.bisect_left(self._tool_times, stamp), len(self._tool_times) - 1)
        return self.recording.tool_points[index][1]

    def _draw_chart(self, page: Image, now: int) -> None:
        x, y, width, height = CHART
        recording = self.recording
        end = max(recording.elapsed(recording.ended), 1e-6)
        for value, words in ((self._scale / 1.1, f"{self._scale / 1.1:.3g}"), (0.0, "0")):
            level = y + height - 10 - int(value / self._scale * (height - 20))
            cv2.line(page, (x + 44, level), (x + width - 12, level), BACKGROUND, 1)
            text(page, (x + 36, level), words, 12, FAINT, "rm")
        curve = [
            (
                x + 44 + recording.elapsed(stamp) / end * (width - 60),
                y + height - 10 - value / self._scale * (height - 20),
            )
            for stamp, value in recording.distances
            if stamp <= now and np.isfinite(value)
        ]
        polyline(page, np.array(curve).reshape(-1, 2), PATH, 2)
        if curve:
            disc(page, curve[-1], 4.0, PATH)

    def _write_state(self, page: Image, now: int, plan: PlanEntry | None) -> None:
        recording = self.recording
        seconds = min(max(recording.elapsed(now), 0.0), recording.elapsed(recording.ended))
        known = [value for stamp, value in recording.distances if stamp <= now and np.isfinite(value)]
        words = {"time": f"{seconds:.1f} s", "distance": f"{known[-1]:.3f}" if known else "–"}
        if plan is not None:
            words |= {"cost": f"{plan.cost:.2f}", "planned in": f"{1e3 * plan.seconds:.0f} ms"}
        x = MARGIN
        for name, value in words.items():
            text(page, (x, HEIGHT - 26), name, 15, FAINT)
            text(page, (x + text_width(name, 15) + 10, HEIGHT - 26), value, 17, INK, bold=True)
            x += 164

    def _write_verdict(self, page: Image) -> None:
        recording = self.recording
        if not recording.verdict:
            return
        word, color = ("SUCCESS", GOOD) if recording.success else ("NO SUCCESS", BAD)
        distance = f"{100 * recording.verdict['distance']:.1f} cm off, says the environment"
        area = page[TOP + CAMERA - 92 : TOP + CAMERA, MARGIN : MARGIN + CAMERA]
        area[:] = area // 4
        text(page, (MARGIN + CAMERA // 2, TOP + CAMERA - 52), word, 30, color, "ms", bold=True)
        text(page, (MARGIN + CAMERA // 2, TOP + CAMERA - 20), distance, 18, INK, "ms")


def label(image: Image, at: tuple[int, int], words: str) -> None:
    """A name in the corner of a picture."""
    x, y = at
    area = image[y : y + 28, x : x + 14 + int(7.6 * len(words))]
    area[:] = area // 3
    text(image, (x + 8, y + 19), words, 13, INK)


def write_film(path: str | Path, films: Sequence[EpisodeFilm]) -> Iterator[int]:
    """Writes the episodes as one H.264 file; yields the number of pictures written so far.

    The file appears whole or not at all. Raises EnvironmentSetupError, such as for a full disk.
    """
    yield from encode(path, itertools.chain.from_iterable(film.pictures() for film in films))


def encode(path: str | Path, pictures: Iterable[Image], rate: int = RATE) -> Iterator[int]:
    """Pictures (HEIGHT, WIDTH, 3) of even size to an H.264 file at ``rate`` [1/s]; see ``write_film``."""
    target = Path(path).absolute()
    part = target.with_name(f".{target.name}.part")
    process: subprocess.Popen[bytes] | None = None
    with tempfile.TemporaryFile() as said:
        try:
            for count, picture in enumerate(pictures, start=1):
                if process is None:
                    height, width = picture.shape[:2]
                    process = subprocess.Popen(
                        _ffmpeg(width, height, rate, part),
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=said,
                        start_new_session=True,  # Ctrl-C at the terminal is ours to handle
                    )
                process.stdin.write(np.ascontiguousarray(picture).data)  # type: ignore[union-attr]
                yield count
            if process is None:
                return
            process.stdin.close()  # type: ignore[union-attr]
            if process.wait():
                raise OSError
            part.replace(target)
        except OSError as error:
            raise EnvironmentSetupError(f"can't write the video {target}: {_reason(process, said, error)}") from None
        finally:
            if process is not None:
                _end(process)
            part.unlink(missing_ok=True)


def _ffmpeg(width: int, height: int, rate: int, path: Path) -> list[str]:
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-nostdin"]
    words += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-"]
    words += ["-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"]
    return [*words, "-movflags", "+faststart", "-f", "mp4", str(path)]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()


def _reason(process: subprocess.Popen[bytes] | None, said: IO[bytes], error: OSError) -> str:
    """Why it failed, in the encoder's words where it has some."""
    if process is None:
        return error.strerror or str(error)
    process.wait(timeout=10.0)
    said.seek(0)
    lines = [line.strip() for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    for words in ("No space left on device", "Disk quota exceeded", "Permission denied", "File too large"):
        if any(words in line for line in lines):
            return words
    return lines[-1] if lines else f"the encoder ended with status {process.returncode}"
