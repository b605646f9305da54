# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A goal as a latent of a picture, and what has been seen since it was taken.

An arm hides things: in the picture of the goal, and from the camera on the way. Where a hidden thing is, an encoder can
only guess, often by centimetres: a planner would correct for what is not there, or push away what the goal does not
show. So a hidden thing is taken to be where it was seen last, and is to stay where it was seen first.
"""

import numpy as np
import torch

from robot_planner.planning.goal_metric import GoalMetric, HidingMetric
from robot_planner.types import FloatArray


class PicturedGoal:
    """What a planner is to reach; it is told every latent of the present, from the first on."""

    def __init__(self, metric: GoalMetric, latent: FloatArray, device: torch.device | str = "cpu") -> None:
        """``latent`` (D,) as the encoder made it of the picture; ``device``: the metric's."""
        self._metric, self._device = metric, device
        self._hiding = metric if isinstance(metric, HidingMetric) else None
        self._last: torch.Tensor | None = None
        self.latent = latent
        """(D,) to plan towards; with what the picture hides, as soon as that was seen."""

    def see(self, latent: FloatArray) -> FloatArray:
        """Takes the newest latent (D,) of an encoder; returns it with what it hides where that was seen last."""
        if self._hiding is None:
            return latent
        with torch.inference_mode():
            now, goal = self._row(latent), self._row(self.latent)
            completed = self._hiding.complete(goal, now)
            if completed is not goal:
                self.latent = np.asarray(completed[0].cpu().numpy(), np.float32)
            self._last = now if self._last is None else self._hiding.carry(now, self._last)
            return np.asarray(self._last[0].cpu().numpy(), np.float32)

    def distance(self, latent: FloatArray) -> float:
        """Of a latent (D,) that was seen, or foreseen, from the goal, in the metric's unit."""
        with torch.inference_mode():
            return float(self._metric.distance(self._row(latent), self._row(self.latent))[0])

    def _row(self, latent: FloatArray) -> torch.Tensor:
        return torch.as_tensor(latent, device=self._device)[None]
