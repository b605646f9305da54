# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task planner as one call, in a small world with something hidden."""

import dataclasses
import json
import subprocess
import sys

import pytest

from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain import DomainError
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.feedback import CHECKER, ENVIRONMENT, Feedback
from robot_planner.task_planning.language_model import Generation
from robot_planner.task_planning.nested import Budgets, Stop
from robot_planner.task_planning.plan import ObjectRef, parse_plan
from robot_planner.task_planning.plan_task import plan_task
from robot_planner.task_planning.prompt import write_suffix
from robot_planner.task_planning.scene import Task, parse_goals
from robot_planner.task_planning.world import SymbolicWorld


class Scripted:
    """Writes one plan after so many answers, twice each, and keeps how it was asked."""

    name = "scripted"

    def __init__(self, *plans):
        self.plans, self.asked = plans, []

    def generate(self, prefix, suffix="", **options):
        self.asked.append((prefix, suffix, options))
        text = self.plans[min(prefix.count("Tried:"), len(self.plans) - 1)]
        return Generation(text, new_tokens=3, forwards=1)


DOMAIN = """
name: hall
summary: a box that may be locked, which nobody sees
types: {box: {}, door: {}}
relations:
  open: {args: {x: object}}
  locked: {args: {x: box}, visible: false}
actions:
  OPEN: {summary: opens, parameters: {x: box}, requires: [["not locked(?x)", "{x} is locked"]],
         effects: [{add: ["open(?x)"]}]}
  UNLOCK: {summary: unlocks, parameters: {x: box}, requires: [], effects: [{delete: ["locked(?x)"]}]}
  KNOCK: {summary: knocks, parameters: {x: door}, requires: [["not open(?x)", "{x} is open"]], effects: []}
"""
OPEN = "[OPEN] <box> (1)\nEND"
UNLOCK = "[UNLOCK] <box> (1)\n[OPEN] <box> (1)\nEND"
KNOCK = "[KNOCK] <door> (2)\nEND"


@pytest.fixture
def things(tmp_path):
    (tmp_path / "hall.yaml").write_text(DOMAIN)
    domain = load_domain(tmp_path / "hall.yaml")
    box, door = ObjectRef("box", 1), ObjectRef("door", 2)
    objects = {box: "box", door: "door"}
    world = SymbolicWorld(domain, objects, [Fact("locked", (box,)), Fact("open", (door,))])
    task = Task("open the box", parse_goals(["open(<box> (1))"], world.scene()), world.scene())
    return task, world.tester(task.goals)


def test_it_plans_until_the_world_says_that_the_goals_are_met(things):
    task, world = things
    model, events = Scripted(OPEN, UNLOCK), []
    result = plan_task(task, model, environment=world, seed=5, on_event=events.append)
    assert result.success and result.plan == parse_plan(UNLOCK) and len(result.rounds) == 2
    first, again, second = model.asked[0], model.asked[1], model.asked[2]
    assert "Tried" not in first[0] and first[1] == "Draft:\nNULL\nPlan:\n" and first[2]["draft"] is None
    assert again[0] == first[0] and OPEN in again[1] and again[2]["draft"] == OPEN
    assert "<box> (1) is locked" in second[0] and second[2]["draft"] == OPEN
    failed = parse_plan(OPEN).steps[: result.rounds[0].feedback[0].failed_step + 1]
    assert not first[2]["grammar"].vain and second[2]["grammar"].vain == {failed}
    assert first[2]["deadline"] is not None
    assert [event.stage for event in events][-1] == "done"
    json.dumps(result.record(), allow_nan=False)


def test_what_the_checker_refuses_never_reaches_the_world(things):
    task, world = things
    tried = []

    class Watched:
        def test(self, plan):
            tried.append(plan)
            return world.test(plan)

    model = Scripted(KNOCK, UNLOCK)
    result = plan_task(task, model, environment=Watched(), budgets=Budgets(restarts=0))
    assert result.success and tried == [parse_plan(UNLOCK)]
    assert result.rounds[0].feedback[0].source == CHECKER
    assert result.rounds[0].equilibrium.faults == 2  # the step and the goal
    assert "step 1 could not be done" in model.asked[2][0]
    assert plan_task(task, Scripted(KNOCK), environment=Watched()).stop is Stop.REFUSED and len(tried) == 1


SHELF = """
name: shelf
summary: a box whose lock is seen by whoever looks
types: {box: {}}
relations:
  seen: {args: {x: box}}
  open: {args: {x: box}}
  locked: {args: {x: box}, visible: "seen(?x)"}
actions:
  LOOK: {summary: looks, parameters: {x: box}, requires: [], effects: [{add: ["seen(?x)"]}]}
  OPEN: {summary: opens, parameters: {x: box}, requires: [["not locked(?x)", "{x} is locked"]],
         effects: [{add: ["open(?x)"]}]}
  UNLOCK: {summary: unlocks, parameters: {x: box}, requires: [], effects: [{delete: ["locked(?x)"]}]}
"""


@pytest.fixture
def shelf(tmp_path):
    (tmp_path / "shelf.yaml").write_text(SHELF)
    box = ObjectRef("box", 1)
    world = SymbolicWorld(load_domain(tmp_path / "shelf.yaml"), {box: "box"}, [Fact("locked", (box,))])
    return Task("open the box", parse_goals(["open(<box> (1))"], world.scene()), world.scene()), world


LOOK = "[LOOK] <box> (1)\nEND"


def test_what_was_seen_while_trying_is_known_to_checker_and_model(shelf):
    task, world = shelf
    model = Scripted(LOOK, OPEN, UNLOCK)
    result = plan_task(task, model, environment=world.tester(task.goals), budgets=Budgets(restarts=0))
    assert result.success and len(result.rounds) == 3
    assert result.rounds[0].feedback[0].seen == ("locked(<box> (1))",)
    assert result.rounds[1].feedback == (Feedback(False, 0, "<box> (1) is locked", source=CHECKER),)
    known = [
        options["grammar"].forecast.knowledge.value("locked", (ObjectRef("box", 1),)) for _, _, options in model.asked
    ]
    assert known[:2] == [None, None] and all(known[2:])


def test_predictions_and_what_may_have_changed_are_not_taken_for_known(shelf):
    task, world = shelf
    told = Feedback(False, 0, "no", seen=("locked(<box> (1))",))

    class Foretold:
        def test(self, plan):
            return told

    model = Scripted(LOOK, OPEN, UNLOCK)
    assert plan_task(task, model, world_model=Foretold(), budgets=Budgets(corrections=1)).stop is Stop.CORRECTIONS
    plan_task(task, model, environment=Foretold(), observe=world.scene, budgets=Budgets(corrections=1))
    for _, _, options in model.asked:
        assert options["grammar"].forecast.knowledge.value("locked", (ObjectRef("box", 1),)) is None
    told = Feedback(False, 0, "no", seen=("locked(<moon> (1))",))
    with pytest.raises(DomainError, match="no <moon>"):
        plan_task(task, model, environment=Foretold())


@pytest.mark.parametrize("budgets", [{"restarts": 0}, {"restarts": 3, "iterations": 1}])
def test_a_plan_that_can_be_done_is_better_than_one_that_cannot_however_many_goals_it_misses(things, budgets):
    """Both among the refinements of one draft and among restarts."""
    task, world = things
    task = dataclasses.replace(task, goals=parse_goals(["open(<box> (1))", "not open(<door> (2))"], task.scene))
    texts = iter([KNOCK, "[UNLOCK] <box> (1)\nEND", *("[UNLOCK] <box> (1)\n" * n + "END" for n in range(2, 9))])

    class Wandering(Scripted):
        def generate(self, prefix, suffix="", **options):
            return Generation(next(texts), new_tokens=3, forwards=1)

    found = plan_task(task, Wandering(), environment=world, budgets=Budgets(corrections=0, **budgets)).rounds[0]
    assert found.equilibrium.plan == parse_plan("[UNLOCK] <box> (1)\nEND")
    assert found.equilibrium.drafts[0].plan == parse_plan(KNOCK) and found.feedback[0].source == ENVIRONMENT


def test_options_reach_the_model(things):
    task, _ = things
    model = Scripted(OPEN)
    start = parse_plan(UNLOCK)
    budgets = Budgets(tokens_per_plan=77, seconds=50.0)
    result = plan_task(
        task, model, warm_start=start, constrained=False, reuse_draft=False, first_temperature=0.7, budgets=budgets,
        cancelled=lambda: False,
    )  # fmt: skip
    assert result.stop is Stop.UNTESTED
    prefix, suffix, options = model.asked[0]
    assert UNLOCK in suffix and options["draft"] is None and options["grammar"] is None
    assert options["temperature"] == 0.0 and options["max_tokens"] == 77


def test_first_drafts_are_sampled_by_the_seed_and_anew_after_a_failure(things):
    task, _ = things
    model = Scripted("what?")
    result = plan_task(task, model, first_temperature=0.7, seed=11, budgets=Budgets(restarts=0))
    assert result.stop is Stop.NO_PLAN
    assert [(o["temperature"], o["seed"]) for _, _, o in model.asked] == [(0.7, 11), (0.7, 12)]


def test_restarts_are_sampled_by_seeds_of_their_own_from_the_second_on(things):
    task, _ = things
    model = Scripted(KNOCK)  # which the checker refuses
    result = plan_task(task, model, warm_start=parse_plan(UNLOCK), seed=11, budgets=Budgets(restarts=3))
    drafts = [(o["temperature"], o["seed"]) for _, suffix, o in model.asked if suffix == write_suffix(None)]
    assert result.stop is Stop.REFUSED
    assert [temperature for temperature, _ in drafts[:3]] == [0.0, 0.7, 0.7]
    assert len({seed for _, seed in drafts}) == len(drafts)


def test_the_window_bounds_the_prompt(things):
    task, world = things
    model = Scripted(OPEN, KNOCK, OPEN)
    plan_task(task, model, environment=world, budgets=Budgets(window=1))
    assert max(prefix.count("Tried:") for prefix, _, _ in model.asked) == 1


def test_a_cancel_is_a_result(things):
    task, world = things
    polls = iter([False] * 3 + [True] * 99)
    result = plan_task(task, Scripted(OPEN), environment=world, cancelled=lambda: next(polls))
    assert result.stop is Stop.CANCELLED


def test_no_torch_is_loaded_until_a_local_model_is_asked_for():
    names = ("plan_task", "nested", "equilibrium", "openai_server", "speculative", "checker", "world", "grammar_export")
    code = f"import sys, importlib as i; [i.import_module('robot_planner.task_planning.' + n) for n in {names}]"
    code += "; print('torch' in sys.modules, 'rclpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False", "False"], done.stderr
