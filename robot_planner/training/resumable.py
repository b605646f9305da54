# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A training loop that can be stopped at any moment: state on disk, progress on the terminal, a CSV log."""

import csv
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from robot_planner.errors import ModelError

CHECKPOINT_SECONDS = 60.0


def save_state(path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, step: int) -> None:
    """Weights, optimiser moments, random state and step count as one safetensors file, replaced whole."""
    tensors: dict[str, Tensor] = {"random_state": torch.get_rng_state()}
    for name, module in modules.items():
        tensors.update({f"module.{name}.{key}": _copy(value) for key, value in module.state_dict().items()})
    for index, moments in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer.{index}.{key}": _copy(torch.as_tensor(value)) for key, value in moments.items()})
    part = path.with_suffix(".part")
    safetensors.torch.save_file(tensors, part, metadata={"step": json.dumps(step)})
    os.replace(part, path)


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().clone(memory_format=torch.contiguous_format)


def load_state(path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> int:
    """Restores what ``save_state`` wrote; returns the step to go on from."""
    with safetensors.safe_open(str(path), "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
        step = int(json.loads(file.metadata()["step"]))
    for name, module in modules.items():
        prefix = f"module.{name}."
        try:
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
        except RuntimeError:
            raise ModelError(
                f"{path} is of a training with other settings; continue with those or name a new folder"
            ) from None
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, moment = key.split(".", 2)
            state.setdefault(int(index), {})[moment] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random_state"])
    return step


def steps_done(folder: Path, phase: str) -> int:
    """Steps after which a phase was last saved; 0 before."""
    path = folder / f"{phase}.safetensors"
    if not path.exists():
        return 0
    with safetensors.safe_open(str(path), "pt") as file:
        return int(json.loads(file.metadata()["step"]))


class CsvLog:
    """Appends rows of figures to a CSV file; the columns are those of the first row."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, row: Mapping[str, float]) -> None:
        """Appends one row."""
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if fresh:
                writer.writeheader()
            writer.writerow({key: f"{value:.6g}" for key, value in row.items()})


def run_phase(
    name: str,
    folder: Path,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    learning_rate: float,
    steps: int,
    loss_of_step: Callable[[int], dict[str, Tensor]],
    validate: Callable[[], dict[str, float]] | None = None,
    validate_every: int = 500,
) -> None:
    """Runs or resumes one phase of a training; done phases are loaded, not run again.

    ``loss_of_step(step)`` returns named losses; "loss" is minimised. One-cycle learning rate, gradients clipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, log = folder / f"{name}.safetensors", CsvLog(folder / f"{name}.csv")
    step = load_state(path, modules, optimizer) if path.exists() else 0
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    begun, first, saved, counted = time.monotonic(), step, time.monotonic(), 0
    sums: dict[str, float] = {}
    while step < steps:
        warm, left = (
            min(1.0, (step + 1) / (0.05 * steps + 1)),
            0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / steps)).item()),
        )
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * warm * max(left, 0.01)
        losses = loss_of_step(step)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        step += 1
        counted += 1
        for key, value in losses.items():
            sums[key] = sums.get(key, 0.0) + value.item()
        if step % validate_every == 0 or step == steps:
            row = {
                "step": float(step),
                "seconds": time.monotonic() - begun,
                **{k: v / counted for k, v in sums.items()},
            }
            row.update(validate() if validate else {})
            log.write(row)
            remaining = (time.monotonic() - begun) / (step - first) * (steps - step)
            shown = "  ".join(f"{key} {value:.4g}" for key, value in row.items() if key not in ("step", "seconds"))
            sys.stdout.write(f"{name} {step}/{steps}  {remaining / 60:.1f} min left  {shown}\n")
            sys.stdout.flush()
            sums, counted = {}, 0
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step == steps:
            save_state(path, modules, optimizer, step)
            saved = time.monotonic()
