# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Parameters of planners: frozen dataclasses whose fields carry a description and a range, and are checked when made.

Each field's metadata holds ``description`` and, where they apply, ``minimum``, ``maximum`` (both inclusive) and
``choices``: the keys from which a ROS node declares its parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import isfinite
from typing import Any, TypeVar

from robot_planner.errors import InvalidInputError

P = TypeVar("P", bound="Parameters")


def parameter(
    default: Any,
    description: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A dataclass field with a default, a description, and a closed range or a list of choices."""
    metadata = {"description": description, "minimum": minimum, "maximum": maximum, "choices": choices}
    return field(default=default, metadata={key: value for key, value in metadata.items() if value is not None})


@dataclass(frozen=True)
class Parameters:
    """Base of all parameter sets: every field is checked against its default's type and its metadata's range."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            object.__setattr__(self, entry.name, _checked(entry.name, getattr(self, entry.name), entry))

    @classmethod
    def from_mapping(cls: type[P], values: Mapping[str, Any]) -> P:
        """Makes the set from names and values; a name that no field carries is answered with the valid ones."""
        valid = {entry.name for entry in fields(cls)}
        unknown = sorted(set(values) - valid)
        if unknown:
            raise InvalidInputError(f"unknown parameter '{unknown[0]}'; valid: {', '.join(sorted(valid))}")
        return cls(**values)


def _checked(name: str, value: Any, entry: Any) -> Any:
    """The value in its default's type, or InvalidInputError."""
    kind = type(entry.default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise InvalidInputError(f"{name} = {value!r}: must be of type {kind.__name__}")
    choices = entry.metadata.get("choices")
    if choices is not None and value not in choices:
        raise InvalidInputError(f"{name} = '{value}': must be one of {', '.join(choices)}")
    low, high = entry.metadata.get("minimum"), entry.metadata.get("maximum")
    outside = (low is not None and value < low) or (high is not None and value > high)
    if outside or (kind is float and not isfinite(value)):
        limits = [f"at least {low:g}"] * (low is not None) + [f"at most {high:g}"] * (high is not None)
        raise InvalidInputError(f"{name} = {value}: must be {' and '.join(['finite', *limits])}")
    return value
