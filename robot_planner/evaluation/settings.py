# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The planners as they are shipped: the same settings for the nodes and for offline benches."""

from collections.abc import Mapping
from typing import Any

import yaml

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.planning.catalogue import planner_configs
from robot_planner.planning.planner import PLANNERS, Planner
from robot_planner.resources import resource
from robot_planner.world import World


def shipped_settings(name: str) -> dict[str, Any]:
    """What config/robot_planner.yaml says of the planner called ``name``."""
    with resource("config", "robot_planner.yaml").open() as file:
        parameters: Mapping[str, Any] = yaml.safe_load(file)["/**/planner"]["ros__parameters"]
    return dict(parameters.get(name, {}))


def make_planner(
    name: str,
    world: World,
    metric: str = "",
    model: WorldModel | None = None,
    **changes: Any,  # noqa: ANN401
) -> Planner:
    """The planner called ``name`` over a world (or another model of it), with the shipped settings and ``changes``."""
    config = planner_configs()[name](**{**shipped_settings(name), **changes})
    return PLANNERS.make(name, model or world.dynamics, world.metric(metric), config)
