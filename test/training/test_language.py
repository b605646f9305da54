# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from robot_planner.arrangement import Arrangement
from robot_planner.cli import members
from robot_planner.evaluation.language import language_figures, refusals
from robot_planner.language.encoder import LanguageConfig, LanguageEncoder
from robot_planner.language.family import BEYOND, FAMILY
from robot_planner.language.mentions import mismatch
from robot_planner.language.outside import KINDS
from robot_planner.language.rules import objection
from robot_planner.language.tokens import check_text, split_words
from robot_planner.language.words import TRAINING
from robot_planner.training.language import language_loss, roughened, strange, targets, train_language, word_loss

SMALL = LanguageConfig(embedding_dim=16, width=16, layers=2, heads=2, buckets=256)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("robot_planner.training.language.ARRANGEMENTS", 4)
    monkeypatch.setattr("robot_planner.training.language.OUTSIDE", 4)


def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path, monkeypatch, small_batches):
    monkeypatch.setattr("robot_planner.evaluation.language.language_figures", lambda *_, **__: {})
    whole, _ = train_language(tmp_path / "whole", seed=3, steps=6, config=SMALL)
    calls = []

    def stop(encoder, rng):
        calls.append(rng)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return language_loss(encoder, rng)

    monkeypatch.setattr("robot_planner.training.resumable.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("robot_planner.training.language.language_loss", stop)
    with pytest.raises(KeyboardInterrupt):
        train_language(tmp_path / "parts", seed=3, steps=6, config=SMALL)
    monkeypatch.setattr("robot_planner.training.language.language_loss", language_loss)
    parts, _ = train_language(tmp_path / "parts", seed=3, steps=6, config=SMALL)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], value)
    assert whole.digest == parts.digest


def test_training_lowers_every_loss():
    torch.manual_seed(0)
    encoder = LanguageEncoder(SMALL)
    optimizer = torch.optim.Adam(encoder.parameters(), 1e-2)
    with torch.no_grad():
        before = language_loss(encoder, np.random.default_rng(99))
    for step in range(25):
        optimizer.zero_grad()
        language_loss(encoder, np.random.default_rng(step))["loss"].backward()
        optimizer.step()
    with torch.no_grad():
        after = language_loss(encoder, np.random.default_rng(99))
    assert all(after[name] < before[name] for name in before)


def test_every_weight_is_trained():
    encoder = LanguageEncoder(SMALL)
    language_loss(encoder, np.random.default_rng(0))["loss"].backward()
    untouched = [name for name, value in encoder.named_parameters() if value.grad is None or not value.grad.any()]
    assert not untouched


def test_the_classes_of_an_arrangement():
    places, drawer = targets([Arrangement.parse("red=bin_b,blue=drawer,drawer=shut"), Arrangement.parse("green=hand")])
    assert places.tolist() == [[3, 0, 4], [0, 1, 0]] and drawer.tolist() == [2, 0]


def test_a_word_that_names_a_block_is_taught_where_it_goes():
    texts = ["put red in bin a and blue away", "lift green"]
    arrangements = [Arrangement.parse("red=bin_a,blue=drawer"), Arrangement.parse("green=hand")]
    words = torch.zeros(2, 8, 5)
    words[0, 1, 2] = words[0, 6, 4] = words[1, 1, 1] = 30.0
    assert word_loss(words, texts, arrangements) < 1e-3
    words[0, 1] = torch.eye(5)[3] * 30.0
    assert word_loss(words, texts, arrangements) > 1.0


def test_phrases_to_learn_from_name_what_they_mean_however_roughened():
    rng = np.random.default_rng(0)
    for arrangement in (*FAMILY, *BEYOND) * 3:
        words = split_words(check_text(roughened(arrangement, rng)))
        assert mismatch(arrangement, words) is None, words


def test_words_that_the_rules_refuse_are_rare_in_what_is_strange(monkeypatch):
    monkeypatch.setattr("robot_planner.training.language.add_typos", lambda text, *_: text)
    monkeypatch.setattr("robot_planner.training.language._any_word", lambda _: "please")
    rng = np.random.default_rng(0)
    texts = [strange(rng) for _ in range(300)]
    refused = [text for text in texts if objection(split_words(check_text(text))) is not None]
    assert 0 < len(refused) < 45 and len(set(texts)) > 250


def test_figures_count_refusals_and_readings_of_both_splits():
    torch.manual_seed(0)
    encoder = LanguageEncoder(SMALL).eval()
    figures = language_figures(encoder, seed=0, count=20)
    assert all(0.0 <= value <= 1.0 for name, value in figures.items() if "cosine" not in name)
    assert figures["exact_training"] <= figures["network_training"] + 1e-9
    assert figures["exact_held_out_typos"] + figures["false_refusal_held_out_typos"] <= 1.0
    by_kind = refusals(encoder, seed=0, count=2 * len(KINDS), split=TRAINING)
    assert set(by_kind) == set(KINDS) and by_kind["thing"] == by_kind["tongue"] == 1.0


def test_the_language_training_is_no_verb_of_its_own():
    assert "language" not in members("train") and "language" not in members("bench")
