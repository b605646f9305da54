# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Goals in words for planners towards latents: LBP's final goal z_g = f_g(z_t, phi), in a planar world's latent space.

f_g is fitted to later frames of recorded episodes, labelled with what came about in them (`train lbp-planar-goals`). It
is asked at the first latent of a goal that shows the named thing, and not again. Of its answer the place of that thing
is used, which training has tied to two numbers of the latent, moved well inside of what the words mean; all
else is to stay as it was, but for the hand, which ends where it has pushed the block. Whether the goal is reached is
told by the words' own meaning on the encoder's read-out, not by the distance to z_g.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.perception.slots import SlotReadout
from robot_planner.placement import EMBEDDING_DIM, ENTITIES, INNER, PLACES, Placement, nearest_inside, outside
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.grasp_lbp import load_subgoals
from robot_planner.planning.lbp import BackwardPlanner
from robot_planner.types import FloatArray

KIND = "text goals"
"""What the configuration of such a model folder calls itself."""
TOUCH = 0.045
"""Of the hand from the centre of the block that it has pushed [m]."""
STRAYED = 0.02
"""How far a block that the words don't name may be from where it was [m]."""


class PlacedGoal:
    """What an instruction asks for and, from the first latent on, what that looks like."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.latent: FloatArray | None = None
        """(D,) z_g."""
        self.places = np.zeros((len(ENTITIES), 2), np.float32)
        """Where everything was when it was first seen [m]."""
        self.seen = np.zeros(len(ENTITIES), bool)


class Shown:
    """A metric's visibility of blocks, but the named one counts as seen: metrics leave aside what a goal hides."""

    def __init__(self, visibility: Callable[[Tensor], Tensor]) -> None:
        self._visibility = visibility
        self.named: int | None = None
        """Which block the present goal names."""

    def __call__(self, latents: Tensor) -> Tensor:
        """Latents (..., D) -> logits (..., 3)."""
        logits = self._visibility(latents)
        if self.named is None:
            return logits
        named = torch.zeros_like(logits)
        named[..., self.named] = 1e3
        return logits + named


class TextGoals:
    """Goal latents and distances of placements, one goal at a time."""

    unit = "m"

    def __init__(self, planner: BackwardPlanner, readout: SlotReadout, visibility: Callable[[Tensor], Tensor]) -> None:
        """``planner``: whose f_g takes embeddings of placements; ``visibility``: latents to logits (N, 3) of blocks.

        Raises InvalidInputError for a planner of other embeddings.
        """
        if planner.config.language_dim != EMBEDDING_DIM:
            raise InvalidInputError(f"f_g takes {planner.config.language_dim} numbers; allowed: {EMBEDDING_DIM}")
        self.planner, self._readout, self._visibility = planner, readout, visibility
        self._shown: list[Shown] = []

    def metric(self, metric: GoalMetric) -> GoalMetric:
        """A metric for planning to the goals, which takes the block that a goal names for shown in it."""
        visibility = getattr(metric, "visibility", None)
        if visibility is None:
            return metric
        ours = copy.copy(metric)
        self._shown.append(Shown(visibility))
        ours.visibility = self._shown[-1]  # type: ignore[attr-defined]
        return ours

    def begin(self, goal: PlacedGoal, latent: FloatArray) -> FloatArray:
        """z_g (D,) of a goal, given the present latent (D,): predicted until that shows what the goal names."""
        index, now = goal.placement.index, self._places(latent[None])[0]
        with torch.inference_mode():
            shown = self._visibility(self._tensor(latent[None]))[0].cpu().numpy() > 0.0
        newly = ~goal.seen if goal.latent is None else ~goal.seen & np.append(True, shown)
        if newly[index] or goal.latent is None:
            goal.latent = self._predict(goal.placement, latent, now)
        goal.places[newly] = now[newly]
        goal.seen |= np.append(True, shown)
        for each in self._shown:
            each.named = index - 1 if index else None
        return goal.latent

    def _predict(self, placement: Placement, latent: FloatArray, now: FloatArray) -> FloatArray:
        present, words = (self._tensor(row[None]) for row in (latent, placement.embedding))
        with torch.inference_mode():
            predicted = self.planner.plan(present, words, 0)[0, 0].cpu().numpy()
        named, wanted = placement.index * self._readout.slot_dim, np.array(latent, np.float32)
        begin = now[placement.index]
        end = nearest_inside(self._places(predicted[None])[0, placement.index], placement.place)
        wanted[named : named + 2] = self._numbers(end)
        if named:
            wanted[:2] = self._numbers(end + TOUCH * (begin - end) / max(float(np.linalg.norm(begin - end)), 1e-6))
        return wanted

    def _numbers(self, point: npt.NDArray) -> npt.NDArray:
        """The two numbers of a latent that show a place (2,) [m]."""
        return np.asarray((point - self._readout.centre.numpy()) / self._readout.scale)

    def distance(self, latents: FloatArray, goal: PlacedGoal) -> FloatArray:
        """Latents (N, D), of a goal that has begun -> (N,) [m]: of the named thing from well inside its place.

        Or by how much another block strayed, if that is more.
        """
        places = self._places(latents)
        missing = outside(places[:, goal.placement.index], goal.placement.place, INNER)
        moved = np.linalg.norm(places - goal.places, axis=-1)
        moved[:, [0, goal.placement.index]] = 0.0
        return np.maximum(missing, moved.max(axis=1) - STRAYED).astype(np.float32)

    def _places(self, latents: FloatArray) -> FloatArray:
        with torch.inference_mode():
            places: FloatArray = self._readout(self._tensor(latents)).cpu().numpy()
        return places

    def _tensor(self, values: FloatArray) -> Tensor:
        return torch.as_tensor(values, device=self.planner.mean.device)


def load_text_goals(name_or_path: str | Path, world: Any) -> TextGoals:
    """What a model folder holds for a World; raises ModelError for another kind of model or another encoder's."""
    planner = load_subgoals(name_or_path, world.encoder.digest, KIND, "./run train lbp-planar-goals")
    return TextGoals(planner.to(world.encoder.device), world.readout, world.metric("objects").visibility)


def arrivals(places: Tensor, visible: Tensor, longest: int = 25) -> Tensor:
    """Recorded ways into a place: places (E, T, 4, 2) [m], blocks visible (E, T, 3) -> rows (M, 5).

    A row: episode, frame outside, the first frame after it inside at which the camera saw the thing, at most
    ``longest`` later, and the entity's and the place's number.
    """
    shown = torch.cat([torch.ones_like(visible[..., :1]), visible], dim=-1)
    frames, rows = places.shape[1], []
    for entity, place in np.ndindex(len(ENTITIES), len(PLACES)):
        missing = outside(places[:, :, entity], PLACES[place], INNER)
        arrived = (missing == 0.0) & shown[:, :, entity]
        # frame at which it is next there, looking back from the end
        then = torch.full((len(places),), 10 * frames)
        for frame in range(frames - 1, -1, -1):
            then = torch.where(arrived[:, frame], frame, then)
            begins = torch.nonzero((missing[:, frame] > INNER) & (then - frame <= longest)).squeeze(1)
            same = torch.ones_like(begins)
            rows.append(torch.stack([begins, frame * same, then[begins], entity * same, place * same], dim=1))
    return torch.cat(rows)
