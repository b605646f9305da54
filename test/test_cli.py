# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line: verbs are found by their files, mistakes are one line and status 2, results get written."""

import errno
import json
import subprocess
import sys
import textwrap
from types import ModuleType

import pytest

from robot_planner import cli
from robot_planner.errors import RobotPlannerError

BENCH = '''
"""``bench answer``: says what it was asked."""
import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=7)


def run(args: argparse.Namespace) -> list[dict]:
    return [{"answer": 42, "asked": args.seed}]
'''


@pytest.fixture(autouse=True)
def private_environment(monkeypatch):
    """The command line sets variables for its children; here they'd last for all tests."""
    monkeypatch.setattr(cli, "prepare_environment", lambda: None)
    monkeypatch.setattr(cli, "own_domain", lambda: 0)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A package folder that holds one bench and one module that is none; returns the bench's module."""
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "the_answer.py").write_text(BENCH)
    (tmp_path / "evaluation" / "statistics.py").write_text('"""No verb."""\n\n\ndef run() -> None: ...\n')
    monkeypatch.setattr(cli, "PACKAGE", tmp_path)
    module = ModuleType("robot_planner.evaluation.the_answer")
    exec(compile(BENCH, "the_answer.py", "exec"), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_a_new_file_is_a_new_verb(bench, capsys):
    assert cli.members("bench") == {"the-answer": "Says what it was asked."}
    assert cli.main(["bench", "--help"]) == 0
    assert "the-answer  Says what it was asked." in capsys.readouterr().out


def test_records_are_shown_and_written_with_command_and_seeds(bench, capsys, tmp_path):
    path = tmp_path / "r.json"
    assert cli.main(["bench", "the-answer", "--seed", "3", "--json", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["answer  asked", "42      3"]
    written = json.loads(path.read_text())
    assert written["command"] == f"robot-planner bench the-answer --seed 3 --json {path}"
    assert written["seeds"] == [3]
    assert written["records"] == [{"answer": 42, "asked": 3}]


def test_results_that_can_not_be_written_stop_the_run_before_it_begins(bench, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "run", lambda args: pytest.fail("the run has begun"))
    assert cli.main(["bench", "the-answer", "--json", str(tmp_path)]) == 2
    assert "can't write results to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "valid"),
    [
        (["dance"], "unknown verb 'dance'; valid: bench, demo, import, train, up"),
        (["bench", "nothing"], "unknown bench 'nothing'; valid: the-answer"),
        (["bench", "statistics"], "unknown bench 'statistics'; valid: the-answer"),
        (["import", "rosbag"], "unknown format 'rosbag'; valid: (none)"),
    ],
)
def test_unknown_names_are_answered_with_the_valid_ones(bench, capsys, words, valid):
    assert cli.main(words) == 2
    assert capsys.readouterr().err == f"robot-planner: {valid}\n"


def test_a_group_without_a_name_lists_the_names(bench, capsys):
    assert cli.main(["bench"]) == 2
    assert "the-answer" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["demo", "up"])
def test_single_verbs_return_the_status_of_their_module(monkeypatch, name):
    module = ModuleType(cli.VERBS[name])
    module.add_arguments = lambda parser: parser.add_argument("--status", type=int)
    module.run = lambda args: args.status
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert cli.main([name, "--status", "5"]) == 5


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (RobotPlannerError("the seed is -1;\n allowed: 0 and up"), 2, "the seed is -1; allowed: 0 and up"),
        (OSError(errno.ENOSPC, "No space left on device", "v.mp4"), 2, "No space left on device: v.mp4"),
        (ModuleNotFoundError(name="mujoco"), 2, "pip install 'robot_planner[simulation]', or use ./run, which"),
        (ModuleNotFoundError(name="pyarrow.lib"), 2, "pip install 'robot_planner[lerobot]'\n"),
        (ModuleNotFoundError(name="sensor_msgs.msg"), 2, "source a ROS 2 workspace"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_the_user_or_the_machine_did_is_one_line(bench, capsys, monkeypatch, error, status, line):
    def fail(args: object) -> None:
        raise error

    monkeypatch.setattr(bench, "run", fail)
    assert cli.main(["bench", "the-answer"]) == status
    printed = capsys.readouterr().err
    assert line in printed
    assert printed.count("\n") == (1 if line else 0)


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), ModuleNotFoundError(name="robot_planner.typo"), OSError(5, "x")]
)
def test_our_own_mistakes_are_not_hidden(bench, monkeypatch, error):
    def fail(args: object) -> None:
        raise error

    monkeypatch.setattr(bench, "run", fail)
    with pytest.raises(type(error)):
        cli.main(["bench", "the-answer"])


def test_wrong_option_is_status_2(bench, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["bench", "the-answer", "--seed", "many"])
    assert stopped.value.code == 2
    assert "invalid int value: 'many'" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["--help", "bench", "import", "train"])
def test_help_imports_nothing_heavy(verb):
    """What makes the help quick: neither torch nor NumPy, MuJoCo or rclpy is imported for it."""
    code = f"""
        import sys
        from robot_planner.cli import main
        main([{verb!r}])
        sys.exit(bool({{"torch", "numpy", "mujoco", "rclpy", "yaml"}} & set(sys.modules)))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.DEVNULL).returncode == 0


def test_every_shipped_name_has_a_summary():
    for verb in cli.GROUPS:
        for name, summary in cli.members(verb).items():
            assert summary, f"{verb} {name} has no docstring"


def test_formats_are_found_where_their_importers_are(capsys):
    assert cli.main(["import", "--help"]) == 0
    assert "lerobot  Makes demonstrations of a LeRobot dataset on disk" in capsys.readouterr().out
