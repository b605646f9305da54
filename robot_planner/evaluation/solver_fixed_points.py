# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Part of ``bench solver``: the parallel refiner's fixed points, by solver, from nothing and from what is known.

A problem is solved; its plan is tried, and what comes back changes the context. In the new context each solver begins
once with nothing (cold), and warm: with its own last equilibrium, with that and what it has learned of the Jacobian,
and with the logits of that equilibrium's plan.
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
from robot_planner.task_planning.fixed_point import RULES, FixedPoint, Rule, solve
from robot_planner.task_planning.nested import Attempts
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.soft_refiner import SoftContext, SoftRefiner
from robot_planner.task_planning.tokens import PromptReader, WordList
from robot_planner.training.plan_batches import ExampleMaker, PlanExample, soft_context

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = ("picard", "anderson", "broyden")
COLD, EQUILIBRIUM, CARRIED, PLAN = "nothing", "last equilibrium", "last equilibrium and Jacobian", "last plan"
STARTS = (COLD, EQUILIBRIUM, CARRIED, PLAN)
ROUNDS = 3
"""Contexts after the first that a problem may have."""
TOLERANCE, CAP = 1e-3, 60
WARM_BAR = 2.0
"""Times fewer evaluations from the last equilibrium, with what was learned there, than from nothing."""


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
    last = {name: _solve(refiner, context, refiner.start(context), RULES.make(name)) for name in NAMES}
    tried: list[Any] = []
    for number in range(1, ROUNDS + 1):
        plan = planner.plan(last["anderson"].point.x, context, example)
        feedback = case.environment.test(plan)
        if feedback.success:
            break
        tried.append((plan, feedback))
        plans = {name: refiner.plan(last[name].point.x, context) for name in NAMES}
        context, example = planner.context(tried)
        for name in NAMES:
            before = last[name]
            starts: dict[str, tuple[Tensor, Rule]] = {
                COLD: (refiner.start(context), RULES.make(name)),
                EQUILIBRIUM: (before.point.x, RULES.make(name)),
                CARRIED: (before.point.x, before.rule.carried()),
                PLAN: (refiner.start(context, plans[name]), RULES.make(name)),
            }
            for start, (x, rule) in starts.items():
                solved = _solve(refiner, context, x, rule)
                point, key = solved.point, (case.group, case.seed, number)
                residuals = tuple(point.residuals[:, 0].tolist())
                converged = bool(point.converged.all())
                found.append(Solve(name, start, key, point.evaluations, converged, solved.seconds, residuals))
                if start == CARRIED:
                    last[name] = solved
    return found


@dataclass(frozen=True)
class _Solved:
    point: FixedPoint
    rule: Rule
    """As the solve has left it."""
    seconds: float


def _solve(refiner: SoftRefiner, context: SoftContext, start: Tensor, rule: Rule) -> _Solved:
    begun = time.perf_counter()
    found = solve(refiner.function(context), start, rule, tolerance=TOLERANCE, cap=CAP)
    return _Solved(found, rule, time.perf_counter() - begun)


def table_of(solves: Iterable[Solve]) -> list[dict[str, Any]]:
    """A record for each solver and start; evaluations are compared where both, cold and warm, came to a fixed point."""
    solves, records = list(solves), []
    for rule in NAMES:
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
                "passed": None if start != CARRIED or ratio is None else ratio >= WARM_BAR,
            })  # fmt: skip
    return records


def draw_residuals(axes: "Axes", solves: Sequence[Solve]) -> None:
    """Median residual over evaluations; a solve that has ended keeps its last."""
    for color, rule in zip(COLORS, NAMES, strict=False):
        for start, style in ((COLD, "-"), (CARRIED, "--")):
            rows = [s.residuals for s in solves if (s.rule, s.start) == (rule, start)]
            length = max(map(len, rows), default=0)
            line = [median(row[min(at, len(row) - 1)] for row in rows) for at in range(length)]
            axes.plot(range(1, length + 1), line, style, color=color, label=f"{rule}, from {start}")
    axes.axhline(TOLERANCE, color="#8791a0", linewidth=1.0)
    axes.set(xlabel="evaluations of f", ylabel="residual [logits], median", yscale="log", title="To the fixed point")
    axes.legend()
