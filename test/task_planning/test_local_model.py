# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The small model behind the protocol: with random weights it already keeps to the scene, its drafts and its caches."""

import itertools
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.language_model import DeadlineError, GenerationCancelledError, LanguageModelError
from robot_planner.task_planning.local_model import LocalModel, load_local_model, save_local_model
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan, parse_plan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene, Task, parse_goals
from robot_planner.task_planning.tokens import WordList

DOMAIN = load_domain("tabletop")
RED, GREEN, BLUE = (ObjectRef(f"{colour}_block", at) for at, colour in enumerate(("red", "green", "blue"), 1))
BIN, DRAWER = ObjectRef("bin_a", 4), ObjectRef("drawer", 5)
THINGS = {RED: "block", GREEN: "block", BLUE: "block", BIN: "bin", DRAWER: "drawer"}
SCENE = Scene(DOMAIN, THINGS, frozenset(Fact("on_table", (block,)) for block in (RED, GREEN, BLUE)))
TASK = Task("put the red block in bin a", parse_goals(["inside(<red_block> (1), <bin_a> (4))"], SCENE), SCENE)
GRAMMAR = Grammar(SCENE)
WORDS = WordList.of([*DOMAIN.actions, *DOMAIN.relations, *DOMAIN.types, "put", "the", "in"])
STEPS = st.sampled_from(
    [Step("PICK", (RED,)), Step("PICK", (BLUE,)), Step("PLACE", (GREEN, BIN)), Step("OPEN", (DRAWER,)),
     Step("STOW", (BLUE, DRAWER)), Step("CLOSE", (DRAWER,))]
)  # fmt: skip
PLANS = st.builds(TaskPlan, st.lists(STEPS, max_size=6).map(tuple))


def make(seed=0, careful=True):
    torch.manual_seed(seed)
    config = StepNetworkConfig(words=len(WORDS), kinds=16, pieces=50, things=8, places=32, width=24, layers=2, heads=2)
    network = StepNetwork(config)
    with torch.no_grad():  # random answers that depend on what was read
        network.actions.weight.mul_(8.0)
        network.thing_keys.weight.mul_(8.0)
    return LocalModel(network, WORDS, careful=careful)


def write(model, refined=None, tried=(), **options):
    prefix = write_prompt(TASK, tried)
    return model.generate(prefix, write_suffix(refined), grammar=GRAMMAR, max_tokens=12, **options)


def plan_of(generation):
    """The plan, which may have been cut short."""
    text = generation.text
    return parse_plan(text if text.endswith("END") else f"{text}\nEND")


@settings(max_examples=25)
@given(PLANS, PLANS, st.integers(0, 5), st.sampled_from([0.0, 1.0]))
def test_a_draft_changes_nothing_but_the_number_of_calls(refined, guess, seed, temperature):
    plain = write(make(seed), refined, temperature=temperature, seed=seed)
    helped = write(make(seed), refined, temperature=temperature, seed=seed, draft=str(guess))
    assert (helped.text, helped.new_tokens) == (plain.text, plain.new_tokens)
    assert helped.log_probability == pytest.approx(plain.log_probability, abs=1e-4)
    assert plain.forwards == plain.new_tokens and helped.forwards <= plain.forwards


def test_its_own_plan_as_the_draft_takes_one_call():
    for seed in range(8):
        plain = write(make(seed))
        if plain.text.endswith("END"):
            again = write(make(seed), draft=plain.text)
            assert (again.text, again.forwards, again.draft_tokens) == (plain.text, 1, plain.new_tokens)
            return
    raise AssertionError("no plan ended")


@settings(max_examples=25)
@given(PLANS, st.integers(0, 30), st.floats(0.1, 5.0))
def test_what_it_writes_may_be_written_and_is_not_known_to_be_impossible(refined, seed, temperature):
    plan = plan_of(write(make(seed), refined, temperature=temperature, seed=seed))
    assert GRAMMAR.decode(GRAMMAR.encode(plan)) == plan
    assert not check(plan, SCENE).violations


def test_it_passes_over_what_is_known_to_be_impossible_by_what_was_seen():
    knowing = GRAMMAR.after([(TaskPlan(), Feedback(False, seen=(str(Fact("open", (DRAWER,))),)))])
    told = [(write_prompt(TASK), write_suffix(), grammar) for grammar in (GRAMMAR, knowing)]
    before, after = (
        [plan_of(make(seed).generate(p, s, grammar=g, max_tokens=12)) for seed in range(40)] for p, s, g in told
    )
    refused = [bool(check(plan, SCENE, knowing.forecast.knowledge).violations) for plan in before]
    assert any(refused) and not any(check(plan, SCENE, knowing.forecast.knowledge).violations for plan in after)


def possible_after(plan, tried):
    vain = GRAMMAR.after(tried).vain
    for action in DOMAIN.actions:
        for things in itertools.product(*SCENE.candidates(action)):
            more = TaskPlan((*plan.steps, Step(action, things)))
            if check(more, SCENE).ok and more.steps not in vain:
                yield more


@settings(max_examples=25)
@given(PLANS, st.integers(0, 30))
def test_what_was_tried_in_vain_is_not_written_again(refined, seed):
    """Neither the step that failed, after the same steps, nor an end that did not meet the goals."""
    tried = []
    for _ in range(4):
        written = make(seed).generate(
            write_prompt(TASK), write_suffix(refined), grammar=GRAMMAR.after(tried), max_tokens=12
        )
        if not written.text.endswith("END"):
            return  # it was cut off
        plan = plan_of(written)
        if any(plan == other for other, _ in tried):
            assert not list(possible_after(plan, tried)), "something else could have been written"
            return
        for other, answer in tried:
            if answer.failed_step is not None:
                assert plan.steps[: answer.failed_step + 1] != other.steps[: answer.failed_step + 1]
        tried.append((plan, Feedback(False, 0 if len(tried) % 2 and plan.steps else None)))


@settings(max_examples=30, deadline=None)
@given(PLANS, st.integers(0, 60))
def test_it_never_leads_back_and_ends_where_goals_may_be_met_or_the_paper_does(refined, seed):
    grammar, paper = Grammar(SCENE, TASK.goals), 14
    written = make(seed).generate(write_prompt(TASK), write_suffix(refined), grammar=grammar, max_tokens=paper)
    plan = plan_of(written)
    assert written.text.endswith("END") and len(plan.steps) < paper
    states = [grammar.forecast.after(plan.steps[:count]).knowledge.true for count in range(len(plan.steps) + 1)]
    assert all(one != other for one, other in itertools.combinations(states, 2))
    unmet = check(plan, SCENE, goals=TASK.goals).unmet
    assert not unmet or len(plan.steps) == paper - 1 or not leading_on(plan, states)
    free = make(seed, careful=False).generate(
        write_prompt(TASK), write_suffix(refined), grammar=grammar, max_tokens=paper
    )
    assert free.new_tokens <= paper


def leading_on(plan, states):
    return [
        more for more in possible_after(plan, []) if GRAMMAR.forecast.after(more.steps).knowledge.true not in states
    ]


def test_without_care_it_writes_what_the_checker_refuses():
    plans = [plan_of(write(make(seed, careful=False))) for seed in range(8)]
    assert any(check(plan, SCENE).violations for plan in plans)


def test_what_was_read_before_is_not_read_again_and_changes_nothing():
    tried = [(TaskPlan((Step("OPEN", (DRAWER,)),)), Feedback(False, 0, "it is stuck", ("open(<drawer> (5))",)))]
    model = make()
    first, second = write(model, tried=tried), write(model, TaskPlan((Step("PICK", (RED,)),)), tried=tried)
    assert first.reused_tokens == 0 < second.reused_tokens < second.prompt_tokens
    alone = write(make(), TaskPlan((Step("PICK", (RED,)),)), tried=tried)
    assert (alone.text, alone.log_probability) == (second.text, pytest.approx(second.log_probability, abs=1e-4))
    assert write(model, tried=tried).reused_tokens == first.prompt_tokens
    assert write(model).text == write(make()).text


def test_answers_and_draft_are_looked_at():
    tried = [(TaskPlan((Step("OPEN", (DRAWER,)),)), Feedback(False, 0, "it is stuck", ("open(<drawer> (5))",)))]
    seeds = range(6)
    plain = [write(make(seed)).log_probability for seed in seeds]
    assert plain != [write(make(seed), tried=tried).log_probability for seed in seeds]
    assert plain != [write(make(seed), TaskPlan((Step("PICK", (BLUE,)),))).log_probability for seed in seeds]


def test_it_ends_when_told_to():
    with pytest.raises(GenerationCancelledError):
        write(make(), cancelled=lambda: True)
    with pytest.raises(DeadlineError):
        write(make(), deadline=time.monotonic() - 1.0)


def test_what_it_cannot_work_with_is_said():
    with pytest.raises(LanguageModelError, match="grammar"):
        make().generate(write_prompt(TASK), write_suffix())
    with pytest.raises(InvalidInputError, match="Task, Goals, Objects and Seen"):
        make().generate("hello", write_suffix(), grammar=GRAMMAR)
    other = Grammar(Scene(DOMAIN, {RED: "block"}))
    with pytest.raises(InvalidInputError, match="another scene"):
        make().generate(write_prompt(TASK), write_suffix(), grammar=other)
    crowd = Scene(DOMAIN, {ObjectRef("block", at): "block" for at in range(9)})
    with pytest.raises(InvalidInputError, match="9 things; 'local' takes 8 at most"):
        make().generate(write_prompt(Task("tidy up", (), crowd)), write_suffix(), grammar=Grammar(crowd))


def test_a_saved_model_writes_the_same(tmp_path):
    model = make(3)
    save_local_model(model.network, WORDS, tmp_path / "saved", "random weights, for tests\n")
    loaded = load_local_model(tmp_path / "saved")
    assert loaded.name == "saved" and write(loaded).text == write(model).text
    with pytest.raises(ModelError, match="of kind 'lbp'"):
        load_local_model("tidy")
