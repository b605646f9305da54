# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What Fast DDS leaves in /dev/shm when its process is killed: whose it was, and the removal of what nobody uses.

A participant has a segment (``fastdds_<hex>``) and ports (``fastdds_port<number>``) mapped, each with a lock file
(``_el``) and, for ports, a semaphore (``sem.<port>_mutex``). Names don't tell the owner, maps do.
"""

import contextlib
import os
import re
from collections.abc import Container, Iterable
from pathlib import Path

FOLDER = Path("/dev/shm")
PATTERN = re.compile(r"/dev/shm/(?:sem\.)?(fast(?:dds|rtps)_\w+?)(?:_el|_mutex)?(?: \(deleted\))?$")


def families_of(process: int) -> set[str]:
    """Names, such as ``fastdds_port7000``, that a process uses; empty if it is gone or another user's."""
    found = set()
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/maps").read_text().splitlines():
            found |= _family(line)
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                found |= _family(os.readlink(descriptor))
    return found


def remove_unused(families: Iterable[str], besides: Container[int] = ()) -> list[Path]:
    """Removes the files of these families that no living process uses; the files that were removed.

    The use by the processes ``besides`` doesn't count: one that has left the graph keeps the files of others mapped.
    """
    left = set(families)
    for process in Path("/proc").iterdir():
        if left and process.name.isdecimal() and int(process.name) not in besides:
            left -= families_of(int(process.name))
    removed = []
    for family in sorted(left):
        for name in (family, f"{family}_el", f"sem.{family}_mutex"):
            with contextlib.suppress(OSError):  # it has gone meanwhile, or is another user's
                (FOLDER / name).unlink()
                removed.append(FOLDER / name)
    return removed


def _family(text: str) -> set[str]:
    match = PATTERN.search(text)
    return {match[1]} if match else set()
