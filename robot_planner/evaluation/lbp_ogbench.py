# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench lbp-ogbench``: LBP in OGBench's scene, on the environment's five tasks and by its own test.

The planners, the policy and their training are those of the tabletop; only frames and actions come from elsewhere.
States, not pixels: a frame takes 75 to 100 ms to render there without a GPU. Demonstrations are of tasks drawn at
random, by the environment's own oracles with noise and errors; the five tasks are met at the measurement alone.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation.lbp_accuracy import TRUE_GOAL, draw
from robot_planner.evaluation.ogbench_oracle import gather, read_frames
from robot_planner.evaluation.ogbench_scene import (
    CUBE,
    GOAL_DIM,
    LATENT_DIM,
    PLAN_DIM,
    TASKS,
    OgbenchScene,
    embed_task,
    require_ogbench,
)
from robot_planner.evaluation.statistics import success_fields
from robot_planner.planning.subgoal_peers import SUBGOAL_PLANNERS, BackwardPlanner
from robot_planner.planning.subgoal_planner import LbpConfig, SubgoalPlanner
from robot_planner.policy.subgoal_policy import SubgoalPolicy, SubgoalPolicyConfig
from robot_planner.simulation.tasks import HELD_OUT_SEEDS, TRAINING_SEEDS
from robot_planner.training.lbp_fitting import LatentFrames, fit_planner, fit_policy, predicted_subgoals

PLANNERS = ("backward", "forward", "parallel", "copy")
ARMS = {"lbp": "backward", "forward": "forward", "parallel": "parallel", "language-only": ""}
"""Arm -> its planner; the last one follows no subgoals."""
PLANNER = LbpConfig(latent_dim=PLAN_DIM, language_dim=GOAL_DIM, hidden=384)
POLICY: dict[str, Any] = {
    "latent_dim": LATENT_DIM, "plan_dim": PLAN_DIM, "language_dim": GOAL_DIM, "hidden": 256, "blocks": 2, "width": 64,
    "levels": 4,
}  # fmt: skip
DEPTH = 2
QUICK = {"episodes": 40, "held_out": 10, "planner_steps": 200, "policy_steps": 200, "trials": 1}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument(
        "--quick", action="store_true", help="a minute's trial of the whole way; its figures say nothing"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("runs/lbp_ogbench"), help="what is done already (default: %(default)s)"
    )
    parser.add_argument("--episodes", type=int, default=600, help="demonstrations to fit to (default: %(default)s)")
    parser.add_argument("--held-out", type=int, default=100, help="demonstrations to measure on (default: %(default)s)")
    parser.add_argument("--planner-steps", type=int, default=6000, help="of each fit (default: %(default)s)")
    parser.add_argument("--policy-steps", type=int, default=12_000, help="of each fit (default: %(default)s)")
    parser.add_argument(
        "--arms", nargs="+", default=["lbp", "language-only"], metavar="ARM", help=f"of {', '.join(ARMS)}"
    )
    parser.add_argument("--trials", type=int, default=20, help="of each task and arm (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=2, help="rows of 0.05 s executed of each chunk (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="of the weights (default: %(default)s)")
    parser.add_argument("--figure", type=Path, help="PNG file of error against the fraction of the remaining time")


@dataclass(frozen=True)
class Actor:
    """A planner and the policy that was trained on what it predicts."""

    planner: SubgoalPlanner
    policy: SubgoalPolicy

    @torch.inference_mode()
    def act(self, latent: np.ndarray, body: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Latent (D,), proprioception (6,), embedded goal (L,) -> chunk (K, 5)."""
        state, tool, words = (torch.from_numpy(each).unsqueeze(0) for each in (latent, body, goal))
        subgoals = self.planner.plan(state[:, :PLAN_DIM], words, DEPTH)
        size = self.policy.config.chunk_length * self.policy.config.action_dim
        chunk: np.ndarray = self.policy.act(state, tool, words, subgoals, noise=torch.zeros(1, size))[0].numpy()
        return chunk


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Records of the demonstrations, the accuracy of each planner and the success of each arm."""
    if args.quick:
        vars(args).update(QUICK)
    numbers = (args.episodes, args.held_out, args.planner_steps, args.policy_steps, args.trials, args.rows)
    if min(numbers) < 1 or args.rows > SubgoalPolicyConfig().chunk_length:
        raise InvalidInputError("episodes, steps, trials and rows are positive numbers; rows at most those of a chunk")
    for arm in args.arms:
        if arm not in ARMS:
            raise UnknownNameError("arm", arm, ARMS)
    require_ogbench()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return list(_records(args))
    finally:
        torch.set_num_threads(threads)


def _records(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    def progress(done: int, total: int) -> None:
        print(f"demonstrations {done}/{total} shards", flush=True)

    length = SubgoalPolicyConfig().chunk_length
    frames = read_frames(gather(args.work / "data", args.episodes, TRAINING_SEEDS[0], progress), length)
    held = read_frames(gather(args.work / "held_out", args.held_out, HELD_OUT_SEEDS[0], progress), length)
    for name, data, tried in (("fitted to", frames.data, args.episodes), ("held out", held.data, args.held_out)):
        solved = data.episodes / tried
        yield {"part": "demonstrations", "set": name, "tried": tried, "solved": solved, "frames": len(data)}
    folder = args.work / f"{args.episodes}-{args.planner_steps}-{args.policy_steps}-{args.seed}"
    planners = {name: fitted_planner(name, frames, held, folder, args) for name in PLANNERS}
    accuracies = []
    for name, planner in planners.items():
        accuracies += list(accuracy(name, args.seed, planner, held))
    accuracies += list(accuracy(TRUE_GOAL, args.seed, planners["backward"], held, true_goal=True))
    if args.figure is not None:
        draw(accuracies, args.figure)
    yield from accuracies
    for arm in args.arms:
        actor = fitted_actor(arm, planners, frames, held, folder, args)
        yield from success(arm, actor, folder, args)


def fitted_planner(
    name: str, frames: LatentFrames, held: LatentFrames, folder: Path, args: argparse.Namespace
) -> SubgoalPlanner:
    """A planner, fitted or loaded, and frozen."""
    torch.manual_seed(args.seed)
    planner = SUBGOAL_PLANNERS.make(name, PLANNER)
    if name == "copy":
        planner.fit_statistics(frames.front)
    else:
        fit_planner(frames, held, planner, folder, args.planner_steps, name, seed=args.seed)
    return planner.eval().requires_grad_(False)


def fitted_actor(
    arm: str,
    planners: dict[str, SubgoalPlanner],
    frames: LatentFrames,
    held: LatentFrames,
    folder: Path,
    args: argparse.Namespace,
) -> Actor:
    """An arm, its policy fitted or loaded, and frozen."""
    torch.manual_seed(args.seed)
    planner = planners[ARMS[arm] or "copy"]  # without subgoals: what any planner says is ignored
    policy = SubgoalPolicy(SubgoalPolicyConfig(**POLICY, depth=DEPTH, fusion="token" if ARMS[arm] else "none"))
    subgoals, unseen = (predicted_subgoals(planner, rows, DEPTH) for rows in (frames, held))
    fit_policy(frames, held, subgoals, unseen, policy, folder, args.policy_steps, f"policy-{arm}", seed=args.seed)
    return Actor(planner, policy.eval().requires_grad_(False))


def accuracy(
    name: str, seed: int, planner: SubgoalPlanner, frames: LatentFrames, true_goal: bool = False
) -> Iterator[dict[str, Any]]:
    """A record for each of the planner's points: errors over all frames but the last ones of an episode."""
    rows = torch.from_numpy(np.flatnonzero(frames.data.last - np.arange(len(frames.data)) >= 8))
    ahead = frames.targets(planner.fractions)[rows]
    present, language, truth = frames.front[rows], frames.language[rows], frames.front[ahead]
    with torch.inference_mode():
        if true_goal and isinstance(planner, BackwardPlanner):
            predicted = planner.plan_towards(present, truth[:, -1], language)
        else:
            predicted = planner.plan(present, language)
    latent = ((predicted - truth) / planner.std).square().mean(dim=(0, 2)).sqrt()
    cube = (predicted - truth)[..., CUBE].norm(dim=-1).mean(0) * 10  # cm
    for index, fraction in enumerate(planner.fractions):
        yield {
            "part": "accuracy", "planner": name, "seed": seed, "fraction": round(fraction, 4), "states": len(rows),
            "latent_error": latent[index].item(), "block_cm": cube[index].item(),
        }  # fmt: skip


def success(arm: str, actor: Actor, folder: Path, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A record for each task and one for all; trials that are done are read back."""
    path = folder / f"trials-{arm}-{args.rows}.json"
    done: dict[str, list[int]] = json.loads(path.read_text()) if path.exists() else {}
    first, everything = HELD_OUT_SEEDS[500_000], []
    with OgbenchScene() as scene:
        for task in range(1, TASKS + 1):
            for seed in range(first, first + args.trials):
                key = f"{task}/{seed}"
                if key not in done:
                    done[key] = roll_out(scene, actor, task, seed, args.rows)
                    part = path.with_suffix(".part")
                    part.write_text(json.dumps(done))
                    part.replace(path)
            steps = [done[f"{task}/{seed}"] for seed in range(first, first + args.trials)]
            everything += steps
            yield _success_record(arm, scene.goal_name(task), steps, first)
    yield _success_record(arm, "all", everything, first)


def roll_out(scene: OgbenchScene, actor: Actor, task: int, seed: int, rows: int) -> list[int]:
    """One trial -> [1 if the environment says success else 0, steps taken]; ``rows`` of each chunk are executed."""
    look, steps = scene.reset(task, seed), 0
    goal = embed_task(scene.task)
    while True:
        chunk, begun = actor.act(look.latent, look.body, goal), look.body
        for row in chunk[:rows]:
            target = row.astype(np.float64)
            target[:3] += begun[:3]
            target[3] += np.arctan2(begun[3], begun[4])
            look, steps = scene.step(scene.action(look, target)), steps + 1
            if look.success or look.over:
                return [int(look.success), steps]


def _success_record(arm: str, task: str, trials: list[list[int]], first_seed: int) -> dict[str, Any]:
    won = [steps for flag, steps in trials if flag]
    fields = {
        "part": "success", "arm": arm, "task": task, "first_seed": first_seed, "trials": len(trials),
        **success_fields([bool(flag) for flag, _ in trials], "success"),
        "median_steps_of_successes": float(np.median(won)) if won else float("nan"),
    }  # fmt: skip
    print(f"{arm} {task}: {fields['success']:.2f}", flush=True)
    return fields
