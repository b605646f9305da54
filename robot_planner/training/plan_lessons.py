# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the task planner's own model learns from: prompts, and what the belief-tracking corrector would write next.

A lesson is a prompt (task, answers so far, draft) and a plan. For each state of knowledge the same plan is the answer,
whatever the draft: none, the plan that has just failed, a spoilt copy, or the answer itself. So the answer is the fixed
point of refinement at that knowledge, and drafts that lie about it are repaired. Both skills are taught: acting at once
(no draft, no answer yet) and correcting.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

from robot_planner.arrangement import COLORS
from robot_planner.errors import InvalidInputError
from robot_planner.task_planning import table_tasks
from robot_planner.task_planning.belief import BeliefExpert
from robot_planner.task_planning.domain import Domain
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.household_expert import CannotPlanError
from robot_planner.task_planning.household_tasks import JOINTS, SAYINGS, sample_problem
from robot_planner.task_planning.households import TRAINING
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene, Task
from robot_planner.task_planning.tokens import WordList, reason_word
from robot_planner.task_planning.world import SymbolicWorld

DOMAINS = ("household", "tabletop")
MOST_ROUNDS = 8
WINDOW = 5
LONGEST, LONGEST_WRITTEN = 40, 50
"""Steps of a plan that is taught, and tokens of one that the planner writes in a training."""
SPOILT = 0.3
"""How often a spoilt plan is tried in place of the corrector's: mistakes that no corrector makes earn answers too."""
ASTRAY = 0.7
"""How often, at a state of knowledge, it is also taught to go on after steps that nobody should have made."""
PRESENT = 0.4
"""How often there is a lesson of a world that is not reset, too."""
ROBOT_REASON = "the time ran out"
"""Stands for whatever a robot says that is no requirement's: no model knows its words."""
TABLE_EVERY = 8


@dataclass(frozen=True)
class Lesson:
    """A prompt and the plan that should answer it."""

    prefix: str
    suffix: str
    plan: TaskPlan
    scene: Scene
    mistakes: range = range(0)
    """Steps of the plan that are not taught, for they were made on purpose: what is taught is to go on after them."""


def word_list() -> WordList:
    """All words of the shipped domains and of the household's instructions."""
    words: list[str] = []
    for name in DOMAINS:
        domain = load_domain(name)
        words += [*domain.actions, *domain.relations, *domain.types, *domain.definitions, *_reasons(domain)]
    said = [saying for sayings in SAYINGS.values() for saying in sayings]
    said += [*table_tasks.PUT_SAYINGS, *table_tasks.HOLD_SAYINGS, *table_tasks.HEADINGS, "in bin A B", *COLORS]
    said += [saying for sayings in table_tasks.DRAWER_SAYINGS.values() for saying in sayings]
    words += re.findall(r"[a-z]+", " ".join([*said, *JOINTS, "please the"]).lower())
    return WordList.of(words)


def _reasons(domain: Domain) -> Iterator[str]:
    for action in domain.actions.values():
        for requirement in action.requires:
            yield reason_word(re.sub(r"\{\w+\}", "_", requirement.reason))
            yield reason_word(re.sub(r"\{\w+\}", "something", requirement.reason))


Answer = Callable[[str, TaskPlan | None, Grammar], TaskPlan]
"""What the planner that is being taught makes of a prefix and a first draft: its equilibrium."""


class Teacher(Protocol):
    """Knows what should be done, given what was heard."""

    def draft(self) -> TaskPlan:
        """A plan from what is known now; raises CannotPlanError."""

    def go_on(self, begin: TaskPlan) -> TaskPlan | None:
        """As ``draft``, a plan that begins with these steps; None if that can't be."""

    def hear(self, feedback: Feedback) -> None:
        """Takes in what came back when a plan was tried."""


class TableTeacher:
    """Of the table all is visible: answers teach nothing new."""

    def __init__(self, task: Task) -> None:
        plan = table_tasks.table_plan(task.scene, task.goals)
        if plan is None:
            raise InvalidInputError(f"'{task.instruction}' can't be done here")
        self._task, self._plan = task, plan

    def draft(self) -> TaskPlan:
        """See Teacher."""
        return self._plan

    def go_on(self, begin: TaskPlan) -> TaskPlan | None:
        """See Teacher."""
        world = table_tasks.table_world(self._task.scene.visible)
        if not all(world.execute(step).done for step in begin.steps):
            return None
        rest = table_tasks.table_plan(world.scene(), self._task.goals)
        return None if rest is None else TaskPlan((*begin.steps, *rest.steps))

    def hear(self, feedback: Feedback) -> None:
        """See Teacher."""


def draw_problem(seed: int, split: str, random: Random) -> tuple[Task, SymbolicWorld, Callable[[Task], Teacher]]:
    """A task, its world, and what makes a teacher of a task: of each TABLE_EVERY one is of the table."""
    if seed % TABLE_EVERY == 0:
        task = table_tasks.sample_table_task(seed)
        return task, table_tasks.table_world(task.scene.visible), TableTeacher
    problem = sample_problem(seed, split, split, (1, random.choice((1, 2, 3, 4))))
    return problem.task, problem.flat.world(), BeliefExpert


def lessons_of(seed: int, split: str = TRAINING, answer: Answer | None = None) -> Iterator[Lesson]:
    """The lessons of one problem: of each TABLE_EVERY one is of the table, the others of households.

    Args:
        seed: of the problem and of all that is drawn.
        split: of scene and task.
        answer: without it the corrector's own drafts are tried, some of them spoilt; with it the planner's, and the
            corrector hears what comes back: what the planner will meet at work.
    """
    random = Random(f"lessons {seed}")
    task, world, make_teacher = draw_problem(seed, split, random)
    teacher = make_teacher(task)
    tried: list[tuple[TaskPlan, Feedback]] = []
    last: TaskPlan | None = None
    if random.random() < PRESENT:
        yield from from_the_present(task, world, make_teacher, random)
    for _ in range(MOST_ROUNDS):
        try:
            target = teacher.draft()
        except CannotPlanError:
            return
        if len(target.steps) > LONGEST:
            return
        prefix = write_prompt(task, tried, WINDOW)
        if answer is not None:
            draft = answer(prefix, last, Grammar(task.scene, task.goals).after(tried))
        else:
            draft = spoil(target, task.scene, random) if random.random() < SPOILT else target
        for other in _drafts(task.scene, target, last, draft, random):
            yield Lesson(prefix, write_suffix(other), target, task.scene)
        if random.random() < ASTRAY and (led := lead_astray(teacher, target, task.scene, random)):
            yield Lesson(prefix, write_suffix(last), led[0], task.scene, led[1])
        feedback = world.run(draft, task.goals)
        if feedback.success:
            return
        tried.append((draft, feedback))
        teacher.hear(feedback)
        last = draft


def _drafts(
    scene: Scene, target: TaskPlan, last: TaskPlan | None, draft: TaskPlan, random: Random
) -> Iterator[TaskPlan | None]:
    """Drafts of which the target is to be made."""
    if last is None:
        yield None
    else:
        yield last
        if random.random() < 0.3:
            yield None
    if draft != target:
        yield draft
    yield target if random.random() < 0.5 else spoil(target, scene, random)


def lead_astray(teacher: Teacher, target: TaskPlan, scene: Scene, random: Random) -> tuple[TaskPlan, range] | None:
    """The target's beginning, one to three wrong steps that can be done, and how to go on; which steps are wrong.

    A plan that is written step by step meets its own mistakes; without such lessons it has never seen any.
    """
    names = [name for name in scene.domain.actions if all(scene.candidates(name))]
    for _ in range(6):
        cut = random.randint(0, len(target.steps))
        wrong: list[Step] = []
        for _ in range(random.choice((1, 1, 2, 3))):
            if cut < len(target.steps) and random.random() < 0.5:
                wrong.append(_other_thing(target.steps[cut], scene, random))
            else:
                name = random.choice(("WALK", *names) if "WALK" in names else names)
                wrong.append(Step(name, tuple(random.choice(column) for column in scene.candidates(name))))
        plan = teacher.go_on(TaskPlan((*target.steps[:cut], *wrong)))
        if plan is not None and len(plan.steps) <= LONGEST:
            return plan, range(cut, cut + len(wrong))
    return None


def from_the_present(
    task: Task, world: SymbolicWorld, make_teacher: Callable[[Task], Teacher], random: Random
) -> Iterator[Lesson]:
    """Lessons of a world that is not reset: some steps are done, one fails, for the world's reason or a robot's.

    The scene is then what is seen at present, the draft the steps that are still to be done.
    """
    plan, done = make_teacher(task).draft(), 0
    world.reset()
    stop, reason = random.randint(0, len(plan.steps)), ROBOT_REASON
    for step in plan.steps[:stop]:
        outcome = world.execute(step)
        if not outcome.done:
            reason = outcome.reason
            break
        done += 1
    if done == len(plan.steps):
        return
    present = replace(task, scene=world.scene())
    unmet = tuple(str(goal) for goal in task.goals if not world.holds(goal))
    target = make_teacher(present).draft()
    if len(target.steps) <= LONGEST:
        prefix = write_prompt(present, [(plan, Feedback(False, done, reason, unmet))], WINDOW)
        yield Lesson(prefix, write_suffix(TaskPlan(plan.steps[done:])), target, present.scene)


def spoil(plan: TaskPlan, scene: Scene, random: Random) -> TaskPlan:
    """A copy with one to three mistakes: steps left out, doubled, swapped, or with another thing of the same type."""
    steps = list(plan.steps)
    for _ in range(random.randint(1, 3)):
        if not steps:
            break
        at, kind = random.randrange(len(steps)), random.random()
        if kind < 0.35:
            del steps[at]
        elif kind < 0.5:
            steps.insert(random.randrange(len(steps) + 1), steps[at])
        elif kind < 0.65:
            other = random.randrange(len(steps))
            steps[at], steps[other] = steps[other], steps[at]
        elif kind < 0.75:
            steps = steps[:at]
        else:
            steps[at] = _other_thing(steps[at], scene, random)
    return TaskPlan(tuple(steps))


def _other_thing(step: Step, scene: Scene, random: Random) -> Step:
    if not step.objects:
        return step
    at = random.randrange(len(step.objects))
    fitting: Sequence[ObjectRef] = scene.candidates(step.action)[at]
    objects = list(step.objects)
    objects[at] = random.choice(fitting)
    return Step(step.action, tuple(objects))
