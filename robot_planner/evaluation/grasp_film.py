# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""``bench grasp-film``: one GRASP plan as it is made, seen from above: paths searched, lifted states, the best rollout.

Thin lines are lifted states, which the model does not connect yet, or paths that are searched; the thick line is the
rollout of the best plan so far, which it does. In the two rooms a point moves, at the arm's push the hand and blocks,
in Push-T the agent and the T, whose middle and stem are shown.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from robot_planner.errors import UnknownNameError
from robot_planner.evaluation.drawing import Color, Image, Vector, disc, hex_color, polyline, text
from robot_planner.evaluation.planner_settings import found_settings
from robot_planner.evaluation.push_t_cells import PUSH_T
from robot_planner.evaluation.records import open_results
from robot_planner.evaluation.settings import shipped_settings
from robot_planner.evaluation.video import encode
from robot_planner.planning.grasp import Grasp, GraspConfig, GraspSearch
from robot_planner.planning.path_search import PathSearch
from robot_planner.point_world import MIDDLE as ROOMS_MIDDLE
from robot_planner.point_world import REACH, load_point_world, to_latents
from robot_planner.push_t_world import MIDDLE, SCALE
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.tasks import HELD_OUT_SEEDS
from robot_planner.simulation.two_room import DOOR, HIGH, LOW, WALL, sample_problem
from robot_planner.simulation.workspace import TOOL_HIGH, TOOL_LOW
from robot_planner.types import Problem
from robot_planner.world import PlanningWorld, load_world

SIDE, MARGIN, TOP = 480, 12, 44
RATE, HOLD = 10, 12
"""Pictures a second; how often the first and the last are shown."""
PAPER, INK, FAINT, WALLS = map(hex_color, ("#ffffff", "#1f2937", "#9aa4b2", "#d1d5db"))
COLORS = tuple(map(hex_color, ("#2f6db3", "#c23b4e", "#2a9d5c", "#8e5bb5")))
"""Of the point or the hand, and of blocks."""
PATHS = 24
"""Searched paths that are shown of a generation."""
STEM = 90.0
"""How long the T's stem is, from its middle [px]."""


@dataclass(frozen=True)
class Scene:
    """What is seen from above, and where."""

    low: Vector
    """(2,) corner of the picture, in the world's unit."""
    high: Vector
    positions: Callable[[Tensor], Vector]
    """Latents (..., D) -> positions (..., E, 2) of what moves, in the world's unit."""
    walls: tuple[tuple[Vector, Vector], ...] = ()
    bars: tuple[tuple[int, int], ...] = ()
    """Pairs of what moves that are one body; it is drawn at the start, at the end and at the goal."""
    turned: bool = False
    """The first axis points up and the second one left, as the arm sees its table."""

    def pixels(self, points: Vector) -> Vector:
        """Positions (..., 2) -> pixels (..., 2)."""
        unit = (points - self.low) / (self.high - self.low)
        if self.turned:
            unit = 1.0 - unit[..., ::-1]
        scaled: Vector = unit * (SIDE - 2 * MARGIN) + MARGIN
        scaled[..., 1] += TOP
        return scaled


@dataclass(frozen=True)
class Moment:
    """What is drawn at once."""

    words: str
    drafts: Vector
    """(N, T+1, E, 2) lifted states or paths."""
    best: Vector
    """(T+1, E, 2) the best rollout."""


def watched(moments: list[Moment], positions: Callable[[Tensor], Vector]) -> type[Grasp]:
    """A Grasp that appends to ``moments`` whatever it does for its first problem."""

    def seen(states: Tensor) -> Vector:
        return positions(states[:, 0].transpose(0, 1).detach())

    class WatchedSearch(GraspSearch):
        generations = 0

        def iterate(self) -> None:
            super().iterate()
            self.note(f"iteration {self.run.iterations}")

        def synchronise(self) -> None:
            super().synchronise()
            if self.config.sync == "population":
                self.generations += 1
                self.note(f"generation {self.generations}")

        def note(self, when: str) -> None:
            best = positions(self.run.best_states[:, 0])
            words = f"{when}: cost {float(self.run.best_cost[0]):.3g}"
            moments.append(Moment(words, seen(self.lifted.states), best))

    class WatchedPaths(PathSearch):
        def improve(self) -> None:
            super().improve()
            drafts = seen(self.states(PATHS))
            moments.append(Moment(f"paths, generation {self._generation}", drafts, drafts[:1, :1].repeat(2, 1)[0]))

    class WatchedGrasp(Grasp):
        search_type: ClassVar[type[GraspSearch]] = WatchedSearch
        path_search_type: ClassVar[type[PathSearch]] = WatchedPaths

    return WatchedGrasp


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the bench."""
    parser.add_argument("--world", default="two-room", help=f"of {', '.join(SCENES)} (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEEDS[0], help="of the problem (default: held-out)")
    parser.add_argument(
        "--horizon", type=int, default=50, help="steps, in the two rooms and in Push-T (default: %(default)s)"
    )
    parser.add_argument("--iterations", type=int, default=40, help="lifted iterations (default: %(default)s)")
    parser.add_argument("--no-paths", action="store_true", help="without the search of paths")
    parser.add_argument("--out", type=Path, default=Path("runs/grasp.mp4"), help="an mp4 or gif (default: %(default)s)")


def run(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Plans, films, and returns one record."""
    if args.world not in SCENES:
        raise UnknownNameError("world", args.world, SCENES)
    out = open_results(args.out)
    moments: list[Moment] = []
    world, scene, problem, settings = SCENES[args.world](args)
    if args.no_paths:
        settings["paths"] = 0
    config = GraspConfig.from_mapping({**settings, "iterations": args.iterations})
    planner = watched(moments, scene.positions)(world.dynamics, world.metric(), config)
    plan = planner.plan(problem)
    last = scene.positions(torch.from_numpy(plan.states))
    moments.append(Moment(f"the plan: cost {plan.cost:.3g}, {plan.stop_reason.value}", last[None], last))
    goal = scene.positions(torch.from_numpy(problem.goal))
    count = write(out, [picture(scene, moment, goal) for moment in moments])
    return [
        {"world": args.world, "seed": args.seed, "pictures": count, "iterations": plan.iterations, "cost": plan.cost}
    ]


Filmed = tuple[PlanningWorld, Scene, Problem, dict[str, Any]]
"""World, what is seen of it, a problem there, and GRASP's settings."""


def _rooms(args: argparse.Namespace) -> Filmed:
    asked = sample_problem(args.seed, args.horizon)
    problem = Problem(to_latents(asked.start), to_latents(asked.goal))
    wall = tuple((np.array([WALL[0], y]), np.array([WALL[1], end])) for y, end in ((LOW, DOOR[0]), (DOOR[1], HIGH)))

    def positions(latents: Tensor) -> Vector:
        found: Vector = latents.double().unsqueeze(-2).numpy() * REACH + ROOMS_MIDDLE
        return found

    settings = {**found_settings()["grasp"], "horizon": args.horizon}
    return load_point_world(), Scene(np.full(2, LOW), np.full(2, HIGH), positions, wall), problem, settings


def _table(args: argparse.Namespace) -> Filmed:
    world = load_world("tabletop")
    with Tabletop() as tabletop:
        tabletop.reset("push", args.seed)
        images = np.stack([tabletop.render("front"), tabletop.goal_image()])[:, None]
    start, goal = world.encoder.encode(images)

    def positions(latents: Tensor) -> Vector:
        found: Vector = world.readout(latents).double().numpy()
        return found

    low, high = np.array(TOOL_LOW[:2]) - 0.03, np.array(TOOL_HIGH[:2]) + 0.03
    return world, Scene(low, high, positions, turned=True), Problem(start, goal), shipped_settings("grasp")


def _push_t(args: argparse.Namespace) -> Filmed:
    world, steps = PUSH_T.load(None), args.horizon // PUSH_T.skip * PUSH_T.skip
    problem = PUSH_T.trial(world, args.seed, steps).problem(0)

    def positions(latents: Tensor) -> Vector:
        found = latents.double()
        agent, block = (found[..., part] * SCALE + MIDDLE for part in (slice(0, 2), slice(4, 6)))
        stem = block + STEM * torch.stack([-found[..., 7], found[..., 6]], -1)
        shown: Vector = torch.stack([agent, block, stem], -2).numpy()
        return shown

    settings = {**found_settings(None, PUSH_T.settings["open"])["grasp"], "horizon": steps // PUSH_T.skip}
    bounds = np.full(2, MIDDLE - SCALE), np.full(2, MIDDLE + SCALE)
    return world, Scene(*bounds, positions, bars=((1, 2),)), problem, settings


SCENES: dict[str, Callable[[argparse.Namespace], Filmed]] = {"two-room": _rooms, "tabletop": _table, "pusht": _push_t}


def picture(scene: Scene, moment: Moment, goal: Vector) -> Image:
    """(SIDE + TOP, SIDE, 3) RGB; ``goal`` (E, 2)."""
    page: Image = np.full((SIDE + TOP, SIDE, 3), PAPER, np.uint8)
    for low, high in scene.walls:
        (left, top), (right, bottom) = scene.pixels(low), scene.pixels(high)
        page[int(top) : int(bottom), int(left) : int(right)] = WALLS
    text(page, (MARGIN, TOP - 16), moment.words, 18, INK)
    for entity, color in enumerate(COLORS[: len(goal)]):
        pale: Color = tuple(int(0.5 * part + 127) for part in color)  # type: ignore[assignment] # of three numbers
        for draft in moment.drafts[:, :, entity]:
            polyline(page, scene.pixels(draft), pale, 1)
            for point in scene.pixels(draft).tolist():
                disc(page, point, 1.6, pale)
        way, end = scene.pixels(moment.best[:, entity]), scene.pixels(goal[entity]).tolist()
        polyline(page, way, color, 3)
        disc(page, way[0].tolist(), 6.0, color)
        disc(page, end, 8.0, color)
        disc(page, end, 5.0, PAPER)
    for one, other in scene.bars:
        for places, color, width in ((goal, FAINT, 9), (moment.best[0], INK, 3), (moment.best[-1], COLORS[one], 5)):
            polyline(page, scene.pixels(places[[one, other]]), color, width)
    return page


def write(path: Path, pictures: list[Image]) -> int:
    """Writes a film by its suffix; returns how many pictures it has."""
    shown = [pictures[0]] * HOLD + pictures + [pictures[-1]] * HOLD
    if path.suffix == ".gif":
        from PIL import Image as Pillow

        frames: Iterable[Any] = [Pillow.fromarray(entry).quantize(32) for entry in shown]
        first, *rest = frames
        first.save(path, save_all=True, append_images=rest, duration=1000 // RATE, loop=0, optimize=True)
    else:
        written: Iterator[int] = encode(path, shown, RATE)
        for _ in written:
            pass
    return len(shown)
