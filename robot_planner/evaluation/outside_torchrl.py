# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""torchrl's CEMPlanner and MPPIPlanner behind our protocol; extra ``peers``.

They step an environment, a TensorDict a step, and hand out no more than the first action of their mean. Here one step
of the environment is a whole rollout, and its action a whole sequence. Both draw each component on its own and rank
sums of rewards: the search is the same, the mean comes out whole, and an iteration pays for one TensorDict, not T.
(Batches of problems, which they take, are planned one after the other, as by all adapters.)

The reward is minus the objective, which has the discount in it. MPPI's advantage is the reward less the best
candidate's: no value function is there, and weights do not depend on a constant, but could all underflow without it.

Their search begins at zero with a deviation of one; it has no warm start, and its deviations only shrink. So the
environment's zero is the actions to begin from, its one the first deviation, and a call of some iterations is followed
by another that begins at the mean it handed out, until the budget ends. The environment's actions have no bounds, as in
torchrl's examples: the rollout clamps them. With bounds the planners would fit to clamped samples, and in the two rooms
solve about half as many problems.
"""

import functools
import importlib
import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.evaluation.outside_planners import EndedError, OutsideConfig, OutsidePlanner
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.run import Run
from robot_planner.types import StopReason

PACKAGE = "torchrl"


@dataclass(frozen=True)
class TorchrlConfig(OutsideConfig):
    """Parameters of torchrl's CEMPlanner."""

    spread: float = parameter(0.5, "first standard deviation, in half ranges of the action", 1e-6, 10.0)
    elites: int = parameter(30, "best samples that count", 2, 1_000_000)
    optim_steps: int = parameter(10, "iterations of a call; the next begins at the mean it handed out", 1, 1_000_000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.elites > self.samples:
            raise InvalidInputError(f"elites = {self.elites}: must be at most samples ({self.samples})")


@dataclass(frozen=True)
class TorchrlMppiConfig(TorchrlConfig):
    """Parameters of torchrl's MPPIPlanner."""

    temperature: float = parameter(0.01, "lambda, in the objective of staying at the start", 1e-9, 1e6)


class TorchrlPlanner(OutsidePlanner):
    """A planner of torchrl."""

    config: TorchrlConfig

    def __init__(
        self, model: WorldModel, metric: GoalMetric, config: TorchrlConfig, clock: Callable[[], float]
    ) -> None:
        """Raises EnvironmentSetupError where the package is not installed."""
        self.config = config
        if importlib.util.find_spec(PACKAGE) is None:
            raise EnvironmentSetupError("this needs torchrl: pip install 'robot_planner[peers]'")
        importlib.import_module(f"{PACKAGE}.modules.planners")  # takes seconds: not in the first plan's time
        super().__init__(model, metric, config, clock)

    def search(self, env: Any, **shared: Any) -> Any:  # noqa: ANN401 - torchrl may not be there
        """Torchrl's planner over an environment, with the arguments that both planners have."""
        raise NotImplementedError

    @torch.no_grad()
    def _solve(self, run: Run, nominal: Tensor, seed: int) -> None:
        from tensordict import TensorDict

        config = self.config
        for done in range(0, config.iterations, config.optim_steps):
            rollouts = _Rollouts(self, run, nominal)
            search = self.search(
                _environment(rollouts),
                planning_horizon=1,
                optim_steps=min(config.optim_steps, config.iterations - done),
                num_candidates=config.samples,
                top_k=config.elites,
            )
            mean = search(TensorDict({"latent": run.task.starts[0]}, []))["action"]
            nominal = rollouts.units(mean)
            if run.budget.fits("mean"):  # what the planner would hand out
                actions = self.admissible(nominal.unsqueeze(0))
                run.evaluate(actions)
                run.budget.took("mean")
                if run.settle() is not None:
                    raise EndedError(StopReason.CONVERGED)


@PLANNERS.register("torchrl-cem")
class TorchrlCem(TorchrlPlanner):
    """torchrl's CEMPlanner."""

    name = "torchrl-cem"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: TorchrlConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises EnvironmentSetupError where the package is not installed."""
        super().__init__(model, metric, config or TorchrlConfig(), clock)

    def search(self, env: Any, **shared: Any) -> Any:  # noqa: ANN401 - torchrl may not be there
        """See TorchrlPlanner."""
        from torchrl.modules.planners import CEMPlanner

        return CEMPlanner(env, **shared)


@PLANNERS.register("torchrl-mppi")
class TorchrlMppi(TorchrlPlanner):
    """torchrl's MPPIPlanner, which also fits the deviations."""

    name = "torchrl-mppi"
    config: TorchrlMppiConfig

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: TorchrlMppiConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises EnvironmentSetupError where the package is not installed."""
        super().__init__(model, metric, config or TorchrlMppiConfig(), clock)

    def search(self, env: Any, **shared: Any) -> Any:  # noqa: ANN401 - torchrl may not be there
        """See TorchrlPlanner."""
        from torchrl.modules.planners import MPPIPlanner

        # its temperature is a factor, ours a divisor
        return MPPIPlanner(env, _Advantage(), 1.0 / self.config.temperature, **shared)


class _Rollouts(nn.Module):
    """The environment's step: rolls out the whole sequence of actions that is one action of torchrl's."""

    def __init__(self, planner: TorchrlPlanner, run: Run, nominal: Tensor) -> None:
        super().__init__()
        self.planner, self.run = planner, run
        self.nominal = nominal
        """(T, A) in half ranges: the environment's zero."""
        self.staying = (run.task.reference * planner.objective.total_weight).clamp_min(1e-12)[0]

    def units(self, deviations: Tensor) -> Tensor:
        """(..., T A) in first standard deviations about the nominal -> (..., T, A) in half ranges."""
        return self.nominal + self.planner.config.spread * deviations.unflatten(-1, self.nominal.shape)

    def forward(self, tensordict: Any) -> Any:  # noqa: ANN401 - torchrl may not be there
        """Sets the last states (S, D) and rewards (S, 1) of actions (S, T A)."""
        planner, run = self.planner, self.run
        run.budget.begin()
        planner.begin_iteration(run)
        actions = planner.admissible(self.units(tensordict["action"]))
        evaluation = planner.objective.evaluate(run.task, actions)
        planner.end_iteration(run, evaluation, actions)
        tensordict.set("latent", evaluation.states[-1, 0])
        return tensordict.set("reward", -(evaluation.cost[0] / self.staying).unsqueeze(-1))


class _Advantage(nn.Module):
    """The reward over the best candidate's."""

    def forward(self, tensordict: Any) -> Any:  # noqa: ANN401 - torchrl may not be there
        """Sets the advantages (S, 1, 1)."""
        reward = tensordict["next", "reward"]
        return tensordict.set("advantage", reward - reward.amax(0))


def _environment(rollouts: _Rollouts) -> Any:  # noqa: ANN401 - torchrl may not be there
    """An environment of torchrl's with these rollouts for steps."""
    from torchrl.data import Composite, Unbounded

    nominal = rollouts.nominal
    kind: dict[str, Any] = {"device": nominal.device, "dtype": nominal.dtype}
    env = _environment_class()(rollouts, device=nominal.device)
    env.observation_spec = Composite(latent=Unbounded(rollouts.run.task.starts[0].shape, **kind))
    env.action_spec = Unbounded((nominal.numel(),), **kind)
    env.reward_spec = Unbounded((1,), **kind)
    return env


@functools.cache
def _environment_class() -> Any:  # noqa: ANN401 - torchrl may not be there
    from torchrl.envs.model_based import ModelBasedEnvBase

    class Environment(ModelBasedEnvBase):
        """Its model is all that it has: torchrl's planners begin where they are told to, without a reset."""

        def _reset(self, tensordict: Any, **_: Any) -> Any:  # noqa: ANN401
            raise NotImplementedError

    return Environment
