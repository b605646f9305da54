# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Random numbers that belong to a problem, not to its batch, so that a batch is its problems one by one."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from math import pi, prod

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.types import Problem

BLOCK = 2**15
"""About how many numbers a problem draws at once: many small draws cost more than the numbers."""


def generator(problem: Problem, seed: int, purpose: str, device: torch.device) -> torch.Generator:
    """A generator that follows from the problem's start and goal, the planner's seed, and what it is for."""
    digest = hashlib.blake2b(f"{seed}/{purpose}/".encode(), digest_size=8)
    digest.update(problem.start.tobytes())
    digest.update(problem.goal.tobytes())
    made = torch.Generator(device)
    made.manual_seed(int.from_bytes(digest.digest(), "little") >> 1)
    return made


class NoiseSource:
    """Standard normal numbers (S, P, ...) of P problems, each from its own generator, drawn in blocks of steps."""

    def __init__(
        self, generators: Sequence[torch.Generator], shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
    ) -> None:
        """``shape``: (S, ...) of one problem's numbers of one step; the problems' axis is put second."""
        self._generators = list(generators)
        self._steps = max(1, BLOCK // max(prod(shape), 1))
        self._raw = torch.empty((self._steps, *shape), device=device, dtype=dtype)
        self._block = self._raw.new_empty((self._steps, shape[0], len(self._generators), *shape[1:]))
        self._next = self._steps

    def draw(self) -> Tensor:
        """The next step's numbers, to be read only; valid until the block is drawn anew, a step at least."""
        if self._next == self._steps:
            self._fill()
            self._next = 0
        self._next += 1
        return self._block[self._next - 1]

    def keep(self, problems: Sequence[int]) -> None:
        """Drops all problems but these."""
        self._generators = [self._generators[problem] for problem in problems]
        self._block = self._block[:, :, list(problems)].contiguous()

    def _fill(self) -> None:
        for problem, source in enumerate(self._generators):
            self._raw.normal_(generator=source)
            self._block[:, :, problem].copy_(self._raw)


TABLE = 2**20
"""Numbers of a table of noise, at least."""
ALIGNED = 16
"""Numbers between two places in a table at which a problem may begin to read."""
PLACES = 64
"""Blocks whose places are drawn at once."""


class NoiseTable(NoiseSource):
    """As NoiseSource, but problems read their numbers from one table, each block from a random place of its own.

    Drawing them is a good part of what a lifted iteration does besides the model's work; reading costs little (the
    shared table of Salimans et al., "Evolution Strategies as a Scalable Alternative", 2017). Two blocks may overlap, at
    other steps; for noise that only shakes what is iterated on that is as good. What was drawn stays valid.
    """

    def __init__(
        self, generators: Sequence[torch.Generator], shape: tuple[int, ...], device: torch.device, dtype: torch.dtype
    ) -> None:
        """See NoiseSource."""
        super().__init__(generators, shape, device, dtype)
        count = self._raw.numel()
        size = max(TABLE, 1 << (4 * count - 1).bit_length())
        self._stretches = _table(size, device, dtype).unfold(0, count, ALIGNED)
        self._places = torch.empty((PLACES, len(self._generators)), dtype=torch.long, device=device)
        self._block_number = PLACES

    def keep(self, problems: Sequence[int]) -> None:
        """See NoiseSource."""
        super().keep(problems)
        self._places = self._places[:, list(problems)].contiguous()

    def _fill(self) -> None:
        if self._block_number == PLACES:
            for problem, source in enumerate(self._generators):
                self._places[:, problem].random_(0, len(self._stretches), generator=source)
            self._block_number = 0
        read = self._stretches.index_select(0, self._places[self._block_number])
        self._block_number += 1
        self._block = read.view(-1, *self._raw.shape).movedim(0, 2)


@lru_cache(4)
def _table(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.randn(size, generator=torch.Generator(device).manual_seed(0), device=device, dtype=dtype)


def parts_of(model: WorldModel) -> int:
    """How many of the environment's actions, one after the other, one of the model's holds; see WorldModel."""
    return int(getattr(model, "action_parts", 1))


def split(actions: Tensor, parts: int) -> Tensor:
    """Actions (T, ..., A) that hold several of the environment's -> these, (T parts, ..., A / parts)."""
    if parts == 1:
        return actions
    return actions.unflatten(-1, (parts, -1)).movedim(-2, 1).flatten(0, 1)


def joined(actions: Tensor, parts: int) -> Tensor:
    """Inverse of ``split``."""
    if parts == 1:
        return actions
    return actions.unflatten(0, (-1, parts)).movedim(1, -2).flatten(-2)


@lru_cache(64)
def autoregressive(horizon: int, correlation: float) -> Tensor:
    """(T, T) lower-triangular factor that gives white noise unit variance and ``correlation`` between neighbours."""
    step = torch.arange(horizon)
    lag = (step.view(-1, 1) - step).clamp_min(0).double()
    factor = torch.tril(correlation**lag) * (1.0 - correlation**2) ** 0.5
    factor[:, 0] = correlation ** step.double()
    return factor


@lru_cache(64)
def power_law(horizon: int, exponent: float) -> Tensor:
    """(T, T) factor that gives white noise unit variance and power that falls with the frequency's ``exponent``.

    Timmer and Koenig, 1995: sines and cosines of random amplitudes. The constant one has the power of the slowest.
    """
    time = torch.arange(horizon, dtype=torch.float64)
    waves = [torch.ones_like(time)]
    for frequency in range(1, horizon // 2 + 1):
        amplitude, angle = frequency ** (-exponent / 2), 2 * pi * frequency / horizon * time
        if 2 * frequency == horizon:
            waves.append(amplitude * torch.cos(angle))
        else:
            waves += [2**0.5 * amplitude * torch.cos(angle), 2**0.5 * amplitude * torch.sin(angle)]
    factor = torch.stack(waves, dim=1)
    return factor / factor[0].norm()
