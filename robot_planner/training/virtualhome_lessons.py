# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Lessons from VirtualHome's gold programs of the training titles, for the task planner's own model.

A gold program is the answer to its task, whatever the draft, and whatever was tried before; its beginnings are the
answers to tasks of their own, whose goals are what they add. What is tried is spoilt copies.
"""

import re
from collections.abc import Iterable, Iterator
from random import Random

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.conditions import Atom
from robot_planner.task_planning.households import TRAINING, split_of
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import GoalError, Task
from robot_planner.task_planning.tokens import WordList
from robot_planner.task_planning.virtualhome import NEARNESS, OURS_ALONE, Program
from robot_planner.task_planning.world import SymbolicWorld
from robot_planner.training.plan_lessons import LONGEST, WINDOW, Lesson, spoil, word_list

CUTS = 2
"""Beginnings of a program that are tasks of their own."""
NO_GOALS = frozenset({*NEARNESS, *OURS_ALONE})


def of_training(programs: Iterable[Program]) -> list[Program]:
    """Those of training titles, by a hash of the title."""
    return [program for program in programs if split_of(program.title) == TRAINING]


def names_of(programs: Iterable[Program]) -> frozenset[str]:
    """Names of the things that programs use."""
    return frozenset(thing.name for program in programs for step in program.plan.steps for thing in step.objects)


def words_of(programs: Iterable[Program]) -> WordList:
    """The words of all domains, and those of the programs' instructions."""
    said = " ".join(f"{program.title} {program.description}" for program in programs)
    return WordList.of([*word_list().words, *re.findall(r"[a-z]+", said.lower())])


def lessons_of_program(program: Program, names: frozenset[str]) -> Iterator[Lesson]:
    """The lessons of one gold program; ``names``: of things that it tells of, see ``Program.task``.

    There are none of the few whose goals are against each other in the domain, such as one thing in both hands.
    """
    random = Random(f"virtualhome {program.name}")
    try:
        told = program.task(names)
    except GoalError:
        return
    world = SymbolicWorld(told.scene.domain, told.scene.objects, told.scene.visible)
    steps = program.plan.steps
    between = range(2, len(steps))
    cuts = {len(steps), *random.sample(between, min(CUTS, len(between)))}
    for cut in sorted(cuts, reverse=True):
        plan = TaskPlan(steps[:cut])
        task = _task(told, plan, world, whole=cut == len(steps))
        if task is not None and len(plan.steps) <= LONGEST:
            yield from _lessons(task, plan, world, random)


def _task(told: Task, plan: TaskPlan, world: SymbolicWorld, whole: bool) -> Task | None:
    """The task that a beginning is the answer to; None if it adds nothing, or can't be done by what is told."""
    if any(told.scene.misfit(step) is not None for step in plan.steps):
        return None
    if whole:
        return told if told.goals else None
    if world.run(plan).failed_step is not None:
        return None
    added = sorted(fact for fact in set(world.state.facts()) - world.initial if fact.relation not in NO_GOALS)
    try:
        return Task("", tuple(Atom(*fact) for fact in added), told.scene) if added else None
    except InvalidInputError:  # a graph may say what the domain's goals can't, such as one thing on two
        return None


def _lessons(task: Task, plan: TaskPlan, world: SymbolicWorld, random: Random) -> Iterator[Lesson]:
    tried, scene = [], task.scene
    wrong = [spoil(plan, scene, random) for _ in range(2)]
    for draft in dict.fromkeys((None, plan, wrong[0])):
        yield Lesson(write_prompt(task), write_suffix(draft), plan, scene)
    for draft in wrong:
        feedback = world.run(draft, task.goals)
        if feedback.success or draft == plan:
            continue
        tried.append((draft, feedback))
        prefix = write_prompt(task, tried, WINDOW)
        for other in dict.fromkeys((draft, plan)):
            yield Lesson(prefix, write_suffix(other), plan, scene)
