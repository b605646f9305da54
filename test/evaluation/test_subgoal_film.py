# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The film of a goal in words: the subgoals in force stand beside the camera, in their order, the final one marked."""

import numpy as np

from robot_planner.evaluation import subgoal_film
from robot_planner.evaluation.recording import SubgoalsEntry
from robot_planner.evaluation.report import write_figures
from robot_planner.evaluation.subgoal_film import SubgoalFilm, SubgoalPictures
from robot_planner.evaluation.video import RIGHT, SIDE, TOP
from robot_planner.lbp import random_lbp
from robot_planner.perception.multiview import ANCHOR_MIDDLE, ANCHOR_SCALE


def of_one_color(latents):
    """Pictures that are as red as the first number of each latent says; hands in a row along x."""
    pictures = np.zeros((len(latents), 32, 32, 3), np.uint8)
    pictures[..., 0] = latents[:, 0, None, None]
    return pictures, np.array([[0.35 + 0.02 * index, 0.0, 0.03] for index in range(len(latents))])


def film_of(recordings, levels, words="open the drawer"):
    episode = recordings.make_recording(plans=False, goal=None, words=words)
    for index, frame in enumerate(episode.frames):
        latents = np.zeros((len(levels), 4), np.float32)
        latents[:, 0] = np.array(levels) + index
        progress = np.float32([0.5 ** (len(levels) - 1 - i) for i in range(len(levels))])
        episode.subgoals.append(SubgoalsEntry(frame.stamp - 50_000_000, frame.stamp, latents, progress))
    return SubgoalFilm(episode, recordings.camera_above(), of_one_color)


def test_the_pictures_of_the_subgoals_in_force_are_shown_in_their_order(recordings):
    film = film_of(recordings, [40, 90, 140, 190])
    index = 10
    shown = film.picture(index)[TOP : TOP + SIDE, RIGHT : RIGHT + SIDE].astype(int)
    found = [
        tuple(np.argwhere((np.abs(shown[..., 0] - (level + index)) < 3) & (shown[..., 1] == 0)).mean(axis=0))
        for level in (40, 90, 140, 190)
    ]
    (y0, x0), (y1, x1), (y2, x2), (y3, x3) = found
    assert x0 < x1 and x2 < x3 and y0 < y2 and y1 < y3
    assert np.any(np.all(shown == subgoal_film.FINAL, axis=-1))


def test_the_tools_of_the_subgoals_are_drawn_over_the_camera(recordings):
    page = film_of(recordings, [40, 90]).picture(10).astype(int)
    final = np.argwhere(np.all(np.abs(page[:, :RIGHT] - subgoal_film.FINAL) < 12, axis=-1))
    assert len(final) > 40


def test_a_film_without_subgoals_and_with_very_long_words_is_drawn_too(recordings):
    film = film_of(recordings, [40], words="open the drawer " * 30)
    film.recording.subgoals.clear()
    film._subgoal_times.clear()
    assert film.picture(3, verdict=True).shape == film.picture(4).shape
    assert len(film._title()) < 90


def test_pictures_and_tools_come_from_the_models_decoder_and_readout():
    lbp = random_lbp()
    latents = np.random.default_rng(0).normal(size=(3, lbp.encoder.plan_dim)).astype(np.float32)
    pictures, hands = SubgoalPictures(lbp)(latents)
    assert pictures.shape == (3, 32, 32, 3) and pictures.dtype == np.uint8
    np.testing.assert_allclose(hands, latents[:, :3] * ANCHOR_SCALE[:3] + ANCHOR_MIDDLE[:3], rtol=1e-4)


def test_a_goal_in_words_has_no_figure_of_costs(recordings, tmp_path):
    episode = film_of(recordings, [40]).recording
    assert {path.name for path in write_figures(tmp_path, [episode])} == {"distance.png", "image_age.png"}
    record = episode.record()
    assert record["goal"] == "open the drawer" and record["plans_per_second"] > 20
