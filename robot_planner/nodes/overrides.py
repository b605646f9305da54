# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The option ``-p NODE.PARAMETER:=VALUE`` of the commands that start nodes."""

import argparse
from collections.abc import Sequence
from typing import Any

import yaml

from robot_planner.errors import InvalidInputError


def add_overrides(parser: argparse.ArgumentParser, example: str) -> None:
    """Adds the option; what it was given is for ``read_overrides(args.parameter)``."""
    parser.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NODE.PARAMETER:=VALUE",
        help=f"set a parameter of a node, such as {example}; may be repeated",
    )  # fmt: skip


def read_overrides(texts: Sequence[str]) -> dict[str, Any]:
    """Values by ``node.parameter``, the last of each; raises InvalidInputError."""
    return dict(_read(text) for text in texts)


def _read(text: str) -> tuple[str, Any]:
    name, found, value = text.partition(":=")
    if not found or "." not in name:
        raise InvalidInputError(f"'{text}' is no parameter; write NODE.PARAMETER:=VALUE")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise InvalidInputError(f"'{value}' of parameter {name} is no YAML value") from None
