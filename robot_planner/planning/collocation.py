# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The lifted problem of LatCo: states and actions are variables, the dynamics are constraints with multipliers.

For states s_1..s_T and actions a_0..a_{T-1}, where s_T is free as well,

    L = [sum_t w_t c(s_t, g) + terminal_weight c(s_N, g) + uncertainty and smoothness] / C  +  sum_t m_t v_t
    v_t = mean over the latent of ((s_{t+1} - F(s_t, a_t)) / scale)^2

C is the objective of staying at the start, scale the latents' way from start to goal, so that no weight depends on
their units. Unlike GRASP's loss this one lets gradients through the model's state input. The multipliers ascend:
m_t <- m_t (1 + rate log(v_t / allowed + 0.01)). Rybkin et al., "Model-Based Reinforcement Learning via Latent-Space
Collocation", 2021.
"""

import torch
from torch import Tensor

from robot_planner.planning.block_tridiagonal import solve_block_tridiagonal
from robot_planner.planning.lifted import latent_scale
from robot_planner.planning.objective import Objective, Task

MULTIPLIERS = (1e-6, 1e8)
"""Range of the multipliers."""
BLOCKED = 1e8
"""Curvature of an action that its bound holds: it does not move."""


class Collocation:
    """States (T+1, P, R, D), actions (T, P, R, A) and multipliers (T, P, R) of P problems with R restarts each."""

    def __init__(self, objective: Objective, task: Task, states: Tensor, actions: Tensor, multiplier: float) -> None:
        self._objective, self._task, self._first = objective, task, multiplier
        self.states, self.actions = states.clone(), actions.clone()
        self.multipliers = torch.full_like(actions[..., 0], multiplier)
        self.scale = latent_scale(task)
        """(P, 1, 1) root mean square of the latents' way from start to goal."""
        self._staying = (task.reference * objective.total_weight).clamp_min(torch.finfo(states.dtype).tiny)
        self._weights = task.weights.mT[: len(actions)].unsqueeze(-1) / self._staying
        self._reference = task.reference / self._staying

    def loss_and_gradient(self, states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """L (P, R) at other variables, the violations v (T, P, R), and L's gradients in scales and half ranges.

        The gradients are (T, P, R, D) of the states from the second on, and (T, P, R, A).
        """
        config, goals = self._objective.config, self._task.goals
        free, leaf = states[1:].detach().requires_grad_(True), actions.detach().requires_grad_(True)
        with torch.enable_grad():
            before = torch.cat([states[:1], free[:-1]])
            if config.uncertainty_weight > 0.0:
                predicted, uncertainty = self._objective.model.step_with_uncertainty(*_rows(before, leaf))
                excess = torch.relu(uncertainty - config.uncertainty_threshold).view(leaf.shape[:3]).mean(0)
            else:
                predicted = self._objective.model.step(*_rows(before, leaf))
            violation = ((free - predicted.view(free.shape)) / self.scale).square().mean(-1)
            loss = (self._objective.metric.cost(free, goals) * self._weights).sum(0)
            loss = loss + (self.multipliers * violation).sum(0)
            if config.uncertainty_weight > 0.0:
                loss = loss + config.uncertainty_weight * self._reference * excess
            if config.smoothness_weight > 0.0 and len(leaf) > 1:
                change = (leaf.diff(dim=0) / self._objective.half_range).square().mean((0, 3))
                loss = loss + config.smoothness_weight * self._reference * change
            of_states, of_actions = torch.autograd.grad(loss.sum(), (free, leaf))
        half = self._objective.half_range
        return loss.detach(), violation.detach(), of_states * self.scale, of_actions * half

    def ascend(self, violation: Tensor, allowed: float, rate: float) -> None:
        """Multipliers grow where the dynamics are violated by more than ``allowed``, and shrink elsewhere."""
        factor = (1.0 + rate * torch.log(violation / allowed + 0.01)).clamp_min(0.1)
        self.multipliers = (self.multipliers * torch.nan_to_num(factor, nan=1.0)).clamp(*MULTIPLIERS)

    def replace(self, states: Tensor, actions: Tensor, mask: Tensor) -> None:
        """Puts states and actions in place of those of ``mask`` (P, R), with the first multipliers."""
        self.multipliers = torch.where(mask, self._first, self.multipliers)
        mask = mask.unsqueeze(-1)
        self.states = torch.where(mask, states, self.states)
        self.actions = torch.where(mask, actions, self.actions)

    def keep(self, problems: list[int], task: Task) -> "Collocation":
        """These problems alone, whose task is given."""
        kept = Collocation(self._objective, task, self.states[:, problems], self.actions[:, problems], self._first)
        kept.multipliers = self.multipliers[:, problems]
        return kept

    def newton_step(self, of_states: Tensor, of_actions: Tensor, damping: Tensor) -> tuple[Tensor, Tensor]:
        """The damped Gauss-Newton step from the present variables, given L's gradients there; ``damping`` (P, R).

        Steps of the states (T, P, R, D) in scales, and of the actions (T, P, R, A) in half ranges. Variables are in
        blocks (a_t, s_{t+1}): the system is block-tridiagonal.
        """
        diagonal, lower, gradient = self.normal_equations(of_states, of_actions)
        width = of_actions.shape[-1]
        diagonal.diagonal(dim1=-2, dim2=-1).add_(damping.double().unsqueeze(-1))
        step = -solve_block_tridiagonal(diagonal, lower, gradient).to(of_states)
        return step[..., width:], step[..., :width]

    def normal_equations(self, of_states: Tensor, of_actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gauss-Newton's matrix as blocks (T, P, R, n, n), (T-1, P, R, n, n) and the gradient (T, P, R, n), n = A + D.

        Exact in the dynamics' linearisation and the smoothness; of rank one in each state's cost, as for the square of
        a single residual; without the uncertainty's curvature.
        """
        objective, config = self._objective, self._objective.config
        horizon, width, dim = len(of_actions), of_actions.shape[-1], of_states.shape[-1]
        by_state, by_action = self._jacobians()
        now = torch.cat([-by_action, torch.eye(dim).to(by_state).expand_as(by_state)], -1)
        before = torch.cat([torch.zeros_like(by_action), -by_state], -1)[1:]
        price = (2.0 / dim * self.multipliers).double()[..., None, None]
        diagonal = price * (now.mT @ now)
        diagonal[:-1] += price[1:] * (before.mT @ before)
        lower = price[1:] * (now[1:].mT @ before)
        cost, slope = objective.metric.cost_and_gradient(self.states[1:], self._task.goals)
        weighed = (self._weights.unsqueeze(-1) * self.scale * slope).double().unsqueeze(-1)
        total = (2.0 * self._weights * cost).double().clamp_min(1e-12)[..., None, None]
        diagonal[..., width:, width:] += weighed @ weighed.mT / total
        if config.smoothness_weight > 0.0 and horizon > 1:
            stiff = config.smoothness_weight * self._reference.double()[..., None, None]
            rest = torch.eye(width).to(diagonal)
            coupling = objective.stiffness[:horizon, :horizon].double()
            diagonal[..., :width, :width] += coupling.diagonal().view(-1, 1, 1, 1, 1) * stiff * rest
            lower[..., :width, :width] += coupling.diagonal(-1).view(-1, 1, 1, 1, 1) * stiff * rest
        held = (self.actions <= objective.low) & (of_actions > 0) | (self.actions >= objective.high) & (of_actions < 0)
        diagonal[..., :width, :width] += torch.diag_embed(torch.where(held, BLOCKED, 0.0).double())
        return diagonal, lower, torch.cat([torch.where(held, 0.0, of_actions), of_states], -1).double()

    def _jacobians(self) -> tuple[Tensor, Tensor]:
        """The model's Jacobians (T, P, R, D, D) by the state, and (T, P, R, D, A) by the action in half ranges."""
        states, actions = self.states[:-1].detach().requires_grad_(True), self.actions.detach().requires_grad_(True)
        with torch.enable_grad():
            predicted = self._objective.model.step(*_rows(states, actions))
        rows = [
            torch.autograd.grad(column.sum(), (states, actions), retain_graph=True) for column in predicted.unbind(-1)
        ]
        by_state, by_action = (torch.stack([row[part] for row in rows], dim=-2).double() for part in (0, 1))
        return by_state, by_action * (self._objective.half_range / self.scale).unsqueeze(-2).double()


def _rows(states: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    return states.reshape(-1, states.shape[-1]), actions.reshape(-1, actions.shape[-1])
