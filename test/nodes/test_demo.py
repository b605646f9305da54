# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo as its user meets it: a process that starts the real graph, over a model of random weights."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from graph import wait_for
from lbp_fakes import save_fake

from robot_planner import cli
from robot_planner.evaluation import video
from robot_planner.nodes.shared_memory import FOLDER, families_of
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.world import build_networks, save_world

pytestmark = pytest.mark.graph
START = 120.0
"""Seconds in which a graph is up, on a machine that does much else."""
CODE = """
import sys
from robot_planner.nodes import demo_options
demo_options.TIME_LIMITS.update(reach={limit}, push={limit})
demo_options.GOAL_TIME_LIMIT = {limit}
from robot_planner.cli import main
sys.exit(main(["demo", *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Random weights that see changes large enough not to take every goal for reached."""
    networks = build_networks({}, seed=1)
    networks.encoder.head[3].weight.data *= 30.0
    folder = tmp_path_factory.mktemp("models") / "random"
    save_world(networks, {}, folder, "random weights, for tests")
    return folder


class Demo:
    """A demo in a process of its own; its lines as they come, and what it and its nodes hold of the machine."""

    def __init__(self, *words, limit=3.0, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE.format(limit=limit), *map(str, words)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, **environment},
        )  # fmt: skip
        self.lines, self.processes, self.families = [], {self.process.pid}, set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            self.look()

    def look(self):
        """Takes note of child processes and shared memory."""
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, IndexError):
                if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    self.processes.add(int(folder.name))
        for process in self.processes:
            self.families |= families_of(process)

    def wait_for(self, words, timeout=START):
        wait_for(lambda: any(words in line for line in self.lines) or self.process.poll() is not None, words, timeout)
        assert any(words in line for line in self.lines), self.lines

    def node(self, name):
        """Process number of a node."""
        self.look()
        for process in self.processes:
            with contextlib.suppress(OSError):
                if f"robot_planner.nodes.{name}\0" in Path(f"/proc/{process}/cmdline").read_text():
                    return process
        raise AssertionError(f"no node {name}")

    def end(self, timeout=START):
        status = self.process.wait(timeout)
        self._reader.join(10.0)
        return status

    def assert_no_trace(self):
        """No process is left, nor a file in shared memory that nobody uses."""
        assert len(self.processes) >= 5 and self.families  # and, for a moment, an encoder or git
        for process in self.processes:
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)
        # a port is any graph's: for an instant it may be there already, and not yet in its new owner's maps
        wait_for(lambda: not self._unused(), "a file in shared memory to be removed, or used by another graph", 5.0)

    def _unused(self):
        left = {family for family in self.families if (FOLDER / family).exists()}
        for folder in Path("/proc").iterdir():
            if left and folder.name.isdecimal():
                left -= families_of(int(folder.name))
        return left


def goal_shown(film, index):
    """The goal image (256, 256, 3) in a picture of the film."""
    film.set(cv2.CAP_PROP_POS_FRAMES, index)
    page = film.read()[1][:, :, ::-1]
    goal = page[video.TOP : video.TOP + video.SIDE, video.RIGHT : video.RIGHT + video.SIDE]
    return cv2.resize(goal, (256, 256), interpolation=cv2.INTER_AREA).astype(float)


def test_an_episode_leaves_verdict_report_figures_and_film(model, tmp_path):
    out, results = tmp_path / "out", tmp_path / "results.json"
    with Demo(
        "--model", model, "--planner", "cem", "--task", "push", "--seeds", 2, "--out", out, "--json", results
    ) as demo:
        status = demo.end()
    assert status == 1, demo.lines  # a random model pushes nothing to its place
    demo.assert_no_trace()
    assert (out / "report.json").exists(), demo.lines
    written = json.loads((out / "report.json").read_text())
    assert json.loads(results.read_text())["records"] == written["records"]
    assert written["schema"] == "robot_planner results 1" and written["seeds"] == [1_000_000, 1_000_001]
    assert written["command"].startswith("robot-planner demo --task push --planner cem --model")
    film = cv2.VideoCapture(str(out / "demo.mp4"))
    count = int(film.get(cv2.CAP_PROP_FRAME_COUNT))
    assert count > 25 * 3.0
    goals = [goal_shown(film, index) for index in (0, count - 1)]
    with Tabletop(256) as table:  # the verdict is that of the environment, on the episode of that seed
        for record in written["records"]:
            table.reset("push", record["seed"])
            first, last = (np.abs(shown - table.goal_image().astype(float)).mean() for shown in goals)
            assert (first < 0.5 * last) == (record["seed"] == 1_000_000) and min(first, last) < 5.0
            assert record["success"] is False and record["distance_m"] > 0.025
            assert set(table.evaluate().detail) == {
                key.removeprefix("verdict.").removesuffix("_m") for key in record if key.startswith("verdict.")
            }
            assert max(value for key, value in record.items() if key.startswith("verdict.")) == record["distance_m"]
            assert record["planner"] == "cem"
    # on a busy machine the nodes may need the first episode to find each other
    pursued = [record for record in written["records"] if record["image_age_ms_median"] is not None]
    assert pursued
    for record in pursued:
        assert record["error"] == "TIMEOUT" and record["duration_s"] == pytest.approx(3.0, abs=0.5)
        assert record["plans"] > 3 and record["image_age_ms_median"] > 5.0 and record["model_distance"] > 0.02
    for name in ("distance.png", "image_age.png", "cost.png"):
        assert cv2.imread(str(out / name)) is not None
    assert any("0 of 2 succeeded" in line for line in demo.lines)
    assert demo.lines[-1] == f"{out}: cost.png, demo.mp4, distance.png, image_age.png, nodes.log, report.json"


def test_a_goal_in_words_is_pursued_by_subgoals_and_shown(tmp_path):
    model, out = save_fake(tmp_path / "fake"), tmp_path / "out"
    with Demo("--goal", "please open the drawer", "--model", model, "--seeds", 1, "--out", out) as demo:
        assert demo.end() == 1, demo.lines  # random weights open no drawer
    demo.assert_no_trace()
    written = json.loads((out / "report.json").read_text())
    assert written["command"].startswith("robot-planner demo --goal 'please open the drawer' --planner lbp --model")
    (record,) = written["records"]
    assert (record["task"], record["goal"]) == ("tidy/drawer=open", "please open the drawer")
    assert (record["planner"], record["error"], record["success"]) == ("lbp", "TIMEOUT", False)
    assert record["distance_m"] == record["verdict.drawer_open_m"] == pytest.approx(0.09, abs=1e-3)
    assert record["plans"] > 3 and record["plans_per_second"] > 1.0 and record["image_age_ms_median"] > 5.0
    assert cv2.VideoCapture(str(out / "demo.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) > 25 * 3.0
    assert demo.lines[-1] == f"{out}: demo.mp4, distance.png, image_age.png, nodes.log, report.json"


def test_ctrl_c_stops_the_arm_and_leaves_no_trace(model, tmp_path):
    with Demo("--model", model, "--planner", "cem", "--seeds", 2, "--out", tmp_path, "--no-video", limit=100.0) as demo:
        demo.wait_for("plans/s, image age ")
        demo.look()
        demo.process.send_signal(signal.SIGINT)
        assert demo.end() == 130, demo.lines
    demo.assert_no_trace()
    said = (tmp_path / "nodes.log").read_text()
    assert said.index("holding: empty_plan") < said.index(
        "ending: SIGINT"
    )  # by the goal's cancel, before any node ends
    assert any(line.startswith("interrupted: the arm stands still") for line in demo.lines)
    # on a busy machine the first episode may have ended before: then it is reported, the interrupted one never
    ended = [line for line in demo.lines if "/2, seed " in line and "success: " in line]
    assert len(ended) < 2
    report = ["report.json"] if ended else []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nodes.log", *report], demo.lines
    assert not any("Traceback" in line for line in demo.lines)


def test_a_node_that_dies_is_named(model, tmp_path):
    with Demo("--model", model, "--planner", "cem", "--seeds", 1, "--out", tmp_path, "--no-video", limit=100.0) as demo:
        demo.wait_for("plans/s, image age ")
        os.kill(demo.node("planner"), signal.SIGKILL)
        assert demo.end() == 1, demo.lines
    demo.assert_no_trace()
    assert sum("node 'planner' was killed by SIGKILL" in line for line in demo.lines) == 1
    assert not any("Traceback" in line for line in demo.lines)


def test_a_model_that_was_altered_is_one_line(model, tmp_path):
    altered = tmp_path / "altered"
    altered.mkdir()
    for path in model.iterdir():
        (altered / path.name).write_bytes(path.read_bytes() + (b"x" if path.name == "weights.safetensors" else b""))
    with Demo("--model", altered, "--planner", "cem", "--out", tmp_path / "out") as demo:
        assert demo.end() == 1
    (line,) = [line for line in demo.lines if line.startswith("node ")]
    assert "weights.safetensors is not what its manifest.yaml says" in line
    assert not any("Traceback" in line for line in demo.lines)


def test_without_egl_it_says_what_to_install(model, tmp_path):
    with Demo("--model", model, "--planner", "cem", "--out", tmp_path, __EGL_VENDOR_LIBRARY_FILENAMES="/none") as demo:
        assert demo.end() == 1
    (line,) = [line for line in demo.lines if line.startswith("node ")]
    assert "apt-get install -y libegl1" in line
    assert not any("Traceback" in line for line in demo.lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--goal", "put the yellow block in bin A"], "no block is yellow"),
        (["--goal", ""], "instruction is empty"),
        (["--goal", "open the drawer", "--planner", "grasp"], "unknown planner 'grasp'; valid: lbp"),
        (["--goal", "open the drawer", "--model", "tabletop"], "is of kind 'world'; allowed here: 'lbp'"),
        (["--goal", "open the drawer", "--task", "push"], "give one of the two"),
    ],
)
def test_a_goal_that_is_not_understood_is_one_line_before_anything_starts(
    words, said, tmp_path, tmp_path_factory, monkeypatch, capsys
):
    model = save_fake(tmp_path_factory.mktemp("models") / "fake")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("robot_planner.nodes.graph.Graph.__enter__", lambda graph: pytest.fail("something started"))
    assert cli.main(["demo", "--model", str(model), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("robot-planner: ") and said in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "fly"], "unknown task 'fly'; valid: around, push, reach"),
        (["--planner", "x"], "unknown planner 'x'; valid: cem, gradient, grasp"),
        (["--model", "x"], "unknown model 'x'; valid: "),
        (["--model", "/nowhere/x"], "there is no model folder /nowhere/x"),
        (["--model", "{here}"], "{here} is no model folder"),
        (["--seed", "-1"], "--seed is '-1'; allowed: a whole number from 0"),
        (["--seeds", "0"], "--seeds is '0'; allowed: a whole number from 1 to 1000000"),
        (["--seeds", "many"], "--seeds is 'many'; allowed"),
        (["--seed", "1", "--seeds", "2"], "give one of the two"),
        (["--headless", "--viewer"], "exclude each other"),
        (["--viewer"], "--viewer needs a display"),
        (["--out", "{file}"], "is a file; name a folder"),
        (["--out", "{file}/x"], "can't write results to {file}/x/report.json"),
        (["--json", "{file}/x.json"], "can't write results to {file}/x.json"),
    ],
)
def test_what_is_wrong_is_one_line_before_anything_starts(words, said, model, tmp_path, monkeypatch, capsys):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("robot_planner.nodes.graph.Graph.__enter__", lambda graph: pytest.fail("something started"))
    (tmp_path / "file").touch()
    fields = {"here": tmp_path, "file": tmp_path / "file"}
    words = [word.format(**fields) for word in words]
    assert cli.main(["demo", "--model", str(model), *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("robot-planner: ") and said.format(**fields) in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
