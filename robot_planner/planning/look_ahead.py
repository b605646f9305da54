# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Plans that begin where the robot will be when they land, not where it was when it was last seen.

From the instant of an image until a plan made from it is followed the robot goes on along the plans before it. What
these make it do in that time is known, so the model is asked where that leads, and the planner plans from there. The
new path then leaves the old one where the robot is: there is no gap to be closed at the seam.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from robot_planner.dynamics.world_model import WorldModel, neutral_action
from robot_planner.types import FloatArray, Plan, Problem

NANOSECONDS = 1_000_000_000
REMEMBERED = 64
"""Plans whose motion is remembered; at 100 plans a second those of more than half a second."""


class Plans(Protocol):
    """What can be made to look ahead: a Planner, or what chooses one."""

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner."""
        ...

    def reset(self) -> None:
        """See Planner."""
        ...

    def prepare(self, problem: Problem) -> None:
        """See Planner."""
        ...


@dataclass(frozen=True)
class _Piece:
    begins: int
    """[ns]."""
    step: float
    """[s]."""
    corners: FloatArray
    """(T+1, A): the sum of the actions so far, as far as they differ from the neutral one."""

    def between(self, begin: int, end: int) -> FloatArray:
        """What the robot is told to do from one instant to another [ns], in actions (A,); nothing before and after."""
        places = np.arange(len(self.corners))
        steps = [(time - self.begins) / NANOSECONDS / self.step for time in (begin, end)]
        columns = [np.interp(steps, places, column) for column in self.corners.T]
        return np.array([last - first for first, last in columns], np.float32)


class Motion:
    """What a robot is told by one plan after the other, each followed from its first instant until the next one's.

    One thread may tell it what is followed while others ask what was.
    """

    def __init__(self, neutral: FloatArray) -> None:
        """``neutral`` (A,): the action by which the robot stands still."""
        self._neutral = neutral
        self._pieces: tuple[_Piece, ...] = ()

    @classmethod
    def through(cls, model: WorldModel) -> "Motion":
        """That of a robot which a model's actions move, and which stands still as yet."""
        return cls(neutral_action(model).float().cpu().numpy())

    def then(self, plan: Plan) -> "Motion":
        """What is told with a plan followed from ``plan.begins`` on; those that begin later than it are dropped."""
        sums = np.cumsum(plan.actions - self._neutral, axis=0, dtype=np.float32)
        corners = np.concatenate([np.zeros((1, sums.shape[1]), np.float32), sums])
        before = [piece for piece in self._pieces if piece.begins < plan.begins]
        motion = Motion(self._neutral)
        motion._pieces = (*before, _Piece(plan.begins, plan.step_seconds, corners))[-REMEMBERED:]
        return motion

    def follow(self, plan: Plan) -> None:
        """Takes a plan that will be followed from ``plan.begins`` on; those that begin later than it are dropped."""
        self._pieces = self.then(plan)._pieces

    def forget(self) -> None:
        """The robot stands still: nothing is followed any more."""
        self._pieces = ()

    def between(self, begin: int, end: int) -> FloatArray:
        """The one action (A,) that does what was told between two instants [ns], no longer than a step apart."""
        total = self._neutral.copy()
        until = end
        for piece in reversed(self._pieces):
            total += piece.between(max(piece.begins, begin), max(until, begin))
            until = min(until, piece.begins)
            if until <= begin:
                break
        return total


class LookAhead:
    """A planner that plans from where the model says that the robot will be ``problem.lead`` after its image.

    The fraction of an action stands for the action during that fraction of a step, as for a robot that is told
    displacements or velocities; a model whose state drifts on its own drifts a whole step at each piece of the lead.
    """

    def __init__(self, planner: Plans, model: WorldModel, motion: Motion | None = None) -> None:
        """``motion``: what the robot is told, kept by whoever tells it; None: every plan that is made here is followed.

        The newest plan made here counts as followed before the motion has it, but not after a reset, for it may never
        be sent. Who holds the robot calls ``motion.forget()``.
        """
        self.planner, self._model = planner, model
        self.motion = Motion.through(model) if motion is None else motion
        self._told = motion is not None
        self._newest: Plan | None = None

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner. Without a lead the planner is asked as it is; raises what it raises."""
        if problem.lead > 0.0:
            problem = replace(problem, start=self.predict(problem))
        plan = self.planner.plan(problem, deadline)
        if plan.actions.shape[1:] == self._model.action_low.shape and np.isfinite(plan.actions).all():
            if self._told:  # no robot gets any other
                self._newest = plan
            else:
                self.motion.follow(plan)
        return plan

    def predict(self, problem: Problem) -> FloatArray:
        """The latent (D,) expected at ``problem.begins``, by what the plans so far make the robot do until then."""
        step = int(self._model.step_seconds * NANOSECONDS)
        moments = [*range(problem.stamp, problem.begins, step), problem.begins]
        motion = self.motion if self._newest is None else self.motion.then(self._newest)
        low, high, neutral = self._model.action_low, self._model.action_high, neutral_action(self._model)
        latent = torch.from_numpy(problem.start)[None].to(low)
        with torch.inference_mode():
            for begin, end in zip(moments, moments[1:], strict=False):
                action = torch.from_numpy(motion.between(begin, end)).to(low).clamp(low, high)
                if not torch.equal(action, neutral):  # nothing is done, nothing changes: the model would only blur it
                    latent = self._model.step(latent, action[None])
        predicted: FloatArray = latent[0].float().cpu().numpy()
        return predicted

    def reset(self) -> None:
        """See Planner; what the robot was told it goes on doing."""
        self.planner.reset()
        self._newest = None

    def prepare(self, problem: Problem) -> None:
        """See Planner."""
        self.planner.prepare(problem)
