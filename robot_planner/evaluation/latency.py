# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""How quick the running graph is on two cores: plans a second, age of images at the arm, jitter, CPU and memory.

The nodes run as in the demo, each in its process, and get goals one after the other. Ages follow from the image's own
stamp, which latent, plan and command carry; CPU and memory are what the kernel accounts to each process. Figures are
taken while a goal is pursued.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation.processes import OTHERS, Sampler, cores
from robot_planner.evaluation.recording import PlanEntry, Recording
from robot_planner.simulation.tasks import HELD_OUT_SEEDS

PLANS_BAR = 50.0
"""Plans per second that are wanted, at least, while the arm moves."""
STILL = 0.004
"""By a plan whose first action is no longer, in x and y [m], the arm stands still, and the next may take its time."""
CONTROL_PERIOD = 0.02
"""Of the policy node as it is shipped [s]."""
STARTUP = 300.0
SHORTEST = 2.0
"""A goal that would get less time than this [s] is not sent any more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``bench latency``."""
    from robot_planner.nodes.overrides import add_overrides

    parser.add_argument("--seconds", type=float, default=60.0, help="time under goals (default: %(default)g)")
    parser.add_argument("--task", default="push", help="task of the goals (default: %(default)s)")
    parser.add_argument("--planner", default="grasp", metavar="NAME", help="planner (default: %(default)s)")
    parser.add_argument("--model", default="tabletop", metavar="NAME", help="model, or its folder (%(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the first goal (default: held-out)")
    add_overrides(parser, "planner.plan_rate:=50.0")
    parser.add_argument("--cores", type=int, default=2, help="cores that all processes share (default: %(default)s)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record a quantity; raises RobotPlannerError, among them GraphError if a node is lost."""
    from robot_planner.nodes.demo_interrupts import Interrupts
    from robot_planner.nodes.demo_options import TIME_LIMITS, check_model, planner_names
    from robot_planner.nodes.graph import Graph
    from robot_planner.nodes.overrides import read_overrides

    if args.task not in TIME_LIMITS:
        raise UnknownNameError("task", args.task, TIME_LIMITS)
    if args.planner not in (names := planner_names()):
        raise UnknownNameError("planner", args.planner, names)
    if not SHORTEST <= args.seconds <= 86400.0:
        raise InvalidInputError(f"--seconds is {args.seconds:g}; allowed: {SHORTEST:g} to 86400")
    if args.seed < 0:
        raise InvalidInputError(f"--seed is {args.seed}; allowed: 0 and above")
    values = {"model": check_model(args.model), "algorithm": args.planner, "simulation": "true"}
    overrides = {"simulation.task": args.task, "simulation.seed": args.seed, **read_overrides(args.parameter)}
    with cores(args.cores) as shared, Interrupts() as interrupts, Graph(values, overrides) as graph:
        from robot_planner.nodes.demo_session import Session

        processes = {name: child.process.pid for name, child in graph.children.items()}
        sampler = Sampler(processes | {"bench": os.getpid()})
        recordings: list[Recording] = []

        def pulse() -> None:
            interrupts.check()
            if recordings and recordings[-1].plans and not recordings[-1].ended:
                sampler.sample()
            else:
                sampler.pause()

        with Session(graph, pulse, frames=False) as session:
            session.wait_active(STARTUP)
            left, seed = args.seconds, args.seed
            while left >= SHORTEST:
                limit = min(left, TIME_LIMITS[args.task])
                recordings.append(Recording(args.task, seed, args.planner, args.model, time_limit=limit))
                session.episode(recordings[-1])
                left -= recordings[-1].elapsed(recordings[-1].ended)
                seed += 1
    return records(recordings, sampler, shared)


def records(recordings: Sequence[Recording], sampler: Sampler, shared: int) -> list[dict[str, Any]]:
    """One flat record a quantity: its median, 99th percentile and largest value, and the bar where there is one."""

    def gather(take: Callable[[Recording], Sequence[float]], scale: float = 1e3) -> list[float]:
        return [scale * value for recording in recordings for value in take(recording)]

    rates = gather(lambda r: per_second([plan.arrival for plan in r.plans]), 1.0)
    moving = gather(lambda r: moving_seconds(r.plans), 1.0)
    median = float(np.median(moving)) if moving else 0.0
    first = gather(lambda r: [r.elapsed(r.plans[0].arrival)] if r.plans else [])
    table = [
        entry("plans_per_second", "1/s", rates),
        entry("plans_per_second_moving", "1/s", moving)
        | {"bar": f">= {PLANS_BAR:g} (median)", "met": median >= PLANS_BAR},
        entry("image_to_command", "ms", gather(lambda r: r.image_ages)),
        entry("image_to_latent", "ms", gather(lambda r: r.latent_ages)),
        entry("image_to_plan", "ms", gather(lambda r: [(plan.arrival - plan.stamp) * 1e-9 for plan in r.plans])),
        entry("planning", "ms", gather(lambda r: [plan.seconds for plan in r.plans])),
        entry("iterations_per_plan", "", gather(lambda r: [plan.iterations for plan in r.plans], 1.0)),
        entry("goal_to_first_plan", "ms", first),
        entry("seam", "mm", gather(lambda r: r.jumps)),
        entry("control_jitter", "ms", gather(lambda r: [abs(period - CONTROL_PERIOD) for period in r.periods])),
    ]
    for name in (*sampler.processes, OTHERS):
        table.append(entry(f"cpu.{name}", "% of a core", sampler.cpu[name]))
    for name in sampler.processes:
        table.append(entry(f"memory.{name}", "MB", sampler.memory[name]))
    table.append(entry("goals", "", [float(len(recordings))]))
    table.append(entry("cores", "", [float(shared)]))
    return table


def entry(quantity: str, unit: str, values: Sequence[float]) -> dict[str, Any]:
    """The record of a quantity; null without values."""
    known = np.asarray(values, np.float64)
    figures = (np.median(known), np.percentile(known, 99), known.max()) if len(known) else (None, None, None)
    numbers = [None if value is None else float(value) for value in figures]
    return {
        "quantity": quantity, "unit": unit, "median": numbers[0], "p99": numbers[1], "max": numbers[2],
        "samples": len(known), "bar": None, "met": None,
    }  # fmt: skip


def per_second(times: Sequence[int]) -> list[float]:
    """Events in each whole second from the first of ``times`` [ns] to the last."""
    if len(times) < 2:
        return []
    seconds = (np.asarray(times) - times[0]) // 1_000_000_000
    whole = int((times[-1] - times[0]) // 1_000_000_000)
    return np.bincount(seconds.astype(np.int64), minlength=whole + 1)[:whole].astype(float).tolist()


def moving_seconds(plans: Sequence[PlanEntry]) -> list[float]:
    """As `per_second` of plans, without the seconds in which one stands still or the next is waited for."""
    times = [plan.arrival for plan in plans]
    still = [index for index, plan in enumerate(plans) if np.abs(plan.actions[0]).max() <= STILL]
    waiting = {(times[min(at + step, len(times) - 1)] - times[0]) // 1_000_000_000 for at in still for step in (0, 1)}
    return [count for second, count in enumerate(per_second(times)) if second not in waiting]
