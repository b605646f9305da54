# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A world and planners without any learning, with each fault that the planner node must survive."""

import threading
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import torch
from graph import PATIENCE

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.nodes.planner import PlannerNode
from robot_planner.planning.parameters import Parameters
from robot_planner.planning.parameters import parameter as planner_parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.types import Plan, StopReason

DIM, STEPS = 4, 3
DIGEST = "d" * 64


class Euclidean:
    """Distance of latents."""

    name, unit = "euclidean", "m"

    def distance(self, latents, goals):
        return (latents - goals).norm(dim=-1)


def still_dynamics(latent_dim):
    """A model in which nothing ever moves."""
    return FunctionModel(
        lambda latents, actions: latents, latent_dim, torch.full((2,), -0.04), torch.full((2,), 0.04), 0.2
    )


def moving_dynamics(latent_dim):
    """A model whose first two numbers are moved by the actions."""
    return FunctionModel(
        lambda latents, actions: latents + torch.nn.functional.pad(actions, (0, latent_dim - 2)), latent_dim,
        torch.full((2,), -0.04), torch.full((2,), 0.04), 0.2,
    )  # fmt: skip


def fake_world(dynamics=still_dynamics):
    return SimpleNamespace(
        name="fake",
        encoder=SimpleNamespace(digest=DIGEST),
        dynamics=dynamics(DIM),
        metric=lambda name: Euclidean(),
    )


class FakePlannerNode(PlannerNode):
    """The planner node over the fake world."""

    def load_model(self):
        return fake_world()


class MovingPlannerNode(PlannerNode):
    """The planner node over a world in which something moves."""

    def load_model(self):
        return fake_world(moving_dynamics)


@dataclass(frozen=True)
class FakeConfig(Parameters):
    step: float = planner_parameter(0.01, "length of a step", 0.0, 0.04)


class FakePlanner:
    """Straight at the goal; counts what is asked of it."""

    name = "fake"
    made: list = []

    def __init__(self, model, metric, config: FakeConfig):
        self.config, self.problems, self.resets, self.threads = config, [], 0, set()
        FakePlanner.made.append(self)

    def plan(self, problem, deadline=None):
        self.problems.append(problem)
        self.threads.add(threading.get_ident())
        actions = np.full((STEPS, 2), self.config.step, np.float32)
        states = np.tile(problem.start, (STEPS + 1, 1)).astype(np.float32)
        return Plan(actions, states, 1.0, 1, 0.001, StopReason.CONVERGED, problem.stamp, 0.2, lead=problem.lead)

    def reset(self):
        self.resets += 1

    def prepare(self, problem):
        pass


class OtherPlanner(FakePlanner):
    """Another algorithm."""


class NanPlanner(FakePlanner):
    """Its second plan is not finite."""

    def plan(self, problem, deadline=None):
        plan = super().plan(problem)
        return replace(plan, actions=plan.actions * np.nan) if len(self.problems) > 1 else plan


class ShapePlanner(FakePlanner):
    """Its actions are of a wrong dimension."""

    def plan(self, problem, deadline=None):
        plan = super().plan(problem)
        return replace(plan, actions=np.zeros((STEPS, 3), np.float32))


class RaisingPlanner(FakePlanner):
    """Fails."""

    def plan(self, problem, deadline=None):
        raise ZeroDivisionError("nothing to divide by")


class SlowPlanner(FakePlanner):
    """Ignores its deadline: a plan comes out when ``release`` is set."""

    entered, release, left = threading.Event(), threading.Event(), threading.Event()

    def plan(self, problem, deadline=None):
        plan = super().plan(problem)
        SlowPlanner.entered.set()
        SlowPlanner.release.wait(PATIENCE)
        SlowPlanner.left.set()
        return plan


for _name, _kind in (
    ("fake", FakePlanner),
    ("fake_other", OtherPlanner),
    ("fake_nan", NanPlanner),
    ("fake_shape", ShapePlanner),
    ("fake_raising", RaisingPlanner),
    ("fake_slow", SlowPlanner),
):
    PLANNERS.register(_name)(_kind)
