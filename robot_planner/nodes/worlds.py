# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads a trained world for a node; imports torch."""

import torch

from robot_planner import world
from robot_planner.errors import InvalidInputError


def load_world(model: str, device: str, threads: int) -> world.World:
    """The world called ``model`` (or in that folder) on ``device``; raises ModelError, InvalidInputError."""
    torch.set_num_threads(threads)
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InvalidInputError(f"device '{device}' can't be used: {reason}") from None
    return world.load_world(model, device)
