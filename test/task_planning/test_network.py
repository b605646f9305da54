# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The plan-writing network: who sees whom, and that kept keys and values change nothing."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.task_planning.network import (
    ANSWERS,
    DRAFT,
    FIELDS,
    PLAN,
    SCENE,
    StepNetwork,
    StepNetworkConfig,
    _attend,
    visibility,
)

CONFIG = StepNetworkConfig(words=20, kinds=8, pieces=30, things=8, places=16, width=16, layers=2, heads=2)
LENGTHS = {SCENE: 5, ANSWERS: 3, DRAFT: 4, PLAN: 4}
BLOCKS = torch.tensor([[block for block, length in LENGTHS.items() for _ in range(length)]])


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return StepNetwork(CONFIG).eval().requires_grad_(False)


def example(seed=0):
    generator = torch.Generator().manual_seed(seed)
    count = BLOCKS.shape[1]
    limits = torch.tensor([CONFIG.kinds, CONFIG.words, 5, 5, CONFIG.places, CONFIG.rounds])
    tokens = (torch.rand(1, count, FIELDS, generator=generator) * limits).long()
    names = torch.randint(1, CONFIG.pieces, (1, 4, CONFIG.pieces_per_name), generator=generator)
    return tokens, names, torch.arange(1, 5).unsqueeze(0)


def hidden_of(network, tokens, names, slots):
    mask = visibility(BLOCKS, torch.ones_like(BLOCKS, dtype=torch.bool))
    return network(network.embed(tokens, network.things(names, slots)), mask)[0]


@given(st.integers(0, 1000), st.integers(0, BLOCKS.shape[1] - 1))
def test_a_token_is_seen_by_later_blocks_its_own_and_in_the_plan_by_what_follows(network, seed, place):
    tokens, names, slots = example(seed)
    changed = tokens.clone()
    changed[0, place, 1] = (changed[0, place, 1] + 1) % CONFIG.words
    moved = (hidden_of(network, tokens, names, slots) - hidden_of(network, changed, names, slots)).abs().amax(-1)[0] > 0
    own = BLOCKS[0, place]
    expected = (BLOCKS[0] > own) | ((BLOCKS[0] == own) & ((own != PLAN) | (torch.arange(len(moved)) >= place)))
    assert torch.equal(moved, expected)


def test_block_by_block_with_kept_keys_and_values_is_the_same_as_at_once(network):
    tokens, names, slots = example(3)
    whole = hidden_of(network, tokens, names, slots)
    rows, cache, parts = network.embed(tokens, network.things(names, slots)), None, []
    for part in rows.split([*list(LENGTHS.values())[:3], 1, 1, 1, 1], dim=1):
        hidden, cache = network(part, None, cache)
        parts.append(hidden)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)


def test_what_is_no_token_is_seen_by_none(network):
    tokens, names, slots = example(4)
    valid = torch.ones_like(BLOCKS, dtype=torch.bool)
    valid[0, 2] = False
    mask = visibility(BLOCKS, valid)
    things = network.things(names, slots)
    before = network(network.embed(tokens, things), mask)[0]
    tokens[0, 2, 1] = (tokens[0, 2, 1] + 1) % CONFIG.words
    after = network(network.embed(tokens, things), mask)[0]
    rest = torch.arange(before.shape[1]) != 2
    assert torch.equal(before[:, rest], after[:, rest]) and not torch.equal(before[:, 2], after[:, 2])


def test_arguments_are_pointed_at_by_place_not_by_name(network):
    """Another order of the things' keys is another order of the answers, and nothing else."""
    hidden, keys = torch.randn(1, 3, CONFIG.width), torch.randn(1, 4, CONFIG.width)
    action, first = torch.tensor([[1, 2, 3]]), torch.tensor([[1, 4, 2]])
    order = torch.tensor([2, 0, 3, 1])
    plain = network.argument_logits(hidden, keys, action)
    torch.testing.assert_close(network.argument_logits(hidden, keys[:, order], action), plain[..., order])
    where = torch.argsort(order)[first - 1] + 1
    second = network.argument_logits(hidden, keys, action, first)
    torch.testing.assert_close(network.argument_logits(hidden, keys[:, order], action, where), second[..., order])
    assert not torch.allclose(second, plain)


def test_a_name_is_the_sum_of_its_pieces_and_nothing_adds_nothing(network):
    names, slots = torch.tensor([[[3, 0, 0], [0, 0, 0]]]), torch.tensor([[1, 0]])
    things = network.things(names, slots)
    assert torch.equal(things[0, 0], torch.zeros(CONFIG.width)) and torch.equal(things[0, 2], things[0, 0])
    torch.testing.assert_close(things[0, 1], network.pieces.weight[3] + network.slots.weight[1])


@given(st.booleans(), st.integers(1, 3), st.integers(1, 5), st.integers(0, 4), st.integers(0, 10_000))
def test_attention_is_pytorchs_with_and_without_a_mask(masked, heads, count, kept, seed):
    generator = torch.Generator().manual_seed(seed)
    batch, size, length = 2, 8, kept + count
    query, key, value = (torch.randn(batch, heads, n, size, generator=generator) for n in (count, length, length))
    mask = torch.rand(batch, 1, count, length, generator=generator) < 0.5
    mask[..., 0] = True  # no row sees nothing at all
    bias = torch.zeros(mask.shape).masked_fill(~mask, -torch.inf).expand(-1, heads, -1, -1) if masked else None
    theirs = torch.nn.functional.scaled_dot_product_attention(query, key, value, bias)
    ours = _attend(query, key, value, None if bias is None else bias.reshape(batch * heads, count, length))
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
