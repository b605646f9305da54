# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Start the nodes and keep them until Ctrl-C; if one dies, all end."""

import argparse
import io
import signal
import sys
import threading
from typing import Any, TextIO

from robot_planner.nodes.graph import Graph, GraphError, ending
from robot_planner.nodes.overrides import add_overrides, read_overrides
from robot_planner.nodes.table import ARGUMENTS, NODES, SWITCH

COLOURS = {node.name: colour for node, colour in zip(NODES, (36, 35, 33, 32, 34), strict=False)}
"""ANSI colours of the nodes' names."""
WIDTH = max(len(node.name) for node in NODES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One option for each argument of the table, and parameters one by one."""
    for argument in ARGUMENTS:
        names = [f"--{argument.name.replace('_', '-')}"]
        default = f" (default: {argument.default})" if argument.default else ""
        if argument.choices == SWITCH:
            parser.add_argument(
                *names, action=argparse.BooleanOptionalAction, default=argument.default == "true", help=argument.about
            )
        else:
            parser.add_argument(
                *names,
                default=argument.default,
                choices=argument.choices or None,
                metavar=None if argument.choices else argument.name.upper(),
                help=argument.about + default,
            )
    add_overrides(parser, "planner.tolerance:=0.03")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="time to become active")


def run(args: argparse.Namespace) -> int:
    """The exit status: 0 after Ctrl-C or SIGTERM, 1 if a node died or failed; raises RobotPlannerError."""
    values = {argument.name: _text(getattr(args, argument.name)) for argument in ARGUMENTS}
    overrides = read_overrides(args.parameter)
    printer = Printer(sys.stdout)
    asked: list[int] = []
    wake = threading.Event()

    def on_signal(number: int, frame: object) -> None:
        asked.append(number)
        wake.set()

    former = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Graph(values, overrides, on_line=printer.line) as graph:
            status = _watch(graph, args, printer, asked, wake)
            statuses = graph.stop(asked[0] if asked else signal.SIGINT)
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    for name, code in statuses.items():
        if code and status == 0:
            printer.say(f"'{name}' {ending(code)} while it was stopped")
            status = 1
    return status


def _watch(graph: Graph, args: argparse.Namespace, printer: "Printer", asked: list[int], wake: threading.Event) -> int:
    """Until a signal comes (0) or a node is lost (1)."""
    announced = not args.autostart
    deadline = args.timeout
    try:
        while not asked:
            graph.check()
            if not announced:
                waiting = [child for child in graph.children.values() if not child.active]
                announced = not waiting
                if announced:
                    printer.say(f"active: {', '.join(graph.children)}; Ctrl-C ends them")
                elif deadline <= 0.0:
                    graph.wait_active(0.0)
            wake.wait(0.1)
            deadline -= 0.1
    except GraphError as error:
        printer.say(f"{error}; ending all")
        return 1
    return 0


class Printer:
    """Lines of several nodes on one stream, each with its node's name before it; coloured on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._coloured = stream, stream.isatty()
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        """Prints a node's line."""
        label = f"{name:{WIDTH}} |"
        if self._coloured:
            label = f"\x1b[{COLOURS.get(name, 37)}m{label}\x1b[0m"
        self._write(f"{label} {text}")

    def say(self, text: str) -> None:
        """Prints a line of our own."""
        self._write(f"{'up':{WIDTH}} | {text}")

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._stream.write(text + "\n")
                self._stream.flush()
            except (BrokenPipeError, ValueError):  # the reader has gone; the nodes go on
                self._stream = io.StringIO()


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
