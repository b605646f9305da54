# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Domain files: the shipped ones load, and what does not fit is refused with its place."""

import copy

import pytest

from robot_planner.errors import UnknownNameError
from robot_planner.task_planning.condition_text import parse_condition
from robot_planner.task_planning.domain import DomainError
from robot_planner.task_planning.domain_file import domain_names, load_domain, parse_domain, read_domain

SMALL = {
    "name": "small",
    "types": {"box": {"has": ["hard"]}, "tin": {"is": "box"}},
    "relations": {
        "hard": {"args": {"x": "object"}, "fixed": True},
        "open": {"args": {"b": "box"}},
        "inside": {"args": {"x": "object", "b": "box"}, "visible": "open(?b)"},
    },
    "definitions": {"empty": {"args": {"b": "box"}, "means": "not (exists ?x object: inside(?x, ?b))"}},
    "exclusive": [["inside(?x, ?b)", "inside(?x, ?c)"], ["inside(?x, ?x)"]],
    "actions": {
        "OPEN": {
            "parameters": {"b": "box"},
            "requires": [["hard(?b) and not open(?b)", "{b} is open"]],
            "effects": [{"add": ["open(?b)"]}],
        }
    },
}


def changed(path, value):
    data = copy.deepcopy(SMALL)
    *way, last = path.split("/")
    at = data
    for key in way:
        at = at[int(key)] if isinstance(at, list) else at[key]
    at[int(last) if isinstance(at, list) else last] = value
    return data


def test_the_shipped_domains_load_by_name_and_path(tmp_path):
    assert {"household", "tabletop"} <= set(domain_names())
    assert "GRAB" in load_domain("household").actions
    path = tmp_path / "own.yaml"
    path.write_text("name: own\ntypes: {}\nrelations: {}\nactions: {WAIT: }\n")
    assert list(load_domain(path).actions) == ["WAIT"]


@pytest.mark.parametrize("value", ["2001-13-45", "!!int x", "!!timestamp x", "!!bool x", "[" * 2000, "&a [*b]", "\x00"])
def test_what_is_no_yaml_is_refused_whatever_the_reader_makes_of_it(value):
    with pytest.raises(DomainError, match="^own.yaml: cannot be read as YAML: "):
        parse_domain(f"name: {value}", "own.yaml")


def test_what_a_type_has_its_subtypes_have():
    domain = read_domain(SMALL, "small")
    assert domain.properties("tin") == ("hard",)
    assert domain.is_a("tin", "object") and not domain.is_a("box", "tin")


def test_definitions_are_written_out_without_catching_variables():
    domain = read_domain(SMALL, "small")
    written = domain.expand(parse_condition("exists ?x box: empty(?x)"))
    assert written.free() == set()
    inner = written.of.of
    assert inner.variable != written.variable
    assert {str(atom) for atom in written.atoms()} == {f"inside({inner.variable}, {written.variable})"}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("color", 1, "domain: unknown entry 'color'; allowed: name, summary"),
        ("types/tin", {"is": "crate"}, "types, tin: 'crate' is no type"),
        ("types/box", {"has": ["open"]}, "types, box: 'open' is no fixed relation of one argument"),
        ("relations/open", {"args": {"b": "crate"}}, "relations, open: 'b' has the unknown type 'crate'; there are"),
        ("relations/open", {"args": {"b": "box"}, "visible": "inside(?b, ?b)"}, "which is not always visible"),
        ("relations/hard", {"args": {"x": "object"}, "fixed": True, "visible": False}, "what is fixed is visible"),
        ("relations/Open", {}, "relations: 'Open' is no name"),
        ("definitions/empty", {"means": "closed(?b)"}, "definitions, empty: 'closed(?b)': ?b is not bound"),
        ("definitions/open", {"means": "true"}, "definitions, open: is a relation already"),
        ("exclusive/0", ["open(?x) or open(?y)", "open(?z)"], "exclusive: expected lists of one or two facts"),
        ("actions", {}, "actions: there are none"),
        ("actions/open", {}, "actions: 'open' is no name"),
        ("actions/OPEN/requires", [["shut(?b)", "no"]], "action OPEN: small has no relation 'shut'; there are"),
        ("actions/OPEN/requires", ["open(?b)"], "action OPEN: 'requires' lists pairs"),
        ("actions/OPEN/requires", [["open(?c)", "no"]], "action OPEN: 'open(?c)': ?c is not bound"),
        ("actions/OPEN/requires", [["open(<box> (1))", "no"]], "a domain speaks of variables"),
        ("actions/OPEN/requires", [["open(", "no"]], "action OPEN: 'open(', column 6"),
        ("actions/OPEN/requires", [["open(?b, ?b)", "no"]], "takes 1 things, not 2"),
        ("actions/OPEN/requires", [["exists ?c crate: open(?c)", "no"]], "small has no type 'crate'"),
        ("actions/OPEN/effects", [{"add": ["hard(?b)"]}], "lists facts of relations that are not fixed"),
        ("actions/OPEN/effects", [{"add": ["empty(?b)"]}], "lists facts of relations that are not fixed"),
        ("actions/OPEN/effects", [{"first": {}, "add": []}], "'first' takes one variable"),
        ("actions/OPEN/effects", {"add": []}, "action OPEN: 'effects' is a list"),
        ("actions/OPEN/effects", [{"add": True}], "action OPEN: 'add' is a list"),
        ("actions/OPEN/requires", 3, "action OPEN: 'requires' is a list"),
        ("exclusive", 3, "domain: 'exclusive' is a list"),
        ("types/box", {"has": 3}, "types, box: 'has' is a list"),
        ("types/tin", {"is": ["box"]}, "types, tin: '['box']' is no type"),
        ("relations/open", {"args": {"b": []}}, "relations, open: 'b' has the unknown type '[]'"),
    ],
)
def test_what_does_not_fit_is_refused_with_file_entry_and_what_is_allowed(path, value, words):
    with pytest.raises(DomainError) as refused:
        read_domain(changed(path, value), "small.yaml")
    assert str(refused.value).startswith("small.yaml: ")
    assert words in str(refused.value)


@pytest.mark.parametrize("data", [None, [], "text", {"name": "x"}])
def test_files_of_something_else_are_refused(data):
    with pytest.raises(DomainError):
        read_domain(data, "file")


def test_unreadable_files_and_unknown_names_are_refused(tmp_path):
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\x00\xff\xfe")
    for path in (binary, tmp_path / "missing.yaml"):
        with pytest.raises(DomainError):
            load_domain(path)
    for name in ("garden", "../domains/household"):
        with pytest.raises(UnknownNameError, match="household, tabletop"):
            load_domain(name)
