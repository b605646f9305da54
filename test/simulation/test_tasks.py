# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Every seed makes an episode that can be done and is not done yet; verdicts follow from the state alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_planner.description import BLOCKS
from robot_planner.simulation.tasks import HELD_OUT_SEEDS, TASKS, TRAINING_SEEDS, TUNING_SEEDS, Episode, manipulation
from robot_planner.simulation.tasks.planar import contact_distance, distance_to_segment, way_exists
from robot_planner.simulation.workspace import BLOCK_HIGH, BLOCK_LOW, TOOL_HEIGHT, TOOL_HIGH, TOOL_LOW

seeds = st.integers(0, 3_000_000)
PLANAR, STAGES = ("reach", "around", "push"), ("pick", "place", "open", "stow", "close")


def sample(task: str, seed: int) -> Episode:
    return TASKS.make(task).sample(np.random.default_rng(seed), seed)


def verdict(episode: Episode, **changes):
    return TASKS.make(episode.task).evaluate(episode, replace(episode.goal, **changes))


def within(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> bool:
    return bool(((points >= low) & (points <= high)).all())


def test_seed_ranges_do_not_overlap():
    ranges = (TRAINING_SEEDS, HELD_OUT_SEEDS, TUNING_SEEDS)
    assert [len(part) for part in ranges] == [1_000_000] * 3
    assert all(first.stop <= second.start for first, second in zip(ranges, ranges[1:], strict=False))
    assert HELD_OUT_SEEDS[0] == 1_000_000 and TUNING_SEEDS[0] == 2_000_000


@pytest.mark.parametrize("task", PLANAR + STAGES)
@settings(max_examples=60)
@given(seed=seeds)
def test_the_goal_fulfils_the_task_and_the_start_does_not(task, seed):
    episode = sample(task, seed)
    made = TASKS.make(task)
    assert made.evaluate(episode, episode.goal).success
    at_start = made.evaluate(episode, episode.start)
    assert not at_start.success
    for entry in at_start.detail.values():
        assert set(entry) == {"value", "limit"} and np.isfinite(entry["value"])


@pytest.mark.parametrize("task", PLANAR)
@settings(max_examples=150)
@given(seed=seeds)
def test_planar_starts_are_in_the_box_and_apart(task, seed):
    start = sample(task, seed).start
    assert within(start.tool[:2], TOOL_LOW, TOOL_HIGH) and start.tool[2] == TOOL_HEIGHT
    assert within(start.blocks[:, :2], BLOCK_LOW, BLOCK_HIGH)
    gaps = np.linalg.norm(start.blocks[:, None, :2] - start.blocks[None, :, :2], axis=-1)
    assert gaps[np.triu_indices(3, 1)].min() >= 0.07
    assert np.linalg.norm(start.blocks[:, :2] - start.tool[:2], axis=1).min() >= 0.06


@settings(max_examples=150)
@given(seed=seeds)
def test_reach_goes_far_enough_to_a_free_place(seed):
    episode = sample("reach", seed)
    start, goal = episode.start, episode.goal
    assert np.linalg.norm(goal.tool - start.tool) >= 0.10
    assert within(goal.tool[:2], TOOL_LOW, TOOL_HIGH)
    assert np.linalg.norm(start.blocks[:, :2] - goal.tool[:2], axis=1).min() >= 0.06
    np.testing.assert_array_equal(start.blocks, goal.blocks)
    # Room on the straight way for the paddle (2 cm to its corners) beside a block (2.8 cm).
    assert distance_to_segment(start.blocks[:, :2], start.tool[:2], goal.tool[:2]).min() >= 0.048


@settings(max_examples=100)
@given(seed=seeds)
def test_around_has_a_block_in_the_straight_way_and_a_way_round(seed):
    episode = sample("around", seed)
    start, goal = episode.start, episode.goal
    np.testing.assert_array_equal(start.blocks, goal.blocks)
    assert np.linalg.norm(goal.tool - start.tool) >= 0.10
    points = start.blocks[:, :2]
    assert distance_to_segment(points, start.tool[:2], goal.tool[:2]).min() <= 0.02
    assert np.linalg.norm(points - goal.tool[:2], axis=1).min() >= 0.06
    assert way_exists(points, start.tool[:2], goal.tool[:2], 0.05)


def test_a_way_round_ends_where_blocks_close_it():
    middle = (TOOL_LOW + TOOL_HIGH) / 2
    begin, end = TOOL_LOW + 0.02, TOOL_HIGH - 0.02
    fence = np.column_stack([np.linspace(TOOL_LOW[0], TOOL_HIGH[0], 8), np.full(8, middle[1])])
    assert not way_exists(fence, begin, end, 0.05)
    assert way_exists(fence, begin, end, 0.01)  # between the posts
    assert way_exists(fence[:-2], begin, end, 0.05)  # round the last one
    assert not way_exists(fence[:1], fence[0], end, 0.05)  # no way begins at a post


@settings(max_examples=150)
@given(seed=seeds)
def test_push_moves_one_block_by_a_straight_and_free_way(seed):
    episode = sample("push", seed)
    start, goal = episode.start, episode.goal
    moved = BLOCKS.index(episode.target["block"])
    way = goal.blocks[moved, :2] - start.blocks[moved, :2]
    length = np.linalg.norm(way)
    direction = way / length
    assert 0.06 - 1e-9 <= length <= 0.14 + 1e-9
    np.testing.assert_array_equal(np.delete(start.blocks, moved, 0), np.delete(goal.blocks, moved, 0))
    assert within(goal.blocks[moved, :2], BLOCK_LOW, BLOCK_HIGH)
    behind = start.blocks[moved, :2] - 0.06 * direction
    assert within(behind, TOOL_LOW, TOOL_HIGH)
    others = np.delete(start.blocks[:, :2], moved, 0)
    assert distance_to_segment(others, behind, goal.blocks[moved, :2]).min() >= 0.07
    # The tool of the goal stands right behind the block, on the line of the push.
    gap = goal.blocks[moved, :2] - goal.tool[:2]
    assert 0.03 < np.linalg.norm(gap) < 0.055
    np.testing.assert_allclose(gap / np.linalg.norm(gap), direction, atol=1e-6)


@settings(max_examples=60)
@given(seed=seeds, color=st.integers(0, 2), angle=st.floats(0, 2 * np.pi), off=st.floats(0.0, 0.05))
def test_push_judges_every_block(seed, color, angle, off):
    episode = sample("push", seed)
    blocks = episode.goal.blocks.copy()
    blocks[color, :2] += off * np.array([np.cos(angle), np.sin(angle)])
    judged = verdict(episode, blocks=blocks)
    assert judged.success == (off <= 0.025) or abs(off - 0.025) < 1e-9
    assert judged.distance == pytest.approx(off, abs=1e-9)
    assert judged.detail[f"{BLOCKS[color]}_block_distance"]["limit"] == 0.025


def test_reach_judges_tool_and_blocks():
    episode = sample("reach", 1)
    assert verdict(episode, tool=episode.goal.tool + [0.019, 0.0, 0.1]).success, "the height does not count"
    off = verdict(episode, tool=episode.goal.tool + [0.0, -0.021, 0.0])
    assert not off.success and off.distance == pytest.approx(0.021)
    pushed = episode.goal.blocks + np.array([[0.0] * 4, [0.0, 0.03, 0.0, 0.0], [0.0] * 4])
    touched = verdict(episode, blocks=pushed)
    assert not touched.success and touched.distance == pytest.approx(0.0)
    assert touched.detail["green_block_moved"]["value"] == pytest.approx(0.03)
    fallen = episode.goal.blocks - np.array([[0.0, 0.0, 0.7, 0.0], [0.0] * 4, [0.0] * 4])
    assert not verdict(episode, blocks=fallen).success


@settings(max_examples=60)
@given(angle=st.floats(0, 2 * np.pi), yaw=st.floats(-np.pi, np.pi))
def test_contact_distance_is_where_paddle_and_block_just_touch(angle, yaw):
    """Against the corners: their extents along the push add up."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    signs = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    block, paddle = (0.02 * signs) @ turn.T, signs * [0.016, 0.012]
    expected = (block @ direction).max() + (paddle @ direction).max()
    assert contact_distance(direction, yaw) == pytest.approx(expected, abs=1e-12)


def moved(episode: Episode, color: str, by: list[float]) -> np.ndarray:
    blocks = episode.goal.blocks.copy()
    blocks[BLOCKS.index(color), :3] += by
    return blocks


def test_pick_needs_the_block_held_high_and_the_others_untouched():
    episode = sample("pick", 3)
    color = episode.target["block"]
    other = next(name for name in BLOCKS if name != color)
    assert not verdict(episode, held=(False,) * 3).success
    low = verdict(episode, blocks=moved(episode, color, [0, 0, -0.1]))
    assert not low.success and low.distance > 0
    assert not verdict(episode, blocks=moved(episode, other, [0.03, 0, 0])).success
    wrong = tuple(name == other for name in BLOCKS)
    assert not verdict(episode, held=wrong).success


@pytest.mark.parametrize("task", ["place", "stow"])
def test_place_and_stow_need_the_block_inside_and_let_go(task):
    episode = sample(task, 4)
    color = episode.target["block"]
    held = tuple(name == color for name in BLOCKS)
    assert not verdict(episode, held=held).success
    assert not verdict(episode, blocks=moved(episode, color, [0.2, 0, 0])).success
    assert not verdict(episode, blocks=moved(episode, color, [0, 0, 0.1])).success, "above is not inside"


def test_place_distinguishes_the_bins():
    made = {sample("place", seed).target["bin"] for seed in range(20)}
    assert made == {"a", "b"}
    middle = np.append(manipulation.BINS["a"], 0.03)[None]
    assert manipulation.in_bin(middle, "a")[0] == 0.0
    assert manipulation.in_bin(middle, "b")[0] > 0.05


def test_what_lies_in_the_drawer_moves_with_it():
    episode = sample("stow", 4)
    place = episode.goal.blocks[BLOCKS.index(episode.target["block"]), :3][None]
    assert manipulation.in_drawer(place, episode.goal.drawer)[0] == 0.0
    assert manipulation.in_drawer(place, 0.0)[0] > 0.0
    assert not verdict(episode, drawer=0.0).success


def test_open_and_close_judge_the_opening():
    opened = sample("open", 5)
    assert not verdict(opened, drawer=0.08).success and verdict(opened, drawer=0.095).success
    shut = next(episode for episode in (sample("close", seed) for seed in range(20)) if episode.target)
    assert not verdict(shut, drawer=0.02).success and verdict(shut, drawer=0.005).success
    assert not verdict(shut, blocks=moved(shut, shut.target["stowed"], [0, -0.2, 0])).success


@pytest.mark.parametrize("task", ["open", "stow", "close"])
@settings(max_examples=60)
@given(seed=seeds)
def test_blocks_keep_out_of_the_way_of_the_drawer(task, seed):
    episode = sample(task, seed)
    lying = [
        index
        for index, color in enumerate(BLOCKS)
        if color not in (episode.target.get("block"), episode.target.get("stowed"))
    ]
    assert episode.start.blocks[lying, 1].max() <= 0.06
