# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Learned goal metrics over the object read-out: displacement of the objects, and steps still to go.

Plain latent distance is dominated by the arm's pixels, and the straight way to a goal is a local minimum of any
distance: to push a block the hand must first go round it. `CostToGo` learns that detour from trajectories.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.perception.slots import SlotReadout, Visibility
from robot_planner.planning.goal_metric import GOAL_METRICS, DifferentiableMetric


def smooth_norm(displacement: Tensor, softness: float = 0.005) -> Tensor:
    """Euclidean norm over the last axis, quadratic within ``softness`` [m] so that its gradient fades at zero."""
    return (displacement.square().sum(-1) + softness**2).sqrt() - softness


@GOAL_METRICS.register("objects")
class ObjectDistance(DifferentiableMetric):
    """How far the hand and every tracked object are from where the goal shows them."""

    name = "objects"
    unit = "m"

    def __init__(
        self,
        readout: SlotReadout,
        visibility: Visibility | None = None,
        step_length: float = 0.04,
        hand_weight: float = 0.3,
    ) -> None:
        """``step_length`` [m]: what one action can move; the cost is in such steps."""
        self.readout, self.visibility, self.step_length = readout, visibility, step_length
        self.hand_weight = hand_weight

    def arrangements(self, latents: Tensor, goals: Tensor) -> tuple[Tensor, Tensor]:
        """Where things are and where they shall be, (..., E, 2) [m] each.

        An object whose place in the goal does not count may stay where it is.
        """
        now, goal = self.readout(latents), self.readout(goals)
        if self.visibility is None:
            return now, goal
        return now, torch.where(self.counting(goals).unsqueeze(-1), goal, now)

    def counting(self, goals: Tensor) -> Tensor:
        """Whose places in goals (..., D) count, (..., E): what a picture shows, or what a completed goal says."""
        if self.visibility is None:
            return torch.ones(*goals.shape[:-1], len(self.readout.entities), dtype=torch.bool, device=goals.device)
        seen = self.visibility(goals) > 0.0
        says, marks = self.readout.marks(goals)
        return torch.where(says, marks, torch.cat([torch.ones_like(says), seen], -1))

    def complete(self, goals: Tensor, latents: Tensor) -> Tensor:
        """See HidingMetric."""
        counts, seen = self.counting(goals), self.counting(latents)
        newly = seen & ~counts
        if not newly.any():
            return goals
        return self.readout.marked(self._chosen(newly, latents, goals), counts | newly)

    def carry(self, latents: Tensor, last: Tensor) -> Tensor:
        """See HidingMetric."""
        return self._chosen(self.counting(latents), latents, last)

    def _chosen(self, which: Tensor, latents: Tensor, others: Tensor) -> Tensor:
        """The slots of ``latents`` where ``which`` (..., E) says so, else those of ``others``."""
        slots = (len(self.readout.entities), self.readout.slot_dim)
        chosen = torch.where(which.unsqueeze(-1), latents.unflatten(-1, slots), others.unflatten(-1, slots))
        return chosen.flatten(-2)

    def displacement(self, now: Tensor, goal: Tensor) -> Tensor:
        """Displacements summed over the entities, in steps; the hand counts ``hand_weight``."""
        moved = smooth_norm(now - goal) / self.step_length
        return moved[..., 1:].sum(-1) + self.hand_weight * moved[..., 0]

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """See ``displacement``."""
        return self.displacement(*self.arrangements(latents, goals))

    def distance(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Largest displacement of any entity [m]."""
        now, goal = self.arrangements(latents, goals)
        return (now - goal).norm(dim=-1).amax(-1)


class CostToGoNetwork(nn.Module):
    """Steps from one arrangement to another: (..., E, 2) x 2 [m] -> (...).

    A sum over the objects makes it indifferent to their order, relative positions make it indifferent to where on
    the table all this happens.
    """

    def __init__(self, hidden: int = 64, length: float = 0.1) -> None:
        super().__init__()
        self.length = length
        self.per_object = nn.Sequential(
            nn.Linear(6, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden)
        )
        self.total = nn.Sequential(
            nn.Linear(hidden + 2, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1)
        )

    def forward(self, now: Tensor, goal: Tensor) -> Tensor:
        """Arrangements (..., E, 2) [m], hand first -> expected steps (...), >= 0."""
        now, goal = torch.broadcast_tensors(now / self.length, goal / self.length)
        hand, hand_goal = now[..., :1, :], goal[..., :1, :]
        blocks, blocks_goal = now[..., 1:, :], goal[..., 1:, :]
        each = torch.cat([blocks - hand, blocks_goal - blocks, hand_goal - blocks], dim=-1)
        pooled = self.per_object(each).sum(-2)
        return F.softplus(self.total(torch.cat([pooled, (hand_goal - hand).squeeze(-2)], dim=-1)).squeeze(-1))


@GOAL_METRICS.register("cost-to-go")
class CostToGo(ObjectDistance):
    """Learned steps to go, plus the objects' displacement that keeps it exact near the goal."""

    name = "cost-to-go"

    def __init__(
        self,
        readout: SlotReadout,
        network: CostToGoNetwork,
        visibility: Visibility | None = None,
        displacement_weight: float = 1.0,
        **kwargs: float,
    ) -> None:
        super().__init__(readout, visibility, **kwargs)
        self.network = network.eval().requires_grad_(False)
        self.displacement_weight = displacement_weight

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Steps to go + ``displacement_weight`` x displacement in steps."""
        now, goal = self.arrangements(latents, goals)
        return self.network(now, goal) + self.displacement_weight * self.displacement(now, goal)
