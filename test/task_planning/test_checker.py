# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The checker against the world: what it refuses fails in every world that fits, what it knows to work works."""

import itertools
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.task_planning.checker import check
from robot_planner.task_planning.condition_text import parse_literal
from robot_planner.task_planning.conditions import Atom, Fact, Not
from robot_planner.task_planning.domain import DomainError
from robot_planner.task_planning.feedback import learned
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.households import ITEMS
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan, parse_plan
from robot_planner.task_planning.world import SymbolicWorld

HIDDEN = ("inside", "on", "in_room")
USED = ("WALK", "GRAB", "OPEN", "CLOSE", "PUTBACK", "PUTIN", "SWITCHON", "SWITCHOFF", "PLUGIN", "WASH", "FIND", "DROP")


def mutated(plan, scene, random):
    """A gold plan with some steps lost, moved, or replaced by ones that may be written in the scene."""
    steps = list(plan.steps)
    for _ in range(random.randint(0, 3)):
        what = random.random()
        if steps and what < 0.4:
            del steps[random.randrange(len(steps))]
        elif steps and what < 0.6:
            steps.insert(random.randrange(len(steps) + 1), steps.pop(random.randrange(len(steps))))
        else:
            usable = [name for name in USED if all(scene.candidates(name))]
            name = random.choice(usable)
            things = tuple(random.choice(entries) for entries in scene.candidates(name))
            steps.insert(random.randrange(len(steps) + 1), Step(name, things))
    return TaskPlan(tuple(steps))


def completion(scene, random, seen=None):
    """A world of which the scene is what is visible: whatever is not known is drawn, sensible or not."""
    seen = seen or {}
    domain, facts = scene.domain, {*scene.visible, *(fact for fact, holds in seen.items() if holds)}
    known = scene.knowing(seen.items())
    things = list(scene.objects)
    for relation in HIDDEN:
        for one in things:
            for _ in range(random.randint(0, 2)):
                kind = domain.relations[relation].args[1][1]
                other = random.choice([thing for thing in things if domain.is_a(scene.objects[thing], kind)])
                if known.value(relation, (one, other)) is None:
                    facts.add(Fact(relation, (one, other)))
    return SymbolicWorld(domain, scene.objects, facts)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_what_the_checker_refuses_fails_in_every_world_that_fits_what_is_known(seed):
    random, problem = Random(seed), sample_problem(seed % 200)
    scene = problem.task.scene
    plan = mutated(expert_plan(problem.flat.world(), problem.task.goals), scene, random)
    result = check(plan, scene, goals=problem.task.goals)
    for world in (problem.flat.world(), *(completion(scene, random) for _ in range(4))):
        told = world.run(plan, problem.task.goals)
        if result.violations:
            assert told.failed_step is not None and told.failed_step <= result.violations[0].step
        elif told.failed_step is None:
            assert set(result.unmet) <= set(told.unmet)
            assert set(told.unmet) <= {*result.unmet, *result.open}
        elif not result.assumed:
            pytest.fail(f"nothing was assumed, yet step {told.failed_step} failed: {told.reason}")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_with_all_facts_known_the_checker_and_the_world_agree_to_the_word(seed):
    random, problem = Random(seed), sample_problem(seed % 200)
    found = {Fact("found", (thing,)) for thing in problem.flat.objects}
    world = SymbolicWorld(problem.task.scene.domain, problem.flat.objects, problem.flat.facts | found)
    plan = mutated(expert_plan(world, problem.task.goals), problem.task.scene, random)
    world.reset()
    result, told = check(plan, world.scene(), goals=problem.task.goals), world.run(plan, problem.task.goals)
    assert not result.assumed and not result.open
    if told.failed_step is None:
        assert result.ok and result.unmet == told.unmet
    else:
        assert (result.violations[0].step, result.violations[0].reason) == (told.failed_step, told.reason)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_what_was_seen_while_trying_is_known_afterwards(seed):
    """What is refused by it still fails in every world that fits, and less is assumed of what may be done."""
    random, problem = Random(seed), sample_problem(seed % 200)
    scene, world = problem.task.scene, problem.flat.world()
    gold = expert_plan(world, problem.task.goals)
    seen = {parse_literal(text) for text in world.run(mutated(gold, scene, random), problem.task.goals).seen}
    plan = mutated(gold, scene, random)
    before, after = check(plan, scene), check(plan, scene, scene.knowing(seen))
    assert not before.violations or before.violations[0].step >= after.violations[0].step
    if after.ok:
        assert {step for step, _ in after.assumed} <= {step for step, _ in before.assumed}
    for fits in (world, *(completion(scene, random, dict(seen)) for _ in range(4))):
        told = fits.run(plan, problem.task.goals)
        if after.violations:
            assert told.failed_step is not None and told.failed_step <= after.violations[0].step


def test_a_step_that_was_seen_to_be_impossible_is_refused():
    refused = 0
    for problem in map(sample_problem, range(60)):
        scene, world = problem.task.scene, problem.flat.world()
        seen = {parse_literal(text) for text in world.run(expert_plan(world, problem.task.goals)).seen}
        for thing, box in sorted(fact.args for fact, holds in seen if holds and fact.relation == "inside"):
            room = next(f.args[1] for f in scene.visible if f.relation == "in_room" and f.args[0] == box)
            plan = TaskPlan((Step("WALK", (room,)), Step("WALK", (thing,))))
            if Fact("closed", (box,)) in scene.visible and Fact("at", (room,)) not in scene.visible:
                assert check(plan, scene).ok, "it may lie in the open"
                refused += check(plan, scene, scene.knowing(seen)).violations[0].step == 1
    assert refused > 5
    known = scene.knowing(seen)
    assert all(known.value(*fact) is holds for fact, holds in seen) and scene.knowledge is not known
    with pytest.raises(DomainError, match="the scene has no <moon> \\(1\\)"):
        scene.knowing([(Fact("found", (ObjectRef("moon", 1),)), True)])


def test_what_was_looked_for_in_vain_is_told_and_known():
    checked = 0
    for problem in map(sample_problem, range(60)):
        scene, world = problem.task.scene, problem.flat.world()
        for thing, box in itertools.product(problem.task.wanted, scene.objects):
            looked = check(TaskPlan((Step("WALK", (box,)), Step("OPEN", (box,)))), scene).ok
            if scene.knowledge.value("inside", (thing, box)) is not None or not looked:
                continue
            told = world.run(TaskPlan((Step("WALK", (box,)), Step("OPEN", (box,)))), problem.task.goals)
            lies, found = Fact("inside", (thing, box)), world.state.value("found", (thing,))
            if told.failed_step is None:
                assert (str(lies) in told.seen) == (lies in world.initial)
                assert (str(Not(Atom(*lies))) in told.seen) == (not found)
                known = scene.knowing(learned([told]))
                assert known.value(*lies) is (lies in world.initial)
                checked += not found
    assert checked > 20


def test_what_lies_here_lies_nowhere_else():
    problem = next(p for p in map(sample_problem, range(60)) if any(p.flat.objects[x] in ITEMS and Fact("found", (x,))
                   not in p.task.scene.visible for x in p.task.wanted))  # fmt: skip
    scene, facts = problem.task.scene, problem.flat.facts
    lies = next(f for f in facts if f.relation in ("inside", "on") and Fact("found", f.args[:1]) not in scene.visible)
    known = scene.knowing([(lies, True)])
    for relation, other in itertools.product(("inside", "on"), scene.objects):
        fact = Fact(relation, (lies.args[0], other))
        assert known.value(*fact) is (fact == lies) or other in lies.args


def test_both_kinds_of_answers_occur():
    answers = set()
    for seed in range(40):
        problem = sample_problem(seed)
        plan = mutated(expert_plan(problem.flat.world(), problem.task.goals), problem.task.scene, Random(seed))
        answers.add(check(plan, problem.task.scene).ok)
    assert answers == {True, False}


def test_unknown_actions_and_things_are_refused_wherever_they_stand():
    scene = sample_problem(1).task.scene
    plan = parse_plan("[FLY] <moon> (1)\n[GRAB] <unicorn> (77)\n[STANDUP] <unicorn> (77)\nEND")
    result = check(plan, scene)
    assert [violation.step for violation in result.violations] == [0, 1, 2]
    assert str(result.violations[1]) == "step 2 cannot be done: there is no <unicorn> (77) in the scene"


def test_goals_count_as_missed_where_a_step_cannot_be_done():
    problem = sample_problem(3)
    scene, goals = problem.task.scene, problem.task.goals
    assert goals and check(TaskPlan(), scene, goals=goals).faults == len(check(TaskPlan(), scene, goals=goals).unmet)
    assert check(parse_plan("[FLY] <moon> (1)\nEND"), scene, goals=goals).faults == 1 + len(goals)


def test_what_is_unknown_is_assumed_and_what_earlier_steps_did_is_known():
    problem = next(
        p for p in map(sample_problem, range(99)) if any(f.relation == "inside" for f in _hidden(p))
    )  # fmt: skip
    (thing, box) = next(f.args for f in sorted(_hidden(problem)) if f.relation == "inside")
    scene = problem.task.scene
    walk, opens, grab = Step("WALK", (box,)), Step("OPEN", (box,)), Step("GRAB", (thing,))
    assert not check(TaskPlan((grab,)), scene).ok, "nobody has seen it"
    result = check(TaskPlan((walk, opens, grab)), scene)
    assert result.ok and {step for step, _ in result.assumed} == {2}
    again = check(TaskPlan((walk, opens, opens)), scene)
    assert again.violations[0].reason == f"{box} is not closed"
    held = check(TaskPlan((walk, opens, grab, Step("WALK", (thing,)))), scene)
    assert held.ok, "that it was grabbed tells where it is"


def _hidden(problem):
    return {f for f in problem.flat.facts if f.relation in HIDDEN} - problem.task.scene.visible
