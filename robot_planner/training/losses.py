# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Losses of the world model's training."""

import torch
from torch import Tensor


def sigreg(latents: Tensor, directions: int = 128, knots: int = 17, extent: float = 4.0) -> Tensor:
    """Distance of the latents' distribution from an isotropic standard Gaussian, against collapse.

    Sketched isotropic Gaussian regularisation (Balestriero & LeCun, "LeJEPA", 2025): the Epps-Pulley statistic of
    random one-dimensional projections, the squared gap between their empirical characteristic function and the
    Gaussian's under a Gaussian window. Latents (N, D) -> scalar.
    """
    sketch = torch.randn(latents.shape[-1], directions, dtype=latents.dtype, device=latents.device)
    projections = latents @ (sketch / sketch.norm(dim=0))
    t = torch.linspace(0.0, extent, knots, dtype=latents.dtype, device=latents.device)
    gaussian = torch.exp(-0.5 * t.square())
    angles = projections.unsqueeze(-1) * t
    gap = (angles.cos().mean(0) - gaussian).square() + angles.sin().mean(0).square()
    return torch.trapezoid(gap * gaussian, t, dim=-1).mean() * latents.shape[0]


def masked_huber(predicted: Tensor, labels: Tensor, scale: float = 0.02) -> Tensor:
    """Huber loss in units of ``scale`` [m] over the labels that are finite; (..., 2) x 2 -> scalar."""
    known = torch.isfinite(labels).all(-1)
    error = (predicted[known] - labels[known]) / scale
    size = error.square().sum(-1)
    return (torch.sqrt(1.0 + size) - 1.0).sum() / known.sum().clamp_min(1)


def expectile(error: Tensor, expectile_level: float) -> Tensor:
    """Asymmetric square of target - prediction: below one half, the fit leans to the smaller targets."""
    weight = torch.where(error > 0, expectile_level, 1.0 - expectile_level)
    return (weight * error.square()).mean()
