# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How far a scene is from an arrangement, as a latent's read-out shows it: what "reached" means for a text goal."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from robot_planner.arrangement import DRAWER, HAND, OPEN, Arrangement
from robot_planner.perception.multiview import BLOCKS, RELATIVE_SCALE
from robot_planner.simulation.tasks.manipulation import LIFTED, OPEN_AT_LEAST, SHUT_AT_MOST, in_bin, in_drawer
from robot_planner.simulation.tasks.tidy import BIN_NAMES
from robot_planner.simulation.workspace import BLOCK_SIZE
from robot_planner.types import FloatArray

AT_HAND = 0.025
"""A block this near the tool point, between fingers that stand this far apart, is held [m]."""
GRIPPED_LOW, GRIPPED_HIGH = 0.02, BLOCK_SIZE + 0.008
HELD = 0.01
"""What a block counts that has still to be gripped, or let go [m]."""


class ArrangementDistance:
    """Largest distance, over what an arrangement names, from where it is to be.

    Where things lie is read from the front view's part of a latent; whether a block is in the hand, where the fingers
    hide it from that view, from the wrist view's part.
    """

    unit = "m"

    def __init__(self, readout: Callable[[Tensor], Mapping[str, Tensor]], plan_dim: int) -> None:
        """``readout``: latents (N, D) to hand (N, 3), blocks (N, 3, 3), drawer and gripper (N,) [m].

        ``plan_dim``: numbers of the front view's part; then come the blocks' places relative to the tool.
        """
        self._readout, self._plan_dim = readout, plan_dim

    def distance(self, latents: FloatArray, arrangement: Arrangement) -> FloatArray:
        """Latents (N, D) -> (N,) [m]: zero where everything is within its bounds."""
        with torch.inference_mode():
            scene = self._readout(torch.as_tensor(latents))
        names = ("hand", "blocks", "drawer", "gripper")
        hand, blocks, drawer, gripper = (scene[name].double().cpu().numpy() for name in names)
        relative = (
            latents[:, self._plan_dim :][:, : 3 * BLOCKS].reshape(-1, BLOCKS, 3).astype(np.float64) * RELATIVE_SCALE
        )
        away = np.maximum(np.linalg.norm(relative, axis=2) - AT_HAND, 0.0)
        gripped = (gripper > GRIPPED_LOW) & (gripper < GRIPPED_HIGH)
        missing = [np.zeros(len(drawer))]
        for index, place in enumerate(arrangement.blocks):
            if place is None:
                continue
            block = blocks[:, index]
            if place == HAND:
                missing += [LIFTED + BLOCK_SIZE / 2 - hand[:, 2], away[:, index], np.where(gripped, 0.0, HELD)]
                continue
            if place == DRAWER:
                outside = in_drawer(block + drawer[:, None] * [0.0, 1.0, 0.0], 0.0)  # as if it were shut
            else:
                outside = in_bin(block, BIN_NAMES[place])
            is_held = gripped & (away[:, index] == 0.0)
            missing += [outside, np.where(is_held, HELD, 0.0)]
        if arrangement.drawer is not None:
            is_open = arrangement.drawer == OPEN
            missing.append(OPEN_AT_LEAST - drawer if is_open else drawer - SHUT_AT_MOST)
        return np.max(missing, axis=0).astype(np.float32)
