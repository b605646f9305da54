# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""pytorch-mppi's MPPI behind our protocol: its sampling, weights and cost of the controls; extra ``peers``."""

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation.outside_planners import EndedError, OutsideConfig, OutsidePlanner
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.objective import Evaluation
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.run import Run
from robot_planner.types import StopReason

PACKAGE = "pytorch_mppi"


@dataclass(frozen=True)
class PytorchMppiConfig(OutsideConfig):
    """Parameters of pytorch-mppi."""

    temperature: float = parameter(0.01, "lambda, in the objective of staying at the start", 1e-9, 1e6)


@PLANNERS.register("pytorch-mppi")
class PytorchMppi(OutsidePlanner):
    """MPPI of the package pytorch-mppi: its sampling, weights and cost of the controls."""

    name = "pytorch-mppi"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: PytorchMppiConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises EnvironmentSetupError where the package is not installed."""
        self.config: PytorchMppiConfig = config or PytorchMppiConfig()
        if importlib.util.find_spec(PACKAGE) is None:
            raise EnvironmentSetupError("this needs pytorch-mppi: pip install 'robot_planner[peers]'")
        super().__init__(model, metric, self.config, clock)

    def _solve(self, run: Run, nominal: Tensor, seed: int) -> None:
        from pytorch_mppi import MPPI

        objective, config = self.objective, self.config
        one = torch.ones_like(objective.low)
        uncertainties: list[Tensor] = []

        def step(latents: Tensor, units: Tensor) -> Tensor:
            actions = self.middle + units * objective.half_range
            if config.uncertainty_weight == 0.0:
                return objective.model.step(latents, actions)
            latents, uncertainty = objective.model.step_with_uncertainty(latents, actions)
            uncertainties.append(uncertainty)
            return latents

        def cost(states: Tensor, units: Tensor) -> Tensor:
            actions = self.admissible(units[0])
            path = (
                torch.cat([run.task.starts.expand(states.shape[1], 1, -1), states[0]], 1).transpose(0, 1).unsqueeze(1)
            )
            spread = torch.stack(uncertainties).unsqueeze(1) if uncertainties else None
            uncertainties.clear()
            total = objective.cost_of_path(run.task, path, actions, spread)
            total = torch.nan_to_num(total, nan=torch.inf, posinf=torch.inf, neginf=torch.inf)
            self.end_iteration(run, Evaluation(total, path), actions)
            return (total / (run.task.reference * objective.total_weight).clamp_min(1e-12))[0]

        with torch.no_grad():
            search = MPPI(
                step,
                lambda latents, actions: torch.zeros_like(latents[:, 0]),
                len(run.task.starts[0]),
                torch.diag(config.spread**2 * one).clamp_min(torch.finfo(one.dtype).tiny),
                num_samples=config.samples,
                horizon=config.horizon,
                terminal_state_cost=cost,
                lambda_=config.temperature,
                u_min=-one,
                u_max=one,
                U_init=nominal.clone(),
            )
            reason = StopReason.ITERATIONS
            for _ in range(config.iterations):
                if run.iterations and not run.budget.fits("iteration", "mean"):
                    reason = StopReason.DEADLINE
                    break
                search.command(run.task.starts[0], shift_nominal_trajectory=False)
            if run.budget.fits("mean"):  # what MPPI would hand out
                actions = self.admissible(search.U.unsqueeze(0))
                run.evaluate(actions)
                run.budget.took("mean")
            raise EndedError(reason)
