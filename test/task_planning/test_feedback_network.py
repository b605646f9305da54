# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Reasons taken apart and written again are the executor's own words."""

import pytest

from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.feedback_network import UNNAMED, reason_forms
from robot_planner.task_planning.plan import ObjectRef, Step
from robot_planner.task_planning.tokens import reason_word
from robot_planner.training.plan_lessons import word_list

CABINET = ObjectRef("glass_cabinet", 12)


def forms():
    for name in ("household", "tabletop"):
        domain = load_domain(name)
        for action in domain.actions.values():
            step = Step(action.name, tuple(ObjectRef(f"thing_{at}", at) for at in range(len(action.parameters))))
            for form in reason_forms(domain, action.name):
                yield action, step, form


@pytest.mark.parametrize("obstacle", [CABINET, None])
def test_what_a_form_writes_it_reads_again(obstacle):
    named = 0
    for action, step, form in forms():
        text = form.write(step, action, obstacle)
        assert form.fits(text) and "{" not in text
        assert form.read(text) == (obstacle if form.obstacle else None)
        assert (str(CABINET) in text) == (form.obstacle is not None and obstacle is not None)
        assert (UNNAMED in text) == (form.obstacle is not None and obstacle is None)
        named += form.obstacle is not None
    assert named >= 10


def test_forms_have_the_words_that_prompts_tell_reasons_by():
    words = word_list()
    for action, step, form in forms():
        assert words[form.word] > 0
        assert form.word == reason_word(form.write(step, action, CABINET))


def test_other_words_do_not_fit():
    (shut,) = (
        form for form in reason_forms(load_domain("household"), "GRAB") if form.text == "{x} is inside the closed {c}"
    )
    assert shut.obstacle == "c"
    for text in ("<cup> (1) is inside the closed fridge", "<cup> (1) is inside the closed <fridge> (2) ", ""):
        assert not shut.fits(text) and shut.read(text) is None
