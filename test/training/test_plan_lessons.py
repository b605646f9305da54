# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Lessons for the task planner: their answers work once all is known, and survive the disk."""

from random import Random

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.households import TRAINING
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import TaskPlan, parse_plan
from robot_planner.task_planning.table_tasks import sample_table_task, table_world
from robot_planner.task_planning.tokens import PromptReader
from robot_planner.training.lesson_shards import gather, read_examples, write_examples
from robot_planner.training.plan_batches import ExampleMaker, by_scene, collate, plan_loss
from robot_planner.training.plan_lessons import draw_problem, from_the_present, lessons_of, spoil, word_list

WORDS = word_list()
CONFIG = StepNetworkConfig(words=len(WORDS), width=24, layers=1, heads=2)
SEEDS = range(12)


def by_prefix(seed, **options):
    found = {}
    for lesson in lessons_of(seed, **options):
        found.setdefault(lesson.prefix, []).append(lesson)
    return found


def test_at_one_state_of_knowledge_there_is_one_answer_and_it_is_its_own_fixed_point_or_is_repaired():
    own = without = rounds = 0
    for seed in SEEDS:
        told = by_prefix(seed)
        rounds += len(told)
        for prefix, lessons in told.items():
            (plan,) = {lesson.plan for lesson in lessons if not lesson.mistakes}
            own += f"Draft:\n{plan}\nPlan:\n" in {lesson.suffix for lesson in lessons}
            without += "Draft:\nNULL\nPlan:\n" in {lesson.suffix for lesson in lessons}
            assert "Tried:" in prefix or "Draft:\nNULL\nPlan:\n" in {lesson.suffix for lesson in lessons}
    assert rounds > len(SEEDS) and 0 < own < rounds and without >= len(SEEDS)


def test_the_last_answer_of_a_problem_meets_its_goals():
    for seed in SEEDS:
        told = list(by_prefix(seed).values())
        problem_lessons = told[-1]
        plan, scene = problem_lessons[0].plan, problem_lessons[0].scene
        assert not check(plan, scene).violations
        if scene.domain.name == "tabletop":
            goals = sample_table_task(seed).goals
            assert table_world(scene.visible).run(plan, goals).success
            continue
        for errands in (1, 2, 3, 4):
            problem = sample_problem(seed, errands=(1, errands))
            if problem.task.scene == scene:
                assert problem.flat.world().run(plan, problem.task.goals).success
                break
        else:
            raise AssertionError("no such problem")


def test_both_domains_are_taught_and_mistakes_earn_answers():
    told = {seed: by_prefix(seed) for seed in range(24)}
    domains = {lessons[0].scene.domain.name for groups in told.values() for lessons in groups.values()}
    assert domains == {"household", "tabletop"}
    table = [groups for groups in told.values() if next(iter(groups.values()))[0].scene.domain.name == "tabletop"]
    assert len(table) == 3 and any("Answer:" in prefix for seed in range(0, 80, 8) for prefix in by_prefix(seed))


def test_with_a_planner_of_ones_own_its_plans_are_what_is_tried_and_corrected():
    def lazy(prefix, draft, grammar):
        return TaskPlan()

    told = by_prefix(3, answer=lazy)
    first = next(prefix for prefix, lessons in told.items() if any("NULL" in lesson.suffix for lesson in lessons))
    later = {prefix: lessons for prefix, lessons in told.items() if prefix.startswith(first) and prefix != first}
    assert len(later) > 1 and all("Tried: none" in prefix for prefix in later)
    assert all(any(lesson.suffix == "Draft:\nEND\nPlan:\n" for lesson in lessons) for lessons in later.values())


def test_after_wrong_steps_the_way_on_is_taught_and_the_wrong_steps_are_not():
    maker, network = ExampleMaker(PromptReader(WORDS), CONFIG), StepNetwork(CONFIG)
    shown = {"household": 0, "tabletop": 0}
    for seed in range(40):
        for lesson in lessons_of(seed):
            if lesson.mistakes and "Tried" not in lesson.prefix:
                shown[lesson.scene.domain.name] += 1
                assert len(lesson.plan.steps) >= lesson.mistakes.stop and check(lesson.plan, lesson.scene).ok
                example = maker.example(lesson.prefix, lesson.suffix, lesson.plan, lesson.scene, lesson.mistakes)
                assert [at for at, row in enumerate(example.targets) if not row[0]] == list(lesson.mistakes)
    assert min(shown.values()) > 2
    whole = maker.example(lesson.prefix, lesson.suffix, lesson.plan, lesson.scene)
    some = maker.example(lesson.prefix, lesson.suffix, lesson.plan, lesson.scene, range(1))
    losses = [plan_loss(network, collate([[e]], len(WORDS)))["loss"].item() * taught
              for e, taught in ((whole, len(whole.targets)), (some, len(whole.targets) - 1))]  # fmt: skip
    assert losses[1] < losses[0]


def test_a_world_that_is_not_reset_is_planned_on_in_from_what_is_seen_then():
    seen = 0
    for seed in range(60):
        random = Random(seed)
        task, world, make_teacher = draw_problem(seed, TRAINING, random)
        teacher = make_teacher(task)
        for lesson in from_the_present(task, world, make_teacher, random):
            assert lesson.scene == world.scene() and "Learned" not in lesson.prefix
            plan = teacher.draft()
            left = parse_plan(lesson.suffix.removeprefix("Draft:\n").removesuffix("Plan:\n"))
            assert plan.steps[len(plan.steps) - len(left.steps) :] == left.steps
            assert (
                all(world.execute(step).done for step in lesson.plan.steps) or lesson.scene.domain.name == "household"
            )
            seen += task.scene != lesson.scene
    assert seen > 10


def test_what_is_spoilt_is_another_plan_of_the_same_scene():
    lesson = next(iter(lessons_of(1)))
    random, spoilt = Random(0), [spoil(lesson.plan, lesson.scene, Random(n)) for n in range(200)]
    assert sum(plan != lesson.plan for plan in spoilt) > 180 and len(set(spoilt)) > 50
    assert all(lesson.scene.misfit(step) is None for plan in spoilt for step in plan.steps)
    assert spoil(TaskPlan(), lesson.scene, random) == TaskPlan()


def test_every_word_of_a_lesson_is_known_but_those_that_name_things():
    maker = ExampleMaker(PromptReader(WORDS), CONFIG)
    for seed in SEEDS:
        for lesson in lessons_of(seed):
            example = maker.example(lesson.prefix, lesson.suffix, lesson.plan, lesson.scene)
            unknown = [row for row in example.tokens if row[1] == 0 and not row[2]]
            assert all(row[0] in (1, 13, 8) for row in unknown)  # a number that is said, no draft, a robot's reason


def test_shards_give_back_what_was_written_and_are_not_gathered_twice(tmp_path):
    maker = ExampleMaker(PromptReader(WORDS), CONFIG)
    rows = [maker.example(x.prefix, x.suffix, x.plan, x.scene) for seed in (1, 2) for x in lessons_of(seed)]
    for one, other in zip(rows, read_examples([write_examples(tmp_path / "x.npz", rows)]), strict=True):
        assert one.lengths == other.lengths
        for name in ("tokens", "names", "targets", "words", "allowed"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    network = StepNetwork(CONFIG)
    assert plan_loss(network, collate(by_scene(rows), len(WORDS)))["loss"].item() > 0.0

    (path,) = gather(tmp_path / "shards", 2, 1, CONFIG, 1)
    assert len(read_examples([path])) == len(rows)
    before = path.stat().st_mtime_ns
    assert gather(tmp_path / "shards", 2, 1, CONFIG, 1) == [path] and path.stat().st_mtime_ns == before
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(InvalidInputError, match="not a readable shard"):
        read_examples([path])
