# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Result files: flat, complete, whole or not at all, and refused before the long run if they can't be written."""

import json
import platform

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation import records
from robot_planner.evaluation.records import commit_of_code, open_results, table, write_results

LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NESTED = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


def test_file_says_where_the_figures_come_from(tmp_path):
    path = tmp_path / "deep" / "r.json"
    write_results(path, ["robot-planner", "bench", "x"], [{"task": "reach", "rate": 0.5}], seeds=[1, np.int64(2)])
    found = json.loads(path.read_text())
    assert found["schema"] == "robot_planner results 1"
    assert found["command"] == "robot-planner bench x"
    assert found["seeds"] == [1, 2]
    assert found["records"] == [{"task": "reach", "rate": 0.5}]
    assert set(found["machine"]) == {"cpu", "cores", "memory_gib", "gpu", "load_average"}
    assert {"python", "robot_planner", "numpy", "torch"} <= set(found["versions"])
    assert found["versions"]["platform"] == f"{platform.system()} {platform.machine()}"
    assert (found["commit"], found["dirty"]) == commit_of_code()
    assert list(path.parent.iterdir()) == [path]


@given(record=st.dictionaries(st.text(max_size=3), NESTED, max_size=4))
def test_any_record_becomes_strict_flat_json(tmp_path_factory, record):
    path = tmp_path_factory.mktemp("results") / "r.json"
    write_results(path, "c", [record])

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    (flat,) = json.loads(path.read_text(), parse_constant=refuse)["records"]
    assert all(value is None or isinstance(value, (str, int, float, bool)) for value in flat.values())


def test_arrays_and_nested_values_get_dotted_keys(tmp_path):
    record = {"p": np.array([1.0, np.nan]), "of": {"x": np.float32(0.5), "y": (True, None)}, "n": np.int64(3)}
    (flat,) = write_results(tmp_path / "r.json", "c", [record])["records"]
    assert flat == {"p.0": 1.0, "p.1": None, "of.x": 0.5, "of.y.0": True, "of.y.1": None, "n": 3}


def test_unwritable_file_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "r.json"):
        with pytest.raises(EnvironmentSetupError, match="can't write results to"):
            open_results(path)


def test_check_leaves_an_older_file_as_it_is(tmp_path):
    (tmp_path / "r.json").write_text("older")
    open_results(tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == "older"
    assert len(list(tmp_path.iterdir())) == 1


def test_full_disk_leaves_the_older_file(tmp_path, monkeypatch):
    (tmp_path / "r.json").write_text("older")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.Path, "write_text", full)
    with pytest.raises(EnvironmentSetupError, match="No space left"):
        write_results(tmp_path / "r.json", "c", [{}])
    assert (tmp_path / "r.json").read_text() == "older"


def test_installed_package_has_no_commit(monkeypatch):
    monkeypatch.setattr(records, "checkout", lambda: None)
    assert commit_of_code.__wrapped__() == (None, None)


def test_table_has_a_row_a_record_and_a_dash_for_what_is_missing():
    lines = table([{"a": 1, "b": 0.123456}, {"a": 20, "c": None}]).splitlines()
    assert [line.split() for line in lines] == [["a", "b", "c"], ["1", "0.1235", "-"], ["20", "-", "-"]]
