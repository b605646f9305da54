# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The executor that VirtualHome's authors published, as the package eai-eval has it, beside ours, step by step.

Its evolving graph needs nothing but Python; the packages around it import simulators and language models as they are
loaded, so only the three modules of the graph are.
"""

import importlib.util
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from typing import Any

from robot_planner.errors import EnvironmentSetupError
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.virtualhome import OURS_ALONE, PACKAGE, Program, data_folder, graph_facts, read_graphs

_PARENTS = ("virtualhome_eval", "virtualhome_eval.simulation", "virtualhome_eval.simulation.evolving_graph")


class PublishedWorld:
    """One program's graph under the published executor."""

    def __init__(self, name: str) -> None:
        """``name``: of the program; raises EnvironmentSetupError if the package is not installed, or another one."""
        environment, execution, self._scripts = _modules()
        graph = environment.EnvironmentGraph(read_graphs(name)["init_graph"])
        self._state = environment.EnvironmentState(graph, {}, instance_selection=True)
        self._executor = execution.ScriptExecutor(graph, {})

    def execute(self, step: Step) -> bool:
        """Does a step; False, and the state as it was, if it refuses to."""
        things = [self._scripts.ScriptObject(thing.name, thing.number) for thing in step.objects]
        line = self._scripts.ScriptLine(self._scripts.Action[step.action], things, 1)
        done, self._state = self._executor.execute_one_step(self._scripts.Script([line]), self._state)
        return bool(done)

    def facts(self) -> frozenset[Fact]:
        """Its present state, in our relations."""
        return graph_facts(self._state.to_dict())


def _modules() -> tuple[Any, ...]:
    """Environment, execution and scripts of the package, without what lies around them."""
    root = data_folder().parents[2]
    wanted = [f"{_PARENTS[-1]}.{name}" for name in ("environment", "execution", "scripts")]
    if all(name in sys.modules for name in wanted):
        return tuple(sys.modules[name] for name in wanted)
    for name in _PARENTS:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(root.joinpath(*name.split(".")))]
        sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    try:
        return tuple(importlib.import_module(name) for name in wanted)
    except (ImportError, SyntaxError) as error:
        raise EnvironmentSetupError(f"the executor of {PACKAGE} cannot be loaded: {error}") from None


@dataclass(frozen=True)
class Comparison:
    """A step under both executors."""

    step: Step
    ours: bool
    published: bool
    differs: frozenset[Fact]
    """What one graph tells afterwards and the other does not."""
    reason: str
    """Ours, for not doing it."""


def compare(program: Program, plan: TaskPlan) -> Iterator[Comparison]:
    """Each step under both, until they disagree; a step that both refuse is passed over."""
    ours, published = program.world(), PublishedWorld(program.name)
    for step in plan.steps:
        outcome, done = ours.execute(step), published.execute(step)
        told = frozenset(fact for fact in ours.state.facts() if fact.relation not in OURS_ALONE)
        differs = told ^ published.facts()
        yield Comparison(step, outcome.done, done, differs, outcome.reason)
        if outcome.done != done or differs:
            return
