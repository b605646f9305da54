# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Hindsight goals are what they say; the whole training at a tiny size writes a model that loads, and resumes."""

import argparse

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.perception.slots import SlotReadout
from robot_planner.planning.grasp_lbp import load_subgoals
from robot_planner.simulation.tasks import TUNING_SEEDS
from robot_planner.training import lbp_planar
from robot_planner.world import assemble, build_networks, save_world

FRACTIONS = (0.125, 0.25, 0.5, 1.0)
READOUT = SlotReadout(("hand", "red"), 2)


def clockwork(episodes=3, frames=41):
    """Latents (E, T+1, 4): time in the hand's slot, the episode's number beside it; episode 1's block moves."""
    latents = torch.zeros(episodes, frames, 4)
    latents[..., 0] = torch.arange(frames)
    latents[..., 1] = torch.arange(episodes)[:, None]
    latents[1, :, 2] = torch.arange(frames)
    return latents


def drawn(hindsight, count=2000):
    present, targets = hindsight.draw(count, torch.Generator().manual_seed(0))
    return present, targets, targets[:, -1, 0] - present[:, 0]


def test_targets_lie_at_their_fractions_of_the_way_within_one_episode():
    present, targets, steps = drawn(lbp_planar.Hindsight(clockwork(), READOUT, FRACTIONS))
    assert steps.min() == 1 and steps.max() > 35
    expected = present[:, None, 0] + steps[:, None] * torch.tensor(FRACTIONS)
    torch.testing.assert_close(targets[..., 0], expected)
    assert (targets[..., 1] == present[:, None, 1]).all()


def test_half_of_the_pairs_are_pushes():
    present, _, _ = drawn(lbp_planar.Hindsight(clockwork(6), READOUT, FRACTIONS))
    assert 0.5 < (present[:, 1] == 1).float().mean() < 0.65  # a sixth of the other half, too
    still = clockwork()
    still[..., 2] = 0.0
    assert len(drawn(lbp_planar.Hindsight(still, READOUT, FRACTIONS))[0]) == 2000


def test_ways_that_took_too_long_are_no_examples():
    def steps_to_go(now, goal):
        return torch.full((len(now),), 8.0)

    _, _, steps = drawn(lbp_planar.Hindsight(clockwork(), READOUT, FRACTIONS, steps_to_go))
    assert steps.max() == 8.0 * lbp_planar.SLACK + 1.0


def test_a_tiny_training_writes_a_model_bound_to_its_encoder_and_resumes(tmp_path, capsys):
    config = {"encoder": {"image_size": 64, "channels": 8, "keypoints": 4, "crop": [0.1, 0.0, 0.8]}}
    config["dynamics"] = {"hidden": 8, "members": 2}
    networks = build_networks(config)
    save_world(networks, config, tmp_path / "world", "# card")
    numbers = np.random.default_rng(0)
    for part, first in (("data", 0), ("validation", TUNING_SEEDS[0])):
        (tmp_path / part).mkdir()
        images = numbers.integers(0, 256, (2, 41, 64, 64, 3), np.uint8)
        np.savez(tmp_path / part / f"seeds_{first:08d}_2x40.npz", images=images)
    words = ["--work", tmp_path, "--out", tmp_path / "model", "--world", tmp_path / "world", "--episodes", 2]
    words += ["--validation", 2, "--steps", 3, "--hidden", 16, "--workers", 1]
    parser = argparse.ArgumentParser()
    lbp_planar.add_arguments(parser)
    (record,) = lbp_planar.run(parser.parse_args([str(word) for word in words]))
    assert {"lbp_hand_0.5_cm", "line_hand_0.125_cm"} <= set(record)
    digest = assemble("world", networks, config).encoder.digest
    first = load_subgoals(tmp_path / "model", digest)
    assert capsys.readouterr().out.count("subgoals 3/3") == 1
    lbp_planar.run(parser.parse_args([str(word) for word in words]))
    assert "subgoals 3/3" not in capsys.readouterr().out
    for name, tensor in load_subgoals(tmp_path / "model", digest).state_dict().items():
        torch.testing.assert_close(tensor, first.state_dict()[name], atol=0, rtol=0)
    with pytest.raises(InvalidInputError, match="positive"):
        lbp_planar.run(parser.parse_args(["--work", str(tmp_path), "--steps", "0"]))
