# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Each planner's own best settings, found by the same number of tries on the same tuning problems.

Random search: the first try is the defaults, the others draw each parameter from its list. For the closed loop, where
plans come one after the other, the first try is what was found for the open loop, and the others are about it. The
tuning problems' seeds are disjoint from those of any table. What is found stands in a file that the bench reads.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from robot_planner.errors import EnvironmentSetupError, InvalidInputError
from robot_planner.resources import resource

OBJECTIVE: dict[str, list[Any]] = {
    "terminal_weight": [100.0, 1000.0],
    "uncertainty_weight": [0.0, 0.3, 3.0],
    "smoothness_weight": [0.001, 0.1],
}
"""The objective's parameters are each planner's to choose: none is judged by its own cost."""
HESITATION = "hesitation"
"""Closed loop: time for which a planner may rest until it knows a way, in horizons; see planning/hesitation.py."""
CLOSED: dict[str, list[Any]] = {"terminal_weight": [3.0, 10.0, 30.0, 100.0], HESITATION: [0.0, 0.5]}
"""What is drawn otherwise, or in addition, for the closed loop, by every planner.

Where only the end of a plan counts, each plan may put off the arrival: the way has to count more.
"""
KEEP_RESTARTS = {"keep_restarts": True}
"""What all tries for the closed loop have, of planners with restarts."""
REDRAWN = 0.25
"""Probability that a try for the closed loop draws anew what is no parameter of the objective."""
_REFINING: dict[str, list[Any]] = {
    "restarts": [1, 2, 4, 8],
    "candidates": [32, 128],
    "initial_spread": [0.5, 1.0],
    **OBJECTIVE,
}
_SAMPLING: dict[str, list[Any]] = {"samples": [64, 128, 300], **OBJECTIVE}
_TORCHRL: dict[str, list[Any]] = {
    **_SAMPLING,
    "elites": [8, 16, 30],
    "spread": [0.5, 1.0, 2.0],
    "optim_steps": [5, 10, 20, 40],
}
SPACES: dict[str, dict[str, list[Any]]] = {
    "grasp": {
        **_REFINING,
        "candidates": [8, 32, 128],
        "paths": [0, 96, 160, 256],
        "sync_every": [1, 5, 10, 25],
        "noise": [0.03, 0.1, 0.3],
        "goal_weight": [0.0, 0.1, 0.3, 1.0],
        "action_rate": [0.03, 0.1, 0.3],
        "initial_states": ["line", "rollout"],
        "sync": [
            {"sync": "gradient", "sync_rate": 0.1},
            {"sync": "smoothed", "sync_rate": 0.3, "sync_samples": 64},
            {"sync": "cem", "sync_rate": 0.3, "sync_samples": 64},
            {"sync": "population", "sync_rate": 1.0, "sync_samples": 12, "restarts": 8, "sync_steps": 4},
            {"sync": "population", "sync_rate": 1.0, "sync_samples": 12, "restarts": 8, "sync_steps": 16},
        ],
    },
    "cem": {
        **_SAMPLING,
        "elites": [8, 16, 30],
        "initial_spread": [0.5, 1.0, 2.0],
        "correlation": [0.5, 0.8, 0.95],
        "momentum": [0.1, 0.5],
    },
    "icem": {
        **_SAMPLING,
        "elites": [8, 16, 30],
        "initial_spread": [0.5, 1.0, 2.0],
        "exponent": [1.0, 2.0, 3.0, 4.0],
        "momentum": [0.1, 0.5],
    },
    "mppi": {
        **_SAMPLING,
        "initial_spread": [0.5, 1.0, 2.0],
        "temperature": [1e-3, 1e-2, 1e-1],
        "exponent": [0.0, 1.0, 2.0, 3.0],
    },
    "gradient": {**_REFINING, "rate": [0.03, 0.1, 0.3]},
    "latco": {
        **_REFINING,
        "optimiser": ["adam", "gauss-newton"],
        "initial_states": ["line", "rollout"],
        "action_rate": [0.03, 0.1],
        "state_rate": [0.01, 0.03, 0.1],
        "multiplier": [0.1, 1.0, 10.0],
        "multiplier_rate": [0.03, 0.1],
    },
    "pytorch-mppi": {**_SAMPLING, "spread": [0.5, 1.0, 2.0], "temperature": [1e-3, 1e-2, 1e-1]},
    "stable-worldmodel": {
        **_SAMPLING,
        "solver": ["cem", "icem", "mppi", "gradient", "predictive-sampling"],
        "elites": [8, 16, 30],
        "spread": [0.5, 1.0, 2.0],
        "exponent": [1.0, 2.0, 3.0],
        "temperature": [1e-2, 1e-1, 0.5],
        "rate": [0.03, 0.1, 0.3],
    },
    "torchrl-cem": _TORCHRL,
    "torchrl-mppi": {**_TORCHRL, "temperature": [1e-3, 1e-2, 1e-1]},
}
"""What a search may choose from, by planner. Settings that make sense together alone stand as one choice."""
Score = tuple[float, ...]


def drawn(name: str, trial: int, seed: int, about: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The settings of a try; none for the first one, which has the defaults. Raises InvalidInputError.

    ``about``: what was found for the open loop, if it is the closed one that is searched for.
    """
    if name not in SPACES:
        raise InvalidInputError(f"nothing is known to search of planner '{name}'; allowed: {', '.join(sorted(SPACES))}")
    found: dict[str, Any] = dict(about or {})
    if about is not None and "restarts" in SPACES[name]:
        found |= KEEP_RESTARTS
    if trial == 0:
        return found
    rng = np.random.default_rng([seed, trial])
    space = SPACES[name] if about is None else {**SPACES[name], **CLOSED}
    for key, values in space.items():
        if about is not None and key not in {**OBJECTIVE, **CLOSED} and rng.random() >= REDRAWN:
            continue
        value = values[int(rng.integers(len(values)))]
        found |= value if isinstance(value, dict) else {key: value}
    return found


def searched(name: str) -> set[str]:
    """The parameters that a search of a planner may set."""
    choices = [(key, value) for key, values in SPACES[name].items() for value in values]
    return {own for key, value in choices for own in (value if isinstance(value, dict) else [key])}


def search(
    name: str,
    trials: int,
    seed: int,
    score: Callable[[dict[str, Any], bool], Score],
    about: Mapping[str, Any] | None = None,
    finalists: int = 1,
) -> tuple[dict[str, Any], Score, list[Score]]:
    """The settings of the highest score of so many tries, that score, and all scores; ``about``: see ``drawn``.

    ``score(settings, final)``. With more than one of the ``finalists`` the best tries are scored once more, finally,
    and that decides: of many scores on few problems the highest is often luck.
    """
    tried = [drawn(name, trial, seed, about) for trial in range(trials)]
    scores = [score(settings, False) for settings in tried]
    best = sorted(range(trials), key=lambda trial: scores[trial], reverse=True)[:finalists]
    if finalists == 1:
        return tried[best[0]], scores[best[0]], scores
    finals = {trial: score(tried[trial], True) for trial in best}
    winner = max(best, key=lambda trial: finals[trial])
    return tried[winner], finals[winner], scores


def found_settings(path: Path | None = None, shipped: str = "two_room.yaml") -> dict[str, dict[str, Any]]:
    """Settings by planner from a file that ``write_settings`` wrote; None: the shipped one of that name."""
    source = path or resource("config", shipped)
    try:
        found = yaml.safe_load(source.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise EnvironmentSetupError(f"can't read settings from {source}: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict) or not all(isinstance(value, dict) for value in found.values()):
        raise InvalidInputError(f"{source} does not hold a mapping from planners to their settings")
    return found


def write_settings(path: Path, found: Mapping[str, Mapping[str, Any]], comment: str) -> None:
    """Writes what was found; planners of an older file that were not searched keep theirs."""
    kept = found_settings(path) if path.exists() else {}
    lines = "\n".join(f"# {line}" for line in comment.splitlines())
    text = yaml.safe_dump({**kept, **{name: dict(value) for name, value in found.items()}}, sort_keys=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{lines}\n{text}", encoding="utf-8")
    except OSError as error:
        raise EnvironmentSetupError(f"can't write settings to {path}: {error.strerror or error}") from None
