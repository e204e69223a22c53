"""Hybrid logical time: wall time that never goes back and never lies behind what was read (seed S7.5).

Promises: `now` is greater than every time it gave and every time it was shown, whatever the wall clock does.
Source: Kulkarni et al., Logical Physical Clocks (2014), with the counter in the low 16 bits.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock

from domain.event import HybridTime
from domain.ports import Clock

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNTER_BITS = 16


class HybridClock:
    """One a process; threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0
        self._lock = Lock()

    def now(self) -> HybridTime:
        wall_ms = (self._clock.now() - EPOCH) // timedelta(milliseconds=1)
        with self._lock:
            self._last = max(wall_ms << COUNTER_BITS, self._last + 1)
            return HybridTime(self._last)

    def observe(self, seen: HybridTime) -> None:
        """Something recorded at `seen` was read: what we record from now on is later."""
        if seen > self._last:
            with self._lock:
                self._last = max(self._last, seen)
