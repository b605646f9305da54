# Copyright 2026 The robot_planner authors.
# SPDX-License-Identifier: Apache-2.0
"""Named, replaceable parts: one table a protocol, from a name to what makes the part."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from robot_planner.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps names to factories of one kind of part; an unknown name is answered with the valid ones."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._factories: dict[str, Callable[..., T]] = {}

    def register(self, name: str) -> Callable[[Callable[..., T]], Callable[..., T]]:
        """Class or function decorator that enters a factory under ``name``."""

        def enter(factory: Callable[..., T]) -> Callable[..., T]:
            if name in self._factories:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._factories[name] = factory
            return factory

        return enter

    def factory(self, name: str) -> Callable[..., T]:
        """The factory entered under ``name``; raises UnknownNameError."""
        try:
            return self._factories[name]
        except KeyError:
            raise UnknownNameError(self.kind, name, self._factories) from None

    def make(self, name: str, *args: object, **kwargs: object) -> T:
        """Makes the part called ``name``; raises UnknownNameError."""
        return self.factory(name)(*args, **kwargs)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._factories))

    def __contains__(self, name: object) -> bool:
        return name in self._factories
