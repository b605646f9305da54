# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Subgoals and what is measured to chunks, in a thread of its own: inference must not delay the control loop.

All but the thread runs where the node's callbacks do. A chunk is made from the newest latent when subgoals arrive, and
is relative to where the tool was measured when that latent's image was taken.
"""

import contextlib
import math
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from robot_planner.errors import InvalidInputError
from robot_planner.nodes.messages import short, subgoals_from_message, to_nanoseconds
from robot_planner.nodes.worker_thread import WorkerThread
from robot_planner.policy.reasons import PlanRefusedError, Reason
from robot_planner.policy.schedule import CommandHistory
from robot_planner.policy.types import Kinematics
from robot_planner.types import FloatArray, Latent
from robot_planner_interfaces.msg import Subgoals as SubgoalsMessage

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Request:
    """What a chunk is made of."""

    number: int
    """Chunks for a number that is over are not followed."""
    latent: Latent
    pose: Vector
    """(4,) tool x, y, z [m], yaw [rad], measured at the latent's image."""
    width: float
    """Of the gripper, measured then [m]."""
    language: FloatArray
    subgoals: FloatArray
    frame: str = ""

    @property
    def proprioception(self) -> FloatArray:
        """(6,) as the policy was trained on."""
        yaw = self.pose[3]
        return np.array([*self.pose[:3], math.sin(yaw), math.cos(yaw), self.width], np.float32)


@dataclass(frozen=True)
class Answer:
    """A chunk, or why there is none."""

    request: Request
    chunk: FloatArray
    failure: str = ""


class ChunkThread(WorkerThread):
    """Makes chunks of the newest request; one that was not begun when the next came is dropped."""

    def __init__(self, act: Callable[[Request], FloatArray], deliver: Callable[[Answer], None]) -> None:
        """``deliver`` is called from the thread."""
        super().__init__("chunks")
        self._act, self._deliver = act, deliver
        self._waiting: Request | None = None
        self._begin()

    def submit(self, request: Request | None) -> None:
        """Takes the newest request; None: none is wanted any more."""
        with self._changed:
            self._waiting = request
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting is not None or self._closing)
                request, self._waiting = self._waiting, None
                if self._closing or request is None:
                    return
            try:
                answer = Answer(request, self._act(request))
            except Exception:
                answer = Answer(request, np.zeros((0, 5), np.float32), traceback.format_exc())
            self._deliver(answer)


class SubgoalFollower:
    """What is known when subgoals arrive, and the thread that makes chunks of it."""

    def __init__(
        self, lbp: Any, kinematics: Kinematics, deliver: Callable[[Answer], None], max_age: float, max_future: float
    ) -> None:
        """``max_age`` and ``max_future`` [s]: of the image behind subgoals."""
        self.lbp, self._kinematics = lbp, kinematics
        self._max_age, self._max_future = max_age, max_future
        self.number = 0
        """Of the requests whose chunks are wanted."""
        self._latent: Latent | None = None
        self._measured = CommandHistory(max(2.0, max_age))
        with contextlib.suppress(Exception):  # the first call takes many times what later ones do
            self._act(self._warm_up())
        self._thread = ChunkThread(self._act, deliver)

    def close(self) -> bool:
        """Ends the thread; False if it doesn't end."""
        return self._thread.close()

    def restart(self) -> None:
        """Forgets all that was heard."""
        self.forget()
        self._latent = None
        self._measured.clear()

    def forget(self) -> None:
        """Chunks that are under way are not wanted any more."""
        self.number += 1
        self._thread.submit(None)

    def latent(self, latent: Latent) -> None:
        """Takes the newest latent."""
        self._latent = latent

    def joint_states(self, stamp: int, joints: Vector, width: float) -> None:
        """Takes joints (n,) [rad] and the gripper's width [m] as measured at ``stamp``."""
        self._measured.record(stamp, np.append(joints, width))

    def follow(self, message: SubgoalsMessage, now: int) -> None:
        """Begins a chunk towards subgoals; raises PlanRefusedError."""
        encoder, dimensions = self.lbp.encoder, self.lbp.language.embedding_dim
        if message.encoder != encoder.digest:
            raise PlanRefusedError(
                Reason.WRONG_ENCODER, f"subgoals are of encoder {short(message.encoder)}, not {short(encoder.digest)}"
            )
        age = (now - to_nanoseconds(message.header.stamp)) * 1e-9
        if age > self._max_age:
            raise PlanRefusedError(
                Reason.STALE, f"subgoals are from an image {age:.3f} s old; allowed: up to {self._max_age} s"
            )
        if age < -self._max_future:
            raise PlanRefusedError(Reason.FUTURE, f"subgoals are from an image {-age:.3f} s ahead of the clock")
        try:
            subgoals, language = subgoals_from_message(message, encoder.plan_dim, dimensions)
        except InvalidInputError as error:
            numbers = np.concatenate([message.latents, message.progress, message.language])
            reason = Reason.WRONG_SHAPE if np.isfinite(numbers).all() else Reason.NOT_FINITE
            raise PlanRefusedError(reason, str(error)) from None
        latent = self._latent
        if latent is None:
            raise PlanRefusedError(Reason.LATENT_LOST, "no latent has come yet")
        measured = self._measured.at(latent.stamp)
        if measured is None:
            raise PlanRefusedError(Reason.UNANCHORED, "the image is older than what is known of the arm")
        pose = self._kinematics.pose(measured[:-1])
        frame = message.header.frame_id
        self._thread.submit(Request(self.number, latent, pose, float(measured[-1]), language, subgoals.latents, frame))

    def _act(self, request: Request) -> FloatArray:
        chunk: FloatArray = self.lbp.act(
            request.latent.data, request.proprioception, request.language, request.subgoals
        )
        return chunk

    def _warm_up(self) -> Request:
        encoder = self.lbp.encoder
        sizes = encoder.latent_dim, self.lbp.language.embedding_dim
        latent, language = (np.zeros(size, np.float32) for size in sizes)
        subgoals = np.zeros((1 + self.lbp.policy.config.depth, encoder.plan_dim), np.float32)
        return Request(-1, Latent(latent, ""), np.zeros(4), 0.0, language, subgoals)
