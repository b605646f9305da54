# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Results of task planning as plain values for JSON."""

import dataclasses
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any

from robot_planner.task_planning.plan import TaskPlan


def as_record(value: Any) -> Any:
    """Dataclasses to mappings, enums to their values, plans to their text, numbers that are not finite to None."""
    if isinstance(value, TaskPlan):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: as_record(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): as_record(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_record(item) for item in value]
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
