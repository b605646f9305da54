# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Texts that are plans: where they end, and what became of one from another."""

from robot_planner.task_planning.texts import edits, until_end

OLD = "[OPEN] <drawer> (6)\n[PICK] <red_block> (1)\nEND"
NEW = "[OPEN] <drawer> (6)\n[STOW] <red_block> (1) <drawer> (6)\nEND"


def test_edits_tell_what_came_and_what_went():
    assert edits(OLD, NEW) == [
        (" ", "[OPEN] <drawer> (6)"), ("-", "[PICK] <red_block> (1)"), ("+", "[STOW] <red_block> (1) <drawer> (6)"),
        (" ", "END"),
    ]  # fmt: skip
    assert [sign for sign, _ in edits("", NEW)] == ["+"] * 3 and edits("", "") == []


def test_a_text_ends_with_the_first_line_that_is_end():
    assert until_end(f"{OLD}\n{NEW}") == OLD and until_end("[OPEN] <drawer> (6)\n") is None
    assert until_end(OLD, more=True) is None and until_end(f"{OLD}\n", more=True) == OLD
