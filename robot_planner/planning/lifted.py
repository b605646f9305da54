# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The lifted problem of GRASP: states and actions of all steps side by side, the model's state input held fixed.

With p_t = F(sg(s_t), a_t), s_0 the start and s_T the goal or the last rollout's end, one iteration descends

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
from robot_planner.planning.goal_metric import gradient_of, uphill
from robot_planner.planning.objective import Objective, Task


def begun_on(path: Tensor, actions: Tensor, warm: tuple[Tensor, Tensor] | None) -> Tensor:
    """First lifted states (T+1, P, R, D) on a path (T+1, P, 1, D) from start to goal.

    A warm start, actions (T, A) and states (T+1, D), keeps its own wherever it is among actions (T, P, R, A), if it is.
    """
    states = path.expand(-1, -1, actions.shape[2], -1).clone()
    if warm is not None:
        warm_actions, warm_states = (part.view(len(part), 1, 1, -1) for part in warm)
        same = (actions == warm_actions).all(-1).all(0).unsqueeze(-1)
        states[1:] = torch.where(same, warm_states[1:], states[1:])
    return states


class Lifted:
    """States (T+1, P, R, D) and actions (T, P, R, A) of P problems with R restarts each, in buffers made once."""

    def __init__(
        self,
        objective: Objective,
        task: Task,
        states: Tensor,
        actions: Tensor,
        goal_weight: float,
        ends_at_goal: bool = False,
    ) -> None:
        """``ends_at_goal``: the last state is the goal, whatever states are put in; else it stays as it was put in."""
        config = objective.config
        self._ends_at_goal = ends_at_goal
        self._objective, self._task, self._goal_weight = objective, task, goal_weight
        horizon, problems, restarts, width = actions.shape
        dim = states.shape[-1]
        self.states = states.clone(memory_format=torch.contiguous_format)
        self._put_end()
        self._rows = self.states[:-1].view(-1, dim)
        self._following, self._free = self.states[1:], self.states[1:-1]
        self._leaf = actions.reshape(-1, width).clone().requires_grad_(True)
        self.actions = self._leaf.detach().view(actions.shape)
        self._predicted = self._following
        """Where the last gradient's predictions lead."""
        self._columns, self._low, self._high = self.actions.flatten(1), objective.low, objective.high
        self._adam = Adam(self.actions)
        self.scale, gain = latent_scale(task), goal_gain(objective, task)
        """(P, 1, 1) root mean square of the latents' way from start to goal."""
        dense = objective.dense.view(-1, 1, 1, 1)
        self._uphill = uphill(objective.metric, task.goals, goal_weight * horizon * dense[:horizon] * gain)
        price = goal_weight * gain * task.reference.unsqueeze(-1)
        self._smooth = config.smoothness_weight > 0.0 and horizon > 1
        smoothness_price = config.smoothness_weight * horizon * price / objective.half_range.square()
        smoothness_price = objective.stiffness[0, 0] * smoothness_price
        self._smoothness_price = smoothness_price.expand(problems, restarts, -1).flatten().contiguous()
        change = self._columns.new_zeros(horizon + 1, self._columns.shape[1])  # none before the first, after the last
        self._change, self._changes = change[1:-1], (change[:-1], change[1:])
        self._earlier, self._later = self._columns[:-1], self._columns[1:]
        if config.uncertainty_weight > 0.0:
            cautious = (config.uncertainty_weight * horizon * dense[:horizon] * price).expand(-1, -1, restarts, -1)
            self._product = cautious_action_vjp(
                objective.model, config.uncertainty_threshold, cautious.reshape(-1).contiguous()
            )
        else:
            self._product = action_vjp(objective.model)

    def gradient(self) -> Tensor:
        """Gradient of L with respect to the actions (T, P, R, A), at the current states; leaves predictions behind."""
        gradient = self._product(self._rows, self._leaf, self._pull)
        if self._smooth:
            torch.sub(self._later, self._earlier, out=self._change)
            bend = torch.sub(*self._changes)
            gradient = torch.addcmul(gradient.reshape(bend.shape), bend, self._smoothness_price)
        return gradient.reshape(self.actions.shape)

    def iterate(
        self, action_rate: Tensor, decay: float, state_rate: float, noise: Tensor | None = None, deviation: float = 0.0
    ) -> None:
        """One iteration.

        Actions go by Adam at ``action_rate`` (P, R, A) x ``decay``, within their bounds; states by ``state_rate`` of
        their residual, plus standard normal ``noise`` (T-1, P, R, D) of ``deviation`` latent scales.
        """
        with torch.no_grad():
            self._adam.step(self.actions, self.gradient(), action_rate, decay)
            self.actions.clamp_(self._low, self._high)
            self._free.lerp_(self._predicted[:-1], state_rate)
            if noise is not None:
                self._free.addcmul_(noise, self.scale, value=deviation)

    def restart(self, states: Tensor, actions: Tensor) -> None:
        """Puts states and actions in place of the current ones, and drops the optimiser's moments."""
        with torch.no_grad():
            self.states.copy_(states)
            self._put_end()
            self.actions.copy_(actions)
            self._adam.reset()

    def replace(self, states: Tensor, actions: Tensor, mask: Tensor) -> None:
        """As ``restart``, for the rows of ``mask`` (P, R); the others go on as they were."""
        with torch.no_grad():
            mask = mask.unsqueeze(-1)
            self.states.copy_(torch.where(mask, states, self.states))
            self._put_end()
            self.actions.copy_(torch.where(mask, actions, self.actions))
            self._adam.forget(mask)

    def keep(self, problems: list[int], task: Task) -> "Lifted":
        """The lifted problem of these problems alone, whose task is given."""
        states, actions = self.states[:, problems], self.actions[:, problems]
        kept = type(self)(self._objective, task, states, actions, self._goal_weight, self._ends_at_goal)
        kept._adam = self._adam.keep(problems)
        return kept

    def _put_end(self) -> None:
        if self._ends_at_goal:
            self.states[-1] = self._task.goals

    def _pull(self, predicted: Tensor) -> Tensor:
        """The cotangent of both terms at predictions (N, D), which it keeps."""
        self._predicted = predicted.reshape(self._following.shape)
        return self._uphill(self._predicted).sub_(self._following).reshape(predicted.shape)


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
