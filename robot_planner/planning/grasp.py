# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""GRASP: gradient planning with lifted states through a learned world model, anytime and batched.

Psenka, Rabbat, Krishnapriyan, LeCun, Bar: arXiv 2602.00475. `docs/grasp.md` says what differs from the paper and why.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError
from robot_planner.planning.cem import CemConfig
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.lifted import Lifted, begun_on, straight_line
from robot_planner.planning.mppi import MppiConfig
from robot_planner.planning.noise import NoiseTable
from robot_planner.planning.objective import Evaluation, Objective, Task, cheaper
from robot_planner.planning.parameters import parameter
from robot_planner.planning.path_search import PathSearch, PathSearchConfig
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.population import PopulationConfig, PopulationSync
from robot_planner.planning.recorded import Recorded
from robot_planner.planning.refining import RefiningConfig, RefiningPlanner, Search
from robot_planner.planning.run import Run
from robot_planner.planning.sync import CemSync, GradientSync, SmoothedSync, Sync

GROWTH, SHRINKAGE = 1.5, 0.5
"""What becomes of a restart's action rate after a phase that made it better, or not."""
FOLLOWED = 16
"""Of the paths searched, so many of the best are rolled out."""


@dataclass(frozen=True)
class GraspConfig(RefiningConfig):
    """Parameters of GRASP. Rates and noise are relative: to half an action's range, to the latents' way to the goal."""

    initial_states: str = parameter(
        "rollout",
        "lifted states begin on the straight line and always end at the goal, or begin and end as the rollout does",
        choices=("line", "rollout"),
    )
    goal_weight: float = parameter(1.0, "weight of the dense goal term, gamma", 0.0, 1e3)
    action_rate: float = parameter(0.3, "Adam's rate of the actions, in half ranges", 0.0, 1.0)
    state_rate: float = parameter(0.5, "fraction of its residual that a lifted state moves an iteration", 0.0, 1.0)
    noise: float = parameter(0.03, "deviation of the states' noise, in latent scales", 0.0, 10.0)
    decay: float = parameter(0.1, "rate and noise at a phase's end, as a fraction of its begin; 1: constant", 0.0, 1.0)
    sync: str = parameter(
        "gradient",
        "how actions are improved on the rollout; smoothed and population: for worlds of contact",
        choices=("gradient", "smoothed", "cem", "population", "none"),
    )
    sync_every: int = parameter(5, "lifted iterations of a phase: between two syncs", 1, 1_000_000)
    evaluate_every: int = parameter(0, "lifted iterations between rollouts within a phase; 0: none", 0, 1_000_000)
    sync_steps: int = parameter(1, "steps of one sync", 1, 1000)
    sync_rate: float = parameter(
        0.1, "first step of the gradient sync; deviation of the others' samples, in half ranges", 1e-6, 1.0
    )
    sync_samples: int = parameter(64, "samples of a sync by samples, for each restart", 2, 1_000_000)
    sync_temperature: float = parameter(0.01, "of the smoothed sync, in objectives of staying at the start", 1e-9, 1e6)
    sync_elites: int = parameter(8, "elites of the CEM sync", 1, 1_000_000)
    sync_secants: int = parameter(
        4, "Gauss-Newton steps of the population sync, for each restart, at as many dampings", 0, 64
    )
    paths: int = parameter(0, "lifted paths drawn in a generation of their search; 0: paths are not searched", 0, 65536)
    path_generations: int = parameter(8, "generations of the path search at most", 1, 1000)
    path_attempts: int = parameter(3, "path searches at most while tolerance is not reached, each anew", 1, 1000)
    path_waves: int = parameter(4, "sine waves that bend a path", 1, 64)
    path_spread: float = parameter(1.0, "deviation of a path's slowest wave, in latent scales", 0.0, 10.0)
    path_transitions: int = parameter(13, "transitions of a path that the search looks at, about", 1, 1000)
    path_caution: float = parameter(
        3.0, "score of a path's states with twice the uncertainty threshold, in steps missed whole", 0.0, 1e3
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sync == "cem" and self.sync_elites > self.sync_samples:
            raise InvalidInputError(
                f"sync_elites = {self.sync_elites}: must be at most sync_samples ({self.sync_samples})"
            )

    @property
    def preparing(self) -> int:
        """See AnytimeConfig: two phases."""
        return min(self.iterations, 2 * self.sync_every)

    def iterate(self, lifted: Lifted, position: int, rate: Tensor, noise: Tensor | None) -> None:
        """The iteration at a position of a phase; ``rate`` (P, R, A): the phase's, ``noise`` (T-1, P, R, D): normal."""
        decay = 1.0 - (1.0 - self.decay) * position / self.sync_every
        lifted.iterate(rate, decay, self.state_rate, noise, self.noise * decay)

    def path_search(self) -> PathSearchConfig:
        """The path search's parameters."""
        return PathSearchConfig(self.paths, self.path_waves, self.path_spread, self.path_transitions, self.path_caution)

    def smoothing(self) -> MppiConfig:
        """The smoothed sync's parameters."""
        return MppiConfig(
            horizon=self.horizon,
            samples=self.sync_samples,
            temperature=self.sync_temperature,
            initial_spread=self.sync_rate,
        )

    def population(self) -> PopulationConfig:
        """The population sync's parameters."""
        return PopulationConfig(self.sync_samples, self.sync_rate, self.sync_secants)

    def sync_config(self) -> CemConfig:
        """The CEM sync's parameters."""
        return CemConfig(
            horizon=self.horizon, samples=self.sync_samples, elites=self.sync_elites, initial_spread=self.sync_rate
        )


class LiftedPhase:
    """All iterations between two syncs as one piece of work, from where a sync has put states and actions."""

    def __init__(self, objective: Objective, config: GraspConfig, lifted_type: type[Lifted]) -> None:
        self._objective, self._config, self._lifted_type = objective, config, lifted_type

    def __call__(
        self,
        starts: Tensor,
        goals: Tensor,
        reference: Tensor,
        weights: Tensor,
        states: Tensor,
        actions: Tensor,
        rate: Tensor,
        *noise: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """A task, states (T+1, P, R, D), actions (T, P, R, A), their rate, noises -> states and actions after it."""
        config, task = self._config, Task(starts, goals, reference, weights)
        ends_at_goal = config.initial_states == "line"
        lifted = self._lifted_type(self._objective, task, states, actions, config.goal_weight, ends_at_goal)
        for position in range(config.sync_every):
            config.iterate(lifted, position, rate, noise[position] if noise else None)
        return lifted.states, lifted.actions


class GraspSearch:
    """One call's lifted problem, noise and sync."""

    lifted_type: ClassVar[type[Lifted]] = Lifted
    """What an iteration descends; ablations put others in its place."""

    def __init__(
        self,
        run: Run,
        config: GraspConfig,
        actions: Tensor,
        evaluation: Evaluation,
        path: Tensor | None = None,
        phase: Recorded | None = None,
    ) -> None:
        """``path`` (T+1, P, 1, D): what the states begin on, a warm start's aside; None: on the rollouts.

        ``phase``: `LiftedPhase`, where it is recorded; None: iterations are done one by one.
        """
        self.run, self.config, self._phase = run, config, phase
        self.unseen = False
        """Whether the actions have changed since they were rolled out."""
        self._more = 0
        """Steps of a sync that goes on which are still to be made."""
        objective, restarts = run.objective, actions.shape[2]
        states = evaluation.states if path is None else begun_on(path, actions, run.warm)
        ends_at_goal = config.initial_states == "line"
        self.lifted = self.lifted_type(objective, run.task, states, actions, config.goal_weight, ends_at_goal)
        self._heal(evaluation)
        self._kept, self._kept_actions = evaluation, actions
        self._top_rate = objective.half_range
        self._rate = (config.action_rate * objective.half_range).expand(*evaluation.cost.shape, -1)
        shape = (config.horizon - 1, restarts, objective.model.latent_dim)
        noisy = config.noise > 0.0 and config.horizon > 1
        self._noise = NoiseTable(run.generators("states"), shape, objective.device, objective.dtype) if noisy else None
        self._sync: Sync | None = None
        if config.sync == "gradient":
            self._sync = GradientSync(torch.full_like(evaluation.cost, config.sync_rate))
        elif config.sync == "smoothed":
            self._sync = SmoothedSync(run, restarts, config.smoothing())
        elif config.sync == "cem":
            self._sync = CemSync(run, restarts, config.sync_config())
        elif config.sync == "population":
            self._sync = PopulationSync(run, config.population(), actions, evaluation)

    def iterate(self) -> None:
        """One lifted iteration; where phases are recorded, all of a phase."""
        run, config = self.run, self.config
        position = run.iterations % config.sync_every
        begins = position == 0 and run.iterations + config.sync_every <= config.iterations
        if begins and self._phase is not None and self._phase.records(len(run.task.starts)):
            noises = [] if self._noise is None else [self._noise.draw() for _ in range(config.sync_every)]
            held = (self.lifted.states, self.lifted.actions, self._rate)
            self.lifted.restart(*self._phase(*run.task, *held, *noises))
            run.iterations += config.sync_every
        else:
            noise = None if self._noise is None else self._noise.draw()
            config.iterate(self.lifted, position, self._rate, noise)
            run.iterations += 1
        self.unseen = True

    @property
    def goes_on(self) -> bool:
        """See Search."""
        return self._more > 0

    def look(self) -> bool:
        """Synchronises at a phase's end, and rolls out where it is time; whether it did."""
        if self.goes_on or self.run.iterations % self.config.sync_every == 0:
            self.synchronise()
            return True
        if self.config.evaluate_every and self.run.iterations % self.config.evaluate_every == 0:
            self.evaluate()
            return True
        return False

    def synchronise(self) -> None:
        """Rolls out, improves by the sync, and puts the lifted states on the rollout."""
        run = self.run
        if self._sync is None:
            self.evaluate()
        else:
            steps, actions = self.config.sync_steps, self.lifted.actions.clone()
            if self._sync.lasts:
                # a step a look, so that problems that are solved leave; after the first one it knows the actions
                if self.goes_on:
                    actions = actions[:, :, :0]
                self._more, steps = (self._more or steps) - 1, 1
            actions, evaluation = self._sync.improve(run, actions, steps)
            if self._sync.descends:
                actions, evaluation = self.accept(actions, evaluation)
            self.lifted.restart(evaluation.states, actions)
            self._heal(evaluation)
            self.unseen = False
        run.milestone()

    def evaluate(self) -> None:
        """Rolls out the current actions; restarts that are finite go on as they were."""
        run, actions = self.run, self.lifted.actions.clone()
        run.budget.begin()
        evaluation = run.evaluate(actions)
        run.budget.took("evaluation")
        self._heal(evaluation)
        self.unseen = False

    def accept(self, actions: Tensor, evaluation: Evaluation) -> tuple[Tensor, Evaluation]:
        """Restarts that a phase has made worse go back to where it began, and on at half their rate."""
        self._kept_actions, self._kept, better = cheaper(self._kept_actions, self._kept, actions, evaluation)
        self._rate = torch.where(
            better.unsqueeze(-1), (self._rate * GROWTH).minimum(self._top_rate), self._rate * SHRINKAGE
        )
        return self._kept_actions, self._kept

    @property
    def actions(self) -> Tensor:
        """See Search."""
        return self.lifted.actions

    def keep(self, problems: list[int]) -> None:
        """Drops all problems but these."""
        self._rate, self._kept_actions = self._rate[problems], self._kept_actions[:, problems]
        self._kept = Evaluation(self._kept.cost[problems], self._kept.states[:, problems])
        self.lifted = self.lifted.keep(problems, self.run.task)
        for part in (self._noise, self._sync):
            if part is not None:
                part.keep(problems)

    def _heal(self, evaluation: Evaluation) -> None:
        """Restarts whose rollout is not finite go on from the best plan."""
        run = self.run
        failed = torch.isinf(evaluation.cost)
        self.lifted.replace(run.best_states.unsqueeze(2), run.best_actions.unsqueeze(2), failed)


@PLANNERS.register("grasp")
class Grasp(RefiningPlanner):
    """Planning by GRASP; see the module's docstring and AnytimePlanner."""

    name = "grasp"
    guesses: ClassVar[dict[str, float]] = {"evaluation": 1.0, "sync": 3.0, "more": 2.0}
    search_type: ClassVar[type[GraspSearch]] = GraspSearch
    path_search_type: ClassVar[type[PathSearch]] = PathSearch

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: GraspConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config: GraspConfig = config or GraspConfig()
        super().__init__(model, metric, self.config, clock)
        config, objective = self.config, self.objective
        # a sync begins phases anew, the optimiser's moments included; without one they are no pieces
        apart = config.sync != "none" and not config.evaluate_every
        work = LiftedPhase(objective, config, self.search_type.lifted_type)
        self._phase = Recorded(work, objective.device, config.recorded(objective.device) if apart else 0)

    def _more_candidates(self, run: Run, attempt: int) -> Tensor | None:
        """Actions that follow the best of the paths searched; see PathSearch."""
        config, budget = self.config, run.budget
        attempts = config.path_attempts if config.tolerance > 0.0 else 1
        if not config.paths or attempt >= attempts or not budget.fits("paths", "more"):
            return None
        search = self.path_search_type(run, config.path_search(), attempt)
        for _ in range(config.path_generations):
            search.improve()
            budget.took("paths")
            if search.found() or not budget.fits("paths", "more"):
                break
        return search.actions(FOLLOWED)

    def _begin_search(self, run: Run, actions: Tensor, evaluation: Evaluation) -> Search:
        return self.search_type(run, self.config, actions, evaluation, self._initial_path(run), self._phase)

    def _initial_path(self, run: Run) -> Tensor | None:
        """States (T+1, P, 1, D) from start to goal on which the lifted states begin; None: on the rollouts."""
        return straight_line(run.task, self.config.horizon) if self.config.initial_states == "line" else None

    def _memory(self, problems: int) -> int:
        config = self.config
        lifted = 6 * config.restarts
        sampled = max(
            4 * config.restarts,
            (config.sync_samples + config.sync_secants) * config.restarts * (config.sync not in ("gradient", "none")),
            config.paths,
        )
        return self._bytes(problems, lifted, sampled)
