# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Phase 2: the dynamics ensemble on the frozen encoder's latents, through rollouts as long as plans are."""

from collections.abc import Callable

import torch
from torch import Tensor

from robot_planner.dynamics.ensemble import EnsembleDynamics
from robot_planner.perception.slots import SlotReadout
from robot_planner.training.losses import masked_huber
from robot_planner.training.representation import Windows
from robot_planner.world import WorldNetworks


def dynamics_loss(
    networks: WorldNetworks,
    readout: SlotReadout,
    latents: Tensor,
    actions: Tensor,
    labels: Tensor,
    batch: int,
    horizon: int,
) -> Callable[[int], dict[str, Tensor]]:
    """The loss of a step on cached latents (E, T+1, D), actions (E, T, A), labels (E, T+1, 4, 2).

    Every member answers for its own error along the mean's rollout; each sees its own random half of the batch, so
    that they agree only where the data make them.
    """
    windows = Windows(labels, horizon)

    def loss(step: int) -> dict[str, Tensor]:
        rows, times = windows.draw(batch, step)
        seen, moves, truth = latents[rows, times], actions[rows, times[:, :-1]], labels[rows, times]
        errors, states = member_errors(networks.dynamics, seen, moves)
        latent = (random_shares(errors, step) * errors.square().mean(-1)).mean()
        foreseen = masked_huber(readout(states), truth[:, 1:])
        at_once = masked_huber(readout(seen), truth)
        return {
            "loss": latent + 0.3 * foreseen + 0.3 * at_once,
            "latent": latent,
            "foreseen": foreseen,
            "seen": at_once,
        }

    return loss


def member_errors(dynamics: EnsembleDynamics, seen: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Every member's errors along the mean's rollout, and that rollout.

    Latents (B, T+1, D) and actions (B, T, A) -> errors (T, K, B, D), states (B, T, D).
    """
    state, states, errors = seen[:, 0], [], []
    for t in range(moves.shape[1]):
        changes = dynamics.changes(state, moves[:, t])
        errors.append(state + changes - seen[:, t + 1])
        state = state + changes.mean(0)
        states.append(state)
    return torch.stack(errors), torch.stack(states, 1)


def random_shares(errors: Tensor, step: int) -> Tensor:
    """(K, B) weights for errors (T, K, B, D): two for the half of the batch that a member sees, zero for the rest."""
    generator = torch.Generator().manual_seed(step)
    return 2.0 * torch.bernoulli(torch.full(errors.shape[1:3], 0.5), generator=generator)


def calibrate_uncertainty(dynamics: EnsembleDynamics, latents: Tensor, actions: Tensor) -> None:
    """Sets the unit of the disagreement to its median over transitions (E, T, ...) that were not trained on."""
    dynamics.disagreement_scale.fill_(1.0)
    with torch.inference_mode():
        _, spread = dynamics.step_with_uncertainty(latents[:, :-1].flatten(0, 1), actions.flatten(0, 1))
    dynamics.disagreement_scale.fill_(spread.median().item())
