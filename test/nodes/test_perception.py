# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The perception node in a real ROS graph: images in, latents out."""

import array

import cv2
import numpy as np
import pytest
from graph import Repeater, noise_image, wait_for
from sensor_msgs.msg import CompressedImage, Image

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.interfaces import Quality
from robot_planner.nodes.messages import image_to_message, to_nanoseconds
from robot_planner.nodes.perception import PerceptionNode
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.srv import EncodeImage


class MeanEncoder:
    """The mean colour of each view."""

    name, digest, latent_dim = "mean", "m" * 64, 3

    def __init__(self, views=("front",)):
        self.views = views

    def encode(self, images):
        if images.shape[2] < 32:
            raise InvalidInputError(f"image is {images.shape[3]}x{images.shape[2]}; allowed: 32x32 or larger")
        if (images == 13).all():
            return np.full((1, 3), np.nan, np.float32)
        return images.mean(axis=(1, 2, 3), dtype=np.float32)


class MeanNode(PerceptionNode):
    """Perception without a trained model."""

    views = ("front",)

    def load_encoder(self, parameters):
        return MeanEncoder(self.views)


class TwoViewsNode(MeanNode):
    """Two cameras."""

    views = ("front", "wrist")


def show(graph, image, age=0.0, view="front", **fields):
    message = image_to_message(image, graph.now() - int(age * 1e9), f"{view}_optical")
    for field, value in fields.items():
        setattr(message, field, value)
    graph.send(f"{view}/image_raw", message, Quality.SENSOR)
    return to_nanoseconds(message.header.stamp)


def test_a_latent_bears_stamp_frame_and_digest(graph):
    graph.start(MeanNode)
    latents = graph.listen(LatentMessage, "latent")
    image = noise_image()
    stamps = set()
    with Repeater(lambda: stamps.add(show(graph, image))):
        wait_for(lambda: len(latents) > 5, "latents")
    latent = latents[-1]
    assert to_nanoseconds(latent.header.stamp) in stamps
    assert latent.header.frame_id == "front_optical"
    assert latent.encoder == "m" * 64
    np.testing.assert_allclose(latent.data, image.mean(axis=(0, 1)), rtol=1e-5)


def test_compressed_images_are_taken_where_asked_for(graph):
    graph.start(MeanNode, transport="compressed")
    latents = graph.listen(LatentMessage, "latent")
    image = noise_image()
    _, png = cv2.imencode(".png", image[:, :, ::-1])

    def show_compressed():
        message = CompressedImage(format="png", data=array.array("B", png.tobytes()))
        message.header.stamp = graph.probe.get_clock().now().to_msg()
        graph.send("front/image_raw/compressed", message, Quality.SENSOR)

    with Repeater(show_compressed):
        wait_for(lambda: latents, "a latent")
    np.testing.assert_allclose(latents[0].data, image.mean(axis=(0, 1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encoding": "16UC1"}, "allowed: rgb8"),
        ({"step": 1}, "expected"),
        ({"image": noise_image(size=16)}, "allowed: 32x32 or larger"),
        ({"image": np.full((40, 40, 3), 13, np.uint8)}, "NaN"),
        ({"age": 3.0}, "allowed: up to 0.5 s"),
        ({"age": -3.0}, "image is -"),
    ],
)
def test_images_that_are_bad_or_stale_are_dropped(graph, change, words):
    node = graph.start(MeanNode)
    latents = graph.listen(LatentMessage, "latent")
    arguments = {"image": noise_image()} | change
    with Repeater(lambda: show(graph, **arguments)):
        wait_for(lambda: node.channel("front/image_raw").dropped > 2, "drops")
    assert words in node.channel("front/image_raw").last_reason
    assert latents == []
    with Repeater(lambda: show(graph, noise_image())):
        wait_for(lambda: latents, "a latent of a good image")


def test_an_image_older_than_the_one_before_is_dropped_unless_the_clock_was_set_back(graph):
    node = graph.start(MeanNode, max_image_age=30.0)
    latents = graph.listen(LatentMessage, "latent")
    with Repeater(lambda: show(graph, noise_image())):
        wait_for(lambda: latents, "a latent")
    dropped = node.channel("front/image_raw").dropped
    with Repeater(lambda: show(graph, noise_image(), age=0.5), 0.005):
        wait_for(lambda: node.channel("front/image_raw").dropped > dropped, "a drop")
    assert "not newer" in node.channel("front/image_raw").last_reason
    count = len(latents)
    with Repeater(lambda: show(graph, noise_image(), age=20.0)):
        wait_for(lambda: len(latents) > count, "a latent after the clock went back")


def test_images_of_several_views_are_paired_by_their_stamps(graph):
    node = graph.start(TwoViewsNode, max_view_skew=0.01)
    latents = graph.listen(LatentMessage, "latent")
    front, wrist = np.full((32, 32, 3), 10, np.uint8), np.full((32, 32, 3), 30, np.uint8)
    wait_for(lambda: graph.probe.count_subscribers("wrist/image_raw"), "both subscriptions")
    with Repeater(lambda: (show(graph, front), show(graph, wrist, age=0.2, view="wrist"))):
        wait_for(lambda: node.channel("wrist/image_raw").count > 3, "images")
    assert latents == []
    with Repeater(lambda: (show(graph, front), show(graph, wrist, view="wrist"))):
        wait_for(lambda: latents, "a latent")
    np.testing.assert_allclose(latents[0].data, 20.0)


def encode(graph, image, **fields):
    message = image_to_message(image, 42)
    for field, value in fields.items():
        setattr(message, field, value)
    return graph.call(EncodeImage, "perception/encode_image", EncodeImage.Request(image=message))


def test_the_service_encodes_one_image_or_says_why_not(graph):
    node = graph.start(MeanNode)
    image = noise_image(1)
    answer = encode(graph, image)
    assert answer.success
    np.testing.assert_allclose(answer.latent.data, image.mean(axis=(0, 1)), rtol=1e-5)
    assert to_nanoseconds(answer.latent.header.stamp) == 42
    for wrong, words in (
        (encode(graph, image, encoding="jpeg"), "allowed: rgb8"),
        (encode(graph, noise_image(size=8)), "32x32 or larger"),
        (graph.call(EncodeImage, "perception/encode_image", EncodeImage.Request(image=Image())), "encoding"),
    ):
        assert not wrong.success and words in wrong.message
    graph.change(node, "deactivate")
    assert "not active" in encode(graph, image).message


def test_one_image_can_not_be_encoded_alone_by_an_encoder_of_two_views(graph):
    graph.start(TwoViewsNode)
    answer = encode(graph, noise_image())
    assert not answer.success and "front, wrist" in answer.message


def test_a_missing_model_is_one_line_and_the_node_stays_unconfigured(graph):
    node = graph.start(PerceptionNode, active=False, model="no_such_model")
    node.trigger_configure()
    assert node.state == "unconfigured"
    assert "no_such_model" in node.failure and "\n" not in node.failure


def test_an_unusable_device_is_one_line(graph):
    node = graph.start(PerceptionNode, active=False, device="abacus")
    node.trigger_configure()
    assert "device 'abacus' can't be used" in node.failure and "\n" not in node.failure
