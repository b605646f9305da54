# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Phases 2 and 3 of LBP's training: the planner of subgoals, then the policy that follows what it predicts.

Both learn from latents that were computed once. The policy sees PREDICTED subgoals, the planner being frozen: what it
will see at work.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from robot_planner.planning.subgoal_planner import SubgoalPlanner
from robot_planner.policy.subgoal_policy import SubgoalPolicy
from robot_planner.training.demonstration_reader import Demonstrations
from robot_planner.training.resumable import run_phase


@dataclass(frozen=True)
class LatentFrames:
    """Demonstrations as tensors: what planner and policy are fitted to."""

    latents: Tensor
    """(N, D) of both views."""
    language: Tensor
    """(N, L) of each frame's instruction."""
    proprioception: Tensor
    """(N, 6)."""
    chunks: Tensor
    """(N, K, 5)."""
    mask: Tensor
    """(N, K)."""
    data: Demonstrations
    plan_dim: int

    @classmethod
    def of(cls, data: Demonstrations, latents: Tensor, language: Tensor, plan_dim: int, length: int) -> "LatentFrames":
        """``language`` (E, L): of each episode; ``length`` of a chunk."""
        chunks, mask = data.chunks(length)
        body = torch.from_numpy(data.arrays["proprioception"])
        rows = language[torch.from_numpy(data.episode_of)]
        return cls(latents, rows, body, torch.from_numpy(chunks), torch.from_numpy(mask), data, plan_dim)

    @property
    def front(self) -> Tensor:
        """(N, D_plan): what planning uses."""
        return self.latents[:, : self.plan_dim]

    def final(self) -> Tensor:
        """(N, 1, D_plan) where each frame's episode ends: what a goal image would show."""
        return self.front[torch.from_numpy(self.data.last)].unsqueeze(1)

    def without_language(self) -> "LatentFrames":
        """The same with empty instructions."""
        return replace(self, language=torch.zeros_like(self.language))

    def targets(self, fractions: Sequence[float]) -> Tensor:
        """(N, len(fractions)) frames at these fractions of the remaining time."""
        return torch.from_numpy(self.data.ahead(fractions))


def fit_planner(
    frames: LatentFrames,
    held: LatentFrames,
    planner: SubgoalPlanner,
    work: Path,
    steps: int,
    name: str = "planner",
    batch: int = 256,
    learning_rate: float = 1e-3,
    seed: int = 0,
) -> None:
    """Fits any planner of subgoals by its own loss, or resumes."""
    planner.fit_statistics(frames.front)
    ahead, held_ahead = frames.targets(planner.fractions), held.targets(planner.fractions)
    some = torch.arange(0, len(held.data), 5)

    def loss(step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = torch.randint(len(frames.data), (batch,), generator=generator)
        parts = planner.loss(frames.front[rows], frames.front[ahead[rows]], frames.language[rows], generator)
        return {"loss": parts["loss"], "goal": parts[f"level_{len(planner.fractions) - 1}"]}

    def figures() -> dict[str, float]:
        errors = planner.errors(held.front[some], held.front[held_ahead[some]], held.language[some]).mean(0)
        return {"held_nearest": errors[0].item(), "held_goal": errors[-1].item()}

    optimizer = torch.optim.AdamW(planner.parameters(), weight_decay=1e-2)
    run_phase(name, work, {name: planner}, optimizer, learning_rate, steps, loss, figures, 1000)


def predicted_subgoals(
    planner: SubgoalPlanner, frames: LatentFrames, depth: int | None = None, chunk: int = 8192
) -> Tensor:
    """(N, depth + 1, D_plan) what the planner says at every frame."""
    with torch.inference_mode():
        pairs = zip(frames.front.split(chunk), frames.language.split(chunk), strict=True)
        rows = [planner.plan(latents, language, depth) for latents, language in pairs]
    return torch.cat(rows).clone()


def fit_policy(
    frames: LatentFrames,
    held: LatentFrames,
    subgoals: Tensor,
    held_subgoals: Tensor,
    policy: SubgoalPolicy,
    work: Path,
    steps: int,
    name: str = "policy",
    batch: int = 256,
    learning_rate: float = 1e-3,
    jitter: float = 0.03,
    seed: int = 0,
) -> None:
    """Fits the policy to the chunks of all frames whose next command is the expert's, or resumes.

    ``jitter``: deviation of noise on the latents, in their standard deviations, against trust in the last digit.
    """
    usable = torch.nonzero(frames.mask[:, 0]).squeeze(1)
    policy.fit_statistics(
        frames.latents[usable], frames.proprioception[usable], frames.chunks[usable], frames.mask[usable].float()
    )
    some = torch.nonzero(held.mask[:, 0]).squeeze(1)[::7]

    def loss(step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        rows = usable[torch.randint(len(usable), (batch,), generator=generator)]
        latents = frames.latents[rows]
        latents = latents + jitter * policy.latent_std * torch.randn(latents.shape, generator=generator)
        return {
            "loss": policy.loss(
                latents,
                frames.proprioception[rows],
                frames.language[rows],
                subgoals[rows],
                frames.chunks[rows],
                frames.mask[rows].float(),
                generator,
            )["loss"]
        }

    def figures() -> dict[str, float]:
        policy.eval()
        size = policy.config.chunk_length * policy.config.action_dim
        with torch.inference_mode():
            chunks = policy.act(
                held.latents[some], held.proprioception[some], held.language[some], held_subgoals[some],
                noise=torch.zeros(len(some), size),
            )  # fmt: skip
        policy.train()
        wrong = (chunks - held.chunks[some]).abs()
        place = wrong[..., :3].norm(dim=-1)[held.mask[some]]
        grip = wrong[..., 4][held.mask[some]]
        return {"held_place_cm": place.mean().item() * 100, "held_grip_cm": grip.mean().item() * 100}

    optimizer = torch.optim.AdamW(policy.parameters(), weight_decay=1e-2)
    policy.train()
    run_phase(name, work, {name: policy}, optimizer, learning_rate, steps, loss, figures, 1000)
    policy.eval()
