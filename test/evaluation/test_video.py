# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The film: the plan is drawn where it leads, and the file is there whole or not at all."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation import video
from robot_planner.evaluation.drawing import project, text
from robot_planner.evaluation.video import CAMERA, HEIGHT, HOLD, MARGIN, PATH, RATE, TOP, WIDTH, EpisodeFilm, encode
from robot_planner.simulation.tabletop import Tabletop
from robot_planner.simulation.workspace import TOOL_HIGH

MATRIX = np.array([[300.0, 0, 127.5], [0, 300.0, 127.5], [0, 0, 1]])


def frames_of(path):
    reader, count = cv2.VideoCapture(str(path)), 0
    while reader.read()[0]:
        count += 1
    return count


@given(st.tuples(*[st.floats(-0.3, 0.3)] * 3))
def test_projection_inverts_the_view_ray(recordings, point):
    pose = recordings.camera_above()
    (pixel,) = project([point], MATRIX, pose)
    ray = pose[:3, :3] @ np.linalg.solve(MATRIX, [*pixel, 1.0])
    depth = (point[2] - pose[2, 3]) / ray[2]
    np.testing.assert_allclose(pose[:3, 3] + depth * ray, point, atol=1e-9)


def test_what_is_behind_the_camera_has_no_pixel(recordings):
    assert np.isnan(project([[0.4, 0.0, 2.0]], MATRIX, recordings.camera_above())).all()


def test_projection_agrees_with_the_rendered_camera():
    with Tabletop(128) as table:
        table.reset("reach", 3)
        table.model.geom_rgba[table.model.geom("red_block_visual").id] = [1, 0, 1, 1]
        picture = table.render("front").astype(int)
        (pixel,) = project(table.block_positions[:1], table.camera_matrix("front"), table.camera_pose("front"))
    magenta = np.argwhere((picture[..., 0] > 90) & (picture[..., 2] > 90) & (picture[..., 1] < 40))
    np.testing.assert_allclose(magenta.mean(0)[::-1], pixel, atol=2.5)


def test_the_plan_is_drawn_from_the_tool_to_its_end(recordings):
    episode = recordings.make_recording()
    film = EpisodeFilm(episode, recordings.camera_above())
    index = 10
    now = episode.frames[index].stamp
    plan = episode.plans[index]
    path = film._path(plan, now)
    # the plan is as fast as the tool: it passes the tool's place of now
    np.testing.assert_allclose(path[0], recordings.tool_at(index / 25), atol=0.003)
    assert len(path) == 7 and np.all(np.diff(path[:, 0]) > 0)
    np.testing.assert_allclose(np.diff(path[1:, 0]), 0.02, atol=1e-6)

    camera = film.picture(index)[TOP : TOP + CAMERA, MARGIN : MARGIN + CAMERA].astype(int)
    scale = CAMERA / 64
    middle = (project([path[1:3].mean(0)], episode.camera_matrix, recordings.camera_above())[0] + 0.5) * scale - 0.5
    x, y = np.round(middle).astype(int)
    ahead = 1 / 6
    assert np.abs(camera[y, x] - (1 - 0.6 * ahead) * np.array(PATH)).max() < 12
    assert np.abs(camera[CAMERA - 40, CAMERA - 40] - 90).max() < 12  # elsewhere the picture is as it was


def test_a_plan_that_leads_out_of_the_workspace_is_drawn_as_it_is_followed(recordings):
    episode = recordings.make_recording()
    far = np.tile(np.float32([0.04, 0.0]), (30, 1))
    plan = video.PlanEntry(episode.began, episode.began, far, 0.2, 1.0, 1, 0.01, episode.began)
    assert EpisodeFilm(episode, recordings.camera_above())._path(plan, episode.began)[:, 0].max() == TOOL_HIGH[0]


def test_a_plan_that_is_over_leads_nowhere(recordings):
    episode = recordings.make_recording()
    plan = episode.plans[0]
    path = EpisodeFilm(episode, recordings.camera_above())._path(plan, plan.stamp + 10 * recordings.SECOND)
    np.testing.assert_allclose(path, np.tile(path[-1], (len(path), 1)))
    np.testing.assert_allclose(path[-1, 0], 0.30 + 6 * 0.02, atol=1e-6)


def test_the_verdict_is_shown_at_the_end_alone(recordings):
    film = EpisodeFilm(recordings.make_recording(), recordings.camera_above())
    pictures = list(film.pictures())
    assert len(pictures) == len(film) and pictures[0].shape == (HEIGHT, WIDTH, 3)
    held = int(HOLD * RATE)
    assert all(picture is pictures[-1] for picture in pictures[-held:])
    banner = np.s_[TOP + CAMERA - 92 : TOP + CAMERA, MARGIN : MARGIN + CAMERA]
    green = np.all(pictures[-1][banner] == video.GOOD, axis=-1)
    assert green.sum() > 100 and not np.all(pictures[0][banner] == video.GOOD, axis=-1).any()
    failed = EpisodeFilm(recordings.make_recording(success=False), recordings.camera_above())
    assert np.all(list(failed.pictures())[-1][banner] == video.BAD, axis=-1).sum() > 100


@pytest.mark.parametrize("changes", [{"frames": []}, {"plans": []}, {"tool_points": []}, {"distances": []},
                                     {"camera_matrix": None}, {"goal": None}, {"verdict": {}}])  # fmt: skip
def test_what_was_not_recorded_is_not_shown(recordings, changes):
    film = EpisodeFilm(recordings.make_recording(**changes), recordings.camera_above())
    assert len(list(film.pictures())) == len(film)


def test_text_is_clipped_at_the_edges():
    page = np.zeros((20, 40, 3), np.uint8)
    for at in ((-30, 10), (35, 25), (10, -5), (100, 100)):
        text(page, at, "clipped", 16, (255, 255, 255))
    assert page.max() > 0


def test_the_film_has_all_pictures_and_nothing_else_is_left(tmp_path, recordings):
    films = [EpisodeFilm(recordings.make_recording(seed, seconds=0.4), recordings.camera_above()) for seed in (1, 2)]
    path = tmp_path / "demo.mp4"
    counts = list(video.write_film(path, films))
    assert counts == list(range(1, sum(map(len, films)) + 1))
    assert frames_of(path) == counts[-1]
    assert list(tmp_path.iterdir()) == [path]


def pictures(count=60):
    noise = np.random.default_rng(0).integers(0, 256, (count, 48, 64, 3), np.uint8)
    yield from noise


@pytest.mark.parametrize("count", [2, 60])  # few are written at the end only
def test_a_full_disk_is_one_clear_line(tmp_path, monkeypatch, count):
    made = video._ffmpeg

    def full(width, height, rate, path):
        path.symlink_to("/dev/full")
        return made(width, height, rate, path)

    monkeypatch.setattr(video, "_ffmpeg", full)
    with pytest.raises(EnvironmentSetupError, match="can't write the video .*demo.mp4: No space left on device"):
        list(encode(tmp_path / "demo.mp4", pictures(count)))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_is_one_clear_line(tmp_path):
    with pytest.raises(EnvironmentSetupError, match="can't write the video"):
        list(encode(tmp_path / "gone" / "demo.mp4", pictures()))


@pytest.mark.parametrize("former", [None, b"the film before"])
def test_an_interrupted_film_leaves_what_was_there(tmp_path, former):
    path = tmp_path / "demo.mp4"
    if former:
        path.write_bytes(former)
    with pytest.raises(KeyboardInterrupt):
        for count in encode(path, pictures()):
            if count == 5:
                raise KeyboardInterrupt
    assert [entry.read_bytes() for entry in tmp_path.iterdir()] == ([former] if former else [])


def test_no_pictures_make_no_file(tmp_path):
    assert list(encode(tmp_path / "demo.mp4", [])) == [] and list(tmp_path.iterdir()) == []
