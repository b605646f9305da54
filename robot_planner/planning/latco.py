# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""LatCo: latent collocation with Lagrange multipliers, by Adam or by Gauss-Newton.

Rybkin, Zhu, Nagabandi, Daniilidis, Mordatch, Levine, "Model-Based Reinforcement Learning via Latent-Space Collocation",
2021. `collocation.py` has the loss. Beyond the paper: restarts side by side from the best of some first candidates, and
the plan handed out is the best by the rollout of its actions, looked at now and then; the rollout changes nothing else.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.planning.adam import Adam
from robot_planner.planning.collocation import Collocation
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.lifted import begun_on, straight_line
from robot_planner.planning.objective import Evaluation
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.refining import RefiningConfig, RefiningPlanner, Search
from robot_planner.planning.run import Run

DAMPING = (1e-6, 1e6)
"""Range of the damping."""


@dataclass(frozen=True)
class LatcoConfig(RefiningConfig):
    """Parameters of LatCo."""

    initial_states: str = parameter(
        "rollout", "states begin on the straight line to the goal or on the rollout", choices=("line", "rollout")
    )
    optimiser: str = parameter("adam", "what steps states and actions", choices=("adam", "gauss-newton"))
    action_rate: float = parameter(0.1, "Adam's rate of the actions, in half ranges", 0.0, 1.0)
    state_rate: float = parameter(0.03, "Adam's rate of the states, in latent scales", 0.0, 1.0)
    damping: float = parameter(0.01, "first damping of Gauss-Newton", 1e-6, 1e6)
    multiplier: float = parameter(1.0, "first multiplier of the dynamics", 1e-6, 1e8)
    multiplier_rate: float = parameter(0.03, "rate at which multipliers ascend", 0.0, 0.2)
    allowed: float = parameter(1e-4, "mean squared violation of the dynamics that is aimed at, in scales", 1e-12, 1.0)
    evaluate_every: int = parameter(5, "iterations between rollouts", 1, 1_000_000)


class _Search:
    """One call's variables and what steps them."""

    goes_on = False

    def __init__(self, run: Run, config: LatcoConfig, actions: Tensor, evaluation: Evaluation) -> None:
        self.run, self.config, self.unseen = run, config, False
        states = evaluation.states
        if config.initial_states == "line":
            states = begun_on(straight_line(run.task, config.horizon), actions, run.warm)
        self.problem = Collocation(run.objective, run.task, states, actions, config.multiplier)
        self._damping = torch.full_like(evaluation.cost, config.damping)
        self._adams = Adam(states[1:]), Adam(actions)
        self._heal(evaluation.cost)

    def iterate(self) -> None:
        """See Search."""
        if self.config.optimiser == "adam":
            self._descend()
        else:
            self._newton()
        self.run.iterations += 1
        self.unseen = True

    def look(self) -> bool:
        """See Search."""
        if self.run.iterations % self.config.evaluate_every:
            return False
        self.evaluate()
        self.run.milestone()
        return True

    def evaluate(self) -> None:
        """See Search; restarts that are not finite go on from the best plan."""
        run, actions = self.run, self.problem.actions
        run.budget.begin()
        evaluation = run.evaluate(actions)
        run.budget.took("evaluation")
        self._heal(evaluation.cost)
        self.unseen = False

    @property
    def actions(self) -> Tensor:
        """See Search."""
        return self.problem.actions

    def keep(self, problems: list[int]) -> None:
        """See Search."""
        self.problem = self.problem.keep(problems, self.run.task)
        self._damping = self._damping[problems]
        self._adams = self._adams[0].keep(problems), self._adams[1].keep(problems)

    def _descend(self) -> None:
        config, problem, objective = self.config, self.problem, self.run.objective
        _, violation, of_states, of_actions = problem.loss_and_gradient(problem.states, problem.actions)
        free, one = problem.states[1:], torch.ones((), device=objective.device, dtype=objective.dtype)
        # the gradients are in scales and half ranges, and so are the steps
        self._adams[0].step(free, of_states, config.state_rate * problem.scale * one)
        self._adams[1].step(problem.actions, of_actions, config.action_rate * objective.half_range)
        problem.actions.clamp_(objective.low, objective.high)
        problem.ascend(violation, config.allowed, config.multiplier_rate)

    def _newton(self) -> None:
        config, problem, objective = self.config, self.problem, self.run.objective
        loss, violation, of_states, of_actions = problem.loss_and_gradient(problem.states, problem.actions)
        by_states, by_actions = problem.newton_step(of_states, of_actions, self._damping)
        states = torch.cat([problem.states[:1], problem.states[1:] + by_states * problem.scale])
        actions = (problem.actions + by_actions * objective.half_range).clamp(objective.low, objective.high)
        after, violation_after, *_ = problem.loss_and_gradient(states, actions)
        better = after < loss  # never where a number is not finite
        mask = better.unsqueeze(-1)
        problem.states = torch.where(mask, states, problem.states)
        problem.actions = torch.where(mask, actions, problem.actions)
        problem.ascend(torch.where(better, violation_after, violation), config.allowed, config.multiplier_rate)
        self._damping = torch.where(better, self._damping / 3.0, self._damping * 4.0).clamp(*DAMPING)

    def _heal(self, cost: Tensor) -> None:
        """Puts the best plan where a restart's rollout or its variables are not finite."""
        run, problem = self.run, self.problem
        failed = torch.isinf(cost) | ~(torch.isfinite(problem.states).all(-1).all(0))
        problem.replace(run.best_states.unsqueeze(2), run.best_actions.unsqueeze(2), failed)
        for adam in self._adams:
            adam.forget(failed.unsqueeze(-1))


@PLANNERS.register("latco")
class Latco(RefiningPlanner):
    """Planning by LatCo; see the module's docstring and AnytimePlanner."""

    name = "latco"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: LatcoConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config: LatcoConfig = config or LatcoConfig()
        super().__init__(model, metric, self.config, clock)

    def _begin_search(self, run: Run, actions: Tensor, evaluation: Evaluation) -> Search:
        return _Search(run, self.config, actions, evaluation)

    def _memory(self, problems: int) -> int:
        config, model = self.config, self.objective.model
        held = 8 * config.restarts
        if config.optimiser == "gauss-newton":  # some four dense blocks a step in double precision
            held += 8 * config.restarts * (model.latent_dim + model.action_dim)
        return self._bytes(problems, held, config.restarts)
