# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``train push-t``: fits the world model of Push-T, from states alone (extra ``pusht``).

First single steps, many of them; then rollouts of several steps, for errors that add up; then rounds in which the
model's own plans are carried out and learned from. The arena is square and the block its own mirror image: every
window of a batch is seen turned and mirrored at random. ``train push-t-pixels`` runs the same phases on what an encoder
sees.
"""

import argparse
import functools
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from robot_planner.dynamics.push import PushDynamics, turned
from robot_planner.errors import InvalidInputError
from robot_planner.perception.convolutional import ConvolutionalNetwork
from robot_planner.push_t_world import (
    FAST,
    PUSH_T_WORLD,
    SCALE,
    build_dynamics,
    push_world,
    save_push_world,
    to_latents,
)
from robot_planner.simulation.push_t import CENTRE, SKIP, States, require_push_t
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.training.cards import option, write_model
from robot_planner.training.dynamics import calibrate_uncertainty
from robot_planner.training.episode_windows import EpisodeWindows, add_arguments_of_rounds, fit, rollout_loss
from robot_planner.training.pictures import see_all
from robot_planner.training.push_t_data import Episodes, gathered, planned
from robot_planner.training.shards import write_arrays
from robot_planner.types import FloatArray

EPISODE_STEPS = 100
"""Of the environment."""
HELD = 150
"""Episodes that errors are measured on."""
UNIT = 2.0
"""Errors count by their square below this, by their size above [px]; an angle by what it moves the centre."""
PIXELS = torch.tensor([SCALE] * 2 + [0.1 * FAST] * 2 + [SCALE] * 2 + [float(CENTRE[1])] * 2)
"""What one unit of each of a latent's numbers is worth [px]."""
LASTING = torch.tensor([1.0] * 2 + [0.0] * 2 + [1.0] * 4)
"""See EpisodeWindows."""
PLAN_HORIZONS = (40, 60, 80)
"""Of the plans that rounds learn from, in turn [steps of the environment]."""
AHEAD = (1, 8, 16)
"""Model steps after which errors are stated."""


def add_arguments(parser: argparse.ArgumentParser, name: str = "push-t") -> None:
    """Options of the command."""
    add_arguments_of_rounds(parser, name, episodes=10_000, length=EPISODE_STEPS, horizon=6, hidden=96)
    parser.set_defaults(rounds=3, round_plans=300, round_steps=5000)
    parser.add_argument("--stirred", type=float, default=0.4, help="share of them that are no pushing (default: 0.4)")
    parser.add_argument("--single-steps", type=int, default=20_000, help="optimiser steps on single steps (20000)")


def symmetric(seen: Tensor, moves: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Each of latents (B, T+1, 8) and actions (B, T * SKIP, 2) turned by quarters and mirrored, as good as before.

    The actions come back as the model's, (B, T, SKIP * 2).
    """
    quarter = torch.randint(4, (len(seen), 1), generator=generator) * (0.5 * torch.pi)
    facing = torch.cat([quarter.cos(), quarter.sin()], -1)[:, None]
    mirror = 1.0 - 2.0 * torch.randint(2, (len(seen), 1, 1), generator=generator)
    flip = torch.cat([mirror, torch.ones_like(mirror)], -1)
    return seen_from(seen, facing, flip), (turned(facing, moves) * flip).unflatten(1, (-1, SKIP)).flatten(2)


def seen_from(latents: Tensor, facing: Tensor, flip: Tensor) -> Tensor:
    """Latents (..., 8) of the arena turned by an angle, as cosine and sine (..., 2), and then mirrored.

    ``flip`` (..., 2) is what x and y are multiplied by: -1 and 1, or 1 and 1.
    """
    hand, speed, place, angle = (turned(facing, part) for part in latents.split(2, -1))
    # mirrored along x, an angle is its negative
    return torch.cat([hand * flip, speed * flip, place * flip, angle * flip.flip(-1)], -1)


def loss_of(dynamics: PushDynamics, data: EpisodeWindows, horizon: int) -> Callable[[int], dict[str, Tensor]]:
    """See ``rollout_loss``; in units of UNIT."""

    def draw(step: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(step)
        return symmetric(*data.draw(horizon, generator), generator)

    return rollout_loss(dynamics, draw, PIXELS / UNIT)


def as_windows(latents: npt.NDArray, actions: npt.NDArray) -> tuple[Tensor, Tensor]:
    """Whole episodes, (E, S+1, 8) and (E, S, 2), in the model's steps: (E, T+1, 8) and (E, T, SKIP * 2)."""
    moves = torch.from_numpy(actions.astype(np.float32))
    return torch.from_numpy(latents[:, ::SKIP]), moves.unflatten(1, (-1, SKIP)).flatten(2)


def errors(guess: Tensor, truth: Tensor) -> dict[str, float]:
    """How far latents (N, 8) are off in the mean: the agent and the block [px], the block's angle [degrees]."""
    apart = SCALE * (guess - truth)
    turn = turned(truth[:, 6:8] * truth.new_tensor([1.0, -1.0]), guess[:, 6:8])
    return {
        "agent_px": apart[:, 0:2].norm(dim=-1).mean().item(),
        "block_px": apart[:, 4:6].norm(dim=-1).mean().item(),
        "angle_deg": torch.atan2(turn[:, 1], turn[:, 0]).abs().rad2deg().mean().item(),
    }


def figures(dynamics: PushDynamics, held: Episodes, seen_latents: npt.NDArray) -> dict[str, float]:
    """Errors of rollouts of unseen episodes, and those of a model that says that nothing ever moves.

    AHEAD of a step within the episodes; rollouts begin at the latents that the model has of it, (E, S+1, 8), and are
    compared with what the states are.
    """
    latents, actions = as_windows(seen_latents, held.actions)
    truth, found = as_windows(to_latents(held.states), held.actions)[0], dict[str, float]()
    first = actions.shape[1] - max(AHEAD)
    with torch.inference_mode():
        begin = state = latents[:, first]
        for t in range(max(AHEAD)):
            state = dynamics.step(state, actions[:, first + t])
            if t + 1 in AHEAD:
                for who, guess in (("", state), ("_copied", begin)):
                    off = errors(guess, truth[:, first + t + 1])
                    found |= {f"{name}_{t + 1}{who}": error for name, error in off.items()}
    return found


def ways(episodes: Episodes) -> States:
    """As WorldKind.see has them, (E, S+2, 7)."""
    return np.concatenate([episodes.before[:, None], episodes.states], 1)


def _kept(path: Path, make: Callable[[], Episodes]) -> Episodes:
    """Episodes from a file, or made and written to it, whole or not at all."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_arrays(path, make()._asdict())
    return Episodes(**np.load(path, allow_pickle=False))


def scripted(args: argparse.Namespace, work: Path) -> tuple[Episodes, Episodes]:
    """The first data, and episodes to measure errors on."""
    first = _kept(work / "pushed.npz", lambda: gathered(args.episodes, EPISODE_STEPS, args.stirred, args.seed))
    return first, _kept(work / "held.npz", lambda: gathered(HELD, EPISODE_STEPS, args.stirred, TUNING_SEEDS[0]))


def train(
    args: argparse.Namespace, work: Path, encoder: ConvolutionalNetwork | None = None
) -> tuple[PushDynamics, dict[str, float], str]:
    """Runs or resumes all phases; returns the model, its figures on unseen episodes, and the first data's digest.

    With an encoder the latents are what it sees, without one the states.
    """
    torch.set_num_threads(1)
    dynamics, data = build_dynamics(args.hidden, members=3, waves=2, seed=args.seed), EpisodeWindows(SKIP, LASTING)
    first, held = scripted(args, work)

    def latents(name: str, episodes: Episodes) -> FloatArray:
        return see_all(PUSH_T_WORLD, push_world(args.name, dynamics, encoder), ways(episodes), work, name)

    held_latents = latents("held", held)
    data.add(latents("pushed", first), first.actions, to_latents(first.states))

    def measured() -> dict[str, float]:
        return figures(dynamics, held, held_latents)

    def phase(name: str, horizon: int, steps: int, rate: float) -> None:
        fit(name, work, dynamics, rate, steps, loss_of(dynamics, data, horizon), measured)

    phase("single", 1, args.single_steps, 3e-3)
    phase("rollouts", args.horizon, args.steps, 2e-3)
    for number in range(1, args.rounds + 1):
        world, begin = push_world(args.name, dynamics, encoder), args.seed + number * args.round_plans
        for index, horizon in enumerate(PLAN_HORIZONS[: args.round_plans]):
            seeds = range(begin + index, begin + args.round_plans, len(PLAN_HORIZONS))
            name, make = f"plans-{number}-{horizon}", functools.partial(planned, world, seeds, horizon)
            episodes = _kept(work / f"{name}.npz", make)
            share = 1.0 / len(PLAN_HORIZONS)  # so that a round counts as much as all of the scripted data
            data.add(latents(name, episodes), episodes.actions, to_latents(episodes.states), share)
        phase(f"round-{number}", args.horizon, args.round_steps, 1e-3)
    with torch.no_grad():
        calibrate_uncertainty(dynamics, *as_windows(held_latents, held.actions))
    digest = hashlib.sha256(first.actions.tobytes() + first.states.tobytes()).hexdigest()
    return dynamics, measured(), digest


CARD = """# {name}: the world model of Push-T

An ensemble of three networks over states, for comparing planners where a plan has to push.

- command: `./run train push-t {options}`
- data: {episodes} episodes of {length} steps of scripted pushing, of which a share of {stirred} is random moves about
  the block, digest {digest}; then {rounds} rounds of {round_plans} problems (training seeds), planned through the model
  by GRASP (through the members' mean, and with members apart) and CEM, and carried out
- seconds of this run's last start to its end: {seconds}
- validation on {held} unseen episodes: mean error of rollouts after so many model steps (of {skip} steps of the
  environment) of the agent's and the block's place [px of 512] and of the block's angle [degrees]; "copied": of saying
  that all stays

{figures}

Valid for `robot_planner/simulation/push_t.py`, over gym-pusht 0.1.8.
"""


POSITIVE = ("episodes", "single_steps", "steps", "horizon", "round_steps", "round_plans", "hidden")
OPTIONS = (*POSITIVE, "rounds", "stirred", "seed")


def check(args: argparse.Namespace) -> None:
    """Raises InvalidInputError for sizes that can't be, EnvironmentSetupError without the environment."""
    if min(getattr(args, name) for name in POSITIVE) < 1 or args.rounds < 0:
        raise InvalidInputError(f"{', '.join(map(option, POSITIVE))} are positive numbers")
    longest = min(PLAN_HORIZONS) // SKIP
    if not 0.0 <= args.stirred <= 1.0 or args.horizon > longest:
        raise InvalidInputError(f"--stirred is from 0 to 1, --horizon from 1 to {longest}")
    require_push_t()


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Trains and writes the model folder; returns the validation figures as a record."""
    check(args)
    begun = time.monotonic()
    dynamics, found, digest = train(args, args.work)
    return write_model(
        args, CARD, OPTIONS, begun, found, lambda folder, card: save_push_world(dynamics, folder, card),
        length=EPISODE_STEPS, digest=digest[:16], held=HELD, skip=SKIP,
    )  # fmt: skip
