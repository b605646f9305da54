# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.arrangement import BIN_A, BIN_B, DRAWER, HAND, OPEN, SHUT, Arrangement
from robot_planner.language import frames, patterns, strange, templates
from robot_planner.language.family import BEYOND, FAMILY, describe
from robot_planner.language.mentions import mismatch
from robot_planner.language.outside import KINDS, outside
from robot_planner.language.patterns import expand, signature
from robot_planner.language.phrases import phrase, sample_arrangement
from robot_planner.language.rules import objection
from robot_planner.language.strange_sentences import SENTENCES
from robot_planner.language.tokens import check_text, split_words
from robot_planner.language.vocabulary import KNOWN
from robot_planner.language.words import DEVELOPMENT, HELD_OUT, SLOTS, TONES, TRAINING

SEEDS = st.integers(0, 2**32)
WAYS = (TRAINING, DEVELOPMENT, HELD_OUT)
SPLITS = st.sampled_from(WAYS)
COLORS = ("red", "green", "blue")


def words_of(text):
    return split_words(check_text(text))


def test_the_family_holds_each_kind_of_arrangement_once():
    assert len(set(FAMILY)) == len(FAMILY) == 86
    assert not set(FAMILY) & set(BEYOND)
    for text in (
        "red=hand",
        "drawer=open",
        "blue=bin_b",
        "red=bin_a,green=bin_b,drawer=shut",
        "green=drawer,drawer=shut",
    ):
        assert Arrangement.parse(text) in FAMILY
    for text in ("red=bin_a,green=bin_b,blue=drawer", "red=hand,drawer=open"):
        assert Arrangement.parse(text) in BEYOND


@settings(max_examples=200)
@given(st.sampled_from(FAMILY), SEEDS, SPLITS)
def test_a_phrase_names_the_blocks_of_its_arrangement_and_no_others(arrangement, seed, split):
    words = words_of(phrase(arrangement, np.random.default_rng(seed), split))
    for color, place in zip(COLORS, arrangement.blocks, strict=True):
        assert (color in words) == (place is not None)


@settings(max_examples=200)
@given(st.sampled_from(FAMILY), SEEDS, SPLITS)
def test_a_phrase_names_the_places_of_its_arrangement(arrangement, seed, split):
    words = words_of(phrase(arrangement, np.random.default_rng(seed), split))
    for place, letter in ((BIN_A, "a"), (BIN_B, "b")):
        named = {f"bin{letter}", *TONES[letter]} & set(words)
        assert place in arrangement.blocks or not named and (letter == "a" or letter not in words)
        assert place not in arrangement.blocks or named or letter in words
    assert ("drawer" in words) == (DRAWER in arrangement.blocks or arrangement.drawer is not None)
    shut, opened = {"close", "closed", "closing", "shut", "shutting"}, {"open", "opened", "opening", "opens"}
    assert not shut & set(words) or arrangement.drawer == SHUT
    assert arrangement.drawer != SHUT or (shut | {"push", "in", "back"}) & set(words)
    assert arrangement.drawer != OPEN or (opened | {"pull", "out"}) & set(words)


@settings(max_examples=300)
@given(st.sampled_from((*FAMILY, *BEYOND)), SEEDS, SPLITS, st.integers(0, 2))
def test_the_rules_refuse_no_phrase_and_all_its_words_are_known(arrangement, seed, split, typos):
    text = phrase(arrangement, np.random.default_rng(seed), split, typos)
    assert objection(words_of(text)) in (
        None,
        *(f"no block is {c}; blocks are red, green and blue" for c in TYPO_COLORS),
    )
    if not typos:
        plain = {word.partition("'")[0] for word in words_of(text) if word[0].isalnum()}
        assert plain <= KNOWN


TYPO_COLORS = ("gray", "lime", "gold")
"""What a slip can make of tray, like and hold."""


@given(st.sampled_from(FAMILY), SEEDS)
def test_the_same_generator_says_the_same(arrangement, seed):
    assert phrase(arrangement, np.random.default_rng(seed)) == phrase(arrangement, np.random.default_rng(seed))


def test_an_arrangement_is_phrased_in_many_ways():
    rng = np.random.default_rng(0)
    said = {phrase(Arrangement.parse("red=bin_a"), rng) for _ in range(300)}
    assert len(said) > 200


CLAUSES = {
    name: table
    for module in (templates, frames)
    for name, table in vars(module).items()
    if isinstance(table, dict) and set(table) == set(WAYS)
}


def test_the_splits_share_neither_templates_nor_texts():
    tables = [
        {split: [one for group in table[split] for one in group] for split in WAYS}
        for table in (*CLAUSES.values(), *SENTENCES.values())
    ]
    tables += [strange.CHAT, strange.TONGUES, strange.THINGS, strange.DEEDS, strange.TINTS, strange.LETTERS]
    tables += [SLOTS[name] for name in ("put", "putting", "placed", "noun", "block", "can", "bin", "drawer", "into")]
    assert len(tables) > 30
    for table in tables:
        assert table[TRAINING] and table[HELD_OUT]
        assert sum(len(set(table[split])) for split in WAYS) == len(set().union(*table.values()))


def test_no_template_to_learn_from_holds_one_that_is_held_out():
    every = {"instructions": list(CLAUSES.values()), **{kind: [table] for kind, table in SENTENCES.items()}}
    for kind, tables in every.items():
        held = [signature(one) for table in tables for group in table[HELD_OUT] for one in group]
        assert len(held) > 80 or kind != "instructions"
        for table in tables:
            for template in (one for split in (TRAINING, DEVELOPMENT) for group in table[split] for one in group):
                assert not [one for one in held if one in signature(template)], template


def test_a_pattern_stands_for_all_its_templates_and_only_for_fresh_ones():
    assert set(expand("[now|] [open|pull [at|]] {D}")) == {
        "now open {D}", "now pull at {D}", "now pull {D}", " open {D}", " pull at {D}", " pull {D}"
    }  # fmt: skip
    table = patterns.templates(["[now|gladly] open {D}", "do pull {D}"], ["gladly open {D}"])
    assert table[HELD_OUT] == (("gladly open {D}",),)
    assert "now open {D}" in {one for split in (TRAINING, DEVELOPMENT) for group in table[split] for one in group}
    assert "gladly open {D}" not in {
        one for split in (TRAINING, DEVELOPMENT) for group in table[split] for one in group
    }


@settings(max_examples=300)
@given(st.sampled_from(FAMILY), SEEDS, SPLITS, st.integers(0, 2))
def test_what_a_phrase_names_is_what_its_arrangement_names(arrangement, seed, split, typos):
    assert mismatch(arrangement, words_of(phrase(arrangement, np.random.default_rng(seed), split, typos))) is None


@pytest.mark.parametrize(
    ("arrangement", "text"),
    [
        ("red=bin_a", "put the red block in bin A and the green one in bin A"),
        ("red=bin_a", "put the red block in bin A or bin B"),
        ("red=bin_a", "put the red block in the dark bin"),
        ("red=bin_a", "put it in bin A"),
        ("red=bin_b", "put the red block in bin A, no, in bin B"),
        ("red=bin_a", "put the red block in bin A in the drawer"),
        ("red=drawer", "put the red block inside"),
        ("drawer=open", "open it"),
        ("drawer=open", "open and close the drawer"),
        ("drawer=shut", "open the drawer"),
        ("red=drawer", "put the red block in the drawer and close it"),
        ("red=drawer,drawer=open", "put the red block in the drawer and close it"),
        ("red=hand,drawer=shut", "lift the red block over the drawer"),
        ("red=bin_a", "put a red block in the container"),
        ("red=hand", "put the red block in the container"),
        ("red=bin_a,drawer=shut", "put the red block in bin A and into the drawer"),
        ("red=drawer", "put the red block in the drawer after opening it"),
        ("red=drawer,drawer=open", "open the drawer and get the red block out"),
        ("red=hand", "take the red block inside"),
        ("red=bin_a,green=bin_b", "put red in bin A, green in bin B, and red in bin B"),
    ],
)
def test_a_reading_that_names_something_else_is_told(arrangement, text):
    assert mismatch(Arrangement.parse(arrangement), words_of(text)) is not None


@pytest.mark.parametrize(
    ("arrangement", "text"),
    [
        ("red=bin_a", "take the red block and put the red block in bin A"),
        ("red=bin_a,green=bin_b", "pick red up and put red in bin A, then pick green up and put green in bin B"),
        ("red=drawer,drawer=open", "pull the drawer out and put the red block in"),
        ("drawer=open", "slide out that little drawer of yours"),
        ("drawer=shut", "move the drawer back in"),
    ],
)
def test_a_reading_that_names_what_is_named_is_left_alone(arrangement, text):
    assert mismatch(Arrangement.parse(arrangement), words_of(text)) is None


def test_an_article_is_no_bin():
    assert mismatch(Arrangement.parse("red=hand"), words_of("lift a red block")) is None
    assert mismatch(Arrangement.parse("red=bin_b"), words_of("give bin B a red block")) is None


def test_no_word_of_one_letter_is_known_but_those_that_mean_something():
    assert {word for word in KNOWN if len(word) == 1} == {"a", "b", "i", "1", "2"}


def test_held_out_words_never_occur_in_phrases_for_training():
    rng = np.random.default_rng(1)
    texts = [phrase(sample_arrangement(rng), rng) for _ in range(3000)]
    seen = {word for text in texts for word in words_of(text)}
    held = {"relocate", "cuboid", "receptacle", "haul", "within", "kindly", "pail"}
    assert not seen & held
    texts = [phrase(sample_arrangement(rng), rng, HELD_OUT) for _ in range(3000)]
    assert held <= {word for text in texts for word in words_of(text)}


def test_typos_change_as_many_words_as_asked_and_spare_letters_of_bins():
    wanted, changed = Arrangement.parse("red=bin_a,blue=drawer"), 0
    for seed in range(200):
        clean = words_of(phrase(wanted, np.random.default_rng(seed)))
        slipped = words_of(phrase(wanted, np.random.default_rng(seed), typos=2))
        assert len(clean) == len(slipped)
        different = [(a, b) for a, b in zip(clean, slipped, strict=True) if a != b]
        assert len(different) <= 2 and all(len(a) >= 3 for a, _ in different)
        changed += len(different)
    assert changed > 350


@pytest.mark.parametrize("kind", KINDS)
def test_texts_outside_the_family_are_texts_of_many_wordings(kind):
    rng = np.random.default_rng(0)
    for split in (TRAINING, HELD_OUT):
        texts = [outside(rng, split, kind)[1] for _ in range(100)]
        assert all(check_text(text) and not re.search(r"[{}]", text) for text in texts)
        assert len(set(texts)) > 30


@pytest.mark.parametrize("arrangement", FAMILY)
def test_the_plain_wording_says_every_entry(arrangement):
    sentence = describe(arrangement)
    for color, place in zip(COLORS, arrangement.blocks, strict=True):
        names = {HAND: f"lift the {color}", BIN_A: "bin A", BIN_B: "bin B", DRAWER: "drawer"}
        assert place is None or (color in sentence and names[place] in sentence)
    assert ("open" in sentence) == (arrangement.drawer == OPEN)
    assert ("close" in sentence) == (arrangement.drawer == SHUT)
    assert objection(words_of(sentence)) is None
