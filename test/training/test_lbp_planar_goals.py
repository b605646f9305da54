# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Goals in words are learned from what came about; a short training writes a model that loads, and resumes."""

import argparse

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.perception.slots import CENTRE, SCALE
from robot_planner.placement import PLACES, Placement, outside
from robot_planner.planning.text_goals import PlacedGoal, load_text_goals
from robot_planner.training import lbp_planar, lbp_planar_goals
from robot_planner.world import assemble, build_networks, save_world


def wandering(episodes=40, frames=41):
    """Latents (E, T+1, 32) of a hand that goes from side to side, and blocks that it takes along, one an episode."""
    rng = np.random.default_rng(0)
    places = np.tile(rng.uniform([0.3, -0.18], [0.5, 0.18], (episodes, 1, 4, 2)), (1, frames, 1, 1))
    to = np.column_stack([rng.uniform(0.3, 0.5, episodes), rng.choice([-0.16, 0.16], episodes)])
    along = np.linspace(0.0, 1.0, frames)[None, :, None]
    for entity in (np.zeros(episodes, int), rng.integers(1, 4, episodes)):
        begin = places[np.arange(episodes), 0, entity][:, None]
        places[np.arange(episodes), :, entity] = begin + along * (to[:, None] - begin)
    latents = np.zeros((episodes, frames, 4, 8), np.float32)
    latents[..., :2] = (places - CENTRE) / SCALE
    return torch.from_numpy(latents.reshape(episodes, frames, 32))


@pytest.fixture
def words(tmp_path, monkeypatch):
    config = {"encoder": {"image_size": 64, "channels": 8, "keypoints": 4}, "dynamics": {"hidden": 8, "members": 2}}
    networks = build_networks(config)
    with torch.no_grad():
        networks.visibility.layers[-1].weight.zero_()
        networks.visibility.layers[-1].bias.fill_(1.0)
    save_world(networks, config, tmp_path / "world", "# card")
    monkeypatch.setattr(lbp_planar, "load_latents", lambda args, world: (wandering(), wandering()))
    given = ["--work", tmp_path / "work", "--out", tmp_path / "model", "--world", tmp_path / "world", "--hidden", 32]
    return [str(word) for word in given], assemble("world", networks, config)


def train(words, *more):
    parser = argparse.ArgumentParser()
    lbp_planar_goals.add_arguments(parser)
    return lbp_planar_goals.run(parser.parse_args([*words, *more]))[0]


def test_a_short_training_learns_what_came_about_and_resumes(words, tmp_path, capsys):
    words, world = words
    untrained = train(words, "--steps", "1", "--work", str(tmp_path / "other"))
    record = train(words, "--steps", "250")
    assert record["block_outside_cm"] < 0.5 * untrained["block_outside_cm"]
    assert record["hand_outside_cm"] < 0.5 * untrained["hand_outside_cm"]
    assert f"--world {tmp_path / 'world'} --episodes 2000" in (tmp_path / "model" / "README.md").read_text()
    texts, present = load_text_goals(tmp_path / "model", world), wandering()[5, 0].numpy()
    predicted = {}
    for place in ("left", "right"):
        row = Placement("tool", place).embedding
        goal = texts.planner.plan(torch.from_numpy(present)[None], torch.from_numpy(row)[None], 0)[0, 0]
        predicted[place] = outside(world.readout(goal)[0], place).item()
    assert max(predicted.values()) < 0.06
    goal = PlacedGoal(Placement("tool", PLACES[0]))
    assert texts.see(goal, present).shape == goal.latent.shape == (32,)
    capsys.readouterr()
    train(words, "--steps", "250")
    assert "text_goals 250/250" not in capsys.readouterr().out


def test_mistakes_are_named(words, monkeypatch):
    with pytest.raises(InvalidInputError, match="positive"):
        train(words[0], "--steps", "0")
    still = torch.zeros(3, 41, 32)
    monkeypatch.setattr(lbp_planar, "load_latents", lambda args, world: (still, still))
    with pytest.raises(InvalidInputError, match="in no episode does anything come into a place"):
        train(words[0])
