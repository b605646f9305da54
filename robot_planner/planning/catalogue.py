# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The registered planners and their parameter sets; imports torch."""

import dataclasses
import importlib
import inspect
import pkgutil
import typing

from robot_planner import planning
from robot_planner.errors import UnknownNameError
from robot_planner.planning.planner import PLANNERS


def planner_configs() -> dict[str, type]:
    """Each registered planner's dataclass of parameters, as its ``config`` argument is annotated, by its name."""
    for module in pkgutil.iter_modules(planning.__path__, f"{planning.__name__}."):
        importlib.import_module(module.name)  # a planner registers itself where it is defined
    return {name: _config_class(name) for name in PLANNERS}


def check_algorithm(name: str) -> None:
    """Raises UnknownNameError, which lists the planners, if there is none of this name."""
    if name not in PLANNERS:
        raise UnknownNameError("planner", name, PLANNERS)


def _config_class(name: str) -> type:
    factory = PLANNERS.factory(name)
    function = factory.__init__ if inspect.isclass(factory) else factory
    hint = typing.get_type_hints(function)["config"]
    for candidate in (hint, *typing.get_args(hint)):
        if inspect.isclass(candidate) and dataclasses.is_dataclass(candidate):
            return candidate
    raise TypeError(f"planner '{name}': its argument 'config' is annotated with {hint}, which is no dataclass")
