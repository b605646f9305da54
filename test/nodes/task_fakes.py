# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Language models that plan without any learning, and pass away the time between their tokens."""

import threading
import time

from robot_planner.task_planning.belief import BeliefExpert
from robot_planner.task_planning.condition_text import parse_condition
from robot_planner.task_planning.language_model import DeadlineError, Generation, GenerationCancelledError
from robot_planner.task_planning.scene import Task

TOKENS = 3
"""Of each text."""


class Writer:
    """Writes TOKENS tokens for each text, one every ``pause`` seconds, and asks about the end between them."""

    name = "writer"

    def __init__(self, pause=0.0):
        self.pause, self.asked, self.entered = pause, [], threading.Event()

    def text(self, prefix, suffix):
        raise NotImplementedError

    def generate(self, prefix, suffix="", *, grammar=None, deadline=None, cancelled=lambda: False, **options):
        self.asked.append((prefix, suffix))
        self.entered.set()
        for _ in range(TOKENS):
            if cancelled():
                raise GenerationCancelledError("cancelled")
            if deadline is not None and time.monotonic() >= deadline:
                raise DeadlineError("late")
            time.sleep(self.pause)
        return Generation(self.text(prefix, suffix), new_tokens=TOKENS, forwards=1)


class Scripted(Writer):
    """Writes one text after so many answers, the last one for ever.

    Within one round a list is gone round, and a tuple up to its end; an exception is raised.
    """

    def __init__(self, *texts, pause=0.0):
        super().__init__(pause)
        self.texts = texts

    def text(self, prefix, suffix):
        text = self.texts[min(prefix.count("\nTried:"), len(self.texts) - 1)]
        count = sum(asked[0] == prefix for asked in self.asked) - 1
        if isinstance(text, (list, tuple)):
            return text[count % len(text) if isinstance(text, list) else min(count, len(text) - 1)]
        if isinstance(text, Exception):
            raise text
        return text


class Believer(Writer):
    """Writes what an expert plans that knows what ``look`` shows."""

    def __init__(self, look, pause=0.0):
        super().__init__(pause)
        self.look, self._searched, self._plans = look, {}, {}

    def text(self, prefix, suffix):
        if prefix not in self._plans:
            self._plans[prefix] = str(self._plan(prefix))
        return self._plans[prefix]

    def _plan(self, prefix):
        line = dict(entry.split(": ", 1) for entry in prefix.splitlines()[:4])
        goals = tuple(parse_condition(text) for text in line["Goals"].split("; "))
        return BeliefExpert(Task(line["Task"], goals, self.look())).draft()
