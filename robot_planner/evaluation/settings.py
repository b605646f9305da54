# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The planners as they are shipped: the same settings for the nodes and for offline benches."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.planning.catalogue import check_algorithm, planner_configs
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.planner import PLANNERS, Planner
from robot_planner.resources import resource
from robot_planner.world import PlanningWorld


def shipped_settings(name: str) -> dict[str, Any]:
    """What config/robot_planner.yaml says of the planner called ``name``."""
    with resource("config", "robot_planner.yaml").open() as file:
        parameters: Mapping[str, Any] = yaml.safe_load(file)["/**/planner"]["ros__parameters"]
    return dict(parameters.get(name, {}))


def make_planner(
    name: str,
    world: PlanningWorld,
    metric: str = "",
    model: WorldModel | None = None,
    clock: Callable[[], float] = time.monotonic,
    **changes: Any,  # noqa: ANN401
) -> Planner:
    """The planner called ``name`` over a world (or another model of it), with the shipped settings and ``changes``."""
    settings = {**shipped_settings(name), **changes}
    return PLANNERS.make(name, model or world.dynamics, world.metric(metric), _config(name, settings), clock=clock)


def plain_planner(
    name: str,
    model: WorldModel,
    metric: GoalMetric,
    clock: Callable[[], float] = time.monotonic,
    **settings: Any,  # noqa: ANN401
) -> Planner:
    """The planner called ``name`` with these settings on top of its own defaults, not of the shipped ones."""
    return PLANNERS.make(name, model, metric, _config(name, settings), clock=clock)


def _config(name: str, settings: Mapping[str, Any]) -> Any:  # noqa: ANN401 - each planner has its own class
    configs: dict[str, Any] = planner_configs()
    check_algorithm(name)
    return configs[name].from_mapping(settings)
