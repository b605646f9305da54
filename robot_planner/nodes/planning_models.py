# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the planner node plans with: a world model towards latents, or LBP towards texts; one face for both."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping
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
from robot_planner.planning.planner import PLANNERS
from robot_planner.types import FloatArray, Latent, Plan, Problem, Subgoals
from robot_planner_interfaces.action import ReachGoal

if TYPE_CHECKING:
    from robot_planner.planning.text_goals import PlacedGoal, TextGoals

LBP = "lbp"
"""The algorithm of models that plan subgoals."""


class PlanningModel(Protocol):
    """A loaded model, as the node uses it."""

    name: str
    encoder: str
    """Digest."""
    latent_dim: int
    unit: str
    """Of ``distances``."""
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

    def make_planner(self, algorithm: str) -> Any:
        """Has ``plan(problem, deadline)`` and ``reset()``; what it plans has ``seconds`` and ``cost``."""
        ...

    def distances(self, latents: FloatArray, goal: Any) -> FloatArray:
        """Latents (N, D) -> (N,) from the goal."""
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


class TowardsWords:
    """A planner towards latents, for goals in words: with the metric for those, and z_g in the place of the words."""

    def __init__(self, make: Callable[[Any], Any], metric: Any, texts: "TextGoals | None") -> None:
        """``make`` makes the planner for a metric."""
        self._make, self._metric, self._texts = make, metric, texts
        self._plain = make(metric)
        self._worded: Any = None

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner; the goal may be a PlacedGoal."""
        goal: Any = problem.goal
        if isinstance(goal, np.ndarray) or self._texts is None:
            plan: Plan = self._plain.plan(problem, deadline)
            return plan
        if self._worded is None:
            self._worded = self._make(self._texts.metric(self._metric))
        plan = self._worded.plan(replace(problem, goal=self._texts.begin(goal, problem.start)), deadline)
        return plan

    def reset(self) -> None:
        """See Planner."""
        for planner in (self._plain, self._worded):
            if planner is not None:
                planner.reset()


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
            return latent_from_message(request.latent, self.latent_dim).data
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
        planner = TowardsWords(
            lambda metric: PLANNERS.make(algorithm, dynamics, metric, config), self._metric, self._texts
        )
        return LookAhead(planner, dynamics, self._motion)

    def distances(self, latents: FloatArray, goal: Any) -> FloatArray:
        """See PlanningModel; those of a text are in metres whatever the metric."""
        import torch

        if self._texts is not None and not isinstance(goal, np.ndarray):
            for latent in latents:
                self._texts.begin(goal, latent)
            return self._texts.distance(latents, goal)
        with torch.inference_mode():
            pair = [torch.as_tensor(x, device=self._device) for x in (latents, goal[None])]
            return np.asarray(self._metric.distance(*pair).cpu().numpy(), np.float32)

    def warm_up_goal(self) -> FloatArray:
        """See PlanningModel."""
        return np.zeros(self.latent_dim, np.float32)

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

    def distances(self, latents: FloatArray, goal: TextGoal) -> FloatArray:
        """See PlanningModel."""
        return self._metric.distance(latents, goal.arrangement)

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
