# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The policy of chunks: what it looks at, what it is trained on, and that its heads learn what they are for."""

import itertools

import pytest
import torch

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.policy.chunk_heads import CHUNK_HEADS
from robot_planner.policy.fusion import FUSIONS, Fusion, FusionConfig
from robot_planner.policy.subgoal_policy import SubgoalPolicy, SubgoalPolicyConfig

D, PLAN, P, L, K, A = 7, 4, 3, 5, 3, 2
SMALL = {
    "latent_dim": D,
    "plan_dim": PLAN,
    "proprioception_dim": P,
    "language_dim": L,
    "chunk_length": K,
    "action_dim": A,
    "hidden": 32,
    "width": 16,
}


def policy(seed=0, **changes):
    torch.manual_seed(seed)
    made = SubgoalPolicy(SubgoalPolicyConfig(**{**SMALL, **changes})).eval()
    made.fit_statistics(torch.randn(40, D), torch.randn(40, P), 0.02 * torch.randn(40, K, A) + 0.1)
    return made


def inputs(size=6, subgoals=4, seed=1):
    draw = torch.Generator().manual_seed(seed)
    shapes = ((size, D), (size, P), (size, L), (size, subgoals, PLAN))
    return [torch.randn(shape, generator=draw) for shape in shapes]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def fusion(kind, seed=0, **changes) -> Fusion:
    torch.manual_seed(seed)
    return FUSIONS.make(kind, PLAN, L, FusionConfig(**{"fusion": kind, "width": 16, **changes}))


@pytest.mark.parametrize("kind", ["token", "query", "mean", "none"])
def test_each_fusion_looks_at_what_it_should(kind):
    made = fusion(kind)
    present, subgoals, language = inputs()[0][:, :PLAN], inputs()[3], inputs()[2]
    before = made(present, subgoals, language)
    assert before.shape == (6, 16)
    changed = {
        "present": made(present + 1.0, subgoals, language),
        "goal": made(present, subgoals + torch.tensor([0.0, 0, 0, 1]).view(1, 4, 1), language),
        "nearest": made(present, subgoals + torch.tensor([1.0, 0, 0, 0]).view(1, 4, 1), language),
        "language": made(present, subgoals, language + 1.0),
    }
    seen = {name for name, after in changed.items() if (after - before).abs().amax() > 1e-5}
    goals = {"nearest", "goal"}
    wanted = {"token": goals | {"language"}, "query": goals | {"present"}, "mean": goals | {"language"}}
    assert seen == wanted.get(kind, {"language"})


@pytest.mark.parametrize("kind", ["token", "query", "mean"])
def test_order_of_subgoals_matters_with_levels_alone(kind):
    present, subgoals, language = inputs()[0][:, :PLAN], inputs()[3], inputs()[2]
    for levels in (0, 4):
        made = fusion(kind, levels=levels)
        same = torch.allclose(
            made(present, subgoals, language), made(present, subgoals.flip(1), language), rtol=1e-4, atol=1e-4
        )
        assert same == (not levels)


def test_levels_are_counted_from_the_goal():
    made = fusion("token", levels=4)
    subgoals = inputs()[3]
    torch.testing.assert_close(made.embed(subgoals)[:, -2:], made.embed(subgoals[:, -2:]))
    with pytest.raises(InvalidInputError, match="5 subgoals"):
        made.embed(torch.zeros(1, 5, PLAN))


@pytest.mark.parametrize("kind", ["token", "mean", "none"])
def test_without_subgoals_the_instruction_is_left(kind):
    made, (present, _, language, subgoals) = fusion(kind), inputs(subgoals=0)
    fused = made(present[:, :PLAN], subgoals, language)
    assert fused.shape == (6, 16) and torch.isfinite(fused).all()
    assert (fused - made(present[:, :PLAN], subgoals, language.flip(0))).abs().amax() > 1e-4


def test_a_query_without_subgoals_is_refused():
    with pytest.raises(InvalidInputError, match="'query' needs at least one subgoal"):
        policy(fusion="query").act(*inputs(subgoals=0))


@pytest.mark.parametrize("head, kind", [*itertools.product(CHUNK_HEADS, ["token"]), *(("flow", k) for k in FUSIONS)])
def test_a_batch_is_acted_on_as_its_rows_alone(head, kind):
    made, given = policy(head=head, fusion=kind), inputs()
    noise = torch.randn(6, K * A, generator=generator())
    together = made.act(*given, noise=noise)
    assert together.shape == (6, K, A)
    alone = torch.cat([made.act(*(x[i : i + 1] for x in given), noise=noise[i : i + 1]) for i in range(6)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("head", list(CHUNK_HEADS))
def test_chunks_are_the_generators(head):
    made, given = policy(head=head), inputs()
    first, again, other = (made.act(*given, generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (head == "regression")


@pytest.mark.parametrize("which", range(4))
def test_every_input_reaches_the_chunk(which):
    made, given = policy(), inputs()
    before = made.act(*given, generator())
    given[which] = given[which] + 1.0
    assert (made.act(*given, generator()) - before).abs().amax() > 1e-6


@pytest.mark.parametrize("head", list(CHUNK_HEADS))
@pytest.mark.parametrize("filler", [1e6, float("nan")])
def test_masked_actions_count_for_nothing(head, filler):
    made, given = policy(head=head), inputs()
    chunks, mask = torch.randn(6, K, A, generator=generator()), torch.ones(6, K)
    mask[0, 1:], mask[3] = 0.0, 0.0

    def loss_and_gradient(values):
        made.zero_grad()
        answer = made.loss(*given, values, mask, generator())
        answer["loss"].backward()
        return answer, [p.grad.clone() for p in made.parameters() if p.grad is not None]

    before, gradients = loss_and_gradient(chunks)
    filled = chunks.clone()
    filled[mask == 0] = filler
    after, same = loss_and_gradient(filled)
    assert before.keys() == after.keys() == {"loss", "action_0", "action_1"}
    for name in before:
        assert before[name].item() == after[name].item()
    assert all(torch.equal(a, b) for a, b in zip(gradients, same, strict=True))
    changed = chunks.clone()
    changed[0, 0] += 1.0
    assert loss_and_gradient(changed)[0]["loss"].item() != before["loss"].item(), "what is not masked counts"


def test_the_loss_is_the_mean_over_valid_actions():
    made, given = policy(head="regression"), inputs()
    chunks, mask = torch.randn(6, K, A, generator=generator()), (torch.rand(6, K, generator=generator()) > 0.5).float()
    errors = ((made.act(*given) - chunks) / made.chunk_std).abs()
    torch.testing.assert_close(made.loss(*given, chunks, mask)["loss"], errors[mask > 0].mean())
    assert made.loss(*given, chunks, torch.zeros(6, K))["loss"] == 0.0


def test_inputs_and_outputs_are_normalised_inside():
    """A policy fitted to data of other units acts in other units, and is otherwise the same."""
    one, other, given = policy(), policy(), inputs()
    for made in (one, other):
        with torch.no_grad():  # untrained, the chunk hardly depends on the inputs
            made.trunk.modulation.weight.mul_(10.0)
            made.trunk.output.weight.mul_(10.0)
    data = [torch.randn(50, D), torch.randn(50, P), torch.randn(50, K, A)]
    one.fit_statistics(*data)
    scale = torch.linspace(0.5, 30.0, D)
    other.fit_statistics(data[0] * scale + 3.0, data[1] * 7.0 - 1.0, data[2] * 0.01 + 0.2)
    scaled = [given[0] * scale + 3.0, given[1] * 7.0 - 1.0, given[2], given[3] * scale[:PLAN] + 3.0]
    acted = (other.act(*scaled, generator()) - 0.2) / 0.01
    torch.testing.assert_close(acted, one.act(*given, generator()), rtol=1e-3, atol=1e-3)


def test_statistics_leave_masked_actions_out_and_constants_constant():
    made, draw = policy(), generator()
    chunks, mask = torch.randn(30, K, A, generator=draw), torch.ones(30, K)
    chunks[:, :, 1] = 0.08
    mask[10:, 2] = 0.0
    filled = chunks.clone()
    filled[mask == 0] = float("nan")
    made.fit_statistics(torch.randn(30, D), torch.randn(30, P), filled, mask)
    torch.testing.assert_close(made.chunk_mean[2, 0], chunks[:10, 2, 0].mean())
    torch.testing.assert_close(made.chunk_std[2, 0], chunks[:10, 2, 0].std(correction=0))
    assert (made.act(*inputs(), generator())[..., 1] - 0.08).abs().amax() < 1e-3


class ExactTrunk:
    """Answers as a perfectly trained trunk would for chunks normal around ``point``, of deviation ``spread``."""

    def __init__(self, head, point=0.0, spread=0.0):
        self.head, self.point, self.spread = head, point, spread

    def modulate(self, condition, times):
        return times.unsqueeze(1)

    def __call__(self, x, times):
        if self.head == "flow":
            signal, sigma, weights = times, 1 - times, (1.0, -1.0)
        else:
            signal, sigma = (times * torch.pi / 2).cos(), (times * torch.pi / 2).sin()
            weights = (-sigma, signal)
        variance = self.spread**2
        total = signal**2 * variance + sigma**2
        clean = self.point + signal * variance / total * (x - signal * self.point)
        noise = sigma / total * (x - signal * self.point)
        return weights[0] * clean + weights[1] * noise


@pytest.mark.parametrize("head", ["flow", "diffusion"])
def test_heads_of_noise_turn_exact_answers_into_exact_samples(head):
    made, condition = CHUNK_HEADS.make(head), torch.zeros(5, 4)
    noise = torch.randn(5, 3, generator=generator())
    known = ExactTrunk(head, point=2.0)
    assert made.error(known, condition, torch.full((5, 3), 2.0), generator()).max() < 1e-4, (
        "what is asked for is the field"
    )
    assert made.error(known, condition, torch.full((5, 3), 1.5), generator()).min() > 1e-2
    torch.testing.assert_close(made.sample(known, condition, noise, 4), torch.full((5, 3), 2.0), rtol=1e-3, atol=1e-3)
    spread = made.sample(ExactTrunk(head, spread=0.3), condition, noise, 300)
    torch.testing.assert_close(spread, 0.3 * noise, rtol=0.05, atol=1e-3)


def _trained(head, chunks, given, steps=400, **changes):
    made = policy(head=head, hidden=64, fusion="none", **changes).train()
    made.fit_statistics(given[0], given[1], chunks)
    optimiser, draw = torch.optim.AdamW(made.parameters(), 2e-3), generator()
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        rows = torch.randint(len(chunks), (256,), generator=draw)
        optimiser.zero_grad()
        ones = torch.ones(256, K)
        made.loss(*(x[rows] for x in given), chunks[rows], ones, draw)["loss"].backward()
        optimiser.step()
        schedule.step()
    return made.eval()


@pytest.mark.parametrize("head", list(CHUNK_HEADS))
def test_two_ways_to_go_are_kept_apart_by_heads_of_noise_alone(head):
    """Right or, in three of ten cases, left, which no input shows; how far forward, an input shows."""
    given = inputs(8000)
    side = torch.where(torch.rand(8000, generator=generator(5)) > 0.3, 1.0, -1.0)
    along = torch.arange(1, K + 1) / K
    chunks = torch.stack([side.view(-1, 1) * along, given[1][:, :1] * along], dim=2)
    made = _trained(head, chunks, given)
    unseen = inputs(500, seed=2)
    acted = made.act(*unseen, generator(7))
    forward = (acted[:, -1, 1] - unseen[1][:, 0]).abs().mean()
    assert forward < 0.15, "the input is followed"
    left, right = ((acted[:, -1, 0] * sign > 0.65).float().mean().item() for sign in (-1, 1))
    assert left + right > 0.8, "hardly any chunk lies between the two"
    if head == "regression":
        assert left < 0.1, "the median knows one way alone"
    else:
        assert 0.18 < left < 0.42


def test_more_steps_bring_the_flow_nearer_to_its_limit():
    given = inputs(500)
    chunks = torch.tanh(given[1][:, :1]).view(-1, 1, 1) * torch.ones(1, K, A) + torch.randn(500, K, A) * 0.3
    made = _trained("flow", chunks, given, steps=150)
    noise = torch.randn(500, K * A, generator=generator())
    limit = made.act(*given, noise=noise, steps=64)
    gaps = [(made.act(*given, noise=noise, steps=n) - limit).square().mean().item() for n in (1, 4, 16)]
    assert gaps[0] > gaps[1] > gaps[2]
    torch.testing.assert_close(made.act(*given, noise=noise), made.act(*given, noise=noise, steps=4))


@pytest.mark.parametrize(
    "change, message",
    [
        ({0: torch.zeros(6, D + 1)}, "latents"),
        ({1: torch.zeros(5, P)}, "proprioception"),
        ({2: torch.zeros(6, L - 1)}, "language"),
        ({3: torch.zeros(6, 4, PLAN + 1)}, "subgoals"),
        ({3: torch.zeros(6, PLAN)}, "subgoals"),
    ],
)
def test_wrong_inputs_are_refused(change, message):
    given = inputs()
    for index, value in change.items():
        given[index] = value
    with pytest.raises(InvalidInputError, match=message):
        policy().act(*given)
    with pytest.raises(InvalidInputError, match=message):
        policy().loss(*given, torch.zeros(6, K, A), torch.ones(6, K))


def test_wrong_requests_are_refused():
    made, given = policy(), inputs()
    with pytest.raises(InvalidInputError, match="steps = 0"):
        made.act(*given, steps=0)
    with pytest.raises(InvalidInputError, match="noise"):
        made.act(*given, noise=torch.zeros(6, 1))
    with pytest.raises(InvalidInputError, match="chunks and mask"):
        made.loss(*given, torch.zeros(6, K, A), torch.ones(6, K + 1))
    with pytest.raises(InvalidInputError, match="finite"):
        made.fit_statistics(given[0] * float("nan"), given[1], torch.zeros(6, K, A))
    with pytest.raises(InvalidInputError, match="valid action"):
        made.fit_statistics(given[0], given[1], torch.zeros(6, K, A), torch.zeros(6, K))
    with pytest.raises(UnknownNameError, match="mean, none, query, token"):
        SubgoalPolicyConfig(fusion="sum")
    with pytest.raises(UnknownNameError, match="diffusion, flow, regression"):
        SubgoalPolicyConfig(head="oracle")
    with pytest.raises(InvalidInputError, match="heads"):
        SubgoalPolicyConfig(heads=3)
    with pytest.raises(InvalidInputError, match="plan_dim"):
        SubgoalPolicyConfig(latent_dim=10, plan_dim=11)
