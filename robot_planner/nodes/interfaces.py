# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What a node takes, gives, serves and calls, as data: the code creates it from here, and the docs are made of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


class Quality(Enum):
    """How a topic is carried: (reliable, latched, depth)."""

    SENSOR = (False, False, 1)
    """Best effort, newest only (REP 2003): cameras."""
    NEWEST = (True, False, 1)
    """Reliable, newest only: latents, plans, commands."""
    LATCHED = (True, True, 1)
    """Reliable, the last one is kept for who comes later: states."""
    QUEUED = (True, False, 10)
    """Reliable, ten deep: what must not be skipped."""

    def profile(self) -> QoSProfile:
        """As rclpy takes it."""
        reliable, latched, depth = self.value
        return QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=depth,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )


@dataclass(frozen=True)
class Interface:
    """One topic, service or action of a node. ``name`` may hold fields such as ``{view}``."""

    name: str
    type: Any
    about: str
    quality: Quality = Quality.NEWEST
    when: str = ""
    """Condition under which it exists, in words; empty: always."""

    @property
    def ros_type(self) -> str:
        """Such as ``sensor_msgs/msg/Image``."""
        package, kind = self.type.__module__.split(".")[:2]
        return f"{package}/{kind}/{self.type.__name__}"


class Takes(Interface):
    """A topic that the node subscribes to."""


class Gives(Interface):
    """A topic that the node publishes."""


class Serves(Interface):
    """A service that the node offers."""


class Calls(Interface):
    """A service that the node uses."""


class Acts(Interface):
    """An action that the node offers."""


class Asks(Interface):
    """An action that the node uses."""
