# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Tells whoever started this process how it stands, by systemd's notification protocol (sd_notify(3))."""

import contextlib
import os
import signal
import socket

STOPPING = frozenset({signal.SIGINT, signal.SIGTERM})
"""Signals that ask a node to end; a starter may hand them down blocked, until the node can take them."""
SUPERVISED = "ROBOT_PLANNER_SUPERVISED"
"""Environment variable: the starter holds our standard input open, and its end is our end."""


def notify(*lines: str) -> None:
    """Sends lines such as ``READY=1`` or ``STATUS=...`` to ``$NOTIFY_SOCKET``; does nothing if there is none."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    address = f"\0{address[1:]}" if address.startswith("@") else address
    message = "\n".join(line.replace("\n", " ")[:2000] for line in lines).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, contextlib.suppress(OSError):
        channel.settimeout(0.2)  # a starter that has gone or hangs must not hold the node
        channel.sendto(message, address)
