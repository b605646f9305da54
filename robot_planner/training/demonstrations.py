# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Demonstrations of the scripted expert, with errors and how it recovers from them.

The errors are made on purpose, or they are a trained policy's own.

A folder of shards; a shard is one ``.npz`` of E episodes of together N frames, one every STEP_SECONDS:

- front, wrist: uint8, the PNG files of all images one after the other
- front_ends, wrist_ends: int64 (N,), where each of them ends
- proprioception float32 (N, 6): tool x, y, z [m], sine and cosine of its yaw, width of the gripper [m]; all measured
- commanded float32 (N, 5): tool x, y, z [m], yaw [rad], opening of the gripper [m], as commanded at that instant
- expert bool (N,): whether the commands from this frame to the next are the expert's, not an error
- lengths int64 (E,), seeds int64 (E,), instructions str (E,)
- objects float32 (N, 3, 3) and drawer float32 (N,): centres of the red, green and blue block and the drawer's opening
  [m]. Only the encoder's read-out is fitted to them; NaN where unknown.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from robot_planner.language.family import describe
from robot_planner.language.phrases import phrase
from robot_planner.lbp import Act, Lbp, load_lbp
from robot_planner.simulation.expert import ScriptedExpert, ToolCommand
from robot_planner.simulation.observation import look, proprioception
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks.tidy import arrangement_of, fulfilled
from robot_planner.simulation.tool_driver import HIGH, LOW, SPEED
from robot_planner.simulation.workspace import CONTROL_SECONDS
from robot_planner.training.demonstration_writer import EPISODES_PER_SHARD, FRAME_KEYS, STEP_SECONDS, png, write_shard
from robot_planner.training.shards import make_missing

MAX_FRAMES = 400
REACH_LOW, REACH_HIGH = np.array([0.22, -0.37, 0.018]), np.array([0.58, 0.30, 0.20])
"""Box of the errors made on purpose [m]."""


class Disturbance:
    """Errors made on purpose: the tool shoved aside, the fingers opened or closed at the wrong moment."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rate = float(rng.choice([0.0, 0.03, 0.05], p=[0.3, 0.4, 0.3]))
        self._left = 0
        self._target: ToolCommand | None = None

    def draw(self, expert: ScriptedExpert) -> ToolCommand | None:
        """What to do in this step in place of the expert's command; None: leave it to the expert."""
        self._left -= 1
        if self._left > 0:
            return self._target
        self._target = None
        if self._left > -3 or self._rng.random() > self._rate:
            return None
        kind = self._rng.choice(["shift", "open", "close"], p=[0.7, 0.15, 0.15])
        position, yaw, gripper = expert.position.copy(), expert.yaw, expert.gripper
        if kind == "shift":
            position += self._rng.uniform([-0.05, -0.05, -0.03], [0.05, 0.05, 0.04])
            position = np.clip(position, REACH_LOW, REACH_HIGH)
            yaw += self._rng.uniform(-0.5, 0.5)
        else:
            gripper = 0.08 if kind == "open" else 0.0
        self._left = int(self._rng.integers(2, 5))
        self._target = ToolCommand(position, yaw, gripper)
        return self._target


class PolicyDrives:
    """A trained policy drives, and hands over to the expert every so often: what it does in places of its own finding.

    As in DAgger (Ross et al., 2011), the expert's corrections start where the policy has come to.
    """

    def __init__(self, rng: np.random.Generator, act: Act) -> None:
        self._rng, self._act = rng, act
        self._left = int(rng.integers(-15, 25))
        self._rows: list[ToolCommand] = []

    def draw(self, expert: ScriptedExpert) -> ToolCommand | None:
        """See Disturbance."""
        self._left -= 1
        if self._left == 0:
            expert.rules.forget()
        if self._left <= 0:
            if self._left < -int(self._rng.integers(8, 25)):
                self._left, self._rows = int(self._rng.integers(3, 45)), []
            return None
        if not self._rows:
            images, body = look(expert.tabletop), proprioception(expert.tabletop)
            turn = float(np.arctan2(body[3], body[4]))
            for row in self._act(images["front"], images["wrist"], body)[:2].astype(np.float64):
                position = np.clip(body[:3] + row[:3], LOW, HIGH)
                self._rows.append(ToolCommand(position, turn + row[3], float(row[4])))
        command = self._rows.pop(0)
        speed = min(float(np.linalg.norm(command.position - expert.position)) / STEP_SECONDS, SPEED)
        return replace(command, speed=max(speed, 1e-3))


class Recorder:
    """Collects the frames of one episode."""

    def __init__(self) -> None:
        self.frames: dict[str, list] = {key: [] for key in FRAME_KEYS}

    def record(self, tabletop: Tabletop, commanded: ToolCommand, expert: bool) -> None:
        """Adds the present instant; ``expert``: whether the expert commands from here to the next."""
        for view, image in look(tabletop).items():
            self.frames[view].append(png(image))
        self.frames["proprioception"].append(proprioception(tabletop))
        self.frames["commanded"].append([*commanded.position, commanded.yaw, commanded.gripper])
        self.frames["expert"].append(expert)
        self.frames["objects"].append(tabletop.block_positions)
        self.frames["drawer"].append(tabletop.drawer_opening)


def demonstrate(tabletop: Tabletop, task: str, seed: int, lbp: Lbp | None = None) -> Recorder | None:
    """One episode, with the errors of ``lbp`` or with random ones; None if the expert did not finish it."""
    tabletop.reset(task, seed)
    expert, recorder = ScriptedExpert(tabletop), Recorder()
    rng = np.random.default_rng([seed, 11])
    text = describe(arrangement_of(tabletop.episode))
    disturbance = Disturbance(rng) if lbp is None else PolicyDrives(rng, lbp.actor(text))
    arrangement, done = arrangement_of(tabletop.episode), 0
    for _ in range(MAX_FRAMES):
        wrong = disturbance.draw(expert)
        recorder.record(tabletop, ToolCommand(expert.position, expert.yaw, expert.gripper), wrong is None)
        for _ in range(round(STEP_SECONDS / CONTROL_SECONDS)):
            if wrong is None:
                expert.step()
            else:
                expert.drive(wrong)
        done = done + 1 if all(fulfilled(arrangement, tabletop.state).values()) else 0
        if done >= 6:
            return recorder
    return None


def gather_shard(path: Path, task: str, seeds: range, model: Path | None = None) -> Path:
    """Writes one shard, whole or not at all."""
    torch.set_num_threads(1)
    lbp = None if model is None else load_lbp(model)
    rows, kept, texts = [], [], []
    with Tabletop() as tabletop:
        for seed in seeds:
            recorder = demonstrate(tabletop, task, seed, lbp)
            if recorder is not None:
                rows.append(recorder.frames)
                kept.append(seed)
                texts.append(phrase(arrangement_of(tabletop.episode), np.random.default_rng([seed, 13])))
    return write_shard(path, rows, kept, texts)


def gather(
    folder: Path,
    episodes: int,
    first_seed: int,
    workers: int = 2,
    task: str = "tidy",
    model: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Gathers what is missing of ``episodes`` episodes into ``folder``; shards that are there are kept.

    ``model``: folder of an Lbp that drives every so often, in place of random errors.
    """
    folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for start in range(first_seed, first_seed + episodes, EPISODES_PER_SHARD):
        seeds = range(start, min(start + EPISODES_PER_SHARD, first_seed + episodes))
        jobs.append((folder / f"seeds_{start:08d}_{len(seeds)}.npz", task, seeds, model))
    return make_missing(gather_shard, jobs, workers, progress)
