# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""LBP without training: random weights whose words, latents and chunks mean something all the same."""

from dataclasses import replace

import numpy as np
import torch

from robot_planner.lbp import assemble, build_networks, save_lbp
from robot_planner.perception.multiview import ANCHORS, anchors

CONFIG = {
    "encoder": {"channels": 8, "keypoints": 4},
    "planner": {"hidden": 32},
    "policy": {"hidden": 32, "width": 16, "heads": 2, "blocks": 1},
}


def networks(seed=0):
    """Small networks that take every sentence of known words for "open the drawer", and whose arm hardly moves."""
    made = build_networks(CONFIG, seed)
    with torch.no_grad():
        language = made.language
        language.family[2].bias.fill_(20.0)
        for head, choice in ((language.places, [0] * 3), (language.drawer, [1])):
            head.weight.zero_()
            logits = torch.zeros(len(choice), len(head.bias) // len(choice))
            for row, index in zip(logits, choice, strict=True):
                row[index] = 20.0
            head.bias.copy_(logits.flatten())
        made.policy.chunk_std.fill_(0.002)
        made.policy.chunk_mean.zero_()
        made.policy.chunk_mean[:, 4] = 0.05
    return made


def fake_lbp(**parts):
    """An Lbp over them, some parts replaced."""
    return replace(assemble("fake", networks()), **parts)


def save_fake(folder):
    """The same as a model folder."""
    save_lbp(networks(), folder, "random weights, for tests")
    return folder


def scene(lbp, drawer=0.0):
    """A latent (D,) whose read-out shows the drawer that far open [m], blocks and tool out of the way."""
    body = np.array([[0.4, 0.0, 0.15, 0.0, 1.0, 0.06]])
    blocks = np.array([[[0.35, 0.1, 0.02], [0.4, -0.1, 0.02], [0.5, 0.05, 0.02]]])
    latent = np.zeros(lbp.encoder.latent_dim, np.float32)
    latent[:ANCHORS] = anchors(body, blocks, np.array([drawer]))[0]
    return latent
