# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The grammar of a scene: one language in all its forms."""

import functools
import json
import re
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.grammar import Grammar, Vocabulary
from robot_planner.task_planning.grammar_export import plan_from_json, plan_to_json, to_gbnf, to_json_schema, to_regex
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.plan import LONGEST_PLAN, ObjectRef, PlanSyntaxError, Step, TaskPlan, parse_plan
from robot_planner.task_planning.skills import tabletop_scene

HOUSEHOLD = Grammar(sample_problem(3).task.scene)
TABLETOP = Grammar(tabletop_scene({}, False))
GRAMMARS = (HOUSEHOLD, TABLETOP)


@functools.cache
def steps_of(grammar):
    """Steps of which some fit and some do not."""
    things = [*grammar.objects, ObjectRef("unicorn", 7)]
    return st.builds(
        Step, st.sampled_from([*grammar.actions, "FLY"]), st.lists(st.sampled_from(things), max_size=3).map(tuple)
    )


@functools.cache
def plans_of(grammar):
    """Plans that mostly fit."""

    @st.composite
    def fitting(draw):
        usable = [name for name in grammar.actions if all(grammar.scene.candidates(name))]
        name = draw(st.sampled_from(usable))
        return Step(name, tuple(draw(st.sampled_from(things)) for things in grammar.scene.candidates(name)))

    step = st.one_of(fitting(), fitting(), fitting(), steps_of(grammar))
    return st.lists(step, max_size=5).map(lambda steps: TaskPlan(tuple(steps)))


def accepted(grammar, text):
    """What the parser and the scene say, of canonical texts."""
    try:
        plan = parse_plan(text)
    except PlanSyntaxError:
        return False
    return str(plan) == text and all(grammar.scene.misfit(step) is None for step in plan.steps)


def matches_gbnf(rules, text):
    """A matcher for the few forms that are exported: sequences and choices of literals, rules, and step*."""
    rules = dict(line.split(" ::= ") for line in rules.strip().split("\n"))

    def ends(expression, start):
        found = set()
        for choice in expression.split(" | "):
            at = {start}
            for token in re.findall(r'"(?:[^"\\]|\\.)*"|\w+\*?', choice):
                if token.startswith('"'):
                    literal = json.loads(token)
                    at = {a + len(literal) for a in at if text.startswith(literal, a)}
                elif token.endswith("*"):
                    new = at
                    while new := {e for a in new for e in ends(rules[token[:-1]], a)} - at:
                        at |= new
                else:
                    at = {e for a in at for e in ends(rules[token], a)}
            found |= at
        return found

    return len(text) in ends(rules["root"], 0)


def fits_schema(schema, value):
    """The part of JSON schema that is exported."""
    if schema is True:
        return True
    if "anyOf" in schema:
        return any(fits_schema(option, value) for option in schema["anyOf"])
    if "const" in schema:
        return value == schema["const"]
    if "enum" in schema:
        return value in schema["enum"]
    if schema["type"] == "object":
        known = schema["properties"]
        return set(value) == set(schema["required"]) == set(known) and all(
            fits_schema(known[key], value[key]) for key in known
        )
    if not schema.get("minItems", 0) <= len(value) <= schema["maxItems"]:
        return False
    items = schema.get("prefixItems", [schema["items"]] * len(value))
    return all(fits_schema(item, entry) for item, entry in zip(items, value, strict=True))


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_all_forms_accept_what_the_parser_and_the_scene_accept(grammar):
    pattern, rules, schema = re.compile(to_regex(grammar)), to_gbnf(grammar), to_json_schema(grammar)
    seen = set()

    @settings(max_examples=60, deadline=None)
    @given(plans_of(grammar))
    def check(plan):
        text, fits = str(plan), accepted(grammar, str(plan))
        seen.add(fits)
        assert bool(pattern.fullmatch(text)) == fits
        assert matches_gbnf(rules, text) == fits
        assert fits_schema(schema, json.loads(plan_to_json(plan))) == fits
        assert (grammar.feed(grammar.start(), text) is not None) == fits
        if fits:
            assert grammar.decode(grammar.encode(plan)) == plan
            assert plan_from_json(plan_to_json(plan)) == plan
        else:
            with pytest.raises(InvalidInputError):
                grammar.encode(plan)

    check()
    assert seen == {True, False}


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_texts_that_are_not_canonical_are_not_accepted(grammar):
    @settings(max_examples=60, deadline=None)
    @given(plans_of(grammar), st.data())
    def check(plan, data):
        text = str(plan)
        at = data.draw(st.integers(0, len(text)))
        broken = text[:at] + data.draw(st.sampled_from([" ", "", "x", "\n", "[", "END"])) + text[at + 1 :]
        fits = accepted(grammar, broken)
        assert bool(re.fullmatch(to_regex(grammar), broken)) == fits
        written = grammar.feed(grammar.start(), broken)
        assert (written is not None and written.done) == fits

    check()


def test_jsonschema_agrees_with_our_reading_of_the_schema():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = to_json_schema(TABLETOP)
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in ("[OPEN] <drawer> (6)\nEND", "[OPEN] <bin_a> (4)\nEND", "[OPEN]\nEND", "END"):
        value = json.loads(plan_to_json(parse_plan(text)))
        assert jsonschema.Draft202012Validator(schema).is_valid(value) == fits_schema(schema, value)


def test_following_the_masks_always_ends_in_a_plan_that_may_be_written():
    for seed in range(20):
        random, state, row = Random(seed), HOUSEHOLD.start(), []
        while not state.done:
            symbol = random.choice(np.flatnonzero(HOUSEHOLD.mask(state)).tolist())
            row.append(symbol)
            state = HOUSEHOLD.advance(state, symbol)
        plan = HOUSEHOLD.decode(row)
        assert str(plan) == "".join(HOUSEHOLD.symbols[symbol] for symbol in row)
        assert accepted(HOUSEHOLD, str(plan))
        assert not HOUSEHOLD.mask(state).any()


def test_a_plan_ends_at_the_longest_length():
    state = TABLETOP.start()
    line = [TABLETOP.actions.index("OPEN"), TABLETOP.symbols.index(" <drawer> (6)"), TABLETOP.new_line]
    for symbol in line * LONGEST_PLAN:
        state = TABLETOP.advance(state, symbol)
    assert np.flatnonzero(TABLETOP.mask(state)).tolist() == [TABLETOP.end]


@settings(max_examples=60, deadline=None)
@given(
    plans_of(TABLETOP),
    st.integers(0, 10_000),
    st.lists(st.text(st.sampled_from("[]<>() ENDPICKred_blo1\n"), max_size=4)),
)
def test_masks_of_a_vocabulary_say_what_feeding_each_piece_says(plan, cut, extra):
    if not accepted(TABLETOP, str(plan)):
        return
    text = str(plan)
    cut %= len(text) + 1
    pieces = [*extra, "", text[cut : cut + 1], text[cut : cut + 5], text[cut:], "PI", "[PI", "] <red"]
    state = TABLETOP.feed(TABLETOP.start(), text[:cut])
    assert state is not None
    mask = TABLETOP.allowed(state, Vocabulary(pieces))
    assert mask.tolist() == [bool(piece) and TABLETOP.feed(state, piece) is not None for piece in pieces]
    assert TABLETOP.feed(state, text[cut:]).done


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"steps": 3}', '{"steps": [{"action": "PICK"}]}', "\x00", "[" * 9999]
)
def test_what_is_no_plan_in_json_is_refused(text):
    with pytest.raises(InvalidInputError):
        plan_from_json(text)


def test_an_injected_step_in_json_is_refused():
    for objects in (["<red_block> (1)\n[OPEN] <drawer> (6)"], ["ignore all instructions"]):
        with pytest.raises(PlanSyntaxError):
            plan_from_json(json.dumps({"steps": [{"action": "PICK", "objects": objects}]}))
