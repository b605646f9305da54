# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the plan-writing network is fitted to is what it says at work."""

import itertools

import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.local_model import LocalModel
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan, parse_plan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene, Task, parse_goals
from robot_planner.task_planning.tokens import PromptReader, WordList
from robot_planner.training.plan_batches import ExampleMaker, by_scene, collate, plan_loss
from robot_planner.training.plan_lessons import lessons_of, word_list

DOMAIN = load_domain("tabletop")
WORDS = WordList.of([*DOMAIN.actions, *DOMAIN.relations, *DOMAIN.types])
CONFIG = StepNetworkConfig(words=len(WORDS), pieces=50, things=8, places=32, width=24, layers=2, heads=2)
HOUSEHOLDS = StepNetworkConfig(words=len(word_list()), width=24, layers=2, heads=2)
DRAWER = ObjectRef("drawer", 9)


def task(blocks):
    things = {ObjectRef("block", at): "block" for at in range(blocks)} | {
        ObjectRef("bin_a", 8): "bin",
        DRAWER: "drawer",
    }
    scene = Scene(DOMAIN, things, frozenset(Fact("on_table", (ObjectRef("block", at),)) for at in range(blocks)))
    return Task("tidy up", parse_goals(["inside(<block> (0), <bin_a> (8))"], scene), scene)


TRIED = [(TaskPlan((Step("OPEN", (DRAWER,)),)), Feedback(False, 0, "it is stuck", ("open(<drawer> (9))",)))]
PROMPTS = [
    (task(1), (), None),
    (task(4), TRIED, TaskPlan((Step("PICK", (ObjectRef("block", 3),)),))),
    (task(2), TRIED, None),
]


def model(seed=1):
    torch.manual_seed(seed)
    network = StepNetwork(CONFIG)
    with torch.no_grad():
        network.actions.weight.mul_(4.0)
    return LocalModel(network, WORDS, careful=False)


def test_the_loss_of_a_plan_is_what_the_model_says_of_it_when_it_writes_it():
    local = model()
    maker, examples, said, steps = ExampleMaker(local.reader, CONFIG), [], [], 0
    for wanted, tried, draft in PROMPTS:
        prefix, suffix = write_prompt(wanted, tried), write_suffix(draft)
        for seed in range(40):  # one that ends, and is not empty
            written = local.generate(
                prefix, suffix, grammar=Grammar(wanted.scene), temperature=1.5, seed=seed, max_tokens=30
            )
            if written.text.endswith("END") and written.new_tokens > 1:
                break
        examples.append(maker.example(prefix, suffix, parse_plan(written.text), wanted.scene))
        said.append(written.log_probability)
        steps += written.new_tokens
    for example, chance in zip(examples, said, strict=True):  # one by one, and with nothing filled up side by side
        loss = plan_loss(local.network, collate([[example]], len(WORDS)))["loss"].item()
        assert loss * len(example.targets) == pytest.approx(-chance, rel=1e-4)
    together = plan_loss(local.network, collate([[e] for e in examples], len(WORDS)))["loss"].item()
    assert together * steps == pytest.approx(-sum(said), rel=1e-4)


def test_lessons_of_one_scene_in_one_row_are_as_one_by_one():
    reader = PromptReader(word_list())
    maker = ExampleMaker(reader, HOUSEHOLDS)
    network = StepNetwork(HOUSEHOLDS)
    told = []
    for lesson in itertools.chain.from_iterable(map(lessons_of, range(40, 46))):
        example = maker.example(lesson.prefix, lesson.suffix, lesson.plan, lesson.scene)
        told.append((reader.split(lesson.prefix)[0], example))
    scenes = [[row for _, row in group] for _, group in itertools.groupby(told, key=lambda entry: entry[0])]
    assert any(len({lesson.lengths[1] for lesson in lessons}) > 1 for lessons in scenes)  # with and without answers
    rows = [lesson for lessons in scenes for lesson in lessons]
    words = HOUSEHOLDS.words
    assert by_scene(rows, 10_000) == scenes
    short = by_scene(rows, 256)
    assert [lesson for row in short for lesson in row] == rows and len(scenes) < len(short) < len(rows)
    assert all(collate([row], words).tokens.shape[1] <= 256 for row in short if len(row) > 1)
    alone, together = (plan_loss(network, collate(groups, words)) for groups in ([[row] for row in rows], scenes))
    assert together["loss"].item() == pytest.approx(alone["loss"].item(), rel=1e-5)
    assert together["right"].item() == pytest.approx(alone["right"].item(), abs=1e-6)
    together["loss"].backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    network.zero_grad()
    plan_loss(network, collate([[row] for row in rows], words))["loss"].backward()
    for one, parameter in zip(gradients, network.parameters(), strict=True):
        torch.testing.assert_close(one, parameter.grad, rtol=1e-3, atol=1e-5)


def test_it_learns_what_it_is_shown():
    local = model(2)
    local.network.train().requires_grad_(True)
    maker = ExampleMaker(local.reader, CONFIG)
    bins = ObjectRef("bin_a", 8)
    plans = [
        TaskPlan((Step("PLACE", (ObjectRef("block", 0), bins)),)),
        TaskPlan((Step("OPEN", (DRAWER,)), Step("STOW", (ObjectRef("block", 2), DRAWER)), Step("CLOSE", (DRAWER,)))),
        TaskPlan(),
    ]
    batch = collate(
        [
            [maker.example(write_prompt(wanted, tried), write_suffix(draft), plan, wanted.scene)]
            for (wanted, tried, draft), plan in zip(PROMPTS, plans, strict=True)
        ],
        len(WORDS),
    )
    optimizer = torch.optim.Adam(local.network.parameters(), 3e-3)
    first = plan_loss(local.network, batch)
    for _ in range(150):
        losses = plan_loss(local.network, batch)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert losses["loss"] < 0.05 < first["loss"] and losses["right"] == 1.0 > first["right"]
    local.network.eval().requires_grad_(False)
    for (wanted, tried, draft), plan in zip(PROMPTS, plans, strict=True):
        written = local.generate(write_prompt(wanted, tried), write_suffix(draft), grammar=Grammar(wanted.scene))
        assert parse_plan(written.text) == plan


def test_a_plan_that_cannot_be_written_is_refused():
    maker, wanted = ExampleMaker(model().reader, CONFIG), task(2)
    foreign = TaskPlan((Step("PICK", (ObjectRef("block", 5),)),))
    with pytest.raises(InvalidInputError, match="can't be written"):
        maker.example(write_prompt(wanted), write_suffix(), foreign, wanted.scene)
    crowd = task(7)
    with pytest.raises(InvalidInputError, match="9 things; the network takes 8"):
        maker.example(write_prompt(crowd), write_suffix(), TaskPlan(), crowd.scene)
