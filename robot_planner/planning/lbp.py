# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Latent backward planning: the final goal first, then subgoals ever nearer to the present (arXiv 2505.06861).

With the latent z_t, the instruction's embedding phi and one shared step f_w:

    z_g = f_g(z_t, phi),   w_0 = z_g,   w_i = f_w(z_t, w_{i-1}, phi),

where w_i is the latent at t + (H - t) * lambda**i. Departures from the paper: the networks are scaled down, have
``hidden_layers`` hidden layers, and predict the change from z_t (``residual``): what an instruction does not touch
then stays as it is for free, and an untrained planner is a copy of the present, not noise that the recursion feeds on.
"""

import numpy as np
import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError
from robot_planner.planning.subgoal_planner import SUBGOAL_PLANNERS, ContextMlp, LbpConfig, SubgoalPlanner
from robot_planner.types import FloatArray, Latent, Subgoals

__all__ = ["SUBGOAL_PLANNERS", "BackwardPlanner", "LatentBackwardPlanner", "LbpConfig"]


class RecursivePlanner(SubgoalPlanner):
    """A first network of (z_t, phi) and ONE shared step of (z_t, previous, phi): f_g and f_w, or their forward kin."""

    def __init__(self, config: LbpConfig) -> None:
        super().__init__(config)
        context, count = config.latent_dim + config.language_dim, len(self.fractions) - 1
        sizes = (config.hidden, config.hidden_layers, config.latent_dim)
        self.first = ContextMlp(context, 0, *sizes)
        self.step = ContextMlp(context, config.latent_dim, *sizes, levels=count if config.level_embedding else 0)

    def _recursion(
        self,
        present: Tensor,
        language: Tensor,
        order: range,
        given: Tensor | None,
        rollout: Tensor | None,
        goal: Tensor | None = None,
    ) -> list[Tensor]:
        """Predictions (B, D) of the levels in ``order``, which index ``fractions``; ``goal`` replaces the first."""
        context = torch.cat([present, language], dim=1)
        base = present if self.config.residual else torch.zeros_like(present)
        levels = [base + self.first(self.first.context(context)) if goal is None else goal]
        shared = self.step.context(context) if len(order) > 1 else context
        for index, above in enumerate(order[:-1]):
            previous = self._previous(levels[-1], above, given, rollout)
            levels.append(base + self.step(shared, previous, index))
        return levels


@SUBGOAL_PLANNERS.register("backward")
class BackwardPlanner(RecursivePlanner):
    """LBP's planner; see the module's docstring."""

    def _levels(
        self, present: Tensor, language: Tensor, depth: int, given: Tensor | None, rollout: Tensor | None
    ) -> list[Tensor]:
        last = len(self.fractions) - 1
        return self._recursion(present, language, range(last, last - depth - 1, -1), given, rollout)[::-1]

    def plan_towards(self, latents: Tensor, goals: Tensor, language: Tensor, depth: int | None = None) -> Tensor:
        """As ``plan``, with the final goal (B, D) given, such as the latent of a goal image, and returned last."""
        depth, last = self.checked_depth(depth), len(self.fractions) - 1
        for name, value in (("latents", latents), ("goals", goals)):
            self._check(name, value, self.config.latent_dim)
        self._check("language", language, self.config.language_dim)
        order, goal = range(last, last - depth - 1, -1), self.standardise(goals)
        levels = self._recursion(self.standardise(latents), language, order, None, None, goal)[:0:-1]
        return torch.stack([*(level * self.std + self.mean for level in levels), goals], dim=1)

    def loss_towards(
        self, latents: Tensor, targets: Tensor, language: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """As ``loss`` for ``plan_towards``: the true final goal is given, so f_g learns nothing. Depth 1 or more."""
        present, truth, given, rollout = self._training_rows(latents, targets, language, generator)
        order = range(len(self.fractions) - 1, -1, -1)
        levels = self._recursion(present, language, order, given, rollout, truth[:, -1])[:0:-1]
        return self._losses(levels, truth[:, :-1])


class LatentBackwardPlanner:
    """Plans subgoals for one latent at a time, arrays in and out, every answer with the stamp of its image."""

    def __init__(self, planner: SubgoalPlanner, encoder: str = "") -> None:
        """``encoder``: digest of the encoder whose latents the planner was trained on; empty: not checked."""
        self.planner = planner.eval().requires_grad_(False)
        self.encoder = encoder

    def plan(self, latent: Latent, language: FloatArray, depth: int | None = None) -> Subgoals:
        """Subgoals from the first D_plan numbers of ``latent`` and an embedding (L,).

        Raises InvalidInputError for latents of another encoder, wrong sizes, numbers that are not finite, and a
        depth beyond the trained one.
        """
        if self.encoder and latent.encoder != self.encoder:
            raise InvalidInputError(
                f"the latent is of encoder {latent.encoder[:12] or '(unnamed)'}; allowed: {self.encoder[:12]}"
            )
        width, device = self.planner.config.latent_dim, self.planner.mean.device
        if latent.data.ndim != 1 or latent.data.size < width:
            raise InvalidInputError(f"the latent has shape {latent.data.shape}; allowed: ({width} or more,)")
        present, embedding = latent.data[:width], np.atleast_1d(language)
        if not (np.isfinite(present).all() and np.isfinite(embedding).all()):
            raise InvalidInputError("latent and language must be finite numbers")
        with torch.inference_mode():
            row = torch.from_numpy(np.ascontiguousarray(present, np.float32)).to(device).unsqueeze(0)
            words = torch.from_numpy(np.ascontiguousarray(embedding, np.float32)).to(device).unsqueeze(0)
            latents = self.planner.plan(row, words, depth)[0].cpu().numpy()
        return Subgoals(latents, np.asarray(self.planner.progress(depth), np.float32), latent.stamp)
