# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The search over lifted paths: what it draws, what it scores, and that followed paths are followed."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import RandomModel, point_mass, random_problem, walled_plane

from robot_planner.dynamics.world_model import FunctionModel
from robot_planner.planning import Grasp, GraspConfig, LatentDistance
from robot_planner.planning.budget import Budget
from robot_planner.planning.lifted import straight_line
from robot_planner.planning.path_search import LinearInverse, PathSearch, at_even_pace, following_actions
from robot_planner.planning.run import Run
from robot_planner.types import Problem


def run_of(model, problems, horizon=20, **changes):
    planner = Grasp(model, LatentDistance(), GraspConfig(horizon=horizon, paths=64, **changes))
    return Run(planner.objective, problems, planner.config, Budget(None, lambda: 0.0, {})), planner.config.path_search()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 3), st.integers(1, 30), st.integers(0, 10**6))
def test_even_pace_stays_on_the_line_and_goes_as_far_in_equal_times(pieces, paths, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    lines = torch.randn(pieces + 1, paths, 3, generator=generator, dtype=torch.float64)
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    points = at_even_pace(lines, times)
    torch.testing.assert_close(points[0], lines[0])
    torch.testing.assert_close(points[-1], lines[-1])
    for path in range(paths):
        line = lines[:, path].numpy()
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        wanted = np.stack([np.interp(times.numpy() * length[-1], length, line[:, axis]) for axis in range(3)], 1)
        np.testing.assert_allclose(points[:, path].numpy(), wanted, atol=1e-9)


def test_a_path_of_no_length_stays_where_it_is():
    points = at_even_pace(torch.ones(5, 2, 3), torch.linspace(0, 1, 4))
    assert torch.equal(points, torch.ones(4, 2, 3))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_actions_that_follow_are_exact_where_the_model_is_linear_in_them_and_never_beyond_bounds(seed):
    generator = torch.Generator().manual_seed(seed)
    gain = torch.linalg.qr(torch.randn(3, 2, generator=generator, dtype=torch.float64)).Q
    low, high = torch.tensor([-0.1, 0.02], dtype=torch.float64), torch.tensor([0.3, 0.5], dtype=torch.float64)
    model = FunctionModel(lambda z, a: 0.9 * z + torch.sin(z) * 0.1 + a @ gain.mT, 3, low, high)
    objective = Grasp(model, LatentDistance(), GraspConfig(horizon=1)).objective
    wanted = low + (high - low) * (torch.rand(1, 4, 5, 2, generator=generator, dtype=torch.float64) * 1.6 - 0.3)
    before = torch.randn(1, 4, 5, 3, generator=generator, dtype=torch.float64)
    after = model.step(before.reshape(-1, 3), wanted.reshape(-1, 2)).view(before.shape)
    actions = following_actions(objective, torch.cat([before, after]))
    inside = ((wanted >= low) & (wanted <= high)).all(-1)
    torch.testing.assert_close(actions[inside], wanted[inside], atol=2e-4, rtol=0)
    assert bool((actions >= low).all()) and bool((actions <= high).all())


def test_the_linear_inverse_knows_a_point_mass():
    run, _ = run_of(point_mass(), [random_problem(seed, 2) for seed in range(3)])
    before = torch.randn(4, 3, 5, 2, dtype=torch.float64)
    actions = 0.2 * torch.rand(4, 3, 5, 2, dtype=torch.float64) - 0.1
    inverse = LinearInverse(run, straight_line(run.task, 8))
    torch.testing.assert_close(inverse(before, before + actions), actions, atol=1e-4, rtol=0)


def test_the_way_through_the_gap_is_found_and_gone():
    problem = Problem(np.array([-0.6, 0.0], np.float32), np.array([0.6, 0.0], np.float32))
    run, config = run_of(walled_plane(), [problem])
    alone = PathSearch(run, dataclasses.replace(config, paths=1))
    search = PathSearch(run, config)
    for _ in range(8):
        alone.improve()
        search.improve()
    assert search.found() and not alone.found()  # the first path drawn is the straight line, which is blocked
    ends = run.objective.evaluate(run.task, search.actions(4)).states[-1, 0]
    assert float((ends[0] - run.task.goals[0, 0]).norm()) < 0.1


def test_a_path_that_is_found_stays_while_others_of_the_batch_are_searched():
    easy = Problem(np.array([-0.6, 0.5], np.float32), np.array([-0.2, 0.5], np.float32))
    hard = Problem(np.array([-0.6, 0.0], np.float32), np.array([0.6, 0.0], np.float32))
    run, config = run_of(walled_plane(), [easy, hard])
    search = PathSearch(run, config)
    search.improve()
    first = search.actions(1)[:, 0]
    for _ in range(5):
        search.improve()
    assert torch.equal(search.actions(1)[:, 0], first)


class Swamp:
    """A point mass that claims to go anywhere, and knows nothing of the middle of the plane."""

    def __init__(self):
        self._free = point_mass()

    def __getattr__(self, name):
        return getattr(self._free, name)

    def step_with_uncertainty(self, latents, actions):
        return self.step(latents, actions), 1.0 + 9.0 * (latents.norm(dim=-1) < 0.3)


@pytest.mark.parametrize(("caution", "avoids"), [(0.0, False), (3.0, True)])
def test_paths_keep_to_where_the_model_knows(caution, avoids):
    problem = Problem(np.array([-0.6, 0.0], np.float32), np.array([0.6, 0.0], np.float32))
    run, config = run_of(Swamp(), [problem], horizon=30, path_caution=caution)
    search = PathSearch(run, config)
    for _ in range(12):
        search.improve()
    states = run.objective.evaluate(run.task, search.actions(1)).states[:, 0, 0]
    assert bool((states.norm(dim=-1) > 0.25).all()) == avoids


def test_a_model_that_returns_nan_leaves_finite_actions():
    class Broken(RandomModel):
        def step(self, latents, actions):
            return super().step(latents, actions) * float("nan")

        def step_with_uncertainty(self, latents, actions):
            return self.step(latents, actions), torch.zeros(len(latents), dtype=latents.dtype)

    run, config = run_of(Broken(4, 2, 0), [random_problem(0, 4)])
    search = PathSearch(run, config)
    search.improve()
    actions = search.actions(3)
    assert not search.found() and bool(torch.isfinite(actions).all()) and actions.shape == (20, 1, 3, 2)


def test_an_unsolved_problem_is_searched_anew_with_other_paths_while_tolerance_is_wanted():
    seen = []

    class Seen(PathSearch):
        def improve(self):
            super().improve()
            seen.append(self.states(4))

    class Watched(Grasp):
        path_search_type = Seen

    problem = random_problem(0, 4)
    config = GraspConfig(horizon=5, iterations=1, paths=8, path_generations=1, candidates=4, path_attempts=3)
    for tolerance, attempts in ((1e-9, 3), (0.0, 1)):
        seen.clear()
        changed = dataclasses.replace(config, tolerance=tolerance)
        Watched(RandomModel(4, 2, 0), LatentDistance(), changed).plan(problem)
        assert len(seen) == attempts
        if attempts > 1:
            first, second, _ = seen
            assert not torch.equal(first[:, :, -1], second[:, :, -1])
