# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""GRASP whose lifted states begin on LBP's backward subgoals instead of a straight line or a rollout.

The straight line from start to goal cuts corners: a block would glide by itself, the hand pass through it. Subgoals of
LBP's backward step lie where recorded ways to such a goal went; the states between them are interpolated. All the rest
is GRASP, warm starts too.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.dynamics.world_model import WorldModel
from robot_planner.errors import ModelError
from robot_planner.planning.goal_metric import GoalMetric
from robot_planner.planning.grasp import Grasp, GraspConfig
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.planning.objective import Task
from robot_planner.planning.parameters import parameter
from robot_planner.planning.planner import PLANNERS
from robot_planner.planning.run import Run

KIND = "subgoals"
"""What the configuration of such a model folder calls itself."""


@dataclass(frozen=True)
class GraspLbpConfig(GraspConfig):
    """GRASP's parameters, and whose subgoals the lifted states begin on."""

    initial_states: str = parameter(
        "subgoals",
        "lifted states begin on LBP's subgoals, on the straight line to the goal or on the rollout",
        choices=("line", "rollout", "subgoals"),
    )
    subgoals: str = parameter("tabletop-subgoals", "model of subgoals: a shipped one, or the path of a model folder")
    subgoal_depth: int = parameter(3, "subgoals between start and goal", 0, 16)


def save_subgoals(planner: BackwardPlanner, encoder: str, folder: str | Path, card: str, kind: str = KIND) -> None:
    """Writes a planner of subgoals in the latent space of the encoder with digest ``encoder`` as a model folder."""
    config = {"kind": kind, "encoder": encoder, "planner": asdict(planner.config)}
    save_checkpoint(folder, planner.state_dict(), config, card)


def load_subgoals(
    name_or_path: str | Path, encoder: str, kind: str = KIND, made_by: str = "./run train lbp-planar"
) -> BackwardPlanner:
    """The frozen planner in a model folder; raises ModelError for another kind of model or another encoder's."""
    checkpoint = load_checkpoint(name_or_path)
    own, sizes = checkpoint.config.get("encoder"), checkpoint.config.get("planner")
    if checkpoint.config.get("kind") != kind or not isinstance(sizes, Mapping):
        raise ModelError(f"model {checkpoint.folder} plans no {kind} towards latents; see {made_by}")
    if own != encoder:
        raise ModelError(
            f"{kind} of {checkpoint.folder} are latents of encoder {str(own)[:12]}, the world model's are of "
            f"{encoder[:12] or 'an unnamed one'}; fit them anew: {made_by}"
        )
    planner = BackwardPlanner(LbpConfig.from_mapping(sizes))
    try:
        planner.load_state_dict(checkpoint.tensors)
    except RuntimeError as error:
        raise ModelError(f"model {checkpoint.folder}: weights don't fit its configuration: {error}") from None
    return planner.eval().requires_grad_(False)


def path_through(subgoals: Tensor, progress: tuple[float, ...], task: Task, horizon: int) -> Tensor:
    """Subgoals (P, N, D) at ``progress``, the last one the goal's -> states (T+1, P, 1, D) from start to goal."""
    knots = torch.cat([task.starts.unsqueeze(1), subgoals[:, :-1], task.goals], dim=1)
    times = torch.tensor((0.0, *progress), dtype=torch.float64)
    when = torch.linspace(0.0, 1.0, horizon + 1, dtype=torch.float64)
    after = torch.searchsorted(times, when).clamp(1, len(times) - 1)
    fraction = ((when - times[after - 1]) / (times[after] - times[after - 1])).to(knots).view(-1, 1, 1)
    after = after.to(knots.device)
    ahead, behind = knots[:, after].transpose(0, 1), knots[:, after - 1].transpose(0, 1)
    return torch.lerp(behind, ahead, fraction).unsqueeze(2)


@PLANNERS.register("grasp+lbp")
class GraspLbp(Grasp):
    """GRASP from LBP's subgoals; see the module's docstring."""

    name = "grasp+lbp"

    def __init__(
        self,
        model: WorldModel,
        metric: GoalMetric,
        config: GraspLbpConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        subgoals: BackwardPlanner | None = None,
    ) -> None:
        """``subgoals``: a planner in the model's latent space, instead of the one that ``config`` names.

        Raises ModelError if there is no such model, or it is of another latent space; InvalidInputError for a depth
        that was not trained.
        """
        self.config: GraspLbpConfig = config or GraspLbpConfig()
        super().__init__(model, metric, self.config, clock)
        if subgoals is None:
            subgoals = load_subgoals(self.config.subgoals, getattr(model, "encoder", ""))
        if subgoals.config.latent_dim != model.latent_dim:
            raise ModelError(
                f"subgoals have {subgoals.config.latent_dim} numbers, latents of the world model {model.latent_dim}"
            )
        self._depth = subgoals.checked_depth(self.config.subgoal_depth)
        self.subgoals = subgoals.to(self.objective.device, self.objective.dtype)

    def _initial_path(self, run: Run) -> Tensor | None:
        if self.config.initial_states != "subgoals":
            return super()._initial_path(run)
        task, planner = run.task, self.subgoals
        with torch.no_grad():
            language = task.starts.new_zeros(len(task.starts), planner.config.language_dim)
            points = planner.plan_towards(task.starts, task.goals.squeeze(1), language, self._depth)
            return path_through(points, planner.progress(self._depth), task, self.config.horizon)
