# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planners through world models, and the goal metrics they minimise."""

from robot_planner.planning.cem import Cem, CemConfig
from robot_planner.planning.goal_metric import GOAL_METRICS, GoalMetric, LatentDistance
from robot_planner.planning.gradient import Gradient, GradientConfig
from robot_planner.planning.grasp import Grasp, GraspConfig
from robot_planner.planning.icem import Icem, IcemConfig
from robot_planner.planning.latco import Latco, LatcoConfig
from robot_planner.planning.mppi import Mppi, MppiConfig
from robot_planner.planning.planner import PLANNERS, Planner

__all__ = [
    "GOAL_METRICS",
    "PLANNERS",
    "Cem",
    "CemConfig",
    "GoalMetric",
    "Gradient",
    "GradientConfig",
    "Grasp",
    "GraspConfig",
    "Icem",
    "IcemConfig",
    "Latco",
    "LatcoConfig",
    "LatentDistance",
    "Mppi",
    "MppiConfig",
    "Planner",
]
