"""Counts that all gateway processes share (port Counters), and the adapter in memory.

Promises: what `add` returns counts everything that was added before it, by whomever, so no two adders see the
same total. Names are forgotten after a few minutes, earlier when there are too many. Serves V4.5f.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Protocol

NAMES_MAX = 100_000
"""In memory; beyond it counting starts anew."""

Told = Callable[[str], None]


class Counters(Protocol):
    """Callers may rely on: additions are never lost but with the store itself, which only lets counts begin
    anew. Safe for any number of threads."""

    def add(self, name: str, count: int) -> int:
        """The total, this addition included; `name` is tokens of ``[a-z0-9_-]`` joined by dots.

        Raises UnavailableError, within a fifth of a second; then it may or may not have been added.
        """
        ...

    def add_soon(self, name: str, count: int) -> None:
        """Without waiting or knowing: what is lost with the line is lost."""
        ...

    def call(self, note: str) -> None:
        """Tell every process that hears, itself too; what is lost with the line is lost."""
        ...

    def hear(self, told: Told) -> None:
        """Call `told` with each note from now on, in any thread; it must not block."""
        ...


class MemoryCounters:
    """Shared by whoever holds it, in one process."""

    def __init__(self, names_max: int = NAMES_MAX) -> None:
        self._names_max = names_max
        self._totals: dict[str, int] = {}
        self._hearers: list[Told] = []
        self._lock = Lock()

    def add(self, name: str, count: int) -> int:
        with self._lock:
            if name not in self._totals and len(self._totals) >= self._names_max:
                self._totals.clear()
            total = self._totals[name] = self._totals.get(name, 0) + count
            return total

    def add_soon(self, name: str, count: int) -> None:
        self.add(name, count)

    def call(self, note: str) -> None:
        for told in tuple(self._hearers):
            told(note)

    def hear(self, told: Told) -> None:
        self._hearers.append(told)
