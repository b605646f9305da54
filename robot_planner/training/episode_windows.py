# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What trainings of worlds to compare planners in share: windows of episodes, the loss of rollouts, the options."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.dynamics.ensemble import EnsembleDynamics
from robot_planner.training.dynamics import member_errors, random_shares
from robot_planner.training.resumable import run_phase

BATCH = 512


def add_arguments_of_rounds(
    parser: argparse.ArgumentParser, name: str, episodes: int, length: int, horizon: int, hidden: int
) -> None:
    """Options of a training on episodes of ``length`` steps and then, in rounds, on the model's own plans."""
    parser.add_argument("--name", default=name, help="model folder to write under models/ (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="write the model here instead of models/NAME")
    parser.add_argument(
        "--work", type=Path, default=Path("runs") / name, help="checkpoints and logs, resumed if there (%(default)s)"
    )
    parser.add_argument(
        "--episodes", type=int, default=episodes, help=f"episodes of {length} steps (default: %(default)s)"
    )
    parser.add_argument(
        "--horizon", type=int, default=horizon, help="model steps of a rollout in the loss (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=10_000, help="optimiser steps on rollouts (default: %(default)s)")
    parser.add_argument(
        "--rounds", type=int, default=2, help="times that plans are learned from (default: %(default)s)"
    )
    parser.add_argument("--round-steps", type=int, default=4000, help="optimiser steps of each (default: %(default)s)")
    parser.add_argument("--round-plans", type=int, default=200, help="problems planned in each (default: %(default)s)")
    parser.add_argument("--hidden", type=int, default=hidden, help="width of the networks (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of data and weights (default: 0)")


class EpisodeWindows:
    """Sets of episodes, of which batches take shares."""

    def __init__(self, skip: int = 1, lasting: float | Tensor = 1.0) -> None:
        """``skip``: steps of the environment to one of the model.

        ``lasting``: how much of an error in each of a latent's numbers at a window's beginning there is in all of it:
        a place seen wrong stays so, a velocity does not.
        """
        self._skip, self._lasting, self._sets = skip, lasting, list[tuple[float, Tensor, Tensor, Tensor]]()

    def add(
        self, latents: npt.NDArray, actions: npt.NDArray, truth: npt.NDArray | None = None, share: float = 1.0
    ) -> None:
        """Adds a set, by the environment's steps: latents (E, S+1, D), actions (E, S, A).

        ``truth`` (E, S+1, D) is what the latents would be if an encoder made no errors; by default it makes none.
        ``share``: of a batch, relative to the other sets'.
        """
        labels = torch.from_numpy(latents if truth is None else truth)
        moves = torch.from_numpy(actions.astype(np.float32))
        self._sets.append((share, labels, torch.from_numpy(latents) - labels, moves))

    def draw(self, horizon: int, generator: torch.Generator, batch: int = BATCH) -> tuple[Tensor, Tensor]:
        """Windows, which may begin at any step: latents (B, T+1, D), actions (B, T * skip, A).

        A window begins with what was seen and goes on by what has moved in truth: how an encoder's error changes from
        picture to picture is nothing to predict.
        """
        seen, moves, length = [], [], horizon * self._skip
        total = sum(share for share, *_ in self._sets)
        for share, truth, errors, actions in self._sets:
            count = round(batch * share / total)
            rows = torch.randint(len(truth), (count, 1), generator=generator)
            first = torch.randint(actions.shape[1] - length + 1, (count, 1), generator=generator)
            window, error = truth[rows, first + self._skip * torch.arange(horizon + 1)], errors[rows, first]
            seen.append(torch.cat([window[:, :1] + error, window[:, 1:] + self._lasting * error], 1))
            moves.append(actions[rows, first + torch.arange(length)])
        return torch.cat(seen), torch.cat(moves)


def rollout_loss(
    dynamics: EnsembleDynamics, draw: Callable[[int], tuple[Tensor, Tensor]], worth: float | Tensor
) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step: pseudo-Huber of every member's error along the mean's rollout.

    ``draw(step)`` gives latents (B, T+1, D) and actions (B, T, A). An error of one unit of a latent's number is
    ``worth`` so much; errors count by their square below 1, by their size above.
    """

    def loss(step: int) -> dict[str, Tensor]:
        errors, _ = member_errors(dynamics, *draw(step))
        size = (errors * worth).square().sum(-1)
        return {"loss": (random_shares(errors, step) * ((1.0 + size).sqrt() - 1.0)).mean()}

    return loss


def fit(
    name: str,
    work: Path,
    dynamics: EnsembleDynamics,
    rate: float,
    steps: int,
    loss: Callable[[int], dict[str, Tensor]],
    figures: Callable[[], dict[str, float]],
) -> None:
    """Runs or resumes one phase, with an optimiser of its own."""
    optimiser = torch.optim.AdamW(dynamics.requires_grad_(True).parameters(), weight_decay=1e-4)
    run_phase(name, work, {"dynamics": dynamics}, optimiser, rate, steps, loss, figures)
