# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The package's own files agree with each other and with the code."""

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import robot_planner

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(ROOT.glob("robot_planner/**/*.py"))
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")} - {ROOT / "docs/nodes.md"})  # that one is generated
IMPORTED_BY_NODES_ALONE = {"rclpy", "robot_planner_interfaces", "lifecycle_msgs"}


def manifest(folder: str = ".") -> ElementTree.Element:
    return ElementTree.parse(ROOT / folder / "package.xml").getroot()


def imports(path: Path, whole: bool = True) -> set[str]:
    """Full names of all modules that a file imports, inside functions too; or, not of the whole, at its top alone."""
    found, tree = set(), ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if whole else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_version_is_the_same_everywhere():
    assert manifest().findtext("version") == robot_planner.__version__
    assert manifest("robot_planner_interfaces").findtext("version") == robot_planner.__version__
    assert f'version = "{robot_planner.__version__}"' in (ROOT / "robot_planner_interfaces/pyproject.toml").read_text()
    assert f"## {robot_planner.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_ros_package_that_is_imported_is_a_dependency():
    declared = {element.text for element in manifest().iter("exec_depend")}
    used = {name.partition(".")[0] for path in SOURCES for name in imports(path)}
    ros = {name for name in used if name.endswith(("_msgs", "_srvs", "_interfaces")) or name in IMPORTED_BY_NODES_ALONE}
    assert ros <= declared, "each wants a line in package.xml"
    assert {"rclpy", "python3-numpy", "python3-opencv", "python3-yaml", "launch_ros"} <= declared


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_between_the_folders_point_one_way(path):
    folder = path.relative_to(ROOT / "robot_planner").parts[0]
    tops = {name.partition(".")[0] for name in imports(path)}
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("robot_planner.")}
    if folder != "nodes":
        assert not tops & IMPORTED_BY_NODES_ALONE, "only nodes/ may import ROS"
        # what measures the running graph has to start it, but not to be imported with it
        assert "nodes" not in ours or folder == "cli.py" or path.name == "latency.py"
        assert not any(name.startswith("robot_planner.nodes") for name in imports(path, whole=False))
    if folder not in ("cli.py", "training", "evaluation", "nodes"):
        assert not ours & {"training", "evaluation"}
    if folder in ("types.py", "errors.py", "registry.py"):
        assert ours <= {"types", "errors", "registry"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_carry_the_licence(path):
    head = path.read_text(encoding="utf-8").splitlines()[:2]
    assert head == ["# Copyright 2026 The robot_planner authors.", "# SPDX-License-Identifier: Apache-2.0"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_wrapped(path):
    """At 120 columns; tables, formulas and code blocks excepted, and what has no place to break: links and code."""
    text = re.sub(r"^ *```.*?^ *```$|\$\$.*?\$\$|^<!--.*?-->$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    for line in text.splitlines():
        if len(line) > 120 and not line.startswith(("|", "    ")):
            whole = re.sub(r"`[^`]*`|\[[^]]*\]\([^)]*\)", lambda span: "_" * len(span[0]), line.lstrip(" -*"))
            assert " " not in whole[:119], line


def test_pins_are_exact_and_cover_what_setup_asks_for():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.match(r"[a-z0-9._-]+==[0-9][^ +]*( ; .+)?$", line) for line in lines)
    pinned = {line.partition("==")[0] for line in lines}
    code = "import sys, setuptools; setuptools.setup = lambda **k: print(k['install_requires'], k['extras_require']); "
    code += "import runpy; runpy.run_path('setup.py')"
    printed = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    asked = {name.lower() for name in re.findall(r"'([A-Za-z][A-Za-z0-9_-]*)(?:\[\w+\])?[^'\]]*'(?!:)", printed)}
    assert {"torch", "ros-rclpy", "mujoco"} <= asked
    assert asked <= pinned


@pytest.mark.parametrize(("words", "status"), [([], 0), (["help"], 0), (["--help"], 0), (["dance"], 2)])
def test_run_explains_itself_without_setting_anything_up(tmp_path, words, status):
    (tmp_path / "run").write_bytes((ROOT / "run").read_bytes())
    done = subprocess.run(["bash", tmp_path / "run", *words], capture_output=True, text=True)
    assert done.returncode == status
    for verb in ("demo", "test", "train", "bench", "import", "lint", "up"):
        assert verb in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
