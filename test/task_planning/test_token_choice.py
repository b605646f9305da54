# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Which token comes next: the best, or a fair sample, of what the grammar allows."""

import math

import pytest
import torch

from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.grammar import Grammar, Vocabulary
from robot_planner.task_planning.language_model import LanguageModelError
from robot_planner.task_planning.plan import ObjectRef
from robot_planner.task_planning.scene import Scene
from robot_planner.task_planning.token_choice import TokenChoice

PIECES = ["", "[PICK] <block> (1)\n", "[FLY]", "EN", "D", "END", "[PI"]


def within(pieces=PIECES, **options):
    scene = Scene(load_domain("tabletop"), {ObjectRef("block", 1): "block"})
    return TokenChoice(Grammar(scene), Vocabulary(pieces), pieces, **options)


def test_the_most_probable_token_is_taken():
    row = torch.tensor([0.0, 3.0, 1.0])
    token, score = TokenChoice()(row)
    assert token == 1 and score == pytest.approx(float(torch.log_softmax(row, 0)[1]))


def test_samples_are_as_frequent_as_the_temperature_says():
    row, count = torch.tensor([0.0, 1.0, 2.0, -math.inf]), 20_000
    choice = TokenChoice(temperature=2.0, seed=4)
    tokens = torch.tensor([choice(row)[0] for _ in range(count)])
    shares = torch.bincount(tokens, minlength=4) / count
    assert torch.allclose(shares, torch.softmax(row / 2.0, 0), atol=0.015)


def test_the_grammar_says_what_may_come_next_token_by_token():
    choice = within()
    assert not choice.done
    assert [choice(torch.tensor([9.0, 5, 8, 1, 7, 0, 2]))[0] for _ in range(2)] == [1, 1]
    assert choice(torch.tensor([9.0, 1, 8, 5, 7, 0, 2]))[0] == 3
    assert choice(torch.tensor([9.0, 9, 8, 5, 0, 9, 9]))[0] == 4 and choice.done


def test_samples_keep_to_the_grammar():
    row = torch.zeros(len(PIECES) + 2)  # logits are padded beyond the vocabulary
    for seed in range(50):
        choice, text = within(temperature=1.0, seed=seed), ""
        while not choice.done and len(text) < 200:
            text += PIECES[choice(row)[0]]
            if text.endswith("[PI"):
                break  # no other piece goes on from here
        assert "FLY" not in text and (text.endswith(("END", "[PI")) or len(text) >= 200)


def test_where_nothing_may_be_written_one_clear_error_says_so():
    choice = within(["", "[PI", "x"])
    assert choice(torch.zeros(3))[0] == 1
    with pytest.raises(LanguageModelError, match="no token may be written"):
        choice(torch.zeros(3))
    with pytest.raises(LanguageModelError, match="not numbers"):
        TokenChoice()(torch.tensor([math.nan, math.nan]))
