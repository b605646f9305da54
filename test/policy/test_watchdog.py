# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Silence becomes a fault in time, the first fault stays, and nothing starts on inputs that never spoke."""

import pytest

from robot_planner.errors import InvalidInputError
from robot_planner.policy.reasons import Reason
from robot_planner.policy.watchdog import Watchdogs

CAMERA, ARM = Reason.LATENT_LOST, Reason.JOINT_STATES_LOST


def make() -> Watchdogs:
    return Watchdogs({CAMERA: 0.5, ARM: 0.3}, reaction=0.2)


def test_what_never_spoke_is_silent():
    dogs = make()
    dogs.feed(ARM, 10.0)
    assert dogs.silent(10.0) == [CAMERA]
    fault = dogs.check(10.0)
    assert fault is not None and fault.reason is CAMERA and fault.detail == "never heard"


def test_the_fault_comes_early_enough_to_brake_within_the_period():
    dogs = make()
    dogs.feed(CAMERA, 0.0)
    assert dogs.check(0.3, CAMERA) is None
    assert dogs.check(0.3001, CAMERA).reason is CAMERA


def test_the_first_fault_stays():
    dogs = make()
    dogs.feed(CAMERA, 0.0)
    dogs.feed(ARM, 0.0)
    assert dogs.check(0.2).reason is ARM
    assert dogs.check(5.0).reason is ARM
    assert dogs.trip(Reason.EMERGENCY_STOP, "pressed", 6.0).reason is ARM
    dogs.feed(ARM, 7.0)
    assert dogs.check(7.0).reason is ARM, "a fault heals only by reset"


def test_reset_needs_all_that_is_named_to_be_alive():
    dogs = make()
    dogs.trip(Reason.NOT_FINITE, "NaN", 0.0)
    dogs.feed(ARM, 1.0)
    assert not dogs.reset(1.0)
    assert dogs.fault is not None
    assert dogs.reset(1.0, ARM)
    assert dogs.fault is None
    dogs.trip(Reason.NOT_FINITE, "NaN", 1.0)
    dogs.feed(CAMERA, 1.05)
    assert dogs.reset(1.05)


def test_a_forgotten_input_must_speak_anew():
    dogs = make()
    dogs.feed(ARM, 1.0)
    dogs.forget(ARM)
    assert dogs.silent(1.0, ARM) == [ARM]


@pytest.mark.parametrize("period", [0.2, 0.1, float("nan"), float("inf")])
def test_a_period_too_short_to_brake_in_is_refused(period):
    with pytest.raises(InvalidInputError, match="latent_lost"):
        Watchdogs({CAMERA: period}, reaction=0.2)


def test_an_unknown_input_is_a_mistake():
    with pytest.raises(KeyError):
        make().feed(Reason.PLAN_LOST, 0.0)
