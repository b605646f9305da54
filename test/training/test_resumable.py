# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A training that is stopped at any moment ends as one that was not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robot_planner.errors import ModelError
from robot_planner.training.resumable import run_phase, save_state


class StoppedError(Exception):
    """Stands for whatever ends a process."""


def train(folder: Path, stop_at: int | None = None, width: int = 4) -> nn.Linear:
    torch.manual_seed(0)
    network = nn.Linear(3, width)
    optimiser = torch.optim.AdamW(network.parameters())

    def loss(step: int) -> dict[str, Tensor]:
        if step == stop_at:
            raise StoppedError
        inputs = torch.randn(8, 3, generator=torch.Generator().manual_seed(step))
        return {"loss": (network(inputs) + 0.1 * torch.randn(8, width)).square().mean()}

    run_phase("phase", folder, {"net": network}, optimiser, 1e-2, 30, loss, validate_every=10)
    return network


@pytest.fixture
def always_saving(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    monkeypatch.setattr("robot_planner.training.resumable.CHECKPOINT_SECONDS", -1.0)
    return lambda: None


@pytest.mark.usefixtures("always_saving")
@pytest.mark.parametrize("stop_at", [1, 10, 17, 29])
def test_an_interrupted_training_ends_as_an_uninterrupted_one(tmp_path: Path, stop_at: int) -> None:
    whole = train(tmp_path / "whole")
    with pytest.raises(StoppedError):
        train(tmp_path / "halted", stop_at)
    resumed = train(tmp_path / "halted")
    torch.testing.assert_close(resumed.weight, whole.weight, rtol=0, atol=0)


def test_a_finished_phase_is_loaded_and_not_run_again(tmp_path: Path) -> None:
    first = train(tmp_path)
    again = train(tmp_path, stop_at=0)
    torch.testing.assert_close(again.weight, first.weight, rtol=0, atol=0)


def test_a_crash_while_saving_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = train(tmp_path)
    before = (tmp_path / "phase.safetensors").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError):
        save_state(tmp_path / "phase.safetensors", {"net": network}, torch.optim.AdamW(network.parameters()), 1)
    assert (tmp_path / "phase.safetensors").read_bytes() == before


def test_a_folder_of_other_settings_is_refused_in_one_line(tmp_path: Path) -> None:
    train(tmp_path)
    with pytest.raises(ModelError, match="other settings"):
        train(tmp_path, width=5)


def test_progress_is_printed_and_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path)
    assert "phase 30/30" in capsys.readouterr().out
    lines = (tmp_path / "phase.csv").read_text().splitlines()
    assert lines[0] == "step,seconds,loss" and len(lines) == 4
