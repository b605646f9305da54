# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Phase 1: encoder, dynamics and read-out together, from pixels."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.perception.convolutional import images_to_tensor
from robot_planner.perception.slots import SlotReadout
from robot_planner.training.losses import masked_huber, sigreg
from robot_planner.world import WorldNetworks


def labels_of(data: dict[str, npt.NDArray]) -> Tensor:
    """Read-out labels (E, T+1, 4, 2) [m]: hand by kinematics, blocks by the detector, NaN where unseen."""
    return torch.from_numpy(np.concatenate([data["hand"][:, :, None], data["blocks"]], axis=2)).float()


class Windows:
    """Draws stretches of episodes; half of them from those in which the detector saw something move.

    Nothing but the hand moves in most of them; evenly drawn, contact would be a small part of every batch.
    """

    def __init__(self, labels: Tensor, horizon: int, moved: float = 0.01) -> None:
        """Labels (E, T+1, 4, 2) [m]; ``moved`` [m] between two frames counts as motion."""
        self.horizon = horizon
        jumps = torch.nan_to_num((labels[:, 1:, 1:] - labels[:, :-1, 1:]).norm(dim=-1)).amax(-1) > moved
        lively = jumps.float().unfold(1, horizon, 1).amax(-1) > 0
        self._all, self._lively = torch.nonzero(torch.ones_like(lively)), torch.nonzero(lively)

    def draw(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """Rows (count, 1) and times (count, horizon + 1)."""
        generator = torch.Generator().manual_seed(seed)
        lively = count // 2 if len(self._lively) else 0
        picks = [self._all[torch.randint(len(self._all), (count - lively,), generator=generator)]]
        if lively:
            picks.append(self._lively[torch.randint(len(self._lively), (lively,), generator=generator)])
        windows = torch.cat(picks)
        return windows[:, :1], windows[:, 1:] + torch.arange(self.horizon + 1)


def vary_light(images: Tensor) -> Tensor:
    """Random gain and offset a sequence: (B, T, C, S, S) in [-0.5, 0.5] -> the same."""
    gain = 1.0 + 0.15 * (2 * torch.rand(len(images), 1, 1, 1, 1) - 1)
    offset = 0.06 * (2 * torch.rand(len(images), 1, 3, 1, 1) - 1)
    return images * gain + offset


def representation_loss(
    networks: WorldNetworks,
    readout: SlotReadout,
    data: dict[str, npt.NDArray],
    batch: int,
    horizon: int,
    regularisation: float,
) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step: multi-step rollout in latent space, read-out before and after prediction, SIGReg."""
    labels, actions = labels_of(data), torch.from_numpy(data["actions"])
    windows = Windows(labels, horizon)

    def loss(step: int) -> dict[str, Tensor]:
        rows, times = windows.draw(batch, step)
        frames = data["images"][rows.numpy(), times.numpy()]
        images = images_to_tensor(frames.reshape(-1, 1, *frames.shape[2:])).unflatten(0, (batch, horizon + 1))
        encoded = networks.encoder(vary_light(images).flatten(0, 1)).unflatten(0, (batch, horizon + 1))
        truth = labels[rows, times]
        moves = actions[rows, times[:, :-1]]
        state, predicted = encoded[:, 0], []
        for t in range(horizon):
            state = networks.dynamics.step(state, moves[:, t])
            predicted.append(state)
        rollout = torch.stack(predicted, 1)
        parts = {
            "latent": (rollout - encoded[:, 1:]).square().mean(),
            "seen": masked_huber(readout(encoded), truth),
            "foreseen": masked_huber(readout(rollout), truth[:, 1:]),
            "sigreg": sigreg(readout.features(encoded).flatten(0, 1)),
        }
        total = parts["latent"] + 0.3 * parts["seen"] + 0.3 * parts["foreseen"] + regularisation * parts["sigreg"]
        return {"loss": total, **parts}

    return loss


def encode_all(networks: WorldNetworks, images: npt.NDArray[np.uint8], chunk: int = 1024) -> Tensor:
    """Images (E, T+1, S, S, 3) -> latents (E, T+1, D)."""
    flat = images.reshape(-1, 1, *images.shape[2:])
    networks.encoder.eval()
    with torch.inference_mode():
        rows = [networks.encoder(images_to_tensor(flat[i : i + chunk])) for i in range(0, len(flat), chunk)]
    return torch.cat(rows).unflatten(0, images.shape[:2]).clone()


def read_out_errors(
    networks: WorldNetworks,
    readout: SlotReadout,
    latents: Tensor,
    actions: Tensor,
    truth: Tensor,
    horizon: int = 12,
) -> dict[str, float]:
    """Median errors [cm] of the read-out, at once and after ``horizon`` predicted steps, and of copying."""
    starts = range(0, actions.shape[1] - horizon + 1, 4)
    rows = torch.cat([latents[:, s] for s in starts])
    with torch.inference_mode():
        state = rows
        for t in range(horizon):
            state = networks.dynamics.step(state, torch.cat([actions[:, s + t] for s in starts]))
        now, later = torch.cat([truth[:, s] for s in starts]), torch.cat([truth[:, s + horizon] for s in starts])
        seen = (readout(rows) - now).norm(dim=-1) * 100
        foreseen = (readout(state) - later).norm(dim=-1) * 100
    copied = (now - later).norm(dim=-1) * 100
    moving = copied[:, 1:] > 1.0
    return {
        "hand_now_cm": seen[:, 0].median().item(),
        "block_now_cm": seen[:, 1:].median().item(),
        f"hand_{horizon}_cm": foreseen[:, 0].median().item(),
        f"block_{horizon}_cm": foreseen[:, 1:].median().item(),
        f"moved_block_{horizon}_cm": foreseen[:, 1:][moving].median().item(),
        "hand_copied_cm": copied[:, 0].median().item(),
        "moved_block_copied_cm": copied[:, 1:][moving].median().item(),
    }
