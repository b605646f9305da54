# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The ablations: each variant takes away what it says, and nothing else."""

import argparse
import contextlib
import dataclasses
import time

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError, UnknownNameError
from robot_planner.evaluation import grasp_ablation
from robot_planner.evaluation.closed_loop import Outcome
from robot_planner.evaluation.grasp_ablation import VARIANTS, AcceptingSearch, UncutLifted, Variant, made
from robot_planner.evaluation.planning_cells import CellWorld
from robot_planner.evaluation.two_room_cells import ROOMS
from robot_planner.planning import Grasp, GraspConfig, LatentDistance
from robot_planner.planning.lifted import Lifted
from robot_planner.planning.noise import parts_of
from robot_planner.planning.objective import Objective
from robot_planner.point_world import build_dynamics, load_point_world, point_world, to_latents
from robot_planner.push_t_world import build_dynamics as build_push
from robot_planner.push_t_world import push_world
from robot_planner.simulation.push_t import SKIP
from robot_planner.simulation.two_room import sample_problem
from robot_planner.types import Problem

PARTS_APART = "noise drawn for each part of an action"


def options(*words):
    parser = argparse.ArgumentParser()
    grasp_ablation.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_the_cut_gradient_is_what_autograd_says_is_missing():
    world = point_world("random", build_dynamics(8, 2, 1))
    config = GraspConfig(horizon=4, smoothness_weight=0.0, terminal_weight=0.0)
    objective = Objective(world.dynamics, LatentDistance(), config)
    generator = torch.Generator().manual_seed(0)
    task = objective.task(*(torch.rand(2, 2, generator=generator) - 0.5 for _ in range(2)))
    states, actions = (torch.rand(n, 2, 3, 2, generator=generator) - 0.5 for n in (5, 4))
    states[0], states[-1] = task.starts.unsqueeze(1), task.goals
    lifted = UncutLifted(objective, task, states, actions, 1.0)

    leaf = states.clone().requires_grad_(True)
    predicted = world.dynamics.step(leaf[:-1].reshape(-1, 2), actions.reshape(-1, 2)).view(4, 2, 3, 2)
    # for the mean squared latent difference the goal term is half the squared distance: the paper's
    loss = (predicted - leaf[1:]).square().sum() / 2 + (predicted - task.goals).square().sum() / 2
    (whole,) = torch.autograd.grad(loss, leaf)
    kept = leaf.detach()[1:-1] - predicted.detach()[:-1]
    torch.testing.assert_close(lifted.cut_gradient(), whole[1:-1] - kept, atol=1e-5, rtol=1e-4)

    cut = Lifted(objective, task, states, actions, 1.0)
    rate = torch.zeros(2, 3, 2)
    missing = lifted.cut_gradient()
    lifted.iterate(rate, 1.0, 0.5)
    cut.iterate(rate, 1.0, 0.5)
    torch.testing.assert_close(cut.states[1:-1] - lifted.states[1:-1], 0.5 * missing, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_plans_in_the_rooms(name):
    world = load_point_world()
    problem = sample_problem(0, 20)
    settings = {"horizon": 20, "iterations": 12, "restarts": 2, "candidates": 4, "paths": 16, "path_generations": 2}
    plan = made(VARIANTS[name], world, settings).plan(Problem(to_latents(problem.start), to_latents(problem.goal)))
    assert plan.actions.shape == (20, 2) and np.isfinite(plan.cost)


def test_parts_of_an_action_are_told_apart_by_all_but_one_variant():
    world = push_world("random", build_push(8, 2, 1))
    whole, apart = (made(VARIANTS[name], world, {"horizon": 3}) for name in ("whole", PARTS_APART))
    assert (parts_of(whole.objective.model), parts_of(apart.objective.model)) == (SKIP, 1)
    assert parts_of(world.dynamics) == SKIP


def test_phases_never_taken_back_go_on_from_what_is_left():
    world = point_world("random", build_dynamics(8, 2, 1))
    planner = made(Variant(kind=VARIANTS["phases never taken back"].kind), world, {"horizon": 3})
    assert planner.search_type is AcceptingSearch
    worse = object()
    assert AcceptingSearch.accept(None, worse, worse) == (worse, worse)


def test_a_variant_without_warm_start_plans_twice_the_same():
    world, problem = load_point_world(), sample_problem(1, 20)
    settings = {"horizon": 20, "iterations": 10, "restarts": 2, "candidates": 4, "noise": 0.0}
    ask = Problem(to_latents(problem.start), to_latents(problem.goal))
    costs = {}
    for name in ("whole", "no warm start"):
        planner = made(VARIANTS[name], world, settings)
        costs[name] = [planner.plan(ask).cost_history[0] for _ in range(2)]
    assert costs["whole"][1] < costs["whole"][0]  # it goes on from its last plan
    assert costs["no warm start"][1] > costs["whole"][1]


def test_records_name_world_variant_and_both_verdicts():
    args = options("--worlds", "two-room", "--variants", "whole", "no noise", "--horizons", 20, "--problems", 2)
    args.milliseconds = 30.0
    records = grasp_ablation.run(args)
    assert [record["variant"] for record in records] == ["whole", "no noise"]
    assert all(record["problems"] == 2 and "model_success" in record for record in records)


def test_variants_that_change_nothing_are_left_out_and_no_other():
    names = ["whole", "sync by CEM", "sync by gradient", "no stop-gradient", "no warm start", "no hesitation"]
    args = options("--variants", *names)
    for sync, gone in (("cem", "sync by CEM"), ("gradient", "sync by gradient")):
        assert list(grasp_ablation._chosen(args, "two-room", "open", {"sync": sync})) == [
            name for name in names[:4] if name != gone
        ]
    settings = {"sync": "population"}
    assert list(grasp_ablation._chosen(args, "pusht", "closed", settings)) == names[:5]
    assert list(grasp_ablation._chosen(args, "pusht", "closed", {**settings, "hesitation": 0.5})) == names


def test_what_is_kept_beside_a_plan_is_kept_by_all_but_one_variant():
    world, problem = load_point_world(), sample_problem(1, 20)
    ask = Problem(to_latents(problem.start), to_latents(problem.goal))
    kept, settings = {}, {"horizon": 20, "iterations": 2, "restarts": 2, "keep_restarts": True}
    for name in ("whole", "no plan kept beside the last one"):
        planner, seen = made(VARIANTS[name], world, settings), []
        begin = planner._begin_search
        planner._begin_search = lambda run, *rest, begin=begin, seen=seen: seen.append(run.others) or begin(run, *rest)
        for _ in range(2):
            planner.plan(ask)
        kept[name] = [others is not None for others in seen]
    assert kept == {"whole": [False, True], "no plan kept beside the last one": [False, False]}


def test_closed_loop_plans_more_than_once_and_may_hesitate(monkeypatch):
    hesitations, spoilt = [], dataclasses.replace(ROOMS, settings={"closed": "push_t.yaml"})
    monkeypatch.setitem(grasp_ablation.CELL_WORLDS, "two-room", spoilt)
    settings = {"grasp": {"restarts": 2, "hesitation": 0.5}}
    monkeypatch.setattr(grasp_ablation, "found_settings", lambda path, name: {"push_t.yaml": settings}[name])
    monkeypatch.setattr(
        CellWorld, "hesitant", lambda self, planner, model, metric, horizon, share: hesitations.append(share) or planner
    )
    plans = []
    monkeypatch.setattr(Grasp, "plan", lambda self, *given, plan=Grasp.plan: plans.append(1) or plan(self, *given))
    variants = dataclasses.replace(VARIANTS["no hesitation"], worlds=("two-room",))
    monkeypatch.setitem(VARIANTS, "no hesitation", variants)
    words = ["--loop", "closed", "--worlds", "two-room", "--horizons", 50, "--problems", 1, "--milliseconds", 5]
    records = grasp_ablation.run(options(*words, "--variants", "whole", "no hesitation"))
    assert [record["loop"] for record in records] == ["closed", "closed"] and hesitations == [0.5, 0.0]
    assert len(plans) > 2 * 4 * 2  # each problem four times, three of them to warm up


def test_at_push_budgets_are_of_the_threads_own_time(monkeypatch):
    clocks = []

    def episode(tabletop, world, planner, task, seed, tolerance, budget, **options):
        clocks.append((planner._clock, options["clock"], budget))
        return Outcome(True, 0.0, True, 3, [0.01], [seed])

    monkeypatch.setattr(grasp_ablation, "Tabletop", contextlib.nullcontext)
    monkeypatch.setattr(grasp_ablation, "run_episode", episode)
    args = options("--worlds", "tabletop", "--variants", "whole", "no noise", "--episodes", 3, "--seed", 7)
    records = grasp_ablation.run(args)
    assert set(clocks) == {(time.thread_time, time.thread_time, 0.035)}
    assert [(record["variant"], record["iterations_median"]) for record in records] == [("whole", 8), ("no noise", 8)]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--worlds", "moon"), UnknownNameError),
        (("--variants", "no luck"), UnknownNameError),
        (("--problems", 0), InvalidInputError),
        (("--milliseconds", 0), InvalidInputError),
    ],
)
def test_bad_options_are_refused_before_anything_runs(words, error):
    with pytest.raises(error):
        grasp_ablation.run(options(*words))
