# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads a trained model for a node, whatever its kind; imports torch."""

import torch

from robot_planner import lbp, world
from robot_planner.errors import InvalidInputError
from robot_planner.resources import model_kind


def load_model(model: str, device: str, threads: int) -> "world.World | lbp.Lbp":
    """The model of that name (or in that folder) on ``device``; raises ModelError, InvalidInputError."""
    torch.set_num_threads(threads)
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInputError(f"device '{device}' can't be used: {reason}") from None
    return lbp.load_lbp(model, device) if model_kind(model) == lbp.KIND else world.load_world(model, device)
