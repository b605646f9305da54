# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Closed-loop episodes on the tabletop without ROS: see, plan, act one step, again; the environment judges."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from robot_planner.planning.pictured_goal import PicturedGoal
from robot_planner.planning.planner import Planner
from robot_planner.simulation.stepping import PlanarStepper
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.types import Plan, Problem
from robot_planner.world import World

MAX_STEPS = {"reach": 30, "around": 45, "push": 75}
"""Actions of 0.2 s after which an episode is over."""


@dataclass
class Outcome:
    """What one episode came to."""

    success: bool
    """By the environment."""
    distance: float
    """Of the environment's own test [m]."""
    believed: bool
    """Whether the goal metric said that the goal was reached."""
    steps: int
    plan_seconds: list[float] = field(default_factory=list)
    iterations: list[int] = field(default_factory=list)


def run_episode(
    tabletop: Tabletop,
    world: World,
    planner: Planner,
    task: str,
    seed: int,
    tolerance: float,
    budget: float | None = None,
    metric: str = "",
    settle: int = 2,
    on_step: Callable[[int, Plan, float], None] | None = None,
    max_steps: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """One episode: replans at every action until the metric says reached ``settle`` times in a row, or time is up.

    ``budget`` [s] is the planner's deadline at each replan, on its own ``clock``, ``max_steps`` (default: the task's)
    when time is up. The environment's verdict is read at the end only.
    """
    max_steps = MAX_STEPS[task] if max_steps is None else max_steps
    tabletop.reset(task, seed)
    stepper = PlanarStepper(tabletop)
    goal = PicturedGoal(world.metric(metric), world.encoder.encode(tabletop.goal_image()[None, None])[0])
    planner.reset()
    outcome, calm = Outcome(False, 0.0, False, 0), 0
    step_ns = int(world.dynamics.step_seconds * 1e9)
    for step in range(max_steps + 1):
        latent = goal.see(world.encoder.encode(tabletop.render("front")[None, None])[0])
        distance = goal.distance(latent)
        calm = calm + 1 if distance <= tolerance else 0
        if calm >= settle:
            outcome.believed = True
            break
        if step == max_steps:
            break
        deadline = None if budget is None else clock() + budget
        plan = planner.plan(Problem(latent, goal.latent, stamp=step * step_ns), deadline)
        outcome.plan_seconds.append(plan.seconds)
        outcome.iterations.append(plan.iterations)
        if on_step:
            on_step(step, plan, distance)
        stepper.step(plan.actions[0])
        outcome.steps = step + 1
    verdict = tabletop.evaluate()
    outcome.success, outcome.distance = verdict.success, verdict.distance
    return outcome


def run_open_loop(
    tabletop: Tabletop, world: World, planner: Planner, task: str, seed: int, tolerance: float = 0.02, metric: str = ""
) -> Outcome:
    """Plans once and executes the whole plan; ``believed`` is what the model promised of its end."""
    tabletop.reset(task, seed)
    stepper = PlanarStepper(tabletop)
    goal = PicturedGoal(world.metric(metric), world.encoder.encode(tabletop.goal_image()[None, None])[0])
    planner.reset()
    latent = goal.see(world.encoder.encode(tabletop.render("front")[None, None])[0])
    plan = planner.plan(Problem(latent, goal.latent))
    for action in plan.actions:
        stepper.step(action)
    verdict = tabletop.evaluate()
    promised = goal.distance(plan.states[-1]) <= tolerance
    return Outcome(verdict.success, verdict.distance, promised, len(plan.actions), [plan.seconds], [plan.iterations])
