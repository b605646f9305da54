# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Model folders: what is saved comes back, what is damaged is refused in one line, nothing is lost."""

import errno
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner import checkpoints
from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.errors import EnvironmentSetupError, ModelError

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}
CONFIG = {"kind": "test", "sizes": [1, 2]}


def save(folder: Path, value: float = 0.0) -> checkpoints.Checkpoint:
    return save_checkpoint(folder, {**TENSORS, "value": torch.tensor(value)}, CONFIG, "# card")


def test_what_is_saved_comes_back(tmp_path):
    tied = torch.ones(2, 2)
    saved = save_checkpoint(
        tmp_path / "m", {**TENSORS, "x": tied, "y": tied, "t": TENSORS["a"].T}, CONFIG, "# card", {"log.csv": "a,b"}
    )
    loaded = load_checkpoint(tmp_path / "m")
    assert loaded.config == CONFIG
    assert loaded.digest == saved.digest
    assert torch.equal(loaded.tensors["t"], TENSORS["a"].T)
    assert torch.equal(loaded.tensors["x"], loaded.tensors["y"])
    assert loaded.tensors["b"].dtype == torch.int64
    assert loaded.file("log.csv").read_text() == "a,b"
    assert (tmp_path / "m" / "README.md").read_text() == "# card"


def test_digest_tells_models_apart_and_is_reproducible(tmp_path):
    first, second, again = save(tmp_path / "1", 1.0), save(tmp_path / "2", 2.0), save(tmp_path / "3", 1.0)
    assert first.digest == again.digest != second.digest
    assert save_checkpoint(tmp_path / "4", first.tensors, {**CONFIG, "kind": "other"}, "").digest != first.digest


@settings(max_examples=40)
@given(name=st.sampled_from(["weights.safetensors", "config.yaml", "README.md"]), at=st.floats(0, 1), cut=st.booleans())
def test_any_altered_or_cut_file_is_refused_by_name(tmp_path_factory, name, at, cut):
    folder = tmp_path_factory.mktemp("model") / "m"
    save(folder)
    data = (folder / name).read_bytes()
    index = round(at * (len(data) - 1))
    (folder / name).write_bytes(data[:index] if cut else data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :])
    with pytest.raises(ModelError, match=name):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["weights.safetensors", "config.yaml", "README.md", "manifest.yaml"])
def test_missing_file_is_named(tmp_path, name):
    save(tmp_path / "m")
    (tmp_path / "m" / name).unlink()
    with pytest.raises(ModelError, match=name):
        load_checkpoint(tmp_path / "m")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 99}, "version 99; .* reads version 1"),
        ({"format": "something"}, "not of format"),
        ({"files": {"../../secret": "0"}}, "no valid list"),
        ({"files": {}}, "does not list weights.safetensors"),
        ({"files": None}, "no valid list"),
    ],
)
def test_manifest_of_another_kind_is_refused(tmp_path, change, message):
    save(tmp_path / "m")
    path = tmp_path / "m" / "manifest.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **change}))
    with pytest.raises(ModelError, match=message):
        load_checkpoint(tmp_path / "m")


@pytest.mark.parametrize("content", ["", "- 1", "{", "a: !!python/object:os.system x"])
def test_unreadable_manifest_is_one_line(tmp_path, content):
    save(tmp_path / "m")
    (tmp_path / "m" / "manifest.yaml").write_text(content)
    with pytest.raises(ModelError) as caught:
        load_checkpoint(tmp_path / "m")
    assert "\n" not in str(caught.value)


def test_names_are_looked_up_and_unknown_ones_answered_with_the_list(tmp_path, monkeypatch):
    monkeypatch.setattr("robot_planner.resources.checkout", lambda: tmp_path)
    save(tmp_path / "models" / "tabletop")
    assert load_checkpoint("tabletop").folder == tmp_path / "models" / "tabletop"
    with pytest.raises(ModelError, match="unknown model 'tabeltop'; valid: .*tabletop"):
        load_checkpoint("tabeltop")
    with pytest.raises(ModelError, match="no model folder"):
        load_checkpoint(tmp_path / "nothing")


def test_config_must_be_plain_data(tmp_path):
    with pytest.raises(ModelError, match="plain data"):
        save_checkpoint(tmp_path / "m", TENSORS, {"size": torch.ones(1)}, "")
    assert not (tmp_path / "m").exists()


def test_extra_file_can_not_shadow_or_leave_the_folder(tmp_path):
    for name in ("config.yaml", "manifest.yaml", "../x", "a/b", ""):
        with pytest.raises(ModelError, match="extra file"):
            save_checkpoint(tmp_path / "m", TENSORS, CONFIG, "", {name: "x"})


def test_folder_of_something_else_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="no model folder"):
        save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_saving_again_replaces_the_model_and_keeps_other_files(tmp_path):
    save_checkpoint(tmp_path / "m", TENSORS, CONFIG, "", {"old.csv": "1"})
    (tmp_path / "m" / "notes.txt").write_text("mine")
    save(tmp_path / "m", 2.0)
    assert float(load_checkpoint(tmp_path / "m").tensors["value"]) == 2.0
    assert not (tmp_path / "m" / "old.csv").exists()
    assert (tmp_path / "m" / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_full_disk_leaves_the_former_model_and_no_litter(tmp_path, monkeypatch):
    save(tmp_path / "m", 1.0)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.os, "fsync", full)
    with pytest.raises(EnvironmentSetupError, match="No space left"):
        save(tmp_path / "m", 2.0)
    assert float(load_checkpoint(tmp_path / "m").tensors["value"]) == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("renames", [0, 1])
def test_interruption_at_either_rename_leaves_a_whole_model(tmp_path, monkeypatch, renames):
    save(tmp_path / "m", 1.0)
    done = []
    rename = Path.rename

    def interrupted(self: Path, target: Path) -> Path:
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(target)
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted)
        patch.setattr(checkpoints, "_recover", lambda target: None)  # as if killed: nothing is tidied up
        with pytest.raises(KeyboardInterrupt):
            save(tmp_path / "m", 2.0)
    assert float(load_checkpoint(tmp_path / "m").tensors["value"]) == 1.0
