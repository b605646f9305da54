# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Answers that are wrong or missing, for the robustness of the outer loop.

A wrong answer to a plan that failed says nothing that is true; it is, with equal chance, one of three:

- a wrong reason: the step that failed (any step, if none did), for a reason that is drawn from all of the domain's,
  with things of the scene in its places;
- a wrong step: another step of the plan, for the true reason (drawn as above, if there is none);
- a wrong claim: that all goals are met.

With reason or step, goals that hold are said to be unmet and those that are unmet are left out; what was seen on the
way is never told.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from robot_planner.task_planning.feedback import Feedback, Tester
from robot_planner.task_planning.plan import TaskPlan
from robot_planner.task_planning.prompt import DONE
from robot_planner.task_planning.reasons import PLACE
from robot_planner.task_planning.scene import Task

Alter = Callable[[TaskPlan, Feedback], Feedback]
"""Plan and true answer -> what is told."""
REASON, STEP, CLAIM = "reason", "step", "claim"


@dataclass(frozen=True)
class Altered:
    """A Tester whose answers do not come through as they are."""

    truth: Tester
    alter: Alter

    def test(self, plan: TaskPlan) -> Feedback:
        """See Tester."""
        return self.alter(plan, self.truth.test(plan))


def sometimes(share: float, random: Random, alter: Alter) -> Alter:
    """Alters that share of all answers."""
    return lambda plan, answer: alter(plan, answer) if random.random() < share else answer


def missing(plan: TaskPlan, answer: Feedback) -> Feedback:
    """Of a plan that failed, only that it did."""
    return answer if answer.success else Feedback(False)


@dataclass(frozen=True)
class Wrong:
    """Wrong answers for one task."""

    task: Task
    random: Random

    def words(self, plan: TaskPlan, answer: Feedback) -> Feedback:
        """Wrong words after a failure. The verdict stays true: a success is told, and after a failure, whatever is
        claimed, the loop goes on.
        """
        if answer.success:
            return answer
        kind = self.random.choice((REASON, STEP, CLAIM))
        return Feedback(False, reason=DONE) if kind == CLAIM else self._complaint(plan, answer, kind)

    def complaint(self, plan: TaskPlan, answer: Feedback) -> Feedback:
        """A wrong reason or a wrong step, of any plan."""
        return self._complaint(plan, answer, self.random.choice((REASON, STEP)))

    def contrary(self, plan: TaskPlan, answer: Feedback) -> Feedback:
        """The contrary verdict: a complaint about a plan that succeeds, approval of one that fails."""
        return self.complaint(plan, answer) if answer.success else Feedback(True)

    def _complaint(self, plan: TaskPlan, answer: Feedback, kind: str) -> Feedback:
        unmet = tuple(text for text in map(str, self.task.goals) if text not in answer.unmet)
        others = [at for at in range(len(plan.steps)) if at != answer.failed_step]
        if kind == STEP and others:
            return Feedback(False, self.random.choice(others), answer.reason or self._reason(), unmet)
        failed = answer.failed_step
        if failed is None and others:
            failed = self.random.choice(others)
        return Feedback(False, failed, "" if failed is None else self._reason(answer.reason), unmet)

    def _reason(self, true: str = "") -> str:
        """A reason other than the true one."""
        actions = self.task.scene.domain.actions.values()
        forms = sorted({requirement.reason for action in actions for requirement in action.requires})
        things = list(self.task.scene.objects)
        while (reason := PLACE.sub(lambda _: str(self.random.choice(things)), self.random.choice(forms))) == true:
            pass
        return reason
