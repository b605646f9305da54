# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The task planner's ladder: metrics that tell broken-off plans apart, arms that hear answers alone, equal tokens."""

import argparse
import itertools
import math
import re
import shutil
from dataclasses import replace

import pytest

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.evaluation import task_planner
from robot_planner.evaluation import task_planner_outcomes as names
from robot_planner.evaluation.task_planner_arms import run_arms
from robot_planner.evaluation.task_planner_outcomes import Outcome, Row, Sample, Settings
from robot_planner.evaluation.task_planner_pairs import compare_inner_loops, paired, sentence
from robot_planner.evaluation.task_planner_problems import GROUPS, Score, case_names, make_case
from robot_planner.evaluation.task_planner_tables import arms_of, fields, with_intervals, with_one_pass
from robot_planner.evaluation.task_planner_tree import action_tree, walk_tree
from robot_planner.task_planning.belief import BeliefExpert
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.household_expert import expert_plan
from robot_planner.task_planning.household_tasks import sample_problem
from robot_planner.task_planning.households import ITEMS
from robot_planner.task_planning.language_model import Generation
from robot_planner.task_planning.plan import Step, TaskPlan
from robot_planner.task_planning.prompt import write_suffix


def case_of(group="scene+task new", seed=0, errands=(1, 2, 3)):
    return make_case(group, seed, errands)


def gold(case):
    return expert_plan(case.world, case.task.goals)


def score(strict=True, kind=True, gcr=1.0):
    return Score(True, kind, gcr, strict, strict, gcr)


def outcome(success=True, tokens=10, rounds=1):
    return Outcome(score(success, success, float(success)), tokens, tokens, 0.1, 1, rounds, rounds)


class Scripted:
    """Writes what a function of the answers so far and of the draft says."""

    name = "scripted"

    def __init__(self, write):
        self.write, self.calls = write, []

    def generate(self, prefix, suffix="", *, temperature=0.0, seed=0, **_):
        self.calls.append((prefix, suffix, temperature, seed))
        return Generation(str(self.write(prefix, suffix, temperature)), new_tokens=7, forwards=3, log_probability=-1.0)


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_gold_plans_meet_everything_and_no_plan_nothing():
    for group in GROUPS:
        case = case_of(group, 3)
        assert case.score(gold(case)) == Score(True, True, 1.0, True, True, 1.0)
        assert case.score(None) == Score(False, False, 0.0, False, False, 0.0)


def test_a_plan_that_breaks_off_after_the_goals_succeeds_by_the_papers_metric_alone():
    case = case_of(seed=1)
    plan = gold(case)
    thing = next(x for x, kind in case.task.scene.objects.items() if kind == "appliance" or kind == "container")
    doubled = TaskPlan((*plan.steps, Step("WALK", (thing,)), Step("OPEN", (thing,)), Step("OPEN", (thing,))))
    found = case.score(doubled)
    assert found.exec and not found.strict_exec and not found.strict_sr


def test_what_held_at_first_and_was_undone_counts_in_the_strict_metric_alone():
    for seed in range(200):
        case = case_of(seed=seed, errands=(1,))
        goals = [str(goal) for goal in case.task.goals]
        if (
            len(goals) == 2
            and any(goal.startswith("closed") for goal in goals)
            and gold(case).steps[-1].action == "CLOSE"
        ):
            break
    case.world.reset()
    assert any(case.world.holds(goal) for goal in case.task.goals)
    found = case.score(TaskPlan(gold(case).steps[:-1]))
    assert found.sr and found.gcr == 1.0 and found.strict_exec and not found.strict_sr and found.strict_gcr == 0.5


def test_a_plan_of_things_that_are_not_there_is_not_executable():
    case = case_of()
    assert not case.score(TaskPlan((Step("DANCE"),))).exec


def test_groups_keep_their_splits_apart_and_seeds_of_training_are_refused():
    for group, splits in GROUPS.items():
        assert make_case(group, 7, (2,)).task == sample_problem(7, *splits, (2, 2)).task
    assert len(set(case_names(4, 100))) == 12
    with pytest.raises(InvalidInputError, match="not for benches"):
        make_case("scene new", 10_000_000)


# -- arms --------------------------------------------------------------------------------------------------------------


class FromAnswers:
    """A model that corrects as the corrector does: from what the prompt tells, never from the truth."""

    def __init__(self, case):
        self.case, self.told = case, []

    def __call__(self, prefix, suffix, temperature):
        expert = BeliefExpert(self.case.task)
        seen = re.findall(r"^Learned: (.*)$", prefix, re.MULTILINE)
        expert.hear(Feedback(False, seen=tuple(seen[0].split("; ") if seen else ())))
        plan = expert.draft()
        answer = self.case.world.run(plan, self.case.task.goals)
        if all(plan != draft for draft, _ in self.told):
            self.told.append((plan, answer))
        return plan


def hidden_case():
    for seed in range(50):
        case = case_of(seed=seed, errands=(1,))
        if not case.environment.test(BeliefExpert(case.task).draft()).success:
            return case
    raise AssertionError("no such case")


SMALL = Settings(corrections=4, most_passes=6, trees=(2, 4))


def test_arms_with_the_environment_correct_what_arms_without_it_cannot():
    case, models = hidden_case(), []

    def make_model():
        models.append(Scripted(FromAnswers(case)))
        return models[-1]

    row = run_arms(case, make_model, SMALL)
    won = {arm for arm, found in row.outcomes.items() if found.score.strict_sr}
    assert won == {names.ENVIRONMENT_ARM, names.WITHOUT_RESTARTS, names.SELF_REFINE, names.CORRECTOR}
    assert row.one_pass(4).score.strict_sr and not row.one_pass(0).score.strict_sr
    assert row.outcomes[names.ENVIRONMENT_ARM].tries >= 2 and row.outcomes[names.EQUILIBRIUM].tries == 0
    assert row.outcomes[names.SINGLE].refinements == 1 and row.outcomes[names.FIXED].refinements == 4
    truth = [str(fact) for fact in case.world.initial - case.task.scene.visible if fact.relation == "inside"]
    without = [call for model in models for call in model.calls if "Answer:" not in call[0]]
    assert truth and not any(fact in prefix for fact in truth for prefix, *_ in without)


def test_self_refine_is_never_shown_a_draft_and_one_pass_refines_once_a_round():
    case, models = hidden_case(), []
    rooms = [x for x, kind in case.task.scene.objects.items() if kind not in ITEMS]
    walks = itertools.permutations(rooms, 2)  # never the same plan twice

    def wander(prefix, suffix, temperature):
        return TaskPlan(tuple(Step("WALK", (thing,)) for thing in next(walks)))

    def make_model():
        models.append(Scripted(wander))
        return models[-1]

    row = run_arms(case, make_model, replace(SMALL, restarts=0))
    prompts = [call for model in models for call in model.calls]
    assert any(suffix != write_suffix(None) and "Answer:" in prefix for prefix, suffix, *_ in prompts)
    told = [
        {suffix for _, suffix, *_ in model.calls} for model in models if any("Answer:" in c[0] for c in model.calls)
    ]
    assert {write_suffix(None)} in told
    assert row.outcomes[names.SELF_REFINE].refinements == row.outcomes[names.SELF_REFINE].rounds == 5
    assert len(row.passes) == 7 and row.one_pass(3).refinements == 4 and row.one_pass(100) == row.passes[-1]
    seeds = [call[3] for call in prompts if call[2] > 0]
    assert len(seeds) == len(set(seeds)) == 4  # samples differ


def test_a_world_model_takes_turns_and_hears_the_environment():
    case = hidden_case()

    class Foretold:
        heard = []

        def test(self, plan):
            return Feedback(True)

        def beside(self, environment):
            outer = self

            class Beside:
                def test(self, plan):
                    outer.heard.append(environment.test(plan))
                    return outer.heard[-1]

            return Beside()

    row = run_arms(case, lambda: Scripted(FromAnswers(case)), SMALL, Foretold)
    assert not row.outcomes[names.WORLD_MODEL].score.strict_sr and row.outcomes[names.WORLD_MODEL].tries == 0
    assert row.outcomes[names.BOTH].score.strict_sr and Foretold.heard[-1].success


# -- tree search -------------------------------------------------------------------------------------------------------


def test_a_tree_follows_the_votes_and_corrects_at_the_nearest_fork():
    case = case_of(seed=2)
    plan, goals = gold(case), case.task.goals
    wrong = TaskPlan((*plan.steps[:-1], plan.steps[0]))
    samples = [(wrong, -1.0), (wrong, -2.0), (plan, -0.5)]  # votes count before chances
    astray = walk_tree(action_tree(samples), case.world, goals, 0)
    assert astray.plan == wrong and astray.tries == 1
    corrected = walk_tree(action_tree(samples), case.world, goals, 1)
    assert corrected.plan == plan and corrected.tries == 2
    alone = walk_tree(action_tree([(wrong, -1.0)]), case.world, goals, 9)
    assert alone.plan == wrong and alone.tries == 1  # nothing is left
    assert walk_tree(action_tree([]), case.world, goals, 9).plan is None


def test_a_branch_that_the_checker_refuses_is_passed_over_without_a_try():
    case = case_of(seed=2)
    plan, goals = gold(case), case.task.goals
    far = next(x for x, kind in case.task.scene.objects.items() if kind == "container")
    refused = TaskPlan((Step("OPEN", (far,)),))
    found = walk_tree(action_tree([(refused, -1.0), (refused, -1.0), (plan, -9.0)]), case.world, goals, 0)
    assert found.plan == plan and found.tries == 1


# -- tables ------------------------------------------------------------------------------------------------------------


def row(environment=True, tokens=20, passes=((True, 10),), samples=((True, -1.0),)):
    outcomes = {name: outcome(environment, tokens) for name in (names.SINGLE, names.ENVIRONMENT_ARM)}
    found = tuple((outcome(success, 5), (False, 0, -chance)) for success, chance in samples)
    single = tuple(outcome(success, spent) for success, spent in passes)
    return Row("scene new", 0, "<= 10 steps", outcomes, single, found)


def test_equal_tokens_are_chosen_by_tokens_alone():
    passes = ((False, 10), (False, 20), (True, 90))
    arms, numbers = arms_of([row(tokens=22, passes=passes, samples=[(False, -1.0), (True, -0.5)] * 5)] * 2)
    assert numbers == {"corrections": 1, "samples": 4}
    assert not arms[names.ONE_PASS_EQUAL][0].score.sr and arms[names.ONE_PASS_EQUAL][0].tokens == 20
    assert arms[names.BEST_OF][0].tokens == 20 and arms[names.BEST_OF][0].score.sr  # picked by the model's score
    low = [row(tokens=22, samples=[(False, -0.5), (True, -1.0)] * 5)]
    arms, _ = arms_of(low)
    assert not arms[names.BEST_OF][0].score.sr and arms[names.ORACLE][0].score.sr
    assert list(with_one_pass(arms, low, 10))[:2] == [names.SINGLE, names.ENVIRONMENT_ARM]


def test_samples_are_picked_by_the_checker_first_and_never_by_the_truth():
    lost, won = outcome(False), outcome(True)
    better = [
        Sample(TaskPlan(), lost, -9.0, 0),
        Sample(TaskPlan(), won, -9.5, 0),
        Sample(TaskPlan(), won, -1.0, 1),
        Sample(TaskPlan(), won, -1.0, 2),
        Sample(None, won, -1.0, 0),
    ]
    assert sorted(reversed(better), key=lambda sample: sample.rank) == better


def test_models_do_not_make_problems_more():
    cell = with_intervals(fields([outcome(True), outcome(False)]), 2)
    assert cell["strict_sr"] == 0.5 and cell["strict_sr_low"] == pytest.approx(0.0945, abs=1e-3)
    assert cell["tokens"] == 10 and cell["fixed_point_share"] == 0.0


def test_pairs_are_counted_as_they_disagree():
    won, lost = outcome(True), outcome(False)
    found = paired([won, won, lost, won, won], [won, lost, won, lost, lost], "strict_sr")
    assert (found["only_one"], found["only_other"], found["pairs"]) == (3, 1, 5)
    assert found["p"] == pytest.approx(2 * (1 + 4) / 16)


@pytest.mark.parametrize(
    ("with_it", "without", "word"),
    [(True, False, "adds 100.0 points"), (False, True, "costs 100.0 points"), (True, True, "no clear difference")],
)
def test_the_sentence_says_what_the_figures_say(with_it, without, word):
    arms = {names.ENVIRONMENT_ARM: [outcome(with_it)] * 9}
    arms |= {name: [outcome(without)] * 9 for name in (names.ONE_PASS, names.ONE_PASS_EQUAL)}
    records = compare_inner_loops({"one": arms, "two": arms})
    assert {record["pairs"] for record in records} == {9, 18}
    assert sentence(records).count(word) == 2 and "equal tokens" in sentence(records)


# -- the command -------------------------------------------------------------------------------------------------------


def options(*words):
    parser = argparse.ArgumentParser()
    task_planner.add_arguments(parser)
    return parser.parse_args(words)


def test_the_command_gives_flat_records_of_each_model_and_their_mean(tiny_planner, tmp_path):
    other = str(shutil.copytree(tiny_planner, tmp_path / "other"))
    words = (
        "--models",
        tiny_planner,
        other,
        "--problems",
        "1",
        "--errands",
        "1",
        "--workers",
        "1",
        "--corrections",
        "1",
    )
    records = task_planner.run(options(*words))
    assert all(isinstance(value, (str, bool, int, float)) for record in records for value in record.values())
    assert {record["model"] for record in records} == {"mean", "all", tiny_planner, other}
    means = [r for r in records if r["part"] == "ladder" and r["model"] == "mean" and r["group"] == r["steps"] == "all"]
    assert len(means) == 15 and {record["problems"] for record in means} == {3}
    assert not any(math.isnan(record["strict_sr"]) for record in means)
    ceiling = next(record for record in means if record["arm"] == names.CORRECTOR)
    assert ceiling["strict_sr"] > 0.0
    shown = task_planner.show(records)
    assert "Does the inner fixed point add anything" in shown and "to reach: 2.1" in shown


def test_mistakes_are_named_before_anything_runs(tiny_planner):
    with pytest.raises(ModelError):
        task_planner.run(options("--models", "there-is-none"))
    with pytest.raises(InvalidInputError, match="twice"):
        task_planner.run(options("--models", tiny_planner, tiny_planner))
    with pytest.raises(InvalidInputError, match="positive"):
        task_planner.run(options("--models", tiny_planner, "--workers", "0"))
    with pytest.raises(InvalidInputError, match="below 10000000"):
        task_planner.run(options("--models", tiny_planner, "--seed", "9999999", "--problems", "2"))
