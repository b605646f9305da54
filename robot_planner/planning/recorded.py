# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Work on tensors that is recorded once for their shapes and replayed: no Python, and as few starts as can be.

A rollout is hundreds of small operations one after the other, an iteration some thirty. On a GPU, started one by one
from Python, they keep it waiting most of the time: there they are recorded as a CUDA graph, one launch. On a CPU each
costs more to start than to do, where models are small: there, where it is asked for, they are compiled to machine code
in which most of them are one loop. What is recorded must not read tensors back, nor choose by what is in them: a world
model's step, a goal metric and the lifted iteration do neither.
"""

import os
import shutil
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robot_planner.errors import EnvironmentSetupError

Work = Callable[..., tuple[Tensor, ...]]
"""A function of tensors alone; it neither changes its inputs nor keeps what it returns."""
Recorder = Callable[[Work, tuple[Tensor, ...]], Work]
"""Work and inputs like those to come -> what does the same, for inputs of these shapes."""
WARM_UP = 3
"""Times that work is done before it is recorded, as PyTorch asks: libraries set themselves up in the first ones."""
KEPT = 16
"""Shapes that are recorded, of one function; what comes after them is done as it is, operation by operation."""


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
    # on the inputs' device, whatever the current one is: another one's stream would record nothing; and other threads
    # go on with what they do
    with torch.cuda.device(device), torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
        results = work(*held)

    def replay(*given: Tensor) -> tuple[Tensor, ...]:
        for place, tensor in zip(held, given, strict=True):
            place.copy_(tensor)
        graph.replay()
        return tuple(result.clone() for result in results)

    return replay


def compiled(work: Work, inputs: tuple[Tensor, ...]) -> Work:
    """Machine code for the work, by PyTorch's tracer and compiler: seconds to a minute, quicker when done before.

    What it found is kept on disk by PyTorch (TORCHINDUCTOR_CACHE_DIR).
    """
    from torch._inductor import compile as compile_graph  # both take a while, and few need them
    from torch.fx.experimental.proxy_tensor import make_fx

    def traceable(*given: Tensor) -> tuple[Tensor, ...]:
        return work(*given)

    with torch.no_grad():
        alike: list[Any] = [tensor.clone(memory_format=torch.contiguous_format) for tensor in inputs]
        traced = make_fx(traceable)(*alike)
        # in this process: a compiler's own workers are nothing for a node that may be killed at any time
        made = compile_graph(traced, alike, options={"compile_threads": 1})

    def run(*given: Tensor) -> tuple[Tensor, ...]:
        with torch.no_grad():
            return tuple(made(*(tensor.contiguous() for tensor in given)))

    return run


def check_compiler() -> None:
    """Raises EnvironmentSetupError where nothing can be compiled here."""
    compiler = os.environ.get("CXX", "g++")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    if shutil.which(compiler) is None:
        missing = f"a C++ compiler, and '{compiler}' is not there (Debian and Ubuntu: apt install g++; or set CXX)"
    elif not header.exists():
        missing = f"Python's headers, and {header} is not there (Debian and Ubuntu: apt install python3-dev)"
    else:
        return
    raise EnvironmentSetupError(f"compiled plans need {missing}; or set compiled to 0")


RECORDERS: dict[str, Recorder] = {"cuda": cuda_graph, "cpu": compiled}
"""By the type of device; work on any other is done as it is."""


class Recorded:
    """Work, recorded at the first inputs of each shape."""

    def __init__(self, work: Work, device: torch.device, most: int) -> None:
        """``most``: rows of the first input up to which it is recorded; 0: never."""
        self._work, self._recorder, self._most = work, RECORDERS.get(device.type), most
        self._made: dict[tuple[torch.Size, ...], Work] = {}

    def records(self, rows: int) -> bool:
        """Whether work is recorded for so many rows of the first input."""
        return self._recorder is not None and rows <= self._most

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The work's results for these inputs."""
        if self._recorder is None or len(inputs[0]) > self._most:
            return self._work(*inputs)
        shapes = tuple(tensor.shape for tensor in inputs)
        made = self._made.get(shapes)
        if made is None:
            if len(self._made) == KEPT:
                return self._work(*inputs)
            made = self._made[shapes] = self._recorder(self._work, inputs)
        return made(*inputs)
