# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Decoding with a draft gives what decoding without gives, in fewer calls."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.language_model import DeadlineError, GenerationCancelledError
from robot_planner.task_planning.speculative import common_prefix, decode, realign

WORDS = 6
END = 0
TEXTS = st.lists(st.integers(0, WORDS - 1), max_size=24)


class Toy:
    """Logits that depend on all tokens so far; the cache is those tokens."""

    def __init__(self, seed=0, depth=50, words=WORDS):
        self.seed, self.depth, self.words, self.calls = seed, depth, words, []

    def forward(self, tokens, cache, keep):
        self.calls.append(len(tokens))
        held = [*(cache or ()), *tokens]
        rows = [self.row(held[: len(held) - back]) for back in range(keep - 1, -1, -1)]
        return rows, tuple(held)

    def row(self, context):
        rng = random.Random(f"{self.seed} {context[-self.depth :]}")
        return [rng.random() - (0.5 if word == END else 0.0) for word in range(self.words)]

    def crop(self, cache, drop):
        assert drop > 0
        return cache[:-drop]


class Chooser:
    """Greedy or sampling, within a grammar: no word twice in a row."""

    def __init__(self, temperature=0.0, strict=False):
        self.rng, self.temperature, self.strict, self.last = random.Random(1), temperature, strict, None

    def __call__(self, row):
        noisy = [value + self.temperature * self.rng.random() for value in row]
        words = [word for word in range(len(row)) if not (self.strict and word == self.last)]
        self.last = max(words, key=noisy.__getitem__)
        return self.last, row[self.last]


def write(toy, chooser, prompt=(1, 2), cache=None, **options):
    return decode(toy, chooser, prompt, cache, ended=lambda tokens: tokens[-1] == END, **options)


def edited(text, seed):
    rng, draft = random.Random(seed), list(text)
    for _ in range(rng.randint(0, 3)):
        place = rng.randint(0, len(draft))
        kind = rng.choice(["insert", "delete", "replace"])
        draft[place : place + (kind != "insert")] = [] if kind == "delete" else [rng.randrange(WORDS)]
    return draft


@given(
    st.integers(0, 1000), TEXTS, st.lists(TEXTS, max_size=3), st.sampled_from([0.0, 0.7]), st.booleans(),
    st.integers(1, 40), st.integers(0, 9),
)  # fmt: skip
def test_any_drafts_lead_to_the_same_text(seed, draft, others, temperature, strict, max_tokens, lookahead):
    plain = write(Toy(seed), Chooser(temperature, strict), max_tokens=max_tokens)
    options = {"max_tokens": max_tokens, "draft": draft, "others": others, "lookahead": lookahead}
    quick = write(Toy(seed), Chooser(temperature, strict), **options)
    assert quick.tokens == plain.tokens and quick.whole == plain.whole
    assert quick.log_probability == plain.log_probability
    assert quick.forwards <= plain.forwards == len(plain.tokens)
    assert quick.forwards + quick.draft_tokens >= len(quick.tokens) > 0


@given(st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([3, 50]))
def test_an_edited_draft_is_taken_up_again_behind_the_edit(seed, edit, depth):
    plain = write(Toy(seed, depth), Chooser(), max_tokens=40)
    quick = write(Toy(seed, depth), Chooser(), max_tokens=40, draft=edited(plain.tokens, edit))
    assert quick.tokens == plain.tokens


def test_a_draft_that_is_right_takes_one_call():
    toy = Toy(3)
    plain = write(Toy(3), Chooser(), max_tokens=30)
    quick = write(toy, Chooser(), max_tokens=30, draft=plain.tokens)
    assert (quick.forwards, len(plain.tokens)) == (1, 30) and toy.calls == [2 + 29]
    assert quick.draft_tokens == 29  # the last one needs no proposal: its row comes with the others


@pytest.mark.parametrize("kind", ["insert", "delete", "replace"])
def test_one_edit_costs_few_calls(kind):
    def toy():
        return Toy(5, words=500)

    plain = write(toy(), Chooser(), max_tokens=40).tokens
    draft = list(plain)
    draft[20 : 20 + (kind != "insert")] = [] if kind == "delete" else [501]
    assert write(toy(), Chooser(), max_tokens=40, draft=draft).forwards <= 3


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_the_cache_holds_prompt_and_text_and_can_be_gone_on_from(seed, edit):
    plain = write(Toy(seed), Chooser(), max_tokens=20)
    for draft in (edited(plain.tokens, edit), plain.tokens):
        done = write(Toy(seed), Chooser(), draft=draft, max_tokens=20)
        assert done.cache == (1, 2, *done.tokens[: done.cached_tokens])
        assert len(done.tokens) - done.cached_tokens in (0, 1)
    assert write(Toy(seed), Chooser(), (2,), (1,), max_tokens=20).tokens == plain.tokens


def test_cancel_and_deadline_come_between_calls():
    asked = iter([False, False, True])
    toy = Toy(3)
    with pytest.raises(GenerationCancelledError):
        write(toy, Chooser(), cancelled=lambda: next(asked))
    assert len(toy.calls) == 2
    with pytest.raises(DeadlineError):
        write(toy, Chooser(), deadline=time.monotonic() - 1.0)
    assert len(toy.calls) == 2


def test_nothing_to_write_after_or_to_write_is_refused():
    with pytest.raises(InvalidInputError, match="1 and more"):
        write(Toy(), Chooser(), ())
    with pytest.raises(InvalidInputError, match="1 and more"):
        write(Toy(), Chooser(), max_tokens=0)


@pytest.mark.parametrize(
    ("draft", "tokens", "expected", "place"),
    [
        ("abcdef", "abcxe", 5, 5),  # one for another, then the draft again
        ("abcdef", "abe", 3, 5),  # a deletion
        ("abcdef", "abx", 3, 3),  # unknown: one for another
        ("abab", "ab", 4, 4),  # two places alike: the nearer
        ("abab", "ab", 2, 2),
        ("ab", "abxyz", 9, 2),  # behind the end
        ("", "ab", 2, 0),
    ],
)
def test_the_place_in_the_draft_is_found_again(draft, tokens, expected, place):
    assert realign([draft], tokens, 0, expected) == (0, place)


@pytest.mark.parametrize(
    ("drafts", "tokens", "found"),
    [
        (("abcdef", "xbcxyz"), "abcx", (1, 4)),  # where the present draft has nothing
        (("abcdef", "xbcd"), "abd", (0, 4)),  # no longer piece elsewhere: the present one
        (("abcdef", "xabd"), "abd", (1, 4)),  # a longer one
        (("ab", "xc", "yc"), "abc", (1, 2)),  # the first of others
        (("ab", "xy"), "abc", (0, 2)),
    ],
)
def test_the_text_goes_on_as_another_draft_does_where_that_fits_better(drafts, tokens, found):
    assert realign(drafts, tokens, 0, 2) == found


def test_a_text_that_comes_back_to_an_earlier_one_costs_few_calls():
    def toy():
        return Toy(5, words=500)

    plain = write(toy(), Chooser(), max_tokens=40).tokens
    draft = [*plain[:10], *range(501, 531)]
    alone = write(toy(), Chooser(), max_tokens=40, draft=draft)
    helped = write(toy(), Chooser(), max_tokens=40, draft=draft, others=(plain,))
    assert helped.tokens == alone.tokens == plain
    assert helped.forwards <= 3 and alone.forwards == 30


def test_common_prefixes_are_counted():
    assert [common_prefix("abc", other) for other in ("abd", "abc", "", "abcd", "x")] == [2, 3, 0, 3, 0]
