# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Phase 3: how many steps from one arrangement to another, learned from what the robot did.

Any later arrangement of a trajectory is a goal that it reached (hindsight), after a known number of steps. The
robot dawdles, so the fit leans to the small counts (expectile regression; Kostrikov et al., "Offline Reinforcement
Learning with Implicit Q-Learning", 2022): about what a direct way takes.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from robot_planner.training.losses import expectile
from robot_planner.world import WorldNetworks


def carry_forward(labels: Tensor) -> Tensor:
    """Labels (E, T+1, K, 2) with what was not seen where it was last seen, or else where it is seen next.

    The detector's labels and not the encoder's read-out: where the arm hides a block the read-out guesses, and a block
    that seems to jump teaches that blocks get somewhere in no time.
    """
    known = torch.isfinite(labels).all(-1)
    times = torch.arange(labels.shape[1]).view(1, -1, 1).expand_as(known)
    last = torch.where(known, times, -1).cummax(1).values
    first = torch.where(known, times, labels.shape[1] - 1).flip(1).cummin(1).values.flip(1)
    source = torch.where(last >= 0, last, first)
    return torch.gather(labels, 1, source.unsqueeze(-1).expand_as(labels))


def turn_and_mirror(now: Tensor, goal: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One random rotation and reflection a row, the same for both; (B, E, 2) x 2. Pushing is alike in all of them."""
    angle = torch.rand(len(now), generator=generator) * 2 * math.pi
    flip = torch.where(torch.rand(len(now), generator=generator) < 0.5, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin * flip], -1), torch.stack([sin, cos * flip], -1)], -2)
    return now @ turn.transpose(-1, -2), goal @ turn.transpose(-1, -2)


def cost_to_go_loss(
    networks: WorldNetworks, arrangements: Tensor, batch: int, longest: int, level: float, noise: float = 0.003
) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step on arrangements (E, T+1, 4, 2) [m], without gaps; ``level`` is the expectile."""
    episodes, frames = arrangements.shape[:2]

    def loss(step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(step)
        rows = torch.randint(episodes, (batch,), generator=generator)
        begins = torch.randint(frames, (batch,), generator=generator)
        spans = (torch.rand(batch, generator=generator) * longest).long()
        spans = torch.minimum(spans, frames - 1 - begins)
        now, goal = arrangements[rows, begins], arrangements[rows, begins + spans]
        now, goal = turn_and_mirror(now, goal, generator)
        jitter = noise * torch.randn(now.shape, generator=generator)
        predicted = networks.cost_to_go(now + jitter, goal)
        error = (spans - predicted) / 10.0
        return {"loss": expectile(error, level), "absolute": 10.0 * error.detach().abs().mean()}

    return loss
