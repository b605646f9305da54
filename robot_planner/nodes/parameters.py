# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Dataclasses as ROS parameters: declared, typed, ranged, described, and refused with the reason when they are wrong.

A field of type bool, int, float, str or a tuple of one of these becomes a parameter of its name. Its metadata may hold
``description``, ``unit``, ``minimum``, ``maximum`` (both inclusive), ``choices``, ``changes`` (when it may change);
``parameter()`` writes them. What several fields must hold together, the dataclass checks in ``__post_init__``.
"""

import dataclasses
import difflib
import math
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from robot_planner.errors import InvalidInputError, RobotPlannerError

C = TypeVar("C")

ROS_TYPES = {
    bool: Parameter.Type.BOOL,
    int: Parameter.Type.INTEGER,
    float: Parameter.Type.DOUBLE,
    str: Parameter.Type.STRING,
    tuple[bool, ...]: Parameter.Type.BOOL_ARRAY,
    tuple[int, ...]: Parameter.Type.INTEGER_ARRAY,
    tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    tuple[str, ...]: Parameter.Type.STRING_ARRAY,
}
FOREIGN_PREFIXES = ("qos_overrides.",)
"""Parameters that rclpy declares by itself, later than ours."""
AT_START, UNCONFIGURED, ANY_TIME = "at start", "while unconfigured", "any time"
"""When a parameter may change."""
LARGEST = {int: 2**31 - 1, float: 1e12}
"""Stands for "no limit" where a range has only one end."""


def parameter(
    default: Any,
    description: str,
    *,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
    changes: str = UNCONFIGURED,
) -> Any:
    """A dataclass field that becomes a ROS parameter."""
    metadata = {"description": description, "unit": unit, "minimum": minimum, "maximum": maximum}
    return dataclasses.field(default=default, metadata={**metadata, "choices": tuple(choices), "changes": changes})


@dataclass(frozen=True)
class ParameterSpec:
    """One declared parameter."""

    name: str
    field: str
    type: Any
    default: Any
    description: str = ""
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    changes: str = UNCONFIGURED

    @property
    def ros_type(self) -> Parameter.Type:
        """The ROS type of its value."""
        return ROS_TYPES[self.type]

    @property
    def is_array(self) -> bool:
        """Whether the value is a list."""
        return typing.get_origin(self.type) is tuple

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        if self.choices:
            return ", ".join(self.choices)
        kind = self.ros_type.name.lower().replace("_", " ")
        kind = f"an {kind}" if kind[0] in "ai" else f"a {kind}"
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum is None and self.maximum is None:
            return f"{kind}{unit}"
        low = "" if self.minimum is None else f"{self.minimum:g}"
        high = "" if self.maximum is None else f"{self.maximum:g}"
        return f"{kind} in {low}..{high}{unit}"

    def check(self, value: Any) -> Any:
        """The value as the dataclass takes it; raises InvalidInputError that says what is allowed."""
        values = list(value) if self.is_array and not isinstance(value, str) else [value]
        for one in values:
            if not self._admits(one):
                raise InvalidInputError(f"parameter '{self.name}' is {value!r}; allowed: {self.allowed}")
        return tuple(values) if self.is_array else value

    def _admits(self, value: Any) -> bool:
        element = typing.get_args(self.type)[0] if self.is_array else self.type
        if type(value) is not element:  # an int is no float, a bool no int: so ROS has it too
            return False
        if element is float and not math.isfinite(value):
            return False
        if self.choices and value not in self.choices:
            return False
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)

    def descriptor(self) -> ParameterDescriptor:
        """What ``ros2 param describe`` shows."""
        description = f"{self.description} [{self.unit}]" if self.unit else self.description
        descriptor = ParameterDescriptor(description=description, type=self.ros_type.value)
        if self.choices:
            descriptor.additional_constraints = f"one of: {', '.join(self.choices)}"
        descriptor.read_only = self.changes == AT_START
        element = typing.get_args(self.type)[0] if self.is_array else self.type
        if element in LARGEST and (self.minimum is not None or self.maximum is not None) and not self.is_array:
            low = element(-LARGEST[element] if self.minimum is None else self.minimum)
            high = element(LARGEST[element] if self.maximum is None else self.maximum)
            if element is int:
                descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
            else:
                descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high, step=0.0)]
        return descriptor


def specify(config_class: type, prefix: str = "") -> list[ParameterSpec]:
    """The parameters that a dataclass stands for, named ``prefix.field``."""
    hints = typing.get_type_hints(config_class)
    specs = []
    for field in dataclasses.fields(config_class):
        known = {key: field.metadata[key] for key in _METADATA if field.metadata.get(key) is not None}
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if hints[field.name] not in ROS_TYPES:
            raise TypeError(f"{config_class.__name__}.{field.name}: {hints[field.name]} is no ROS parameter type")
        name = f"{prefix}.{field.name}" if prefix else field.name
        specs.append(ParameterSpec(name, field.name, hints[field.name], default, **known))
    return specs


_METADATA = ("description", "unit", "minimum", "maximum", "choices", "changes")


def declare(node: Node, config_class: type, prefix: str = "") -> list[ParameterSpec]:
    """Declares a dataclass's fields on a node; raises InvalidInputError for an override that isn't allowed."""
    specs = specify(config_class, prefix)
    for spec in specs:
        default = list(spec.default) if spec.is_array else spec.default
        try:
            node.declare_parameter(spec.name, default, spec.descriptor())
        except ParameterException:
            value = _overrides(node)[spec.name].value
            hint = f" (write {float(value)})" if type(value) is int and spec.type is float else ""
            raise InvalidInputError(f"parameter '{spec.name}' is {value!r}; allowed: {spec.allowed}{hint}") from None
        spec.check(node.get_parameter(spec.name).value)
    return specs


def read(node: Node, config_class: type[C], prefix: str = "", changes: dict[str, Any] | None = None) -> C:
    """The dataclass filled from a node's parameters, ``changes`` by name put first; raises InvalidInputError."""
    values = {}
    for spec in specify(config_class, prefix):
        value = changes[spec.name] if changes and spec.name in changes else node.get_parameter(spec.name).value
        values[spec.field] = spec.check(value)
    try:
        return config_class(**values)
    except RobotPlannerError:
        raise
    except ValueError as error:
        raise InvalidInputError(f"parameters{f' {prefix}.*' if prefix else ''}: {error}") from None


def refuse_unknown(node: Node) -> None:
    """Raises InvalidInputError if a parameter was set, by file or command line, that the node doesn't have.

    ROS drops such parameters silently; a misspelt limit must not be one.
    """
    known = {name for name in _overrides(node) if node.has_parameter(name)}
    unknown = [name for name in _overrides(node) if name not in known and not name.startswith(FOREIGN_PREFIXES)]
    if unknown:
        names = list(node.get_parameters_by_prefix(""))
        near = difflib.get_close_matches(unknown[0], names, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(sorted(names))}"
        raise InvalidInputError(f"unknown parameter '{unknown[0]}'; {hint}")


def _overrides(node: Node) -> dict[str, Parameter]:
    """What file, command line and constructor set; rclpy offers no public way to ask for it."""
    return node._parameter_overrides
