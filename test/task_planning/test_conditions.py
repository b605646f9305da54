# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Conditions: text and meaning, and what they say where not everything is known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.task_planning.condition_text import ConditionSyntaxError, parse_condition, parse_fact
from robot_planner.task_planning.conditions import And, AtLeast, Atom, Fact, ForAll, Not, Or, Same, Variable
from robot_planner.task_planning.domain_file import read_domain
from robot_planner.task_planning.plan import ObjectRef
from robot_planner.task_planning.state import Knowledge, State

THINGS = tuple(ObjectRef(name, number) for number, name in enumerate(("apple", "box", "shelf"), 1))
OBJECTS = dict.fromkeys(THINGS, "object")
DOMAIN = read_domain(
    {
        "name": "test",
        "types": {},
        "relations": {
            "hidden": {"args": {"x": "object", "y": "object"}, "visible": False},
            "shown": {"args": {"x": "object"}},
        },
        "actions": {"WAIT": {}},
    },
    "test",
)
FACTS = [Fact("hidden", (a, b)) for a in THINGS for b in THINGS] + [Fact("shown", (a,)) for a in THINGS]
VARIABLES = tuple(map(Variable, ("x", "y")))


def conditions(terms):
    term = st.sampled_from(terms)
    return st.recursive(
        st.one_of(
            st.builds(lambda a, b: Atom("hidden", (a, b)), term, term),
            st.builds(lambda a: Atom("shown", (a,)), term),
            st.builds(Same, term, term),
            st.sampled_from([And(()), Or(())]),
        ),
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
            st.builds(AtLeast, st.integers(1, 3), st.sampled_from(VARIABLES), st.just("object"), inner),
            st.builds(ForAll, st.sampled_from(VARIABLES), st.just("object"), inner),
        ),
        max_leaves=6,
    )


@given(conditions((*THINGS, *VARIABLES)))
def test_what_is_printed_is_read_back(condition):
    assert parse_condition(str(condition)) == condition


def by_definition(condition, facts, binding):
    """Two-valued, without any short cut."""
    if isinstance(condition, Atom):
        return Fact(condition.relation, tuple(binding.get(a, a) for a in condition.args)) in facts
    if isinstance(condition, Same):
        return binding.get(condition.left, condition.left) == binding.get(condition.right, condition.right)
    if isinstance(condition, Not):
        return not by_definition(condition.of, facts, binding)
    if isinstance(condition, And | Or):
        return (all if isinstance(condition, And) else any)(by_definition(c, facts, binding) for c in condition.of)
    values = [by_definition(condition.of, facts, {**binding, condition.variable: thing}) for thing in THINGS]
    return all(values) if isinstance(condition, ForAll) else sum(values) >= condition.number


@settings(max_examples=200, deadline=None)
@given(conditions((*THINGS, *VARIABLES)), st.sets(st.sampled_from(FACTS)), st.data())
def test_what_is_said_of_part_of_the_facts_holds_for_all_ways_to_complete_them(condition, facts, data):
    binding = dict(zip(VARIABLES, THINGS, strict=False))
    assert condition.evaluate(State(DOMAIN, OBJECTS, facts), binding) == by_definition(condition, facts, binding)
    told = {fact for fact in facts if fact.relation == "shown"}
    knowledge = Knowledge(DOMAIN, OBJECTS, told)
    for fact in data.draw(st.sets(st.sampled_from([f for f in FACTS if f.relation == "hidden"]))):
        knowledge.learn(fact, fact in facts)
    value = condition.evaluate(knowledge, binding)
    assert value is None or value == by_definition(condition, facts, binding)


@given(conditions(THINGS))
def test_binding_all_variables_leaves_none_free(condition):
    assert not condition.bind(dict(zip(VARIABLES, THINGS, strict=False))).free()


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "expected a condition"),
        ("open(<fridge> (2)", 18, "expected ',' or ')'"),
        ("open(fridge)", 6, "expected a thing"),
        ("open(?x) open(?y)", 10, "expected 'and', 'or' or the end"),
        ("and open(?x)", 1, "joins two conditions"),
        ("open(<Ignore all> (2))", 6, "has no place here"),
        ("exists x food: open(?x)", 8, "expected a variable"),
        ("atleast 0 ?x food: open(?x)", 1, "counts from 1"),
        ("(" * 100 + "open(?x)" + ")" * 100, 62, "nested more than"),
        ("not " * 100 + "open(?x)", 241, "nested more than"),
        ("open(?x) and " * 5000, 20001, "longer than"),
        ("\x00\xff", 1, "has no place here"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text, column, words):
    with pytest.raises(ConditionSyntaxError) as refused:
        parse_condition(text)
    assert refused.value.column == column
    assert words in str(refused.value)
    assert len(str(refused.value)) < 300


def test_a_fact_is_one_atom_without_variables():
    assert parse_fact("inside(<apple> (3), <fridge> (2))") == Fact(
        "inside", (ObjectRef("apple", 3), ObjectRef("fridge", 2))
    )
    for text in ("inside(?x, <fridge> (2))", "not open(<fridge> (2))"):
        with pytest.raises(ConditionSyntaxError):
            parse_fact(text)


@pytest.mark.parametrize("row", [Fact("shown", THINGS[:1]), Fact("hidden", (THINGS[0], THINGS[1]))])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("exists ?x object: shown(?x) or hidden(?x, <box> (2))", True),
        ("exists ?x object: hidden(?x, <box> (2)) or shown(?x)", True),
        ("exists ?x object: (shown(?x) or hidden(?x, <box> (2))) and ?x = <apple> (1)", True),
        ("exists ?x object: (shown(?x) or hidden(?x, <box> (2))) and ?x = <box> (2)", False),
        ("forall ?x object: not shown(?x) and not hidden(?x, <box> (2))", False),
        ("exists ?x object: exists ?y object: hidden(?x, ?y) or shown(?x)", True),
    ],
)
def test_quantifiers_look_at_every_alternative(row, text, value):
    assert parse_condition(text).evaluate(State(DOMAIN, OBJECTS, [row]), {}) is value
