# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The perception node: camera images to latents."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CompressedImage, Image

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.interfaces import Gives, Quality, Serves, Takes
from robot_planner.nodes.messages import image_from_message, latent_to_message, to_nanoseconds
from robot_planner.nodes.parameters import ANY_TIME, parameter
from robot_planner.nodes.runner import run
from robot_planner.perception.encoder import Encoder
from robot_planner.types import FloatArray, Latent
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.srv import EncodeImage

RAW, COMPRESSED = "{view}/image_raw", "{view}/image_raw/compressed"
REWIND = 1_000_000_000
"""A stamp this much older than the one before [ns] is a clock set back, not a late image."""


@dataclass(frozen=True)
class PerceptionParameters:
    """Parameters of the perception node."""

    model: str = parameter("tabletop", "Name of a shipped model, or path of a model folder.")
    device: str = parameter("cpu", "Torch device that encodes, such as cpu or cuda:0.")
    threads: int = parameter(1, "Torch threads.", minimum=1, maximum=64)
    transport: str = parameter("raw", "Which image topics to take.", choices=("raw", "compressed"))
    max_image_age: float = parameter(
        0.5, "Images older than this are dropped.", unit="s", minimum=0.01, maximum=60.0, changes=ANY_TIME
    )
    max_view_skew: float = parameter(
        0.02,
        "Images of several cameras belong together if their stamps differ by no more.",
        unit="s",
        minimum=0.0,
        maximum=1.0,
        changes=ANY_TIME,
    )


@dataclass
class View:
    """The newest image of one camera."""

    image: npt.NDArray[np.uint8]
    stamp: int
    frame_id: str


class PerceptionNode(ManagedNode):
    """Encodes the newest camera images into latents."""

    node_name = "perception"
    parameters_class = PerceptionParameters
    interfaces = (
        Takes(RAW, Image, "Camera image: rgb8, bgr8, mono8 or rgba8; one topic for each view of the model's encoder.",
              Quality.SENSOR, "transport is raw"),
        Takes(COMPRESSED, CompressedImage, "Camera image, JPEG or PNG; one topic for each view of the model's encoder.",
              Quality.SENSOR, "transport is compressed"),
        Gives("latent", LatentMessage, "What the encoder made of the newest image; bears the stamp of that image."),
        Serves("~/encode_image", EncodeImage, "Encodes one image, such as a goal, by the rule for camera images: "
               "rgb8, bgr8, mono8 or rgba8, square, no smaller than the encoder's own; larger ones are area-averaged."),
    )  # fmt: skip

    def set_up(self) -> None:
        """Loads the encoder and subscribes to its views."""
        self.encoder = self.load_encoder(self.parameters)
        self.model_digest = self.encoder.digest
        self._views: dict[str, View] = {}
        self._last_stamp = 0
        self._latent = self.advertise("latent")
        self.serve("~/encode_image", self._encode_image)
        name = RAW if self.parameters.transport == "raw" else COMPRESSED
        for view in self.encoder.views:
            self.subscribe(name, self._receiver(view), view=view)

    def load_encoder(self, parameters: PerceptionParameters) -> Encoder:
        """The encoder of the model that the parameters name; raises ModelError."""
        from robot_planner.nodes.worlds import load_model  # torch: late, so that a wrong parameter is refused at once

        return load_model(parameters.model, parameters.device, parameters.threads).encoder

    def stop(self, reason: str) -> None:
        """Forgets the images."""
        self._views.clear()
        self._last_stamp = 0

    def tear_down(self) -> None:
        """Drops the encoder."""
        self.encoder = None  # type: ignore[assignment]

    def encode(self, images: Sequence[npt.NDArray[np.uint8]]) -> FloatArray:
        """Images (H, W, 3), one a view and of one size, to a latent (D,); raises InvalidInputError."""
        if len({image.shape for image in images}) > 1:
            sizes = ", ".join(f"{image.shape[1]}x{image.shape[0]}" for image in images)
            raise InvalidInputError(f"the views have the sizes {sizes}; allowed: one size")
        latent = np.asarray(self.encoder.encode(np.stack(images)[None])[0], np.float32)
        if not np.isfinite(latent).all():
            raise InvalidInputError("the encoder made NaN or infinity of the image")
        return latent

    def _receiver(self, view: str) -> Any:
        def receive(message: Image | CompressedImage) -> None:
            stamp = to_nanoseconds(message.header.stamp)
            last = self._views.get(view)
            age = (self.now() - stamp) * 1e-9
            if abs(age) > self.parameters.max_image_age:
                raise InvalidInputError(
                    f"image is {age:.3f} s old; allowed: up to {self.parameters.max_image_age:g} s "
                    "(are the clocks, and use_sim_time, the same everywhere?)"
                )
            if last is not None and 0 <= last.stamp - stamp < REWIND:
                raise InvalidInputError("image is not newer than the one before")
            self._views[view] = View(image_from_message(message), stamp, message.header.frame_id)
            self._publish_latent()

        return receive

    def _publish_latent(self) -> None:
        """Encodes as soon as every view has an image of the same instant."""
        views = [self._views.get(name) for name in self.encoder.views]
        present = [view for view in views if view is not None]
        stamps = [view.stamp for view in present]
        if len(present) < len(views) or max(stamps) - min(stamps) > self.parameters.max_view_skew * 1e9:
            return
        stamp = min(stamps)  # the oldest: a plan must not seem younger than what it saw
        latent = Latent(self.encode([view.image for view in present]), self.encoder.digest, stamp)
        self._latent.publish(latent_to_message(latent, present[0].frame_id))

    def _encode_image(self, request: EncodeImage.Request, response: EncodeImage.Response) -> EncodeImage.Response:
        if len(self.encoder.views) != 1:
            raise InvalidInputError(
                f"the encoder takes {len(self.encoder.views)} views ({', '.join(self.encoder.views)}) at once; "
                "one image can't be encoded alone: give the goal as a latent"
            )
        image = image_from_message(request.image)
        stamp = to_nanoseconds(request.image.header.stamp)
        latent = Latent(self.encode([image]), self.encoder.digest, stamp)
        response.latent = latent_to_message(latent, request.image.header.frame_id)
        response.success = True
        return response


def main(args: Sequence[str] | None = None) -> int:
    """Runs the node."""
    return run(PerceptionNode, args)


if __name__ == "__main__":
    sys.exit(main())
