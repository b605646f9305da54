# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The bench of solvers, with tiny models: what is compared with what, and what is counted."""

import argparse
from dataclasses import replace

import pytest
import torch

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.evaluation import solver, solver_drafts, solver_fixed_points
from robot_planner.evaluation.solver_drafts import FIRST, HEARD, LATER, ONE, SOLVED, plan_in_all_ways
from robot_planner.evaluation.solver_fixed_points import COLD, EQUILIBRIUM, RULES, SoftPlanner, Solve
from robot_planner.evaluation.task_planner_problems import make_case
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.language_model import Generation
from robot_planner.task_planning.local_model import LocalModel, save_local_model
from robot_planner.task_planning.network import StepNetwork, StepNetworkConfig
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.soft_refiner import SoftRefiner, save_soft_refiner
from robot_planner.training.lesson_shards import gather_shard, read_examples
from robot_planner.training.plan_batches import by_scene, collate, plan_loss, soft_plans
from robot_planner.training.plan_lessons import word_list

WORDS = word_list()
CONFIG = StepNetworkConfig(words=len(WORDS), width=32, layers=2, heads=1)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Fitted for a few steps: enough to write plans that end."""
    path = gather_shard(tmp_path_factory.mktemp("lessons") / "few.npz", range(1, 9), CONFIG)
    scenes = by_scene(read_examples([path]))
    torch.manual_seed(0)
    network = StepNetwork(CONFIG)
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(12):
        optimizer.zero_grad()
        plan_loss(network, collate(scenes, len(WORDS)))["loss"].backward()
        optimizer.step()
    return network.eval().requires_grad_(False)


@pytest.fixture
def refiner():
    torch.manual_seed(0)
    return SoftRefiner(StepNetwork(CONFIG), 12).eval().requires_grad_(False)


def arguments(*words):
    parser = argparse.ArgumentParser()
    solver.add_arguments(parser)
    return parser.parse_args([str(word) for word in words])


def test_texts_with_and_without_drafts_are_the_same_and_calls_are_counted_apart(network):
    rows = [
        plan_in_all_ways(make_case("scene new", seed, (1,)), lambda: LocalModel(network, WORDS), 2) for seed in (0, 1)
    ]
    table = {record["iteration"]: record for record in solver_drafts.drafts_table(rows)}
    assert table[FIRST]["texts"] == 2 and table[FIRST]["times_fewer"] == 1.0 and table[FIRST]["passed"] is None
    assert all(record["different"] == 0 and record["identical"] == record["texts"] for record in table.values())
    for kind in (HEARD, LATER):
        assert table[kind]["decoder_calls_plain"] == table[kind]["tokens"]
        assert table[kind]["decoder_calls"] <= table[kind]["decoder_calls_plain"]
    assert sum(r["decoder_calls"] for r in table.values()) < sum(r["decoder_calls_plain"] for r in table.values())
    assert table[LATER]["passed"] == (table[LATER]["times_fewer"] >= 3.0)
    assert sum(len(row.helped) for row in rows) == sum(r["texts"] for r in table.values())
    changed = replace(rows[0], plain=((FIRST, Generation("END")), *rows[0].plain[1:-1]))
    assert changed.different == 2  # one that differs, one that is missing
    assert solver_drafts.drafts_table([changed])[2]["passed"] in (False, None)


class Turning:
    """Goes round between the right plan, with a step too many, and nothing."""

    name = "turning"

    def __init__(self, *texts):
        self.texts = texts

    def generate(self, prefix, suffix="", **options):
        at = next((n for n, text in enumerate(self.texts) if f"Draft:\n{text}\n" in suffix), -1)
        return Generation(self.texts[(at + 1) % len(self.texts)], new_tokens=1, forwards=1, log_probability=-1.0 - at)


def test_cycles_are_shown_with_what_was_chosen_of_them():
    case = make_case("task new", 3, (1,))
    gold = expert_plan(case.world, case.task.goals)
    worse = TaskPlan(gold.steps[:1])
    row = plan_in_all_ways(case, lambda: Turning(str(worse), str(gold)), 0)
    (cycle,) = row.cycles
    assert cycle["length"] == 2 and cycle["chosen"] in (cycle["best"], 0.0) and cycle["best"] == 1.0
    *ends, cycles = solver_drafts.ends_table([row])
    assert [(r["reason"], r["solves"], r["share"]) for r in ends] == [("cycle", 1, 1.0)]
    assert cycles["lengths"] == "2: 1" and cycles["gcr_best"] == 1.0
    assert cycles["best_chosen"] == (cycle["chosen"] == 1.0)


def test_warm_starts_are_compared_in_the_contexts_that_feedback_made():
    """The first text is right but for its last step; told so, it is put right, from a draft at once, else in two."""
    case = make_case("task new", 3, (1,))
    gold = expert_plan(case.world, case.task.goals)
    short = TaskPlan(gold.steps[:-1])

    class Late:
        name = "late"

        def generate(self, prefix, suffix="", **options):
            first = "Draft:\nNULL" in suffix
            text = str(short if first or "Tried" not in prefix else gold)
            return Generation(text, new_tokens=9, forwards=9 if first else 2)

    rows = [plan_in_all_ways(case, Late, 1)]
    (record,) = solver_drafts.warm_table(rows)
    assert (record["contexts"], record["both_converged"], record["same_plan"]) == (1, 1, 1.0)
    assert (record["iterations_cold"], record["iterations_warm"]) == (3, 2)
    assert (record["forwards_cold"], record["forwards_warm"], record["passed"]) == (13, 4, True)


def test_success_is_counted_by_what_was_spent_until_then():
    case = make_case("task new", 3, (1,))
    gold = str(expert_plan(case.world, case.task.goals))

    class Right:
        name = "right"

        def generate(self, prefix, suffix="", **options):
            return Generation(gold, new_tokens=15, forwards=1)

    row = plan_in_all_ways(case, Right, 1)
    found = {(r["arm"], r["tokens"]): r["success"] for r in solver_drafts.curve([row])}
    assert [found[SOLVED, tokens] for tokens in (10, 20, 40)] == [0.0, 0.0, 1.0]  # the fixed point is seen at 30
    assert [found[ONE, tokens] for tokens in (10, 20, 40)] == [0.0, 1.0, 1.0]


def test_the_refiners_plan_is_one_that_may_be_written(refiner):
    case = make_case("scene+task new", 1, (2,))
    planner = SoftPlanner(refiner, WORDS, case)
    context, example = planner.context(())
    noise = torch.randn(1, refiner.size(context), generator=torch.Generator().manual_seed(0))
    plan = planner.plan(noise * 5, context, example)
    assert plan.steps and all(case.task.scene.misfit(step) is None for step in plan.steps)
    gold = expert_plan(case.world, case.task.goals)
    wanted = planner._maker.example("\n".join(_prompt(case)), "Draft:\nNULL\nPlan:\n", gold, case.task.scene)
    long = SoftRefiner(refiner.network, len(gold.steps) + 1)
    state = long.start(context, soft_plans([wanted], long.steps)[0])
    assert SoftPlanner(long, WORDS, case).plan(state, context, example) == gold


def _prompt(case):
    from robot_planner.task_planning.prompt import write_prompt

    return write_prompt(case.task).split("\n")


def test_each_solver_begins_cold_and_warm_in_the_contexts_that_feedback_made(refiner):
    solves = solver_fixed_points.solves_of(make_case("scene new", 2, (1,)), refiner, WORDS)
    assert len(solves) == len(RULES) * 3 * solver_fixed_points.ROUNDS
    assert {s.key[2] for s in solves} == {1, 2, 3}
    records = solver_fixed_points.table_of(solves)
    assert [r["contexts"] for r in records] == [3] * 9
    assert all(r["times_fewer"] == 1.0 for r in records if r["start"] == COLD and r["pairs"])


def test_warm_is_compared_where_both_came_to_an_end():
    def made(start, number, evaluations, converged=True):
        return Solve("picard", start, ("scene new", 0, number), evaluations, converged, 0.1, (1.0, 0.1))

    solves = [made(COLD, 1, 12), made(EQUILIBRIUM, 1, 4), made(COLD, 2, 60, False), made(EQUILIBRIUM, 2, 2)]
    records = {(r["solver"], r["start"]): r for r in solver_fixed_points.table_of(solves)}
    warm = records["picard", EQUILIBRIUM]
    assert (warm["pairs"], warm["times_fewer"], warm["passed"], warm["contexts"]) == (1, 3.0, True, 2)
    assert records["picard", COLD]["converged"] == 0.5 and records["picard", COLD]["passed"] is None
    assert records["broyden", EQUILIBRIUM]["passed"] is None


def test_the_command_writes_records_and_figures(tmp_path, network, refiner):
    save_local_model(network, WORDS, tmp_path / "model", "hardly fitted, for tests\n")
    save_soft_refiner(refiner, WORDS, tmp_path / "refiner", "random weights, for tests\n")
    folders = ("--model", tmp_path / "model", "--refiner", tmp_path / "refiner", "--out", tmp_path / "out")
    records = solver.run(arguments(*folders, "--problems", 1, "--corrections", 1, "--seed", 5))
    assert {record["part"] for record in records} >= {"fixed points", "draft reuse", "cycles", "success by budget"}
    assert all(record["first_seed"] == 5 for record in records)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"residuals.png", "budget.png"}
    shown = solver.show(records)
    assert shown.count("\n\n") == len({record["part"] for record in records}) - 1 and "anderson" in shown
    with pytest.raises(InvalidInputError, match="--problems is positive"):
        solver.run(arguments(*folders, "--problems", 0))
    with pytest.raises(ModelError):
        solver.run(arguments("--parts", "drafts", "--model", tmp_path / "refiner"))
