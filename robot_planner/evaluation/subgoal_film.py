# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The film of an episode towards a goal in words: beside the camera the decoder's pictures of the subgoals."""

import bisect
from typing import Any

import cv2
import numpy as np

from robot_planner.evaluation.drawing import Image, Vector, disc, polyline, project
from robot_planner.evaluation.recording import PlanEntry, Recording, SubgoalsEntry
from robot_planner.evaluation.video import PANEL, PATH, RIGHT, SIDE, TOP, EpisodeFilm, label
from robot_planner.lbp import Lbp

GAP = 8
COLUMNS = 2
LONGEST = 52
"""Characters of the goal's words that there is room for."""
FINAL = (255, 200, 60)
"""Of what belongs to the final goal."""


class SubgoalPictures:
    """What subgoals look like, and where they have the tool."""

    def __init__(self, lbp: Lbp) -> None:
        self._lbp = lbp

    def __call__(self, latents: Any) -> tuple[Image, Vector]:
        """Latents (N, D_plan) -> pictures (N, 32, 32, 3) RGB, tool points (N, 3) [m]."""
        import torch

        with torch.inference_mode():
            rows = torch.as_tensor(latents, device=self._lbp.device)
            pictures = self._lbp.decoder(rows).clamp(-0.5, 0.5).add(0.5).mul(255.0).round().byte()
            hands = self._lbp.readout(rows)["hand"]
        images: Image = np.ascontiguousarray(pictures.permute(0, 2, 3, 1).cpu().numpy())
        return images, hands.double().cpu().numpy()


class SubgoalFilm(EpisodeFilm):
    """Camera with the subgoals' tool points drawn over it, nearest to final, and their pictures beside it."""

    def __init__(self, recording: Recording, camera_pose: Vector, pictures: SubgoalPictures) -> None:
        self._pictures = pictures
        self._subgoal_times = [entry.arrival for entry in recording.subgoals]
        super().__init__(recording, camera_pose)

    def picture(self, index: int, verdict: bool = False) -> Image:
        """See EpisodeFilm."""
        page = super().picture(index, verdict)
        entry = self._in_force(self._frames[index].stamp)
        if entry is not None:
            self._paste(page, entry)
        return page

    def _in_force(self, now: int) -> SubgoalsEntry | None:
        index = bisect.bisect_right(self._subgoal_times, now) - 1
        return self.recording.subgoals[index] if index >= 0 else None

    def _title(self) -> str:
        words = self.recording.words
        words = words if len(words) <= LONGEST else f"{words[:LONGEST]}…"
        return f"“{words}”  ·  seed {self.recording.seed}"

    def _draw_goal(self, page: Image) -> None:
        page[TOP : TOP + SIDE, RIGHT : RIGHT + SIDE] = PANEL
        label(page, (RIGHT, TOP), "subgoals, as the model pictures them")

    def _draw_plan(self, camera: Image, now: int) -> PlanEntry | None:
        label(camera, (0, 0), "camera, and the tool in the subgoals")
        matrix = self._draw_trail(camera, now)
        entry = self._in_force(now)
        if matrix is None or entry is None or now > self.recording.ended:
            return None
        points = np.vstack([self._tool_at(now)[None], self._pictures(entry.latents)[1]])
        pixels = project(points, matrix, self._pose)
        polyline(camera, pixels, (0, 0, 0), 5)
        polyline(camera, pixels, PATH, 2)
        for number, pixel in enumerate(pixels[1:], start=1):
            color = FINAL if number == len(entry.latents) else PATH
            disc(camera, pixel, 8.0, (0, 0, 0))
            disc(camera, pixel, 6.0, color)
        return None

    def _paste(self, page: Image, entry: SubgoalsEntry) -> None:
        """Pictures in reading order, nearest first."""
        images, _ = self._pictures(entry.latents)
        rows = -(-len(images) // COLUMNS)
        top = TOP + 30
        side = min((SIDE - GAP * (COLUMNS - 1)) // COLUMNS, (SIDE - 30 - GAP * (rows - 1)) // rows)
        left = RIGHT + (SIDE - COLUMNS * side - GAP * (COLUMNS - 1)) // 2
        for index, (image, progress) in enumerate(zip(images, entry.progress, strict=True)):
            row, column = divmod(index, COLUMNS)
            x, y = left + column * (side + GAP), top + row * (side + GAP)
            page[y : y + side, x : x + side] = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
            label(page, (x, y), "goal" if progress >= 1.0 else f"{progress:.3g} of the way")
            if progress >= 1.0:
                cv2.rectangle(page, (x, y), (x + side - 1, y + side - 1), FINAL, 2)
