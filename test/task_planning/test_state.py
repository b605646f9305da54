# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Effects on all facts and on those that are known: what is known stays true of every world that fits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.task_planning.condition_text import parse_fact
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import read_domain
from robot_planner.task_planning.plan import ObjectRef
from robot_planner.task_planning.state import Knowledge, State

THINGS = tuple(ObjectRef(name, number) for number, name in enumerate(("apple", "box", "shelf"), 1))
OBJECTS = dict.fromkeys(THINGS, "object")
PAIR = {"x": "object", "y": "object"}
DOMAIN = read_domain(
    {
        "name": "effects",
        "types": {},
        "relations": {
            "hidden": {"args": PAIR, "visible": False},
            "partly": {"args": PAIR, "visible": "shown(?x)"},
            "shown": {"args": {"x": "object"}},
        },
        "actions": {
            "MOVE": {
                "parameters": PAIR,
                "effects": [{"delete": ["hidden(?x, ?y)"], "add": ["partly(?x, ?y)"]}, {"add": ["shown(?y)"]}],
            },
            "SWAP": {
                "parameters": {"x": "object"},
                "effects": [
                    {"for": {"y": "object"}, "when": "hidden(?x, ?y)", "add": ["partly(?y, ?x)"]},
                    {"for": {"y": "object"}, "when": "partly(?x, ?y)", "delete": ["partly(?x, ?y)"]},
                    {"for": {"y": "object"}, "delete": ["shown(?y)"]},
                ],
            },
            "NEST": {
                "parameters": {"x": "object"},
                "effects": [
                    {
                        "for": {"y": "object"},
                        "when": "hidden(?x, ?y)",
                        "effects": [
                            {"add": ["shown(?y)"]},
                            {"for": {"z": "object"}, "when": "shown(?z)", "delete": ["partly(?y, ?z)", "shown(?z)"]},
                        ],
                    }
                ],
            },
            "FIRST": {
                "parameters": {"x": "object"},
                "effects": [{"first": {"y": "object"}, "when": "hidden(?y, ?x)", "add": ["shown(?y)"]}],
            },
        },
    },
    "effects",
)
FACTS = [Fact(name, (a, b)) for name in ("hidden", "partly") for a in THINGS for b in THINGS]
FACTS += [Fact("shown", (a,)) for a in THINGS]
THING = st.sampled_from(THINGS)
STEPS = st.one_of(
    st.tuples(st.just("MOVE"), st.tuples(THING, THING)),
    st.tuples(st.sampled_from(["SWAP", "NEST", "FIRST"]), st.tuples(THING)),
)


@settings(max_examples=300, deadline=None)
@given(st.sets(st.sampled_from(FACTS)), st.lists(STEPS, min_size=1, max_size=3), st.data())
def test_what_is_known_after_steps_is_true_of_every_world_that_fits(facts, steps, data):
    state = State(DOMAIN, OBJECTS, facts)
    shown = {fact.args[0] for fact in facts if fact.relation == "shown"}
    told = {f for f in facts if f.relation == "shown" or (f.relation == "partly" and f.args[0] in shown)}
    knowledge = Knowledge(DOMAIN, OBJECTS, told)
    for fact in data.draw(st.sets(st.sampled_from(FACTS))):
        knowledge.learn(fact, fact in facts)
    before = knowledge.copy()
    for name, objects in steps:
        state.apply(DOMAIN.actions[name], objects)
        knowledge.apply(DOMAIN.actions[name], objects)
    for fact in FACTS:
        assert knowledge.value(*fact) in (None, state.value(*fact)), fact
    for fact in FACTS:
        assert before.value(*fact) in (None, fact in facts), "a copy changes on its own"


@settings(max_examples=100, deadline=None)
@given(st.sets(st.sampled_from(FACTS)), st.lists(STEPS, min_size=1, max_size=3))
def test_who_knows_all_at_first_knows_all_after_steps(facts, steps):
    state, knowledge = State(DOMAIN, OBJECTS, facts), Knowledge(DOMAIN, OBJECTS, facts)
    for fact in FACTS:
        knowledge.learn(fact, fact in facts)
    for name, objects in steps:
        state.apply(DOMAIN.actions[name], objects)
        knowledge.apply(DOMAIN.actions[name], objects)
    assert [knowledge.value(*fact) for fact in FACTS] == [state.value(*fact) for fact in FACTS]


@pytest.mark.parametrize(
    ("facts", "added"),
    [
        (["hidden(<box> (2), <apple> (1))", "hidden(<shelf> (3), <apple> (1))"], ["shown(<box> (2))"]),
        (["hidden(<shelf> (3), <apple> (1))"], ["shown(<shelf> (3))"]),
        ([], []),
    ],
)
def test_first_is_the_first_of_the_scene(facts, added):
    state = State(DOMAIN, OBJECTS, map(parse_fact, facts))
    state.apply(DOMAIN.actions["FIRST"], THINGS[:1])
    assert set(state.facts()) == set(map(parse_fact, [*facts, *added]))
