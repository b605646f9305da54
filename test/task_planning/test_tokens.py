# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Prompts as tokens: nothing that a prompt tells is lost, and what is no prompt is refused."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.task_planning.conditions import Fact
from robot_planner.task_planning.domain_file import load_domain
from robot_planner.task_planning.feedback import Feedback
from robot_planner.task_planning.plan import ObjectRef, Step, TaskPlan
from robot_planner.task_planning.prompt import write_prompt, write_suffix
from robot_planner.task_planning.scene import Scene, Task, parse_goals
from robot_planner.task_planning.tokens import Kind, PromptReader, WordList, name_pieces, reason_word

DOMAIN = load_domain("tabletop")
RED, BIN, DRAWER = ObjectRef("red_block", 7), ObjectRef("bin_a", 0), ObjectRef("drawer", 5)
SCENE = Scene(DOMAIN, {RED: "block", BIN: "bin", DRAWER: "drawer"}, frozenset({Fact("on_table", (RED,))}))
REASON = "<red_block> (7) is in <drawer> (5), out of reach"
WORDS = WordList.of([*DOMAIN.actions, *DOMAIN.relations, *DOMAIN.types, reason_word(REASON), "put", "into"])
READER = PromptReader(WORDS)


def task(*goals, instruction="put the red block into bin a"):
    return Task(instruction, parse_goals(goals, SCENE), SCENE)


def scene_of(wanted):
    return READER.scene(READER.split(write_prompt(wanted))[0])


def told(tokens, *kinds):
    """Kind, word and things of the tokens of these kinds."""
    return [(Kind(t[0]).name, WORDS.words[t[1]], t[2], t[3]) for t in tokens if Kind(t[0]) in kinds]


def test_a_scene_is_its_things_facts_goals_and_words():
    scene = scene_of(task("inside(<red_block> (7), <bin_a> (0))", "not open(<drawer> (5))"))
    assert scene.things == (RED, BIN, DRAWER) and scene.number == {RED: 1, BIN: 2, DRAWER: 3}
    assert told(scene.tokens[1:4], Kind.OBJECT) == [
        ("OBJECT", "block", 1, 0), ("OBJECT", "bin", 2, 0), ("OBJECT", "drawer", 3, 0)
    ]  # fmt: skip
    assert told(scene.tokens, Kind.GOAL, Kind.NOT_GOAL) == [("GOAL", "inside", 1, 2), ("NOT_GOAL", "open", 3, 0)]
    assert told(scene.tokens, Kind.SEEN) == [("SEEN", "on_table", 1, 0)]
    instruction = [("put", 0), ("?", 0), ("?", 1), ("into", 0), ("?", 2)]  # names point at things, "the" is unknown
    assert [(word, thing) for _, word, thing, _ in told(scene.tokens, Kind.INSTRUCTION)] == instruction


def test_a_goal_for_many_is_told_with_its_number_and_kind():
    scene = scene_of(task("exists ?b block: inside(?b, <drawer> (5))"))
    counted = [t for t in scene.tokens if t[0] == Kind.COUNT]
    assert [(WORDS.words[t[1]], t[4]) for t in counted] == [("block", 2)]  # goal 1, at least 1
    assert told(scene.tokens, Kind.GOAL) == [("GOAL", "inside", 0, 3)]


def test_answers_are_told_newest_as_one_with_step_reason_unmet_and_seen():
    plan = TaskPlan((Step("OPEN", (DRAWER,)), Step("PLACE", (RED, BIN))))
    unmet = ("inside(<red_block> (7), <bin_a> (0))", "not open(<drawer> (5))")
    seen = ("inside(<red_block> (7), <drawer> (5))", "not inside(<red_block> (7), <bin_a> (0))")
    failed = Feedback(False, 1, REASON, unmet, seen=seen)
    prefix = write_prompt(task(*unmet), [(TaskPlan(), Feedback(True)), (plan, failed)])
    tokens = READER.answers(READER.split(prefix)[1], {RED: 1, BIN: 2, DRAWER: 3})
    newest = [t for t in tokens if t[5] == 1]
    assert told(newest, Kind.TRIED) == [("TRIED", "OPEN", 3, 0), ("TRIED", "PLACE", 1, 2)]
    assert [t[4] for t in newest if t[0] == Kind.TRIED] == [1, 2]
    assert told(newest, Kind.UNMET, Kind.NOT_UNMET) == [("UNMET", "inside", 1, 2), ("NOT_UNMET", "open", 3, 0)]
    learned = told(tokens, Kind.LEARNED, Kind.NOT_LEARNED)
    assert learned == [("LEARNED", "inside", 1, 3), ("NOT_LEARNED", "inside", 1, 2)]
    (failure,) = (t for t in newest if t[0] == Kind.FAILED)
    assert (WORDS.words[failure[1]], failure[2:5]) == ("_ is in _, out of reach", (1, 3, 2))
    assert [(WORDS.words[t[1]], t[5]) for t in tokens if t[5] > 1] == [("END", 2)]


def test_a_draft_is_its_steps_and_their_places():
    number = {RED: 1, BIN: 2, DRAWER: 3}
    rows = READER.draft(write_suffix(TaskPlan((Step("OPEN", (DRAWER,)), Step("PLACE", (RED, BIN))))), number)
    assert told(rows, Kind.DRAFT) == [("DRAFT", "OPEN", 3, 0), ("DRAFT", "PLACE", 1, 2), ("DRAFT", "END", 0, 0)]
    assert [t[4] for t in rows] == [1, 2, 3]
    assert told(READER.draft(write_suffix(None), number), Kind.DRAFT) == [("DRAFT", "?", 0, 0)]
    assert READER.draft(write_suffix(TaskPlan()), number) != READER.draft(write_suffix(None), number)


@given(st.text(max_size=200))
def test_what_is_no_prompt_is_refused(text):
    with pytest.raises(InvalidInputError):
        READER.split(text)
    with pytest.raises(InvalidInputError):
        READER.draft(text, {})
    if text.strip("\n"):
        with pytest.raises(InvalidInputError):
            READER.answers(text, {})


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=80))
def test_an_instruction_can_tell_nothing_but_words(text):
    assume(text.isprintable() and text.strip())
    wanted = task("inside(<red_block> (7), <bin_a> (0))", instruction=text)
    own = {Kind.INSTRUCTION}
    rest = [t for t in scene_of(wanted).tokens if t[0] not in own]
    assert rest == [t for t in scene_of(task("inside(<red_block> (7), <bin_a> (0))")).tokens if t[0] not in own]


def test_names_are_known_by_their_pieces():
    assert name_pieces("red_block", 100, 3)[:2] == [name_pieces("red", 100, 1)[0], name_pieces("block", 100, 1)[0]]
    assert name_pieces("red_block", 100, 3)[2] == 0 and len(name_pieces("a_b_c_d", 100, 3)) == 3
    assert all(0 < piece < 5 for name in "abcdefgh" for piece in name_pieces(name, 5, 1))


def test_a_word_list_has_its_fixed_words_first():
    assert WORDS["no such word"] == 0 and WORDS.words[WORDS["PICK"]] == "PICK"
    with pytest.raises(InvalidInputError, match="begins with"):
        WordList(["PICK"])
