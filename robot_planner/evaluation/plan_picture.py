# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench plan-picture``: the nested loops of one household task, drawn: how a plan came to stand still, and why.

From left to right the drafts, round by round; in each what is new is green, what goes is struck out and red. Under a
round what came back when its equilibrium was tried. All of it is from a run that the command makes.
"""

import argparse
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot_planner.evaluation.records import open_results
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.households import HELD_OUT
from robot_planner.task_planning.nested import Budgets, Result
from robot_planner.task_planning.plan import END, TaskPlan
from robot_planner.task_planning.texts import edits

NEW, GONE, KEPT, QUIET = "#1a7f37", "#c2362f", "#1f2937", "#6b7280"
COLORS = {"+": NEW, "-": GONE, " ": KEPT}
LINE, COLUMN = 0.2, 3.1
"""Height of a line and width of a draft [inch]."""
THING = re.compile(r"<[a-z0-9_]+> \(\d+\)")
LONGEST = 50
"""Steps of a plan: as many as in training."""
LETTERS = 44
"""Of a line of a draft."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--model", default="task_planner", help="model name or folder (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the held-out problem (default: 0)")
    parser.add_argument("--errands", type=int, default=2, help="things to do in it (default: 2)")
    parser.add_argument("--corrections", type=int, default=10, help="rounds after the first (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/plan.png"), help="the picture (default: %(default)s)")


@dataclass(frozen=True)
class Column:
    """A draft as it is drawn."""

    title: str
    lines: tuple[tuple[str, str], ...]
    """Text and colour; GONE is struck out."""
    answer: str = ""
    """What came back, under a round's last draft."""


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Plans, draws, and returns a record of each refinement."""
    from robot_planner.task_planning.local_model import load_local_model
    from robot_planner.task_planning.plan_task import plan_task

    out = open_results(args.out)
    problem = sample_problem(args.seed, HELD_OUT, HELD_OUT, (args.errands, args.errands))
    environment = problem.flat.world().tester(problem.task.goals)
    budgets = Budgets(corrections=args.corrections, tokens_per_plan=LONGEST)
    result = plan_task(problem.task, load_local_model(args.model), environment=environment, budgets=budgets)
    draw(problem.task.instruction, result, out)
    print(f"wrote {args.out}", flush=True)
    return [
        {
            "seed": args.seed,
            "round": number,
            "refinement": at,
            "residual": draft.residual,
            "plan": "; ".join(map(str, (draft.plan or TaskPlan()).steps)),
        }
        for number, entry in enumerate(result.rounds, 1)
        for at, draft in enumerate(entry.equilibrium.drafts, 1)
    ]


def columns(result: Result) -> Iterator[Column]:
    """A column a draft, each against the one before it."""
    last = TaskPlan()
    for number, entry in enumerate(result.rounds, 1):
        drafts = entry.equilibrium.drafts
        for at, draft in enumerate(drafts, 1):
            plan = draft.plan or last
            title = f"round {number}, refinement {at}\nresidual {draft.residual:.2f}"
            ends = at == len(drafts) and entry.feedback
            yield Column(title, tuple(compared(last, plan)), said(entry.feedback[-1]) if ends else "")
            last = plan


def compared(before: TaskPlan, after: TaskPlan) -> Iterator[tuple[str, str]]:
    """Lines of a plan beside an older one, and their colours."""
    for sign, line in edits(str(before), str(after)):
        if line != END:
            yield textwrap.shorten(line, LETTERS, placeholder=" …"), COLORS[sign]


def said(feedback: Feedback) -> str:
    """What came back, in a few lines: of what was seen, that which concerns the things of unmet goals."""
    if feedback.success:
        return "the world: done, all goals are met"
    parts = [] if feedback.failed_step is None else [f"step {feedback.failed_step + 1}: {feedback.reason}"]
    parts += [f"unmet: {goal}" for goal in feedback.unmet]
    wanted = {name for goal in feedback.unmet for name in THING.findall(goal)}
    parts += [f"seen: {fact}" for fact in feedback.seen if wanted & set(THING.findall(fact)[:1])]
    return "the world: " + "; ".join(parts)


def draw(instruction: str, result: Result, path: Path) -> None:
    """Writes the picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from robot_planner.evaluation.report import save_figure

    shown = list(columns(result))
    answers = [textwrap.wrap(column.answer, LETTERS + 4) for column in shown]
    plan_lines = max(len(column.lines) for column in shown)
    height = LINE * (plan_lines + max(map(len, answers)) + 6)
    width = COLUMN * len(shown)
    figure = Figure(figsize=(width, height), dpi=110, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    top = height - 0.3
    axes.text(0.15, top, f"“{instruction}”", fontsize=11, color=KEPT, va="center", weight="bold")
    for at, (column, answer) in enumerate(zip(shown, answers, strict=True)):
        left, y = 0.15 + at * COLUMN, top - 2 * LINE
        axes.text(left, y, column.title, fontsize=8, color=QUIET, va="center")
        y -= 1.8 * LINE
        for text, color in column.lines:
            drawn = axes.text(left, y, text, fontsize=7.5, color=color, va="center", family="monospace")
            if color == GONE:
                end = drawn.get_window_extent(canvas.get_renderer()).transformed(axes.transData.inverted()).x1
                axes.plot((left, end), (y, y), color=GONE, linewidth=0.8)
            y -= LINE
        floor = top - (4.3 + plan_lines) * LINE
        for row, text in enumerate(answer):
            axes.text(left, floor - row * LINE, text, fontsize=7.5, color=QUIET, va="center", style="italic")
        if answer:
            axes.plot((left + COLUMN - 0.22,) * 2, (0.1, top - 1.5 * LINE), color="#d1d5db", linewidth=1.0)
    save_figure(figure, path)
