# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The losses of the world model's training."""

import torch

from robot_planner.training.losses import expectile, masked_huber, sigreg


def test_sigreg_prefers_the_gaussian_to_collapse_and_to_a_wrong_scale() -> None:
    torch.manual_seed(0)
    gaussian = torch.randn(512, 16)
    line = torch.randn(512, 1) * torch.ones(1, 16)
    values = [sigreg(x).item() for x in (gaussian, torch.zeros(512, 16), 4 * gaussian, line)]
    assert values[0] < 0.2 * min(values[1:])


def test_unseen_labels_have_no_gradient() -> None:
    predicted = torch.zeros(3, 2, requires_grad=True)
    labels = torch.tensor([[0.1, 0.0], [float("nan"), 0.0], [0.0, 0.0]])
    masked_huber(predicted, labels).backward()
    assert predicted.grad is not None and torch.isfinite(predicted.grad).all()
    assert predicted.grad[0].abs().sum() > 0 and (predicted.grad[1:] == 0).all()
    assert masked_huber(predicted, torch.full((3, 2), float("nan"))) == 0


def test_the_expectile_leans_to_the_smaller_targets() -> None:
    torch.manual_seed(0)
    targets, fitted = torch.rand(2000), torch.full((), 0.5, requires_grad=True)
    optimiser = torch.optim.Adam([fitted], lr=0.02)
    for _ in range(300):
        optimiser.zero_grad()
        expectile(targets - fitted, 0.1).backward()
        optimiser.step()
    assert 0.15 < fitted.item() < 0.35
