# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The bench of GRASP's initial states: pushes of the right length, iterations counted honestly, flat records."""

import argparse

import numpy as np
import pytest

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.evaluation import lbp_grasp
from robot_planner.evaluation.push_ways import LENGTHS, LONGEST_WAY, SHORTEST_WAY, task_name, way_in_actions
from robot_planner.planning.grasp_lbp import save_subgoals
from robot_planner.planning.lbp import BackwardPlanner, LbpConfig
from robot_planner.simulation.tasks import make_task
from robot_planner.types import Plan, StopReason
from robot_planner.world import assemble, build_networks, save_world


def options(*words):
    parser = argparse.ArgumentParser()
    lbp_grasp.add_arguments(parser)
    return parser.parse_args(words)


def plan(iterations, reason):
    return Plan(np.zeros((2, 2)), np.zeros((3, 4)), 1.0 + iterations, iterations, 0.1, reason, 0, 0.2, 1.0, (1.0,))


@pytest.mark.parametrize("factor", LENGTHS)
def test_the_way_grows_with_the_factor(factor):
    task = make_task(task_name(factor))
    episodes = [task.sample(np.random.default_rng(seed), seed) for seed in range(20)]
    ways = np.array([way_in_actions(episode) for episode in episodes])
    assert (ways >= factor * SHORTEST_WAY).all() and (ways < factor * LONGEST_WAY).all()
    assert len(set(ways)) == 20 and {episode.task for episode in episodes} == {f"push-{factor}x"}
    low, high = LENGTHS[factor]
    assert all(low <= episode.target["push_length"] <= high for episode in episodes)
    assert not task.evaluate(episodes[0], episodes[0].start).success
    assert task.evaluate(episodes[0], episodes[0].goal).success


def test_plans_that_never_came_near_count_as_infinitely_long():
    done, never = StopReason.CONVERGED, StopReason.ITERATIONS
    plans = [plan(0, done), plan(10, done), plan(100, never), plan(100, never), plan(100, never)]
    spent = lbp_grasp.iterations_to_success(plans, 100)
    assert spent == [0, 10, 101, 101, 101]
    fields = lbp_grasp.open_fields(plans, [True, False, True, False, False], spent, [0, 20, 50, 101, 101])
    assert fields["iterations_median_with_unsolved_as_infinite"] == np.inf
    assert fields["iterations_median_of_solved"] == 5.0
    assert fields["iterations_mean_with_unsolved_at_the_limit"] == pytest.approx(313 / 5)
    assert (fields["solved_count"], fields["solved_by_first_candidates"]) == (2, 1)
    assert fields["environment_success"] == 0.4
    assert fields["environment_success_low"] < 0.4 < fields["environment_success_high"]
    assert fields["problems_with_fewer_iterations_than_first_arm"] == 1
    assert fields["problems_with_more_iterations_than_first_arm"] == 1


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A world of random weights, and subgoals in its latent space."""
    folder = tmp_path_factory.mktemp("models")
    config = {"encoder": {"image_size": 64, "channels": 8, "keypoints": 4}, "dynamics": {"hidden": 8, "members": 2}}
    networks = build_networks(config)
    save_world(networks, config, folder / "world", "# card")
    planner = BackwardPlanner(LbpConfig(latent_dim=32, language_dim=1, hidden=16))
    save_subgoals(planner, assemble("world", networks, config).encoder.digest, folder / "subgoals", "# card")
    return folder


def test_three_arms_differ_in_their_first_states_alone(models):
    words = ["--model", str(models / "world"), "--subgoals", str(models / "subgoals"), "--factors", "1"]
    words += ["--plans", "2", "--episodes", "1", "--iterations", "6", "--replan-iterations", "1"]
    records = lbp_grasp.run(options(*words))
    kinds = [(record["kind"], record["setting"], record["arm"]) for record in records]
    arms = ["line", "rollout", "subgoals"]
    assert kinds == [
        (k, s, a) for k, s in (("open", "shipped"), ("open", "lifted"), ("closed", "shipped")) for a in arms
    ]
    for record in records:
        assert all(isinstance(value, (str, bool, int, float)) for value in record.values())
    assert len({record["cost_median"] for record in records[:3]}) == 3
    assert len({record["solved_by_first_candidates"] for record in records[:3]}) == 1
    again = lbp_grasp.run(options(*words, "--episodes", "0"))
    assert repr(again) == repr(records[:6])  # some are NaN: no success, no median


def test_mistakes_are_named_before_anything_runs(models):
    for words, message in (
        (("--factors", "3"), "factor 3; allowed: 1, 2, 4"),
        (("--plans", "0", "--episodes", "0"), "not both 0"),
        (("--iterations", "0"), "positive"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            lbp_grasp.run(options("--model", str(models / "world"), *words))
    with pytest.raises(ModelError, match="encoder"):  # the shipped subgoals are of another encoder
        lbp_grasp.run(options("--model", str(models / "world"), "--arms", "subgoals", "--plans", "1"))
