# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Prompts: the task, what is seen and what was tried first; the draft, which changes with every refinement, LAST.

All before the draft is one prefix, whose keys and values a model can keep for a whole inner loop. Names of things come
from a closed alphabet and texts are single lines, so that nothing in them can pass for another part of the prompt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from robot_planner.task_planning.conditions import Atom, Fact, Not
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.plan import NO_PLAN, ObjectRef, TaskPlan
from robot_planner.task_planning.scene import Scene, Task

NOTHING = "none"
DONE = "all goals are met"


def write_prompt(task: Task, feedbacks: Sequence[tuple[TaskPlan, Feedback]] = (), window: int = 5) -> str:
    """The part of a prompt that stays the same while a draft is refined.

    Args:
        task: what is wanted.
        feedbacks: plans and what came back when they were tried, oldest first.
        window: plans and answers of only so many of the newest are told; what was seen is told of all.
    """
    lines = [
        f"Task: {task.instruction or NOTHING}",
        f"Goals: {'; '.join(map(str, task.goals)) or NOTHING}",
        f"Objects: {describe_objects(task.scene)}",
        f"Seen: {describe_facts(task.scene, task.wanted)}",
    ]
    if learned := list(dict.fromkeys(fact for _, feedback in feedbacks for fact in feedback.seen)):
        lines.append(f"Learned: {'; '.join(learned)}")
    for plan, feedback in feedbacks[-window:] if window > 0 else ():
        lines += [f"Tried: {describe_plan(plan)}", f"Answer: {describe_feedback(replace(feedback, seen=()))}"]
    return "\n".join(lines) + "\n"


def write_suffix(draft: TaskPlan | None = None) -> str:
    """The part of a prompt that changes: the draft to refine; None: there is none yet."""
    return f"Draft:\n{NO_PLAN if draft is None else draft}\nPlan:\n"


def describe_objects(scene: Scene) -> str:
    """Things, their types, and what can be done with them beyond what the type says."""
    entries = []
    for thing, kind in scene.objects.items():
        implied = scene.domain.properties(kind)
        own = [name for name in _properties(scene) if name not in implied and scene.knowledge.value(name, (thing,))]
        entries.append(" ".join([str(thing), kind, *own]))
    return "; ".join(entries) or NOTHING


def _properties(scene: Scene) -> list[str]:
    return [name for name, relation in scene.domain.relations.items() if relation.fixed and len(relation.args) == 1]


def describe_facts(scene: Scene, wanted: Iterable[ObjectRef] = ()) -> str:
    """What is visible, in the order of the domain's relations and the scene's things.

    ``wanted``: things of which it is told, too, where they are seen not to be.
    """
    order = {thing: at for at, thing in enumerate(scene.objects)}
    relations = {name: at for at, name in enumerate(scene.domain.relations)}
    properties = _properties(scene)

    def place(fact: Fact) -> tuple[int, list[int]]:
        return relations[fact.relation], [order[thing] for thing in fact.args]

    known, rules = scene.knowledge, scene.domain.relations
    told = [f for f in scene.visible if f.relation not in properties and known.allows(rules[f.relation].said, f)]
    absent = [Not(Atom(*fact)) for fact in known.absent(wanted)]
    return "; ".join(map(str, [*sorted(told, key=place), *absent])) or NOTHING


def describe_plan(plan: TaskPlan) -> str:
    """Steps with their numbers, in one line."""
    return "; ".join(f"{number}. {step}" for number, step in enumerate(plan.steps, 1)) or NOTHING


def describe_feedback(feedback: Feedback) -> str:
    """What came back, in one line."""
    if feedback.success:
        return DONE
    parts = []
    if feedback.failed_step is not None:
        parts.append(f"step {feedback.failed_step + 1} could not be done: {feedback.reason}")
    elif feedback.reason:
        parts.append(feedback.reason)
    if feedback.unmet:
        parts.append(f"unmet: {', '.join(feedback.unmet)}")
    if feedback.seen:
        parts.append(f"seen: {', '.join(feedback.seen)}")
    return " ".join("; ".join(parts).split()) or "no answer"
