# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""What processes cost, as the kernel accounts it to each: processor time and memory; and which cores they share."""

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from robot_planner.errors import InvalidInputError

OTHERS = "others"
"""All that is no process of ours; above a few per cent the machine is not free, and the figures are not the graph's."""
TICKS = os.sysconf("SC_CLK_TCK")


class Sampler:
    """CPU time and memory of processes, second by second, and what all others take of the cores."""

    def __init__(self, processes: Mapping[str, int], period: float = 1.0) -> None:
        """``processes``: name -> its number."""
        self.processes = dict(processes)
        self.cpu: dict[str, list[float]] = defaultdict(list)
        """Per cent of one core."""
        self.memory: dict[str, list[float]] = defaultdict(list)
        """Resident [MB]."""
        self._period, self._began = period, 0.0
        self._ticks: dict[str, int] = {}

    def sample(self) -> None:
        """Call it often; takes a sample whenever a period is over."""
        now = time.monotonic()
        if not self._ticks:
            self._began, self._ticks = now, self._read()
        elif now - self._began >= self._period:
            ticks = self._read()
            used = {
                name: 100.0 * (ticks[name] - self._ticks[name]) / TICKS / (now - self._began)
                for name in ticks.keys() & self._ticks.keys()
            }
            self.cpu[OTHERS].append(max(used.pop(OTHERS) - sum(used.values()), 0.0))
            for name, share in used.items():
                self.cpu[name].append(share)
                self.memory[name].append(resident_megabytes(self.processes[name]))
            self._began, self._ticks = now, ticks

    def pause(self) -> None:
        """What happens until the next ``sample`` doesn't count."""
        self._ticks = {}

    def _read(self) -> dict[str, int]:
        ticks = {OTHERS: busy_ticks(os.sched_getaffinity(0))}
        for name, process in self.processes.items():
            with contextlib.suppress(OSError):  # it has just ended
                ticks[name] = cpu_ticks(process)
        return ticks


def busy_ticks(cores: Container[int]) -> int:
    """Time for which these cores were not idle, in clock ticks."""
    busy = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *times = line.split()
        if name.startswith("cpu") and name != "cpu" and int(name[3:]) in cores:
            user, nice, system, _, _, interrupts, softirq, steal = map(int, times[:8])
            busy += user + nice + system + interrupts + softirq + steal
    return busy


def cpu_ticks(process: int) -> int:
    """Processor time of a process and all its threads, in clock ticks; raises OSError if it has gone."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()  # its name may hold blanks
    return int(fields[11]) + int(fields[12])


def resident_megabytes(process: int) -> float:
    """Resident memory of a process; NaN if it has gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextlib.contextmanager
def cores(count: int) -> Iterator[int]:
    """Keeps this process and its children to so many cores; yields how many it has got."""
    allowed = sorted(os.sched_getaffinity(0))
    if count < 1:
        raise InvalidInputError(f"--cores is {count}; allowed: 1 and above")
    chosen = allowed[:count]
    os.sched_setaffinity(0, chosen)
    try:
        yield len(chosen)
    finally:
        os.sched_setaffinity(0, allowed)
