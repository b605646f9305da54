# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Result files: what was measured, by which command, from which commit, on which machine.

A file is one JSON object: ``schema`` ("robot_planner results 1"), ``command``, ``date`` (UTC, ISO 8601), ``commit``
(hash or null), ``dirty`` (tracked files differed from it, or null), ``machine`` (``cpu``, ``cores``, ``memory_gib``,
``gpu`` or null, ``load_average``), ``versions`` (distribution -> version), ``seeds`` (list) and ``records``: a list of
flat objects whose values are strings, numbers, booleans or null, units in the names of the keys. A nested value becomes
keys joined by dots; a number that is not finite becomes null.
"""

import functools
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from robot_planner import __version__
from robot_planner.errors import EnvironmentSetupError
from robot_planner.resources import checkout

SCHEMA = "robot_planner results 1"
DISTRIBUTIONS = ("numpy", "torch", "mujoco", "mink", "opencv-python", "safetensors", "ros-rclpy", "rclpy")
Value = str | int | float | bool | None


def open_results(path: str | Path) -> Path:
    """Checks that a result file can be written, before a long run; makes its folder.

    An older file of that name stays as it is until ``write_results``. Raises EnvironmentSetupError.
    """
    target = Path(path).absolute()
    try:
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder; name a file")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}."):
            pass
    except OSError as error:
        raise EnvironmentSetupError(f"can't write results to {target}: {error.strerror or error}") from None
    commit_of_code()
    return target


def write_results(
    path: str | Path,
    command: str | Sequence[str],
    records: Iterable[Mapping[str, Any]],
    seeds: Iterable[int] = (),
) -> dict[str, Any]:
    """Writes records with where they come from, whole or not at all; returns what was written.

    ``command`` as typed, a string or its words. Raises EnvironmentSetupError if the file can't be written.
    """
    commit, dirty = commit_of_code()
    results: dict[str, Any] = {
        "schema": SCHEMA,
        "command": command if isinstance(command, str) else " ".join(command),
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit,
        "dirty": dirty,
        "machine": machine(),
        "versions": versions(),
        "seeds": [int(seed) for seed in seeds],
        "records": [dict(_flatten(record)) for record in records],
    }
    target = open_results(path)
    try:
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            fresh.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            fresh.replace(target)
        finally:
            fresh.unlink(missing_ok=True)
    except OSError as error:
        raise EnvironmentSetupError(f"can't write results to {target}: {error.strerror or error}") from None
    return results


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Records as a text table, a row each; numbers to four significant digits."""
    rows = [dict(_flatten(record)) for record in records]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


@functools.cache
def commit_of_code() -> tuple[str | None, bool | None]:
    """Commit of the checkout that runs, and whether tracked files differ from it; None twice if installed.

    Asked once: commits made during a long run are not what ran.
    """
    root = checkout()
    if root is None:
        return None, None

    def git(*words: str) -> str:
        call = ["git", "-C", str(root), *words]
        return subprocess.run(call, capture_output=True, text=True, check=True, timeout=20).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None


def machine() -> dict[str, Value]:
    """CPU model, usable cores, memory, GPU and the load when asked; no names of the machine or its user."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _line_of(Path("/proc/cpuinfo"), "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "gpu": _gpu(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    """Versions of Python and of what the figures depend on, as far as installed; of the system its kind alone."""
    system = f"{platform.system()} {platform.machine()}"
    found = {"python": platform.python_version(), "platform": system, "robot_planner": __version__}
    for name in DISTRIBUTIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _line_of(path: Path, key: str) -> str | None:
    """Value of the first 'key : value' line of a file of /proc; None if there is none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)


def _gpu() -> str | None:
    torch = sys.modules.get("torch")  # never imported for this alone
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    for information in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        return _line_of(information, "Model")
    return None


def _cell(value: Value) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _flatten(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    for key, item in value.items():
        name = f"{prefix}{key}"
        if hasattr(item, "tolist"):  # NumPy and torch scalars and arrays
            item = item.tolist()
        if isinstance(item, Mapping):
            yield from _flatten(item, f"{name}.")
        elif isinstance(item, (list, tuple)):
            yield from _flatten({str(index): part for index, part in enumerate(item)}, f"{name}.")
        elif isinstance(item, float) and not math.isfinite(item):
            yield name, None
        elif item is None or isinstance(item, (bool, int, float, str)):
            yield name, item
        else:
            yield name, str(item)
