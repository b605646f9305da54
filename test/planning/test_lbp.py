# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Subgoal planners: what they are trained on, what they answer, and that backward planning learns."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.planning.subgoal_peers import SUBGOAL_PLANNERS, weights

D, L = 6, 5
SMALL = LbpConfig(latent_dim=D, language_dim=L, hidden=32, steps=5)
TRAINABLE = ("backward", "forward", "forward-rollout", "forward-teacher", "parallel")


def planner(name="backward", seed=0, **changes):
    torch.manual_seed(seed)
    made = SUBGOAL_PLANNERS.make(name, LbpConfig(**{**vars(SMALL), **changes}))
    made.fit_statistics(3.0 * torch.randn(50, D) + 2.0)
    return made


def batch(size=8, count=4, seed=1):
    draw = torch.Generator().manual_seed(seed)
    latents, language = torch.randn(size, D, generator=draw), torch.randn(size, L, generator=draw)
    return latents, torch.randn(size, count, D, generator=draw), language


def lines(size, fractions, seed):
    """Straight ways from anywhere to one of L places, which the instruction names."""
    draw = torch.Generator().manual_seed(seed)
    places = 4.0 * torch.randn(L, D, generator=torch.Generator().manual_seed(99))
    which = torch.randint(L, (size,), generator=draw)
    latents = 2.0 * torch.randn(size, D, generator=draw) + 1.0
    along = torch.tensor(fractions).view(1, -1, 1)
    return latents, torch.lerp(latents.unsqueeze(1), places[which].unsqueeze(1), along), torch.eye(L)[which]


@pytest.mark.parametrize("name", [*TRAINABLE, "copy"])
def test_plans_are_nearest_first_and_end_at_the_goal(name):
    made = planner(name)
    count = 5 if name in ("forward-rollout", "forward-teacher") else 4
    wanted = [j / 5 for j in range(1, 6)] if count == 5 else [1 / 8, 1 / 4, 1 / 2, 1]
    assert made.fractions == pytest.approx(wanted)
    latents, _, language = batch()
    whole = made.plan(latents, language)
    assert whole.shape == (8, count, D)
    for depth in range(count):
        part = made.plan(latents, language, depth)
        torch.testing.assert_close(part, whole[:, -1 - depth :])
        assert made.progress(depth) == made.fractions[-1 - depth :]


@given(ratio=st.floats(0.1, 0.9), depth=st.integers(0, 5))
def test_progress_follows_the_ratio(ratio, depth):
    made = BackwardPlanner(LbpConfig(latent_dim=2, language_dim=1, hidden=4, depth=depth, ratio=ratio))
    assert made.progress() == pytest.approx([ratio**i for i in range(depth, -1, -1)])
    assert made.plan(torch.zeros(1, 2), torch.zeros(1, 1)).shape == (1, depth + 1, 2)


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_batch_is_planned_as_its_rows_alone(name):
    made, (latents, _, language) = planner(name), batch()
    together = made.plan(latents, language)
    alone = torch.cat([made.plan(latents[i : i + 1], language[i : i + 1]) for i in range(8)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    changed = made.plan(latents, language.flip(0))
    assert (changed - together).abs().amax() > 1e-3, "the instruction matters"


@pytest.mark.parametrize("level_embedding", [False, True])
def test_backward_steps_share_one_network_and_start_from_the_goal(level_embedding):
    made, (latents, _, language) = planner(level_embedding=level_embedding), batch()
    plan = made.plan(latents, language)
    torch.testing.assert_close(made.plan_towards(latents, plan[:, -1], language), plan, rtol=1e-4, atol=1e-5)
    shifted = made.plan_towards(latents, plan[:, -1] + 1.0, language, 2)
    assert shifted.shape == (8, 3, D)
    torch.testing.assert_close(shifted[:, -1], plan[:, -1] + 1.0)
    assert ((shifted[:, :-1] - plan[:, -3:-1]).abs().amax((0, 2)) > 1e-4).all(), "all subgoals follow from the goal"
    # without levels, the second step is the first one again, applied to its answer
    again = made.plan_towards(latents, plan[:, -2], language, 1)[:, 0]
    assert torch.allclose(again, plan[:, -3], rtol=1e-4, atol=1e-5) == (not level_embedding)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_gradients_pass_through_the_recursion_of_the_self_rollout_part_alone(share):
    made, (latents, targets, language) = planner(rollout_share=share), batch()
    # with a goal that is predicted exactly, errors can reach f_g through the recursion alone
    targets[:, -1] = made.plan(latents, language, 0)[:, 0].detach()
    seen = []

    def keep(module, inputs, output):
        output.retain_grad()
        seen.append(output)

    made.first.output.register_forward_hook(keep)
    made.loss(latents, targets, language)["loss"].backward()
    reached = seen[0].grad.abs().sum(1) > 1e-6
    assert reached.tolist() == [i < share * 8 for i in range(8)]


def test_loss_splits_the_batch_and_weighs_levels_equally():
    made, (latents, targets, language) = planner(noise=0.0), batch()
    levels = made.loss(latents, targets, language)
    torch.testing.assert_close(levels["loss"], torch.stack([levels[f"level_{i}"] for i in range(4)]).mean())
    rolled = planner(rollout_share=1.0).loss(latents, targets, language)
    plan = planner().plan(latents, language)
    errors = ((plan - targets) / made.std).square().mean((0, 2))
    torch.testing.assert_close(torch.stack([rolled[f"level_{i}"] for i in range(4)]), errors)
    torch.testing.assert_close(made.errors(latents, targets, language).mean(0), errors)
    # teacher forcing: each level from the true one beyond it
    taught = planner(rollout_share=0.0, noise=0.0).loss(latents, targets, language)
    for level in (0, 1, 2):
        one = made.plan_towards(latents, targets[:, level + 1], language, 1)[:, 0]
        error = ((one - targets[:, level]) / made.std).square().mean()
        torch.testing.assert_close(taught[f"level_{level}"], error)
    torch.testing.assert_close(taught["level_3"], rolled["level_3"])


def test_noise_reaches_the_taught_part_alone_and_is_the_generators():
    latents, targets, language = batch()

    def loss(seed, noise=1.0, **changes):
        generator = torch.Generator().manual_seed(seed)
        return planner(noise=noise, **changes).loss(latents, targets, language, generator)["loss"].item()

    assert loss(0) == loss(0) != loss(1)
    assert loss(0, rollout_share=1.0) == loss(1, rollout_share=1.0)
    assert loss(0, noise=0.0) == loss(1, noise=0.0)


@pytest.mark.parametrize("name", ["forward-teacher", "forward-rollout"])
def test_teacher_forcing_sees_neither_noise_nor_its_own_predictions(name):
    made, (latents, targets, language) = planner(name), batch(count=5)
    losses = {made.loss(latents, targets, language, torch.Generator().manual_seed(s))["loss"].item() for s in (0, 1)}
    assert len(losses) == (1 if name == "forward-teacher" else 2)
    assert made.config.rollout_share == (0.0 if name == "forward-teacher" else 0.5)


def test_peers_have_the_capacity_of_the_backward_planner():
    config = LbpConfig()
    wanted = weights(BackwardPlanner(config))
    for name in TRAINABLE:
        assert 0.99 * wanted < weights(SUBGOAL_PLANNERS.make(name, config)) <= wanted, name
    assert weights(SUBGOAL_PLANNERS.make("copy", config)) == 0
    with pytest.raises(UnknownNameError, match="backward, copy, forward"):
        SUBGOAL_PLANNERS.make("sideways", config)


def test_latents_are_standardised_inside():
    """A planner fitted to scaled and shifted latents gives scaled and shifted plans."""
    scale, shift = torch.linspace(0.1, 20.0, D), torch.linspace(-5.0, 5.0, D)
    data, (latents, targets, language) = torch.randn(100, D), batch()
    one, other = planner(), planner()
    one.fit_statistics(data)
    other.fit_statistics(data * scale + shift)
    torch.testing.assert_close(
        one.plan(latents, language) * scale + shift, other.plan(latents * scale + shift, language)
    )
    losses = [
        made.loss(z, w, language, torch.Generator().manual_seed(0))["loss"].item()
        for made, z, w in ((one, latents, targets), (other, latents * scale + shift, targets * scale + shift))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_dimension_that_never_varies_is_only_centred():
    made, data = planner(), torch.randn(100, D)
    data[:, 2] = 7.0
    made.fit_statistics(data)
    assert made.std[2] == 1.0 and made.mean[2] == pytest.approx(7.0)
    assert (made.std > 0).all()


def test_untrained_residual_planners_begin_near_the_present():
    made, (latents, _, language) = planner(), batch()
    step = (made.plan(latents, language) - latents.unsqueeze(1)).abs().mean()
    far = (planner(residual=False).plan(latents, language) - latents.unsqueeze(1)).abs().mean()
    assert step < 0.5 * far


@pytest.mark.parametrize("name", TRAINABLE)
def test_trained_planners_beat_the_copy_on_unseen_starts(name):
    made = planner(name, hidden=64)
    latents, targets, language = lines(2000, made.fractions, seed=0)
    made.fit_statistics(latents)
    optimiser, generator = torch.optim.AdamW(made.parameters(), 3e-3), torch.Generator().manual_seed(0)
    for _ in range(250):
        rows = torch.randint(2000, (128,), generator=generator)
        optimiser.zero_grad()
        made.loss(latents[rows], targets[rows], language[rows], generator)["loss"].backward()
        optimiser.step()
    latents, targets, language = lines(300, made.fractions, seed=1)
    copy = SUBGOAL_PLANNERS.make("copy", SMALL)
    copy.mean, copy.std = made.mean, made.std
    still = (copy.standardise(latents).unsqueeze(1) - copy.standardise(targets)).square().mean((0, 2))
    assert (made.errors(latents, targets, language).mean(0) < 0.1 * still).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((torch.zeros(2, D), torch.zeros(2, L), 4), "depth 4 was not trained; allowed: 0 to 3"),
        ((torch.zeros(2, D), torch.zeros(2, L), -1), "depth -1"),
        ((torch.zeros(2, D + 1), torch.zeros(2, L)), r"latents have shape \(2, 7\)"),
        ((torch.zeros(2, D), torch.zeros(L)), "language have shape"),
    ],
)
def test_wrong_requests_are_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        planner().plan(*arguments)


def test_wrong_data_are_refused():
    latents, targets, language = batch()
    with pytest.raises(InvalidInputError, match="targets"):
        planner().loss(latents, targets[:, :3], language)
    latents[0, 0] = float("nan")
    with pytest.raises(InvalidInputError, match="finite"):
        planner().fit_statistics(latents)
    with pytest.raises(InvalidInputError, match="ratio"):
        LbpConfig(ratio=1.0)
