# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Placements: their text, their embedding, and which points of the table are in a place."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robot_planner.errors import InvalidInputError
from robot_planner.placement import EMBEDDING_DIM, INNER, PLACEMENTS, PLACES, Placement, nearest_inside, outside


def test_every_placement_has_a_text_and_an_embedding_of_its_own():
    assert len(PLACEMENTS) == len({str(one) for one in PLACEMENTS}) == 20
    assert all(Placement.parse(str(one)) == one for one in PLACEMENTS)
    rows = np.stack([one.embedding for one in PLACEMENTS])
    assert rows.shape == (20, EMBEDDING_DIM) and len(np.unique(rows, axis=0)) == 20 and (rows.sum(1) == 2).all()


@pytest.mark.parametrize("text", ["", "red", "red=top", "yellow=left", "red=left=right"])
def test_what_is_no_placement_is_refused_with_what_is(text):
    with pytest.raises(InvalidInputError, match="no placement; allowed: tool, red, green, blue = left, right"):
        Placement.parse(text)


def test_left_is_where_the_arm_sees_it():
    points = {"left": (0.4, 0.15), "right": (0.4, -0.15), "near": (0.3, 0.0), "far": (0.5, 0.0), "middle": (0.41, 0.01)}
    for place, point in points.items():
        inside = {other for other in PLACES if outside(np.array(point), other) == 0.0}
        assert inside == {place}


@given(st.floats(0.2, 0.6), st.floats(-0.25, 0.25), st.sampled_from(PLACES), st.floats(-0.05, 0.05))
def test_the_distance_is_zero_inside_and_changes_no_faster_than_one_moves(x, y, place, step):
    point = np.array([[x, y], [x + step, y], [x, y + step]])
    missing = outside(point, place)
    assert (missing >= 0).all() and (np.abs(missing - missing[0]) <= abs(step) + 1e-9).all()
    assert (outside(point, place, INNER) >= missing).all()
    assert np.allclose(outside(torch.from_numpy(point), place).numpy(), missing)
    mirrored = {"left": "right", "right": "left"}.get(place, place)
    assert np.allclose(outside(point * [1, -1], mirrored), missing)


@given(st.floats(0.2, 0.6), st.floats(-0.25, 0.25), st.sampled_from(PLACES))
def test_the_nearest_point_inside_is_inside_and_as_far_as_the_distance_says(x, y, place):
    point = np.array([x, y])
    found = nearest_inside(point, place)
    assert outside(found, place, INNER - 1e-9) == 0.0
    assert np.isclose(np.linalg.norm(found - point), outside(point, place, INNER), atol=1e-9)
