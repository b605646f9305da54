# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Part of ``bench solver``: plans that are refined as texts: drafts, warm starts, cycles, success by budget.

Each problem is planned twice, by models that remember nothing of each other: with the draft as the guess that is
verified, and token by token. Both must write the same texts. A third time there is ONE refinement a correction. Each
context that feedback made is solved once more from nothing, to be compared with the solve from the last equilibrium.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any

from robot_planner.evaluation.report import COLORS
from robot_planner.evaluation.statistics import success_fields
from robot_planner.evaluation.task_planner_problems import Case
from robot_planner.task_planning.equilibrium import Equilibrium, Reason, solve_discrete
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.language_model import Generation, LanguageModel
from robot_planner.task_planning.nested import Budgets, Result
from robot_planner.task_planning.plan import TaskPlan, parse_plan
from robot_planner.task_planning.plan_task import Refinement, plan_task
from robot_planner.task_planning.prompt import write_suffix

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIRST, HEARD, LATER = "first", "first after feedback", "later"
"""Iterations: without a draft; with the last equilibrium as the draft, in a new context; with the last text."""
WARM_BAR = 2.0
"""Times fewer calls of the decoder from the last equilibrium than from nothing."""
DRAFT_BAR = 3.0
"""Times fewer calls of the decoder in later iterations."""
SOLVED, ONE = "equilibrium a correction", "one refinement a correction"
BUDGETS = (10, 20, 40, 80, 160, 320, 640, 1280)
"""Tokens at which success is told."""
LONGEST_PLAN = 50


@dataclass
class Recorder:
    """A model, and what it was asked and wrote; see LanguageModel."""

    model: LanguageModel
    calls: list[tuple[str, Generation]] = field(default_factory=list)
    """Which iteration, and what came of it."""
    heard: list[tuple[str, Grammar | None, str]] = field(default_factory=list)
    """Prompt before the draft, grammar and draft, where feedback had just changed the context."""
    name: str = "recorded"
    _prefix: str = ""

    def generate(self, prefix: str, suffix: str = "", **options: Any) -> Generation:
        """See LanguageModel."""
        kind = FIRST if suffix == write_suffix(None) else LATER if prefix == self._prefix else HEARD
        self._prefix = prefix
        if kind == HEARD:
            self.heard.append((prefix, options.get("grammar"), suffix.removeprefix("Draft:\n").removesuffix("Plan:\n")))
        self.calls.append((kind, self.model.generate(prefix, suffix, **options)))
        return self.calls[-1][1]


@dataclass(frozen=True)
class Planned:
    """One problem, planned in all ways."""

    helped: tuple[tuple[str, Generation], ...]
    plain: tuple[tuple[str, Generation], ...]
    cycles: tuple[dict[str, Any], ...]
    again: tuple[tuple[Equilibrium, Equilibrium], ...]
    """From nothing, and from the last equilibrium, in each context that feedback made."""
    results: dict[str, Result]
    """By SOLVED and ONE."""

    @property
    def different(self) -> int:
        """Texts that are not the same with and without drafts; those that only one of the two has among them."""
        pairs = zip(self.helped, self.plain, strict=False)
        return sum(a.text != b.text for (_, a), (_, b) in pairs) + abs(len(self.helped) - len(self.plain))


def plan_in_all_ways(case: Case, make_model: Callable[[], LanguageModel], corrections: int) -> Planned:
    """``make_model`` gives a model that remembers nothing."""
    budgets = {
        SOLVED: Budgets(corrections=corrections, tokens_per_plan=LONGEST_PLAN, restarts=0),
        ONE: Budgets(corrections=corrections, iterations=1, tokens_per_plan=LONGEST_PLAN, restarts=0),
    }
    recorders = {True: Recorder(make_model()), False: Recorder(make_model())}
    results = {}
    for reuse in sorted(recorders, reverse=bool(case.seed % 2)):  # neither has the warmer caches of the machine
        found = plan_task(
            case.task, recorders[reuse], environment=case.environment, budgets=budgets[SOLVED], reuse_draft=reuse
        )
        results[reuse] = found
    one = plan_task(case.task, make_model(), environment=case.environment, budgets=budgets[ONE])
    cycles = tuple(_cycle(case, r.equilibrium) for r in results[True].rounds if r.equilibrium.reason is Reason.CYCLE)
    again = tuple(_both(make_model, *context) for context in recorders[True].heard)
    helped, plain = (tuple(recorders[reuse].calls) for reuse in (True, False))
    return Planned(helped, plain, cycles, again, {SOLVED: results[True], ONE: one})


def _both(
    make_model: Callable[[], LanguageModel], prefix: str, grammar: Grammar | None, draft: str
) -> tuple[Equilibrium, Equilibrium]:
    def solved(start: TaskPlan | None) -> Equilibrium:
        return solve_discrete(Refinement(make_model(), prefix, grammar), start, tokens_per_plan=LONGEST_PLAN)

    return solved(None), solved(parse_plan(draft))


def _cycle(case: Case, found: Equilibrium) -> dict[str, Any]:
    """How a cycle was left: the member that was chosen beside all of them."""
    members = {draft.plan for draft in found.drafts[-found.cycle_length :]}
    scores = [case.score(plan).strict_gcr for plan in members]
    chosen = case.score(found.plan).strict_gcr
    return {"length": found.cycle_length, "chosen": chosen, "best": max(scores), "mean": fmean(scores)}


def drafts_table(rows: Sequence[Planned]) -> list[dict[str, Any]]:
    """A record for each kind of iteration; the two ways are compared where they wrote the same number of texts."""
    records: list[dict[str, Any]] = []
    pairs = [(kind, a, b) for row in rows for (kind, a), (_, b) in zip(row.helped, row.plain, strict=False)]
    different = sum(row.different for row in rows)
    for kind in (FIRST, HEARD, LATER):
        own = [(a, b) for k, a, b in pairs if k == kind]
        calls, plain_calls = sum(a.forwards for a, _ in own), sum(b.forwards for _, b in own)
        seconds, plain_seconds = sum(a.seconds for a, _ in own), sum(b.seconds for _, b in own)
        ratio = plain_calls / calls if calls else None
        records.append({
            "part": "draft reuse", "iteration": kind, "texts": len(own), "tokens": sum(a.new_tokens for a, _ in own),
            "decoder_calls": calls, "decoder_calls_plain": plain_calls, "times_fewer": ratio,
            "ms": 1e3 * seconds / max(len(own), 1), "ms_plain": 1e3 * plain_seconds / max(len(own), 1),
            "identical": sum(a.text == b.text for a, b in own), "different": different,
            "passed": None if kind != LATER or ratio is None else ratio >= DRAFT_BAR and not different,
        })  # fmt: skip
    return records


def warm_table(rows: Sequence[Planned]) -> list[dict[str, Any]]:
    """One record: iterations and calls of the decoder from nothing and from the last equilibrium, drafts reused."""
    pairs = [pair for row in rows for pair in row.again if all(solve.converged for solve in pair)]
    record: dict[str, Any] = {
        "part": "warm starts", "contexts": sum(len(row.again) for row in rows), "both_converged": len(pairs)
    }  # fmt: skip
    if pairs:
        for name in ("iterations", "forwards", "tokens"):
            cold, warm = (fmean(getattr(pair[at], name) for pair in pairs) for at in (0, 1))
            record |= {f"{name}_cold": cold, f"{name}_warm": warm, f"{name}_times_fewer": cold / warm}
        record |= {
            "same_plan": fmean(cold.plan == warm.plan for cold, warm in pairs),
            "passed": record["forwards_times_fewer"] >= WARM_BAR,
        }
    return [record]


def ends_table(rows: Sequence[Planned]) -> list[dict[str, Any]]:
    """How solves ended, and what became of cycles."""
    ends = [r.equilibrium for row in rows for r in row.results[SOLVED].rounds]
    counts = Counter(end.reason.value for end in ends)
    records: list[dict[str, Any]] = [
        {
            "part": "ends of solves", "reason": reason, "solves": count, "share": count / len(ends),
            "iterations": fmean(end.iterations for end in ends if end.reason.value == reason),
        }
        for reason, count in counts.most_common()
    ]  # fmt: skip
    cycles = [cycle for row in rows for cycle in row.cycles]
    record: dict[str, Any] = {"part": "cycles", "solves": len(cycles)}
    if cycles:
        lengths = Counter(cycle["length"] for cycle in cycles)
        record |= {
            "lengths": ", ".join(f"{length}: {count}" for length, count in sorted(lengths.items())),
            "best_chosen": fmean(cycle["chosen"] == cycle["best"] for cycle in cycles),
            **{f"gcr_{name}": fmean(cycle[name] for cycle in cycles) for name in ("chosen", "best", "mean")},
        }
    return [*records, record]


def curve(rows: Sequence[Planned]) -> list[dict[str, Any]]:
    """Share of problems that were solved within so many tokens."""
    return [
        {
            "part": "success by budget", "arm": arm, "tokens": budget, "problems": len(rows),
            **success_fields(_within(rows, arm, budget), "success"),
        }
        for arm in (SOLVED, ONE)
        for budget in BUDGETS
    ]  # fmt: skip


def _within(rows: Sequence[Planned], arm: str, tokens: int) -> list[bool]:
    return [row.results[arm].success and row.results[arm].tokens <= tokens for row in rows]


def draw_curve(axes: "Axes", rows: Sequence[Planned]) -> None:
    """Success over tokens, a line an arm."""
    for color, arm in zip(COLORS, (SOLVED, ONE), strict=False):
        spent = sorted(row.results[arm].tokens for row in rows if row.results[arm].success)
        last = max((row.results[arm].tokens for row in rows), default=1)
        shares = [(at + 1) / len(rows) for at in range(len(spent))]
        axes.step(
            [1, *spent, last], [0.0, *shares, shares[-1] if shares else 0.0], where="post", color=color, label=arm
        )
    axes.set(xlabel="tokens (steps written)", ylabel="share solved", xscale="log", ylim=(0.0, 1.0))
    axes.set_title("Success by budget")
    axes.legend()
