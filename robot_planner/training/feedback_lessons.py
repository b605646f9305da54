# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What the world model of feedback learns from: plans that were tried, and what the world answered.

The plans are those that it will be asked about: the planner's own equilibria, round by round, where a planner is given,
what the corrector would try, and spoilt copies of that.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.domain import Domain
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.feedback_model import known
from robot_planner.task_planning.feedback_network import FeedbackNetwork, FeedbackReader, ReasonForm, reason_forms
from robot_planner.task_planning.grammar import Grammar
from robot_planner.task_planning.household_expert import CannotPlanError
from robot_planner.task_planning.households import TRAINING
from robot_planner.task_planning.network import StepNetworkConfig
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.prompt import write_prompt
from robot_planner.task_planning.scene import Task
from robot_planner.task_planning.state import Knowledge
from robot_planner.task_planning.tokens import Kind, PromptReader, name_pieces
from robot_planner.training.lesson_shards import equilibrium_of, write_examples
from robot_planner.training.plan_batches import PlanBatch, PlanExample
from robot_planner.training.plan_lessons import (
    LONGEST,
    MOST_ROUNDS,
    SPOILT,
    WINDOW,
    Answer,
    draw_problem,
    spoil,
    word_list,
)

PLANNER, CORRECTOR, SPOILT_COPY = "planner", "corrector", "spoilt"
"""Whose plan was tried."""
NOT_ASKED, NO, YES = range(3)
"""Of a step: whether it can't be done; of a goal: whether it is unmet."""


@dataclass(frozen=True)
class Trial:
    """A plan that was tried, and what was known before."""

    task: Task
    heard: tuple[tuple[TaskPlan, Feedback], ...]
    plan: TaskPlan
    feedback: Feedback
    whose: str


def trials_of(seed: int, split: str = TRAINING, answer: Answer | None = None) -> Iterator[Trial]:
    """The trials of one problem, in the rounds of a planner, or, without its ``answer``, of the corrector."""
    random = Random(f"feedback {seed}")
    task, world, make_teacher = draw_problem(seed, split, random)
    teacher = make_teacher(task)
    heard: tuple[tuple[TaskPlan, Feedback], ...] = ()
    last: TaskPlan | None = None
    for _ in range(MOST_ROUNDS):
        try:
            target = teacher.draft()
        except CannotPlanError:
            return
        if len(target.steps) > LONGEST:
            return
        plans = {spoil(target, task.scene, random): SPOILT_COPY, target: CORRECTOR}
        plans.setdefault(_likely(target, task, random, known(task, heard)), SPOILT_COPY)
        if answer is not None:
            draft = answer(write_prompt(task, heard, WINDOW), last, Grammar(task.scene, task.goals).after(heard))
            plans[draft] = PLANNER
        else:
            draft = next(iter(plans)) if random.random() < SPOILT else target
        for plan, whose in plans.items():
            yield Trial(task, heard, plan, world.run(plan, task.goals), whose)
        feedback = world.run(draft, task.goals)
        if feedback.success:
            return
        heard = (*heard, (draft, feedback))
        teacher.hear(feedback)
        last = draft


def _likely(plan: TaskPlan, task: Task, random: Random, knowledge: Knowledge) -> TaskPlan:
    """A spoilt copy that the checker lets through, if chance finds one: what it refuses is never tried."""
    for _ in range(4):
        spoilt = spoil(plan, task.scene, random)
        if check(spoilt, task.scene, knowledge).ok:
            return spoilt
    return plan


class FeedbackExampleMaker:
    """Trials to examples: a PlanExample whose targets are, after each token of the plan's block, reason word, thing in
    the way, and whether the step can't be done or the goal is unmet (NOT_ASKED, NO or YES).
    """

    def __init__(self, reader: PromptReader, config: StepNetworkConfig) -> None:
        self._reader, self._config = FeedbackReader(reader), config

    def example(self, trial: Trial) -> PlanExample:
        """Raises InvalidInputError for a scene with more things than the network takes."""
        reader, config, plan, feedback = self._reader.reader, self._config, trial.plan, trial.feedback
        scene_text, answer_text = reader.split(write_prompt(trial.task, trial.heard, WINDOW))
        read = reader.scene(scene_text)
        number = read.number
        if len(read.things) > config.things:
            raise InvalidInputError(f"{len(read.things)} things; the network takes {config.things} at most")
        answers = reader.answers(answer_text, number) if answer_text else ()
        domain, failed = trial.task.scene.domain, feedback.failed_step
        form = None if failed is None else _form(domain, plan.steps[failed].action, feedback.reason)
        word = "" if form is None else form.word
        step = None if failed is None else plan.steps[failed]
        goals = self._reader.goals(scene_text, number)
        rows = [*self._reader.plan(plan, number), self._reader.outcome(failed, word, step, number)]
        targets = np.zeros((len(rows) + sum(map(len, goals)), 3), np.int16)
        allowed = np.zeros((len(targets), 2, len(read.things)), bool)
        targets[1 : 1 + (len(plan.steps) if failed is None else failed), 2] = NO
        if failed is not None:
            obstacle = form.read(feedback.reason) if form is not None else None
            targets[1 + failed] = reader.words[word], 0 if obstacle is None else number[obstacle], YES
            allowed[1 + failed, 0] = True
        for goal, tokens in zip(trial.task.goals, goals, strict=True):
            rows += tokens
            targets[len(rows) - 1, 2] = YES if str(goal) in feedback.unmet else NO
        names = [name_pieces(thing.name, config.pieces, config.pieces_per_name) for thing in read.things]
        reasons = {reader.words[form.word] for action in domain.actions for form in reason_forms(domain, action)}
        return PlanExample(
            np.array([*read.tokens, *answers, *rows], np.int16),
            (len(read.tokens), len(answers), 0, len(rows)),
            np.array(names, np.int16).reshape(-1, config.pieces_per_name),
            targets,
            np.array(sorted(reasons - {0}), np.int16),
            allowed,
        )


def _form(domain: Domain, action: str, reason: str) -> ReasonForm | None:
    """The form of an executor's reason; None for what no requirement says, such as an unknown action."""
    forms = reason_forms(domain, action) if action in domain.actions else ()
    return next((form for form in forms if form.fits(reason)), None)


def gather_feedback_shard(path: Path, seeds: range, config: StepNetworkConfig, planner: Path | None = None) -> Path:
    """The trials of these problems."""
    maker = FeedbackExampleMaker(PromptReader(word_list()), config)
    answer = None if planner is None else equilibrium_of(planner)
    return write_examples(path, [maker.example(t) for seed in seeds for t in trials_of(seed, answer=answer)])


def feedback_loss(network: FeedbackNetwork, batch: PlanBatch) -> dict[str, Tensor]:
    """Negative log-likelihood of what became of the plans, a mean over what was asked.

    Also, without gradients, ``steps`` and ``goals``: the share of each that was judged right.
    """
    trunk = network.trunk
    things = trunk.things(batch.names, batch.slots)
    hidden, _ = trunk(trunk.embed(batch.tokens, things), batch.mask)
    keys = trunk.keys(hidden[:, 1 : 1 + batch.names.shape[1]])
    rows = hidden.gather(1, batch.places.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))
    of_step = batch.tokens[..., 0].gather(1, batch.places) == Kind.STEP
    word, obstacle, truth = batch.targets.unbind(-1)
    asked = batch.counted & (truth != NOT_ASKED)
    logits = torch.where(of_step, network.fails(rows), network.unmet(rows)).float()
    judged = F.binary_cross_entropy_with_logits(logits, (truth == YES).float(), reduction="none")
    loss = judged[asked].sum()
    told = asked & of_step & (word > 0)
    named = told & (obstacle > 0)
    usable = batch.words.unsqueeze(1).expand(-1, word.shape[1], -1)[told]
    reasons = trunk.action_logits(rows[told]).float().masked_fill(~usable, -torch.inf)
    loss = loss + F.cross_entropy(reasons, word[told], reduction="sum")
    pointed = (
        trunk.argument_logits(rows, keys, word)[named].float().masked_fill(~batch.allowed[named][:, 0], -torch.inf)
    )
    loss = loss + F.cross_entropy(pointed, obstacle[named] - 1, reduction="sum")
    right = (logits > 0) == (truth == YES)
    shares = {"steps": right[asked & of_step], "goals": right[asked & ~of_step]}
    return {"loss": loss / asked.sum(), **{name: flags.float().mean().detach() for name, flags in shares.items()}}
