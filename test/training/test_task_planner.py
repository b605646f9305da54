# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The command that trains the task planner's own model, whole, at a size that takes seconds."""

import argparse

import pytest
import torch

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.local_model import load_local_model
from robot_planner.task_planning.plan import parse_plan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.training.plan_batches import PlanExample
from robot_planner.training.task_planner import Lessons, add_arguments, run

SMALL = "--problems 9 --steps 4 --rounds 1 --round-problems 2 --round-steps 2 --validation 1 --scenes 2"
SMALL += " --width 32 --layers 1 --workers 1 --threads 1 --plan-steps 4"  # who knows nothing writes on to the end


def arguments(folder, extra=""):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = f"{SMALL} --work {folder / 'work'} --out {folder / 'model'} {extra}".split()
    return parser.parse_args(words)


def test_it_trains_in_phases_that_are_not_done_twice_and_writes_a_model(tmp_path, monkeypatch):
    (figures,) = run(arguments(tmp_path))
    assert set(figures) >= {"single_pass", "equilibrium", "corrected"} and 0.0 <= figures["corrected"] <= 1.0
    card = (tmp_path / "model" / "README.md").read_text()
    assert "--round-steps 2 --old-share 0.5" in card and "--width 32 --layers 1 --seed 0`" in card
    model = load_local_model(tmp_path / "model")
    task = sample_problem(5).task
    written = model.generate(write_prompt(task), write_suffix(), grammar=Grammar(task.scene), max_tokens=5)
    assert parse_plan(f"{written.text.removesuffix('END').rstrip()}\nEND") is not None
    before = model.network.state_dict()
    monkeypatch.setattr(Lessons, "draw", lambda *_: pytest.fail("a phase that was done is done again"))
    run(arguments(tmp_path))
    after = load_local_model(tmp_path / "model").network.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


@pytest.mark.parametrize(
    "extra", ["--scenes 0", "--rounds -1", "--width 40", "--problems 0", "--old-share 1", "--round-rate 0"]
)
def test_sizes_that_make_no_sense_are_refused_before_anything_is_gathered(tmp_path, extra):
    with pytest.raises(InvalidInputError, match="positive"):
        run(arguments(tmp_path, extra))
    assert not (tmp_path / "work").exists()


def test_a_step_draws_the_same_lessons_again_and_of_each_group_its_share(monkeypatch):
    def example(scene, number):
        return PlanExample([[scene]] * 3, (1, 1, 1, 1), scene, None, None, number)

    monkeypatch.setattr("robot_planner.training.task_planner.by_scene", lambda examples: [[e] for e in examples])
    old, new = ([example(group, n) for n in range(50)] for group in (0, 1))
    lessons = Lessons([(0.75, old), (0.25, new)], 8, 10, seed=3)
    drawn = [lessons.draw(step) for step in range(200)]
    assert drawn == [Lessons([(0.75, old), (0.25, new)], 8, 10, seed=3).draw(step) for step in range(200)]
    share = sum(e.names for batch in drawn for (e,) in batch) / (200 * 8)
    assert all(len(batch) == 8 for batch in drawn) and share == pytest.approx(0.25, abs=0.08)
