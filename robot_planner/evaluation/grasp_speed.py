# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench grasp-speed``: milliseconds an iteration, beside the paper's plain loop, peers, and the least possible.

All methods run on the same model and problems, on one CPU thread or a GPU (``--device``), by turns (A B C A B C ...),
so that whatever else the machine does meets them alike, a few calls in a row, as at work; figures are medians.
``ratio_to_ideal`` is our lifted iteration over one batched forward pass of the model and one vector-Jacobian product
with respect to the actions: what any lifted method has to compute. With ``--compiled``, and on a GPU, phases as they
are recorded stand beside that, over the same ideal, and over as many ideals recorded alike.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robot_planner.dynamics.world_model import FunctionModel, WorldModel
from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation.speed_models import ACTION_DIM, LATENT_DIM, speed_models
from robot_planner.planning.cem import Cem, CemConfig
from robot_planner.planning.goal_metric import LatentDistance
from robot_planner.planning.grasp import Grasp, GraspConfig, LiftedPhase
from robot_planner.planning.lifted import Lifted, straight_line
from robot_planner.planning.noise import NoiseTable
from robot_planner.planning.objective import Objective, Task
from robot_planner.planning.recorded import Recorded, check_compiler
from robot_planner.types import Problem

PHASE, IDEALS = "recorded phase", "recorded ideals"
BURST, LONG = 5, 0.02
"""Calls in a row that are timed as one, and the seconds of a call from which on one is enough."""
PEERS = ("paper_loop", "gradient_descent", "cem_300")
CEM_ROWS = 150_000
"""Rows of the model beyond which CEM is left out: minutes a call, and more memory than a plan may take."""
BAR = 1.3
"""Largest ratio to the ideal that we accept, by the faster of both ways."""


class PaperLoop:
    """The paper's pseudo-code as one would write it: a loop over steps, autograd through all, torch's Adam."""

    def __init__(self, model: WorldModel, task: Task, horizon: int) -> None:
        self._model, self._start, self._goal = model, task.starts, task.goals.squeeze(1)
        line = straight_line(task, horizon).squeeze(2)
        self._states = [state.clone().requires_grad_(True) for state in line[1:-1]]
        self._actions = [
            self._start.new_zeros(len(self._start), ACTION_DIM, requires_grad=True) for _ in range(horizon)
        ]
        self._optimiser = torch.optim.Adam(
            [{"params": self._states, "lr": 0.1}, {"params": self._actions, "lr": 0.005}], foreach=False
        )

    def iterate(self) -> None:
        """One iteration."""
        path = [self._start, *self._states, self._goal]
        loss = self._start.new_zeros(())
        for state, following, action in zip(path[:-1], path[1:], self._actions, strict=True):
            predicted = self._model.step(state.detach(), action)
            loss = loss + (predicted - following).square().mean(-1).sum()
            loss = loss + (predicted - self._goal).square().mean(-1).sum()
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        with torch.no_grad():
            for state in self._states:
                state.add_(0.005 * torch.randn_like(state))


class GradientDescent:
    """Back-propagation of the same objective through the rollout, torch's Adam."""

    def __init__(self, objective: Objective, task: Task) -> None:
        self._objective, self._task = objective, task
        shape = (objective.config.horizon, len(task.starts), 1, ACTION_DIM)
        self._actions = task.starts.new_zeros(shape, requires_grad=True)
        self._optimiser = torch.optim.Adam([self._actions], lr=0.05)

    def iterate(self) -> None:
        """One iteration."""
        _, self._actions.grad = self._objective.evaluate_with_gradient(self._task, self._actions)
        self._optimiser.step()
        with torch.no_grad():
            self._actions.clamp_(-1.0, 1.0)


def methods(
    model: WorldModel, horizon: int, batch: int, seed: int, record: bool = False
) -> dict[str, Callable[[], object]]:
    """One iteration of each method, ready to be timed; with ``record`` also recorded phases and ideals, of five."""
    metric, numbers = LatentDistance(), np.random.default_rng(seed)
    problems = [Problem(*numbers.standard_normal((2, LATENT_DIM), dtype=np.float32)) for _ in range(batch)]
    grasp = GraspConfig(horizon=horizon, restarts=1, candidates=1)
    objective = Objective(model, metric, grasp)
    device = objective.device
    starts, goals = (
        torch.stack([torch.from_numpy(getattr(p, name)) for p in problems]).to(device) for name in ("start", "goal")
    )
    task = objective.task(starts, goals)
    line, rest = straight_line(task, horizon), starts.new_zeros(horizon, batch, 1, ACTION_DIM)
    lifted = Lifted(objective, task, line, rest, grasp.goal_weight)
    noise = NoiseTable(
        [torch.Generator(device).manual_seed(i) for i in range(batch)],
        (horizon - 1, 1, LATENT_DIM), device, objective.dtype,
    )  # fmt: skip
    rate = (grasp.action_rate * objective.half_range).expand(batch, 1, -1)
    rows = lifted.states[:-1].reshape(-1, LATENT_DIM).clone()
    leaf = rows.new_zeros(len(rows), ACTION_DIM, requires_grad=True)
    cotangent = torch.randn_like(rows)
    cem = CemConfig(horizon=horizon, iterations=1, samples=300)
    sampler = Cem(model, metric, cem)

    def ideal() -> tuple[Tensor, ...]:
        return torch.autograd.grad(model.step(rows, leaf), leaf, cotangent)

    found: dict[str, Callable[[], object]] = {
        "ideal": ideal,
        "grasp": lambda: lifted.iterate(rate, 1.0, grasp.state_rate, noise.draw(), grasp.noise),
        "paper_loop": PaperLoop(model, task, horizon).iterate,
        "gradient_descent": GradientDescent(objective, task).iterate,
    }
    if cem.samples * horizon * batch <= CEM_ROWS:
        found["cem_300"] = lambda: sampler.plan_batch(problems)
    if record:
        count = grasp.sync_every
        phase = Recorded(LiftedPhase(objective, grasp, Lifted), device, batch)
        work = Recorded(partial(ideals, model), device, len(rows))
        # other inputs each, or a compiler would do once what is the same
        inputs = [part.clone() for _ in range(count) for part in (rows, leaf.detach(), cotangent)]
        inputs = [part + 0.01 * torch.randn_like(part) for part in inputs]
        found[PHASE] = lambda: phase(*task, line, rest, rate, *(noise.draw() for _ in range(count)))
        found[IDEALS] = lambda: work(*inputs)
    return found


def ideals(model: WorldModel, *inputs: Tensor) -> tuple[Tensor, ...]:
    """For each three of inputs, latents, actions and cotangents, the gradient by the actions."""
    found: list[Tensor] = []
    for latents, actions, cotangent in zip(inputs[::3], inputs[1::3], inputs[2::3], strict=True):
        leaf = actions.detach().requires_grad_(True)
        with torch.enable_grad():
            following = model.step(latents, leaf)
        found += torch.autograd.grad(following, leaf, cotangent)
    return tuple(found)


def with_sync(model: WorldModel, horizon: int, batch: int, seed: int, phases: int) -> float:
    """Milliseconds an iteration of a whole plan of default settings and one restart, syncs and rollouts included."""
    config = GraspConfig(horizon=horizon, restarts=1, candidates=1)
    planner = Grasp(model, LatentDistance(), replace(config, iterations=phases * config.sync_every))
    numbers = np.random.default_rng(seed)
    problems = [Problem(*numbers.standard_normal((2, LATENT_DIM), dtype=np.float32)) for _ in range(batch)]
    plans = planner.plan_batch(problems)
    return 1e3 * plans[0].seconds / plans[0].iterations


def interleaved(candidates: dict[str, Callable[[], object]], seconds: float) -> dict[str, list[float]]:
    """Milliseconds of each call, all by turns; calls that take long compared to the ideal are made seldom."""
    once = {}
    for name, call in candidates.items():
        call()
        once[name] = timed(call, 1)
    every = {name: max(1, round(duration / (8 * once["ideal"]))) for name, duration in once.items()}
    times: dict[str, list[float]] = {name: [] for name in candidates}
    turn, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end or min(len(t) for t in times.values()) < 5:
        for name, call in candidates.items():
            if turn % every[name] == 0:
                times[name].append(1e3 * timed(call, BURST if once[name] < LONG else 1))
        turn += 1
    return times


def timed(call: Callable[[], object], burst: int) -> float:
    """Seconds until what is called is done, on a GPU too; the mean of so many calls in a row."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else _nothing
    wait()
    begun = time.perf_counter()
    for _ in range(burst):
        call()
    wait()
    return (time.perf_counter() - begun) / burst


def _nothing() -> None:
    pass


def measure(
    horizons: Iterable[int] = (8, 16, 50, 200),
    batches: Iterable[int] = (1, 8),
    seed: int = 0,
    seconds: float = 3.0,
    device: str = "cpu",
    compiled: bool = False,
) -> list[dict[str, Any]]:
    """A record for each model, horizon and batch."""
    records = []
    box = torch.ones(ACTION_DIM, device=device)
    for name, network in speed_models(seed).items():
        model = FunctionModel(network.to(device), LATENT_DIM, -box, box)
        for horizon in horizons:
            for batch in batches:
                times = interleaved(methods(model, horizon, batch, seed, compiled or device != "cpu"), seconds)
                middle = {method: statistics.median(values) for method, values in times.items()}
                record: dict[str, Any] = {
                    "model": name,
                    "horizon": horizon,
                    "batch": batch,
                    "seed": seed,
                    "device": device,
                }
                record |= {"ms_per_iteration": middle["grasp"], "ms_ideal": middle["ideal"]}
                record |= {"ratio_to_ideal": middle["grasp"] / middle["ideal"]}
                if PHASE in middle:
                    own, least = (middle[name] / GraspConfig().sync_every for name in (PHASE, IDEALS))
                    record |= {"ms_per_iteration_recorded": own, "ms_ideal_recorded": least}
                    record |= {"ratio_recorded_to_ideal": own / middle["ideal"]}
                    record |= {"ratio_recorded_to_ideal_recorded": own / least}
                ratios = [record[key] for key in ("ratio_to_ideal", "ratio_recorded_to_ideal") if key in record]
                record |= {"within_bar": min(ratios) <= BAR}
                record |= {"ms_per_iteration_with_sync": with_sync(model, horizon, batch, seed, 4)}
                for peer in sorted(middle.keys() & set(PEERS), key=PEERS.index):
                    record |= {f"ms_{peer}": middle[peer], f"speedup_over_{peer}": middle[peer] / middle["grasp"]}
                record |= {"rounds": len(times["grasp"])}
                records.append(record)
    return records


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--quick", action="store_true", help="two horizons, one problem, half a second a size")
    parser.add_argument("--horizons", type=int, nargs="+", default=[8, 16, 50, 200], help="(default: 8 16 50 200)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8], help="problems at a time (default: 1 8)")
    parser.add_argument("--compiled", action="store_true", help="on a CPU, compiled phases too: half a minute a size")
    parser.add_argument("--device", default="cpu", help="cpu, or a GPU such as cuda (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights and problems (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=3.0, help="time spent on each size (default: %(default)s)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each model, horizon and batch, on one thread; raises EnvironmentSetupError without the device."""
    try:
        torch.empty(1, device=args.device)
    except (RuntimeError, AssertionError) as error:  # PyTorch without CUDA asserts
        raise EnvironmentSetupError(f"no device '{args.device}': {str(error).splitlines()[0]}") from None
    if args.compiled:
        check_compiler()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        if args.quick:
            return measure((8, 16), (1,), args.seed, 0.5, args.device, args.compiled)
        return measure(args.horizons, args.batches, args.seed, args.seconds, args.device, args.compiled)
    finally:
        torch.set_num_threads(threads)
