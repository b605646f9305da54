# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A learned world model of feedback: what the world would answer to a plan, where the world may not be touched.

It stands where the environment does, as a Tester of ``plan_task``, and answers in the same words. It is told what the
planner is told, and nothing of what is hidden: whether an apple lies in the fridge is a guess, made from where apples
were in training. What follows from what is known need not be guessed: with ``careful`` the checker rules out what can't
be, and the network decides the rest. What would be seen on the way it never says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from robot_planner.checkpoints import load_checkpoint, save_checkpoint
from robot_planner.errors import InvalidInputError, ModelError
from robot_planner.task_planning.checker import check
from robot_planner.task_planning.feedback import WORLD_MODEL, Feedback, Tester, learned
from robot_planner.task_planning.feedback_network import FeedbackNetwork, FeedbackReader, ReasonForm, reason_forms
from robot_planner.task_planning.network import Cache, StepNetworkConfig
from robot_planner.task_planning.plan import ObjectRef, TaskPlan
from robot_planner.task_planning.prompt import write_prompt
from robot_planner.task_planning.scene import Task
from robot_planner.task_planning.state import Knowledge
from robot_planner.task_planning.tokens import PromptReader, Token, WordList, name_pieces

KIND = "task_planner_feedback"
WINDOW = 5
"""Newest answers of the environment that it is told."""
Attempts = Sequence[tuple[TaskPlan, Feedback]]


@dataclass(frozen=True)
class _Limits:
    """What the checker leaves open of a plan."""

    steps: int
    """Steps that may be done; the step after them, if there is one, surely can't."""
    reason: str
    """Why it can't."""
    doubts: dict[int, list[str]]
    """Of those steps, which may fail, and the reasons for which they may."""


class FeedbackModel:
    """Foretells feedback by a FeedbackNetwork; ``load_feedback_model`` makes one."""

    def __init__(self, network: FeedbackNetwork, words: WordList, name: str = "feedback", careful: bool = True) -> None:
        """``careful``: leave to the network only what the checker leaves open."""
        self.name, self.words, self.careful = name, words, careful
        self.network = network.eval().requires_grad_(False)
        self._reader = FeedbackReader(PromptReader(words))

    def __call__(self, task: Task) -> "FeedbackTester":
        """A Tester for one task."""
        return FeedbackTester(self, task)

    @torch.inference_mode()
    def predict(self, task: Task, heard: Attempts, plan: TaskPlan) -> Feedback:
        """The likeliest answer: of all steps at which the plan may end, then of each goal.

        Args:
            task: what the planner is told.
            heard: what the environment answered to other plans, oldest first.
            plan: from the initial state.

        Raises:
            InvalidInputError: the scene has more things than the network takes.
        """
        trunk, reader = self.network.trunk, self._reader
        scene_text, answer_text = reader.reader.split(write_prompt(task, heard, WINDOW))
        read = reader.reader.scene(scene_text)
        if len(read.things) > trunk.config.things:
            raise InvalidInputError(
                f"the scene has {len(read.things)} things; '{self.name}' takes {trunk.config.things} at most"
            )
        number = read.number
        names = [name_pieces(x.name, trunk.config.pieces, trunk.config.pieces_per_name) for x in read.things]
        pieces = torch.tensor(names).view(1, -1, trunk.config.pieces_per_name)
        things = trunk.things(pieces, torch.arange(1, len(names) + 1).unsqueeze(0))
        hidden, cache = self._read(read.tokens, things)
        keys = trunk.keys(hidden[:, 1 : 1 + len(names)])
        if answers := reader.reader.answers(answer_text, number) if answer_text else ():
            _, cache = self._read(answers, things, cache)
        hidden, cache = self._read(reader.plan(plan, number), things, cache, in_order=True)
        limits = self._limits(task, heard, plan)
        failed = self._first_failure(self.network.fails(hidden[0, 1 : 1 + len(plan.steps)]), limits)
        word, reason = "", ""
        if failed is not None:
            word, reason = self._reason(task, plan, failed, hidden[:, 1 + failed], keys, read.things, limits)
        step = None if failed is None else plan.steps[failed]
        goals = reader.goals(scene_text, number)
        rows = (reader.outcome(failed, word, step, number), *(token for goal in goals for token in goal))
        hidden, _ = self._read(rows, things, cache, in_order=True)
        ends = torch.tensor([len(goal) for goal in goals]).cumsum(0).long()
        missed = (self.network.unmet(hidden[0, ends]) > 0.0).tolist()
        unmet = self._unmet(task, heard, plan, failed, missed)
        return Feedback(not unmet, failed, reason, unmet, WORLD_MODEL)

    def _read(
        self, tokens: Sequence[Token], things: Tensor, cache: Cache | None = None, in_order: bool = False
    ) -> tuple[Tensor, Cache]:
        """Hidden rows (1, N, W); ``in_order``: each token sees those before it alone, of its own."""
        mask, count = None, len(tokens)
        if in_order:
            before = cache[0][0].shape[2] if cache else 0
            mask = torch.ones(count, before + count, dtype=torch.bool).tril(before).view(1, 1, count, -1)
        rows = self.network.trunk.embed(torch.tensor(tokens).view(1, count, -1), things)
        return self.network.trunk(rows, mask, cache)

    def _limits(self, task: Task, heard: Attempts, plan: TaskPlan) -> _Limits:
        if not self.careful:
            return _Limits(len(plan.steps), "", {at: [] for at in range(len(plan.steps))})
        found = check(plan, task.scene, known(task, heard))
        doubts: dict[int, list[str]] = {}
        for at, reason in found.assumed:
            doubts.setdefault(at, []).append(reason)
        if found.violations:
            return _Limits(found.violations[0].step, found.violations[0].reason, doubts)
        return _Limits(len(plan.steps), "", doubts)

    @staticmethod
    def _first_failure(logits: Tensor, limits: _Limits) -> int | None:
        """The likeliest of all ways in which the plan may end, by the chances of the steps (P,)."""
        going, best, found = 0.0, -torch.inf, None
        for at in sorted(limits.doubts):
            if at >= limits.steps:
                break
            fails = going + float(torch.nn.functional.logsigmoid(logits[at]))
            going += float(torch.nn.functional.logsigmoid(-logits[at]))
            if fails > best:
                best, found = fails, at
        if going >= best:
            found = limits.steps if limits.steps < len(logits) else None
        return found

    def _reason(
        self,
        task: Task,
        plan: TaskPlan,
        failed: int,
        hidden: Tensor,
        keys: Tensor,
        things: Sequence[ObjectRef],
        limits: _Limits,
    ) -> tuple[str, str]:
        """Word and text of the reason why a step can't be done; hidden (1, W) after it."""
        step, domain = plan.steps[failed], task.scene.domain
        forms = reason_forms(domain, step.action) if step.action in domain.actions else ()
        if failed == limits.steps:
            return next((form.word for form in forms if form.fits(limits.reason)), ""), limits.reason
        doubts = limits.doubts[failed]
        likely = [form for form in forms if any(form.fits(text) for text in doubts)] or list(forms)
        if not likely:
            return "", "it could not be done"
        trunk = self.network.trunk
        logits = trunk.action_logits(hidden)[0]
        form: ReasonForm = max(likely, key=lambda form: float(logits[self.words[form.word]]))
        obstacle = None
        if form.obstacle is not None:
            word = torch.tensor([[self.words[form.word]]])
            pointed = trunk.argument_logits(hidden.unsqueeze(1), keys, word)[0, 0]
            order = [things[at] for at in pointed.argsort(descending=True).tolist()]
            obstacle = next((thing for thing in order if thing not in step.objects), None)
        return form.word, form.write(step, domain.actions[step.action], obstacle)

    def _unmet(
        self, task: Task, heard: Attempts, plan: TaskPlan, failed: int | None, missed: Sequence[bool]
    ) -> tuple[str, ...]:
        """Goals that are foretold not to hold where the plan ends, in the task's order."""
        texts = [str(goal) for goal in task.goals]
        if self.careful:
            found = check(TaskPlan(plan.steps[:failed]), task.scene, known(task, heard), task.goals)
            missed = [t in found.unmet or (t in found.open and miss) for t, miss in zip(texts, missed, strict=True)]
        return tuple(text for text, miss in zip(texts, missed, strict=True) if miss)


def known(task: Task, heard: Attempts) -> Knowledge:
    """What is visible in the initial state, and what trials have shown of it."""
    return task.scene.knowing(learned(feedback for _, feedback in heard))


@dataclass
class FeedbackTester:
    """A Tester (see feedback) for one task; ``beside`` lets it hear what the environment answers."""

    model: FeedbackModel
    task: Task
    heard: list[tuple[TaskPlan, Feedback]] = field(default_factory=list)
    """What the environment answered; never what was foretold."""

    def test(self, plan: TaskPlan) -> Feedback:
        """See Tester: the likeliest answer."""
        return self.model.predict(self.task, self.heard, plan)

    def beside(self, environment: Tester) -> Tester:
        """The environment, whose answers are then known here too."""
        return _Overheard(environment, self)


@dataclass(frozen=True)
class _Overheard:
    environment: Tester
    tester: FeedbackTester

    def test(self, plan: TaskPlan) -> Feedback:
        """See Tester."""
        feedback = self.environment.test(plan)
        self.tester.heard.append((plan, feedback))
        return feedback


def save_feedback_model(network: FeedbackNetwork, words: WordList, folder: Path, card: str) -> None:
    """Writes a model folder; weights in half precision."""
    config = {"kind": KIND, "network": vars(network.trunk.config), "words": list(words.words)}
    save_checkpoint(folder, {k: v.half() for k, v in network.state_dict().items()}, config, card)


def load_feedback_model(name_or_path: str | Path = "task_planner_feedback", careful: bool = True) -> FeedbackModel:
    """Loads ``models/<name>`` or a model folder; calling what comes back with a task makes its Tester.

    ``careful``: see FeedbackModel. Raises ModelError.
    """
    checkpoint = load_checkpoint(name_or_path)
    if checkpoint.config.get("kind") != KIND:
        raise ModelError(f"model '{name_or_path}' is of kind '{checkpoint.config.get('kind')}'; allowed here: '{KIND}'")
    try:
        network = FeedbackNetwork(StepNetworkConfig(**checkpoint.config["network"]))
        network.load_state_dict(checkpoint.tensors)
        return FeedbackModel(network, WordList(checkpoint.config["words"]), Path(name_or_path).name, careful)
    except (TypeError, KeyError, RuntimeError, InvalidInputError) as error:
        raise ModelError(f"the configuration of model '{name_or_path}' is not valid: {error}") from None
