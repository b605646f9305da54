# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Training of the parallel refiner, small: each gradient teaches, the folder holds what was learned."""

import argparse

import pytest
import torch

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.fixed_point import solve
from robot_planner.task_planning.local_model import save_local_model
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.soft_refiner import SoftRefiner, load_soft_refiner
from robot_planner.task_planning.tokens import PromptReader, WordList
from robot_planner.training.plan_batches import ExampleMaker, soft_context, soft_drafts, soft_plans
from robot_planner.training.plan_lessons import lessons_of, word_list
from robot_planner.training.soft_refiner import Teacher, Teaching, add_arguments, fit_for, loss_of, run, validate

CONFIG = StepNetworkConfig(words=len(word_list()), width=32, layers=1, heads=1)
SMALL = "--problems 3 --steps 4 --batch 4 --plan-steps 40 --refinements 4 --width 32 --layers 1 --workers 1 --threads 1"


@pytest.fixture(scope="module")
def lessons():
    maker = ExampleMaker(PromptReader(word_list()), CONFIG)
    return [maker.example(x.prefix, x.suffix, x.plan, x.scene) for seed in (1, 2, 3, 8) for x in lessons_of(seed)]


@pytest.fixture
def refiner():
    torch.manual_seed(0)
    return SoftRefiner(StepNetwork(CONFIG), 40)


@pytest.fixture(autouse=True)
def few_held_problems(monkeypatch):
    monkeypatch.setattr("robot_planner.training.soft_refiner.HELD_PROBLEMS", 2)


def arguments(folder, extra=""):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(f"{SMALL} --work {folder / 'work'} --out {folder / 'model'} {extra}".split())


def test_drafts_are_those_of_the_lessons(lessons):
    drafts, given = soft_drafts(lessons, 40)
    plans, _ = soft_plans(lessons, 40)
    ends = [example.lengths[2] for example in lessons]
    assert [bool(g) for g in given] == [
        end > 1 or bool(e.tokens[sum(e.lengths[:2]), 1]) for end, e in zip(ends, lessons, strict=True)
    ]
    assert given.any() and not given.all()
    same = (drafts == plans).flatten(1).all(1)
    assert same.any() and not same[~given].any()  # a lesson may begin with its answer
    for row, (example, length) in enumerate(zip(lessons, ends, strict=True)):
        if given[row]:
            assert (drafts[row, length - 1 :] == 0).all() and (drafts[row, : length - 1, 0] > 0).all()
            assert example.words[drafts[row, 0, 0]] == example.tokens[sum(example.lengths[:2]), 1]


@pytest.mark.parametrize("gradient", ["one_step", "implicit", "unrolled"])
def test_each_gradient_teaches_trunk_and_refiner(refiner, lessons, gradient):
    teaching, few = Teaching(gradient, 6), lessons[:6]
    optimizer = torch.optim.Adam(refiner.parameters(), 3e-3)
    before, losses = validate(refiner, few), []
    for step in range(15):
        losses.append(loss_of(refiner.train(), few, teaching, torch.Generator().manual_seed(step)))
        optimizer.zero_grad()
        losses[-1]["loss"].backward()
        assert all(p.grad is not None for p in (refiner.network.slots.weight, refiner.nothing.weight))
        torch.nn.utils.clip_grad_norm_(refiner.parameters(), 1.0)
        optimizer.step()
    after = validate(refiner, few)
    assert after["loss"] < 0.5 * before["loss"]
    assert losses[-1]["evaluations"] == (1.0 if gradient == "unrolled" else pytest.approx(6.0, abs=5.0))


def test_unrolled_is_the_gradient_through_all_refinements(refiner, lessons):
    refiner.eval()
    few = lessons[:2]
    context = soft_context(refiner.network, few)
    plans, _ = soft_plans(few, 40)
    state = refiner.start(context)
    for _ in range(3):
        state = refiner.refine(state, context)
    (wanted,) = torch.autograd.grad(refiner.loss(state, plans, context), refiner.nothing.weight)
    loss = loss_of(refiner, few, Teaching("unrolled", 3, from_drafts=0.0), torch.Generator())["loss"]
    (found,) = torch.autograd.grad(loss, refiner.nothing.weight)
    torch.testing.assert_close(found, wanted)


def test_steps_draw_the_same_lessons_again_and_long_plans_are_left_out(refiner, lessons):
    losses = [Teacher(refiner, lessons, 4, 7).loss(Teaching(refinements=2))(3)["loss"].item() for _ in range(2)]
    assert losses[0] == losses[1] != Teacher(refiner, lessons, 4, 8).loss(Teaching(refinements=2))(3)["loss"].item()
    short = SoftRefiner(refiner.network, 6)
    assert 0 < len(fit_for(short, lessons)) < len(lessons)
    with pytest.raises(InvalidInputError, match="fewer than 1 steps"):
        Teacher(SoftRefiner(refiner.network, 1), lessons, 4, 0)


def test_it_trains_resumes_and_writes_a_model(tmp_path, lessons):
    (figures,) = run(arguments(tmp_path))
    assert figures["gradient"] == "one_step" and 0.0 <= figures["right"] <= 1.0
    refiner, words = load_soft_refiner(tmp_path / "model")
    assert refiner.steps == 40 and words.words == word_list().words
    context = soft_context(refiner.network, lessons[:2])
    assert solve(refiner.function(context), refiner.start(context), cap=3).finite.all()
    card = (tmp_path / "model" / "README.md").read_text()
    assert "--gradient one_step" in card and "{" not in card
    (again,) = run(arguments(tmp_path))  # done: nothing is trained twice
    assert again == figures
    (tmp_path / "work" / "soft-one_step-seed0.safetensors").rename(tmp_path / "kept")
    (anew,) = run(arguments(tmp_path))
    assert anew["loss"] == pytest.approx(figures["loss"], rel=1e-5)


def test_the_trunk_of_a_trained_model_is_where_it_begins(tmp_path):
    torch.manual_seed(5)
    config = StepNetworkConfig(words=len(word_list()), width=32, layers=2, heads=1)
    network = StepNetwork(config)
    save_local_model(network, word_list(), tmp_path / "trunk", "random weights, for tests\n")
    run(arguments(tmp_path, f"--trunk {tmp_path / 'trunk'} --steps 1 --learning-rate 1e-9"))
    refiner, _ = load_soft_refiner(tmp_path / "model")
    assert refiner.network.config == config
    torch.testing.assert_close(refiner.network.words.weight, network.words.weight, atol=1e-3, rtol=1e-2)
    other = StepNetwork(StepNetworkConfig(words=4, width=32, layers=1, heads=1))
    save_local_model(other, WordList(["?", "BEGIN", "END", "x"]), tmp_path / "other", "random weights, for tests\n")
    with pytest.raises(ModelError, match="knows other words"):
        run(arguments(tmp_path, f"--trunk {tmp_path / 'other'}"))
    with pytest.raises(ModelError, match="of kind 'task_planner'; allowed here: 'soft_refiner'"):
        load_soft_refiner(tmp_path / "trunk")


@pytest.mark.parametrize("extra", ["--steps 0", "--width 40", "--refinements 0", "--learning-rate 0"])
def test_sizes_that_make_no_sense_are_refused_before_anything_is_gathered(tmp_path, extra):
    with pytest.raises(InvalidInputError, match="positive|above 0"):
        run(arguments(tmp_path, extra))
    assert not (tmp_path / "work").exists()
