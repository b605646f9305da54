# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What all planners of latent subgoals share: their parameters, networks, standardisation and losses.

LBP: Liu, Niu et al., "Efficient Robotic Policy Learning via Latent Space Backward Planning", ICML 2025
(arXiv 2505.06861). Subgoals lie at fractions of the remaining time: t + (H - t) * fraction.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.errors import InvalidInputError
from robot_planner.planning.parameters import Parameters, parameter
from robot_planner.registry import Registry


@dataclass(frozen=True)
class LbpConfig(Parameters):
    """Sizes and training recipe, the same for every planner of subgoals."""

    latent_dim: int = parameter(48, "numbers of a latent", 1, 65_536)
    language_dim: int = parameter(64, "numbers of the instruction's embedding", 1, 65_536)
    hidden: int = parameter(512, "width of the networks", 1, 65_536)
    hidden_layers: int = parameter(2, "hidden layers of each network", 1, 16)
    depth: int = parameter(3, "subgoals between the present and the final goal", 0, 16)
    ratio: float = parameter(0.5, "time left at a subgoal over that at the next one (lambda)", 0.01, 0.99)
    noise: float = parameter(0.1, "deviation of the noise on a given previous level, in standard deviations", 0.0, 10.0)
    rollout_share: float = parameter(0.5, "share of a batch that trains on its own predictions", 0.0, 1.0)
    level_embedding: bool = parameter(False, "tell the shared step which level it is at")
    residual: bool = parameter(True, "networks predict the change from the present latent")
    steps: int = parameter(10, "equal steps of the fine forward planners", 1, 100)


class ContextMlp(nn.Module):
    """MLP of a context (B, C) and, optionally, a previous latent (B, P): [Linear, LayerNorm, GELU] x n, Linear.

    The context's part of the first layer is computed once and shared by all levels of a recursion.
    """

    def __init__(self, context: int, previous: int, hidden: int, layers: int, output: int, levels: int = 0) -> None:
        super().__init__()
        self.context = nn.Linear(context, hidden)
        self.previous = nn.Linear(previous, hidden, bias=False) if previous else None
        self.level = nn.Embedding(levels, hidden) if levels else None
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers))
        self.layers = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers - 1))
        self.output = nn.Linear(hidden, output)
        with torch.no_grad():
            self.output.weight.mul_(0.1)  # begins near its residual, that is: near the copy of the present
            self.output.bias.zero_()

    def forward(self, context: Tensor, previous: Tensor | None = None, level: int = 0) -> Tensor:
        """``context``: (B, hidden), what ``self.context`` made of it; previous (B, P) -> (B, output)."""
        hidden = context
        if self.previous is not None and previous is not None:
            hidden = hidden + self.previous(previous)
        if self.level is not None:
            hidden = hidden + self.level.weight[level]
        hidden = F.gelu(self.norms[0](hidden))
        for layer, norm in zip(self.layers, self.norms[1:], strict=True):
            hidden = F.gelu(norm(layer(hidden)))
        return cast(Tensor, self.output(hidden))


class SubgoalPlanner(nn.Module):
    """From the present latent and an instruction to latents at ``fractions`` of the remaining time.

    Latents go in and come out raw; inside they are standardised per dimension, by ``fit_statistics``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: LbpConfig) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.latent_dim))
        self.register_buffer("std", torch.ones(config.latent_dim))

    @property
    def fractions(self) -> tuple[float, ...]:
        """Fractions of the remaining time at which the targets lie, nearest first, the last one 1."""
        return tuple(self.config.ratio**i for i in range(self.config.depth, -1, -1))

    def progress(self, depth: int | None = None) -> tuple[float, ...]:
        """Fractions of the last ``depth`` + 1 points; raises InvalidInputError beyond the trained depth."""
        return self.fractions[-1 - self.checked_depth(depth) :]

    def checked_depth(self, depth: int | None) -> int:
        """``depth``, or all that was trained; raises InvalidInputError outside 0 to that."""
        trained = len(self.fractions) - 1
        if depth is None:
            return trained
        if not 0 <= depth <= trained:
            raise InvalidInputError(f"subgoal depth {depth} was not trained; allowed: 0 to {trained}")
        return depth

    @torch.no_grad()
    def fit_statistics(self, latents: Tensor) -> None:
        """Sets the standardisation from latents (M, D); a dimension that doesn't vary is only centred."""
        self._check("latents", latents, self.config.latent_dim)
        if len(latents) < 2 or not torch.isfinite(latents).all():
            raise InvalidInputError("statistics need at least two latents, all of finite numbers")
        std, mean = torch.std_mean(latents.double(), dim=0, correction=0)
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 1e-6, std, 1.0))

    def standardise(self, latents: Tensor) -> Tensor:
        """Raw latents (..., D) -> standardised ones."""
        return (latents - self.mean) / self.std

    def plan(self, latents: Tensor, language: Tensor, depth: int | None = None) -> Tensor:
        """Latents (B, D), embeddings (B, L) -> (B, depth + 1, D), nearest first, the final goal last.

        Raises InvalidInputError for wrong shapes and for a depth beyond the trained one.
        """
        depth = self.checked_depth(depth)
        self._check("latents", latents, self.config.latent_dim)
        self._check("language", language, self.config.language_dim)
        levels = self._levels(self.standardise(latents), language, depth, None, None)
        return torch.stack(levels[-1 - depth :], dim=1) * self.std + self.mean

    def loss(
        self, latents: Tensor, targets: Tensor, language: Tensor, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Mean squared error on standardised latents, every level with the same weight.

        ``targets`` (B, N, D) at ``fractions``. The first ``rollout_share`` of the batch feeds each step with the
        prediction before it, gradients through the recursion; the rest with the true level plus noise, which
        ``generator`` draws. Returns ``loss`` and, without gradients, ``level_0`` (nearest) to ``level_{N-1}``.
        """
        present, truth, given, rollout = self._training_rows(latents, targets, language, generator)
        return self._losses(self._levels(present, language, len(self.fractions) - 1, given, rollout), truth)

    @torch.no_grad()
    def errors(self, latents: Tensor, targets: Tensor, language: Tensor) -> Tensor:
        """Mean squared error (B, N), on standardised latents, of the plan at its own ``fractions``."""
        targets = self._checked_targets(targets, len(latents))
        return ((self.plan(latents, language) - targets) / self.std).square().mean(-1)

    @abstractmethod
    def _levels(
        self, present: Tensor, language: Tensor, depth: int, given: Tensor | None, rollout: Tensor | None
    ) -> list[Tensor]:
        """Standardised predictions (B, D) each, nearest first; at least the last ``depth`` + 1 of them.

        In training ``given`` (B, N, D) are the noisy true levels and ``rollout`` (B, 1) says whose own predictions
        are fed on instead; both None in planning.
        """

    @staticmethod
    def _previous(prediction: Tensor, level: int, given: Tensor | None, rollout: Tensor | None) -> Tensor:
        """What the next step is fed with: the prediction of ``level``, or its noisy truth."""
        if given is None or rollout is None:
            return prediction
        return torch.where(rollout, prediction, given[:, level])

    def _training_rows(
        self, latents: Tensor, targets: Tensor, language: Tensor, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Standardised latents and targets, the noisy targets that steps are fed with, and whose own are instead."""
        self._check("latents", latents, self.config.latent_dim)
        self._check("language", language, self.config.language_dim)
        present, truth = self.standardise(latents), self.standardise(self._checked_targets(targets, len(latents)))
        rollout = torch.arange(len(latents), device=latents.device) < self.config.rollout_share * len(latents)
        noise = torch.randn(truth.shape, generator=generator, dtype=truth.dtype, device=truth.device)
        return present, truth, truth + self.config.noise * noise, rollout.unsqueeze(1)

    @staticmethod
    def _losses(levels: list[Tensor], truth: Tensor) -> dict[str, Tensor]:
        errors = (torch.stack(levels, dim=1) - truth).square().mean(dim=(0, 2))
        return {"loss": errors.mean()} | {f"level_{i}": error.detach() for i, error in enumerate(errors)}

    def _checked_targets(self, targets: Tensor, batch: int) -> Tensor:
        wanted = (batch, len(self.fractions), self.config.latent_dim)
        if targets.shape != wanted:
            raise InvalidInputError(f"targets have shape {tuple(targets.shape)}; allowed: {wanted}")
        return targets

    @staticmethod
    def _check(name: str, value: Tensor, width: int) -> None:
        if value.ndim != 2 or value.shape[1] != width:
            raise InvalidInputError(f"{name} have shape {tuple(value.shape)}; allowed: (B, {width})")


SUBGOAL_PLANNERS: Registry[SubgoalPlanner] = Registry("subgoal planner")
