# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Resources are found in a checkout and in an installation, and what is missing is said with the places searched."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from robot_planner import resources
from robot_planner.errors import EnvironmentSetupError, ModelError

ROOT = Path(__file__).resolve().parent.parent


def test_checkout_comes_first():
    assert resources.checkout() == ROOT
    assert resources.resource("config", "fastdds.xml") == ROOT / "config" / "fastdds.xml"


def test_missing_resource_names_the_places():
    with pytest.raises(EnvironmentSetupError, match=r"'config/nothing.yaml'.*searched: .*robot_planner"):
        resources.resource("config", "nothing.yaml")


def test_unknown_model_lists_the_models():
    with pytest.raises(ModelError, match="unknown model 'nothing'; valid: "):
        resources.model_folder("nothing")


@pytest.mark.parametrize("site", ["lib/python3.11/site-packages", "local/lib/python3.12/dist-packages"])
def test_an_installed_package_finds_its_share_folder(tmp_path, site):
    """As pip and colcon lay it out: no checkout, data under share/robot_planner of the prefix."""
    package = tmp_path / site / "robot_planner"
    package.mkdir(parents=True)
    for name in ("__init__.py", "errors.py", "resources.py"):
        (package / name).write_bytes((ROOT / "robot_planner" / name).read_bytes())
    share = tmp_path / "share" / "robot_planner"
    (share / "models" / "m").mkdir(parents=True)
    (share / "models" / "m" / "manifest.yaml").write_text("")
    code = "from robot_planner import resources as r; print(r.checkout(), r.resource('models'), r.model_names())"
    call = [sys.executable, "-c", code]
    environment = {"PYTHONPATH": str(package.parent), "PATH": ""}
    output = subprocess.run(call, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert output.split(maxsplit=2) == ["None", str(share / "models"), "['m']\n"]


def test_ament_prefix_path_is_searched_too(tmp_path, monkeypatch):
    share = tmp_path / "share" / "robot_planner" / "elsewhere"
    share.mkdir(parents=True)
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    assert resources.resource("elsewhere") == share


def test_shipped_models_and_manifests_agree():
    for name in resources.model_names():
        manifest = yaml.safe_load((resources.model_folder(name) / resources.MANIFEST).read_text())
        assert {"weights.safetensors", "config.yaml", "README.md"} <= set(manifest["files"])
