# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The world model of feedback: what it is taught is what it says, in the world's own words."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.feedback import ENVIRONMENT, WORLD_MODEL, Feedback
from robot_planner.task_planning.feedback_model import (
    FeedbackModel,
    known,
    load_feedback_model,
    save_feedback_model,
)
from robot_planner.task_planning.feedback_network import FeedbackNetwork
from robot_planner.task_planning.households import HELD_OUT
from robot_planner.task_planning.language_model import Generation
from robot_planner.task_planning.nested import Budgets, Stop
from robot_planner.task_planning.network import StepNetworkConfig
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.plan_task import plan_task
from robot_planner.task_planning.tokens import Kind, PromptReader
from robot_planner.training.feedback_lessons import (
    NO,
    NOT_ASKED,
    SPOILT_COPY,
    YES,
    FeedbackExampleMaker,
    feedback_loss,
    gather_feedback_shard,
    trials_of,
)
from robot_planner.training.lesson_shards import read_examples
from robot_planner.training.plan_batches import by_scene, collate
from robot_planner.training.plan_lessons import word_list

WORDS = word_list()
CONFIG = StepNetworkConfig(words=len(WORDS), width=64, layers=2, heads=2)
MAKER = FeedbackExampleMaker(PromptReader(WORDS), CONFIG)
TRIALS = [trial for seed in (8, 3, 5) for trial in trials_of(seed)]


def fresh():
    torch.manual_seed(0)
    return FeedbackNetwork(CONFIG)


@pytest.fixture(scope="module")
def fitted():
    """A network that knows a few trials by heart."""
    network, groups = fresh(), by_scene([MAKER.example(trial) for trial in TRIALS])
    optimizer = torch.optim.Adam(network.parameters(), 2e-3)
    for _ in range(250):
        loss = feedback_loss(network, collate(groups, CONFIG.words))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.01:
            break
    return network


def answer(feedback):
    return feedback.failed_step, feedback.reason, feedback.unmet, feedback.success


@pytest.mark.parametrize("careful", [False, True])
def test_what_was_taught_is_said_at_work(fitted, careful):
    model = FeedbackModel(fitted, WORDS, careful=careful)
    said = [model.predict(trial.task, trial.heard, trial.plan) for trial in TRIALS]
    assert [answer(s) for s in said] == [answer(trial.feedback) for trial in TRIALS]
    assert {s.source for s in said} == {WORLD_MODEL} and not any(s.seen for s in said)
    assert any(s.failed_step is not None for s in said) and any(s.success for s in said)


class Overheard(FeedbackNetwork):
    """Keeps the logits that it gives."""

    def fails(self, hidden):
        self.of_steps = super().fails(hidden)
        return self.of_steps

    def unmet(self, hidden):
        self.of_goals = super().unmet(hidden)
        return self.of_goals


def test_the_network_says_at_work_what_it_is_taught_by():
    torch.manual_seed(1)
    network = Overheard(CONFIG).eval()
    with torch.no_grad():
        network.step_head.bias.fill_(-50.0)  # foretells that all is done, as in these trials
    model, compared = FeedbackModel(network, WORDS, careful=False), 0
    for trial in TRIALS:
        if trial.feedback.failed_step is not None:
            continue
        example, steps = MAKER.example(trial), len(trial.plan.steps)
        feedback_loss(network, collate([[example]], CONFIG.words))
        goals = np.flatnonzero(example.targets[:, 2] != NOT_ASKED)[steps:].tolist()
        taught = network.of_steps[0, 1 : 1 + steps], network.of_goals[0, goals]
        model.predict(trial.task, trial.heard, trial.plan)
        assert torch.allclose(network.of_steps, taught[0], atol=1e-4)
        assert torch.allclose(network.of_goals, taught[1], atol=1e-4)
        compared += 1
    assert compared >= 3


def test_a_careful_model_never_gainsays_the_checker():
    model = FeedbackModel(fresh(), WORDS)  # knows nothing
    for trial in TRIALS:
        said = model.predict(trial.task, trial.heard, trial.plan)
        found = check(trial.plan, trial.task.scene, known(trial.task, trial.heard), trial.task.goals)
        if found.violations:
            assert said.failed_step is not None and said.failed_step <= found.violations[0].step
            if said.failed_step == found.violations[0].step:
                assert said.reason == found.violations[0].reason
        if said.failed_step is not None and (not found.violations or said.failed_step < found.violations[0].step):
            assert said.failed_step in dict(found.assumed)
        if said.failed_step is None:
            assert set(found.unmet) <= set(said.unmet) <= {*found.unmet, *found.open}


def test_targets_tell_each_step_up_to_the_failing_one_and_each_goal():
    for trial in TRIALS:
        example, feedback = MAKER.example(trial), trial.feedback
        plan = example.tokens[-example.lengths[3] :]
        steps, asked = len(trial.plan.steps), example.targets[:, 2]
        done = steps if feedback.failed_step is None else feedback.failed_step
        assert asked[0] == NOT_ASKED and (asked[1 : 1 + done] == NO).all()
        assert (asked[1 : 1 + steps] == YES).sum() == (feedback.failed_step is not None)
        goals = np.isin(plan[:, 0], (Kind.GOAL, Kind.NOT_GOAL, Kind.COUNT)) & (asked != NOT_ASKED)
        assert goals.sum() == len(trial.task.goals) and (asked[goals] == YES).sum() == len(feedback.unmet)


def test_lessons_of_one_scene_side_by_side_teach_what_each_teaches_alone():
    network = fresh().eval()
    examples = [MAKER.example(trial) for trial in TRIALS]
    asked = [int((e.targets[:, 2] != NOT_ASKED).sum()) for e in examples]
    alone = [feedback_loss(network, collate([[e]], CONFIG.words))["loss"].item() for e in examples]
    both = feedback_loss(network, collate(by_scene(examples), CONFIG.words))["loss"].item()
    assert both == pytest.approx(np.average(alone, weights=asked), rel=1e-4)


def test_trials_are_the_same_for_a_seed_and_try_the_planner_where_there_is_one():
    assert [trial for seed in (8, 3, 5) for trial in trials_of(seed)] == TRIALS
    assert {trial.whose for trial in TRIALS} == {"corrector", "spoilt"}
    idle = list(trials_of(3, HELD_OUT, lambda prefix, draft, scene: TaskPlan()))
    own = [trial for trial in idle if trial.whose == "planner"]
    assert len(own) > 1 and all(not trial.feedback.success for trial in own)
    assert own[1].heard == ((TaskPlan(), own[0].feedback),)
    assert any(trial.whose == SPOILT_COPY for trial in idle)


def test_a_shard_survives_the_disk(tmp_path):
    path = gather_feedback_shard(tmp_path / "shard.npz", range(8, 9), CONFIG)
    wanted = [MAKER.example(trial) for trial in trials_of(8)]
    for found, made in zip(read_examples([path]), wanted, strict=True):
        assert found.lengths == made.lengths and (found.targets == made.targets).all()
        assert (found.tokens == made.tokens).all() and (found.allowed == made.allowed).all()


def test_a_tester_hears_the_environment_and_never_itself(fitted):
    trial = TRIALS[0]
    tester = FeedbackModel(fitted, WORDS)(trial.task)
    assert tester.test(trial.plan).source == WORLD_MODEL and tester.heard == []

    class World:
        def test(self, plan):
            return replace(trial.feedback, source=ENVIRONMENT)

    told = tester.beside(World()).test(trial.plan)
    assert told.source == ENVIRONMENT and tester.heard == [(trial.plan, told)]
    assert isinstance(tester.test(trial.plan), Feedback)


class Scripted:
    """Writes one plan, whatever it is told; keeps the prompts."""

    name = "scripted"

    def __init__(self, plan):
        self.plan, self.prompts = plan, []

    def generate(self, prefix, suffix="", **options):
        self.prompts.append(prefix)
        return Generation(str(self.plan), 1, 0, 1, 1, 0, 0.0, 0.0, 0.0)


def test_it_stands_in_for_the_environment_and_is_corrected_by_it(fitted):
    good = next(trial for trial in TRIALS if trial.feedback.success and not trial.heard)
    model = FeedbackModel(fitted, WORDS)
    alone = plan_task(good.task, Scripted(good.plan), world_model=model(good.task), constrained=False)
    assert alone.stop is Stop.PREDICTED_SUCCESS and not alone.success

    class Refuses:
        def test(self, plan):
            return Feedback(False, 0, "it is stuck")

    tester, writer = model(good.task), Scripted(good.plan)
    both = plan_task(
        good.task, writer, environment=tester.beside(Refuses()), world_model=tester, constrained=False,
        budgets=Budgets(corrections=2, iterations=2),
    )  # fmt: skip
    assert not both.success and [answer.reason for _, answer in tester.heard][:1] == ["it is stuck"]
    assert [f.source for f in both.rounds[0].feedback] == [WORLD_MODEL, ENVIRONMENT]
    told = writer.prompts[-1]  # what was foretold is dropped once the environment has spoken
    assert "it is stuck" in told and "all goals are met" not in told


def test_a_folder_gives_the_same_answers_and_others_are_refused(fitted, tmp_path):
    save_feedback_model(fitted, WORDS, tmp_path / "model", "A test.\n")
    model, loaded = FeedbackModel(fitted, WORDS), load_feedback_model(tmp_path / "model")
    for trial in TRIALS[:6]:
        assert loaded(trial.task).test(trial.plan) == model(trial.task).test(trial.plan)
    with pytest.raises(ModelError):
        load_feedback_model(tmp_path / "none")
    with pytest.raises(ModelError, match="of kind 'world_model'|of kind"):
        load_feedback_model("tabletop")


def test_a_scene_with_more_things_than_the_network_takes_is_refused():
    small = StepNetworkConfig(words=len(WORDS), width=32, layers=1, heads=1, things=2)
    with pytest.raises(InvalidInputError, match="takes 2 at most"):
        FeedbackModel(FeedbackNetwork(small), WORDS).predict(TRIALS[0].task, (), TRIALS[0].plan)
    with pytest.raises(InvalidInputError, match="takes 2 at most"):
        FeedbackExampleMaker(PromptReader(WORDS), small).example(TRIALS[0])
