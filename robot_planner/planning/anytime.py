# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What all anytime planners share: input checks, warm start, the deadline, and the best plan by true rollout cost.

A planner derives from AnytimePlanner and writes ``_search``, which hands every rollout it makes to ``Run.record`` and
stops when ``Run.settle`` says that no problem is left, or ``Budget.fits`` that no time is.
"""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.noise import generator
from robot_planner.planning.objective import Evaluation, Objective, ObjectiveConfig
from robot_planner.planning.parameters import parameter
from robot_planner.planning.warm_start import shift_actions, shift_states, steps_since
from robot_planner.types import Plan, Problem, StopReason

NEARLY = 2.0
"""Tolerances within which a promise to arrive still counts: an error that small can be mended on the way."""
PUT_OFF = 2.0
"""What becomes of the time to the arrival when a plan has not kept it."""


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


class Budget:
    """The time until a deadline, and how long each kind of work takes as far as known."""

    def __init__(
        self,
        deadline: float | None,
        clock: Callable[[], float],
        known: dict[str, float],
        wait: Callable[[], None] | None = None,
    ) -> None:
        """``known``: durations [s] by kind; kept up to date, so that the next call begins with them.

        ``wait`` returns when work that was begun is done, where a device works on while Python goes ahead.
        """
        self._deadline, self._clock, self._known, self._wait = deadline, clock, known, wait
        for kind in known:  # what an interruption once made look slow is tried again in time
            known[kind] *= 0.8
        self._guessed: dict[str, float] = {}
        self._begun = self.started = clock()

    def fits(self, *kinds: str) -> bool:
        """Whether work of these kinds ends before the deadline; work never timed counts nothing. Begins the timing."""
        if self._deadline is None:
            return True
        self.begin()
        expected = sum(self._known.get(kind, self._guessed.get(kind, 0.0)) for kind in kinds)
        return self._begun + expected < self._deadline

    def begin(self) -> None:
        """The work to be timed begins."""
        if self._deadline is not None:
            self._begun = self._clock()

    def took(self, kind: str) -> None:
        """The work that was begun has ended; an interruption makes a kind look twice as slow at most."""
        if self._deadline is None:
            return
        if self._wait is not None:
            self._wait()
        now = self._clock()
        duration, self._begun = now - self._begun, now
        last = self._known.get(kind, duration)
        self._known[kind] = min(max(duration, 0.5 * (duration + last)), 2.0 * last)

    def assume(self, kind: str, like: str, times: float) -> None:
        """A guess at work never timed: so many times what another kind takes by now, and less from call to call.

        What a guess keeps from being done is never timed: one that is too high would keep it so for good.
        """
        if like in self._known:
            self._guessed[kind] = times * self._known[like] * self._known.setdefault(f"guess at {kind}", 1.0)

    @property
    def seconds(self) -> float:
        """Time since the call began [s]."""
        return self._clock() - self.started


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
        flags = done.tolist()  # read back: without a deadline nothing else is, between two evaluations
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


class AnytimePlanner:
    """The Planner protocol over a search that derived classes write."""

    name: str
    config: AnytimeConfig

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: AnytimeConfig,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.objective = Objective(model, metric, config)
        self.config, self._clock = config, clock
        self._last: Plan | None = None
        self._others: Tensor | None = None
        self._arrival = 0
        """Of the last plan, in its steps."""
        self._round = 0
        self._durations: dict[int, dict[str, float]] = {}

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner."""
        warm, steps = self._shifted(problem), self._steps_since_last(problem)
        run = self._begin([problem], deadline, None if warm is None else self._to_arrive(warm[1], steps, problem))
        run.warm, run.round = warm, self._round
        if warm is not None and self._others is not None:
            run.others = self._moved_on(self._others, steps)
        self._round += 1
        plan = run.plans(self._search(run))[0]
        self._last, self._others, self._arrival = plan, run.others, run.arrival
        return plan

    def plan_batch(self, problems: Sequence[Problem], deadline: float | None = None) -> list[Plan]:
        """See Planner."""
        if not problems:
            return []
        run = self._begin(problems, deadline)
        return run.plans(self._search(run))

    def reset(self) -> None:
        """See Planner."""
        self._last, self._round = None, 0

    def prepare(self, problem: Problem) -> None:
        """See Planner."""
        twin = copy.copy(self)  # it shares what is recorded, and nothing of what is remembered from call to call
        twin.config = replace(self.config, iterations=self.config.preparing, tolerance=0.0, patience=0)
        twin.reset()
        for _ in range(2):  # the second one has a warm start
            twin.plan(problem)

    def _begin(self, problems: Sequence[Problem], deadline: float | None, arrival: int | None = None) -> Run:
        device = self.objective.device
        wait = partial(torch.cuda.synchronize, device) if device.type == "cuda" else None
        budget = Budget(deadline, self._clock, self._durations.setdefault(len(problems), {}), wait)
        need = self._memory(len(problems)) / 2**20
        if need > self.config.max_memory:
            raise InvalidInputError(
                f"{len(problems)} problems over a horizon of {self.config.horizon} need about {need:.0f} MiB; "
                f"allowed: {self.config.max_memory} (max_memory)"
            )
        return Run(self.objective, problems, self.config, budget, arrival)

    def _steps_since_last(self, problem: Problem) -> float:
        """From the last plan's first action to the next one's; zero, too, for a lead that is less by part of a step."""
        steps = 0.0 if self._last is None else steps_since(self._last, problem.begins)
        return 0.0 if -1.0 < steps < 0.0 else steps

    def _shifted(self, problem: Problem) -> tuple[Tensor, Tensor] | None:
        """The last plan moved to where the new one begins; None without one, if time ran backwards, or past its end."""
        plan, steps = self._last, self._steps_since_last(problem)
        if plan is None or not 0.0 <= steps < len(plan.actions):
            return None
        states = torch.from_numpy(shift_states(plan.states, steps)).to(self.objective.low)
        return self._moved_on(torch.from_numpy(plan.actions), steps), states

    def _moved_on(self, actions: Tensor, steps: float) -> Tensor:
        """Actions (T, ..., A) from ``steps`` later on, nothing done after their end."""
        objective = self.objective
        moved = shift_actions(actions.cpu().numpy(), steps, objective.neutral.cpu().numpy())
        return torch.from_numpy(moved).to(objective.low).clamp(objective.low, objective.high)

    def _to_arrive(self, states: Tensor, steps: float, problem: Problem) -> int | None:
        """The step at which a plan is to be at the goal, after one that began ``steps`` ago; None: its last.

        That is the first one at which the warm start's states (T+1, D) are there, or else nearly there. Nearly does
        not go before: each plan would have to arrive a little sooner than the last one, and none could be the rest of
        it. Where no state is near, the last plan has not come to the goal in its time, and the next one has twice what
        was left of that. With the arrival at the end of each new plan, a whole horizon from now, plans could put it
        off for ever.
        """
        config = self.config
        if not config.keep_arrival or config.tolerance <= 0.0 or problem.goal.shape != states.shape[1:]:
            return None
        goal = torch.as_tensor(problem.goal).to(states)
        with torch.no_grad():
            distances = self.objective.metric.distance(states[1:], goal.unsqueeze(0))
        for tolerances in (1.0, NEARLY):
            near = (distances <= tolerances * config.tolerance).tolist()
            if True in near:
                return near.index(True) + 1
        return min(max(math.ceil(PUT_OFF * (self._arrival - steps)), 1), config.horizon)

    def _memory(self, problems: int) -> int:
        """About how many bytes a call for so many problems takes."""
        raise NotImplementedError

    def _search(self, run: Run) -> StopReason:
        """Improves the run's problems until all are settled or a budget ends; returns which."""
        raise NotImplementedError


def _columns(costs: Sequence[Tensor], among: Sequence[int], numbers: Sequence[int]) -> Tensor:
    """Costs (H, N) of problems of these numbers, from costs (P,) of problems among which they are."""
    place = {number: at for at, number in enumerate(among)}
    return torch.stack(list(costs))[:, [place[number] for number in numbers]]


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
