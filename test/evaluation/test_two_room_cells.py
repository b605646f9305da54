# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The bench in the two rooms: the environment judges, a model that leaks is seen to, settings are searched fairly."""

import argparse
import shlex
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from robot_planner.errors import EnvironmentSetupError, InvalidInputError, UnknownNameError
from robot_planner.evaluation import planners, planning_cells, two_room_cells
from robot_planner.evaluation.planner_settings import (
    CLOSED,
    HESITATION,
    KEEP_RESTARTS,
    OBJECTIVE,
    SPACES,
    drawn,
    found_settings,
    search,
    searched,
    write_settings,
)
from robot_planner.evaluation.planning_runs import LOOPS, PATIENCE, closed_loop, open_loop, outcome_fields
from robot_planner.evaluation.two_room_cells import ROOMS, TOLERANCE, RoomTrial
from robot_planner.planning import objective, recorded
from robot_planner.planning.anytime import AnytimePlanner
from robot_planner.planning.catalogue import planner_configs
from robot_planner.point_world import REACH, ROOM_WORLD, build_dynamics, point_world, save_point_world
from robot_planner.simulation.tasks import HELD_OUT_SEEDS, TUNING_SEEDS
from robot_planner.simulation.two_room import SPEED, RoomProblem, sample_problem
from robot_planner.types import Plan, StopReason

ACROSS = RoomProblem(np.array([60.0, 150.0]), np.array([160.0, 150.0]), 0)
NEAR = RoomProblem(np.array([30.0, 150.0]), np.array([60.0, 170.0]), 0)


class Leaky(torch.nn.Module):
    """A world without a wall."""

    def __init__(self):
        super().__init__()
        self.latent_dim, self.action_dim, self.step_seconds = 2, 2, 0.1
        self.action_low, self.action_high = -torch.ones(2), torch.ones(2)

    def step(self, latents, actions):
        return latents + actions * (SPEED / REACH)

    def step_with_uncertainty(self, latents, actions):
        return self.step(latents, actions), torch.zeros(len(latents))


LEAKY = point_world("leaky", Leaky())


def leaky_planner(horizon=30, **changes):
    return ROOMS.planner("gradient", LEAKY, horizon, {"restarts": 1, **changes})


def options(*words):
    parser = argparse.ArgumentParser()
    planners.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rooms") / "random"
    save_point_world(build_dynamics(8, 2, 1), folder, "# card")
    return folder


def test_what_a_leak_gains_shows_as_a_difference():
    planner = leaky_planner()
    through, near = (open_loop(planner, RoomTrial(LEAKY, problem), 5.0) for problem in (ACROSS, NEAR))
    assert through.believed and not through.success and through.distance > 50.0
    assert near.believed and near.success and near.distance < TOLERANCE + 1.0
    fields = outcome_fields([through, near], "px")
    assert (fields["environment_success"], fields["model_success"], fields["difference"]) == (0.5, 1.0, 0.5)
    assert fields["believed_but_failed"] == 1
    assert fields["environment_success_low"] < 0.5 < fields["environment_success_high"]
    assert fields["seconds_median"] == np.median([through.seconds, near.seconds])
    assert fields["seconds_median_of_successes"] == near.seconds


def test_closed_loop_ends_at_the_goal_or_when_time_is_up():
    planner = leaky_planner()
    near, through = (closed_loop(planner, RoomTrial(LEAKY, problem), 1.0, 30, 5) for problem in (NEAR, ACROSS))
    assert near.success and near.distance <= TOLERANCE and near.steps < 40
    assert not through.success and through.believed and through.steps == PATIENCE * 30
    assert len(through.plan_seconds) == through.steps / 5 == len(through.iterations)


def test_a_hesitant_planner_stays_where_it_is_while_it_knows_no_way():
    problem = sample_problem(3, 80)
    walked = {}
    for hesitation in (0.0, 0.5):
        planner = ROOMS.planner("cem", LEAKY, 10, {HESITATION: hesitation, "samples": 64})
        trial, places = RoomTrial(LEAKY, problem), []
        trial.carry_out = lambda action, trial=trial, places=places: (
            RoomTrial.carry_out(trial, action) or places.append(trial.position)
        )
        closed_loop(planner, trial, 0.02, 10, 1)
        walked[hesitation] = np.linalg.norm(np.stack(places) - problem.start, axis=1)
    assert not walked[0.5][:5].any() and walked[0.5][5] > 0.0 and walked[0.0][0] > 0.0


class Scripted:
    """Hands out a plan and remembers what it was asked."""

    name = "scripted"

    def __init__(self, states=()):
        self.asked, self.resets, self.states = [], 0, states

    def plan(self, problem, deadline=None):
        self.asked.append((problem, deadline))
        states = self.states[len(self.asked) - 1] if self.states else np.zeros((11, 2))
        return Plan(np.full((10, 2), 0.1), states, 1.0, 3, 0.25, StopReason.DEADLINE)

    def reset(self):
        self.resets += 1


def test_the_model_is_asked_whether_the_last_plan_comes_by_the_goal():
    leading, straying = np.full((2, 11, 2), NEAR.start / REACH, np.float32)
    leading[4] = RoomTrial(LEAKY, NEAR).problem(0).goal
    for last in (leading, straying):
        planner = Scripted([leading, straying, straying, leading, last])
        outcome = closed_loop(planner, RoomTrial(LEAKY, NEAR), None, 10, 4)
        assert len(planner.asked) == 5 and outcome.believed == (last is leading) and not outcome.success
    assert not open_loop(Scripted([leading]), RoomTrial(LEAKY, NEAR), None).believed  # there it is the end that counts


def test_closed_loop_asks_with_the_present_state_and_its_time():
    planner = Scripted()
    outcome = closed_loop(planner, RoomTrial(LEAKY, NEAR), None, 10, 4)
    stamps = [problem.stamp for problem, _ in planner.asked]
    assert stamps == [int(i * 0.4e9) for i in range(5)] and planner.resets == 1
    starts = REACH * np.stack([problem.start for problem, _ in planner.asked])
    np.testing.assert_allclose(np.diff(starts, axis=0), 4 * 0.1 * SPEED, atol=1e-4)
    assert outcome.seconds == pytest.approx(5 * 0.25) and outcome.iterations == (3,) * 5


@pytest.mark.parametrize("name", SPACES)
def test_what_is_searched_is_there_and_admissible(name):
    from robot_planner.evaluation import outside_mppi, outside_swm, outside_torchrl

    assert outside_mppi.PACKAGE and outside_swm.PACKAGE and outside_torchrl.PACKAGE  # they register their planners
    config = planner_configs()[name]
    assert drawn(name, 0, 0) == {}
    tries = [drawn(name, trial, 0) for trial in range(1, 30)]
    for settings in tries:
        config.from_mapping(settings)
    assert tries == [drawn(name, trial, 0) for trial in range(1, 30)]
    for key in SPACES[name]:
        assert len({settings[key] for settings in tries}) > 1
    assert {key for settings in tries for key in settings} == searched(name)


@pytest.mark.parametrize("name", SPACES)
def test_tries_for_the_closed_loop_are_about_what_was_found_for_the_open_one(name):
    found = drawn(name, 7, 1)
    tries = [drawn(name, trial, 0, found) for trial in range(40)]
    kept = KEEP_RESTARTS if "restarts" in SPACES[name] else {}
    assert tries[0] == {**found, **kept} and all(settings.items() >= kept.items() for settings in tries)
    for key, values in CLOSED.items():
        assert {settings[key] for settings in tries[1:]} == set(values)
    others = set(found) - set(OBJECTIVE)
    for key in others:
        assert 20 <= sum(settings[key] == found[key] for settings in tries) <= 40
    assert any(settings[key] != found[key] for settings in tries for key in others)
    for settings in tries:
        planner_configs()[name].from_mapping({key: value for key, value in settings.items() if key != HESITATION})


def test_a_search_takes_the_best_of_its_tries():
    tried = []

    def score(settings, final):
        assert not final
        tried.append(settings)
        return (float(settings.get("samples", 0)), 0.0)

    best, top, scores = search("cem", 12, 0, score)
    assert len(tried) == len(scores) == 12 and tried[0] == {}
    assert best["samples"] == 300 and top == max(scores) == (300.0, 0.0)
    with pytest.raises(InvalidInputError, match="cem, gradient"):
        drawn("best", 1, 0)


def test_the_best_tries_are_tried_again_and_that_decides():
    finals = []

    def score(settings, final):
        if final:
            finals.append(settings)
        value = float(settings.get("samples", 0))
        return (-value if final else value, 0.0)

    tries = [drawn("cem", trial, 0) for trial in range(12)]
    counts = sorted((settings.get("samples", 0) for settings in tries), reverse=True)
    finalists = counts.index(64) + 1  # the luckiest of the least
    best, top, scores = search("cem", 12, 0, score, None, finalists)
    assert [settings["samples"] for settings in finals] == counts[:finalists]
    assert best["samples"] == 64 and top == (-64.0, 0.0) and max(scores) == (300.0, 0.0)


def test_settings_are_written_and_read_and_others_kept(tmp_path):
    path = tmp_path / "found.yaml"
    write_settings(path, {"cem": {"samples": 64}, "mppi": {}}, "by\n  a command")
    write_settings(path, {"cem": {"samples": 128}}, "again")
    assert found_settings(path) == {"cem": {"samples": 128}, "mppi": {}}
    assert path.read_text().startswith("# again\n")
    path.write_text("- 1")
    with pytest.raises(InvalidInputError, match="mapping"):
        found_settings(path)
    with pytest.raises(EnvironmentSetupError, match="can't read"):
        found_settings(tmp_path / "none.yaml")


def test_shipped_settings_are_of_planners_and_admissible():
    for name, settings in found_settings().items():
        assert set(settings) <= searched(name)
        planner_configs()[name].from_mapping(settings)


class Eyes:
    """An encoder that says of pictures what it is told to, and keeps what it was shown."""

    image_size, latent_dim = 64, 2

    def __init__(self, *told):
        self.told, self.shown = list(told), []

    def encode(self, images):
        self.shown += list(images)
        return np.float32([self.told.pop(0) for _ in images])


def test_a_world_with_eyes_has_pictures_alone_and_the_environment_judges():
    eyes = Eyes([0.5, 0.5], [0.5, -0.5], [0.5, -0.48])
    seeing = point_world("seeing", build_dynamics(8, 2, 1), ROOM_WORLD.build_encoder(64, 4, 2))
    trial = RoomTrial(replace(seeing, encoder=eyes), ACROSS)
    assert trial.distance() == pytest.approx(REACH) and not trial.arrived()
    trial.carry_out(np.float32([1.0, 0.0]))
    drawn = ROOM_WORLD.pictures(np.stack([ACROSS.start, ACROSS.goal, trial.position]), 64)
    np.testing.assert_array_equal(np.stack(eyes.shown)[:, 0], drawn)
    ask = trial.problem(1)
    np.testing.assert_allclose([ask.start, ask.goal], [[0.5, -0.48], [0.5, -0.5]])
    assert trial.arrived() and trial.distance() == pytest.approx(0.02 * REACH, rel=1e-4)
    assert trial.verdicts() == {"environment_success": False}


def test_the_bench_takes_a_model_that_sees(tmp_path):
    save_point_world(build_dynamics(8, 2, 1), tmp_path / "model", "# card", ROOM_WORLD.build_encoder(64, 4, 2))
    shared = ["--world", "two-room", "--model", tmp_path / "model", "--planners", "cem", "--episodes", 2]
    records = planners.run(options(*shared, "--horizons", 9, "--milliseconds", 5))
    assert [(record["loop"], record["problems"]) for record in records] == [("open", 2), ("closed", 2)]


def test_the_bench_has_a_flat_record_for_each_cell(model, tmp_path):
    path = tmp_path / "settings.yaml"
    write_settings(path, {"cem": {"samples": 8, "elites": 2}}, "for a test")
    shared = ["--world", "two-room", "--model", model, "--settings", path, "--planners", "cem", "gradient"]
    figure = tmp_path / "figure.png"
    words = [*shared, "--episodes", 2, "--horizons", 9, 12, "--milliseconds", 5, "--figure", figure]
    records = planners.run(options(*words))
    assert [(r["loop"], r["horizon"], r["planner"]) for r in records] == [
        (loop, horizon, name) for loop in ("open", "closed") for horizon in (9, 12) for name in ("cem", "gradient")
    ]
    for record in records:
        assert record["problems"] == 2 and record["first_seed"] == HELD_OUT_SEEDS[0]
        assert record["searched"] == (record["planner"] == "cem")
        assert all(isinstance(value, (str, int, float, bool)) for value in record.values())
    assert cv2.imread(str(figure)).shape[1] > 900  # a column for each loop


def test_all_planners_are_compiled_before_the_first_is_timed(model, monkeypatch):
    done, plan = [], AnytimePlanner.plan

    def planned(self, problem, deadline=None):
        if deadline is not None:
            done.append("planned")
        return plan(self, problem, deadline)

    monkeypatch.setitem(recorded.RECORDERS, "cpu", lambda work, inputs: done.append("compiled") or work)
    monkeypatch.setattr(objective, "check_compiler", lambda: None)
    monkeypatch.setattr(AnytimePlanner, "plan", planned)
    shared = ["--world", "two-room", "--model", model, "--planners", "cem", "gradient", "--loops", "open"]
    words = [*shared, "--episodes", 1, "--horizons", 9, "--milliseconds", 5]
    assert all(record["compiled"] for record in planners.run(options(*words, "--compiled")))
    first = done.index("planned")
    assert done[:first].count("compiled") >= 3 and "compiled" not in done[first:]
    done.clear()
    assert not any(record["compiled"] for record in planners.run(options(*words)))
    assert "compiled" not in done


def test_each_loop_has_settings_of_its_own(model, monkeypatch):
    files = {"open": "push_t.yaml", "closed": "two_room.yaml"}
    monkeypatch.setitem(planners.CELL_WORLDS, "two-room", replace(ROOMS, settings=files))
    read = []
    monkeypatch.setattr(planning_cells, "found_settings", lambda path, name: read.append(name) or {})
    words = ["--world", "two-room", "--model", model, "--planners", "cem", "--episodes", 1, "--milliseconds", 2]
    planners.run(options(*words, "--horizons", 9, "--loops", "closed", "open"))
    assert read == [files["closed"], files["open"]]


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_a_search_uses_tuning_problems_alone(model, tmp_path, monkeypatch, loop):
    seeds, ran = [], []
    monkeypatch.setattr(
        two_room_cells, "sample_problem", lambda seed, horizon: seeds.append(seed) or sample_problem(seed, horizon)
    )
    path = tmp_path / "found.yaml"
    shared = ["--world", "two-room", "--model", model, "--settings", path, "--planners", "cem", "mppi"]
    words = [*shared, "--search", 3, "--episodes", 2, "--horizons", 9, "--milliseconds", 2, "--loops", loop, "closed"]
    words += ["--finalists", 2] * (loop == "closed")
    monkeypatch.setitem(LOOPS, loop, lambda *rest, run=LOOPS[loop]: ran.append(loop) or run(*rest))
    abouts = []
    monkeypatch.setattr(planning_cells, "search", lambda *given: abouts.append(given[4]) or search(*given))
    records = planners.run(options(*words))
    first = TUNING_SEEDS[0]
    finals = [first + 2, first + 3, first + 4, first + 5] * 2
    assert seeds == ([first, first + 1] * 3 + finals * (loop == "closed")) * 2
    assert [record["planner"] for record in records] == ["cem", "mppi"] and set(found_settings(path)) == {"cem", "mppi"}
    lines = path.read_text().split("./run bench planners ")[1].split("\n# 3 tries")[0]
    typed = options(*shlex.split(lines.replace("\n#", " ").replace("\\", "")))
    assert (typed.search, typed.settings, typed.episodes, typed.horizons) == (3, path, 2, [9])
    assert typed.loops[0] == loop and ran == [loop] * len(seeds) and f"{loop} loop" in path.read_text()
    assert typed.finalists == (2 if loop == "closed" else 1)
    assert {record["loop"] for record in records} == {loop}
    assert abouts == [found_settings()[name] if loop == "closed" else None for name in ("cem", "mppi")]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--horizons", "0"], InvalidInputError),
        (["--horizons", "5"], InvalidInputError),
        (["--replan", "0"], InvalidInputError),
        (["--search", "1"], InvalidInputError),
        (["--finalists", "0"], InvalidInputError),
        (["--episodes", "0"], InvalidInputError),
        (["--milliseconds", "0"], InvalidInputError),
        (["--planners", "best"], UnknownNameError),
    ],
)
def test_bad_options_are_refused(model, words, error, tmp_path):
    shared = ["--world", "two-room", "--model", model, "--episodes", "1", "--milliseconds", "1", "--horizons", "9"]
    with pytest.raises(error):
        planners.run(options(*shared, *words))
