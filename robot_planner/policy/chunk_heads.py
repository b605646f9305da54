# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Heads that make normalised action chunks: a shared trunk, and what it is trained and asked to predict.

The trunk is a residual MLP modulated by its condition (adaptive layer norm with gates: Peebles and Xie, 2023, DiT).
"""

from abc import ABC, abstractmethod
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.registry import Registry

FREQUENCIES = 32


class ModulatedBlock(nn.Module):
    """x + gate * MLP(norm(x) * (1 + scale) + shift)."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden, elementwise_affine=False)
        self.inner, self.outer = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        """(B, H) and shift, scale, gate (B, 3, H) -> (B, H)."""
        shift, scale, gate = modulation.unbind(1)
        return x + gate * self.outer(F.gelu(self.inner(torch.addcmul(shift, self.norm(x), 1.0 + scale))))


class ChunkTrunk(nn.Module):
    """Noisy chunk (B, C), time in [0, 1] and condition (B, H) -> a vector (B, C)."""

    def __init__(self, size: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.size, self.hidden = size, hidden
        self.time = nn.Linear(2 * FREQUENCIES, hidden)
        self.input = nn.Linear(size, hidden)
        self.modulation = nn.Linear(hidden, 3 * blocks * hidden)
        self.blocks = nn.ModuleList(ModulatedBlock(hidden) for _ in range(blocks))
        self.norm, self.output = nn.LayerNorm(hidden), nn.Linear(hidden, size)
        with torch.no_grad():  # near identity at first, as adaLN-Zero, yet not blind to its condition
            for layer in (self.modulation, self.output):
                layer.weight.mul_(0.1)
                layer.bias.zero_()

    def modulate(self, condition: Tensor, times: Tensor) -> Tensor:
        """Modulations of all blocks (B, blocks, 3, H) for conditions (B, H) at times (B,)."""
        # Sampling knows its times beforehand: all its steps pass here in one batch, and the weights are read once.
        octaves = torch.arange(FREQUENCIES, device=times.device) * (8.0 / FREQUENCIES)
        angle = times.unsqueeze(1) * torch.exp2(octaves)
        embedded = condition + self.time(torch.cat([angle.sin(), angle.cos()], dim=1))
        return cast(Tensor, self.modulation(F.silu(embedded)).view(len(times), len(self.blocks), 3, self.hidden))

    def forward(self, chunks: Tensor, modulations: Tensor) -> Tensor:
        """(B, C), (B, blocks, 3, H) -> (B, C)."""
        x = self.input(chunks)
        for index, block in enumerate(self.blocks):
            x = block(x, modulations[:, index])
        return cast(Tensor, self.output(self.norm(x)))


class ChunkHead(ABC):
    """How a trunk is trained and sampled; it has no weights of its own."""

    default_steps = 1

    @abstractmethod
    def error(self, trunk: ChunkTrunk, condition: Tensor, chunks: Tensor, generator: torch.Generator | None) -> Tensor:
        """Error (B, C) of each number of normalised chunks (B, C) under conditions (B, H)."""

    @abstractmethod
    def sample(self, trunk: ChunkTrunk, condition: Tensor, noise: Tensor, steps: int) -> Tensor:
        """Noise (B, C), conditions (B, H) -> chunks (B, C), in ``steps`` evaluations of the trunk."""

    @staticmethod
    def _schedule(trunk: ChunkTrunk, condition: Tensor, times: Tensor) -> Tensor:
        """Modulations (S, B, blocks, 3, H) of all sampling times (S,)."""
        count, batch = len(times), len(condition)
        flat = trunk.modulate(condition.repeat(count, 1), times.repeat_interleave(batch))
        return flat.view(count, batch, *flat.shape[1:])


CHUNK_HEADS: Registry[ChunkHead] = Registry("chunk head")


@CHUNK_HEADS.register("flow")
class FlowHead(ChunkHead):
    """Rectified flow (Liu et al., 2023; Lipman et al., 2023): x_s = (1 - s) noise + s a, the trunk predicts a - noise.

    Sampling integrates dx/ds from s = 0 to 1 by Euler steps.
    """

    default_steps = 4

    def error(self, trunk: ChunkTrunk, condition: Tensor, chunks: Tensor, generator: torch.Generator | None) -> Tensor:
        """See ChunkHead: squared."""
        noise, times = _draw(chunks, generator)
        mixed = torch.lerp(noise, chunks, times.unsqueeze(1))
        return (trunk(mixed, trunk.modulate(condition, times)) - (chunks - noise)).square()

    def sample(self, trunk: ChunkTrunk, condition: Tensor, noise: Tensor, steps: int) -> Tensor:
        """See ChunkHead."""
        times = torch.arange(steps, dtype=noise.dtype, device=noise.device) / steps
        for modulations in self._schedule(trunk, condition, times):
            noise = noise + trunk(noise, modulations) / steps
        return noise


@CHUNK_HEADS.register("diffusion")
class DiffusionHead(ChunkHead):
    """Diffusion: x_s = cos(pi s / 2) a + sin(pi s / 2) noise, the trunk predicts v = cos noise - sin a.

    The cosine schedule in continuous time with v-prediction (Salimans and Ho, 2022), which stays defined at pure noise
    and so in few steps; sampling is deterministic (DDIM: Song et al., 2021) from s = 1 to 0.
    """

    default_steps = 10

    def error(self, trunk: ChunkTrunk, condition: Tensor, chunks: Tensor, generator: torch.Generator | None) -> Tensor:
        """See ChunkHead: squared."""
        noise, times = _draw(chunks, generator)
        signal, sigma = self._weights(times.unsqueeze(1))
        predicted = trunk(signal * chunks + sigma * noise, trunk.modulate(condition, times))
        return (predicted - (signal * noise - sigma * chunks)).square()

    def sample(self, trunk: ChunkTrunk, condition: Tensor, noise: Tensor, steps: int) -> Tensor:
        """See ChunkHead."""
        times = 1.0 - torch.arange(steps + 1, dtype=noise.dtype, device=noise.device) / steps
        signal, sigma = self._weights(times)
        x = noise
        for index, modulations in enumerate(self._schedule(trunk, condition, times[:-1])):
            velocity = trunk(x, modulations)
            clean = signal[index] * x - sigma[index] * velocity
            noisy = sigma[index] * x + signal[index] * velocity
            x = signal[index + 1] * clean + sigma[index + 1] * noisy
        return x

    @staticmethod
    def _weights(times: Tensor) -> tuple[Tensor, Tensor]:
        angle = times * (torch.pi / 2)
        return angle.cos(), angle.sin()


@CHUNK_HEADS.register("regression")
class RegressionHead(ChunkHead):
    """The chunk itself, by absolute error; noise and steps play no part."""

    def error(self, trunk: ChunkTrunk, condition: Tensor, chunks: Tensor, generator: torch.Generator | None) -> Tensor:
        """See ChunkHead: absolute."""
        return (self.sample(trunk, condition, chunks, 1) - chunks).abs()

    def sample(self, trunk: ChunkTrunk, condition: Tensor, noise: Tensor, steps: int) -> Tensor:
        """See ChunkHead."""
        nothing = torch.zeros_like(noise)
        return cast(Tensor, trunk(nothing, trunk.modulate(condition, nothing[:, 0])))


def _draw(chunks: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Noise (B, C) and times (B,) in [0, 1)."""
    noise = torch.randn(chunks.shape, generator=generator, dtype=chunks.dtype, device=chunks.device)
    return noise, torch.rand(len(chunks), generator=generator, dtype=chunks.dtype, device=chunks.device)
