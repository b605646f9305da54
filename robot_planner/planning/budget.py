# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""The time that one call of a planner has, and what fits into what is left of it."""

from collections.abc import Callable


class Budget:
    """The time until a deadline, and how long each kind of work takes as far as known."""

    def __init__(
        self,
        deadline: float | None,
        clock: Callable[[], float],
        known: dict[str, float],
        wait: Callable[[], None] | None = None,
    ) -> None:
        """``known``: durations [s] by kind; kept up to date, so that the next call begins with them.

        ``wait`` returns when work that was begun is done, where a device works on while Python goes ahead.
        """
        self._deadline, self._clock, self._known, self._wait = deadline, clock, known, wait
        for kind in known:  # what an interruption once made look slow is tried again in time
            known[kind] *= 0.8
        self._guessed: dict[str, float] = {}
        self._begun = self.started = clock()

    def fits(self, *kinds: str) -> bool:
        """Whether work of these kinds ends before the deadline; work never timed counts nothing. Begins the timing."""
        if self._deadline is None:
            return True
        self.begin()
        expected = sum(self._known.get(kind, self._guessed.get(kind, 0.0)) for kind in kinds)
        return self._begun + expected < self._deadline

    def begin(self) -> None:
        """The work to be timed begins."""
        if self._deadline is not None:
            self._begun = self._clock()

    def took(self, kind: str) -> None:
        """The work that was begun has ended; an interruption makes a kind look twice as slow at most."""
        if self._deadline is None:
            return
        if self._wait is not None:
            self._wait()
        now = self._clock()
        duration, self._begun = now - self._begun, now
        last = self._known.get(kind, duration)
        self._known[kind] = min(max(duration, 0.5 * (duration + last)), 2.0 * last)

    def assume(self, kind: str, like: str, times: float) -> None:
        """A guess at work never timed: so many times what another kind takes by now, and less from call to call.

        What a guess keeps from being done is never timed: one that is too high would keep it so for good.
        """
        if like in self._known:
            self._guessed[kind] = times * self._known[like] * self._known.setdefault(f"guess at {kind}", 1.0)

    @property
    def seconds(self) -> float:
        """Time since the call began [s]."""
        return self._clock() - self.started
