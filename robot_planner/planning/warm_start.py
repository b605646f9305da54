# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The last plan moved on by the time that has passed since."""

import numpy as np

from robot_planner.types import FloatArray, Plan


def steps_since(plan: Plan, begins: int) -> float:
    """Time from the plan's first action to another instant [steps]."""
    if plan.step_seconds <= 0.0:
        return 0.0
    return (begins - plan.begins) * 1e-9 / plan.step_seconds


def shift_actions(actions: FloatArray, steps: float, fill: FloatArray) -> FloatArray:
    """Actions (T, ..., A) from ``steps`` (>= 0, also fractions) on, ``fill`` (A,) after their end.

    An action lasts one step at a constant rate, so the new ones are the means over the steps they cover.
    """
    whole, fraction = _split(steps, len(actions))
    padded = np.concatenate([actions[whole:], np.broadcast_to(fill, (whole + 1, *actions.shape[1:]))])
    return _blend(padded, fraction)


def shift_states(states: FloatArray, steps: float) -> FloatArray:
    """States (T+1, D) at ``steps`` later; the last one is held."""
    whole, fraction = _split(steps, len(states) - 1)
    padded = np.concatenate([states[whole:], np.repeat(states[-1:], whole + 1, axis=0)])
    return _blend(padded, fraction)


def _split(steps: float, length: int) -> tuple[int, float]:
    whole = min(int(steps), length)
    return whole, (0.0 if whole == length else steps - whole)


def _blend(padded: FloatArray, fraction: float) -> FloatArray:
    """Linear interpolation between neighbours along the first axis, one entry shorter."""
    blended: FloatArray = ((1.0 - fraction) * padded[:-1] + fraction * padded[1:]).astype(np.float32)
    return blended
