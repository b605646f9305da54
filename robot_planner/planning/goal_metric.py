# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The protocol of goal metrics: how far a latent is from the goal; and the plainest one, latent distance."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from robot_planner.registry import Registry


@runtime_checkable
class GoalMetric(Protocol):
    """Cost of being at a latent when the goal is another; zero (about) at the goal."""

    name: str
    unit: str
    """Unit of ``distance``, such as 'm'."""

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """What planners minimise: latents (..., D), goals broadcastable (..., D) -> cost (...); differentiable."""
        ...

    def cost_and_gradient(self, latents: Tensor, goals: Tensor) -> tuple[Tensor, Tensor]:
        """``cost`` and its gradient with respect to ``latents``, (...) and (..., D); detached."""
        ...

    def distance(self, latents: Tensor, goals: Tensor) -> Tensor:
        """How far from reached, in ``unit``: (..., D) x 2 -> (...); what a tolerance is compared with."""
        ...


@runtime_checkable
class HidingMetric(GoalMetric, Protocol):
    """A goal metric over things that may be hidden, in the picture of a goal or on the way there."""

    def complete(self, goals: Tensor, latents: Tensor) -> Tensor:
        """Goals (..., D) in which what they hide, and an encoder's latents (..., D) show, is to stay as these show it.

        What neither shows does not count. What a goal got in this way it keeps when it is completed again.
        """
        ...

    def carry(self, latents: Tensor, last: Tensor) -> Tensor:
        """An encoder's latents (..., D) with what they hide as it is in ``last`` (..., D)."""
        ...


def gradient_of(metric: GoalMetric) -> Callable[[Tensor, Tensor], Tensor]:
    """The metric's own ``gradient(latents, goals)`` where it has one, else that of ``cost_and_gradient``."""
    own: Callable[[Tensor, Tensor], Tensor] | None = getattr(metric, "gradient", None)
    return own or (lambda latents, goals: metric.cost_and_gradient(latents, goals)[1])


def uphill(metric: GoalMetric, goals: Tensor, weight: Tensor) -> Callable[[Tensor], Tensor]:
    """A function latents (..., D) -> latents + weight x the metric's gradient there, made once for many calls.

    Its result is a tensor of its own. A metric's own ``uphill(goals, weight)`` does it, where it has one.
    """
    own: Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]] | None = getattr(metric, "uphill", None)
    if own:
        return own(goals, weight)
    gradient = gradient_of(metric)
    return lambda latents: torch.addcmul(latents, gradient(latents, goals), weight)


class DifferentiableMetric:
    """Base of metrics that leave the gradient to autograd."""

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """See GoalMetric."""
        raise NotImplementedError

    def cost_and_gradient(self, latents: Tensor, goals: Tensor) -> tuple[Tensor, Tensor]:
        """See GoalMetric."""
        with torch.enable_grad():
            leaf = latents.detach().requires_grad_(True)
            cost = self.cost(leaf, goals)
            (gradient,) = torch.autograd.grad(cost.sum(), leaf)
        return cost.detach(), gradient


GOAL_METRICS: Registry[GoalMetric] = Registry("goal metric")


@GOAL_METRICS.register("latent")
class LatentDistance:
    """Mean squared difference of latents: the paper's goal term, with its closed-form gradient."""

    name = "latent"
    unit = "rms latent"

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Mean over D of the squared difference, (..., D) -> (...)."""
        return (latents - goals).square().mean(-1)

    def cost_and_gradient(self, latents: Tensor, goals: Tensor) -> tuple[Tensor, Tensor]:
        """Closed form: 2 (z - g) / D."""
        difference = (latents - goals).detach()
        return difference.square().mean(-1), difference * (2.0 / difference.shape[-1])

    def gradient(self, latents: Tensor, goals: Tensor) -> Tensor:
        """The gradient alone."""
        with torch.no_grad():
            return (latents - goals).mul_(2.0 / latents.shape[-1])

    def uphill(self, goals: Tensor, weight: Tensor) -> Callable[[Tensor], Tensor]:
        """See ``uphill``; a straight line from the goal, which is one operation."""
        share = weight * (-2.0 / goals.shape[-1])
        return lambda latents: torch.lerp(latents, goals, share)

    def distance(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Root of ``cost``."""
        return self.cost(latents, goals).sqrt()


class PartDistance(LatentDistance):
    """Mean squared difference of a part of the latents; the rest does not matter."""

    name = "part"

    def __init__(self, part: slice) -> None:
        """``part``: of the last axis, such as ``WindowModel.newest_part``."""
        self.part = part

    def cost(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Mean over the part of the squared difference, (..., D) -> (...)."""
        return super().cost(latents[..., self.part], goals[..., self.part])

    def cost_and_gradient(self, latents: Tensor, goals: Tensor) -> tuple[Tensor, Tensor]:
        """Closed form, as LatentDistance has it."""
        return self.cost(latents, goals).detach(), self.gradient(latents, goals)

    def gradient(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Zero outside of the part."""
        shape = torch.broadcast_shapes(latents.shape, goals.shape)
        gradient = torch.zeros(shape, dtype=latents.dtype, device=latents.device)
        gradient[..., self.part] = super().gradient(latents[..., self.part], goals[..., self.part])
        return gradient

    def uphill(self, goals: Tensor, weight: Tensor) -> Callable[[Tensor], Tensor]:
        """See ``uphill``; nothing moves outside of the part."""
        share = goals.new_zeros(goals.shape[-1])
        share[self.part] = -2.0 / share[self.part].numel()
        share = weight * share
        return lambda latents: torch.lerp(latents, goals, share)


@GOAL_METRICS.register("position")
class PositionDistance(LatentDistance):
    """Distance of positions whose unit is known, for latents that are nothing but a position."""

    name = "position"

    def __init__(self, length: float = 1.0, unit: str = "m") -> None:
        """``length``: how long one unit of the latent is, in ``unit``."""
        self.length, self.unit = length, unit

    def distance(self, latents: Tensor, goals: Tensor) -> Tensor:
        """Euclidean distance, in ``unit``."""
        return self.length * (latents - goals).norm(dim=-1)
