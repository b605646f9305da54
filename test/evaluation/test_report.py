# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Records, figures and the line that sums up, from recorded episodes."""

import json
import math

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from robot_planner.errors import EnvironmentSetupError
from robot_planner.evaluation.recording import Frame, Recording
from robot_planner.evaluation.records import write_results
from robot_planner.evaluation.report import draw_costs, draw_distances, draw_image_ages, summary, write_figures
from robot_planner.evaluation.statistics import wilson_interval


def axes():
    return Figure().subplots()


def legend(made):
    return [text.get_text() for text in made.get_legend().get_texts()]


def test_a_record_is_flat_and_tells_what_was_measured(tmp_path, recordings):
    episode = recordings.make_recording(seed=3, success=False, seconds=2.0)
    path = tmp_path / "report.json"
    write_results(path, "robot-planner demo", [episode.record()], [3])
    (record,) = json.loads(path.read_text())["records"]
    assert record["task"] == "push" and record["seed"] == 3 and record["success"] is False
    assert record["distance_m"] == 0.012 and record["verdict.red_block_distance_m"] == 0.012
    assert record["error"] == "NONE" and record["model_success"] is True and record["model_distance"] == 0.01
    assert record["plans"] == 50 and record["plans_per_second"] == pytest.approx(25.0)
    assert record["planning_ms_median"] == pytest.approx(30.0) and record["iterations_median"] == 4
    assert record["image_age_ms_median"] == pytest.approx(85.0) and record["image_age_ms_max"] == pytest.approx(120.0)
    assert record["image_age_ms_median"] < record["image_age_ms_p99"] < record["image_age_ms_max"]
    assert record["cost_first"] == 9.0 and record["cost_last"] == pytest.approx(4.1)
    assert not any(isinstance(value, (dict, list)) for value in record.values())


def test_success_is_what_the_environment_says(recordings):
    believed = recordings.make_recording(success=False)
    assert believed.record()["model_success"] and not believed.success
    timed_out = recordings.make_recording(success=True)
    timed_out.outcome["error_code"] = 200
    assert timed_out.success and not timed_out.record()["model_success"]
    assert not Recording("push", 1).success


def test_an_episode_without_any_plan_has_a_record(tmp_path, recordings):
    episode = recordings.make_recording(plans=False)
    (record,) = write_results(tmp_path / "r.json", "x", [episode.record()])["records"]
    assert record["plans_per_second"] is None and record["cost_last"] is None and record["image_age_ms_max"] is None


def test_a_frame_keeps_its_picture():
    picture = np.zeros((32, 48, 3), np.uint8)
    picture[:, :24] = (220, 40, 30)
    back = Frame.of(picture, 5).image
    assert back.shape == picture.shape and back.dtype == np.uint8
    assert np.abs(back[:, :20].astype(int) - (220, 40, 30)).max() < 12 and back[:, 28:].max() < 12


def test_the_summary_has_the_wilson_interval(recordings):
    episodes = [recordings.make_recording(success=number < 19) for number in range(20)]
    low, high = wilson_interval(19, 20)
    assert summary(episodes) == f"19 of 20 succeeded: 95% (95 % interval {low:.0%} to {high:.0%})"
    assert summary([]) == "no episode came to its end"


@pytest.mark.parametrize("count", [0, 1, 3, 20])
def test_figures_are_pictures(tmp_path, recordings, count):
    episodes = [recordings.make_recording(seed, success=seed % 2 == 0) for seed in range(count)]
    written = write_figures(tmp_path, episodes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cost.png", "distance.png", "image_age.png"]
    for path in written:
        picture = cv2.imread(str(path))
        assert picture.shape[0] > 300 and picture.std() > 1.0


def test_figures_that_cannot_be_written_are_one_clear_line(tmp_path, recordings):
    with pytest.raises(EnvironmentSetupError, match=r"^can't write .*/gone/distance.png: No such file") as caught:
        write_figures(tmp_path / "gone", [recordings.make_recording()])
    assert "\n" not in str(caught.value)


def test_distances_are_drawn_over_time_in_seconds(recordings):
    episode = recordings.make_recording(seed=11, seconds=2.0, success=False)
    episode.distances.insert(0, (episode.began, math.nan))
    made = axes()
    draw_distances(made, [episode])
    (line,) = made.get_lines()
    assert line.get_xdata()[0] == 0.0 and line.get_xdata()[-1] == pytest.approx(2.0 - 0.04)
    assert line.get_ydata()[0] == pytest.approx(0.2) and np.isfinite(line.get_ydata()).all()
    assert legend(made) == ["seed 11: no success, 1.2 cm off"]


def test_many_episodes_are_told_apart_by_outcome(recordings):
    made = axes()
    draw_distances(made, [recordings.make_recording(seed, success=seed < 9) for seed in range(12)])
    assert len(made.get_lines()) == 12 and legend(made) == ["success: 9", "no success: 3"]
    assert len({line.get_color() for line in made.get_lines()}) == 2


def test_costs_are_drawn_over_the_iterations_of_all_plans(recordings):
    made = axes()
    draw_costs(made, [recordings.make_recording()])
    (line,) = made.get_lines()
    assert list(line.get_xdata()[:3]) == [4, 8, 12] and list(line.get_ydata()[:2]) == [9.0, 8.9]
    assert "4 iterations in 30 ms" in made.get_title("right")


def test_every_age_is_in_the_histogram(recordings):
    episode = recordings.make_recording()
    episode.image_ages = [0.05] * 99 + [2.0]  # far out, yet counted
    made = axes()
    draw_image_ages(made, [episode, recordings.make_recording(plans=False)])
    assert sum(patch.get_height() for patch in made.patches) == 100
    assert legend(made)[0] == "median 50 ms" and "oldest image 2000 ms" in made.get_title("right")
