# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""One call of an anytime planner: the problems still open, the best plan by true rollout cost of each, when to stop."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.planning.budget import Budget
from robot_planner.planning.noise import generator
from robot_planner.planning.objective import Evaluation, Objective, ObjectiveConfig
from robot_planner.planning.parameters import parameter
from robot_planner.types import Plan, Problem, StopReason


@dataclass(frozen=True)
class AnytimeConfig(ObjectiveConfig):
    """When to stop, and the seed; with the objective's parameters."""

    iterations: int = parameter(200, "iterations at most", 1, 1_000_000)
    tolerance: float = parameter(
        0.0, "distance to the goal at the arrival that is near enough, in the metric's unit; 0: never", 0.0, 1e6
    )
    keep_arrival: bool = parameter(
        True, "with a tolerance, a plan is to arrive when the last one has promised to, and not at its own end"
    )
    patience: int = parameter(
        0, "milestones without improvement after which the cost has stalled; 0: never", 0, 100_000
    )
    improvement: float = parameter(0.01, "fraction of the best cost that counts as an improvement", 0.0, 1.0)
    seed: int = parameter(
        0, "seed of all noise; the same problems in the same order since a reset have the same plans", 0, 2**31 - 1
    )
    max_memory: int = parameter(
        4096, "memory that one call may need; more is refused before it is taken [MiB]", 1, 2**20
    )

    @property
    def preparing(self) -> int:
        """Iterations in which all kinds of work come up."""
        return min(self.iterations, 20)


class Run:
    """One call: the problems still open, and the best rollout of each. Tensors hold the open problems, in order."""

    def __init__(
        self,
        objective: Objective,
        problems: Sequence[Problem],
        config: AnytimeConfig,
        budget: Budget,
        arrival: int | None = None,
    ) -> None:
        """``arrival``: the step at which plans are to be at the goal; None: their last."""
        self.objective, self.config, self.budget = objective, config, budget
        self.problems = list(problems)
        self.arrival = config.horizon if arrival is None else arrival
        self.task = objective.task(*_stacked(self.problems, objective), self.arrival)
        self.round = 0
        """Plans made since the last reset: a robot that stands still tries other candidates at each replan."""
        self.warm: tuple[Tensor, Tensor] | None = None
        """Actions (T, A) and states (T+1, D) to begin from."""
        self.others: Tensor | None = None
        """Actions (T, K, A) of further plans to begin from; at the end, those that the search leaves to the next."""
        self.iterations = 0
        self.best_cost = torch.full((len(problems),), torch.inf, device=objective.device, dtype=objective.dtype)
        self.best_actions = self.best_states = torch.empty(0)
        self._open = list(range(len(problems)))
        self._reference = self.best_cost
        self._stalled = torch.zeros_like(self.best_cost)
        self._failed = torch.zeros_like(self.best_cost, dtype=torch.bool)
        self._histories: list[tuple[list[int], list[Tensor]]] = []
        """Best costs (P,) after each record, in stretches with the same open problems, and which these are."""
        self._plans: list[Plan | None] = [None] * len(problems)

    def generators(self, purpose: str) -> list[torch.Generator]:
        """One generator for each open problem."""
        purpose = f"{purpose}/{self.round}" if self.round else purpose
        return [generator(self.problems[i], self.config.seed, purpose, self.objective.device) for i in self._open]

    def evaluate(self, actions: Tensor) -> Evaluation:
        """Rolls out actions (T, P, R, A) of the open problems, and takes note."""
        evaluation = self.objective.evaluate(self.task, actions)
        self.record(evaluation, actions)
        return evaluation

    def record(self, evaluation: Evaluation, actions: Tensor) -> None:
        """Takes note of rollouts of actions (T, P, R, A)."""
        cost, index = evaluation.cost.min(1)
        self._failed = torch.isinf(cost)
        problem = torch.arange(len(index), device=index.device)
        candidate, states = actions[:, problem, index], evaluation.states[:, problem, index]
        if not self._histories:
            failed = self._failed.tolist()
            if any(failed):
                which = f" of problem {failed.index(True)}" if len(failed) > 1 else ""
                raise ModelError(
                    f"the world model or the goal metric returned NaN or infinity for every first candidate{which}"
                )
            self.best_actions, self.best_states, self._reference = candidate, states, cost
        better = cost < self.best_cost
        self.best_cost = torch.where(better, cost, self.best_cost)
        self.best_actions = torch.where(better.unsqueeze(1), candidate, self.best_actions)
        self.best_states = torch.where(better.unsqueeze(1), states, self.best_states)
        if not self._histories or self._histories[-1][0] is not self._open:
            self._histories.append((self._open, []))
        self._histories[-1][1].append(self.best_cost)

    def milestone(self) -> None:
        """Takes note of whether costs still fall."""
        fell = self.best_cost < self._reference - self.config.improvement * self._reference.abs()
        self._stalled = torch.where(fell, 0.0, self._stalled + 1.0)
        self._reference = torch.where(fell, self.best_cost, self._reference)

    def settle(self) -> list[int] | None:
        """Closes problems that are solved, stalled or failed; returns the positions of the others, None for 'all'."""
        config = self.config
        done = self._failed
        if config.tolerance > 0.0:
            with torch.no_grad():
                distance = self.objective.metric.distance(self.best_states[self.arrival], self.task.goals.squeeze(1))
            done = done | (distance <= config.tolerance)
        if config.patience > 0:
            done = done | (self._stalled >= config.patience)
        flags = done.tolist()  # without a deadline the one value that refinement reads back between two evaluations
        if not any(flags):
            return None
        failed = self._failed.tolist()
        closed = [position for position, flag in enumerate(flags) if flag]
        self._close(closed, [StopReason.NOT_FINITE if failed[at] else StopReason.CONVERGED for at in closed])
        kept = [position for position, flag in enumerate(flags) if not flag]
        self._open = [self._open[position] for position in kept]
        self.task = type(self.task)(*(part[kept] for part in self.task))
        self.best_cost, self._reference = self.best_cost[kept], self._reference[kept]
        self._stalled, self._failed = self._stalled[kept], self._failed[kept]
        self.best_actions, self.best_states = self.best_actions[:, kept], self.best_states[:, kept]
        return kept

    def plans(self, reason: StopReason) -> list[Plan]:
        """Closes what is still open, and hands out all plans."""
        self._close(list(range(len(self._open))), [reason] * len(self._open))
        self._open = []
        return [plan for plan in self._plans if plan is not None]

    def _close(self, positions: list[int], reasons: Sequence[StopReason]) -> None:
        if not positions:
            return
        # all that is read back from the device at once
        actions, states = self.best_actions[:, positions], self.best_states[:, positions]
        uncertainties = self.objective.uncertainty(states, actions).tolist()
        numbers = [self._open[position] for position in positions]
        costs = torch.cat([_columns(costs, among, numbers) for among, costs in self._histories]).T.tolist()
        actions, states = actions.float().cpu(), states.float().cpu()
        for place, (number, reason) in enumerate(zip(numbers, reasons, strict=True)):
            self._plans[number] = Plan(
                actions=actions[:, place].contiguous().numpy(),
                states=states[:, place].contiguous().numpy(),
                cost=costs[place][-1],
                iterations=self.iterations,
                seconds=self.budget.seconds,
                stop_reason=reason,
                stamp=self.problems[number].stamp,
                lead=self.problems[number].lead,
                step_seconds=self.objective.model.step_seconds,
                uncertainty=uncertainties[place],
                cost_history=tuple(costs[place]),
            )


def _columns(costs: list[Tensor], among: Sequence[int], numbers: Sequence[int]) -> Tensor:
    """Costs (H, N) of problems of these numbers, from costs (P,) of problems among which they are."""
    place = {number: at for at, number in enumerate(among)}
    return torch.stack(costs)[:, [place[number] for number in numbers]]


def _stacked(problems: Sequence[Problem], objective: Objective) -> tuple[Tensor, Tensor]:
    """Starts and goals (P, D), checked."""
    dim = objective.model.latent_dim
    for number, problem in enumerate(problems):
        for what, latent in (("start", problem.start), ("goal", problem.goal)):
            if latent.shape != (dim,):
                raise InvalidInputError(
                    f"problem {number}: {what} has shape {latent.shape}; the model's latents have ({dim},)"
                )
    starts, goals = (
        torch.stack([torch.as_tensor(getattr(problem, what)) for problem in problems]).to(objective.low)
        for what in ("start", "goal")
    )
    for what, latents in (("start", starts), ("goal", goals)):
        finite = torch.isfinite(latents).all(1).tolist()
        if not all(finite):
            raise InvalidInputError(f"problem {finite.index(False)}: {what} holds NaN or infinity")
    return starts, goals
