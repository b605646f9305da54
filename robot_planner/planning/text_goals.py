# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Goals in words for planners towards latents: LBP's final goal z_g = f_g(z_t, phi), in a planar world's latent space.

f_g is fitted to later frames of recorded episodes, labelled with what came about in them (`train lbp-planar-goals`). It
is asked at the first latent of a goal that shows the named thing, and not again. Of its answer the place of that thing
is used, which training has tied to two numbers of the latent, moved well inside of what the words mean; all
else is to stay as it was, but for the hand, which ends where it has pushed the block. Whether the goal is reached is
told by the words' own meaning on the encoder's read-out, not by the distance to z_g.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.placement import EMBEDDING_DIM, ENTITIES, INNER, PLACES, Placement, nearest_inside, outside
from robot_planner.planning.grasp_lbp import load_subgoals
from robot_planner.planning.lbp import BackwardPlanner
from robot_planner.planning.object_metrics import ObjectDistance
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
        self.last: FloatArray | None = None
        """(D,) what was seen last, of each thing."""
        self.places = np.zeros((len(ENTITIES), 2), np.float32)
        """Where everything was when it was first seen [m]."""
        self.seen = np.zeros(len(ENTITIES), bool)


class TextGoals:
    """Goal latents and distances of placements, one goal at a time."""

    unit = "m"

    def __init__(self, planner: BackwardPlanner, metric: ObjectDistance) -> None:
        """``planner``: whose f_g takes embeddings of placements; ``metric``: which knows what a latent shows.

        Raises InvalidInputError for a planner of other embeddings.
        """
        if planner.config.language_dim != EMBEDDING_DIM:
            raise InvalidInputError(f"f_g takes {planner.config.language_dim} numbers; allowed: {EMBEDDING_DIM}")
        self.planner, self._metric, self._readout = planner, metric, metric.readout

    def see(self, goal: PlacedGoal, latent: FloatArray) -> FloatArray:
        """Takes the newest latent (D,) of an encoder; returns it with what it hides where that was seen last.

        z_g is predicted until a latent shows what the goal names. It says itself which places count
        (``SlotReadout.marked``): of the hand, of what is named, and of what was seen.
        """
        index, raw = goal.placement.index, self._tensor(latent[None])
        with torch.inference_mode():
            shown = self._metric.counting(raw)[0].cpu().numpy()
            carried = raw if goal.last is None else self._metric.carry(raw, self._tensor(goal.last[None]))
        goal.last = np.asarray(carried[0].cpu().numpy(), np.float32)
        now = self._places(goal.last[None])[0]
        newly = shown & ~goal.seen
        if newly[index] or goal.latent is None:
            goal.latent = self._predict(goal.placement, goal.last, now)
        first = newly | ~goal.seen  # a thing has not strayed that is seen for the first time
        goal.places[first] = now[first]
        goal.seen |= shown
        if newly.any():
            goal.latent = self._marked(goal, goal.latent)
        return goal.last

    def _marked(self, goal: PlacedGoal, latent: FloatArray) -> FloatArray:
        """z_g with what was seen of the other blocks where it was then, and which of its places count."""
        named, counting = goal.placement.index, goal.seen.copy()
        counting[named] = True
        slots = latent.reshape(len(ENTITIES), self._readout.slot_dim).copy()
        others = [index for index in np.flatnonzero(goal.seen) if index not in (0, named)]
        slots[others, :2] = self._numbers(goal.places[others])
        with torch.inference_mode():
            marked = self._readout.marked(torch.from_numpy(slots.reshape(-1)), torch.from_numpy(counting))
        return np.asarray(marked.numpy())

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
        """The two numbers of a latent that show a place (..., 2) [m]."""
        return np.asarray((point - self._readout.centre.numpy()) / self._readout.scale)

    def distance(self, latents: FloatArray, goal: PlacedGoal) -> FloatArray:
        """Latents (N, D) as `see` returns them -> (N,) [m]: of the named thing from well inside its place.

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
    return TextGoals(planner.to(world.encoder.device), world.metric("objects"))


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
