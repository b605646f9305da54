# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Parameter sets say what is wrong with a value, and carry what a node needs to declare them."""

from dataclasses import FrozenInstanceError, fields

import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.planning import CemConfig, GradientConfig, GraspConfig, IcemConfig, LatcoConfig, MppiConfig


@pytest.mark.parametrize("config", [GraspConfig, CemConfig, IcemConfig, MppiConfig, GradientConfig, LatcoConfig])
def test_every_field_is_described_and_its_default_is_in_range(config):
    made = config()
    for entry in fields(config):
        assert entry.metadata["description"]
        value = getattr(made, entry.name)
        assert type(value) in (int, float, str, bool)
        if isinstance(value, str):
            assert value in entry.metadata["choices"]
        elif not isinstance(value, bool):
            assert entry.metadata["minimum"] <= value <= entry.metadata["maximum"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"horizon": 0}, "at least 1"),
        ({"horizon": 2.5}, "type int"),
        ({"horizon": True}, "type int"),
        ({"discount": float("nan")}, "finite"),
        ({"discount": 1.5}, "at most 1"),
        ({"sync": "newton"}, "gradient, smoothed, cem, population, none"),
        ({"sync": "cem", "sync_elites": 100}, "sync_samples"),
        ({"seed": "0"}, "type int"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(values, words):
    with pytest.raises(InvalidInputError, match=words):
        GraspConfig(**values)


def test_cem_refuses_more_elites_than_samples():
    with pytest.raises(InvalidInputError, match="at most samples"):
        CemConfig(samples=10, elites=11)


def test_an_unknown_name_is_answered_with_the_valid_ones():
    with pytest.raises(InvalidInputError, match=r"'horizn'.*horizon"):
        GraspConfig.from_mapping({"horizn": 3})


def test_a_whole_number_serves_as_a_real_one_and_the_set_is_frozen():
    config = GraspConfig.from_mapping({"tolerance": 1, "horizon": 7})
    assert config.tolerance == 1.0 and isinstance(config.tolerance, float) and config.horizon == 7
    with pytest.raises(FrozenInstanceError):
        config.horizon = 3
