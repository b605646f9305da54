# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Predictors that see a window of frames and actions, such as DINO-WM's and LeWM's, as world models to plan through.

A planner's state must be all that the next one depends on. For a predictor with a window of H frames that is the last
H frames and the H-1 actions between them, one after the other; a step appends what is predicted and drops the oldest.
Their code and checkpoints are theirs: load the module as its authors say, freeze it, and hand it in.

- DINO-WM: Zhou et al., "DINO-WM: World Models on Pre-trained Visual Features enable Zero-shot Planning", 2025,
  arXiv 2411.04983.
- LeWM: Maes et al., "LeWorldModel", 2026; a JEPA whose predictor is conditioned on embedded actions.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError

Predict = Callable[[Tensor, Tensor], Tensor]
"""Frames (N, H, E) and each one's action (N, H, A) -> the frames after them (N, H, E) or the last (N, E)."""


class WindowModel:
    """The WorldModel protocol over a predictor of frames; its uncertainty is zero."""

    def __init__(
        self,
        predict: Predict,
        frames: int,
        frame_dim: int,
        action_low: Tensor,
        action_high: Tensor,
        step_seconds: float = 1.0,
        action_parts: int = 1,
    ) -> None:
        """``frames``: length of the window, H >= 1; ``frame_dim``: numbers of one, E; the predictor's bounds (A,).

        ``action_parts``: with a frame skip, how many of the environment's actions one of the predictor's holds.
        """
        if action_parts < 1 or action_low.numel() % action_parts:
            raise InvalidInputError(
                f"action_parts = {action_parts}: an action of {action_low.numel()} numbers is no such number of actions"
            )
        self.action_parts = action_parts
        if frames < 1 or frame_dim < 1:
            raise InvalidInputError(f"a window of {frames} frames of {frame_dim} numbers; allowed: 1 and above")
        self._predict, self.frames, self.frame_dim = predict, frames, frame_dim
        self.action_dim, self.action_low, self.action_high = int(action_low.numel()), action_low, action_high
        self.latent_dim = frames * frame_dim + (frames - 1) * self.action_dim
        self.step_seconds = step_seconds
        self.newest_part = slice((frames - 1) * frame_dim, frames * frame_dim)
        """Where a state has its newest frame; what a PartDistance should look at."""

    def latents(self, frames: Tensor, actions: Tensor | None = None) -> Tensor:
        """The states (N, D) after frames (N, n, E), oldest first, and the actions (N, n-1, A) between them.

        Of a short past the rest is filled up by standing still: the first frame again, and actions of zero. A goal is
        the state of one frame.
        """
        rows, count = frames.shape[0], frames.shape[1] if frames.dim() == 3 else 0
        given = frames.new_zeros(rows, max(count - 1, 0), self.action_dim) if actions is None else actions
        if not count or frames.shape[2] != self.frame_dim or given.shape != (rows, count - 1, self.action_dim):
            raise InvalidInputError(
                f"frames {tuple(frames.shape)} and actions {tuple(given.shape)}; "
                f"allowed: (N, n, {self.frame_dim}) and (N, n-1, {self.action_dim})"
            )
        missing = max(self.frames - count, 0)
        frames = torch.cat([frames[:, :1].expand(-1, missing, -1), frames], 1)[:, -self.frames :]
        still = given.new_zeros(rows, missing, self.action_dim)
        given = torch.cat([still, given], 1)[:, given.shape[1] + missing - (self.frames - 1) :]
        return torch.cat([frames.flatten(1), given.flatten(1)], -1)

    def newest(self, latents: Tensor) -> Tensor:
        """The newest frame of states (..., D) -> (..., E)."""
        return latents[..., self.newest_part]

    def step(self, latents: Tensor, actions: Tensor) -> Tensor:
        """See WorldModel."""
        end = self.frames * self.frame_dim
        frames = latents[:, :end].unflatten(1, (self.frames, self.frame_dim))
        taken = torch.cat([latents[:, end:].unflatten(1, (self.frames - 1, self.action_dim)), actions.unsqueeze(1)], 1)
        predicted = self._predict(frames, taken)
        following = predicted if predicted.dim() == 2 else predicted[:, -1]
        return torch.cat([latents[:, self.frame_dim : end], following, taken[:, 1:].flatten(1)], -1)

    def step_with_uncertainty(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """As ``step``, with zeros (N,) for an uncertainty that nobody measured."""
        return self.step(latents, actions), latents.new_zeros(len(latents))


def lewm_predict(model: Any) -> Predict:  # noqa: ANN401 - a module of another package
    """LeWM's: ``action_encoder`` (N, H, A) -> (N, H, B) and ``predict`` (N, H, E), (N, H, B) -> (N, H, E).

    A frame is an embedding, ``model.encode(...)["emb"]``; an action is the model's own: several of the environment's,
    one after the other and normalised, where it was trained with a frame skip.
    """
    return lambda frames, actions: model.predict(frames, model.action_encoder(actions))


def dino_wm_predict(model: Any, patches: int) -> Predict:  # noqa: ANN401 - a module of another package
    """DINO-WM's VWorldModel: ``encode_act`` and ``predict`` over tokens, with the actions among them.

    A frame is what ``dino_wm_frames`` makes of ``model.encode(...)``: each of the ``patches`` (and, with concat_dim 0,
    proprioception as one token more) without its share of the action. Actions are normalised, a frame skip of them one
    after the other, as the model was trained.
    """
    tokens = patches + (1 if model.concat_dim == 0 else 0)

    def predict(frames: Tensor, actions: Tensor) -> Tensor:
        seen = frames.unflatten(2, (tokens, -1))
        told = model.encode_act(actions).unsqueeze(2)
        if model.concat_dim == 0:
            inputs = torch.cat([seen, told], 2)
        else:
            inputs = torch.cat([seen, told.expand(-1, -1, tokens, -1).repeat(1, 1, 1, model.num_action_repeat)], 3)
        return dino_wm_frames(model, model.predict(inputs))

    return predict


def dino_wm_frames(model: Any, encoded: Tensor) -> Tensor:  # noqa: ANN401 - a module of another package
    """Tokens of VWorldModel (N, n, P, C), actions among them -> frames (N, n, E) without."""
    return (encoded[:, :, :-1] if model.concat_dim == 0 else encoded[..., : -model.action_dim]).flatten(2)
