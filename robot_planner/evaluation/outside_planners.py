# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planners of other packages behind our protocol, for comparison; what all adapters share.

They draw, weigh and fit by their own code; model, objective, deadline, warm start and the best plan so far are the ones
that our planners have. A solver that has no notion of a deadline is left by an exception out of its cost function.
"""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.planning.anytime import AnytimePlanner
from robot_planner.planning.objective import Evaluation
from robot_planner.planning.parameters import parameter
from robot_planner.planning.run import AnytimeConfig, Run
from robot_planner.types import Plan, Problem, StopReason


class EndedError(Exception):
    """The search ends here, for this reason."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class OutsideConfig(AnytimeConfig):
    """What all outside planners have in common."""

    iterations: int = parameter(30, "iterations at most", 1, 1_000_000)
    samples: int = parameter(300, "action sequences of an iteration", 1, 1_000_000)
    spread: float = parameter(0.5, "first standard deviation, in half ranges of the action", 0.0, 10.0)


class OutsidePlanner(AnytimePlanner):
    """AnytimePlanner whose search is another package's; problems are planned one after the other."""

    config: OutsideConfig

    def plan_batch(self, problems: Sequence[Problem], deadline: float | None = None) -> list[Plan]:
        """See Planner."""
        return [plan for problem in problems for plan in super(OutsidePlanner, self).plan_batch([problem], deadline)]

    def _search(self, run: Run) -> StopReason:
        objective, config = self.objective, self.config
        nominal = objective.neutral.expand(config.horizon, -1) if run.warm is None else run.warm[0]
        source = run.generators("samples")[0]
        try:
            actions = nominal.view(config.horizon, 1, 1, -1)
            run.evaluate(actions)
            if run.settle() is not None:
                return StopReason.CONVERGED
            with torch.random.fork_rng([]), contextlib.redirect_stdout(io.StringIO()):
                torch.manual_seed(source.initial_seed())
                self._solve(run, (nominal - self.middle) / objective.half_range, source.initial_seed())
        except EndedError as ended:
            return ended.reason
        return StopReason.ITERATIONS

    def _solve(self, run: Run, nominal: Tensor, seed: int) -> None:
        """Runs the other package's search from actions (T, A), in half ranges about the box's middle."""
        raise NotImplementedError

    @property
    def middle(self) -> Tensor:
        """(A,) of the action box."""
        return (self.objective.low + self.objective.high) / 2

    def admissible(self, units: Tensor) -> Tensor:
        """(S, T, A) in half ranges -> admissible actions (T, 1, S, A)."""
        objective = self.objective
        actions = self.middle + units.detach().to(objective.low) * objective.half_range
        return actions.clamp(objective.low, objective.high).transpose(0, 1).unsqueeze(1)

    def begin_iteration(self, run: Run) -> None:
        """Ends the search if there is no time for another one."""
        if run.iterations and not run.budget.fits("iteration"):
            raise EndedError(StopReason.DEADLINE)

    def end_iteration(self, run: Run, evaluation: Evaluation, actions: Tensor) -> None:
        """Takes note of rollouts of actions (T, 1, S, A); ends the search if nothing is left to do."""
        run.iterations += 1
        run.record(evaluation, actions)
        run.milestone()
        run.budget.took("iteration")
        if run.settle() is not None:
            raise EndedError(StopReason.CONVERGED)

    def _memory(self, problems: int) -> int:
        width = 3 * self.objective.model.latent_dim + 4 * self.objective.model.action_dim
        return self.config.horizon * self.config.samples * width * self.objective.low.element_size()
