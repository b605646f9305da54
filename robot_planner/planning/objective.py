# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What planners minimise: the cost of the true rollout of some actions, and its gradient through time.

For states s_0..s_T rolled out from actions a_0..a_{T-1}, goal g, metric cost c and model uncertainty u:

    J(a) = sum_t w_t c(s_t, g) + terminal_weight c(s_N, g)
         + c_0 [uncertainty_weight mean_t relu(u_t - uncertainty_threshold) + smoothness_weight mean_t |da_t / h|^2]

with w_t ~ discount^t summing to one, h half the admissible range of an action, and c_0 = |c(s_0, g)|, so that the
weights mean the same for every metric. N, the step of arrival, is T, or what an earlier plan has promised. Shapes: T
steps, P problems, R candidates a problem: actions (T, P, R, A).
"""

import sys
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from robot_planner.dynamics.precision import Bfloat16Model
from robot_planner.dynamics.world_model import WorldModel, neutral_action
from robot_planner.errors import InvalidInputError
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.parameters import Parameters, parameter
from robot_planner.planning.recorded import Recorded, check_compiler


@dataclass(frozen=True)
class ObjectiveConfig(Parameters):
    """Horizon and weights of the objective."""

    horizon: int = parameter(12, "number of actions of a plan, T", 1, 1000)
    discount: float = parameter(1.0, "weight of a step's cost over the one before it", 0.01, 1.0)
    terminal_weight: float = parameter(
        1.0, "weight of the cost at the arrival, the last state but for keep_arrival, over the mean of all", 0.0, 1e6
    )
    uncertainty_weight: float = parameter(
        0.0, "cost of one unit of uncertainty above the threshold, in costs at the start", 0.0, 1e6
    )
    uncertainty_threshold: float = parameter(1.5, "model uncertainty that costs nothing; about 1 on data", 0.0, 1e6)
    smoothness_weight: float = parameter(
        0.001, "cost of the mean squared change of actions, in half ranges and costs at the start", 0.0, 1e6
    )
    cuda_graphs: bool = parameter(
        True, "on a GPU, record rollouts and phases as CUDA graphs; the model's step must not read tensors back"
    )
    compiled: int = parameter(
        0,
        "on a CPU, compile rollouts and phases of calls for at most so many problems, a minute the first time; 0: none",
        0,
        1024,
    )
    bfloat16: bool = parameter(
        False,
        "make the model's matrix products in bfloat16: faster on a GPU, or for hundreds of rows on a CPU with AMX",
    )

    def recorded(self, device: torch.device) -> int:
        """Problems of a call up to which its work is recorded on a device; see Recorded."""
        if device.type == "cpu":
            return self.compiled
        return sys.maxsize if self.cuda_graphs else 0


class Task(NamedTuple):
    """A batch of problems on the planner's device."""

    starts: Tensor
    """(P, D)."""
    goals: Tensor
    """(P, 1, D): broadcasts over candidates and steps."""
    reference: Tensor
    """(P, 1) magnitude of the cost at the start, c_0."""
    weights: Tensor
    """(P, T) weight of each step's metric cost."""


class Evaluation(NamedTuple):
    """The true rollout of candidates."""

    cost: Tensor
    """(P, R) the objective; infinite where it is not finite."""
    states: Tensor
    """(T+1, P, R, D), start included."""


def screened(
    actions: Tensor, evaluation: Evaluation, count: int, problems: list[int] | None = None
) -> tuple[Tensor, Evaluation]:
    """The best ``count`` of actions (T, P, R, A), best first, and their rollouts; of these problems, or of all."""
    cost, states = evaluation
    if problems is not None:
        actions, cost, states = actions[:, problems], cost[problems], states[:, problems]
    cost, index = cost.topk(count, dim=1, largest=False)
    problem = torch.arange(len(index), device=index.device).unsqueeze(1)
    return actions[:, problem, index], Evaluation(cost, states[:, problem, index])


def cheaper(
    actions: Tensor, evaluation: Evaluation, others: Tensor, outcome: Evaluation
) -> tuple[Tensor, Evaluation, Tensor]:
    """Of actions (T, P, R, A) and others the cheaper at each place, their rollouts, and where (P, R) those are others.

    Where both cost the same the first ones stay.
    """
    new = outcome.cost < evaluation.cost
    mask = new.unsqueeze(-1)
    costs = torch.where(new, outcome.cost, evaluation.cost)
    states = torch.where(mask, outcome.states, evaluation.states)
    return torch.where(mask, others, actions), Evaluation(costs, states), new


class Objective:
    """The cost of candidates under a world model and a goal metric."""

    def __init__(self, model: WorldModel, metric: GoalMetric, config: ObjectiveConfig) -> None:
        low, high = model.action_low.detach(), model.action_high.detach()
        if not (bool(torch.isfinite(low).all()) and bool(torch.isfinite(high).all()) and bool((low <= high).all())):
            raise InvalidInputError(f"action bounds must be finite, low <= high: {low.tolist()}, {high.tolist()}")
        self.model = Bfloat16Model(model) if config.bfloat16 else model
        self.metric, self.config = metric, config
        self.low, self.high = low, high
        self.device, self.dtype = low.device, low.dtype
        self.half_range = torch.where(high > low, (high - low) / 2, torch.ones_like(low))
        self.neutral = neutral_action(model)
        weights = config.discount ** torch.arange(1, config.horizon + 1, dtype=torch.float64)
        self.dense = (weights / weights.sum()).to(low)
        """(T,) weights of the steps' metric costs without that of the arrival."""
        self.total_weight = 1.0 + config.terminal_weight
        """Of all metric costs, the arrival's included."""

        recorded = config.recorded(self.device)
        if recorded and self.device.type == "cpu":
            check_compiler()
        self._evaluated = Recorded(self._evaluation_of, self.device, recorded)
        self._differentiated = Recorded(self._gradient_of, self.device, recorded)

        change = torch.eye(config.horizon, dtype=torch.float64).diff(dim=0)
        self.stiffness = (2.0 / self._changes(config.horizon) * change.mT @ change).to(low)
        """(T, T) K for which K a is the gradient of the mean squared change of a, with respect to a."""

    def task(self, starts: Tensor, goals: Tensor, arrival: int | None = None) -> Task:
        """Problems from latents (P, D), (P, D), to arrive after so many steps; None: after all."""
        with torch.no_grad():
            weights = self.dense.clone()
            weights[(arrival or self.config.horizon) - 1] += self.config.terminal_weight
            reference = self.metric.cost(starts, goals).abs().unsqueeze(1)
            return Task(starts, goals.unsqueeze(1), reference, weights.repeat(len(starts), 1))

    def evaluate(self, task: Task, actions: Tensor) -> Evaluation:
        """Cost and states of the rollout of actions (T, P, R, A); no gradient."""
        with torch.no_grad():
            cost, states = self._evaluated(*task, actions)
            return _finite(cost, states)

    def evaluate_with_gradient(self, task: Task, actions: Tensor) -> tuple[Evaluation, Tensor]:
        """As ``evaluate``, and the gradient of the cost (T, P, R, A) by back-propagation through time."""
        with torch.no_grad():
            cost, states, gradient = self._differentiated(*task, actions)
            return _finite(cost, states), gradient

    def uncertainty(self, states: Tensor, actions: Tensor) -> Tensor:
        """Largest uncertainty along rollouts: states (T+1, ..., D), actions (T, ..., A) -> (...)."""
        with torch.no_grad():
            rows, width = states[:-1].reshape(-1, states.shape[-1]), actions.shape[-1]
            value = self.model.step_with_uncertainty(rows, actions.reshape(-1, width))[1]
            return value.view(actions.shape[:-1]).amax(0)

    def _evaluation_of(self, *given: Tensor) -> tuple[Tensor, ...]:
        """A task's parts and actions -> cost and states."""
        *task, actions = given
        return self._rollout(Task(*task), actions)

    def _gradient_of(self, *given: Tensor) -> tuple[Tensor, ...]:
        """A task's parts and actions -> cost, states, and the gradient of the cost."""
        *task, actions = given
        leaf = actions.detach().requires_grad_(True)
        with torch.enable_grad():
            cost, states = self._rollout(Task(*task), leaf)
            (gradient,) = torch.autograd.grad(cost.sum(), leaf)
        return cost.detach(), states.detach(), gradient

    def _rollout(self, task: Task, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Cost (P, R) and states (T+1, P, R, D)."""
        horizon, problems, candidates, width = actions.shape
        model, cautious = self.model, self.config.uncertainty_weight > 0.0
        dim = task.starts.shape[-1]
        latents = task.starts.unsqueeze(1).expand(problems, candidates, dim).reshape(-1, dim)
        states, uncertainties = [latents], []
        for action in actions.reshape(horizon, -1, width).unbind(0):
            if cautious:
                latents, uncertainty = model.step_with_uncertainty(latents, action)
                uncertainties.append(uncertainty)
            else:
                latents = model.step(latents, action)
            states.append(latents)
        path = torch.stack(states).view(horizon + 1, problems, candidates, dim)
        spread = torch.stack(uncertainties).view(horizon, problems, candidates) if cautious else None
        return self.cost_of_path(task, path, actions, spread), path

    def cost_of_path(self, task: Task, path: Tensor, actions: Tensor, uncertainty: Tensor | None = None) -> Tensor:
        """Cost (P, R) of states (T+1, P, R, D) already rolled out, with their uncertainty (T, P, R) where it counts."""
        horizon, config = len(actions), self.config
        cost = (self.metric.cost(path[1:], task.goals) * task.weights.mT[:horizon].unsqueeze(-1)).sum(0)
        if uncertainty is not None:
            excess = torch.relu(uncertainty - config.uncertainty_threshold).mean(0)
            cost = cost + config.uncertainty_weight * task.reference * excess
        if config.smoothness_weight > 0.0 and horizon > 1:
            change = ((actions[1:] - actions[:-1]) / self.half_range).square().sum((0, 3)) / self._changes(horizon)
            cost = cost + config.smoothness_weight * task.reference * change
        return cost

    def _changes(self, horizon: int) -> int:
        """How many changes of an action's component one candidate has."""
        return max(horizon - 1, 1) * self.model.action_dim


def _finite(cost: Tensor, states: Tensor) -> Evaluation:
    """A cost that is not finite can never be the best."""
    return Evaluation(torch.nan_to_num(cost, nan=torch.inf, posinf=torch.inf, neginf=torch.inf), states)
