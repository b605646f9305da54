# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A world model of a hand that pushes one rigid thing: an ensemble that sees contact from the thing's side.

A latent is two slots of four: the hand's x, y and velocity; the thing's x, y and its angle's cosine and sine. What a
push does depends on where it meets the thing, not on how the thing lies: one network sees hand and action in the
thing's own frame, and where the hand comes by (a linear guess, learned as well), each place with its sines and cosines
so that edges can be sharp; it says how the thing moves and turns. Another moves the hand, which feels no contact.
"""

import torch
from torch import Tensor, nn

from robot_planner.dynamics.ensemble import EnsembleConfig, EnsembleDynamics, EnsembleLinear


class PushDynamics(EnsembleDynamics):
    """The WorldModel protocol; actions are pairs x, y, one or several after the other."""

    _centre: Tensor
    _mirror: Tensor

    def __init__(self, config: EnsembleConfig, centre: tuple[float, float], contact: float) -> None:
        """``centre``: about which the thing turns, in its own frame; ``contact``: size of the thing; latents' units."""
        super().__init__(config)
        del self.object
        pairs, k = self.action_dim // 2, config.members
        self.action_parts = pairs
        self.contact = contact
        # buffers, as numbers that are copied to a GPU at each step can't be in what is recorded there
        self.register_buffer("_centre", torch.tensor(centre, dtype=torch.float32), persistent=False)
        self.register_buffer("_mirror", torch.tensor([1.0, -1.0]), persistent=False)
        # the hand's motion is all but linear: its network is left with what is not
        self.hand = self._network(config.slot_dim + self.action_dim)
        self.drive = EnsembleLinear(k, config.slot_dim + self.action_dim, config.slot_dim, gain=0.1)
        # where the hand comes by, relative to where it is, by its velocity and what has been asked for until then
        self.path = nn.Parameter(0.2 * torch.ones(pairs, pairs + 1).tril(1))
        places = pairs + 1
        self.push = self._network(2 * places * (1 + 2 * config.waves) + 2 * (pairs + 1) + 4, outputs=3)

    def changes(self, latents: Tensor, actions: Tensor) -> Tensor:
        """See EnsembleDynamics; D is 8."""
        hand, place, facing = latents[..., :4], latents[..., 4:6], latents[..., 6:8]
        unit = self._unit(latents, actions)
        beside = torch.cat([hand, unit], -1)
        hand_change = self._run(self.hand, beside) + self.drive(beside.expand(self.config.members, -1, -1))

        # lifted states are anywhere: an angle of no length points nowhere, but is no error
        facing = facing / facing.square().sum(-1, keepdim=True).clamp_min(1e-6).sqrt()
        centre = place + turned(facing, self._centre)
        back = facing * self._mirror
        offset = turned(back, hand[..., :2] - centre).unsqueeze(-2) / self.contact
        moves = turned(back.unsqueeze(-2), torch.cat([hand[..., 2:], unit], -1).unflatten(-1, (-1, 2)))
        places = torch.cat([offset, offset + self.path @ moves], -2).flatten(-2)
        waves = [wave(2.0**octave * places) for octave in range(self.config.waves) for wave in (torch.sin, torch.cos)]
        found = self._run(self.push, torch.cat([places, moves.flatten(-2), centre, facing, *waves], -1))
        shift, turn = turned(facing, found[..., :2]), found[..., 2:]
        after = turned(facing, torch.cat([turn.cos(), turn.sin()], -1))
        to = centre + shift - turned(after, self._centre)
        return torch.cat([hand_change, to - place, after - latents[..., 6:8]], -1)


def turned(facing: Tensor, vectors: Tensor) -> Tensor:
    """Vectors (..., 2) turned by angles that are given as cosine and sine (..., 2)."""
    cosine, sine, x, y = facing[..., :1], facing[..., 1:], vectors[..., :1], vectors[..., 1:]
    return torch.cat([cosine * x - sine * y, sine * x + cosine * y], -1)
