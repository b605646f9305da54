# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Windows of episodes: whole and in step, of each set its share, the same for the same generator."""

import numpy as np
import pytest
import torch

from robot_planner.training.episode_windows import EpisodeWindows


@pytest.mark.parametrize("skip", [1, 5])
def test_windows_are_pieces_of_episodes_with_the_actions_between_their_states(skip):
    windows, horizon, length = EpisodeWindows(skip), 3, 40
    for first, episodes in ((0.0, 6), (5000.0, 2)):  # each number tells of its set, episode and step
        numbers = first + 100.0 * np.arange(episodes)[:, None, None] + np.arange(length + 1)[None, :, None]
        windows.add(numbers.astype(np.float32), numbers[:, :-1])

    def draw(seed):
        return windows.draw(horizon, torch.Generator().manual_seed(seed), 64)

    seen, moves = draw(1)
    assert seen.shape == (64, horizon + 1, 1) and moves.shape == (64, horizon * skip, 1)
    assert (seen.diff(dim=1) == skip).all() and (moves.diff(dim=1) == 1).all()
    torch.testing.assert_close(moves[:, ::skip], seen[:, :-1])
    assert (seen[:, 0, 0] >= 5000).sum() == 32
    assert {0.0, float(length - horizon * skip)} <= {x % 100 for s in range(40) for x in draw(s)[0][:, 0, 0].tolist()}
    assert all(torch.equal(one, other) for one, other in zip(draw(7), draw(7), strict=True))
    assert not torch.equal(draw(7)[0], draw(8)[0])


def test_a_window_begins_with_what_was_seen_and_goes_on_by_what_moved_in_truth():
    rng = np.random.default_rng(0)
    truth, off = np.arange(2 * 9, dtype=np.float32).reshape(1, 9, 2), rng.standard_normal((1, 9, 2)).astype(np.float32)
    windows = EpisodeWindows(1, torch.tensor([1.0, 0.0]))
    windows.add(truth + off, np.zeros((1, 8, 1)), truth)
    seen, _ = windows.draw(3, torch.Generator().manual_seed(0), 32)
    first = torch.from_numpy(np.abs(truth[0] + off[0] - seen[:, :1].numpy()).sum(-1).argmin(-1))
    expected = torch.from_numpy(truth[0])[first[:, None] + torch.arange(4)]
    error = torch.from_numpy(off[0])[first]
    expected[:, :, 0] += error[:, :1]  # lasts
    expected[:, 0, 1] += error[:, 1]  # does not
    torch.testing.assert_close(seen, expected)
    assert len(set(first.tolist())) == 6


def test_a_set_has_its_share_of_a_batch():
    windows = EpisodeWindows()
    for number, share in enumerate((1.0, 0.25, 0.75)):
        windows.add(np.full((2, 4, 1), number, np.float32), np.zeros((2, 3, 1)), share=share)
    latents, actions = windows.draw(1, torch.Generator().manual_seed(0), batch=80)
    counts = [int((latents[:, 0] == number).sum()) for number in range(3)]
    assert counts == [40, 10, 30] and len(actions) == 80
