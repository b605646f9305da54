# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The drawn households, the scripted expert and the corrector."""

from random import Random

import pytest

from robot_planner.task_planning.belief import BeliefExpert, correction_chain
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.household_tasks import SAYINGS, sample_problem
from robot_planner.task_planning.households import HELD_OUT, SPLITS, TRAINING, Flat, sample_layout
from robot_planner.task_planning.world import SymbolicWorld
from robot_planner.training.gold_plans import gold_plan, household_gold_plan, planner_available

PROBLEMS = [sample_problem(seed, SPLITS[seed % 2], SPLITS[seed // 2 % 2], (1, 4)) for seed in range(80)]
needs_planner = pytest.mark.skipif(not planner_available(), reason="unified-planning or up-fast-downward is missing")


def test_the_same_seed_gives_the_same_problem_and_others_give_others():
    one, same, other = sample_problem(4), sample_problem(4), sample_problem(5)
    assert (one.task, one.flat.facts) == (same.task, same.flat.facts)
    assert one.task != other.task


def test_no_layout_and_no_kind_of_goal_of_the_training_split_is_held_out():
    layouts = {split: {sample_layout(Random(seed), split) for seed in range(200)} for split in SPLITS}
    rooms = {
        split: {tuple(sorted((r, tuple(sorted(f))) for r, f in layout.rooms)) for layout in of}
        for split, of in layouts.items()
    }
    assert not rooms[TRAINING] & rooms[HELD_OUT]
    labels = {
        split: {
            e.label for seed in range(150) for e in sample_problem(seed, task_split=split).errands if e.split == split
        }
        for split in SPLITS
    }
    assert labels[TRAINING] and labels[HELD_OUT] and not labels[TRAINING] & labels[HELD_OUT]
    for seed in range(30):
        assert any(e.split == HELD_OUT for e in sample_problem(seed, task_split=HELD_OUT).errands)
        assert all(e.split == TRAINING for e in sample_problem(seed).errands)


def test_all_kinds_of_errands_occur_and_none_is_done_before_it_begins():
    kinds = {errand.kind for problem in PROBLEMS for errand in problem.errands}
    assert kinds == set(SAYINGS)
    for problem in PROBLEMS:
        unmet = problem.flat.world().run(expert_plan(problem.flat.world(), ())).unmet
        assert unmet == ()
        world = problem.flat.world()
        for errand in problem.errands:
            assert not all(world.holds(goal) for goal in problem.task.goals if goal.fact() in errand.goals)


def test_the_instruction_names_what_the_goals_are_about():
    for problem in PROBLEMS:
        for errand in problem.errands:
            for thing in errand.things:
                assert thing.name.replace("_", " ") in problem.task.instruction


def test_the_expert_that_knows_the_truth_meets_all_goals_without_a_failure():
    lengths = []
    for problem in PROBLEMS:
        plan = expert_plan(problem.flat.world(), problem.task.goals)
        told = problem.flat.world().run(plan, problem.task.goals)
        assert told.success and told.failed_step is None, (problem.task.name, told)
        lengths.append(len(plan.steps))
    assert min(lengths) <= 3 and max(lengths) >= 15


def test_the_corrector_sees_no_more_than_a_robot():
    """Its first draft is the same in every world that looks the same."""
    hidden = 0
    for problem in PROBLEMS[:30]:
        facts, scene = problem.flat.facts, problem.task.scene
        unseen = {f for f in facts if f.relation in ("inside", "on", "in_room")} - scene.visible
        hidden += bool(unseen)
        other = Flat(problem.flat.objects, facts - unseen)
        assert other.world().scene() == scene
        chain, again = (next(correction_chain(problem.task, flat.world())) for flat in (problem.flat, other))
        assert chain.draft == again.draft
    assert hidden > 10


def test_the_corrector_gets_there_by_what_it_hears():
    tries = []
    for problem in PROBLEMS:
        chain = list(correction_chain(problem.task, problem.flat.world()))
        assert chain[-1].feedback.success, problem.task.name
        assert all(not link.feedback.success for link in chain[:-1])
        tries.append(len(chain))
    assert 0.2 < tries.count(1) / len(tries) < 0.8, "hidden state makes feedback matter"


def test_the_checker_never_refuses_the_first_draft_of_the_corrector():
    for problem in PROBLEMS:
        assert check(BeliefExpert(problem.task).draft(), problem.task.scene).ok


def test_the_corrector_looks_first_where_things_usually_are():
    problem = next(p for p in PROBLEMS if Fact("found", (p.errands[0].things[0],)) not in p.task.scene.visible
                   and p.errands[0].kind in ("inside", "on"))  # fmt: skip
    expert = BeliefExpert(problem.task)
    expert.draft()
    thing = problem.errands[0].things[0]
    assert len(expert.guess[thing]) == 1
    before = expert.guess[thing]
    expert.hear(problem.flat.world().run(expert.draft(), problem.task.goals))
    expert.draft()
    assert thing not in expert.guess or before[0] not in expert.guess[thing]


@needs_planner
def test_plans_of_fast_downward_are_valid_and_not_much_shorter_than_the_scripts():
    ours = theirs = 0
    for seed in range(3):
        problem = sample_problem(seed, errands=(1, 2))
        plan = household_gold_plan(problem.flat, problem.task.goals)
        told = problem.flat.world().run(plan, problem.task.goals)
        assert told.success and told.failed_step is None
        ours += len(expert_plan(problem.flat.world(), problem.task.goals).steps)
        theirs += len(plan.steps)
    assert ours <= 1.3 * theirs


@needs_planner
def test_fast_downward_says_when_there_is_no_plan():
    problem = sample_problem(0)
    world = SymbolicWorld(problem.task.scene.domain, problem.flat.objects, problem.flat.facts)
    assert gold_plan(world, problem.task.goals, actions=["STANDUP"]) is None
