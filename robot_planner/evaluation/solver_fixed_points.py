# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Part of ``bench solver``: the parallel refiner's fixed points, by solver, from nothing and from what is known.

A problem is solved; its plan is tried, and what comes back changes the context. In the new context each solver begins
once with nothing (cold), once with its own last equilibrium and once with the logits of that equilibrium's plan (warm).
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from robot_planner.evaluation.report import COLORS
from robot_planner.evaluation.task_planner_problems import Case
from robot_planner.task_planning.fixed_point import FixedPoint, solve
from robot_planner.task_planning.nested import Attempts
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.soft_refiner import SoftContext, SoftRefiner
from robot_planner.task_planning.tokens import PromptReader, WordList
from robot_planner.training.plan_batches import ExampleMaker, PlanExample, soft_context

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RULES = ("picard", "anderson", "broyden")
COLD, EQUILIBRIUM, PLAN = "nothing", "last equilibrium", "last plan"
STARTS = (COLD, EQUILIBRIUM, PLAN)
ROUNDS = 3
"""Contexts after the first that a problem may have."""
TOLERANCE, CAP = 1e-3, 60
WARM_BAR = 2.0
"""Times fewer evaluations from the last equilibrium than from nothing."""


@dataclass(frozen=True)
class Solve:
    """One solve in a context that feedback has changed."""

    rule: str
    start: str
    key: tuple[str, int, int]
    """Which context: group, seed and round."""
    evaluations: int
    converged: bool
    seconds: float
    residuals: tuple[float, ...]


class SoftPlanner:
    """Contexts and plans of one problem."""

    def __init__(self, refiner: SoftRefiner, words: WordList, case: Case) -> None:
        self._refiner, self._words, self._case = refiner, words, case
        self._maker = ExampleMaker(PromptReader(words), refiner.network.config)

    def context(self, tried: Attempts) -> tuple[SoftContext, PlanExample]:
        """What is known after these answers."""
        task = self._case.task
        example = self._maker.example(write_prompt(task, tried), write_suffix(), TaskPlan(), task.scene)
        with torch.no_grad():
            return soft_context(self._refiner.network, [example]), example

    def plan(self, state: Tensor, context: SoftContext, example: PlanExample) -> TaskPlan:
        """The likeliest plan that may be written in the scene, up to its end."""
        scene, steps = self._case.task.scene, list[Step]()
        for word, first, second in zip(*(part[0] for part in self._refiner.split(state, context)), strict=True):
            name = self._words.words[int(example.words[int(word[: len(example.words)].argmax())])]
            if name not in scene.domain.actions:
                break
            steps.append(_step(name, (first, second), scene))
        return TaskPlan(tuple(steps))


def _step(name: str, logits: Sequence[Tensor], scene: Scene) -> Step:
    """The likeliest of the things that may stand there."""
    number = {thing: at for at, thing in enumerate(scene.objects, 1)}
    columns = zip(scene.candidates(name), logits, strict=False)
    return Step(name, tuple(max(things, key=lambda thing: float(row[number[thing]])) for things, row in columns))


def solves_of(case: Case, refiner: SoftRefiner, words: WordList) -> list[Solve]:
    """All solves of a problem; none if its first plan succeeds."""
    planner, found = SoftPlanner(refiner, words, case), list[Solve]()
    context, example = planner.context(())
    last = {rule: _solve(refiner, context, refiner.start(context), rule)[0].x for rule in RULES}
    tried: list[Any] = []
    for number in range(1, ROUNDS + 1):
        plan = planner.plan(last["anderson"], context, example)
        feedback = case.environment.test(plan)
        if feedback.success:
            break
        tried.append((plan, feedback))
        plans = {rule: refiner.plan(last[rule], context) for rule in RULES}
        context, example = planner.context(tried)
        for rule in RULES:
            starts = refiner.start(context), last[rule], refiner.start(context, plans[rule])
            for name, start in zip(STARTS, starts, strict=True):
                point, seconds = _solve(refiner, context, start, rule)
                key = (case.group, case.seed, number)
                history = tuple(point.residuals[:, 0].tolist())
                found.append(Solve(rule, name, key, point.evaluations, bool(point.converged.all()), seconds, history))
                if name == EQUILIBRIUM:
                    last[rule] = point.x
    return found


def _solve(refiner: SoftRefiner, context: SoftContext, start: Tensor, rule: str) -> tuple[FixedPoint, float]:
    begun = time.perf_counter()
    found = solve(refiner.function(context), start, rule, tolerance=TOLERANCE, cap=CAP)
    return found, time.perf_counter() - begun


def table_of(solves: Iterable[Solve]) -> list[dict[str, Any]]:
    """A record for each solver and start; evaluations are compared where both, cold and warm, came to a fixed point."""
    solves, records = list(solves), []
    for rule in RULES:
        cold = {s.key: s for s in solves if (s.rule, s.start) == (rule, COLD)}
        for start in STARTS:
            rows = [s for s in solves if (s.rule, s.start) == (rule, start)]
            pairs = [(cold[s.key], s) for s in rows if s.converged and cold[s.key].converged]
            ratio = fmean(c.evaluations for c, _ in pairs) / fmean(s.evaluations for _, s in pairs) if pairs else None
            records.append({
                "part": "fixed points", "solver": rule, "start": start, "contexts": len(rows),
                "converged": fmean(s.converged for s in rows) if rows else None,
                "evaluations": fmean(s.evaluations for s in rows) if rows else None,
                "median_evaluations": median(s.evaluations for s in rows) if rows else None,
                "ms": 1e3 * fmean(s.seconds for s in rows) if rows else None,
                "pairs": len(pairs), "times_fewer": ratio,
                "passed": None if start != EQUILIBRIUM or ratio is None else ratio >= WARM_BAR,
            })  # fmt: skip
    return records


def draw_residuals(axes: "Axes", solves: Sequence[Solve]) -> None:
    """Median residual over evaluations; a solve that has ended keeps its last."""
    for color, rule in zip(COLORS, RULES, strict=False):
        for start, style in ((COLD, "-"), (EQUILIBRIUM, "--")):
            rows = [s.residuals for s in solves if (s.rule, s.start) == (rule, start)]
            length = max(map(len, rows), default=0)
            line = [median(row[min(at, len(row) - 1)] for row in rows) for at in range(length)]
            axes.plot(range(1, length + 1), line, style, color=color, label=f"{rule}, from {start}")
    axes.axhline(TOLERANCE, color="#8791a0", linewidth=1.0)
    axes.set(xlabel="evaluations of f", ylabel="residual [logits], median", yscale="log", title="To the fixed point")
    axes.legend()
