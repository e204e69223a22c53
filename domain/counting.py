"""Ports of a process's metrics: whoever counts is handed them, already named and bound (`infra/metrics.py`).

Promises hold for every adapter: telling never waits and never fails, from any thread.
"""

from __future__ import annotations

from typing import Protocol


class Count(Protocol):
    """It only grows."""

    def inc(self, amount: float = 1) -> None: ...


class Counts(Protocol):
    """A count for each of a few labels."""

    def of(self, *labels: str) -> Count: ...


class Dial(Protocol):
    """It shows what was set last."""

    def set(self, value: float) -> None: ...
