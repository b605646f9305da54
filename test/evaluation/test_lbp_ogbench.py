# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0

import argparse
import importlib.util
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.cli import main
from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation import lbp_ogbench, ogbench_oracle, ogbench_scene
from robot_planner.evaluation.lbp_ogbench import PLANNER, accuracy, add_arguments, roll_out, run, success
from robot_planner.evaluation.ogbench_oracle import ARRAYS, DROP, gather, next_stage, read_frames
from robot_planner.evaluation.ogbench_scene import (
    CUBE,
    DRAWER_OPEN,
    GOAL_DIM,
    IN_DRAWER,
    LATENT_DIM,
    PLAN_DIM,
    WINDOW_OPEN,
    Look,
    OgbenchScene,
    embed_task,
    random_task,
)
from robot_planner.planning.subgoal_peers import SUBGOAL_PLANNERS

needs_ogbench = pytest.mark.skipif(
    importlib.util.find_spec("ogbench") is None,
    reason="needs the package ogbench: pip install 'robot_planner[ogbench]'",
)


def state_of(arrangement, in_drawer=False):
    """What the environment would say of a start or a goal."""
    drawer = arrangement["drawer_pos"]
    cube = IN_DRAWER - [0, drawer, 0] if in_drawer else np.array(arrangement["block_xyzs"][0])
    return {
        "privileged/block_0_pos": cube,
        "privileged/drawer_pos": np.array([drawer]),
        "privileged/drawer_handle_pos": np.array([0.33, -0.24 - drawer, 0.08]),
        "privileged/window_pos": np.array([arrangement["window_pos"]]),
        "button_states": np.array(arrangement["button_states"]),
    }


@given(st.integers(0, 10_000))
def test_stages_lead_from_any_start_to_the_goal_and_never_move_what_is_locked(seed):
    task = random_task(np.random.default_rng(seed))
    now, goal = {**task["init"], "button_states": task["init"]["button_states"].copy()}, task["goal"]
    in_drawer, done = False, []
    while (stage := next_stage(state_of(now, in_drawer), goal)) is not None:
        name, value = stage
        done.append(name)
        assert len(done) <= 8
        if name == "cube":
            in_drawer = value is DROP
            assert not in_drawer or now["drawer_pos"] < -0.12
            now["block_xyzs"] = np.array([value])
        elif name == "button":
            now["button_states"][value] = 1 - now["button_states"][value]
        else:
            assert now["button_states"][("drawer", "window").index(name)] == 1
            now[f"{name}_pos"] = value
    assert list(now["button_states"]) == list(goal["button_states"])
    assert (now["drawer_pos"], now["window_pos"]) == (goal["drawer_pos"], goal["window_pos"])
    reached = state_of(now, in_drawer)["privileged/block_0_pos"]
    assert np.linalg.norm(reached - goal["block_xyzs"][0]) <= 0.04


def test_an_embedded_task_says_what_is_asked_for_and_not_where_things_are():
    task = random_task(np.random.default_rng(4))
    start, goal = task["init"], {**task["goal"], "block_xyzs": task["init"]["block_xyzs"]}
    elsewhere = np.array([[0.41, 0.11, 0.02]])
    one = embed_task({"init": start, "goal": goal})
    assert one.shape == (GOAL_DIM,) and one.dtype == np.float32
    moved = {"init": {**start, "block_xyzs": elsewhere}, "goal": {**goal, "block_xyzs": elsewhere}}
    np.testing.assert_array_equal(embed_task(moved), one)
    changes = [
        {"block_xyzs": elsewhere}, {"block_xyzs": IN_DRAWER[None]}, {"button_states": 1 - goal["button_states"]},
        {"drawer_pos": DRAWER_OPEN - goal["drawer_pos"]}, {"window_pos": WINDOW_OPEN - goal["window_pos"]},
    ]  # fmt: skip
    for change in changes:
        assert np.abs(embed_task({"init": start, "goal": goal | change}) - one).max() > 0.1


def episode(seed, frames=12):
    """A demonstration as it could have been gathered: the tool goes along x, and is told to go 3 cm further."""
    rng = np.random.default_rng(seed)
    body = np.tile(np.float32([0.3, 0, 0.2, 0, 1, 0.085]), (frames, 1))
    body[:, 0] += 0.01 * np.arange(frames)
    commanded = np.tile(np.float32([0, 0, 0.2, 0.1, 0.02]), (frames, 1))
    commanded[:, 0] = body[:, 0] - 0.01 + 0.03
    return {
        "latents": rng.normal(size=(frames, LATENT_DIM)).astype(np.float32),
        "proprioception": body,
        "commanded": commanded,
        "expert": np.ones(frames, bool),
        "language": rng.normal(size=(1, GOAL_DIM)).astype(np.float32),
        "lengths": np.array([frames]),
        "seeds": np.array([seed]),
    }


class NoScene:
    """Stands for the environment where nothing of it is asked."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def gathered(tmp_path, monkeypatch):
    """Gathers synthetic demonstrations, of which every fourth fails; ``tried`` are the seeds."""
    tried = []

    def one(scene, seed):
        tried.append(seed)
        return None if seed % 4 == 3 else episode(seed)

    monkeypatch.setattr(ogbench_oracle, "gather_episode", one)
    monkeypatch.setattr(ogbench_oracle, "OgbenchScene", NoScene)
    return SimpleNamespace(folder=tmp_path / "data", tried=tried)


def test_gathering_keeps_what_succeeded_and_goes_on_where_it_stopped(gathered):
    paths = gather(gathered.folder, 60, 100)
    assert gathered.tried == list(range(100, 160))
    paths[1].unlink()
    assert gather(gathered.folder, 60, 100) == paths
    assert gathered.tried[60:] == list(range(150, 160))
    frames = read_frames(paths, 8)
    assert frames.data.episodes == 45 and not (frames.data.seeds % 4 == 3).any()
    assert frames.latents.shape == (540, LATENT_DIM) and frames.front.shape == (540, PLAN_DIM)


def test_a_shard_without_any_success_is_an_error_that_names_it(gathered, monkeypatch):
    monkeypatch.setattr(ogbench_oracle, "gather_episode", lambda scene, seed: None)
    with pytest.raises(InvalidInputError, match="seeds_00000000_5.npz succeeded"):
        gather(gathered.folder, 5, 0)
    assert not list(gathered.folder.glob("*.npz"))


def test_frames_hold_what_the_oracle_wanted_next_relative_to_the_tool(gathered):
    frames = read_frames(gather(gathered.folder, 3, 0), 8)
    np.testing.assert_allclose(frames.chunks[0, :, 0], 0.03 + 0.01 * np.arange(8), atol=1e-6)
    np.testing.assert_allclose(frames.chunks[0, 0, 1:], [0, 0, 0.1, 0.02], atol=1e-6)
    np.testing.assert_array_equal(frames.language[12], episode(1)["language"][0])
    assert frames.targets((0.5, 1.0))[12].tolist() == [18, 23]


@pytest.mark.parametrize("damage", ["cut", "missing"])
def test_a_broken_shard_is_named(gathered, damage):
    path = gather(gathered.folder, 3, 0)[0]
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:500])
    else:
        np.savez(path, **{key: episode(0)[key] for key in ARRAYS if key != "commanded"})
    with pytest.raises(InvalidInputError, match=path.name):
        read_frames([path], 8)


def test_accuracy_is_of_states_that_have_some_way_to_go(gathered):
    frames = read_frames(gather(gathered.folder, 3, 0), 8)
    planner = SUBGOAL_PLANNERS.make("copy", PLANNER)
    records = list(accuracy("copy", 0, planner, frames))
    rows = torch.tensor([0, 1, 2, 3])
    rows = torch.cat([rows + 12 * index for index in range(3)])
    difference = frames.front[rows] - frames.front[rows // 12 * 12 + 11]
    assert [record["fraction"] for record in records] == [0.125, 0.25, 0.5, 1.0]
    assert records[-1]["states"] == 12
    assert records[-1]["latent_error"] == pytest.approx(difference.square().mean().sqrt().item(), rel=1e-5)
    assert records[-1]["block_cm"] == pytest.approx(10 * difference[:, CUBE].norm(dim=1).mean().item(), rel=1e-5)
    backward = SUBGOAL_PLANNERS.make("backward", PLANNER)
    told = list(accuracy("told", 0, backward, frames, true_goal=True))
    assert told[-1]["latent_error"] == 0 and told[0]["latent_error"] > 0.1


class ToyScene(NoScene):
    """The tool jumps to its target; success is to be at x >= 0.5. A limit of 30 steps."""

    task = random_task(np.random.default_rng(0))

    def __init__(self):
        self.seen = []

    def goal_name(self, task):
        return f"toy{task}"

    def reset(self, task, seed):
        self.count = 0
        return self._look(np.array([0.3, 0, 0.2, 2.0, 0.0]))

    def action(self, look, target):
        return target

    def step(self, target):
        self.count += 1
        self.seen.append(target)
        return self._look(target)

    def _look(self, pose):
        body = np.array([*pose[:3], np.sin(pose[3]), np.cos(pose[3]), pose[4]], np.float32)
        return Look(np.zeros(LATENT_DIM, np.float32), body, {}, bool(pose[0] >= 0.4999), self.count >= 30)


def walker(step):
    """Chunks that go on along x by ``step`` a row, turn by 0.1, and ask for a width of 0.05."""
    rows = np.arange(1, 9, dtype=np.float32)
    chunk = np.stack([step * rows, 0 * rows, 0 * rows, 0 * rows + 0.1, 0 * rows + 0.05], axis=1)
    return SimpleNamespace(act=lambda latent, body, language: chunk)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_rows_of_a_chunk_are_targets_relative_to_the_tool_when_it_was_made(rows):
    scene = ToyScene()
    assert roll_out(scene, walker(0.02), 1, 0, rows) == [1, 10]
    np.testing.assert_allclose([target[0] for target in scene.seen], 0.3 + 0.02 * np.arange(1, 11), atol=1e-6)
    np.testing.assert_allclose(scene.seen[rows - 1][3:], [2.1, 0.05], atol=1e-6)
    assert roll_out(ToyScene(), walker(0.0), 1, 0, rows) == [0, 30]


def test_trials_are_counted_by_task_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(lbp_ogbench, "OgbenchScene", ToyScene)
    args = argparse.Namespace(trials=3, rows=2)
    records = list(success("lbp", walker(0.02), tmp_path, args))
    assert [record["task"] for record in records] == ["toy1", "toy2", "toy3", "toy4", "toy5", "all"]
    assert records[0]["success"] == 1.0 and records[0]["trials"] == 3
    assert records[-1]["trials"] == 15 and records[-1]["median_steps_of_successes"] == 10
    assert list(success("lbp", None, tmp_path, args)) == records  # nobody is asked to act again
    lost = list(success("language-only", walker(0.0), tmp_path, args))
    assert lost[-1]["success"] == 0.0 and lost[-1]["success_high"] < 0.25


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_mistakes_are_named_before_anything_runs():
    with pytest.raises(InvalidInputError, match="positive"):
        run(parsed("--trials", "0"))
    with pytest.raises(InvalidInputError, match="chunk"):
        run(parsed("--rows", "9"))
    with pytest.raises(UnknownNameError, match="valid: forward, language-only, lbp, parallel"):
        run(parsed("--arms", "psychic"))


def test_without_the_package_the_command_is_one_line(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        ogbench_scene.importlib.util, "find_spec", lambda name, *a: None if name == "ogbench" else find(name, *a)
    )
    assert main(["bench", "lbp-ogbench"]) == 2
    error = capsys.readouterr().err
    assert "pip install 'robot_planner[ogbench]'" in error and error.count("\n") == 1


@pytest.fixture(scope="module")
def scene():
    with OgbenchScene() as scene:
        yield scene


@needs_ogbench
def test_targets_and_actions_of_the_real_environment_are_each_others_inverse(scene):
    look = scene.reset(1, 1_600_000)
    assert look.latent.shape == (LATENT_DIM,) and not look.success
    np.testing.assert_allclose(
        10 * look.latent[CUBE], 100 * (look.state["privileged/block_0_pos"] - [0.425, 0, 0]), atol=1e-4
    )
    action = np.array([0.5, -0.2, -1.0, 0.7, 0.4])
    target = scene.target(look, action)
    np.testing.assert_allclose(scene.action(look, target), action, atol=1e-9)
    np.testing.assert_allclose(scene.action(look, target + [0, 0, 0, 2 * np.pi, 0]), action, atol=1e-9)
    down = [scene.step(np.array([0, 0, -1.0, 0, 1.0])) for _ in range(4)][-1]
    assert down.body[2] < look.body[2] - 0.02 and down.body[5] < look.body[5] - 0.02


@needs_ogbench
def test_the_real_oracles_solve_a_random_task_the_same_way_each_time(scene, tmp_path, monkeypatch):
    monkeypatch.setattr(ogbench_oracle, "OgbenchScene", lambda: scene)
    monkeypatch.setattr(scene.environment, "close", lambda: None)
    path = gather(tmp_path, 2, 1_600_000)[0]
    again = [each for each in (ogbench_oracle.gather_episode(scene, seed) for seed in (1_600_000, 1_600_001)) if each]
    with np.load(path) as file:
        for key in ("latents", "commanded", "expert", "seeds"):
            np.testing.assert_array_equal(file[key], np.concatenate([each[key] for each in again]))
    assert np.isfinite(read_frames([path], 8).chunks).all()
