# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Phase 1 of LBP's training: the encoder of both views, from images of demonstrations.

Anchored numbers learn places; the front view's free numbers learn to draw the picture, the wrist view's to foresee what
the expert does next, given where everything ends up.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from robot_planner.perception.convolutional import images_to_tensor
from robot_planner.perception.images import to_square_batch
from robot_planner.perception.multiview import (
    ANCHOR_SCALE,
    ANCHORS,
    RELATIVE_SCALE,
    AnchorReadout,
    MultiViewNetwork,
    PictureDecoder,
    anchors,
    relative_places,
)
from robot_planner.training.demonstration_reader import Demonstrations
from robot_planner.training.losses import sigreg
from robot_planner.training.resumable import run_phase, steps_done

CENTIMETRE = 0.01
_ANCHOR_UNITS = torch.tensor(ANCHOR_SCALE) / torch.tensor([*([CENTIMETRE] * 3), 0.1, 0.1, *([CENTIMETRE] * 11)])
"""What a unit of each anchored number weighs: centimetres, tenths of the sine and cosine."""
CHUNK = 8
PICTURE = 32


class ChunkForesight(nn.Module):
    """Latent, proprioception and where all ends up -> the expert's next commands; only there to shape the encoder."""

    def __init__(self, latent_dim: int, outcome_dim: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_dim + 6 + outcome_dim, 256), nn.GELU(),
            nn.Linear(256, 256), nn.GELU(), nn.Linear(256, CHUNK * 5),
        )  # fmt: skip

    def forward(self, latents: Tensor, body: Tensor, outcome: Tensor) -> Tensor:
        """-> (B, CHUNK, 5), standardised."""
        return self.layers(torch.cat([latents, body, outcome], dim=-1)).unflatten(-1, (CHUNK, 5))


def _huber(error: Tensor) -> Tensor:
    return (1.0 + error.square()).sqrt() - 1.0


def _vary_light(images: Tensor) -> Tensor:
    """Random gain and offset an image; (B, 3, S, S)."""
    gain = 1.0 + 0.15 * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    return images * gain + 0.06 * (2 * torch.rand(len(images), 3, 1, 1) - 1)


class EncoderBatches:
    """Every ``stride``-th frame, decoded once and kept, with its labels."""

    def __init__(self, data: Demonstrations, stride: int) -> None:
        self.frames = np.arange(0, len(data), stride)
        self.front, self.wrist = (data.images(view, self.frames) for view in ("front", "wrist"))
        body, objects, drawer = (data.arrays[key] for key in ("proprioception", "objects", "drawer"))
        everything = torch.from_numpy(anchors(body, objects, drawer))
        self.anchors = everything[self.frames]
        self.outcome = everything[data.last[self.frames], 6:]
        self.relative = torch.from_numpy(relative_places(body[self.frames], objects[self.frames]))
        chunks, mask = data.chunks(CHUNK)
        self.chunk_mean, self.chunk_std = chunks[mask].mean(0), chunks[mask].std(0)
        self.chunks = torch.from_numpy((chunks[self.frames] - self.chunk_mean) / self.chunk_std)
        self.mask = torch.from_numpy(mask[self.frames])

    def loss(
        self, network: MultiViewNetwork, decoder: PictureDecoder, foresight: ChunkForesight, batch: int
    ) -> Callable[[int], dict[str, Tensor]]:
        """The loss of a step; see run_phase."""
        plan_dim = network.config.plan_dim

        def loss(step: int) -> dict[str, Tensor]:
            rows = torch.randint(len(self.frames), (batch,), generator=torch.Generator().manual_seed(step))
            index = rows.numpy()
            front, wrist = (images_to_tensor(view[index][:, None]) for view in (self.front, self.wrist))
            small = to_square_batch(self.front[index], PICTURE)
            latents = network(_vary_light(front), _vary_light(wrist))
            plan, close = latents[:, :plan_dim], latents[:, plan_dim:]
            known = torch.isfinite(self.anchors[rows])
            error = torch.where(known, (plan[:, :ANCHORS] - self.anchors[rows]) * _ANCHOR_UNITS, 0.0)
            near = torch.isfinite(self.relative[rows])
            count = self.relative.shape[1]
            offset = torch.where(near, (close[:, :count] - self.relative[rows]) * (RELATIVE_SCALE / CENTIMETRE), 0.0)
            drawn = decoder(torch.cat([plan[:, :ANCHORS].detach(), plan[:, ANCHORS:]], dim=1))
            outcome = torch.nan_to_num(self.outcome[rows])
            foreseen = foresight(latents, torch.nan_to_num(self.anchors[rows, :6]), outcome)
            missed = (foreseen - self.chunks[rows]).abs().mean(-1)
            parts = {
                "places": _huber(error).sum(1).mean(),
                "relative": _huber(offset).sum() / near.sum().clamp_min(1) * 3,
                "picture": (drawn - images_to_tensor(small[:, None])).square().mean() * 100,
                "foresight": missed[self.mask[rows]].mean(),
                "sigreg": sigreg(torch.cat([plan[:, ANCHORS:], close[:, count:]], dim=1)),
            }
            total = 0.3 * parts["places"] + 0.3 * parts["relative"] + parts["picture"] + parts["foresight"]
            return {"loss": total + 0.02 * parts["sigreg"], **parts}

        return loss


def encode_demonstrations(network: MultiViewNetwork, data: Demonstrations, chunk: int = 512) -> Tensor:
    """Latents (N, D) of all frames."""
    network.eval()
    rows = []
    with torch.inference_mode():
        for start in range(0, len(data), chunk):
            frames = np.arange(start, min(start + chunk, len(data)))
            rows.append(network(*(images_to_tensor(data.images(view, frames)[:, None]) for view in ("front", "wrist"))))
    return torch.cat(rows).clone()


def place_errors(latents: Tensor, data: Demonstrations, frames: np.ndarray | None = None) -> dict[str, float]:
    """Median errors of the read-out: hand, blocks, drawer [cm], and the blocks' 95th percentile."""
    rows = np.arange(len(data)) if frames is None else frames
    seen = AnchorReadout()(latents)
    body, objects, drawer = (torch.from_numpy(data.arrays[k][rows]) for k in ("proprioception", "objects", "drawer"))
    blocks = (seen["blocks"] - objects).norm(dim=-1) * 100
    return {
        "hand_cm": (seen["hand"] - body[:, :3]).norm(dim=-1).median().item() * 100,
        "block_cm": blocks.median().item(),
        "block_p95_cm": blocks.flatten().quantile(0.95).item() if blocks.numel() < 10_000_000 else float("nan"),
        "drawer_cm": (seen["drawer"] - drawer).abs().median().item() * 100,
        "gripper_cm": (seen["gripper"] - body[:, 5]).abs().median().item() * 100,
    }


def fit_encoder(
    data: Demonstrations,
    held: Demonstrations,
    network: MultiViewNetwork,
    decoder: PictureDecoder,
    work: Path,
    steps: int,
    batch: int = 64,
    stride: int = 3,
    progress: Callable[[str], None] = print,
) -> None:
    """Fits encoder and decoder, or resumes."""
    foresight = ChunkForesight(network.config.latent_dim, ANCHORS - 6)
    modules = {"encoder": network, "decoder": decoder, "foresight": foresight}
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    few = np.arange(0, len(held), 8)
    front, wrist = (images_to_tensor(held.images(view, few)[:, None]) for view in ("front", "wrist"))

    def figures() -> dict[str, float]:
        with torch.inference_mode():
            latents = torch.cat([network(f, w) for f, w in zip(front.split(256), wrist.split(256), strict=True)])
        return place_errors(latents, held, few)

    parameters = [p for module in modules.values() for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, weight_decay=1e-3)
    if steps_done(work, "encoder") < steps:
        progress(f"decoding {len(data) // stride} frames")
    else:
        stride = len(data)  # a phase that is done looks at nothing
    loss = EncoderBatches(data, stride).loss(network, decoder, foresight, batch)
    run_phase("encoder", work, modules, optimizer, 1.5e-3, steps, loss, figures)
