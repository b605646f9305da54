# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The lifted problem of GRASP: states and actions of all steps side by side, the model's state input held fixed.

With p_t = F(sg(s_t), a_t), s_0 the start and s_T = g, one iteration descends

    L = sum_t  1/2 |p_t - s_{t+1}|^2  +  goal_weight k T w_t [c(p_t, g) + c_0 uncertainty_weight relu(u_t - threshold)]
        + goal_weight k c_0 T smoothness_weight mean_t |da_t / h|^2

k makes the goal term's pull as long as the latents' way from start to goal, whatever the metric's unit; for the mean
squared latent difference it makes the term the paper's, 1/2 |p_t - g|^2. Both terms in p share one vector-Jacobian
product, with cotangent (p_t - s_{t+1}) + goal_weight k T w_t dc/dp; the states' gradient is closed: s_{t+1} - p_t.
Psenka et al., arXiv 2602.00475.
"""

import torch
from torch import Tensor

from robot_planner.planning.action_vjp import action_vjp, cautious_action_vjp
from robot_planner.planning.adam import Adam
from robot_planner.planning.goal_metric import gradient_of
from robot_planner.planning.objective import Objective, Task


class Lifted:
    """States (T+1, P, R, D) and actions (T, P, R, A) of P problems with R restarts each, in buffers made once."""

    def __init__(self, objective: Objective, task: Task, states: Tensor, actions: Tensor, goal_weight: float) -> None:
        config = objective.config
        self._objective, self._task, self._goal_weight = objective, task, goal_weight
        self._metric_gradient = gradient_of(objective.metric)
        horizon, problems, restarts, width = actions.shape
        dim = states.shape[-1]
        self.states = states.clone(memory_format=torch.contiguous_format)
        self._rows = self.states[:-1].view(-1, dim)
        self._following, self._free = self.states[1:], self.states[1:-1]
        self._leaf = actions.reshape(-1, width).clone().requires_grad_(True)
        self.actions = self._leaf.detach().view(actions.shape)
        self._residual, self._cotangent = torch.empty_like(self._following), torch.empty_like(self._following)
        self._free_residual, self._flat_cotangent = self._residual[:-1], self._cotangent.view(-1, dim)
        self._columns, self._low, self._high = self.actions.flatten(1), objective.low, objective.high
        self._adam = Adam(self.actions)
        self.scale, gain = latent_scale(task), goal_gain(objective, task)
        """(P, 1, 1) root mean square of the latents' way from start to goal."""
        dense = objective.step_weights.view(-1, 1, 1, 1).clone()
        dense[-1] -= config.terminal_weight
        self._goal_gain = goal_weight * horizon * dense[:horizon] * gain
        price = goal_weight * gain * task.reference.unsqueeze(-1)
        # the smoothness term is quadratic: its gradient is one small product over time
        self._smooth = config.smoothness_weight > 0.0 and horizon > 1
        self._stiffness = objective.stiffness[:horizon, :horizon]
        smoothness_price = config.smoothness_weight * horizon * price / objective.half_range.square()
        self._smoothness_price = smoothness_price.expand(problems, restarts, -1).flatten().contiguous()
        if config.uncertainty_weight > 0.0:
            cautious = (config.uncertainty_weight * horizon * dense[:horizon] * price).expand(-1, -1, restarts, -1)
            self._product = cautious_action_vjp(
                objective.model, config.uncertainty_threshold, cautious.reshape(-1).contiguous()
            )
        else:
            self._product = action_vjp(objective.model)

    def gradient(self) -> Tensor:
        """Gradient of L with respect to the actions (T, P, R, A), at the current states; leaves the residual behind."""
        with torch.no_grad():
            return self._gradient()

    def iterate(
        self, action_rate: Tensor, decay: float, state_rate: float, noise: Tensor | None = None, deviation: float = 0.0
    ) -> None:
        """One iteration.

        Actions go by Adam at ``action_rate`` (P, R, A) x ``decay``, within their bounds; states by ``state_rate`` of
        their residual, plus standard normal ``noise`` (T-1, P, R, D) of ``deviation`` latent scales.
        """
        with torch.no_grad():
            self._adam.step(self.actions, self._gradient(), action_rate, decay)
            self.actions.clamp_(self._low, self._high)
            self._free.add_(self._free_residual, alpha=state_rate)
            if noise is not None:
                self._free.addcmul_(noise, self.scale, value=deviation)

    def restart(self, states: Tensor, actions: Tensor) -> None:
        """Puts states and actions in place of the current ones, and drops the optimiser's moments."""
        with torch.no_grad():
            self.states.copy_(states)
            self.actions.copy_(actions)
            self._adam.reset()

    def replace(self, states: Tensor, actions: Tensor, mask: Tensor) -> None:
        """As ``restart``, for the rows of ``mask`` (P, R); the others go on as they were."""
        with torch.no_grad():
            mask = mask.unsqueeze(-1)
            self.states.copy_(torch.where(mask, states, self.states))
            self.actions.copy_(torch.where(mask, actions, self.actions))
            self._adam.forget(mask)

    def keep(self, problems: list[int], task: Task) -> "Lifted":
        """The lifted problem of these problems alone, whose task is given."""
        kept = type(self)(self._objective, task, self.states[:, problems], self.actions[:, problems], self._goal_weight)
        kept._adam = self._adam.keep(problems)
        return kept

    def _gradient(self) -> Tensor:
        gradient = self._product(self._rows, self._leaf, self._pull)
        if self._smooth:
            priced = self._columns * self._smoothness_price
            gradient = torch.addmm(gradient.reshape(priced.shape), self._stiffness, priced)
        return gradient.reshape(self.actions.shape)

    def _pull(self, predicted: Tensor) -> Tensor:
        """The cotangent of both terms at predictions (N, D); keeps the residual p - s'."""
        predicted = predicted.reshape(self._following.shape)
        torch.sub(predicted, self._following, out=self._residual)
        slope = self._metric_gradient(predicted, self._task.goals)
        torch.addcmul(self._residual, slope, self._goal_gain, out=self._cotangent)
        return self._flat_cotangent


def straight_line(task: Task, horizon: int) -> Tensor:
    """States (T+1, P, 1, D) evenly from start to goal."""
    fraction = torch.linspace(0.0, 1.0, horizon + 1, device=task.starts.device, dtype=task.starts.dtype)
    return torch.lerp(task.starts.unsqueeze(1), task.goals, fraction.view(-1, 1, 1, 1))


def latent_scale(task: Task) -> Tensor:
    """(P, 1, 1) root mean square of goal - start, at least a hundredth of the latents' own."""
    starts, goals = task.starts.unsqueeze(1), task.goals
    way = (goals - starts).square().mean(-1, keepdim=True)
    size = (goals.square() + starts.square()).mean(-1, keepdim=True) / 2
    return torch.maximum(way, 1e-4 * size).sqrt().clamp_min(1e-6)


def goal_gain(objective: Objective, task: Task) -> Tensor:
    """(P, 1, 1) factor k: latent scale over the largest root mean square of the metric's gradient on the straight line.

    Zero where the metric is flat there: at the goal.
    """
    with torch.no_grad():
        line = straight_line(task, 8)
        slope = gradient_of(objective.metric)(line, task.goals).square().mean(-1, keepdim=True).amax(0).sqrt()
        return torch.where(slope > 1e-12, latent_scale(task) / slope, 0.0)
