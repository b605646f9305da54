# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""stable-worldmodel's solvers behind our protocol.

They need the extra ``peers``, and: pip install --no-deps stable-worldmodel==0.1.1. (With its dependencies it asks for
torchvision and more, which its solvers do without.) Not adapted: its Lagrangian solver, whose multipliers are for
constraints that our objective does not have.
"""

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.evaluation.outside_planners import OutsideConfig, OutsidePlanner
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.run import Run

PACKAGE = "stable_worldmodel"


def solvers() -> ModuleType:
    """stable_worldmodel.solver, without the package's own __init__, which imports torchvision."""
    name = PACKAGE
    if name not in sys.modules:
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise EnvironmentSetupError(
                f"this needs {name}: pip install --no-deps stable-worldmodel==0.1.1, and the extra 'peers'"
            )
        sys.modules[name] = importlib.util.module_from_spec(spec)  # knows where it is, and is never run
    return importlib.import_module(f"{name}.solver")


@dataclass(frozen=True)
class SwmConfig(OutsideConfig):
    """Parameters of stable-worldmodel's solvers; each takes those that it knows."""

    solver: str = parameter(
        "cem", "which of its solvers", choices=("cem", "icem", "mppi", "gradient", "predictive-sampling")
    )
    elites: int = parameter(30, "best samples that count: cem, icem, mppi", 1, 1_000_000)
    exponent: float = parameter(2.0, "exponent of the noise's spectrum: icem", 0.0, 10.0)
    temperature: float = parameter(0.5, "of mppi, in the objective of staying at the start", 1e-9, 1e6)
    rate: float = parameter(0.1, "Adam's rate, in half ranges: gradient", 0.0, 10.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.solver in ("cem", "icem", "mppi") and self.elites > self.samples:
            raise InvalidInputError(f"elites = {self.elites}: must be at most samples ({self.samples})")

    def solver_arguments(self) -> tuple[str, dict[str, Any]]:
        """Class name and arguments of the solver."""
        shared: dict[str, Any] = {"num_samples": self.samples, "n_steps": self.iterations}
        best: dict[str, Any] = {**shared, "var_scale": self.spread, "topk": self.elites}
        adam = {"optimizer_cls": torch.optim.Adam, "optimizer_kwargs": {"lr": self.rate}}
        return {
            "cem": ("CEMSolver", best),
            "icem": ("ICEMSolver", {**best, "noise_beta": self.exponent}),
            "mppi": ("MPPISolver", {**best, "temperature": self.temperature}),
            "gradient": ("GradientSolver", {**shared, "var_scale": self.spread, **adam}),
            "predictive-sampling": (
                "PredictiveSamplingSolver",
                {"num_samples": self.samples, "noise_scale": self.spread},
            ),
        }[self.solver]


@PLANNERS.register("stable-worldmodel")
class StableWorldmodel(OutsidePlanner):
    """stable-worldmodel's solvers."""

    name = "stable-worldmodel"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: SwmConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises EnvironmentSetupError where the package is not installed."""
        self.config: SwmConfig = config or SwmConfig()
        self._solvers = solvers()
        super().__init__(model, metric, self.config, clock)

    def _solve(self, run: Run, nominal: Tensor, seed: int) -> None:
        from gymnasium.spaces import Box

        kind, arguments = self.config.solver_arguments()
        costs = SimpleNamespace(get_cost=lambda info, units: self._costs(run, units))
        solver = getattr(self._solvers, kind)(costs, seed=seed % 2**31, **arguments)
        box = Box(-1.0, 1.0, (1, nominal.shape[-1]), np.float32)
        plan = SimpleNamespace(horizon=len(nominal), receding_horizon=1, action_block=1, history_len=1, warm_start=True)
        solver.configure(action_space=box, n_envs=1, config=plan)
        # predictive sampling is one round of samples: it goes on from its best
        for _ in range(self.config.iterations if kind == "PredictiveSamplingSolver" else 1):
            found = solver.solve({"start": run.task.starts.float()}, nominal.float().unsqueeze(0))
            nominal = torch.as_tensor(found["actions"]).view(nominal.shape).to(nominal)
        self._costs(run, nominal.view(1, 1, *nominal.shape))

    def _costs(self, run: Run, units: Tensor) -> Tensor:
        """Costs (1, S) of actions (1, S, T, A), in objectives of staying at the start; with their gradient if asked."""
        self.begin_iteration(run)
        actions = self.admissible(units[0])
        staying = (run.task.reference * self.objective.total_weight).clamp_min(1e-12)
        if not units.requires_grad:
            evaluation = self.objective.evaluate(run.task, actions)
            self.end_iteration(run, evaluation, actions)
            return (evaluation.cost / staying).to(units.dtype)
        evaluation, gradient = self.objective.evaluate_with_gradient(run.task, actions)
        self.end_iteration(run, evaluation, actions)
        slope = (gradient * self.objective.half_range / staying).squeeze(1).transpose(0, 1).unsqueeze(0)
        change = ((units - units.detach()) * slope.to(units.dtype)).sum((2, 3))  # zero, with that gradient
        return (evaluation.cost / staying).to(units.dtype) + change
