# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Planner and policy learn from latents of demonstrations; targets and masks reach them as they should."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.lbp import build_networks, load_lbp
from robot_planner.training.demonstration_reader import Demonstrations
from robot_planner.training.lbp import add_arguments, embed_instructions, fit_parts, run
from robot_planner.training.lbp_fitting import LatentFrames, fit_planner, fit_policy, predicted_subgoals

STEPS, EPISODES, PLAN, WIDE = 24, 40, 32, 64


@pytest.fixture(scope="module")
def frames():
    """Straight ways: the language says where to, the latent is where one is, the commands lead there."""
    rng = np.random.default_rng(0)
    goals = rng.uniform(-1, 1, (EPISODES, 3)).astype(np.float32)
    starts = rng.uniform(-1, 1, (EPISODES, 3)).astype(np.float32)
    along = np.linspace(0, 1, STEPS, dtype=np.float32)[None, :, None]
    places = (starts[:, None] + along * (goals - starts)[:, None]).reshape(-1, 3)
    count = len(places)
    body = np.column_stack([places, np.zeros(count), np.ones(count), np.full(count, 0.04)]).astype(np.float32)
    commanded = np.column_stack([places, np.zeros(count), np.full(count, 0.04)]).astype(np.float32)
    expert = rng.random(count) > 0.05
    commanded[1:][~expert[:-1]] = 50.0  # what an error commands must not be learned
    first = np.repeat(np.arange(EPISODES) * STEPS, STEPS)
    arrays = {"proprioception": body, "commanded": commanded, "expert": expert}
    data = Demonstrations(arrays, {}, first, first + STEPS - 1, ["x"] * EPISODES, np.arange(EPISODES))
    latents = torch.zeros(count, WIDE)
    latents[:, :3] = torch.from_numpy(places)
    language = torch.zeros(EPISODES, 64)
    language[:, :3] = torch.from_numpy(goals)
    return LatentFrames.of(data, latents, language, PLAN, 8)


@pytest.fixture(scope="module")
def networks():
    small = {"hidden": 48, "blocks": 1, "width": 16, "heads": 2, "layers": 1, "head": "regression"}
    return build_networks({"encoder": {"channels": 8, "keypoints": 4}, "planner": {"hidden": 48}, "policy": small})


def test_planner_and_policy_learn_and_resume(frames, networks, tmp_path, capsys):
    fit_planner(frames, frames, networks.planner, tmp_path, 300, batch=128)
    networks.planner.eval().requires_grad_(False)
    subgoals = predicted_subgoals(networks.planner, frames)
    targets = frames.front[frames.targets(networks.planner.fractions)]
    assert (subgoals - targets).norm(dim=-1).mean() < 0.15
    assert (frames.front[:, None] - targets).norm(dim=-1).mean() > 0.3  # copying would not do

    fit_policy(frames, frames, subgoals, subgoals, networks.policy, tmp_path, 300, batch=128)
    rows = torch.nonzero(frames.mask.all(1)).squeeze(1)
    with torch.inference_mode():
        inputs = frames.latents[rows], frames.proprioception[rows], frames.language[rows], subgoals[rows]
        chunks = networks.policy.act(*inputs)
    assert (chunks - frames.chunks[rows])[..., :3].norm(dim=-1).median() < 0.08
    capsys.readouterr()

    weights = {key: value.clone() for key, value in networks.planner.state_dict().items()}
    again = build_networks({"encoder": {"channels": 8, "keypoints": 4}, "planner": {"hidden": 48}}, seed=5).planner
    fit_planner(frames, frames, again, tmp_path, 300, batch=128)
    assert capsys.readouterr().out == ""  # done: loaded, not run again
    assert all(torch.equal(value, weights[key]) for key, value in again.state_dict().items())


def test_the_planner_learns_from_frames_whose_actions_the_policy_never_sees(frames, networks, tmp_path):
    silent = replace(frames, chunks=torch.full_like(frames.chunks, torch.nan))  # would spoil any policy
    few = frames.data.arrays["proprioception"].shape[0] // 10
    known = replace(frames, mask=frames.mask & (torch.arange(len(frames.mask)) < few).unsqueeze(1))
    parts = build_networks(networks.config, 3)
    fit_parts(argparse.Namespace(steps=(0, 0, 300, 20), seed=0), parts, known, frames, tmp_path, silent)
    subgoals = predicted_subgoals(parts.planner, frames)
    targets = frames.front[frames.targets(parts.planner.fractions)]
    assert (subgoals - targets).norm(dim=-1).mean() < 0.25
    assert all(torch.isfinite(value).all() for value in parts.policy.state_dict().values())


def test_a_folder_without_frames_is_refused_before_anything_is_gathered(tmp_path):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["--frames", str(tmp_path), "--work", str(tmp_path / "work")])
    with pytest.raises(InvalidInputError, match="--frames: there are no demonstrations"):
        run(args)
    assert not (tmp_path / "work").exists()


def test_frames_of_goal_images_have_no_words(frames):
    assert frames.without_language().language.abs().max() == 0
    final = frames.final()
    assert final.shape == (EPISODES * STEPS, 1, PLAN)
    assert torch.equal(final[0, 0], frames.front[STEPS - 1]) and torch.equal(final[-1, 0], frames.front[-1])


def test_episodes_whose_instruction_means_nothing_here_are_left_out_whole(frames, capsys):
    texts = ["lift the red block"] * EPISODES
    texts[3] = texts[7] = "sing a song"
    data, language = embed_instructions(load_lbp("tidy").language, replace(frames.data, instructions=texts))
    assert data.instructions == ["lift the red block"] * (EPISODES - 2) and len(language) == EPISODES - 2
    kept = np.setdiff1d(np.arange(EPISODES), [3, 7])
    assert (data.seeds == kept).all() and len(data) == len(kept) * STEPS
    rows = (kept[:, None] * STEPS + np.arange(STEPS)).ravel()
    assert (data.arrays["proprioception"] == frames.data.arrays["proprioception"][rows]).all()
    np.testing.assert_array_equal(data.first, np.repeat(np.arange(len(kept)) * STEPS, STEPS))
    np.testing.assert_array_equal(data.last, data.first + STEPS - 1)
    said = capsys.readouterr().err
    assert "2 episodes" in said and "'sing a song'" in said
    with pytest.raises(InvalidInputError, match="no instruction of the demonstrations is understood"):
        embed_instructions(load_lbp("tidy").language, replace(frames.data, instructions=["sing a song"] * EPISODES))
