# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Work on tensors that is recorded once for their shapes and replayed: on a GPU as a CUDA graph, by one launch.

A rollout is hundreds of small kernels one after the other, an iteration some thirty; started one by one from Python
they keep a GPU waiting most of the time. What is recorded must not read tensors back, nor choose by what is in them: a
world model's step, a goal metric and the lifted iteration do neither. On a CPU the work is simply done.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Work = Callable[..., tuple[Tensor, ...]]
"""A function of tensors alone; it neither changes its inputs nor keeps what it returns."""
Recorder = Callable[[Work, tuple[Tensor, ...]], Work]
"""Work and inputs like those to come -> what does the same, for inputs of these shapes."""
WARM_UP = 3
"""Times that work is done before it is recorded, as PyTorch asks: libraries set themselves up in the first ones."""
KEPT = 16
"""Shapes that are recorded, of one function; what comes after them is done as on a CPU."""


def cuda_graph(work: Work, inputs: tuple[Tensor, ...]) -> Work:
    """A CUDA graph of the work; raises RuntimeError for work that can't be captured."""
    device = inputs[0].device
    held = tuple(tensor.clone() for tensor in inputs)
    aside = torch.cuda.Stream(device)
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            work(*held)
    torch.cuda.current_stream(device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads go on with what they do
        results = work(*held)

    def replay(*given: Tensor) -> tuple[Tensor, ...]:
        for place, tensor in zip(held, given, strict=True):
            place.copy_(tensor)
        graph.replay()
        return tuple(result.clone() for result in results)

    return replay


RECORDERS: dict[str, Recorder] = {"cuda": cuda_graph}
"""By the type of device; work on any other is done as it is."""


class Recorded:
    """Work, recorded at the first inputs of each shape."""

    def __init__(self, work: Work, device: torch.device, wanted: bool = True) -> None:
        """``wanted``: False never records."""
        self._work, self._recorder = work, RECORDERS.get(device.type) if wanted else None
        self._made: dict[tuple[torch.Size, ...], Work] = {}

    @property
    def records(self) -> bool:
        """Whether work is recorded here at all."""
        return self._recorder is not None

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The work's results for these inputs."""
        if self._recorder is None:
            return self._work(*inputs)
        shapes = tuple(tensor.shape for tensor in inputs)
        made = self._made.get(shapes)
        if made is None:
            if len(self._made) == KEPT:
                return self._work(*inputs)
            made = self._made[shapes] = self._recorder(self._work, inputs)
        return made(*inputs)
