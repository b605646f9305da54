# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Phase 1: encoder, dynamics and read-out together, from pixels."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.perception.convolutional import images_to_tensor
from robot_planner.training.losses import masked_huber, sigreg
from robot_planner.world import WorldNetworks


def labels_of(data: dict[str, npt.NDArray]) -> Tensor:
    """Read-out labels (E, T+1, 4, 2) [m]: hand by kinematics, blocks by the detector, NaN where unseen."""
    return torch.from_numpy(np.concatenate([data["hand"][:, :, None], data["blocks"]], axis=2)).float()


def vary_light(images: Tensor) -> Tensor:
    """Random gain and offset a sequence: (B, T, C, S, S) in [-0.5, 0.5] -> the same."""
    gain = 1.0 + 0.15 * (2 * torch.rand(len(images), 1, 1, 1, 1) - 1)
    offset = 0.06 * (2 * torch.rand(len(images), 1, 3, 1, 1) - 1)
    return images * gain + offset


def representation_loss(
    networks: WorldNetworks, data: dict[str, npt.NDArray], batch: int, horizon: int, regularisation: float
) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step: multi-step rollout in latent space, read-out before and after prediction, SIGReg."""
    labels, actions = labels_of(data), torch.from_numpy(data["actions"])
    episodes, steps = actions.shape[:2]

    def loss(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([step, 11])
        rows, starts = rng.integers(episodes, size=batch), rng.integers(steps - horizon + 1, size=batch)
        times = starts[:, None] + np.arange(horizon + 1)
        frames = data["images"][rows[:, None], times]
        images = images_to_tensor(frames.reshape(-1, 1, *frames.shape[2:])).unflatten(0, (batch, horizon + 1))
        encoded = networks.encoder(vary_light(images).flatten(0, 1)).unflatten(0, (batch, horizon + 1))
        truth = labels[torch.from_numpy(rows)[:, None], torch.from_numpy(times)]
        moves = actions[torch.from_numpy(rows)[:, None], torch.from_numpy(times[:, :-1])]
        state, predicted = encoded[:, 0], []
        for t in range(horizon):
            state = networks.dynamics.step(state, moves[:, t])
            predicted.append(state)
        rollout = torch.stack(predicted, 1)
        parts = {
            "latent": (rollout - encoded[:, 1:]).square().mean(),
            "seen": masked_huber(networks.readout(encoded), truth),
            "foreseen": masked_huber(networks.readout(rollout), truth[:, 1:]),
            "sigreg": sigreg(encoded.flatten(0, 1)),
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
    networks: WorldNetworks, latents: Tensor, actions: Tensor, truth: Tensor, horizon: int = 12, moved: float = 0.0
) -> dict[str, float]:
    """Median errors [cm] of the read-out, at once and after ``horizon`` predicted steps, and of copying."""
    starts = range(0, actions.shape[1] - horizon + 1, 4)
    rows = torch.cat([latents[:, s] for s in starts])
    with torch.inference_mode():
        state = rows
        for t in range(horizon):
            state = networks.dynamics.step(state, torch.cat([actions[:, s + t] for s in starts]))
        now, later = torch.cat([truth[:, s] for s in starts]), torch.cat([truth[:, s + horizon] for s in starts])
        seen = (networks.readout(rows) - now).norm(dim=-1) * 100
        foreseen = (networks.readout(state) - later).norm(dim=-1) * 100
    copied = (now - later).norm(dim=-1) * 100
    mask = copied[:, 1:] > moved * 100 if moved > 0 else torch.ones_like(copied[:, 1:], dtype=torch.bool)
    moving = copied[:, 1:] > 1.0
    return {
        "hand_now_cm": seen[:, 0].median().item(),
        "block_now_cm": seen[:, 1:].median().item(),
        f"hand_{horizon}_cm": foreseen[:, 0].median().item(),
        f"block_{horizon}_cm": foreseen[:, 1:][mask].median().item(),
        f"moved_block_{horizon}_cm": foreseen[:, 1:][moving].median().item(),
        "hand_copied_cm": copied[:, 0].median().item(),
        "moved_block_copied_cm": copied[:, 1:][moving].median().item(),
    }
