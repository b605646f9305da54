# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Latent backward planning: the final goal first, then subgoals ever nearer to the present (arXiv 2505.06861).

With the latent z_t, the instruction's embedding phi and one shared step f_w:

    z_g = f_g(z_t, phi),   w_0 = z_g,   w_i = f_w(z_t, w_{i-1}, phi),

where w_i is the latent at t + (H - t) * lambda**i. Departures from the paper: the networks are scaled down, have
``hidden_layers`` hidden layers, and predict the change from z_t (``residual``): what an instruction does not touch
then stays as it is for free, and an untrained planner is a copy of the present, not noise that the recursion feeds on.
"""

import torch
from torch import Tensor

from robot_planner.planning.subgoal_planner import SUBGOAL_PLANNERS, ContextMlp, LbpConfig, SubgoalPlanner

__all__ = ["SUBGOAL_PLANNERS", "BackwardPlanner", "LbpConfig"]


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
