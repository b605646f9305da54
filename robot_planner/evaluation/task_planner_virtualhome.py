# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench task-planner-virtualhome``: VirtualHome's programs, as the package eai-eval has them.

Parts: "gold", gold programs in our executor; "agreement", our executor beside the published one, action by action, over
gold programs and spoilt copies (a step that both refuse is passed over; after the first difference a program is left);
"ladder", a model on the titles that are held out, each program's things narrowed to what ``Program.task`` says.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import torch

from robot_planner.errors import InvalidInputError, ModelError, UnknownNameError
from robot_planner.evaluation.task_planner_outcomes import (
    ENVIRONMENT_ARM,
    EQUILIBRIUM,
    ONE_PASS,
    SINGLE,
    Outcome,
    Settings,
    outcome_of_rounds,
)
from robot_planner.evaluation.task_planner_problems import Case
from robot_planner.evaluation.task_planner_tables import fields, with_intervals
from robot_planner.evaluation.virtualhome_published import Comparison, PublishedWorld, compare
from robot_planner.task_planning.households import HELD_OUT, split_of
from robot_planner.task_planning.local_model import LocalModel, load_local_model
from robot_planner.task_planning.plan_task import plan_task
from robot_planner.task_planning.virtualhome import NEARNESS, Program, programs
from robot_planner.training.plan_lessons import spoil
from robot_planner.training.virtualhome_lessons import names_of, of_training

PARTS = GOLD, AGREEMENT, LADDER = ("gold", "agreement", "ladder")
QUICK = 10
SHIPPED = "task_planner"
"""The model of households, which that of VirtualHome's programs begins from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--parts", nargs="+", default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--models", nargs="+", default=["task_planner_virtualhome"], help="of the ladder")
    parser.add_argument("--every", type=int, default=1, help="of the programs only one in so many (default: all)")
    parser.add_argument("--spoilt", type=int, default=1, help="spoilt copies of each program (default: %(default)s)")
    parser.add_argument("--corrections", type=int, default=10, help="rounds after the first (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the spoilt copies (default: 0)")
    parser.add_argument("--quick", action="store_true", help=f"one program in {QUICK}")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of the parts; raises EnvironmentSetupError if the package is not installed."""
    every = QUICK if args.quick else args.every
    if every < 1 or min(args.spoilt, args.corrections) < 0:
        raise InvalidInputError("--every is positive; --spoilt and --corrections are not negative")
    for part in args.parts:
        if part not in PARTS:
            raise UnknownNameError("part", part, PARTS)
    torch.set_num_threads(1)
    models = {name: _model(name) for name in args.models} if LADDER in args.parts else {}
    known = list(programs())
    chosen, records = known[::every], []
    if GOLD in args.parts:
        records.append(gold(chosen))
    if AGREEMENT in args.parts:
        records += agreement(chosen, args.spoilt, args.seed)
    for name, model in models.items():
        records += ladder(name, model, known, every, Settings(corrections=args.corrections))
    return records


def _model(name: str) -> LocalModel:
    try:
        model = load_local_model(name)
    except ModelError as error:
        made = f"./run train task-planner-virtualhome --start models/{SHIPPED}"
        raise ModelError(f"{error}; for the part '{LADDER}' make one first: {made}") from None
    if not isinstance(model, LocalModel):
        raise InvalidInputError(f"'{name}' is no model of our own")
    return model


def gold(chosen: Sequence[Program]) -> dict[str, Any]:
    """How often gold programs do every step and meet their goals; failing ones are tried in the published one too."""
    done, failing = 0, []
    wanted = [program for program in chosen if program.goals]
    for number, program in enumerate(wanted, 1):
        told = program.world().run(program.plan, program.goals)
        done += told.success and told.failed_step is None
        if not told.success or told.failed_step is not None:
            failing.append((program, told.failed_step))
        if number % 100 == 0:
            print(f"gold: {number}/{len(wanted)}", flush=True)
    same = sum(_published_failure(program) == at for program, at in failing)
    return {
        "part": GOLD,
        "programs": len(wanted),
        "done_and_met": done,
        "failing": " ".join(program.name for program, _ in failing),
        "failing_alike_in_the_published_executor": same,
    }


def _published_failure(program: Program) -> int | None:
    world = PublishedWorld(program.name)
    return next((at for at, step in enumerate(program.plan.steps) if not world.execute(step)), None)


def agreement(chosen: Sequence[Program], spoilt: int, seed: int) -> Iterator[dict[str, Any]]:
    """A record for each action and one for all."""
    counts: dict[str, Counter[str]] = {"all": Counter()}
    random = Random(seed)
    for number, program in enumerate(chosen, 1):
        scene = program.world().scene()
        plans = [program.plan, *(spoil(program.plan, scene, random) for _ in range(spoilt))]
        for plan in plans:
            for entry in compare(program, plan):
                for name in ("all", entry.step.action):
                    counts.setdefault(name, Counter()).update(_kinds(entry))
        if number % 50 == 0:
            print(f"agreement: {number}/{len(chosen)}", flush=True)
    for name, count in sorted(counts.items()):
        kinds = ("steps", "refused", "same_answer", "same_state", "differs_in_nearness_alone")
        yield {"part": AGREEMENT, "action": name, **{kind: count[kind] for kind in kinds}}


def _kinds(entry: Comparison) -> Iterator[str]:
    yield "steps"
    if not entry.published:
        yield "refused"
    if entry.ours == entry.published:
        yield "same_answer"
    if not entry.differs:
        yield "same_state"
    elif entry.ours == entry.published and all(fact.relation in NEARNESS for fact in entry.differs):
        yield "differs_in_nearness_alone"


def ladder(
    name: str, model: LocalModel, known: Sequence[Program], every: int, settings: Settings
) -> Iterator[dict[str, Any]]:
    """A record for each arm on programs of held-out titles that have goals."""
    names = names_of(of_training(known))
    held = [program for program in known if split_of(program.title) == HELD_OUT and program.goals][::every]
    outcomes: dict[str, list[Outcome]] = {}
    covered = 0
    for number, program in enumerate(held, 1):
        case = Case("title new", number, program.task(names), program.world(), len(program.plan.steps))
        covered += case.score(program.plan).exec
        for arm, outcome in run_arms(case, model, settings).items():
            outcomes.setdefault(arm, []).append(outcome)
        if number % 10 == 0:
            print(f"ladder of {name}: {number}/{len(held)}", flush=True)
    for arm, rows in outcomes.items():
        figures = with_intervals(fields(rows), len(rows))
        yield {"part": LADDER, "model": name, "arm": arm, "programs": len(held), "gold_in_scene": covered, **figures}


def run_arms(case: Case, known: LocalModel, settings: Settings) -> dict[str, Outcome]:
    """The arms on one program, each with a model that remembers nothing."""
    more = settings.corrections
    arms = {
        SINGLE: (settings.budgets(0, 1, 0), False),
        EQUILIBRIUM: (settings.budgets(restarts=0), False),
        ONE_PASS: (settings.budgets(more, 1), True),
        ENVIRONMENT_ARM: (settings.budgets(more), True),
    }
    outcomes = {}
    for arm, (budgets, tried) in arms.items():
        model = LocalModel(known.network, known.words, known.name, known.careful, known.device)
        environment = case.environment if tried else None
        rounds = plan_task(case.task, model, environment=environment, budgets=budgets).rounds
        outcomes[arm] = outcome_of_rounds(case, rounds)
    return outcomes
