# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Messages to types and back; what is malformed is refused, never turned into zeros."""

import array

import cv2
import numpy as np
import pytest
from graph import noise_image
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.messages import (
    hold_message,
    image_from_message,
    image_to_message,
    latent_from_message,
    latent_to_message,
    plan_from_message,
    plan_input_from_message,
    plan_to_message,
    to_nanoseconds,
    to_stamp,
)
from robot_planner.types import Latent, Plan, StopReason
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.msg import Plan as PlanMessage

floats = st.floats(-1e6, 1e6, width=32)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


@given(st.integers(0, 2**31 * 10**9 - 1))
def test_stamps_keep_every_nanosecond(nanoseconds):
    assert to_nanoseconds(to_stamp(nanoseconds)) == nanoseconds


@given(st.lists(floats, min_size=1, max_size=50), st.integers(0, 2**60))
def test_latents_survive_the_wire(values, stamp):
    latent = Latent(np.array(values, np.float32), "abc", stamp)
    back = latent_from_message(over_the_wire(latent_to_message(latent, "front")), len(values), "abc")
    assert (back.encoder, back.stamp) == ("abc", stamp)
    np.testing.assert_array_equal(back.data, latent.data)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_latents_that_are_not_finite_are_refused(bad):
    message = latent_to_message(Latent(np.array([0, bad, 1], np.float32), "abc"))
    with pytest.raises(InvalidInputError, match="NaN or infinity"):
        latent_from_message(message)


def test_latents_of_another_size_or_encoder_are_refused():
    message = latent_to_message(Latent(np.zeros(3, np.float32), "abc"))
    with pytest.raises(InvalidInputError, match="3 values; expected 4"):
        latent_from_message(message, 4)
    with pytest.raises(InvalidInputError, match="of encoder 'abc'; expected 'xyz'"):
        latent_from_message(message, 3, "xyz")
    with pytest.raises(InvalidInputError, match="empty"):
        latent_from_message(LatentMessage())


def make_plan(steps=3, width=2, latent=4):
    random = np.random.default_rng(steps)
    actions, states = random.normal(size=(steps, width)), random.normal(size=(steps + 1, latent))
    actions, states = actions.astype(np.float32), states.astype(np.float32)
    return Plan(actions, states, 1.5, 7, 0.02, StopReason.DEADLINE, 12_345_678_901, 0.2, 0.5, lead=0.08)


@given(st.integers(1, 20), st.integers(1, 4), st.integers(1, 8))
def test_plans_survive_the_wire(steps, width, latent):
    plan = make_plan(steps, width, latent)
    message = over_the_wire(plan_to_message(plan, "abc", "grasp", "base_link"))
    assert (message.encoder, message.algorithm, message.header.frame_id) == ("abc", "grasp", "base_link")
    back = plan_from_message(message, width)
    np.testing.assert_array_equal(back.actions, plan.actions)
    np.testing.assert_array_equal(back.states, plan.states)
    for name in ("cost", "iterations", "seconds", "stop_reason", "stamp", "step_seconds", "uncertainty", "lead"):
        assert getattr(back, name) == getattr(plan, name)


def test_the_empty_plan_means_hold():
    back = plan_from_message(over_the_wire(hold_message(5, "abc", "grasp")), 2)
    assert back.actions.shape == (0, 2)
    assert back.stamp == 5


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("actions", array.array("f", [float("nan")] * 6), "actions holds NaN"),
        ("states", array.array("f", [float("inf")] * 16), "states holds NaN"),
        ("states", array.array("f", [0.0] * 12), "states has 12 values"),
        ("actions", array.array("f", [0.0] * 5), "5 values"),
        ("action_dim", 3, "dimension 3; expected 2"),
        ("step_duration", 0.0, "above 0"),
        ("step_duration", float("nan"), "above 0"),
        ("lead", -0.1, "0 and above"),
        ("lead", float("nan"), "0 and above"),
        ("stop_reason", "bored", "converged, iterations, deadline"),
    ],
)
def test_malformed_plans_are_refused(field, value, words):
    message = plan_to_message(make_plan(), "abc", "grasp")
    setattr(message, field, value)
    with pytest.raises(InvalidInputError, match=words):
        plan_from_message(message, 2)


def test_a_plan_of_actions_without_a_dimension_is_refused():
    with pytest.raises(InvalidInputError):
        plan_from_message(PlanMessage(actions=array.array("f", [0.0]), step_duration=0.2))


def test_every_encoding_gives_the_same_rgb():
    rgb = noise_image(size=8)
    np.testing.assert_array_equal(image_from_message(over_the_wire(image_to_message(rgb, 1))), rgb)
    alpha = np.concatenate([rgb, np.full((8, 8, 1), 9, np.uint8)], axis=2)
    for encoding, pixels in (("bgr8", rgb[:, :, ::-1]), ("rgba8", alpha)):
        message = Image(height=8, width=8, encoding=encoding, step=8 * pixels.shape[2])
        message.data = array.array("B", pixels.tobytes())
        np.testing.assert_array_equal(image_from_message(message), rgb)
    grey = Image(height=8, width=8, encoding="mono8", step=8, data=array.array("B", rgb[:, :, 0].tobytes()))
    np.testing.assert_array_equal(image_from_message(grey), np.repeat(rgb[:, :, :1], 3, 2))


def test_padding_at_the_end_of_rows_is_left_out():
    rgb = noise_image(size=5)
    padded = np.concatenate([rgb.reshape(5, 15), np.full((5, 3), 77, np.uint8)], axis=1)
    message = Image(height=5, width=5, encoding="rgb8", step=18, data=array.array("B", padded.tobytes()))
    np.testing.assert_array_equal(image_from_message(message), rgb)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "bayer_rggb8"}, "allowed: rgb8, bgr8, mono8, rgba8"),
        ({"encoding": ""}, "encoding is ''"),
        ({"height": 0}, "8x0"),
        ({"width": 100_000}, "allowed: 1x1 to"),
        ({"step": 23}, "192 bytes, 23 a row"),
        ({"height": 9}, "expected 216"),
        ({"height": 16, "step": 12}, "192 bytes, 12 a row"),
    ],
)
def test_malformed_images_are_refused(change, words):
    message = image_to_message(noise_image(size=8), 1)
    for field, value in change.items():
        setattr(message, field, value)
    with pytest.raises(InvalidInputError, match=words):
        image_from_message(message)


def test_compressed_images_are_decoded_to_rgb():
    rgb = noise_image(size=16)
    _, png = cv2.imencode(".png", rgb[:, :, ::-1])
    message = CompressedImage(format="png", data=array.array("B", png.tobytes()))
    np.testing.assert_array_equal(image_from_message(message), rgb)


@pytest.mark.parametrize("data", [b"", b"not an image", b"\xff\xd8\xff\xe0"])
def test_compressed_images_that_are_none_are_refused(data):
    with pytest.raises(InvalidInputError, match="can't be decoded"):
        image_from_message(CompressedImage(format="jpeg", data=array.array("B", data)))


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({}, (3, 2)),
        ({"action_dim": 0}, (6,)),
        ({"action_dim": 4}, (6,)),
        ({"action_dim": 3}, (6,)),
        ({"latent_dim": 7}, (6,)),
        ({"states": array.array("f", [])}, (6,)),
    ],
)
def test_a_plan_that_contradicts_itself_gets_a_shape_that_no_plan_has(changes, shape):
    message = plan_to_message(make_plan(), "e", "grasp")
    for name, value in changes.items():
        setattr(message, name, value)
    assert plan_input_from_message(message).actions.shape == shape
    message.actions = array.array("f")
    assert plan_input_from_message(message).actions.size == 0
