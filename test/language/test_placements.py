# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Instructions for the planar table: what is understood, and what is refused with what would be."""

import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.language.placements import say, understand_placement
from robot_planner.placement import PLACEMENTS


@pytest.mark.parametrize("placement", PLACEMENTS, ids=str)
def test_what_is_said_of_a_placement_is_understood(placement):
    assert understand_placement(say(placement)) == placement


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("Push the red block to the LEFT!", "red=left"),
        ("please, robot: slide the green cube away", "green=far"),
        ("the blue one should be in the middle of the table", "blue=middle"),
        ("to the left push the red block", "red=left"),
        ("move your hand closer", None),
        ("move the gripper near", "tool=near"),
        ("bring the blue brick closer.", "blue=near"),
        ("centre the green box", "green=middle"),
    ],
)
def test_other_words_for_it(text, meaning):
    if meaning is None:
        with pytest.raises(InvalidInputError, match="'your' is unknown"):
            understand_placement(text)
    else:
        assert str(understand_placement(text)) == meaning


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("push the yellow block to the left", "the word 'yellow' is unknown"),
        ("do not push the red block to the left", "'do' is unknown|says what not to do"),
        ("push the red block not left", "'not' says what not to do"),
        ("push the red block", "it names no place"),
        ("to the left", "it names no thing"),
        ("push the red block left and the green one right", "'and' is unknown"),
        ("red left, green right", "it names 2 things"),
        ("red left right", "it names 2 places"),
        ("put the red block in bin A", "the word 'bin' is unknown"),
        ("", "is empty"),
        ("x" * 1000, "has 1000 characters"),
    ],
)
def test_what_is_not_understood_is_refused(text, says):
    with pytest.raises(InvalidInputError, match=says):
        understand_placement(text)
    if text and len(text) < 100:
        with pytest.raises(InvalidInputError, match="allowed: the red, green or blue block or the hand"):
            understand_placement(text)
