# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench grasp-ablation``: GRASP with each of its ingredients off in turn; the environment decides.

In the two rooms and in Push-T (the settings that were found there for the loop) and at the arm's push (closed loop, the
shipped settings); budgets are of the planning thread's own time. Some ingredients are parameters; others, which nobody
would turn off at work, are derived classes here. A variant that changes nothing in a world's settings is left out
there.
"""

import argparse
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation.closed_loop import Outcome, run_episode
from robot_planner.evaluation.planner_settings import HESITATION, found_settings
from robot_planner.evaluation.planners import CELL_WORLDS
from robot_planner.evaluation.planners import TOLERANCE as TABLE_TOLERANCE
from robot_planner.evaluation.planning_cells import REPLAN, CellWorld
from robot_planner.evaluation.planning_runs import CLOCK, LOOPS, in_turns, outcome_fields
from robot_planner.evaluation.planning_runs import Outcome as CellOutcome
from robot_planner.evaluation.settings import shipped_settings
from robot_planner.evaluation.statistics import median_and_p99, success_fields
from robot_planner.planning.grasp import Grasp, GraspConfig, GraspSearch
from robot_planner.planning.lifted import Lifted
from robot_planner.planning.objective import Evaluation
from robot_planner.planning.planner import Planner
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.types import Plan, Problem
from robot_planner.world import PlanningWorld, load_world

WORLDS = (*CELL_WORLDS, "tabletop")


class UncutLifted(Lifted):
    """The lifted problem whose gradient flows through the model's state input, too."""

    def iterate(
        self, action_rate: Tensor, decay: float, state_rate: float, noise: Tensor | None = None, deviation: float = 0.0
    ) -> None:
        """See Lifted."""
        cut = self.cut_gradient()
        super().iterate(action_rate, decay, state_rate, noise, deviation)
        self.states[1:-1].sub_(cut, alpha=state_rate)

    def cut_gradient(self) -> Tensor:
        """(T-1, P, R, D) gradient of L by the states that predictions begin from: what the stop-gradient cuts."""
        states = self.states
        rows = states[:-1].reshape(-1, states.shape[-1]).clone().requires_grad_(True)
        with torch.enable_grad():
            predicted = self._objective.model.step(rows, self.actions.reshape(len(rows), -1))
        ahead = predicted.detach().view_as(states[1:])
        pull = self._uphill(ahead) - states[1:]
        (gradient,) = torch.autograd.grad(predicted, rows, pull.reshape(predicted.shape))
        return gradient.view_as(states[1:])[1:]


class UncutSearch(GraspSearch):
    """GraspSearch without the stop-gradient."""

    lifted_type: ClassVar[type[Lifted]] = UncutLifted


class UncutGrasp(Grasp):
    """Grasp without the stop-gradient."""

    search_type: ClassVar[type[GraspSearch]] = UncutSearch


class AcceptingSearch(GraspSearch):
    """GraspSearch that goes on from whatever a phase has left, as the paper does."""

    def accept(self, actions: Tensor, evaluation: Evaluation) -> tuple[Tensor, Evaluation]:
        """See GraspSearch."""
        return actions, evaluation


class AcceptingGrasp(Grasp):
    """Grasp that never takes a phase back."""

    search_type: ClassVar[type[GraspSearch]] = AcceptingSearch


class ForgetfulGrasp(Grasp):
    """Grasp that begins each plan from nothing."""

    def plan(self, problem: Problem, deadline: float | None = None) -> Plan:
        """See Planner."""
        self._last = None
        return super().plan(problem, deadline)


class ApartGrasp(Grasp):
    """Grasp that takes no notice of how many of the environment's actions one of the model's holds."""

    def __init__(self, model: WorldModel, *rest: Any, **options: Any) -> None:  # noqa: ANN401 - as Grasp has them
        super().__init__(model, *rest, **options)
        whole = copy.copy(model)
        whole.action_parts = 1  # type: ignore[attr-defined]
        self.objective.model = whole


@dataclass(frozen=True)
class Variant:
    """GRASP without something."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    kind: type[Grasp] = Grasp
    worlds: tuple[str, ...] = WORLDS
    loops: tuple[str, ...] = tuple(LOOPS)


VARIANTS: dict[str, Variant] = {
    "whole": Variant(),
    "no noise": Variant({"noise": 0.0}),
    "no stop-gradient": Variant(kind=UncutGrasp),
    "no dense goal": Variant({"goal_weight": 0.0}),
    "no sync": Variant({"sync": "none"}),
    "sync by gradient": Variant({"sync": "gradient"}),
    "sync by CEM": Variant({"sync": "cem"}),
    "sync smoothed": Variant({"sync": "smoothed", "sync_samples": 64, "sync_rate": 0.3}, worlds=("pusht",)),
    "population without secant steps": Variant({"sync_secants": 0}, worlds=("pusht",)),
    "one sync a phase": Variant({"sync_steps": 1}, worlds=("pusht",)),
    "noise drawn for each part of an action": Variant(kind=ApartGrasp, worlds=("pusht",)),
    "products in bfloat16": Variant({"bfloat16": True}, worlds=("pusht",)),
    "syncs rarely, as in the paper": Variant({"sync_every": 30}),
    "phases never taken back": Variant(kind=AcceptingGrasp, worlds=tuple(CELL_WORLDS)),
    "constant rate and noise": Variant({"decay": 1.0}),
    "states begin on the line": Variant({"initial_states": "line"}),
    "states begin on the rollout": Variant({"initial_states": "rollout"}),
    "one restart": Variant({"restarts": 1}),
    "rest alone as first candidate": Variant({"candidates": 1, "restarts": 1}),
    "no warm start": Variant(kind=ForgetfulGrasp, loops=("closed",)),
    "no plan kept beside the last one": Variant({"keep_restarts": False}, loops=("closed",)),
    "arrival may be put off": Variant({"keep_arrival": False}, worlds=tuple(CELL_WORLDS), loops=("closed",)),
    "no hesitation": Variant({HESITATION: 0.0}, worlds=("pusht",), loops=("closed",)),
    "no search of paths": Variant({"paths": 0}, worlds=("two-room",)),
    "a search of paths": Variant({"paths": 96}, worlds=("tabletop",)),
    "paths searched without caution": Variant({"path_caution": 0.0}, worlds=("two-room",)),
    "neither search of paths nor candidates": Variant({"paths": 0, "candidates": 1}, worlds=("two-room",)),
}
"""The paper's ingredients, then ours."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument(
        "--worlds",
        nargs="+",
        default=["two-room", "tabletop"],
        metavar="WORLD",
        help=f"of {', '.join(WORLDS)} (default: %(default)s)",
    )
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), metavar="NAME", help="(default: all)")
    parser.add_argument(
        "--horizons", type=int, nargs="+", default=[50, 80], help="of all worlds but tabletop (default: %(default)s)"
    )
    parser.add_argument(
        "--loop", choices=tuple(LOOPS), default="open", help="of all worlds but tabletop (default: %(default)s)"
    )
    parser.add_argument("--problems", type=int, default=100, help="of each horizon (default: %(default)s)")
    parser.add_argument("--episodes", type=int, default=20, help="of push (default: %(default)s)")
    parser.add_argument("--milliseconds", type=float, default=100.0, help="of a plan, but at push (default: 100)")
    parser.add_argument("--push-milliseconds", type=float, default=35.0, help="of a plan at push (default: 35)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first problem (default: held-out)")
    parser.add_argument("--quick", action="store_true", help="10 problems, 4 episodes")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each world, horizon and variant."""
    if args.quick:
        args.problems, args.episodes = 10, 4
    for kind, names, valid in (("world", args.worlds, WORLDS), ("variant", args.variants, VARIANTS)):
        for name in names:
            if name not in valid:
                raise UnknownNameError(kind, name, valid)
    if min(args.problems, args.episodes, args.milliseconds, args.push_milliseconds) <= 0:
        raise InvalidInputError("--problems, --episodes and the milliseconds are positive")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        records = (_cells(args, CELL_WORLDS[name]) if name in CELL_WORLDS else _push(args) for name in args.worlds)
        return [_told(record) for found in records for record in found]
    finally:
        torch.set_num_threads(threads)


def made(variant: Variant, world: PlanningWorld, settings: Mapping[str, Any]) -> Grasp:
    """The planner of a variant over ``settings``."""
    return variant.kind(world.dynamics, world.metric(), _config(settings, variant.changes)[0], clock=CLOCK)


def _config(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[GraspConfig, float]:
    """Parameters of GRASP and the hesitation."""
    whole = {HESITATION: 0.0, **settings, **changes}
    hesitation = whole.pop(HESITATION)
    return GraspConfig.from_mapping(whole), hesitation


def _chosen(args: argparse.Namespace, name: str, loop: str, settings: Mapping[str, Any]) -> dict[str, Variant]:
    """The variants of a world and loop, but for any that changes nothing in its settings."""
    asked = {variant: VARIANTS[variant] for variant in args.variants}
    fitting = {variant: what for variant, what in asked.items() if name in what.worlds and loop in what.loops}
    whole = _config(settings, {})
    return {
        variant: what
        for variant, what in fitting.items()
        if not what.changes or _config(settings, what.changes) != whole
    }


def _cells(args: argparse.Namespace, bench: CellWorld) -> Iterator[dict[str, Any]]:
    world, settings = bench.load(None), found_settings(None, bench.settings[args.loop])["grasp"]
    for horizon in args.horizons:
        shared, planners = {**settings, **bench.shared_settings(horizon)}, {}
        for name, variant in _chosen(args, bench.name, args.loop, shared).items():
            hesitation = _config(shared, variant.changes)[1]
            planner: Planner = made(variant, world, shared)
            planners[name] = bench.hesitant(planner, world.dynamics, world.metric(), horizon, hesitation)

        def solved(planner: Planner, seed: int, horizon: int = horizon) -> CellOutcome:
            return bench.outcomes(world, planner, [seed], horizon, args.loop, args.milliseconds / 1e3, REPLAN)[0]

        for name, outcomes in in_turns(planners, range(args.seed, args.seed + args.problems), solved).items():
            about = {"world": bench.name, "loop": args.loop, "horizon": horizon}
            about |= {"budget_ms": args.milliseconds, "variant": name}
            yield {**about, "first_seed": args.seed, **outcome_fields(outcomes, bench.unit)}


def _push(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    world = load_world("tabletop")
    settings = {**shipped_settings("grasp"), "iterations": 1_000_000, "patience": 0}
    chosen = _chosen(args, "tabletop", "closed", settings)
    planners = {name: made(variant, world, settings) for name, variant in chosen.items()}
    with Tabletop() as tabletop:

        def solved(planner: Grasp, seed: int) -> Outcome:
            budget = args.push_milliseconds / 1e3
            return run_episode(tabletop, world, planner, "push", seed, TABLE_TOLERANCE, budget, clock=CLOCK)

        found = in_turns(planners, range(args.seed, args.seed + args.episodes), solved)
    for name, outcomes in found.items():
        about = {"world": "tabletop", "task": "push", "budget_ms": args.push_milliseconds, "variant": name}
        yield {
            **about,
            "first_seed": args.seed,
            "problems": len(outcomes),
            **success_fields([o.success for o in outcomes], "environment_success"),
            **success_fields([o.believed for o in outcomes], "model_success"),
            "iterations_median": median_and_p99([n for o in outcomes for n in o.iterations])[0],
        }


def _told(record: dict[str, Any]) -> dict[str, Any]:
    """Tells how far the bench is."""
    keys = ("world", "horizon", "variant", "environment_success", "model_success")
    print("  ".join(f"{key} {record[key]}" for key in keys if key in record), flush=True)
    return record
