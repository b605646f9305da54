# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.arrangement import Arrangement
from robot_planner.errors import InvalidInputError
from robot_planner.language.encoder import (
    DRAWER_CHOICES,
    PLACE_CHOICES,
    LanguageConfig,
    LanguageEncoder,
    Reading,
    TextEncoder,
)
from robot_planner.language.family import FAMILY
from robot_planner.language.rules import distance, objection
from robot_planner.language.tokens import MAX_CHARACTERS, check_text, split_words, tokenize
from robot_planner.language.understanding import NotUnderstoodError, understand

SMALL = LanguageConfig(embedding_dim=16, width=16, layers=2, heads=2, buckets=256)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return LanguageEncoder(SMALL).eval()


class Fixed:
    """A network that reads every text as the same."""

    def __init__(self, places, drawer=None, family=4.0, sureness=20.0):
        chosen = torch.tensor([PLACE_CHOICES.index(place) for place in places])
        self.reading = Reading(
            torch.ones(1, 16),
            sureness * torch.nn.functional.one_hot(chosen, len(PLACE_CHOICES)).float()[None],
            sureness * torch.nn.functional.one_hot(torch.tensor(DRAWER_CHOICES.index(drawer)), 3).float()[None],
            torch.tensor([family]),
            torch.zeros(1, 1, len(PLACE_CHOICES)),
        )

    def read(self, texts):
        return self.reading


RED_IN_A = ("bin_a", None, None)


def test_an_understood_instruction_is_told_in_plain_words():
    understood = understand(Fixed(("bin_a", None, None), "shut"), "close the drawer, and red in bin A please!")
    assert understood.arrangement == Arrangement.parse("red=bin_a,drawer=shut")
    assert understood.sentence == "put the red block in bin A and close the drawer"
    assert 0.9 < understood.confidence <= 1.0 and understood.embedding.shape == (16,)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("put the yellow block in bin A", "yellow"),
        ("put the cup in bin A", "'cup'"),
        ("throw the red block into bin A", "'throw'"),
        ("put the red gizmo in bin A", "'gizmo'"),
        ("put the red block in bin C", "'c'"),
        ("leg den roten Block in Kiste A", "'den', 'roten', 'kiste'"),
        ("do not put the red block in bin A", "'not'"),
        ("don't close the drawer", "don't"),
        ("if the drawer is open, close it", "'if'"),
        ("i have just put the red block in bin A", "has been done"),
        ("you opened the drawer", "has been done"),
        ("lift the red block by two", "more than one"),
        ("put the red block into the", "breaks off after 'the'"),
        ("do nto close the drawer", "'nto'"),
        ("put the red blocks in bin A", "'blocks'"),
        ("put 2 red cubes in bin A", "'2 red'"),
        ("put both red and green in bin A", "'both red'"),
        ("put the red block in bin A without opening the drawer", "'without'"),
        ("\u628a\u7ea2\u8272\u65b9\u5757\u653e\u8fdb A", "unknown"),
        ("put the red block in bin A \U0001f600", "unknown"),
        ("asdkjh qwlekj", "'asdkjh', 'qwlekj'"),
    ],
)
def test_words_that_are_not_known_are_named_however_sure_the_network_is(text, named):
    with pytest.raises(NotUnderstoodError, match="allowed: a red, green or blue block") as error:
        understand(Fixed(RED_IN_A), text)
    assert named in error.value.reason and "\n" not in str(error.value)
    assert error.value.understood == "put the red block in bin A"


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Fixed(RED_IN_A, family=-5.0), "does not ask"),
        (Fixed((None, None, None)), "at least one"),
        (Fixed(("bin_a", "bin_a", None)), "room for one"),
        (Fixed(RED_IN_A, sureness=0.5), "more than one way"),
        (Fixed(("bin_a", "bin_b", "drawer")), "more than one task"),
        (Fixed(("hand", None, None), "open"), "more than one task"),
    ],
)
def test_what_is_no_task_or_not_sure_is_refused(network, reason):
    with pytest.raises(NotUnderstoodError, match=reason):
        understand(network, "put the red block in bin A")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("\u0301", "no word"),
        ("put red in bin a " * 40, "characters"),
        ("a " * 150, "words"),
        ("put\x00red", r"U\+0000"),
        ("put\x1b[31m red", r"U\+001B"),
        ("red \u202e in bin a", r"U\+202E"),
        (b"put red in bin a", "bytes"),
        (None, "NoneType"),
        (float("nan"), "float"),
    ],
)
def test_what_is_no_text_is_refused_before_the_network(encoder, text, named):
    for ask in (encoder.understand, lambda text: encoder.encode([text])):
        with pytest.raises(InvalidInputError, match=named) as error:
            ask(text)
        assert not isinstance(error.value, NotUnderstoodError)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=MAX_CHARACTERS + 20))
def test_any_text_is_understood_or_refused_in_one_line(encoder, text):
    try:
        encoder.understand(text)
    except InvalidInputError as error:
        assert str(error) and "\n" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "put teh red blcok in bin a",
        "pick up the gren cube",
        "opne the drwer",
        "PUT THE RED BLOCK IN BIN A",
        "red=bin_a",
    ],
)
def test_slips_are_no_unknown_words(text):
    assert objection(split_words(check_text(text))) is None


@given(st.text("abcd", max_size=7), st.text("abcd", max_size=7), st.text("abcd", max_size=7))
def test_the_distance_of_words_counts_edits(one, two, three):
    assert distance(one, one) == 0 and distance(one, two) == distance(two, one)
    assert abs(len(one) - len(two)) <= distance(one, two) <= max(len(one), len(two))
    assert distance(one + three, two + three) <= distance(one, two)
    assert distance("green", "grene") == distance("green", "gren") == distance("green", "gteen") == 1


def test_embeddings_are_of_size_one_the_same_alone_and_in_a_batch(encoder):
    texts = ["open the drawer", "put the red block into bin A and the blue one into the drawer", "lift green"]
    embeddings = encoder.encode(texts)
    assert isinstance(encoder, TextEncoder) and embeddings.dtype == np.float32
    assert embeddings.shape == (3, encoder.embedding_dim)
    np.testing.assert_allclose((embeddings**2).mean(axis=1), 1.0, rtol=1e-4)
    for text, embedding in zip(texts, embeddings, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], embedding, rtol=1e-3, atol=1e-4)


def test_case_accents_and_spaces_change_nothing_but_the_order_of_words_does(encoder):
    one, two, three = encoder.encode(["Put r\u00e9d in  bin A", "put red in bin a", "put bin in red a"])
    np.testing.assert_allclose(one, two, rtol=1e-4)
    assert np.abs(two - three).max() > 1e-3


def test_a_misspelt_word_shares_most_of_its_grams():
    def grams(word):
        return set(tokenize([word], 2**20).grams.tolist())

    assert len(grams("drawer") & grams("drawwer")) > 2 * len(grams("drawer") & grams("bucket"))


def test_prototypes_are_apart_and_sums_of_their_entries(encoder):
    prototypes = encoder.prototypes(FAMILY)
    cosine = prototypes @ prototypes.T / encoder.embedding_dim - torch.eye(len(FAMILY))
    assert cosine.max() < 0.99
    both = [Arrangement.parse(text) for text in ("red=bin_a", "drawer=shut", "red=bin_a,drawer=shut")]
    red, shut, together = encoder.prototypes(both)
    assert torch.linalg.lstsq(torch.stack([red, shut], 1), together[:, None]).residuals.sum() < 1e-6


def test_the_digest_is_of_the_weights(encoder):
    again = LanguageEncoder(SMALL)
    assert again.digest != encoder.digest
    again.load_state_dict(encoder.state_dict())
    assert again.digest == encoder.digest
