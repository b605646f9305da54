# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The film of a plan: what is shown is what the planner did, and watching changes nothing."""

import argparse

import numpy as np
import pytest
import torch
from PIL import Image

from robot_planner.errors import UnknownNameError
from robot_planner.evaluation import grasp_film
from robot_planner.evaluation.grasp_film import SIDE, TOP, Moment, Scene, picture, watched
from robot_planner.planning import Grasp, GraspConfig
from robot_planner.point_world import MIDDLE, REACH, load_point_world, to_latents
from robot_planner.simulation.two_room import sample_problem
from robot_planner.types import Problem


def positions(latents):
    return latents.double().unsqueeze(-2).numpy() * REACH + MIDDLE


def test_watching_changes_nothing_and_sees_every_generation_and_iteration():
    world, asked = load_point_world(), sample_problem(5, 50)
    problem = Problem(to_latents(asked.start), to_latents(asked.goal))
    config = GraspConfig(horizon=50, iterations=7, paths=32, path_generations=2, candidates=4)
    moments = []
    plan = watched(moments, positions)(world.dynamics, world.metric(), config).plan(problem)
    plain = Grasp(world.dynamics, world.metric(), config).plan(problem)
    np.testing.assert_array_equal(plan.actions, plain.actions)
    kinds = [moment.words.split()[0] for moment in moments]
    assert kinds[0] == "paths," and kinds[-7:] == ["iteration"] * 7
    assert all(moment.drafts.shape[1:] == (51, 1, 2) for moment in moments)
    moments = [moment for moment in moments if moment.words.startswith("paths")]
    for moment in moments:  # paths lead from the start to the goal
        np.testing.assert_allclose(moment.drafts[:, 0, 0], np.tile(asked.start, (len(moment.drafts), 1)), atol=1e-3)
        np.testing.assert_allclose(moment.drafts[:, -1, 0], np.tile(asked.goal, (len(moment.drafts), 1)), atol=1e-3)


def test_generations_of_a_population_are_seen():
    world, asked = load_point_world(), sample_problem(5, 20)
    problem = Problem(to_latents(asked.start), to_latents(asked.goal))
    config = GraspConfig(horizon=20, iterations=2, sync="population", sync_samples=8, sync_every=1, sync_steps=3)
    moments = []
    watched(moments, positions)(world.dynamics, world.metric(), config).plan(problem)
    said = [moment.words.partition(":")[0] for moment in moments]
    assert said == [
        *("iteration 1", "generation 1", "generation 2", "generation 3"),
        *("iteration 2", "generation 4", "generation 5", "generation 6"),
    ]


@pytest.mark.parametrize(("turned", "corner"), [(False, (0, 0)), (True, (1, 1))])
def test_pixels(turned, corner):
    scene = Scene(np.zeros(2), np.ones(2), positions, turned=turned)
    low, high = scene.pixels(np.zeros(2)), scene.pixels(np.ones(2))
    assert ((low < high) if corner == (0, 0) else (low > high)).all()
    assert min(low.min(), high.min()) >= 0 and max(low[1], high[1]) <= SIDE + TOP


def test_a_picture_shows_goal_and_plan():
    scene = Scene(np.zeros(2), np.ones(2), positions)
    way = np.linspace([0.1, 0.1], [0.9, 0.9], 5)[:, None]
    page = picture(scene, Moment("words", way[None], way), np.array([[0.9, 0.1]]))
    assert page.shape == (SIDE + TOP, SIDE, 3)
    x, y = scene.pixels(np.array([0.5, 0.5])).astype(int)
    assert tuple(page[y, x]) == grasp_film.COLORS[0]


@pytest.mark.parametrize("name", ["film.gif", "film.mp4"])
def test_the_film_of_the_rooms(tmp_path, name):
    parser = argparse.ArgumentParser()
    grasp_film.add_arguments(parser)
    args = parser.parse_args(["--iterations", "3", "--horizon", "20", "--out", str(tmp_path / name)])
    (record,) = grasp_film.run(args)
    assert (tmp_path / name).stat().st_size > 1000
    if name.endswith("gif"):
        assert Image.open(tmp_path / name).n_frames > 3
    assert record["pictures"] > 3
    args.world = "moon"
    with pytest.raises(UnknownNameError, match=r"moon.*two-room"):
        grasp_film.run(args)


def test_a_body_of_two_points_is_drawn_at_the_start_at_the_end_and_at_the_goal():
    scene = Scene(np.zeros(2), np.ones(2), positions, bars=((0, 1),))
    begin, end, goal = (np.array([[0.2, y], [0.4, y]]) for y in (0.2, 0.5, 0.8))
    page = picture(scene, Moment("words", np.stack([begin, end])[None], np.stack([begin, end])), goal)
    for y, color in ((0.2, grasp_film.INK), (0.5, grasp_film.COLORS[0]), (0.8, grasp_film.FAINT)):
        column, row = scene.pixels(np.array([0.3, y])).astype(int)
        assert tuple(page[row, column]) == color


def test_the_film_of_push_t_shows_the_block_go_to_its_goal(tmp_path):
    pytest.importorskip("gym_pusht", reason="the extra 'pusht' is not installed")
    parser = argparse.ArgumentParser()
    grasp_film.add_arguments(parser)
    args = parser.parse_args(["--world", "pusht", "--horizon", "23", "--iterations", "2"])
    world, scene, problem, settings = grasp_film.SCENES["pusht"](args)
    assert settings["horizon"] == 4, "whole actions of five steps"
    start, goal = (scene.positions(torch.from_numpy(latent)) for latent in (problem.start, problem.goal))
    assert start.shape == goal.shape == (3, 2)
    for agent, block, stem in (start, goal):
        assert np.hypot(*(stem - block)) == pytest.approx(grasp_film.STEM, rel=1e-4)
        assert (scene.low <= agent).all() and (agent <= scene.high).all()
    args.out = tmp_path / "film.gif"
    (record,) = grasp_film.run(args)
    assert record["iterations"] == 2 and args.out.stat().st_size > 1000
