# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What planners that improve some plans step by step share: first candidates, the best of which are refined."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from robot_planner.planning.anytime import AnytimePlanner
from robot_planner.planning.first_actions import first_actions
from robot_planner.planning.objective import Evaluation, screened
from robot_planner.planning.parameters import parameter
from robot_planner.planning.run import AnytimeConfig, Run
from robot_planner.types import Problem, StopReason


@dataclass(frozen=True)
class RefiningConfig(AnytimeConfig):
    """How many plans are refined, and from what."""

    restarts: int = parameter(4, "plans optimised side by side for one problem, R", 1, 4096)
    keep_restarts: bool = parameter(
        False, "the next plan begins from all restarts of the last one, and not from the best alone"
    )
    candidates: int = parameter(32, "first action sequences rolled out, of which the best R are kept", 1, 65536)
    initial_spread: float = parameter(0.5, "root mean square of random first actions, in half ranges", 0.0, 2.0)
    warm_spread: float = parameter(0.2, "as initial_spread, about the warm start", 0.0, 2.0)


class Search(Protocol):
    """The refinement of one call."""

    unseen: bool
    """Whether the actions have changed since they were rolled out."""

    @property
    def actions(self) -> Tensor:
        """(T, P, R, A): the plans that are refined, as good as they are by now."""
        ...

    @property
    def goes_on(self) -> bool:
        """Whether the next look goes on with the last one's work, without an iteration between them."""
        ...

    def iterate(self) -> None:
        """One iteration."""
        ...

    def look(self) -> bool:
        """Rolls out what is to be seen after an iteration; whether it did."""
        ...

    def evaluate(self) -> None:
        """Rolls out the current actions."""
        ...

    def keep(self, problems: list[int]) -> None:
        """Drops all problems but these."""
        ...


class RefiningPlanner(AnytimePlanner):
    """AnytimePlanner whose search refines the best of some first candidates; derived classes name it."""

    config: RefiningConfig
    guesses: ClassVar[dict[str, float]] = {"evaluation": 1.0}
    """How long work takes that was never timed, as a multiple of the first candidates' rollout."""

    def prepare(self, problem: Problem) -> None:
        """See Planner; the restarts alone are rolled out, too, as only plans need it that are cut short."""
        super().prepare(problem)
        config, objective = self.config, self.objective
        task = self._begin([problem], None).task
        objective.evaluate(task, objective.neutral.expand(config.horizon, 1, config.restarts, -1))

    def _search(self, run: Run) -> StopReason:
        reason, search = self._refined(run)
        if self.config.keep_restarts and search is not None and len(run.problems) == 1:
            run.others = search.actions[:, 0]
        return reason

    def _refined(self, run: Run) -> tuple[StopReason, Search | None]:
        """See ``_search``; the search as well, if there was time for one."""
        config, budget = self.config, run.budget
        actions = first_actions(run, max(config.candidates, config.restarts), config.initial_spread, config.warm_spread)
        evaluation = run.evaluate(actions)
        budget.took("first")
        for kind, times in self.guesses.items():
            budget.assume(kind, "first", times)
        kept = run.settle()
        if kept == []:
            return StopReason.CONVERGED, None
        actions, evaluation = screened(actions, evaluation, config.restarts, kept)
        attempt = 0
        while (more := self._more_candidates(run, attempt)) is not None:
            found = run.evaluate(more)
            budget.took("more")
            kept = run.settle()
            if kept == []:
                return StopReason.CONVERGED, None
            cost = torch.cat([evaluation.cost, found.cost], dim=1)
            states = torch.cat([evaluation.states, found.states], dim=2)
            everything = torch.cat([actions, more], dim=2)
            actions, evaluation = screened(everything, Evaluation(cost, states), config.restarts, kept)
            attempt += 1
        search: Search | None = None  # where no iteration fits it need not be set up
        while run.iterations < config.iterations or (search is not None and search.goes_on):
            going_on = search is not None and search.goes_on
            needs = ("sync",) if going_on else (*(() if search else ("set-up",)), "iteration", "evaluation")
            if not budget.fits(*needs):
                if search is not None and search.unseen and budget.fits("evaluation"):
                    search.evaluate()
                return StopReason.DEADLINE, search
            if search is None:
                search = self._begin_search(run, actions, evaluation)
                budget.took("set-up")
            if not going_on:
                search.iterate()
                budget.took("iteration")
            if not search.look():
                continue
            kept = run.settle()
            if kept == []:
                return StopReason.CONVERGED, search
            if kept is not None:
                search.keep(kept)
        if search is not None and search.unseen:
            search.evaluate()
        return StopReason.ITERATIONS, search

    def _more_candidates(self, run: Run, attempt: int) -> Tensor | None:
        """Candidates (T, P, C, A) for problems that are not solved yet, other ones in each attempt; None: no more."""
        return None

    def _begin_search(self, run: Run, actions: Tensor, evaluation: Evaluation) -> Search:
        """The refinement of actions (T, P, R, A), which were rolled out as ``evaluation`` says."""
        raise NotImplementedError

    def _bytes(self, problems: int, held: int, sampled: int) -> int:
        """About what is taken by ``held`` plans a problem, and by rolling out ``sampled`` or the first candidates."""
        config, model = self.config, self.objective.model
        plans = held + 4 * max(config.candidates, sampled)
        numbers = problems * plans * (config.horizon + 1) * (model.latent_dim + model.action_dim)
        return numbers * self.objective.low.element_size()
