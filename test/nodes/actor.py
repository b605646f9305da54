# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""A node to run in a process of its own: ``python -m actor``; it misbehaves as its parameter says."""

import os
import signal
import sys
import time
from dataclasses import dataclass

from robot_planner.errors import ModelError
from robot_planner.nodes.base import ManagedNode
from robot_planner.nodes.interfaces import Gives, Quality
from robot_planner.nodes.parameters import parameter
from robot_planner.nodes.runner import run
from robot_planner_interfaces.msg import Latent as LatentMessage


@dataclass(frozen=True)
class ActorParameters:
    fault: str = parameter("", "What to do wrong.", choices=("", "set_up", "die", "exit", "deaf", "slow_stop"))
    mark: str = parameter("", "Goes into what it publishes.")


class ActorNode(ManagedNode):
    """For tests of processes."""

    node_name = "actor"
    parameters_class = ActorParameters
    interfaces = (Gives("mark", LatentMessage, "Its mark.", Quality.LATCHED),)

    def set_up(self):
        if self.parameters.fault == "set_up":
            raise ModelError("no such model 'x'; there are: y")
        self.output = self.advertise("mark")

    def start(self):
        fault = self.parameters.fault
        if fault == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.set_wakeup_fd(-1)
        if fault in ("die", "exit"):
            self.every(0.2, lambda: os.kill(os.getpid(), signal.SIGKILL) if fault == "die" else os._exit(3), "end")
        self.output.publish(LatentMessage(encoder=self.parameters.mark))
        print("started", flush=True)

    def stop(self, reason):
        if self.parameters.fault == "slow_stop":
            time.sleep(0.5)
        self.output.publish(LatentMessage(encoder=f"stopped: {reason}"))
        print(f"stopped: {reason}", flush=True)


def main(args=None):
    return run(ActorNode, args)


if __name__ == "__main__":
    sys.exit(main())
