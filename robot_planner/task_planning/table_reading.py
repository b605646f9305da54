# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What can be seen of the table: where the blocks are and how the drawer stands, as a latent's read-out shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from robot_planner.arrangement import COLORS, OPEN, PLACES, SHUT, Arrangement
from robot_planner.task_planning.conditions import Condition
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.skills import tabletop_scene
from robot_planner.types import FloatArray


@dataclass(frozen=True)
class TableReader:
    """Reads scenes from latents; never from a simulator's truth."""

    distance: Callable[[FloatArray, Arrangement], FloatArray]
    """Latents (N, D) -> (N,) from an arrangement [m], such as ArrangementDistance's."""
    tolerance: float = 0.005
    """Within which a block is where a place is [m]; whatever is nowhere else lies on the table."""

    def scene(self, latent: FloatArray) -> Scene:
        """Latent (D,) -> the scene; where two blocks claim one place, the nearer one has it."""
        found: list[tuple[float, str, str]] = []
        for index, color in enumerate(COLORS):
            for place in PLACES:
                blocks: list[str | None] = [None, None, None]
                blocks[index] = place
                away = self._distance(latent, Arrangement((blocks[0], blocks[1], blocks[2])))
                if away <= self.tolerance:
                    found.append((away, color, place))
        places: dict[str, str | None] = {}
        for _, color, place in sorted(found):
            if color not in places and place not in places.values():
                places[color] = place
        is_open = self._distance(latent, Arrangement(drawer=OPEN)) < self._distance(latent, Arrangement(drawer=SHUT))
        return tabletop_scene(places, is_open)

    def _distance(self, latent: FloatArray, arrangement: Arrangement) -> float:
        return float(self.distance(latent[None], arrangement)[0])


def unmet_in(scene: Scene, goals: Sequence[Condition]) -> tuple[str, ...]:
    """Goals that are not known to hold in what is seen."""
    known = scene.knowledge
    return tuple(str(goal) for goal in goals if scene.domain.expand(goal).evaluate(known, {}) is not True)
