# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""LBP as one model: saved and loaded whole, deterministic, and refusing what is not its own."""

import numpy as np
import pytest
import torch

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.lbp import assemble, build_networks, load_lbp, random_lbp, save_lbp
from robot_planner.types import Latent

SMALL = {
    "encoder": {"channels": 8, "keypoints": 4},
    "planner": {"name": "forward", "hidden": 16},
    "policy": {"hidden": 16, "blocks": 1, "width": 8, "heads": 2, "depth": 1, "fusion": "query"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small"
    save_lbp(build_networks(SMALL, seed=3), path, "a card")
    return path


def inputs(lbp, seed=0):
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=lbp.encoder.latent_dim).astype(np.float32)
    return latent, rng.normal(size=6).astype(np.float32), rng.normal(size=lbp.language.embedding_dim).astype(np.float32)


def test_what_is_loaded_does_what_was_saved(folder):
    saved, loaded = assemble("x", build_networks(SMALL, seed=3)), load_lbp(folder)
    latent, body, language = inputs(saved)
    for one in (saved, loaded):
        assert one.config["planner"]["name"] == "forward" and one.policy.config.fusion == "query"
    plans = [one.plan(Latent(latent, "", 7), language) for one in (saved, loaded)]
    assert np.array_equal(plans[0].latents, plans[1].latents) and plans[1].stamp == 7
    chunks = [one.act(latent, body, language, plan.latents) for one, plan in zip((saved, loaded), plans, strict=True)]
    assert np.array_equal(*chunks) and chunks[0].shape == (8, 5)
    assert saved.encoder.digest == loaded.encoder.digest


def test_the_policy_follows_as_many_subgoals_as_it_was_fitted_to(folder):
    lbp = load_lbp(folder)
    latent, _, language = inputs(lbp)
    assert lbp.plan(Latent(latent, ""), language).progress.tolist() == [0.5, 1.0]
    assert len(lbp.plan(Latent(latent, ""), language, depth=3).latents) == 4
    with pytest.raises(InvalidInputError, match="0 to 3"):
        lbp.plan(Latent(latent, ""), language, depth=4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": "x" * 64}, "encoder xxxx.*; allowed: "),
        ({"data": np.zeros(5, np.float32)}, r"shape \(5,\); allowed: \(32 or more,\)"),
        ({"data": np.zeros((1, 64), np.float32)}, "shape"),
        ({"data": np.full(64, np.nan, np.float32)}, "finite"),
        ({"words": np.full(64, np.inf, np.float32)}, "finite"),
        ({"words": np.zeros(3, np.float32)}, "language have shape"),
    ],
)
def test_a_latent_or_an_embedding_that_does_not_fit_is_refused(folder, change, message):
    lbp = load_lbp(folder)
    latent, _, language = inputs(lbp)
    assert lbp.plan(Latent(latent, lbp.encoder.digest), language).stamp == 0
    with pytest.raises(InvalidInputError, match=message):
        lbp.plan(Latent(change.get("data", latent), change.get("encoder", "")), change.get("words", language))


def test_noise_changes_the_chunk_and_its_absence_does_not(folder):
    lbp = load_lbp(folder)
    latent, body, language = inputs(lbp)
    goals = lbp.plan(Latent(latent, ""), language).latents
    plain = lbp.act(latent, body, language, goals)
    assert np.array_equal(plain, lbp.act(latent, body, language, goals))
    noise = np.random.default_rng(0).normal(size=plain.size).astype(np.float32)
    assert not np.allclose(plain, lbp.act(latent, body, language, goals, noise=noise))


def test_an_actor_of_goal_images_needs_no_words():
    lbp = assemble("x", build_networks({**SMALL, "policy": {**SMALL["policy"], "goals": "image"}}))
    rng = np.random.default_rng(0)
    front = rng.integers(0, 255, (128, 128, 3), dtype=np.uint8)
    wrist = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
    near, far = (np.full(lbp.encoder.plan_dim, value, np.float32) for value in (0.0, 3.0))
    chunks = [lbp.actor("", goal)(front, wrist, np.zeros(6, np.float32)) for goal in (near, far)]
    assert not np.allclose(*chunks)


@pytest.mark.parametrize("text", ["", "put the yellow block in bin A", "do not open the drawer", "make me a coffee"])
def test_words_that_mean_nothing_here_move_nothing(text):
    lbp = random_lbp(0, SMALL)
    with pytest.raises(InvalidInputError):
        lbp.actor(text)


def test_another_kind_of_model_is_named(tmp_path):
    save_checkpoint(tmp_path / "world", {"x": torch.zeros(1)}, {"kind": "world"}, "a card")
    with pytest.raises(ModelError, match="kind 'world'.*'lbp'"):
        load_lbp(tmp_path / "world")


def test_weights_that_do_not_fit_are_refused(folder, tmp_path):
    checkpoint = load_checkpoint(folder)
    for changes, says in (
        ({"policy": {**checkpoint.config["policy"], "hidden": 24}}, "policy"),
        ({"planner": {"name": "sideways"}}, "sideways"),
        ({"encoder": {"colour": 3}}, "not valid"),
    ):
        save_checkpoint(tmp_path / says, checkpoint.tensors, {**checkpoint.config, **changes}, "a card")
        with pytest.raises(ModelError, match=says):
            load_lbp(tmp_path / says)
