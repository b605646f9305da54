# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The bench in Push-T: the environment judges by both tests, the model is asked, horizons are the environment's."""

import argparse
import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.evaluation import planners
from robot_planner.evaluation.planner_settings import HESITATION, found_settings
from robot_planner.evaluation.planning_runs import LOOPS, closed_loop, open_loop, outcome_fields
from robot_planner.evaluation.push_t_cells import PUSH_T, PushTrial
from robot_planner.planning.catalogue import planner_configs
from robot_planner.push_t_world import PUSH_T_WORLD, build_dynamics, push_world, save_push_world, to_latents
from robot_planner.simulation.push_t import SKIP, PushT
from robot_planner.simulation.push_t_problems import sample_problem
from robot_planner.types import Plan, StopReason

needs_push_t = pytest.mark.skipif(
    importlib.util.find_spec("gym_pusht") is None, reason="the extra 'pusht' is not installed"
)

STATES = push_world("states", build_dynamics(8, 2, 1))


class Prompted:
    """Hands out the script's own actions, or rest, and believes in them."""

    name = "prompted"

    def __init__(self, problem, share=1.0):
        self.actions = (share * problem.actions).astype(np.float32).reshape(-1, 2 * SKIP)
        self.goal = to_latents(problem.goal)
        self.asked = []

    def plan(self, problem, deadline=None):
        actions = self.actions[len(self.asked) :]
        self.asked.append(problem)
        states = np.tile(self.goal, (len(actions) + 1, 1))
        return Plan(actions, states, 0.0, 1, 0.25, StopReason.CONVERGED)

    def reset(self):
        self.asked.clear()


def options(*words):
    parser = argparse.ArgumentParser()
    planners.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.fixture(scope="module")
def model(tmp_path_factory, request):
    folder = tmp_path_factory.mktemp("push-t") / "random"
    encoder = PUSH_T_WORLD.build_encoder(64, 4, 2) if getattr(request, "param", "") == "pictures" else None
    save_push_world(build_dynamics(8, 2, 1), folder, "# card", encoder)
    return folder


@needs_push_t
def test_the_scripts_own_actions_pass_both_tests_and_rest_neither():
    problem = sample_problem(1, 40)
    known, rest = (open_loop(Prompted(problem, share), PushTrial(STATES, problem), None) for share in (1.0, 0.0))
    assert known.verdicts == {"environment_success": True, "coverage_success": True} and known.steps == 8
    assert known.distance < 1e-3 and rest.believed and not any(rest.verdicts.values()) and rest.distance > 1.0
    fields = outcome_fields([known, rest], PUSH_T.unit)
    assert fields["environment_success"] == fields["coverage_success"] == 0.5 and fields["believed_but_failed"] == 1
    assert "distance_limits_median" in fields


@needs_push_t
def test_closed_loop_asks_with_the_present_state_until_the_goal():
    problem = sample_problem(1, 40)
    planner = Prompted(problem)
    outcome = closed_loop(planner, PushTrial(STATES, problem), None, 8, 1)
    assert outcome.success and outcome.steps <= 8
    assert [asked.stamp for asked in planner.asked] == [int(i * 0.5e9) for i in range(outcome.steps)]
    np.testing.assert_array_equal(planner.asked[0].start, to_latents(problem.start))


class Eyes:
    """An encoder that says the same of every picture, and keeps what it was shown."""

    image_size, latent_dim = 64, 8

    def __init__(self):
        self.shown = []

    def encode(self, images):
        self.shown += list(images)
        return np.tile(np.float32([0.1, 0.2, 0.0, 0.0, 0.3, 0.4, 1.0, 0.0]), (len(images), 1))


def seeing(eyes):
    world = push_world("seeing", build_dynamics(8, 2, 1), PUSH_T_WORLD.build_encoder(64, 4, 2))
    return replace(world, encoder=eyes)


@needs_push_t
def test_a_world_with_eyes_has_pictures_of_now_and_before_and_nothing_else():
    problem, eyes = sample_problem(1, 40), Eyes()
    trial = PushTrial(seeing(eyes), problem)
    trial.carry_out(problem.actions[:SKIP].astype(np.float32))
    states = PushT().rollout(problem.start, problem.actions[:SKIP].astype(np.float32))
    ways = [[problem.before, problem.start], [problem.goal, problem.goal], states[-2:]]
    np.testing.assert_array_equal(np.stack(eyes.shown), PUSH_T_WORLD.images(np.stack(ways), 64)[:, 0])
    goal = eyes.shown[1]
    np.testing.assert_array_equal(goal[0], goal[1])
    ask = trial.problem(1)
    np.testing.assert_array_equal(np.stack([ask.start, ask.goal]), Eyes().encode(range(2)))


@needs_push_t
def test_what_eyes_cannot_tell_apart_ends_a_loop_and_the_environment_judges():
    problem = sample_problem(1, 40)
    outcome = closed_loop(Prompted(problem), PushTrial(seeing(Eyes()), problem), None, 8, 1)
    assert outcome.steps == 0 and outcome.distance == 0.0 and not any(outcome.verdicts.values())


@needs_push_t
@pytest.mark.parametrize("model", ["states", "pictures"], indirect=True)
def test_the_bench_has_both_tests_in_each_record(model):
    shared = ["--world", "pusht", "--model", model, "--planners", "cem", "grasp", "--episodes", 1, "--milliseconds", 5]
    records = planners.run(options(*shared, "--horizons", 10, 15, "--replan", 5))
    assert [(r["loop"], r["horizon"], r["planner"]) for r in records] == [
        (loop, horizon, name) for loop in ("open", "closed") for horizon in (10, 15) for name in ("cem", "grasp")
    ]
    for record in records:
        assert {"environment_success_low", "coverage_success_high", "model_success", "difference"} <= set(record)
        assert record["success_test"].startswith("DINO-WM")
        assert all(isinstance(value, (str, int, float, bool)) for value in record.values())


@needs_push_t
def test_settings_are_searched_into_a_file(model, tmp_path):
    path = tmp_path / "found.yaml"
    words = ["--world", "pusht", "--model", model, "--planners", "mppi", "--search", 2, "--settings", path]
    planners.run(options(*words, "--episodes", 1, "--horizons", 10, "--milliseconds", 2))
    assert set(found_settings(path)) == {"mppi"} and "--world pusht" in path.read_text()


@pytest.mark.parametrize("loop", LOOPS)
def test_shipped_settings_are_of_planners_and_admissible(loop):
    for name, settings in found_settings(None, PUSH_T.settings[loop]).items():
        planner_configs()[name].from_mapping({key: value for key, value in settings.items() if key != HESITATION})


@pytest.mark.parametrize("words", [["--replan", "3"], ["--horizons", "0"]])
def test_bad_options_are_refused(model, words):
    with pytest.raises(InvalidInputError):
        planners.run(options("--world", "pusht", "--model", model, *words))


def test_without_the_packages_the_error_names_the_extra(model, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EnvironmentSetupError, match="pusht"):
        planners.run(options("--world", "pusht", "--model", model))
