# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The errors that a user can cause; each message says what was wrong and what is allowed.

Command lines print the message alone and exit non-zero; nodes answer with a numbered error code. A traceback
is for our own mistakes only.
"""

from collections.abc import Iterable


class RobotPlannerError(Exception):
    """Root of all errors that a user, not a bug, has caused."""


class UnknownNameError(RobotPlannerError):
    """A name that no registered variant, task, model or verb carries."""

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        self.kind, self.name, self.valid = kind, name, sorted(valid)
        super().__init__(f"unknown {kind} '{name}'; valid: {', '.join(self.valid) or '(none)'}")


class InvalidInputError(RobotPlannerError):
    """A value of the wrong type, shape, range or origin."""


class ModelError(RobotPlannerError):
    """A model folder that is missing, altered, or of another version."""


class EnvironmentSetupError(RobotPlannerError):
    """Something the machine lacks: EGL, a package, space on the disk."""
