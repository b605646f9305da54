# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Peers of the backward planner, of the same capacity, recipe and signature, so that only what differs is compared.

``forward``: the SAME points as backward, in the other order. ``parallel``: these points at once. ``forward-rollout``
and ``forward-teacher``: equal steps of a tenth of the remaining time, trained on their own predictions with noise, or
by plain teacher forcing as the forward planner of the paper's comparison. ``copy``: the present, as the floor.
A planner's ``fractions`` say where its points lie; ``errors`` reads them there, without interpolation.
"""

from bisect import bisect_right
from dataclasses import replace

import torch
from torch import Tensor

from robot_planner.planning.lbp import BackwardPlanner, RecursivePlanner
from robot_planner.planning.subgoal_planner import SUBGOAL_PLANNERS, ContextMlp, LbpConfig, SubgoalPlanner

__all__ = [
    "SUBGOAL_PLANNERS",
    "BackwardPlanner",
    "CopyPlanner",
    "FineForwardPlanner",
    "ForwardPlanner",
    "ParallelPlanner",
    "TeacherForwardPlanner",
]


@SUBGOAL_PLANNERS.register("forward")
class ForwardPlanner(RecursivePlanner):
    """w_n = f_1(z_t, phi), then one shared step outward: w_{i-1} = f(z_t, w_i, phi), up to z_g."""

    def _levels(
        self, present: Tensor, language: Tensor, depth: int, given: Tensor | None, rollout: Tensor | None
    ) -> list[Tensor]:
        return self._recursion(present, language, range(len(self.fractions)), given, rollout)


@SUBGOAL_PLANNERS.register("forward-rollout")
class FineForwardPlanner(ForwardPlanner):
    """``steps`` equal steps forward."""

    @property
    def fractions(self) -> tuple[float, ...]:
        """Equal ones: j / ``steps`` for j = 1 to ``steps``."""
        return tuple((j + 1) / self.config.steps for j in range(self.config.steps))


@SUBGOAL_PLANNERS.register("forward-teacher")
class TeacherForwardPlanner(FineForwardPlanner):
    """Equal steps forward, trained on the true previous point alone, without noise."""

    def __init__(self, config: LbpConfig) -> None:
        super().__init__(replace(config, rollout_share=0.0, noise=0.0))


@SUBGOAL_PLANNERS.register("parallel")
class ParallelPlanner(SubgoalPlanner):
    """All points at once from (z_t, phi), by one network of as many weights as backward's two."""

    def __init__(self, config: LbpConfig) -> None:
        super().__init__(config)
        context, outputs = config.latent_dim + config.language_dim, len(self.fractions) * config.latent_dim
        self.network = ContextMlp(context, 0, _matched_width(config, outputs), config.hidden_layers, outputs)

    def _levels(
        self, present: Tensor, language: Tensor, depth: int, given: Tensor | None, rollout: Tensor | None
    ) -> list[Tensor]:
        output = self.network(self.network.context(torch.cat([present, language], dim=1)))
        base = present if self.config.residual else torch.zeros_like(present)
        return [base + level for level in output.chunk(len(self.fractions), dim=1)]


@SUBGOAL_PLANNERS.register("copy")
class CopyPlanner(SubgoalPlanner):
    """Predicts the present at every point; nothing is trained."""

    def _levels(
        self, present: Tensor, language: Tensor, depth: int, given: Tensor | None, rollout: Tensor | None
    ) -> list[Tensor]:
        return [present] * len(self.fractions)


def _matched_width(config: LbpConfig, outputs: int) -> int:
    """Width at which one ContextMlp with this many outputs has the weights of f_g and f_w together, or just less."""
    context = config.latent_dim + config.language_dim
    with torch.device("meta"):
        wanted = weights(BackwardPlanner(config))
        return bisect_right(
            range(1, 4 * config.hidden),
            wanted,
            key=lambda width: weights(ContextMlp(context, 0, width, config.hidden_layers, outputs)),
        )


def weights(network: torch.nn.Module) -> int:
    """How many numbers a network trains."""
    return sum(parameter.numel() for parameter in network.parameters())
