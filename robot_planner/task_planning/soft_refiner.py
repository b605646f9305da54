# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A parallel refiner: a whole plan as numbers, refined at once, whose fixed point is solved for in logit space.

The state x holds, for each of L steps, logits of the action and of the two things. One refinement f reads x as SOFT
tokens (the mean of what the likely actions and things look like), lets them see the scene, the answers and each other,
and writes new logits. x* = f(x*) is solved by Picard, Anderson or Broyden (``fixed_point.py``) and trained through
``implicit.py``; after Bai, Kolter and Koltun, "Deep equilibrium models", 2019. A warm start is the logits of a plan.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.fixed_point import Function
from robot_planner.task_planning.network import Cache, StepNetwork, StepNetworkConfig
from robot_planner.task_planning.tokens import Kind, WordList

KIND = "soft_refiner"
CERTAIN = 6.0
"""Logit of a symbol of the plan that a solve begins with; those of the others are 0."""
FORBIDDEN = -1e4


@dataclass(frozen=True)
class SoftContext:
    """What stays the same while a plan is refined."""

    things: Tensor
    """(B, O + 1, W); row 0 is nothing."""
    keys: Tensor
    """(B, O, W)."""
    past: Cache
    seen: Tensor
    """(B, M) bool: which of the tokens in ``past`` are real."""
    words: Tensor
    """(B, V) words that may be written, the end first; 0 where there are fewer."""
    usable: Tensor
    """(B, V) bool."""
    present: Tensor
    """(B, O) bool: which things there are."""


class SoftRefiner(nn.Module):
    """f of the module's docstring."""

    def __init__(self, network: StepNetwork, steps: int = 32) -> None:
        """``steps``: of a plan, its end included."""
        super().__init__()
        self.network, self.steps = network, steps
        self.nothing = nn.Linear(network.config.width, 2)
        """Logits of having no first, and no second, thing."""

    def size(self, context: SoftContext) -> int:
        """Numbers of a state, D."""
        things = context.keys.shape[1] + 1
        return self.steps * (context.words.shape[1] + 2 * things)

    def start(self, context: SoftContext, plan: Tensor | None = None) -> Tensor:
        """A state (B, D): of a plan (B, L, 3) of places in ``words`` and numbers of things (0: none), or of nothing."""
        batch, words, things = len(context.keys), context.words.shape[1], context.keys.shape[1] + 1
        if plan is None:
            return torch.zeros(batch, self.size(context), device=context.keys.device)
        parts = [F.one_hot(plan[..., at], (words, things, things)[at]) for at in range(3)]
        return CERTAIN * torch.cat([part.float().flatten(1) for part in parts], dim=1)

    def split(self, state: Tensor, context: SoftContext) -> tuple[Tensor, Tensor, Tensor]:
        """(B, D) -> logits of the word (B, L, V), of the first and of the second thing (B, L, O + 1; 0: none)."""
        words, things = context.words.shape[1], context.keys.shape[1] + 1
        sizes = [self.steps * words, self.steps * things, self.steps * things]
        word, first, second = state.split(sizes, dim=1)
        batch = len(state)
        return (
            word.view(batch, self.steps, words),
            first.view(batch, self.steps, things),
            second.view(batch, self.steps, things),
        )

    def plan(self, state: Tensor, context: SoftContext) -> Tensor:
        """The likeliest plan (B, L, 3) of a state, as ``start`` takes it."""
        present = F.pad(context.present, (1, 0), value=True)
        parts = zip(self.split(state, context), (context.usable, present, present), strict=True)
        return torch.stack([x.masked_fill(~may.unsqueeze(1), -torch.inf).argmax(-1) for x, may in parts], dim=-1)

    def function(self, context: SoftContext) -> Function:
        """The refinement in this context, (B, D) -> (B, D)."""
        return lambda state: self.refine(state, context)

    def refine(self, state: Tensor, context: SoftContext) -> Tensor:
        """One refinement (B, D) -> (B, D); logits of what may not be written are 0."""
        network = self.network
        present = F.pad(context.present, (1, 0), value=True)
        word, first, second = self.split(state, context)
        shares = _shares(word, context.usable), _shares(first, present), _shares(second, present)
        looks = network.words(context.words)
        rows = shares[0] @ looks + network.as_first(shares[1] @ context.things)
        rows = rows + network.as_second(shares[2] @ context.things)
        places = torch.arange(1, self.steps + 1, device=state.device)
        rows = rows + network.kinds.weight[Kind.DRAFT] + network.places(places) + network.rounds.weight[0]
        mask = F.pad(context.seen, (0, self.steps), value=True)[:, None, None]
        hidden, _ = network(rows, mask, context.past)

        logits = network.action_logits(hidden).gather(2, context.words.unsqueeze(1).expand(-1, self.steps, -1))
        spoken = _shares(logits, context.usable) @ looks
        none = self.nothing(hidden)
        one = network.pointers[0](hidden + spoken) @ context.keys.mT / network.config.width**0.5
        one = torch.cat([none[..., :1], one], dim=-1)
        taken = _shares(one, present) @ F.pad(context.keys, (0, 0, 1, 0))
        two = network.pointers[1](hidden + spoken + taken) @ context.keys.mT / network.config.width**0.5
        two = torch.cat([none[..., 1:], two], dim=-1)
        parts = ((logits, context.usable), (one, present), (two, present))
        return torch.cat([(part * allowed.unsqueeze(1)).flatten(1) for part, allowed in parts], dim=1)

    def loss(self, state: Tensor, plan: Tensor, context: SoftContext) -> Tensor:
        """Mean negative log-likelihood of a plan's steps (B, L, 3), as for ``start``."""
        present = F.pad(context.present, (1, 0), value=True)
        allowed = (context.usable, present, present)
        total = state.new_zeros(())
        for at, (logits, may) in enumerate(zip(self.split(state, context), allowed, strict=True)):
            chances = logits.masked_fill(~may.unsqueeze(1), FORBIDDEN)
            total = total + F.cross_entropy(chances.transpose(1, 2), plan[..., at])
        return total


def save_soft_refiner(refiner: SoftRefiner, words: WordList, folder: Path, card: str) -> None:
    """Writes a model folder; weights in half precision, as those of the step-by-step model."""
    config = {"kind": KIND, "network": vars(refiner.network.config), "words": list(words.words), "steps": refiner.steps}
    save_checkpoint(folder, {name: tensor.half() for name, tensor in refiner.state_dict().items()}, config, card)


def load_soft_refiner(name_or_path: str | Path = "soft_refiner") -> tuple[SoftRefiner, WordList]:
    """Loads ``models/<name>`` or a model folder; raises ModelError."""
    checkpoint = load_checkpoint(name_or_path)
    if checkpoint.config.get("kind") != KIND:
        raise ModelError(f"model '{name_or_path}' is of kind '{checkpoint.config.get('kind')}'; allowed here: '{KIND}'")
    try:
        network = StepNetwork(StepNetworkConfig(**checkpoint.config["network"]))
        refiner = SoftRefiner(network, checkpoint.config["steps"])
        refiner.load_state_dict(checkpoint.tensors)
        return refiner.eval().requires_grad_(False), WordList(checkpoint.config["words"])
    except (TypeError, KeyError, RuntimeError, InvalidInputError) as error:
        raise ModelError(f"the configuration of model '{name_or_path}' is not valid: {error}") from None


def _shares(logits: Tensor, allowed: Tensor) -> Tensor:
    """Probabilities (B, L, V) of what is allowed (B, V)."""
    return torch.softmax(logits.masked_fill(~allowed.unsqueeze(1), FORBIDDEN), dim=-1)
