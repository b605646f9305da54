# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""ROS messages to and from the shared types. What comes in is checked whole: InvalidInputError says what is wrong."""

import array
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image

from robot_planner.errors import InvalidInputError
from robot_planner.policy.types import PlanInput
from robot_planner.types import FloatArray, Latent, Plan, StopReason, Subgoals
from robot_planner_interfaces.msg import Latent as LatentMessage
from robot_planner_interfaces.msg import Plan as PlanMessage
from robot_planner_interfaces.msg import Subgoals as SubgoalsMessage

CHANNELS = {"rgb8": 3, "bgr8": 3, "mono8": 1, "rgba8": 4}
"""Image encodings that are understood, and their bytes per pixel."""
LARGEST_SIDE = 8192
"""Images wider or higher than this are refused."""


def to_nanoseconds(stamp: Time) -> int:
    """A message's stamp [ns]."""
    return stamp.sec * 1_000_000_000 + stamp.nanosec


def to_stamp(nanoseconds: int) -> Time:
    """Nanoseconds as a message's stamp."""
    seconds, rest = divmod(int(nanoseconds), 1_000_000_000)
    return Time(sec=seconds, nanosec=rest)


def to_floats(values: npt.ArrayLike) -> array.array:
    """Any float array as a float32[] field: the one fast way to fill it."""
    return array.array("f", np.ascontiguousarray(values, np.float32).tobytes())


def from_floats(values: Sequence[float], shape: tuple[int, ...], what: str) -> FloatArray:
    """A float32[] field as an array of this shape; raises InvalidInputError if it doesn't fit or isn't finite."""
    data = np.frombuffer(values, np.float32) if isinstance(values, array.array) else np.asarray(values, np.float32)
    if data.size != math.prod(shape):
        raise InvalidInputError(f"{what} has {data.size} values; expected {math.prod(shape)} {shape}")
    if not np.isfinite(data).all():
        raise InvalidInputError(f"{what} holds NaN or infinity")
    return data.reshape(shape).copy()


def latent_to_message(latent: Latent, frame_id: str = "") -> LatentMessage:
    """A Latent as its message."""
    message = LatentMessage(encoder=latent.encoder, data=to_floats(latent.data))
    message.header.stamp = to_stamp(latent.stamp)
    message.header.frame_id = frame_id
    return message


def latent_from_message(message: LatentMessage, latent_dim: int = 0, encoder: str = "") -> Latent:
    """A message as a Latent; with ``latent_dim`` and ``encoder`` given they must match. Raises InvalidInputError."""
    if encoder and message.encoder != encoder:
        raise InvalidInputError(f"latent is of encoder {short(message.encoder)}; expected {short(encoder)}")
    data = from_floats(message.data, (latent_dim or len(message.data),), "latent")
    if not data.size:
        raise InvalidInputError("latent is empty")
    return Latent(data, message.encoder, to_nanoseconds(message.header.stamp))


def plan_to_message(plan: Plan, encoder: str, algorithm: str, frame_id: str = "") -> PlanMessage:
    """A Plan as its message."""
    message = PlanMessage(encoder=encoder, algorithm=algorithm, step_duration=float(plan.step_seconds))
    message.lead = float(plan.lead)
    message.header.stamp = to_stamp(plan.stamp)
    message.header.frame_id = frame_id
    message.action_dim, message.latent_dim = plan.actions.shape[1], plan.states.shape[1]
    message.actions, message.states = to_floats(plan.actions), to_floats(plan.states)
    message.cost, message.uncertainty = float(plan.cost), float(plan.uncertainty)
    message.iterations, message.planning_time = int(plan.iterations), float(plan.seconds)
    message.stop_reason = StopReason(plan.stop_reason).value
    return message


def hold_message(stamp: int, encoder: str = "", algorithm: str = "", frame_id: str = "") -> PlanMessage:
    """A plan without actions: hold where you are."""
    message = PlanMessage(encoder=encoder, algorithm=algorithm)
    message.header.stamp, message.header.frame_id = to_stamp(stamp), frame_id
    return message


def plan_from_message(message: PlanMessage, action_dim: int = 0) -> Plan:
    """A message as a Plan; one without actions gives ``actions`` of shape (0, A). Raises InvalidInputError.

    Checked: shapes, finite values, a positive step duration, a lead of zero or more; not the age, the encoder or
    the size of the actions.
    """
    if not len(message.actions):
        empty = np.zeros((0, action_dim or message.action_dim), np.float32)
        states = np.zeros((0, message.latent_dim), np.float32)
        return Plan(empty, states, 0.0, 0, 0.0, StopReason.CONVERGED, to_nanoseconds(message.header.stamp))
    if action_dim and message.action_dim != action_dim:
        raise InvalidInputError(f"plan has actions of dimension {message.action_dim}; expected {action_dim}")
    if not message.action_dim or len(message.actions) % message.action_dim:
        raise InvalidInputError(f"plan has {len(message.actions)} values for actions of {message.action_dim}")
    if not (math.isfinite(message.step_duration) and message.step_duration > 0.0):
        raise InvalidInputError(f"plan has a step duration of {message.step_duration} s; allowed: above 0")
    if not (math.isfinite(message.lead) and message.lead >= 0.0):
        raise InvalidInputError(f"plan begins {message.lead} s after its image; allowed: 0 and above")
    steps = len(message.actions) // message.action_dim
    actions = from_floats(message.actions, (steps, message.action_dim), "plan's actions")
    states = from_floats(message.states, (steps + 1, message.latent_dim), "plan's states")
    try:
        reason = StopReason(message.stop_reason)
    except ValueError:
        raise InvalidInputError(
            f"plan stopped by '{message.stop_reason}'; allowed: {', '.join(r.value for r in StopReason)}"
        ) from None
    return Plan(
        actions, states, float(message.cost), int(message.iterations), float(message.planning_time), reason,
        to_nanoseconds(message.header.stamp), float(message.step_duration), float(message.uncertainty),
        lead=float(message.lead),
    )  # fmt: skip


def plan_input_from_message(message: PlanMessage) -> PlanInput:
    """A message for the policy's controller, unchecked; one that contradicts itself gets a shape that no plan has."""
    actions = np.array(message.actions, dtype=np.float64)
    states = np.asarray(message.states, dtype=np.float64)
    dimension = message.action_dim
    if actions.size and dimension and actions.size % dimension == 0:
        steps = actions.size // dimension
        if states.size == (steps + 1) * message.latent_dim:
            actions = actions.reshape(steps, dimension)
    finite = bool(np.all(np.isfinite(states)) and np.isfinite(message.cost) and np.isfinite(message.uncertainty))
    return PlanInput(
        actions, to_nanoseconds(message.header.stamp), message.step_duration, message.encoder,
        message.header.frame_id, finite, lead=message.lead,
    )  # fmt: skip


def subgoals_to_message(
    subgoals: Subgoals, language: FloatArray, encoder: str, algorithm: str, frame_id: str = ""
) -> SubgoalsMessage:
    """Subgoals towards an instruction of this embedding (L,) as their message."""
    message = SubgoalsMessage(encoder=encoder, algorithm=algorithm, latent_dim=subgoals.latents.shape[1])
    message.header.stamp, message.header.frame_id = to_stamp(subgoals.stamp), frame_id
    message.latents, message.progress = to_floats(subgoals.latents), to_floats(subgoals.progress)
    message.language = to_floats(language)
    return message


def hold_subgoals_message(stamp: int, encoder: str = "", algorithm: str = "", frame_id: str = "") -> SubgoalsMessage:
    """Subgoals without latents: hold where you are."""
    message = SubgoalsMessage(encoder=encoder, algorithm=algorithm)
    message.header.stamp, message.header.frame_id = to_stamp(stamp), frame_id
    return message


def subgoals_from_message(
    message: SubgoalsMessage, latent_dim: int = 0, language_dim: int | None = None
) -> tuple[Subgoals, FloatArray]:
    """A message as Subgoals and the embedding (L,); none of either where it has none. Raises InvalidInputError.

    Checked: shapes, finite values, progress in (0, 1]; not the age nor the encoder.
    """
    width = latent_dim or message.latent_dim
    if len(message.latents) and (not width or message.latent_dim != width or len(message.latents) % width):
        raise InvalidInputError(
            f"subgoals have {len(message.latents)} values for latents of {message.latent_dim}; expected {width} each"
        )
    count = len(message.latents) // width if width else 0
    latents = from_floats(message.latents, (count, width), "subgoals")
    progress = from_floats(message.progress, (count,), "subgoals' progress")
    if count and not (np.all(progress > 0.0) and np.all(progress <= 1.0)):
        raise InvalidInputError("subgoals' progress lies outside (0, 1]")
    size = len(message.language) if language_dim is None or not count else language_dim
    language = from_floats(message.language, (size,), "embedding of the instruction")
    return Subgoals(latents, progress, to_nanoseconds(message.header.stamp)), language


def image_to_message(image: npt.NDArray[np.uint8], stamp: int, frame_id: str = "") -> Image:
    """An RGB image (H, W, 3) uint8 as rgb8."""
    height, width = image.shape[:2]
    message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
    message.header.stamp, message.header.frame_id = to_stamp(stamp), frame_id
    data = array.array("B")
    data.frombytes(np.ascontiguousarray(image, np.uint8).tobytes())
    message.data = data
    return message


def image_from_message(message: Image | CompressedImage) -> npt.NDArray[np.uint8]:
    """A raw (rgb8, bgr8, mono8, rgba8) or compressed (JPEG, PNG) image as RGB (H, W, 3); raises InvalidInputError."""
    if isinstance(message, CompressedImage):
        return _decompress(message)
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise InvalidInputError(f"image encoding is '{message.encoding}'; allowed: {', '.join(CHANNELS)}")
    height, width = message.height, message.width
    if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
        raise InvalidInputError(f"image is {width}x{height}; allowed: 1x1 to {LARGEST_SIDE}x{LARGEST_SIDE}")
    if message.step < width * channels or len(message.data) != message.step * height:
        raise InvalidInputError(
            f"image of {width}x{height} {message.encoding} has {len(message.data)} bytes, {message.step} a row; "
            f"expected {width * channels * height}, {width * channels} a row (more where rows are padded)"
        )
    rows = np.frombuffer(message.data, np.uint8).reshape(height, message.step)
    pixels = rows[:, : width * channels].reshape(height, width, channels)
    if message.encoding == "mono8":
        return np.repeat(pixels, 3, axis=2)
    if message.encoding == "bgr8":
        pixels = pixels[:, :, ::-1]
    return np.ascontiguousarray(pixels[:, :, :3])


def _decompress(message: CompressedImage) -> npt.NDArray[np.uint8]:
    import cv2  # only where images are compressed

    data = np.frombuffer(message.data, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise InvalidInputError(f"compressed image ('{message.format}', {data.size} bytes) can't be decoded")
    if max(image.shape[:2]) > LARGEST_SIDE:
        raise InvalidInputError(f"image is {image.shape[1]}x{image.shape[0]}; allowed: up to {LARGEST_SIDE}")
    return np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8, copy=False)


def short(digest: str) -> str:
    """A digest's beginning, for people."""
    return f"'{digest[:12]}'" if digest else "(none)"
