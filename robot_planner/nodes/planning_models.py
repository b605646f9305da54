# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the planner node plans with: a world model towards latents, or LBP towards texts; one face for both."""

import contextlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from robot_planner.arrangement import OPEN, Arrangement
from robot_planner.errors import InvalidInputError, ModelError, UnknownNameError
from robot_planner.nodes.goal_server import RefusedError
from robot_planner.nodes.messages import (
    hold_message,
    hold_subgoals_message,
    image_from_message,
    latent_from_message,
    plan_to_message,
    short,
    subgoals_to_message,
)
from robot_planner.nodes.pursuit import Code
from robot_planner.planning.look_ahead import LookAhead, Motion
from robot_planner.planning.pictured_goal import PicturedGoal
from robot_planner.planning.planner import PLANNERS, Planner
from robot_planner.types import FloatArray, Latent, Plan, Problem, Subgoals
from robot_planner_interfaces.action import ReachGoal

if TYPE_CHECKING:
    from robot_planner.planning.text_goals import PlacedGoal, TextGoals

RESTING = 0.1
"""By actions within so much of half their range of zero the arm stands still."""
LBP = "lbp"
"""The algorithm of models that plan subgoals."""


class PlanningModel(Protocol):
    """A loaded model, as the node uses it."""

    name: str
    encoder: str
    """Digest."""
    latent_dim: int
    unit: str
    """Of distances."""
    topic: str
    """Where what it plans is published."""
    replans: bool
    """Whether planning again from the same latent makes a better plan."""

    def check_algorithm(self, name: str) -> None:
        """Raises UnknownNameError, which lists those there are."""
        ...

    def read_goal(self, request: ReachGoal.Goal) -> Any:
        """The goal of a request; None for an image that has to be encoded. Raises RefusedError."""
        ...

    def latent_goal(self, latent: FloatArray) -> Any:
        """The goal that an encoded image (D,) is."""
        ...

    def make_planner(self, algorithm: str) -> Any:
        """Has ``plan``, ``reset`` and ``prepare`` as a Planner; what it plans has ``seconds`` and ``cost``."""
        ...

    def see(self, latent: FloatArray, goal: Any) -> tuple[FloatArray, float]:
        """The newest latent (D,) of perception -> what to plan from, and its distance from the goal."""
        ...

    def rests(self, planned: Any) -> bool:
        """Whether the arm stands still by what was planned."""
        ...

    def warm_up_goal(self) -> Any:
        """A goal to plan for before there is one."""
        ...

    def message(self, planned: Any, algorithm: str, frame: str) -> Any:
        """What was planned, which the arm follows from now on; raises InvalidInputError for what no arm should get."""
        ...

    def hold(self, stamp: int, algorithm: str, frame: str) -> Any:
        """The message that says: hold where you are. From now on the arm follows nothing."""
        ...


class TowardsLatents:
    """A planner whose problems have a PicturedGoal or a PlacedGoal that has seen a latent."""

    def __init__(self, planner: Planner) -> None:
        self._planner = planner

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner."""
        goal: Any = problem.goal
        return self._planner.plan(replace(problem, goal=goal.latent), deadline)

    def reset(self) -> None:
        """See Planner."""
        self._planner.reset()

    def prepare(self, problem: Problem) -> None:
        """See Planner."""
        goal: Any = problem.goal
        self._planner.prepare(replace(problem, goal=goal.latent))


class WorldPlanning:
    """Plans of actions through a world model, towards images and latents, and towards texts where that is known."""

    topic, replans = "plan", True

    def __init__(self, world: Any, metric: str, device: str, configs: Mapping[str, Any], text_goals: str = "") -> None:
        """``configs``: each planner's parameters by its name; ``text_goals``: model of goals in words, or none.

        Raises UnknownNameError for the metric. Goals in words of another encoder are as good as none.
        """
        self._world, self._metric, self._device, self._configs = world, world.metric(metric), device, configs
        self._texts: TextGoals | None = None
        self._no_texts = "no model for text goals is loaded"
        if text_goals:
            from robot_planner.planning.text_goals import load_text_goals

            try:
                self._texts = load_text_goals(text_goals, world)
            except (ModelError, InvalidInputError) as error:
                self._no_texts = str(error)
        self.name, self.encoder, self.latent_dim = world.name, world.encoder.digest, world.dynamics.latent_dim
        self.unit = self._metric.unit
        self._motion = Motion.through(world.dynamics)
        self._resting = RESTING * (world.dynamics.action_high - world.dynamics.action_low).cpu().numpy() / 2

    def check_algorithm(self, name: str) -> None:
        """See PlanningModel."""
        if name not in PLANNERS:
            raise UnknownNameError("planner", name, PLANNERS)

    def read_goal(self, request: ReachGoal.Goal) -> Any:
        """See PlanningModel."""
        if request.goal_type == ReachGoal.Goal.TEXT:
            return self._read_text(request.text)
        if request.goal_type == ReachGoal.Goal.IMAGE:
            try:
                image_from_message(request.image)
            except InvalidInputError as error:
                raise RefusedError(Code.INVALID_GOAL, f"goal {error}") from None
            return None
        if request.latent.encoder != self.encoder:
            raise RefusedError(
                Code.WRONG_ENCODER,
                f"goal latent is of encoder {short(request.latent.encoder)}; this model's is {short(self.encoder)}",
            )
        try:
            return self.latent_goal(latent_from_message(request.latent, self.latent_dim).data)
        except InvalidInputError as error:
            raise RefusedError(Code.INVALID_GOAL, f"goal {error}") from None

    def _read_text(self, text: str) -> "PlacedGoal":
        if self._texts is None:
            raise RefusedError(Code.UNSUPPORTED_GOAL_TYPE, f"{self._no_texts}; allowed: an image (1) or a latent (2)")
        from robot_planner.language.placements import understand_placement
        from robot_planner.planning.text_goals import PlacedGoal

        try:
            return PlacedGoal(understand_placement(text))
        except InvalidInputError as error:
            raise RefusedError(Code.INVALID_GOAL, str(error)) from None

    def make_planner(self, algorithm: str) -> LookAhead:
        """See PlanningModel."""
        dynamics, config = self._world.dynamics, self._configs[algorithm]
        planner = TowardsLatents(PLANNERS.make(algorithm, dynamics, self._metric, config))
        return LookAhead(planner, dynamics, self._motion)

    def see(self, latent: FloatArray, goal: Any) -> tuple[FloatArray, float]:
        """See PlanningModel; the distance of a text is in metres whatever the metric."""
        if isinstance(goal, PicturedGoal):
            seen = goal.see(latent)
            return seen, goal.distance(seen)
        assert self._texts is not None  # or no text had become a goal
        seen = self._texts.see(goal, latent)
        return seen, float(self._texts.distance(seen[None], goal)[0])

    def latent_goal(self, latent: FloatArray) -> PicturedGoal:
        """See PlanningModel."""
        return PicturedGoal(self._metric, latent, self._device)

    def rests(self, planned: Plan) -> bool:
        """See PlanningModel."""
        first = planned.actions[:1]
        return first.shape == (1, *self._resting.shape) and bool((np.abs(first) < self._resting).all())

    def warm_up_goal(self) -> PicturedGoal:
        """See PlanningModel."""
        return self.latent_goal(np.zeros(self.latent_dim, np.float32))

    def message(self, planned: Plan, algorithm: str, frame: str) -> Any:
        """See PlanningModel."""
        check_plan(planned, self._world.dynamics.action_dim, self.latent_dim)
        self._motion.follow(planned)
        return plan_to_message(planned, self.encoder, algorithm, frame)

    def hold(self, stamp: int, algorithm: str, frame: str) -> Any:
        """See PlanningModel."""
        self._motion.forget()
        return hold_message(stamp, self.encoder, algorithm, frame)


@dataclass(frozen=True)
class TextGoal:
    """An instruction, understood."""

    arrangement: Arrangement
    embedding: FloatArray
    """(L,)."""


@dataclass(frozen=True)
class PlannedSubgoals:
    """Subgoals towards a text goal."""

    subgoals: Subgoals
    language: FloatArray
    """(L,)."""
    seconds: float
    """Time that planning took [s]."""
    cost: float = math.nan
    """None is optimised."""


class LbpPlanning:
    """Subgoals towards texts."""

    topic, replans, unit = "subgoals", False, "m"

    def __init__(self, lbp: Any, depth: int) -> None:
        """``depth``: subgoals before the final goal, below zero as the policy wants; raises InvalidInputError."""
        from robot_planner.planning.arrangement_distance import ArrangementDistance

        self._lbp, self._depth = lbp, None if depth < 0 else lbp.planner.checked_depth(depth)
        self._metric = ArrangementDistance(lbp.readout, lbp.encoder.plan_dim)
        self.name, self.encoder, self.latent_dim = lbp.name, lbp.encoder.digest, lbp.encoder.latent_dim
        with contextlib.suppress(InvalidInputError):  # the first text takes many times what later ones take
            lbp.language.understand("open the drawer")

    def check_algorithm(self, name: str) -> None:
        """See PlanningModel."""
        if name != LBP:
            raise UnknownNameError(f"planner of model '{self.name}'", name, (LBP,))

    def read_goal(self, request: ReachGoal.Goal) -> TextGoal:
        """See PlanningModel."""
        if request.goal_type != ReachGoal.Goal.TEXT:
            raise RefusedError(
                Code.UNSUPPORTED_GOAL_TYPE, f"model '{self.name}' plans from an instruction; allowed: a text (0)"
            )
        try:
            arrangement = self._lbp.language.understand(request.text).arrangement
            return TextGoal(arrangement, self._lbp.embed(request.text))
        except InvalidInputError as error:
            raise RefusedError(Code.INVALID_GOAL, str(error)) from None

    def make_planner(self, algorithm: str) -> "LbpPlanning":
        """See PlanningModel."""
        return self

    def plan(self, problem: Problem, deadline: float | None = None) -> PlannedSubgoals:
        """Subgoals for one latent; they take a millisecond, whatever the deadline."""
        begin = time.perf_counter()
        goal: Any = problem.goal
        latent = Latent(problem.start, self.encoder, problem.stamp)
        subgoals = self._lbp.plan(latent, goal.embedding, self._depth)
        return PlannedSubgoals(subgoals, goal.embedding, time.perf_counter() - begin)

    def reset(self) -> None:
        """Nothing is remembered."""

    def prepare(self, problem: Problem) -> None:
        """Nothing is done once."""

    def see(self, latent: FloatArray, goal: TextGoal) -> tuple[FloatArray, float]:
        """See PlanningModel."""
        return latent, float(self._metric.distance(latent[None], goal.arrangement)[0])

    def latent_goal(self, latent: FloatArray) -> TextGoal:
        """See PlanningModel; a request with an image has been refused before."""
        raise InvalidInputError(f"model '{self.name}' plans from an instruction")

    def rests(self, planned: PlannedSubgoals) -> bool:
        """See PlanningModel; subgoals don't say."""
        return False

    def warm_up_goal(self) -> TextGoal:
        """See PlanningModel."""
        return TextGoal(Arrangement(drawer=OPEN), np.zeros(self._lbp.language.embedding_dim, np.float32))

    def message(self, planned: PlannedSubgoals, algorithm: str, frame: str) -> Any:
        """See PlanningModel."""
        check_subgoals(planned.subgoals, self._lbp.encoder.plan_dim)
        return subgoals_to_message(planned.subgoals, planned.language, self.encoder, algorithm, frame)

    def hold(self, stamp: int, algorithm: str, frame: str) -> Any:
        """See PlanningModel."""
        return hold_subgoals_message(stamp, self.encoder, algorithm, frame)


def check_plan(plan: Plan, action_dim: int, latent_dim: int) -> None:
    """Raises InvalidInputError unless a plan has matching shapes, a duration and finite numbers."""
    steps = len(plan.actions)
    if plan.actions.shape != (steps, action_dim) or not steps or plan.states.shape != (steps + 1, latent_dim):
        raise InvalidInputError(
            f"actions {plan.actions.shape} and states {plan.states.shape}; "
            f"allowed: (T, {action_dim}) and (T + 1, {latent_dim})"
        )
    for name, values in (("actions", plan.actions), ("states", plan.states), ("cost", plan.cost)):
        if not np.isfinite(values).all():
            raise InvalidInputError(f"its {name} hold NaN or infinity")
    if not (math.isfinite(plan.step_seconds) and plan.step_seconds > 0.0):
        raise InvalidInputError(f"its steps last {plan.step_seconds} s")


def check_subgoals(subgoals: Subgoals, plan_dim: int) -> None:
    """Raises InvalidInputError unless subgoals have matching shapes and finite numbers."""
    count = len(subgoals.latents)
    if not count or subgoals.latents.shape != (count, plan_dim) or subgoals.progress.shape != (count,):
        raise InvalidInputError(
            f"subgoals {subgoals.latents.shape} at {subgoals.progress.shape}; allowed: (N, {plan_dim}) and (N,)"
        )
    if not (np.isfinite(subgoals.latents).all() and np.isfinite(subgoals.progress).all()):
        raise InvalidInputError("its subgoals hold NaN or infinity")
